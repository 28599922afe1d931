//! The path of training on the surface, and above or below it the true losses of its snapshots.
//!
//! The plane shows the loss where snapshots project to; a stem leads from there to the loss that the
//! snapshot itself has.

use std::ops::Range;

use burnscape_trace::Trajectory;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use super::super::overlay::end_mark;
use super::behind::face_behind;
use super::camera::{Camera, Place};
use super::floor::stretches;
use super::mesh::Mesh;
use crate::palette::{ON_FACE, VALID, lit_level};
use crate::widgets::depth_dots::{DepthDots, DepthPoint, points_between};
use crate::widgets::dots::{self, Dots};

/// Mark of the loss that a snapshot itself has.
pub(in super::super) const TRUE_LOSS_MARK: &str = "◇";
/// Pieces of a stretch between two snapshots, so that it follows the surface.
const PIECES: u32 = 64;
/// Beyond this many snapshots the ends of stems are dots: marks would cover each other.
const MOST_MARKS: usize = 40;
/// A shorter stem says nothing.
const SHORTEST_STEM_DOTS: f64 = 1.5;

/// A path on a mesh.
pub(super) struct Path<'a> {
    pub(super) trajectory: &'a Trajectory,
    pub(super) mesh: &'a Mesh<'a>,
    pub(super) camera: &'a Camera,
    pub(super) canvas: &'a DepthDots,
}

impl Path<'_> {
    /// Draws stems, path and marks on what is already in the buffer.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let mut stems = Dots::new(area);
        let tips = self.draw_stems(&mut stems);
        put(&stems, Style::new().fg(VALID), area, buffer);
        let line = self.line(area);
        put(&line, Style::new().fg(Color::Reset).add_modifier(Modifier::BOLD), area, buffer);
        let style = Style::new().fg(VALID).add_modifier(Modifier::BOLD);
        for tip in tips {
            mark(self.canvas, &tip, TRUE_LOSS_MARK, style, area, buffer);
        }
        self.mark_ends(area, buffer);
    }

    /// The path alone, as dots of a canvas as large as that of the surface.
    pub(super) fn line(&self, area: Rect) -> Dots {
        let mut line = Dots::new(area);
        self.draw_line(&mut line);
        line
    }

    /// Which of the ends, ○ and ●, are there and hidden behind the surface.
    pub(super) fn hidden_ends(&self) -> String {
        let hidden = self.ends().into_iter().filter(|(point, _)| {
            self.canvas.place(point).is_some() && !self.canvas.is_visible(point)
        });
        hidden.map(|(_, symbol)| symbol).collect::<Vec<_>>().join(" ")
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.trajectory.x.iter().copied().zip(self.trajectory.y.iter().copied())
    }

    fn on_surface(&self, (alpha, beta): (f64, f64)) -> Option<Place> {
        let height = self.mesh.height_between(alpha, beta)?;
        Some(Place { alpha, beta, height })
    }

    fn draw_line(&self, line: &mut Dots) {
        for (from, to) in stretches(self.trajectory) {
            let mut previous: Option<DepthPoint> = None;
            for piece in 0..=PIECES {
                let share = f64::from(piece) / f64::from(PIECES);
                let at = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
                let point = self.on_surface(at).map(|place| self.camera.project(&place));
                if let Some((previous, point)) = previous.zip(point) {
                    self.draw_visible(line, previous, point, 1);
                }
                previous = point;
            }
        }
    }

    fn draw_visible(&self, line: &mut Dots, from: DepthPoint, to: DepthPoint, every: usize) {
        for point in points_between(from, to).step_by(every) {
            if let Some((x, y)) =
                self.canvas.place(&point).filter(|_| self.canvas.is_visible(&point))
            {
                line.set(x, y, Color::Reset);
            }
        }
    }

    /// Draws the stems and tells where they end, where marks find room.
    fn draw_stems(&self, stems: &mut Dots) -> Vec<DepthPoint> {
        let losses = self.points().zip(self.trajectory.loss.iter());
        let stems_of = losses.filter_map(|(at, &loss)| self.stem(at, loss));
        let tips: Vec<DepthPoint> =
            stems_of.filter_map(|(foot, tip)| self.draw_stem(stems, foot, tip)).collect();
        if tips.len() > MOST_MARKS { Vec::new() } else { tips }
    }

    /// From the surface to the true loss.
    fn stem(&self, at: (f64, f64), loss: f64) -> Option<(DepthPoint, DepthPoint)> {
        let foot = self.on_surface(at)?;
        let tip = Place { height: self.mesh.height_of(loss)?, ..foot };
        Some((self.camera.project(&foot), self.camera.project(&tip)))
    }

    /// A stem below the surface is dotted, and seen through it where its foot is seen.
    fn draw_stem(&self, stems: &mut Dots, foot: DepthPoint, tip: DepthPoint) -> Option<DepthPoint> {
        if (foot.y - tip.y).abs() < SHORTEST_STEM_DOTS {
            return None;
        }
        if tip.y < foot.y {
            self.draw_visible(stems, foot, tip, 1);
            return self.canvas.is_visible(&tip).then_some(tip);
        }
        if !self.canvas.is_visible(&foot) {
            return None;
        }
        for point in points_between(foot, tip).step_by(2) {
            if let Some((x, y)) = self.canvas.place(&point) {
                stems.set(x, y, Color::Reset);
            }
        }
        Some(tip)
    }

    fn ends(&self) -> Vec<(DepthPoint, &'static str)> {
        let runs = self.trajectory.runs();
        let point =
            |place: usize| Some(self.camera.project(&self.on_surface(self.points().nth(place)?)?));
        let of_run = |(number, run): (usize, &Range<usize>)| {
            let (first, last) = (point(run.start), point(run.end.saturating_sub(1)));
            [first.zip(Some("○")), last.zip(Some(end_mark(number, runs.len())))]
        };
        runs.iter().enumerate().flat_map(of_run).flatten().collect()
    }

    fn mark_ends(&self, area: Rect, buffer: &mut Buffer) {
        let style = Style::new().fg(Color::Reset).add_modifier(Modifier::BOLD);
        for (point, symbol) in self.ends() {
            if self.canvas.is_visible(&point) {
                mark(self.canvas, &point, symbol, style, area, buffer);
            }
        }
    }
}

/// Puts dots in place of what the mesh has in their cells, so that they stand out.
fn put(dots: &Dots, style: Style, area: Rect, buffer: &mut Buffer) {
    for (column, row, glyph, _) in dots.cells() {
        if let Some(cell) = buffer.cell_mut(Position::new(area.x + column, area.y + row)) {
            let ground = face_behind(cell);
            cell.set_char(glyph).set_style(on(ground, style)).set_bg(ground);
        }
    }
}

/// What is read on a face where the terminal's own colour would be drawn.
fn on(ground: Color, style: Style) -> Style {
    match lit_level(ground) {
        Some(_) if style.fg == Some(Color::Reset) => style.fg(ON_FACE),
        _ => style,
    }
}

/// Puts a mark at a point.
pub(super) fn mark(
    canvas: &DepthDots,
    point: &DepthPoint,
    symbol: &str,
    style: Style,
    area: Rect,
    buffer: &mut Buffer,
) {
    let Some((x, y)) = canvas.place(point) else {
        return;
    };
    let (column, row) = ((x / dots::ACROSS) as u16, (y / dots::DOWN) as u16);
    if let Some(cell) = buffer.cell_mut(Position::new(area.x + column, area.y + row)) {
        let ground = face_behind(cell);
        cell.set_symbol(symbol).set_style(on(ground, style)).set_bg(ground);
    }
}
