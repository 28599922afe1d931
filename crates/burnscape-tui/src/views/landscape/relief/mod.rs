//! The surface in space: a mesh without its hidden lines, the path of training on it, and its true losses.

mod behind;
mod camera;
mod floor;
mod holes;
mod mesh;
mod path;
mod pose;
mod sides;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use self::behind::face_behind;
use self::camera::{Camera, Place};
use self::floor::Floor;
use self::holes::Holes;
use self::mesh::Mesh;
use self::path::Path;
pub(super) use self::path::TRUE_LOSS_MARK;
pub(super) use self::pose::Pose;
use self::sides::Sides;
use super::axes;
use super::cursor::Cursor;
use super::picture::Picture;
use crate::numbers::short;
use crate::palette::{MUTED, ON_FACE};
use crate::still::Still;
use crate::widgets::colours::Colours;
use crate::widgets::depth_dots::DepthDots;
use crate::widgets::dots::Dots;
use crate::widgets::{areas, colour_bar, text};

/// Cells left of the surface for the numbers of the upright.
const LABELS: u16 = 8;
/// From this height on there is a line that tells what the marks are.
const LEGEND_FROM: u16 = 12;

/// Puts lines on the faces: a cell has one glyph, so what is behind it becomes one colour.
fn draw_edges(dots: &Dots, area: Rect, buffer: &mut Buffer) {
    for (column, row, glyph, colour) in dots.cells() {
        if let Some(cell) = buffer.cell_mut((area.x + column, area.y + row)) {
            let ground = face_behind(cell);
            cell.set_char(glyph).set_fg(colour).set_bg(ground);
        }
    }
}

/// What the surface is drawn from.
pub(super) struct Relief<'a> {
    pub(super) picture: &'a Picture<'a>,
    pub(super) pose: Pose,
    pub(super) cursor: Option<Cursor>,
    /// Several on one scale share a bar that stands beside them.
    pub(super) has_bar: bool,
}

impl Relief<'_> {
    /// Draws the surface, its axes, the colour bar, and above it how it stands.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let (title, rest) = areas::split_top(area, 1);
        let Some(colours) = self.picture.colours() else {
            let sentence = "Nothing finite was measured.";
            return text::put(buffer, title, sentence, Style::new().fg(MUTED));
        };
        let (rest, legend) = areas::split_bottom(rest, u16::from(area.height >= LEGEND_FROM));
        let right = if self.has_bar && area.width >= 40 { colour_bar::WIDTH + 1 } else { 0 };
        let (rest, bar) = areas::split_right(rest, right);
        axes::draw_bar_at(areas::split_left(bar, 1).1, self.picture, &colours, buffer);
        let mut notes = self.draw_surface(&colours, rest, buffer);
        notes.extend(self.heights_apart(&colours));
        text::put(buffer, title, &self.stand(&notes), Style::new().fg(MUTED));
        text::put(buffer, legend, self.legend(), Style::new().fg(MUTED));
    }

    /// The surface with the path in pixels, one for each dot of an area.
    pub(super) fn still(&self, area: Rect) -> Option<Still> {
        let colours = self.picture.colours()?;
        let heights = self.picture.heights(&colours);
        let mesh = Mesh::new(self.picture, heights);
        let grid = self.picture.surface().grid();
        let camera = Camera::new(grid, &self.pose, self.looked_at(&mesh), area)?;
        let mut canvas = DepthDots::new(area);
        mesh.draw(&camera, &colours, false, &mut canvas);
        self.sides(&camera, &heights).draw_lines(&mut canvas);
        let trajectory = self.picture.landscape.trajectory();
        let surface = self.picture.surface();
        Floor { camera: &camera, surface, colours: &colours, trajectory }.draw(&mut canvas);
        let path = trajectory.map(|it| Path {
            trajectory: it,
            mesh: &mesh,
            camera: &camera,
            canvas: &canvas,
        });
        let path = path.map(|path| path.line(area));
        let (width, height) = (canvas.dots().width(), canvas.dots().height());
        let on_path = |x, y| path.as_ref().is_some_and(|path| path.at(x, y).is_some());
        let pixel = |x, y| if on_path(x, y) { ON_FACE } else { canvas.colour_at(x, y) };
        let rows = 0..height;
        let pixels = rows.flat_map(|y| (0..width).map(move |x| (x, y)));
        Some(Still { width, pixels: pixels.map(|(x, y)| pixel(x, y)).collect() })
    }

    /// Draws what stands on the floor, and tells what of it cannot be seen.
    fn draw_surface(&self, colours: &Colours, area: Rect, buffer: &mut Buffer) -> Vec<String> {
        let grid = self.picture.surface().grid();
        let heights = self.picture.heights(colours);
        let mesh = Mesh::new(self.picture, heights);
        let place = areas::split_bottom(areas::split_left(area, LABELS).1, 1).0;
        let Some(camera) = Camera::new(grid, &self.pose, self.looked_at(&mesh), place) else {
            return Vec::new();
        };
        let mut canvas = DepthDots::new(place);
        let moves = self.pose.is_rotating();
        mesh.draw(&camera, colours, moves, &mut canvas);
        let sides = self.sides(&camera, &heights);
        sides.draw_lines(&mut canvas);
        if !moves {
            let surface = self.picture.surface();
            let trajectory = self.picture.landscape.trajectory();
            Floor { camera: &camera, surface, colours, trajectory }.draw(&mut canvas);
        }
        canvas.draw_faces(place, moves, buffer);
        draw_edges(canvas.dots(), place, buffer);
        let holes = Holes { picture: self.picture, mesh: &mesh, camera: &camera };
        holes.draw_unmeasured(&canvas, place, buffer);
        holes.mark_non_finite(&canvas, place, buffer);
        let path = self.picture.landscape.trajectory();
        let path =
            path.map(|it| Path { trajectory: it, mesh: &mesh, camera: &camera, canvas: &canvas });
        path.iter().for_each(|path| path.draw(place, buffer));
        self.mark_cursor(&mesh, &camera, &canvas, place, buffer);
        sides.draw_words(place, area, buffer);
        self.notes(&mesh, path.as_ref())
    }

    fn sides<'a>(
        &self,
        camera: &'a Camera,
        heights: &'a crate::widgets::scale::Scale,
    ) -> Sides<'a> {
        let grid = self.picture.surface().grid();
        let slice = self.picture.landscape.slice();
        let name = |symbol: &str, label: &str| {
            text::cut_end(&text::printable(&format!("{symbol} {label}")), 20)
        };
        let beta = slice.y.as_ref().map_or("", |axis| axis.label.as_str());
        let ends = |axis: &burnscape_landscape::grid::Axis| (axis.min(), axis.max());
        Sides {
            camera,
            ends: [ends(grid.x()), grid.y().map_or((0.0, 0.0), ends)],
            names: [name("α", &slice.x.label), name("β", beta)],
            heights,
            quantity: text::cut_end(&self.picture.name(), usize::from(LABELS)),
        }
    }

    /// The node at the cursor, on the surface.
    fn looked_at(&self, mesh: &Mesh<'_>) -> Option<Place> {
        let cursor = self.cursor?;
        let grid = self.picture.surface().grid();
        let node =
            grid.node(cursor.column.min(grid.columns() - 1), cursor.row.min(grid.rows() - 1));
        let (alpha, beta) = grid.coordinates(node);
        Some(Place { alpha, beta, height: mesh.height_at(node).unwrap_or(0.0) })
    }

    /// The cursor is seen through the surface: it is what the reader looks for.
    fn mark_cursor(
        &self,
        mesh: &Mesh<'_>,
        camera: &Camera,
        canvas: &DepthDots,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        if let Some(place) = self.looked_at(mesh) {
            let style = Style::new().fg(Color::Reset).add_modifier(Modifier::REVERSED);
            path::mark(canvas, &camera.project(&place), "┼", style, area, buffer);
        }
    }

    /// How the surface stands, in numbers.
    fn stand(&self, notes: &[String]) -> String {
        let pose = &self.pose;
        let mut parts = vec![
            format!("turn {}°", pose.turn()),
            format!("tilt {}°", pose.tilt()),
            format!("height ×{}", pose.height()),
            format!("zoom ×{}", short(pose.zoom())),
        ];
        if pose.is_rotating() {
            parts.push("rotating".to_owned());
        }
        parts.extend(notes.iter().cloned());
        parts.join("  ")
    }

    /// What the heights are where the colours are something else.
    fn heights_apart(&self, colours: &Colours) -> Option<String> {
        let kind = if self.picture.heights(colours).log { "log" } else { "linear" };
        matches!(colours, Colours::Ranks(_)).then(|| format!("heights {kind}"))
    }

    fn notes(&self, mesh: &Mesh<'_>, path: Option<&Path<'_>>) -> Vec<String> {
        let (x, y) = mesh.stride;
        let is_coarse = (x, y) != (1, 1);
        let coarse = is_coarse.then(|| format!("mesh of every {x}×{y} nodes"));
        let hidden = path.map(Path::hidden_ends).filter(|ends| !ends.is_empty());
        coarse.into_iter().chain(hidden.map(|ends| format!("{ends} behind"))).collect()
    }

    fn legend(&self) -> &'static str {
        match self.picture.landscape.trajectory() {
            None => "",
            Some(_) if self.picture.quantity.number > 0 => "○─● path on the surface",
            Some(_) => {
                "○─● path and its shadow   ◇ true loss of a snapshot, stem: what the plane misses"
            }
        }
    }
}
