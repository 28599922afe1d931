//! Gradients: the norm of every block over steps as a heat map, and the last step as a table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::View;
use crate::message::{Message, Towards};
use crate::model::{BlockRow, BlockStatus, Blocks, HeatCell, Run};
use crate::numbers::short;
use crate::palette::{BAD, MUTED, WARNING, level_of_share};
use crate::widgets::half_blocks::{self, Pixel};
use crate::widgets::scale::{ColourScale, Scale, ScaleChoice};
use crate::widgets::{chart, colour_bar, text, too_small};

const SMALLEST: (u16, u16) = (20, 4);
/// The table needs its head and three blocks.
const TABLE_ROWS: u16 = 4;
/// The map needs its title, two rows of colour and the steps.
const MAP_ROWS: u16 = 4;
/// More height than this tells no more about a block.
const MOST_ROWS_A_BLOCK: usize = 3;
/// Cells of a number in the table, with the gap before it.
const NUMBER: u16 = 10;
/// Cells of the status in the table, with the gap before it.
const STATUS: u16 = 14;

/// Gradient norms; it keeps the selected block.
#[derive(Debug, Default)]
pub struct GradientsView {
    selected: usize,
}

impl View for GradientsView {
    fn title(&self) -> &'static str {
        "Gradients"
    }

    fn keys(&self) -> &'static str {
        "↑ ↓ block"
    }

    fn update(&mut self, message: Message, run: &Run) {
        let last = run.blocks.len().saturating_sub(1);
        self.selected = match message {
            Message::Move(Towards::Up) => self.selected.min(last).saturating_sub(1),
            Message::Move(Towards::Down) => (self.selected + 1).min(last),
            _ => self.selected,
        };
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        if !too_small::fits(area, buffer, "gradients", SMALLEST) {
            return;
        }
        if run.blocks.is_empty() {
            return text::put(
                buffer,
                area,
                "no blocks recorded yet",
                Style::new().fg(MUTED),
            );
        }
        let map_height = map_height(area.height, run.blocks.len());
        self.draw_map(
            &run.blocks,
            Rect {
                height: map_height,
                ..area
            },
            buffer,
        );
        let table = Rect {
            y: area.y + map_height,
            height: area.height - map_height,
            ..area
        };
        self.draw_table(&run.blocks, table, buffer);
    }
}

/// Rows of the map with its title and steps: whole rows for every block where that leaves room
/// for the table, none where not both fit.
fn map_height(height: u16, blocks: usize) -> u16 {
    if height < MAP_ROWS + TABLE_ROWS {
        return 0;
    }
    let table = u16::try_from(blocks + 1).unwrap_or(u16::MAX);
    let room = height
        .saturating_sub(table)
        .max(height / 2)
        .min(height - TABLE_ROWS)
        - 2;
    let rows = match usize::from(room) / blocks.max(1) {
        0 => blocks.div_ceil(2).min(usize::from(room)),
        rows_a_block => rows_a_block.min(MOST_ROWS_A_BLOCK) * blocks,
    };
    (rows as u16 + 2).max(MAP_ROWS)
}

impl GradientsView {
    fn draw_map(&self, blocks: &Blocks, area: Rect, buffer: &mut Buffer) {
        if area.height < MAP_ROWS {
            return;
        }
        let bold = Style::new().add_modifier(Modifier::BOLD);
        text::put(
            buffer,
            area,
            "log10 of the gradient norm, block by step",
            bold,
        );
        let inner = Rect {
            y: area.y + 1,
            height: area.height - 2,
            ..area
        };
        let names = name_width(blocks, area.width);
        let map = Rect {
            x: inner.x + names,
            width: inner.width.saturating_sub(names + colour_bar::WIDTH + 1),
            ..inner
        };
        let Some(bounds) = blocks.heat().positive_bounds() else {
            return text::put(
                buffer,
                inner,
                "no gradient norms yet",
                Style::new().fg(MUTED),
            );
        };
        let colours = exponents(bounds);
        let rows = RowsOfBlocks {
            blocks: blocks.len(),
            halves: usize::from(2 * map.height),
        };
        draw_cells(blocks, &rows, &colours, map, buffer);
        self.draw_names(
            blocks,
            &rows,
            Rect {
                width: names,
                ..inner
            },
            buffer,
        );
        let bar = Rect {
            x: map.right() + 1,
            width: colour_bar::WIDTH,
            ..inner
        };
        colour_bar::draw(bar.intersection(area), buffer, &colours, &["log10"]);
        let steps = Rect {
            y: map.bottom(),
            height: 1,
            ..map
        };
        chart::draw_steps(steps, buffer, blocks.heat().steps());
    }

    fn draw_names(&self, blocks: &Blocks, rows: &RowsOfBlocks, area: Rect, buffer: &mut Buffer) {
        for row in 0..area.height {
            let Some(block) = rows.named_in(usize::from(row)) else {
                continue;
            };
            let line = Rect {
                y: area.y + row,
                height: 1,
                width: area.width - 1,
                ..area
            };
            let name = text::cut_start(blocks.path(block), usize::from(line.width));
            let is_selected = rows.rows_of(self.selected).contains(&usize::from(row));
            let style = if is_selected {
                selected_style()
            } else {
                Style::new()
            };
            text::put(buffer, line, &text::printable(&name), style);
        }
    }

    fn draw_table(&self, blocks: &Blocks, area: Rect, buffer: &mut Buffer) {
        if area.height == 0 {
            return;
        }
        draw_table_head(blocks, self.selected, Rect { height: 1, ..area }, buffer);
        let rows = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        let first = first_visible(self.selected, blocks.len(), usize::from(rows.height));
        for (y, block) in (rows.top()..rows.bottom()).zip(first..blocks.len()) {
            let Some(row) = blocks.row(block) else {
                continue;
            };
            let line = Rect {
                y,
                height: 1,
                ..rows
            };
            draw_table_row(&row, block == self.selected, line, buffer);
        }
    }
}

/// The scale of the exponents: the numbers at the bar are log10 ‖g‖.
fn exponents(bounds: (f64, f64)) -> ColourScale {
    let scale = Scale::new(bounds.0.log10(), bounds.1.log10(), ScaleChoice::Linear);
    ColourScale {
        scale,
        clipped_below: 0,
        clipped_above: 0,
    }
}

/// A third of the width at most, no more than the longest name, and one cell between.
fn name_width(blocks: &Blocks, width: u16) -> u16 {
    let longest = (0..blocks.len())
        .map(|block| text::width(blocks.path(block)))
        .max();
    let longest = u16::try_from(longest.unwrap_or(0)).unwrap_or(u16::MAX);
    longest.min(width / 3) + 1
}

/// How blocks share the half rows of the map: several rows a block, or several blocks a row.
struct RowsOfBlocks {
    blocks: usize,
    halves: usize,
}

impl RowsOfBlocks {
    /// Blocks drawn in a half row; empty below the last block.
    fn blocks_in(&self, half: usize) -> std::ops::Range<usize> {
        if self.blocks > self.halves {
            return half * self.blocks / self.halves..(half + 1) * self.blocks / self.halves;
        }
        let block = half / self.halves_a_block();
        if block < self.blocks {
            block..block + 1
        } else {
            0..0
        }
    }

    /// Whole rows a block where there is room, so that names stand at their colours.
    fn halves_a_block(&self) -> usize {
        let halves = (self.halves / self.blocks.max(1)).max(1);
        if halves > 1 { halves & !1 } else { 1 }
    }

    /// The block that is named in a row: the first that begins there.
    fn named_in(&self, row: usize) -> Option<usize> {
        let block = self.blocks_in(2 * row).next()?;
        let begins = row == 0 || !self.blocks_in(2 * row - 1).contains(&block);
        begins.then_some(block)
    }

    /// Rows in which a block is drawn.
    fn rows_of(&self, block: usize) -> Vec<usize> {
        let rows = 0..self.halves / 2;
        let drawn = |half: usize| self.blocks_in(half).contains(&block);
        rows.filter(|row| drawn(2 * row) || drawn(2 * row + 1))
            .collect()
    }
}

fn draw_cells(
    blocks: &Blocks,
    rows: &RowsOfBlocks,
    colours: &ColourScale,
    map: Rect,
    buffer: &mut Buffer,
) {
    let heat = blocks.heat();
    half_blocks::draw(map, buffer, |column, half| {
        let columns = columns_in(usize::from(column), usize::from(map.width), heat.len());
        let cells = columns.flat_map(|column| {
            let in_row = rows.blocks_in(usize::from(half));
            in_row.map(move |block| heat.cell(column, block))
        });
        pixel(cells.fold(HeatCell::EMPTY, HeatCell::merged), colours)
    });
}

/// Recorded columns drawn in a cell: stretched when they are few, merged when they are many.
fn columns_in(cell: usize, cells: usize, columns: usize) -> std::ops::Range<usize> {
    let first = cell * columns / cells.max(1);
    let last = ((cell + 1) * columns / cells.max(1)).max(first + 1);
    first..last.min(columns)
}

fn pixel(cell: HeatCell, colours: &ColourScale) -> Pixel {
    match cell.value() {
        _ if cell.non_finite => Pixel::Nan,
        Some(value) if value > 0.0 => {
            let share = colours.share(f64::from(value).log10());
            share.map_or(Pixel::Empty, |share| Pixel::Level(level_of_share(share)))
        }
        // Exactly zero has no logarithm: below the scale.
        Some(_) => Pixel::Level(0),
        None => Pixel::Empty,
    }
}

/// The first block of the table, so that the selected one is in its middle where possible.
fn first_visible(selected: usize, blocks: usize, rows: usize) -> usize {
    selected
        .saturating_sub(rows / 2)
        .min(blocks.saturating_sub(rows))
}

fn selected_style() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
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
        let name = Rect {
            width: row.width - status_width - count * NUMBER,
            ..row
        };
        let number = |i: u16| Rect {
            x: name.right() + i * NUMBER,
            width: NUMBER,
            ..row
        };
        let status = Rect {
            x: row.right() - status_width + 2,
            width: STATUS - 2,
            ..row
        };
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
    for (area, label) in columns
        .numbers
        .iter()
        .zip(["‖g‖", "‖θ‖", "‖Δθ‖", "‖Δθ‖/‖θ‖"])
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
    let style = if is_selected {
        selected_style()
    } else {
        Style::new()
    };
    text::put(buffer, columns.name, &text::printable(&name), style);
    let numbers = [
        row.grad_norm,
        row.weight_norm,
        row.update_norm,
        row.update_ratio(),
    ];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_blocks_take_whole_rows_and_are_named_once() {
        let rows = RowsOfBlocks {
            blocks: 3,
            halves: 16,
        };
        let named: Vec<_> = (0..8).filter_map(|row| rows.named_in(row)).collect();
        assert_eq!(named, [0, 1, 2]);
        assert_eq!(rows.rows_of(1), [2, 3]);
        assert!(rows.blocks_in(15).is_empty());
    }

    #[test]
    fn many_blocks_are_all_drawn_somewhere() {
        let rows = RowsOfBlocks {
            blocks: 300,
            halves: 16,
        };
        let drawn: Vec<usize> = (0..16).flat_map(|half| rows.blocks_in(half)).collect();
        assert_eq!(drawn, (0..300).collect::<Vec<_>>());
    }

    #[test]
    fn columns_are_stretched_or_merged_and_none_is_lost() {
        assert_eq!(columns_in(0, 10, 1), 0..1);
        assert_eq!(columns_in(9, 10, 1), 0..1);
        let all: Vec<usize> = (0..10).flat_map(|cell| columns_in(cell, 10, 256)).collect();
        assert_eq!(all, (0..256).collect::<Vec<_>>());
    }
}
