//! The slices of a run in a line, the one that is shown standing out.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::model::Landscape;
use crate::palette::MUTED;
use crate::widgets::text;

/// Cells of a name: longer ones are cut.
const NAME: usize = 24;

/// Draws the names of the slices around the one that is shown, as many as find room.
pub(super) fn draw(slices: &[&Landscape], shown: usize, row: Rect, buffer: &mut Buffer) {
    let labels: Vec<String> = slices.iter().enumerate().map(label).collect();
    let row = row.intersection(buffer.area);
    if row.is_empty() {
        return;
    }
    let around = fitting(&labels, shown, usize::from(row.width));
    let mut spans = Vec::new();
    if around.start > 0 {
        spans.push(Span::styled("…", MUTED));
    }
    for number in around.clone() {
        let selected = Style::new().add_modifier(Modifier::REVERSED);
        let style = if number == shown { selected } else { Style::new().fg(MUTED) };
        spans.push(Span::styled(labels[number].clone(), style));
    }
    if around.end < labels.len() {
        spans.push(Span::styled("…", MUTED));
    }
    buffer.set_line(row.x, row.y, &Line::from(spans), row.width);
}

fn label((index, slice): (usize, &&Landscape)) -> String {
    let name = text::cut_end(&text::printable(&slice.slice().name), NAME);
    format!(" {} {name} ", index + 1)
}

/// The labels around one of them that find room, with a cell at both ends for those that do not.
fn fitting(labels: &[String], shown: usize, cells: usize) -> std::ops::Range<usize> {
    let width = |range: std::ops::Range<usize>| -> usize {
        labels[range].iter().map(|label| text::width(label)).sum()
    };
    let (mut start, mut end) = (shown, shown + 1);
    loop {
        if end < labels.len() && width(start..end + 1) + 2 <= cells {
            end += 1;
        } else if start > 0 && width(start - 1..end) + 2 <= cells {
            start -= 1;
        } else {
            return start..end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slice_shown_is_always_among_those_that_find_room() {
        let labels: Vec<String> = (0..9).map(|i| format!(" {i} name ")).collect();
        for shown in 0..9 {
            for cells in [0, 5, 20, 40, 200] {
                let around = fitting(&labels, shown, cells);
                assert!(around.contains(&shown));
                let width = around.len() * 8;
                assert!(around.len() == 1 || width + 2 <= cells, "{around:?} in {cells}");
            }
        }
        assert_eq!(fitting(&labels, 4, 200), 0..9);
    }
}
