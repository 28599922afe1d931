//! What lies on the map of a plane: lines of equal loss, and the trajectory.

use std::ops::Range;

use burnscape_landscape::isoline::isolines;
use burnscape_landscape::surface::Surface;
use burnscape_landscape::topology::MergeTree;
use burnscape_trace::{ComparedRun, Trajectory};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};

use super::labels::Labels;
use super::viewport::Viewport;
use crate::numbers::short;
use crate::palette::{LEVELS, faint_ink, ink, scale, scale_level};
use crate::widgets::colours::{Colours, ValueAt};
use crate::widgets::dots::Dots;
use crate::widgets::{half_blocks, text};

/// Lines of equal loss that are drawn and named: edges of bands of colour, which are lines of equal loss all of them.
pub(super) const CONTOURS: [usize; 3] = [LEVELS / 4, LEVELS / 2, LEVELS * 3 / 4];

/// Cells of a name at the end of a path, at most.
const LONGEST_NAME: u16 = 20;

/// Lines of equal loss, at equal distances on the scale of colours, with their losses.
pub(super) fn draw_contours(
    surface: &Surface,
    colours: &Colours,
    path: Option<&Trajectory>,
    view: &Viewport,
    buffer: &mut Buffer,
) {
    let mut dots = Dots::new(view.area);
    let mut labels = Labels::beside(path, view);
    for level in CONTOURS {
        let loss = colours.value_at(level as f64 / LEVELS as f64);
        let lines = isolines(surface, loss);
        for line in &lines {
            draw_polyline(&mut dots, view, line.points.iter().copied(), line.closed);
        }
        labels.name(&lines, &short(loss));
    }
    overlay(&dots, view.area, buffer, faint_ink, Modifier::empty());
    for (text, place) in &labels.placed {
        draw_label(text, *place, buffer);
    }
}

/// All letters in what is read in the middle, where the line is.
fn draw_label(text: &str, place: Rect, buffer: &mut Buffer) {
    let middle = (place.x + place.width / 2, place.y);
    let ground = buffer.cell_mut(middle).and_then(merge_halves);
    let colour = ground.map_or(Color::Reset, ink);
    for (x, letter) in (place.x..place.right()).zip(text.chars()) {
        if let Some(cell) = buffer.cell_mut((x, place.y)) {
            merge_halves(cell);
            cell.set_char(letter).set_fg(colour);
            cell.modifier = Modifier::empty();
        }
    }
}

fn draw_polyline(
    dots: &mut Dots,
    view: &Viewport,
    points: impl Iterator<Item = (f64, f64)> + Clone,
    closed: bool,
) {
    let first = points.clone().next().filter(|_| closed);
    let mut previous: Option<(f64, f64)> = None;
    for point in points.chain(first) {
        if let Some(previous) = previous {
            dots.line(view.dot(previous), view.dot(point), Color::Reset);
        }
        previous = Some(point);
    }
}

/// Puts dots on the map. A cell shows one glyph, so its two halves become the one colour behind it.
fn overlay(
    dots: &Dots,
    area: Rect,
    buffer: &mut Buffer,
    ink_on: fn(usize) -> Color,
    modifier: Modifier,
) {
    for (column, row, glyph, _) in dots.cells() {
        let position = Position::new(area.x + column, area.y + row);
        let Some(cell) = buffer.cell_mut(position) else {
            continue;
        };
        if [half_blocks::NAN_MARK, half_blocks::INFINITY_MARK].contains(&cell.symbol()) {
            continue;
        }
        let ground = merge_halves(cell);
        cell.set_char(glyph).set_fg(ground.map_or(Color::Reset, ink_on));
        cell.modifier = modifier;
    }
}

/// Gives a cell the mean colour of its halves, and tells its level.
fn merge_halves(cell: &mut Cell) -> Option<usize> {
    let below = scale_level(cell.bg);
    let level = match (cell.symbol(), scale_level(cell.fg), below) {
        ("▀", Some(above), Some(below)) => usize::midpoint(above, below),
        _ => return below,
    };
    cell.set_bg(scale(level));
    Some(level)
}

/// The trajectory over everything, from ○ to ●, of several runs each to its number; points that are not finite leave
/// gaps.
pub(super) fn draw_trajectory(trajectory: &Trajectory, view: &Viewport, buffer: &mut Buffer) {
    let runs = trajectory.runs();
    let points = trajectory.x.iter().copied().zip(trajectory.y.iter().copied());
    let of_run = |run: &Range<usize>| points.clone().skip(run.start).take(run.len());
    let mut dots = Dots::new(view.area);
    for run in &runs {
        draw_polyline(&mut dots, view, of_run(run), false);
        // The ends have marks of their own.
        let between = run.len().saturating_sub(2);
        draw_knots(&mut dots, view, of_run(run).skip(1).take(between));
    }
    overlay(&dots, view.area, buffer, ink, Modifier::BOLD);
    for (number, run) in runs.iter().enumerate() {
        let ends =
            [(of_run(run).next(), "○"), (of_run(run).next_back(), end_mark(number, runs.len()))];
        for (point, symbol) in ends {
            if let Some(cell) = point.and_then(|point| view.cell(point)) {
                mark(cell, symbol, buffer);
            }
        }
    }
}

/// Whose path it is beside the number at the end of each, where that covers nothing; the key has all names.
pub(super) fn name_ends(
    trajectory: &Trajectory,
    compared: &[ComparedRun],
    view: &Viewport,
    buffer: &mut Buffer,
) {
    let runs = trajectory.runs();
    let last = |run: &Range<usize>| {
        let end = run.end.checked_sub(1)?;
        view.cell((*trajectory.x.get(end)?, *trajectory.y.get(end)?))
    };
    for (run, compared) in runs.iter().zip(compared).filter(|_| runs.len() > 1) {
        let name = text::printable(&compared.name);
        let width = text::width(&name) as u16;
        // Where a letter takes two cells, the key alone has the name.
        let fits = width <= LONGEST_NAME && name.chars().count() == usize::from(width);
        let Some((x, y)) = last(run).filter(|_| fits) else { continue };
        let at = |x: u16| Rect { x, y, width, height: 1 };
        let places = [x.checked_add(2).map(at), x.checked_sub(width + 1).map(at)];
        if let Some(place) = places.into_iter().flatten().find(|it| is_free(*it, view, buffer)) {
            draw_label(&name, place, buffer);
        }
    }
}

/// Nothing but the map is there.
fn is_free(place: Rect, view: &Viewport, buffer: &Buffer) -> bool {
    let is_map =
        |position| buffer.cell(position).is_some_and(|it| ["▀", " "].contains(&it.symbol()));
    place.intersection(view.area) == place && place.positions().all(is_map)
}

/// The number of every basin beside a mark on its minimum, the deepest on top.
pub(super) fn number_basins(tree: &MergeTree, view: &Viewport, buffer: &mut Buffer) {
    let basins: Vec<_> = tree.numbered().collect();
    for (number, basin, _) in basins.into_iter().rev() {
        let Some((x, y)) = view.cell((basin.minimum.alpha, basin.minimum.beta)) else { continue };
        mark((x, y), MINIMUM, buffer);
        let digits = (1..).zip(number.to_string().chars().collect::<Vec<_>>());
        for (column, digit) in digits.map(|(right, digit)| (x.saturating_add(right), digit)) {
            if column < view.area.right() {
                mark((column, y), digit.encode_utf8(&mut [0; 4]), buffer);
            }
        }
    }
}

/// Where the loss of a basin is lowest.
pub(super) const MINIMUM: &str = "▾";

/// What the end of a path is marked by: of several runs the number of each, counted from 1.
pub(super) fn end_mark(run: usize, runs: usize) -> &'static str {
    const NUMBERS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    if runs > 1 { NUMBERS.get(run).copied().unwrap_or("●") } else { "●" }
}

/// Snapshots on the way, as knots in the line.
fn draw_knots(dots: &mut Dots, view: &Viewport, points: impl Iterator<Item = (f64, f64)>) {
    for (x, y) in points.map(|point| view.dot(point)) {
        for down in [-0.5, 0.5] {
            dots.line((x - 0.5, y + down), (x + 0.5, y + down), Color::Reset);
        }
    }
}

fn mark(cell: (u16, u16), symbol: &str, buffer: &mut Buffer) {
    if let Some(cell) = buffer.cell_mut(Position::from(cell)) {
        let ground = merge_halves(cell);
        cell.set_symbol(symbol).set_fg(ground.map_or(Color::Reset, ink));
        cell.modifier = Modifier::BOLD;
    }
}
