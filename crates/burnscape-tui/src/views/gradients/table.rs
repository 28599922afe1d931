//! The last step as a table: a row per block, as many columns as fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::selected_style;
use crate::model::{BlockRow, BlockStatus, Blocks};
use crate::numbers::short;
use crate::palette::{BAD, MUTED, WARNING};
use crate::widgets::{areas, text};

/// Cells of a number, with the gap before it.
const NUMBER: u16 = 10;
/// Cells of the status, with the gap before it.
const STATUS: u16 = 14;

/// Draws the head and the blocks around the selected one.
pub(super) fn draw(blocks: &Blocks, selected: usize, area: Rect, buffer: &mut Buffer) {
    let (head, rows) = areas::split_top(area, 1);
    draw_table_head(blocks, selected, head, buffer);
    let first = first_visible(selected, blocks.len(), usize::from(rows.height));
    for (index, block) in (0..rows.height).zip(first..blocks.len()) {
        if let Some(row) = blocks.row(block) {
            draw_table_row(&row, block == selected, areas::row(rows, index), buffer);
        }
    }
}

/// The first block of the table, so that the selected one is in its middle where possible.
fn first_visible(selected: usize, blocks: usize, rows: usize) -> usize {
    selected.saturating_sub(rows / 2).min(blocks.saturating_sub(rows))
}

/// Columns of the table that fit: numbers first, then the status.
struct TableColumns {
    name: Rect,
    numbers: Vec<Rect>,
    status: Option<Rect>,
}

impl TableColumns {
    fn of(row: Rect) -> Self {
        let name_least = 12.min(row.width);
        let room = row.width - name_least;
        let with_status = room >= NUMBER + STATUS;
        let status_width = if with_status { STATUS } else { 0 };
        let count = ((room - status_width) / NUMBER).min(4);
        let (rest, status) = areas::split_right(row, status_width);
        let (name, numbers) = areas::split_right(rest, count * NUMBER);
        let (_gap, status) = areas::split_left(status, 2);
        let number = |i: u16| Rect { x: numbers.x + i * NUMBER, width: NUMBER, ..row };
        Self {
            name,
            numbers: (0..count).map(number).collect(),
            status: with_status.then_some(status),
        }
    }
}

fn draw_table_head(blocks: &Blocks, selected: usize, row: Rect, buffer: &mut Buffer) {
    let muted = Style::new().fg(MUTED);
    let columns = TableColumns::of(row);
    let number = selected.min(blocks.len().saturating_sub(1)) + 1;
    let step = blocks.heat().steps().1;
    let place = format!("block {number} of {} at step {step}", blocks.len());
    text::put(buffer, columns.name, &place, muted);
    for (area, label) in columns.numbers.iter().zip(["‖g‖", "‖θ‖", "‖Δθ‖", "‖Δθ‖/‖θ‖"])
    {
        text::put_right(buffer, *area, label, muted);
    }
    if let Some(area) = columns.status {
        text::put(buffer, area, "status", muted);
    }
}

fn draw_table_row(row: &BlockRow<'_>, is_selected: bool, line: Rect, buffer: &mut Buffer) {
    let columns = TableColumns::of(line);
    let name = text::cut_start(row.path, usize::from(columns.name.width.saturating_sub(1)));
    let style = if is_selected { selected_style() } else { Style::new() };
    text::put(buffer, columns.name, &text::printable(&name), style);
    let numbers = [row.grad_norm, row.weight_norm, row.update_norm, row.update_ratio()];
    for (area, number) in columns.numbers.iter().zip(numbers) {
        let (number, style) = number_or_dash(number, row.status);
        text::put_right(buffer, *area, &number, style);
    }
    if let Some(area) = columns.status {
        text::put(buffer, area, row.status.word(), status_style(row.status));
    }
}

/// NaN means none, except in a block of which it is the news.
fn number_or_dash(number: f32, status: BlockStatus) -> (String, Style) {
    match number {
        _ if number.is_nan() && status != BlockStatus::Nan => {
            ("–".to_owned(), Style::new().fg(MUTED))
        }
        _ if !number.is_finite() => (short(f64::from(number)), Style::new().fg(BAD)),
        _ => (short(f64::from(number)), Style::new()),
    }
}

fn status_style(status: BlockStatus) -> Style {
    match status {
        BlockStatus::Ok | BlockStatus::Frozen => Style::new().fg(MUTED),
        BlockStatus::Nan | BlockStatus::Infinite => {
            Style::new().fg(BAD).add_modifier(Modifier::BOLD)
        }
        _ => Style::new().fg(WARNING),
    }
}
