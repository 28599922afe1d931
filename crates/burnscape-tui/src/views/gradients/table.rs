//! Every block as it was measured last: a row per block, as many columns as fit.

use std::ops::RangeInclusive;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::model::{BlockQuantity, BlockRow, BlockStatus, Blocks, Quotient, Run};
use crate::numbers::short;
use crate::palette::{BAD, MUTED, WARNING};
use crate::widgets::areas;
use crate::widgets::table::{Cell, Column, Placed, first_visible, longest_name};

/// Cells of a number, with the gap before it.
const NUMBER: u16 = 9;
/// Cells of the status, with the gap before it.
const STATUS: u16 = 14;
/// Cells of the names, for which columns give way: a third of the width at most, no less than the place of the
/// selected block takes.
const NAME: u16 = 25;

/// What a column says of a block.
type CellOf = fn(&BlockRow<'_>) -> Cell;

/// A column, and what it says of a block.
struct BlockColumn {
    column: Column,
    cell: CellOf,
}

/// Draws the head and the blocks around the selected one.
pub(super) fn draw(run: &Run, shown: &[usize], selected: usize, area: Rect, buffer: &mut Buffer) {
    let blocks = &run.blocks;
    let table = Table::of(blocks, shown, area);
    let (head, rows) = areas::split_top(area, 1);
    table.draw_head(&place(blocks, shown, selected), head, buffer);
    let first = first_visible(selected, shown.len(), usize::from(rows.height));
    for (index, place) in (0..rows.height).zip(first..shown.len()) {
        if let Some(row) = run.block_row(shown[place]) {
            table.draw_row(&row, place == selected, areas::row(rows, index), buffer);
        }
    }
}

/// Which block is selected, and when its gradient was measured.
fn place(blocks: &Blocks, shown: &[usize], selected: usize) -> String {
    let number = selected + 1;
    format!(
        "block {number} of {} at step {}",
        shown.len(),
        blocks.series(BlockQuantity::GradNorm).steps().1
    )
}

struct Table {
    /// Cells of the names, at least and at most.
    name: RangeInclusive<u16>,
    columns: Vec<Column>,
    cells: Vec<CellOf>,
}

impl Table {
    /// The columns of what was measured.
    fn of(blocks: &Blocks, shown: &[usize], area: Rect) -> Self {
        let columns = columns(blocks);
        let longest = longest_name(shown.iter().map(|&block| blocks.path(block)));
        Self {
            name: longest.max(NAME).min(area.width / 3)..=longest.max(NAME),
            columns: columns.iter().map(|it| it.column).collect(),
            cells: columns.iter().map(|it| it.cell).collect(),
        }
    }

    fn draw_head(&self, name: &str, row: Rect, buffer: &mut Buffer) {
        let placed = Placed::new(row, self.name.clone(), &self.columns);
        placed.draw_head(name, &self.columns, Style::new().fg(MUTED), buffer);
    }

    fn draw_row(&self, row: &BlockRow<'_>, is_selected: bool, line: Rect, buffer: &mut Buffer) {
        let placed = Placed::new(line, self.name.clone(), &self.columns);
        placed.draw_name(row.path, is_selected, buffer);
        let cells: Vec<_> = self.cells.iter().map(|cell| cell(row)).collect();
        placed.draw_cells(&cells, &self.columns, buffer);
    }
}

/// The columns in their order. Where room is scarce, norms of weights and updates go first: their ratio says
/// what matters of them.
fn columns(blocks: &Blocks) -> Vec<BlockColumn> {
    let number = |label, width, rank, cell| {
        let column = Column { label, width, rank, is_number: true };
        BlockColumn { column, cell }
    };
    let status = Column { label: " status", width: STATUS, rank: 1, is_number: false };
    let measured = [
        (true, number("‖g‖", NUMBER, 0, |row| norm(row.grad_norm, row))),
        (true, number("‖θ‖", NUMBER, 4, |row| norm(row.weight_norm, row))),
        (true, number("‖Δθ‖", NUMBER, 5, |row| norm(row.update_norm, row))),
        (true, number("‖Δθ‖/‖θ‖", NUMBER + 1, 2, |row| norm(row.update_ratio, row))),
        (
            blocks.has(Quotient::SignalToNoise),
            number("S/N", NUMBER, 3, |row| plain(row.signal_to_noise)),
        ),
        (
            blocks.has(Quotient::UpdateCosine),
            number("cosine", NUMBER - 1, 3, |row| plain(row.update_cosine)),
        ),
        (true, BlockColumn { column: status, cell: status_cell }),
    ];
    measured.into_iter().filter(|(is_there, _)| *is_there).map(|(_, column)| column).collect()
}

/// NaN means none, except in a block of which it is the news.
fn norm(number: f64, row: &BlockRow<'_>) -> Cell {
    match number {
        _ if number.is_nan() && row.status != BlockStatus::Nan => plain(number),
        _ if !number.is_finite() => (short(number), Style::new().fg(BAD)),
        _ => plain(number),
    }
}

/// NaN means none, and an infinity is nothing bad: a gradient without noise.
fn plain(number: f64) -> Cell {
    if number.is_nan() {
        ("–".to_owned(), Style::new().fg(MUTED))
    } else {
        (short(number), Style::new())
    }
}

fn status_cell(row: &BlockRow<'_>) -> Cell {
    (format!(" {}", row.status.word()), status_style(row.status))
}

fn status_style(status: BlockStatus) -> Style {
    match status {
        BlockStatus::Ok | BlockStatus::Frozen => Style::new().fg(MUTED),
        BlockStatus::Nan | BlockStatus::Infinite => {
            Style::new().fg(BAD).add_modifier(Modifier::BOLD)
        }
        _ if status.is_past() => Style::new().fg(MUTED),
        _ => Style::new().fg(WARNING),
    }
}
