//! What is behind a line or a mark on the surface.

use ratatui::buffer::Cell;
use ratatui::style::Color;

/// The face behind a cell: where there are two, the lower one, which is nearer.
pub(super) fn face_behind(cell: &Cell) -> Color {
    match cell.symbol() {
        "▀" if cell.bg == Color::Reset => cell.fg,
        "▄" => cell.fg,
        _ => cell.bg,
    }
}
