//! What a view says where it does not fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text;
use crate::palette::MUTED;

/// Draws the sentence in the middle of the area, as much of it as fits.
pub fn draw(area: Rect, buffer: &mut Buffer, what: &str, needed: (u16, u16)) {
    let (width, height) = needed;
    let sentence = format!("{what}: needs {width}×{height}, has {}×{}", area.width, area.height);
    let lines = text::wrapped(&sentence, usize::from(area.width));
    let skipped = area.height.saturating_sub(lines.len() as u16) / 2;
    for (row, line) in (area.y + skipped..area.bottom()).zip(&lines) {
        let row = Rect { y: row, height: 1, ..area };
        text::put(buffer, row, line, Style::new().fg(MUTED));
    }
}

/// Whether an area is at least as large as `needed`; says so in the area if not.
pub fn fits(area: Rect, buffer: &mut Buffer, what: &str, needed: (u16, u16)) -> bool {
    let fits = area.width >= needed.0 && area.height >= needed.1;
    if !fits {
        draw(area, buffer, what, needed);
    }
    fits
}
