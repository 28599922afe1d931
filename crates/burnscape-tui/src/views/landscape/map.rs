//! The map of a plane: a colour for every loss, and the cursor.

use burnscape_trace::ComparedRun;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};

use super::cursor::Cursor;
use super::picture::Picture;
use super::viewport::{Viewport, Zoom, middle_node};
use super::{axes, overlay, profile};
use crate::palette::level_of_share;
use crate::widgets::colours::Colours;
use crate::widgets::half_blocks::{self, Pixel};
use crate::widgets::{areas, colour_bar};

/// How far to look for a measured node near an unmeasured one: the coarsest stride of a grid.
const PREVIEW_REACH: usize = 24;

/// What a map is drawn from.
pub(super) struct Map<'a> {
    pub(super) picture: &'a Picture<'a>,
    pub(super) zoom: Zoom,
    pub(super) cursor: Option<Cursor>,
    /// Whose the paths are, where there are several.
    pub(super) compared: &'a [ComparedRun],
    /// Several on one scale share a bar that stands beside them.
    pub(super) has_bar: bool,
}

impl Map<'_> {
    /// Draws map, axes and colour bar, and tells which part of the plane lies where.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<Viewport> {
        let (area, profiles) = areas::split_bottom(area, profile::rows(area, self.cursor));
        let viewport = self.viewport(area)?;
        let colours = self.colours(&viewport);
        self.draw_losses(&viewport, colours.as_ref(), buffer);
        if let Some(colours) = &colours {
            let path = self.picture.landscape.trajectory();
            overlay::draw_contours(self.picture.surface(), colours, path, &viewport, buffer);
            if self.has_bar {
                axes::draw_bar(&viewport, self.picture, colours, area, buffer);
            }
        }
        if let Some(trajectory) = self.picture.landscape.trajectory() {
            overlay::draw_trajectory(trajectory, &viewport, buffer);
        }
        if let Some(tree) = self.picture.basins() {
            overlay::number_basins(tree, &viewport, buffer);
        }
        if let Some(trajectory) = self.picture.landscape.trajectory() {
            overlay::name_ends(trajectory, self.compared, &viewport, buffer);
        }
        if let (Some(colours), Some(cursor)) = (&colours, self.cursor) {
            profile::draw(self.picture.surface(), cursor, &viewport, colours, profiles, buffer);
        }
        self.draw_cursor(&viewport, buffer);
        let slice = self.picture.landscape.slice();
        let beta = slice.y.as_ref().map_or("", |axis| axis.label.as_str());
        axes::draw(&viewport, [&slice.x.label, beta], area, buffer);
        Some(viewport)
    }

    /// The area of the map: what numbers at the left, the bar at the right and the numbers below
    /// leave.
    fn viewport(&self, area: Rect) -> Option<Viewport> {
        let grid = self.picture.surface().grid();
        let right = match self.has_bar {
            true if area.width >= 40 => colour_bar::WIDTH + 1,
            true => 0,
            // A gap to the next picture.
            false => 1,
        };
        let inner = axes::inner(areas::split_right(area, right).0);
        let around = self
            .cursor
            .map_or((0.0, 0.0), |cursor| grid.coordinates(grid.node(cursor.column, cursor.row)));
        Viewport::new(grid, self.zoom, around, inner)
    }

    /// The colours of what is in sight: zoomed to the minimum, all of them tell its surroundings apart.
    fn colours(&self, view: &Viewport) -> Option<Colours> {
        match self.zoom == Zoom::default() {
            true => self.picture.colours(),
            false => self.picture.colours_within(view.x.nodes_in_sight(), view.y.nodes_in_sight()),
        }
    }

    fn draw_losses(&self, view: &Viewport, colours: Option<&Colours>, buffer: &mut Buffer) {
        half_blocks::draw(view.area, buffer, |column, half| {
            self.pixel(view, colours, column, half)
        });
    }

    /// One half cell: what is not finite outdoes every number behind it.
    fn pixel(&self, view: &Viewport, colours: Option<&Colours>, column: u16, half: u16) -> Pixel {
        let (columns, rows) = view.nodes(column, half);
        let nearest = middle_node(&columns, &rows);
        let losses = rows.flat_map(|row| columns.clone().map(move |column| (column, row)));
        let losses = losses.filter_map(|(column, row)| self.loss(column, row));
        let worst =
            losses.filter(|loss| !loss.is_finite()).reduce(|a, b| if a.is_nan() { a } else { b });
        match worst.or_else(|| self.loss(nearest.0, nearest.1)) {
            Some(loss) if loss.is_nan() => Pixel::Nan,
            Some(loss) if loss.is_infinite() => Pixel::Infinite,
            Some(loss) => {
                match level(self.between_nodes(view, column, half).unwrap_or(loss), colours) {
                    Some(level) if self.is_interpolated(nearest) => Pixel::Interpolated(level),
                    level => level.map_or(Pixel::Empty, Pixel::Level),
                }
            }
            None => Pixel::Unmeasured(
                self.nearest_measured(nearest).and_then(|loss| level(loss, colours)),
            ),
        }
    }

    fn loss(&self, column: usize, row: usize) -> Option<f64> {
        let surface = self.picture.surface();
        surface.loss(surface.grid().node(column, row))
    }

    /// The loss between the four nodes around the middle of a half cell (bilinear, as isolines are drawn); `None` where
    /// one of them has none.
    fn between_nodes(&self, view: &Viewport, column: u16, half: u16) -> Option<f64> {
        let (alpha, beta) = view.middle_of(column, half);
        let (left, right, across) = view.x.nodes_around(alpha);
        let (below, above, up) = view.y.nodes_around(beta);
        let at = |column, row| self.loss(column, row).filter(|loss| loss.is_finite());
        let lower = mix(at(left, below)?, at(right, below)?, across);
        let upper = mix(at(left, above)?, at(right, above)?, across);
        Some(mix(lower, upper, up))
    }

    fn is_interpolated(&self, (column, row): (usize, usize)) -> bool {
        self.picture.is_interpolated(self.picture.surface().grid().node(column, row))
    }

    /// The finite loss nearest to an unmeasured node, counted in nodes, ring by ring.
    fn nearest_measured(&self, (column, row): (usize, usize)) -> Option<f64> {
        let grid = self.picture.surface().grid();
        (1..=PREVIEW_REACH).find_map(|reach| {
            let ring = ring(column, row, reach);
            let inside = ring.filter(|&(x, y)| x < grid.columns() && y < grid.rows());
            let mut losses = inside.filter_map(|(x, y)| self.loss(x, y));
            losses.find(|loss| loss.is_finite())
        })
    }

    fn draw_cursor(&self, view: &Viewport, buffer: &mut Buffer) {
        let Some(cursor) = self.cursor else {
            return;
        };
        let grid = self.picture.surface().grid();
        let at = grid.coordinates(grid.node(cursor.column, cursor.row));
        if let Some(cell) = view.cell(at).and_then(|cell| buffer.cell_mut(Position::from(cell))) {
            cell.set_symbol("┼").set_fg(Color::Reset).set_bg(Color::Reset);
            cell.modifier = Modifier::REVERSED;
        }
    }
}

fn mix(from: f64, to: f64, share: f64) -> f64 {
    from + share * (to - from)
}

fn level(loss: f64, colours: Option<&Colours>) -> Option<usize> {
    colours.and_then(|colours| colours.share(loss)).map(level_of_share)
}

/// The nodes at a distance of `reach` columns or rows; those left of or below the grid are wrapped
/// to huge numbers and lie outside it like those right of and above it.
fn ring(column: usize, row: usize, reach: usize) -> impl Iterator<Item = (usize, usize)> {
    let across = move |x: usize| column.wrapping_sub(reach).wrapping_add(x);
    let down = move |y: usize| row.wrapping_sub(reach).wrapping_add(y);
    let edges = (0..=2 * reach).flat_map(move |i| [(i, 0), (i, 2 * reach), (0, i), (2 * reach, i)]);
    edges.map(move |(x, y)| (across(x), down(y)))
}
