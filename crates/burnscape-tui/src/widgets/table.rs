//! Tables: which columns find room, which rows are seen, how the selected row looks.

use std::ops::RangeInclusive;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{areas, text};

/// A column right of the name.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What stands above it.
    pub label: &'static str,
    /// Cells, with the gap before it.
    pub width: u16,
    /// Where room is scarce, columns of lower rank are placed first.
    pub rank: u8,
    /// Words begin at the left, numbers end at the right.
    pub is_number: bool,
}

/// What stands in a cell.
pub type Cell = (String, Style);

/// Cells between columns.
const GAP: u16 = 1;

/// How the name of the selected row looks.
#[must_use]
pub fn selected_style() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

/// The first row that is seen, so that the selected one is in the middle where possible.
#[must_use]
pub fn first_visible(selected: usize, rows: usize, visible: usize) -> usize {
    selected.saturating_sub(visible / 2).min(rows.saturating_sub(visible))
}

/// Cells of the longest of some names, with the gap behind it.
#[must_use]
pub fn longest_name<'a>(names: impl Iterator<Item = &'a str>) -> u16 {
    let longest = names.map(text::width).max().unwrap_or(0);
    u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(GAP)
}

/// Where the columns of a row lie: the name takes the room that they leave.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The name.
    pub name: Rect,
    /// The columns, in the order of their definition; `None` where one finds no room.
    pub cells: Vec<Option<Rect>>,
}

impl Placed {
    /// Places as many columns as fit beside a name that needs so many cells at least. A name takes no more than
    /// the most, so that numbers do not stand far from what they belong to.
    #[must_use]
    pub fn new(row: Rect, name: RangeInclusive<u16>, columns: &[Column]) -> Self {
        let fitting = fitting(row.width.saturating_sub(*name.start()), columns);
        let numbers: u16 = fitting.iter().map(|&i| columns[i].width).sum();
        let (mut rest, _right) = areas::split_left(row, name.end().saturating_add(numbers));
        let mut cells = vec![None; columns.len()];
        for i in (0..columns.len()).rev().filter(|i| fitting.contains(i)) {
            let (left, cell) = areas::split_right(rest, columns[i].width);
            rest = left;
            cells[i] = Some(areas::split_left(cell, GAP).1);
        }
        Self { name: rest, cells }
    }

    /// Draws the name and the labels of the columns.
    pub fn draw_head(&self, name: &str, columns: &[Column], style: Style, buffer: &mut Buffer) {
        text::put(buffer, self.name, name, style);
        let labels: Vec<_> = columns.iter().map(|it| (it.label.to_owned(), style)).collect();
        self.draw_cells(&labels, columns, buffer);
    }

    /// Draws the name of a row: its end where it is too long, reversed where it is selected.
    pub fn draw_name(&self, name: &str, is_selected: bool, buffer: &mut Buffer) {
        let room = usize::from(self.name.width.saturating_sub(GAP));
        let name = text::cut_start(&text::printable(name), room);
        let style = if is_selected { selected_style() } else { Style::new() };
        text::put(buffer, self.name, &name, style);
    }

    /// Draws the cells of a row, in the order of the columns.
    pub fn draw_cells(&self, cells: &[Cell], columns: &[Column], buffer: &mut Buffer) {
        for ((area, (cell, style)), column) in self.cells.iter().zip(cells).zip(columns) {
            match area {
                Some(area) if column.is_number => text::put_right(buffer, *area, cell, *style),
                Some(area) => text::put(buffer, *area, cell, *style),
                None => {}
            }
        }
    }
}

/// Numbers of the columns that find room, those of lower rank first.
fn fitting(mut room: u16, columns: &[Column]) -> Vec<usize> {
    let mut ranked: Vec<usize> = (0..columns.len()).collect();
    ranked.sort_by_key(|&i| columns[i].rank);
    ranked.retain(|&i| {
        let left = room.checked_sub(columns[i].width);
        room = left.unwrap_or(room);
        left.is_some()
    });
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { label: "a", width: 6, rank: 0, is_number: true },
        Column { label: "b", width: 6, rank: 2, is_number: true },
        Column { label: "c", width: 5, rank: 1, is_number: false },
    ];

    fn head(width: u16) -> String {
        let row = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(row);
        let placed = Placed::new(row, 4..=7, &COLUMNS);
        placed.draw_head("name", &COLUMNS, Style::new(), &mut buffer);
        (0..width).map(|x| buffer[(x, 0)].symbol()).collect()
    }

    #[test]
    fn the_selected_row_is_seen_and_the_last_rows_leave_nothing_empty() {
        assert_eq!(first_visible(0, 300, 10), 0);
        assert_eq!(first_visible(150, 300, 10), 145);
        assert_eq!(first_visible(299, 300, 10), 290);
        assert_eq!(first_visible(2, 3, 10), 0);
    }

    #[test]
    fn columns_of_low_rank_find_room_first_and_keep_their_order() {
        assert_eq!(head(24), "name        a     b c   ");
        assert_eq!(head(18), "name        a c   ");
        assert_eq!(head(10), "name     a");
        assert_eq!(head(9), "name c   ");
        assert_eq!(head(3), "na…");
    }
}
