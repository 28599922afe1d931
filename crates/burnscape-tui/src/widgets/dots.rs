//! A canvas of braille dots: 2 × 4 to a cell, one colour to a cell.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;

/// Dots across a cell.
pub const ACROSS: usize = 2;
/// Dots down a cell.
pub const DOWN: usize = 4;

const BRAILLE: u32 = 0x2800;
const BITS: [[u8; ACROSS]; DOWN] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Dots waiting to be drawn; what lies outside is left out.
#[derive(Debug, Clone)]
pub struct Dots {
    columns: usize,
    rows: usize,
    cells: Vec<(u8, Color)>,
}

impl Dots {
    /// A canvas for an area.
    #[must_use]
    pub fn new(area: Rect) -> Self {
        let (columns, rows) = (usize::from(area.width), usize::from(area.height));
        Self { columns, rows, cells: vec![(0, Color::Reset); columns * rows] }
    }

    /// Dots across the canvas.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns * ACROSS
    }

    /// Dots down the canvas.
    #[must_use]
    pub fn height(&self) -> usize {
        self.rows * DOWN
    }

    /// Sets one dot, counted from the upper left; the cell takes the colour.
    pub fn set(&mut self, x: usize, y: usize, colour: Color) {
        if x < self.width() && y < self.height() {
            let cell = &mut self.cells[y / DOWN * self.columns + x / ACROSS];
            *cell = (cell.0 | BITS[y % DOWN][x % ACROSS], colour);
        }
    }

    /// Sets one dot behind what is there: a cell that has a colour keeps it.
    pub fn set_behind(&mut self, x: usize, y: usize, colour: Color) {
        if x < self.width() && y < self.height() {
            let (bits, known) = self.cells[y / DOWN * self.columns + x / ACROSS];
            self.set(x, y, if bits == 0 { colour } else { known });
        }
    }

    /// The colour of a dot that is set.
    #[must_use]
    pub fn at(&self, x: usize, y: usize) -> Option<Color> {
        let (bits, colour) = *self.cells.get(y / DOWN * self.columns + x / ACROSS)?;
        (x < self.width() && bits & BITS[y % DOWN][x % ACROSS] != 0).then_some(colour)
    }

    /// Lines on top of what lies below them, canvases of one size. Where several lines meet, the dots of all are seen
    /// and their colours take turns from cell to cell: none hides another.
    #[must_use]
    pub fn layered(below: &[Self], lines: &[Self]) -> Option<Self> {
        let first = below.first().or(lines.first())?;
        let mut all = Self { cells: vec![(0, Color::Reset); first.cells.len()], ..*first };
        for (place, cell) in all.cells.iter_mut().enumerate() {
            let inked = |layers: &[Self]| -> Vec<(u8, Color)> {
                layers.iter().map(|it| it.cells[place]).filter(|(bits, _)| *bits != 0).collect()
            };
            let (under, over) = (inked(below), inked(lines));
            let column = place % first.columns.max(1);
            let colour = match over.len() {
                0 => under.last().map(|(_, colour)| *colour),
                count => Some(over[column % count].1),
            };
            let bits = under.iter().chain(&over).fold(0, |all, (bits, _)| all | bits);
            *cell = (bits, colour.unwrap_or(Color::Reset));
        }
        Some(all)
    }

    /// A straight line between two points, in dots; ends may lie outside, non-finite ends draw
    /// nothing.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: Color) {
        let Some((from, to)) = self.clipped(from, to) else {
            return;
        };
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
        for i in 0..=steps as usize {
            let share = i as f64 / steps;
            let (x, y) = (from.0 + share * dx, from.1 + share * dy);
            self.set(x.round() as usize, y.round() as usize, colour);
        }
    }

    /// Cells that hold a dot: column, row, glyph and colour.
    pub fn cells(&self) -> impl Iterator<Item = (u16, u16, char, Color)> {
        let columns = self.columns.max(1);
        let inked = self.cells.iter().enumerate().filter(|(_, (bits, _))| *bits != 0);
        inked.map(move |(i, &(bits, colour))| {
            ((i % columns) as u16, (i / columns) as u16, glyph(bits), colour)
        })
    }

    /// Draws the dots; the background stays.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        for (column, row, glyph, colour) in self.cells() {
            let position = Position::new(area.x + column, area.y + row);
            if let Some(cell) = buffer.cell_mut(position) {
                cell.set_char(glyph).set_fg(colour);
            }
        }
    }

    /// Liang–Barsky: the part of a line inside the canvas.
    fn clipped(&self, from: (f64, f64), to: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        if !(dx.is_finite() && dy.is_finite()) || self.cells.is_empty() {
            return None;
        }
        let (right, bottom) = (self.width() as f64 - 1.0, self.height() as f64 - 1.0);
        let edges = [(-dx, from.0), (dx, right - from.0), (-dy, from.1), (dy, bottom - from.1)];
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (outward, distance) in edges {
            if outward == 0.0 && distance < 0.0 {
                return None;
            } else if outward < 0.0 {
                enter = enter.max(distance / outward);
            } else if outward > 0.0 {
                leave = leave.min(distance / outward);
            }
        }
        let at = |share: f64| (from.0 + share * dx, from.1 + share * dy);
        (enter <= leave).then(|| (at(enter), at(leave)))
    }
}

/// The dots of a braille glyph, one bit each; `None`: another glyph.
pub(crate) fn bits_of(symbol: &str) -> Option<u8> {
    let glyph = symbol.chars().next()?;
    u8::try_from((glyph as u32).checked_sub(BRAILLE)?).ok()
}

fn glyph(bits: u8) -> char {
    char::from_u32(BRAILLE + u32::from(bits)).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Color = Color::Rgb(255, 0, 0);

    #[test]
    fn a_full_diagonal_of_one_cell_pair() {
        let mut dots = Dots::new(Rect::new(0, 0, 2, 1));
        dots.line((0.0, 0.0), (3.0, 3.0), RED);
        let glyphs: String = dots.cells().map(|cell| cell.2).collect();
        assert_eq!(glyphs, "⠑⢄");
    }

    #[test]
    fn lines_that_reach_outside_are_cut_and_bad_ones_left_out() {
        let mut dots = Dots::new(Rect::new(0, 0, 3, 1));
        dots.line((-1e9, 0.0), (1e9, 0.0), RED);
        assert_eq!(dots.cells().count(), 3);
        dots.line((f64::NAN, 0.0), (1.0, 1.0), RED);
        dots.line((0.0, 50.0), (9.0, 50.0), RED);
        assert!(dots.cells().all(|cell| cell.2 == '⠉'));
    }

    #[test]
    fn lines_that_meet_are_both_seen() {
        let blue = Color::Rgb(0, 0, 255);
        let area = Rect::new(0, 0, 4, 1);
        let line = |y: f64, colour| {
            let mut dots = Dots::new(area);
            dots.line((0.0, y), (7.0, y), colour);
            dots
        };
        let all =
            Dots::layered(&[line(3.0, Color::White)], &[line(0.0, RED), line(0.0, blue)]).unwrap();
        let colours: Vec<Color> = all.cells().map(|cell| cell.3).collect();
        assert_eq!(colours, [RED, blue, RED, blue]);
        assert!(all.cells().all(|cell| cell.2 == '⣉'));
    }

    #[test]
    fn nothing_is_drawn_on_nothing() {
        let mut dots = Dots::new(Rect::new(0, 0, 0, 0));
        dots.line((0.0, 0.0), (1.0, 1.0), RED);
        assert_eq!(dots.cells().count(), 0);
    }
}
