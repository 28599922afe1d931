//! Where a cell is in the picture, and in which colours.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;

use super::colours::{BACKGROUND, Ink, TEXT};
use crate::widgets::text;

/// Width of a cell, two dots of braille; lengths are in user units, pixels at 100 %.
pub(super) const CELL_WIDTH: u32 = 8;
/// Height of a cell, four dots of braille.
pub(super) const CELL_HEIGHT: u32 = 16;

/// A cell that is seen, with its place in cells and its colours as they are drawn.
pub(super) struct Place<'a> {
    pub(super) cell: &'a Cell,
    pub(super) column: u32,
    pub(super) row: u32,
    /// Cells that it takes: two for wide characters.
    pub(super) cells: u32,
    pub(super) ink: Ink,
    pub(super) ground: Option<Ink>,
}

impl Place<'_> {
    pub(super) fn x(&self) -> u32 {
        self.column * CELL_WIDTH
    }

    pub(super) fn y(&self) -> u32 {
        self.row * CELL_HEIGHT
    }

    pub(super) fn is_bold(&self) -> bool {
        self.cell.modifier.contains(Modifier::BOLD)
    }
}

/// All cells but those behind a wide character.
pub(super) fn placed(frame: &Buffer) -> Vec<Place<'_>> {
    let columns = usize::from(frame.area.width).max(1);
    let mut places = Vec::new();
    for (row, cells) in frame.content.chunks(columns).enumerate() {
        let mut hidden = 0;
        for (column, cell) in cells.iter().enumerate() {
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            let wide = text::width(cell.symbol()).clamp(1, columns - column);
            hidden = wide - 1;
            places.push(place(cell, column as u32, row as u32, wide as u32));
        }
    }
    places
}

fn place(cell: &Cell, column: u32, row: u32, cells: u32) -> Place<'_> {
    let (ink, ground) = (Ink::of(cell.fg), Ink::of(cell.bg));
    let (ink, ground) = match cell.modifier.contains(Modifier::REVERSED) {
        true => (ground.or(Some(BACKGROUND)), ink.or(Some(TEXT))),
        false => (ink, ground),
    };
    let dim = cell.modifier.contains(Modifier::DIM);
    let ink = ink.unwrap_or(TEXT);
    Place { cell, column, row, cells, ink: if dim { ink.dimmed() } else { ink }, ground }
}
