//! Key figures in aligned columns: names below each other, and values below each other.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::facts::Fact;
use super::{areas, text};
use crate::palette::MUTED;

/// Cells between columns at least.
const GAP: usize = 2;

/// Draws as many figures as fit whole, the first ones first, row by row.
pub fn draw(area: Rect, buffer: &mut Buffer, figures: &[Fact]) {
    let rows = usize::from(area.height).min(figures.len());
    let cells = usize::from(area.width);
    let most = figures.len().div_ceil(rows.max(1));
    let columns = (1..=most).rev().find(|&count| widths(figures, count, rows, cells).is_some());
    let Some((count, widths)) =
        columns.and_then(|it| Some((it, widths(figures, it, rows, cells)?)))
    else {
        return;
    };
    for (i, figure) in figures.iter().take(count * rows).enumerate() {
        let begin: usize =
            widths[..i % count].iter().map(|(name, value)| name + value + GAP + 1).sum();
        let name = widths[i % count].0;
        let place = areas::split_left(areas::row(area, (i / count) as u16), begin as u16).1;
        text::put(buffer, place, figure.label(), Style::new().fg(MUTED));
        let style = Style::new().fg(figure.tone().colour()).add_modifier(Modifier::BOLD);
        text::put(buffer, areas::split_left(place, name as u16 + 1).1, figure.value(), style);
    }
}

/// Cells of the names and of the values in so many columns; `None`: they do not fit. What room is left is shared.
fn widths(
    figures: &[Fact],
    count: usize,
    rows: usize,
    cells: usize,
) -> Option<Vec<(usize, usize)>> {
    let column = |column: usize| {
        let of = figures.iter().take(count * rows).skip(column).step_by(count);
        let widths = of.map(|figure| (text::width(figure.label()), text::width(figure.value())));
        widths.fold((0, 0), |a, b| (a.0.max(b.0), a.1.max(b.1)))
    };
    let widths: Vec<_> = (0..count).map(column).collect();
    let taken: usize =
        widths.iter().map(|(name, value)| name + 1 + value).sum::<usize>() + GAP * (count - 1);
    let share = cells.checked_sub(taken)? / count;
    Some(widths.into_iter().map(|(name, value)| (name, value + share.min(MOST_SHARE))).collect())
}

/// Columns that stand farther apart are no longer read as rows.
const MOST_SHARE: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let figures =
            [("loss", "0.0621"), ("valid loss", "0.0905"), ("lr", "0.001"), ("steps", "800")];
        draw(area, &mut buffer, &figures.map(|(label, value)| Fact::new(label, value)));
        crate::frame_text::plain(&buffer).lines().map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn names_and_values_are_aligned() {
        assert_eq!(drawn(31, 2), ["loss 0.0621  valid loss 0.0905", "lr   0.001   steps      800"]);
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        assert_eq!(drawn(29, 2), ["loss       0.0621", "valid loss 0.0905"]);
        assert_eq!(drawn(30, 1), ["loss 0.0621  valid loss 0.0905"]);
        assert_eq!(drawn(29, 1), ["loss 0.0621"]);
        assert_eq!(drawn(5, 1), [""]);
        assert!(drawn(40, 0).is_empty());
    }
}
