//! Every block as it was measured last: a row per block, as many columns as fit.

use std::ops::RangeInclusive;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::model::{BlockColumn, BlockRow, BlockStatus, Blocks, Quotient, Run};
use crate::numbers::short;
use crate::palette::{BAD, MUTED, WARNING};
use crate::widgets::rows::Rows;
use crate::widgets::table::{Cell, Column, Placed, first_visible, longest_name};
use crate::widgets::{areas, text};

/// Cells of a number, with the gap before it.
const NUMBER: u16 = 9;
/// Cells of the status, with the gap before it.
const STATUS: u16 = 14;
/// Cells of the names, for which columns give way: a third of the width at most, no less than the place of the
/// selected block takes.
const NAME: u16 = 25;

/// What a column says of a block.
type CellOf = fn(&BlockRow<'_>) -> Cell;

/// A column, what it says of a block, and the step at which that was measured.
struct Measured {
    column: Column,
    cell: CellOf,
    step: Option<u64>,
}

/// Draws the head and the blocks around the selected one, and tells which stand in which rows.
pub(super) fn draw(
    run: &Run,
    shown: &[usize],
    selected: usize,
    area: Rect,
    buffer: &mut Buffer,
    seen: &Rows,
) {
    let table = Table::of(&run.blocks, shown, area);
    let place = format!("block {} of {}", selected + 1, shown.len());
    let rows = table.draw_heads(&place, area, buffer);
    let first = first_visible(selected, shown.len(), usize::from(rows.height));
    seen.set(rows, first);
    for (index, place) in (0..rows.height).zip(first..shown.len()) {
        if let Some(row) = run.block_row(shown[place]) {
            table.draw_row(&row, place == selected, areas::row(rows, index), buffer);
        }
    }
}

/// Rows of the heads of a table: one, and one for the steps where numbers are of several.
pub(super) fn head_rows(blocks: &Blocks) -> u16 {
    if common_step(&columns(blocks)).is_some() { 1 } else { 2 }
}

/// The step of all numbers; `None`: they are of several.
fn common_step(columns: &[Measured]) -> Option<u64> {
    let mut steps = columns.iter().filter_map(|it| it.step);
    let first = steps.next().unwrap_or(0);
    steps.all(|step| step == first).then_some(first)
}

struct Table {
    /// Cells of the names, at least and at most.
    name: RangeInclusive<u16>,
    columns: Vec<Column>,
    cells: Vec<CellOf>,
    steps: Vec<Option<u64>>,
    common_step: Option<u64>,
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
            steps: columns.iter().map(|it| it.step).collect(),
            common_step: common_step(&columns),
        }
    }

    /// What stands above the rows, and since when; gives the room for the rows.
    fn draw_heads(&self, place: &str, area: Rect, buffer: &mut Buffer) -> Rect {
        let muted = Style::new().fg(MUTED);
        let (head, rows) = areas::split_top(area, 1);
        let placed = Placed::new(head, self.name.clone(), &self.columns);
        if let Some(step) = self.common_step {
            placed.draw_head(&format!("{place} at step {step}"), &self.columns, muted, buffer);
            return rows;
        }
        placed.draw_head(place, &self.columns, muted, buffer);
        let (second, below) = areas::split_top(rows, 1);
        if below.height == 0 {
            return rows;
        }
        let placed = Placed::new(second, self.name.clone(), &self.columns);
        text::put(buffer, placed.name, "at step", muted);
        let words = |step: &Option<u64>| step.map_or(String::new(), |step| step.to_string());
        let steps: Vec<Cell> = self.steps.iter().map(|step| (words(step), muted)).collect();
        placed.draw_cells(&steps, &self.columns, buffer);
        below
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
fn columns(blocks: &Blocks) -> Vec<Measured> {
    let number = |label, width, rank, step, cell| {
        let column = Column { label, width, rank, is_number: true };
        Measured { column, cell, step }
    };
    let of = |column| blocks.measured_at(column);
    let quotient = |quotient| blocks.quotient_at(quotient);
    let ratio = quotient(Quotient::UpdateRatio);
    let signal = quotient(Quotient::SignalToNoise);
    let cosine = quotient(Quotient::UpdateCosine);
    let norms = [
        number("‖g‖", NUMBER, 0, of(BlockColumn::GradNorm), |row| norm(row.grad_norm, row)),
        number("‖θ‖", NUMBER, 4, of(BlockColumn::WeightNorm), |row| {
            norm(row.weight_norm, row)
        }),
        number("‖Δθ‖", NUMBER, 5, of(BlockColumn::UpdateNorm), |row| {
            norm(row.update_norm, row)
        }),
        number("‖Δθ‖/‖θ‖", NUMBER + 1, 2, ratio, |row| norm(row.update_ratio, row)),
    ];
    let signal = number("S/N", NUMBER, 3, signal, |row| plain(row.signal_to_noise));
    let cosine = number("cosine", NUMBER - 1, 3, cosine, |row| plain(row.update_cosine));
    let looks = [signal, cosine].into_iter().filter(|it| it.step.is_some());
    let status = Column { label: " status", width: STATUS, rank: 1, is_number: false };
    let status = Measured { column: status, cell: status_cell, step: None };
    norms.into_iter().chain(looks).chain([status]).collect()
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
