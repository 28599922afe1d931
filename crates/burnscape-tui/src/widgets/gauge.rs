//! A progress bar in eighths of a cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::text;
use crate::palette::{GOOD, MUTED};

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Draws a share of an area's first row; a share that is not a number draws an empty bar.
pub fn draw(area: Rect, buffer: &mut Buffer, share: f64) {
    draw_in(GOOD, area, buffer, share);
}

/// The same in a colour.
pub fn draw_in(colour: Color, area: Rect, buffer: &mut Buffer, share: f64) {
    let cells = usize::from(area.width);
    let eighths = (share.clamp(0.0, 1.0) * cells as f64 * 8.0).round() as usize;
    let full = "█".repeat(eighths / 8);
    let filled = format!("{full}{}", EIGHTHS[eighths % 8]);
    text::put(buffer, area, &"─".repeat(cells), Style::new().fg(MUTED));
    text::put(buffer, area, &filled, Style::new().fg(colour));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_ten_cells_is_two_and_a_half() {
        let area = Rect::new(0, 0, 10, 1);
        let mut buffer = Buffer::empty(area);
        draw(area, &mut buffer, 0.25);
        assert_eq!((0..10).map(|x| buffer[(x, 0)].symbol()).collect::<String>(), "██▌───────");
        draw(area, &mut buffer, f64::NAN);
    }
}
