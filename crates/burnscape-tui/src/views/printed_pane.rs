//! What the program prints while a dashboard has its terminal, below the view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::palette::MUTED;
use crate::widgets::{areas, text};

/// Lines at most, and rows of the window for each.
const LINES: (u16, u16) = (5, 8);

/// Draws the last lines at the bottom of an area, as many as are worth its room; gives the rest.
pub(crate) fn draw(printed: &[String], area: Rect, buffer: &mut Buffer) -> Rect {
    let (most, rows) = LINES;
    let lines = u16::try_from(printed.len()).unwrap_or(u16::MAX);
    let lines = lines.min(area.height / rows).min(most);
    if lines == 0 {
        return area;
    }
    let (rest, pane) = areas::split_bottom(area, lines + 1);
    let (title, below) = areas::split_top(pane, 1);
    let rule = format!("── the program printed ─ o hides {}", "─".repeat(usize::from(title.width)));
    text::put(buffer, title, &rule, Style::new().fg(MUTED));
    let last = &printed[printed.len() - usize::from(lines)..];
    for (row, line) in (below.top()..below.bottom()).zip(last) {
        let line = text::cut_end(&text::printable(line), usize::from(below.width));
        buffer.set_line(below.x, row, &Line::raw(line), below.width);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: usize, height: u16) -> (Vec<String>, u16) {
        let area = Rect::new(0, 0, 20, height);
        let mut buffer = Buffer::empty(area);
        let printed: Vec<String> = (0..lines).map(|line| format!("line {line}")).collect();
        let rest = draw(&printed, area, &mut buffer);
        let rows = crate::frame_text::plain(&buffer);
        (rows.lines().map(|row| row.trim_end().to_owned()).collect(), rest.height)
    }

    #[test]
    fn the_last_lines_stand_at_the_bottom_and_leave_the_view_its_room() {
        let (rows, rest) = drawn(9, 24);
        assert_eq!(rows[21..], ["line 6", "line 7", "line 8"]);
        assert!(rows[20].starts_with("── the program") && rest == 20, "{rows:?}");
        assert_eq!(drawn(1, 24).1, 22);
        assert_eq!(drawn(9, 60).1, 54);
    }

    #[test]
    fn nothing_printed_and_no_room_take_nothing() {
        assert_eq!((drawn(0, 24).1, drawn(9, 6).1), (24, 6));
    }
}
