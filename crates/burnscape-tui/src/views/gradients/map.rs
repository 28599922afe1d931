//! The heat map: a row or more per block, or several blocks a row; a column per stretch of steps.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::model::{BlockCell, BlockQuantity, BlockSeries, Blocks};
use crate::numbers::short;
use crate::palette::{MUTED, ink, level_of_share, scale_level};
use crate::sight::Sight;
use crate::widgets::half_blocks::{self, Pixel};
use crate::widgets::plot::Plot;
use crate::widgets::scale::{ColourScale, Scale, ScaleChoice};
use crate::widgets::step_axis::StepAxis;
use crate::widgets::table::selected_style;
use crate::widgets::{areas, chart, colour_bar, text};

const TITLE: &str = "log10 of the gradient norm, block by step";

/// What the reader chose, and whether steps are to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) growing: bool,
    pub(super) sight: Sight,
}

/// Draws the title, the names, the colours with their bar, and the steps, and tells where these lie. A growing map
/// leaves room for steps to come, so that not every step moves all others.
pub(super) fn draw(
    blocks: &Blocks,
    shown: &[usize],
    selected: usize,
    look: Look,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Plot> {
    let (title, below) = areas::split_top(area, 1);
    text::put(buffer, title, TITLE, Style::new().add_modifier(Modifier::BOLD));
    let Some(bounds) = norms(blocks).positive_bounds(look.growing) else {
        let none = if look.growing { "no gradient norms yet" } else { "no gradient norms" };
        text::put(buffer, below, none, Style::new().fg(MUTED));
        return None;
    };
    let (upper, steps) = areas::split_bottom(below, 1);
    let (names, rest) = areas::split_left(upper, name_width(blocks, shown, area.width));
    let (cells, bar) = areas::split_right(rest, colour_bar::WIDTH + 1);
    let rows = RowsOfBlocks { blocks: shown.len(), halves: usize::from(2 * cells.height) };
    let map =
        HeatMap { blocks, shown, rows, colours: exponents(bounds), columns: columns(blocks, look) };
    map.draw_names(selected, names, buffer);
    map.draw_cells(cells, buffer);
    let axis = map.axis();
    if let Some(step) = look.sight.cursor {
        draw_rule(&axis, step, cells, buffer);
        map.draw_value_at(step, shown[selected], title, buffer);
    }
    let (_gap, bar) = areas::split_left(bar, 1);
    colour_bar::draw(bar, buffer, &map.colours, &["log10".into()]);
    let steps = Rect { x: cells.x, width: cells.width, ..steps };
    axis.draw(steps, look.sight.cursor, buffer);
    Some(Plot { area: cells, steps: axis })
}

fn norms(blocks: &Blocks) -> &BlockSeries {
    blocks.series(BlockQuantity::GradNorm)
}

struct HeatMap<'a> {
    blocks: &'a Blocks,
    /// Numbers of the blocks that have rows.
    shown: &'a [usize],
    rows: RowsOfBlocks,
    colours: ColourScale,
    /// Recorded columns in sight, and room for more.
    columns: std::ops::Range<usize>,
}

impl HeatMap<'_> {
    fn draw_names(&self, selected: usize, area: Rect, buffer: &mut Buffer) {
        let selected_rows = self.rows.rows_of(selected);
        for row in 0..area.height {
            let Some(block) = self.rows.named_in(usize::from(row)) else {
                continue;
            };
            let (line, _gap) = areas::split_right(areas::row(area, row), 1);
            let name =
                text::cut_start(self.blocks.path(self.shown[block]), usize::from(line.width));
            let is_selected = selected_rows.contains(&usize::from(row));
            let style = if is_selected { selected_style() } else { Style::new() };
            text::put(buffer, line, &text::printable(&name), style);
        }
    }

    fn draw_cells(&self, area: Rect, buffer: &mut Buffer) {
        half_blocks::draw(area, buffer, |column, half| {
            let columns = columns_in(usize::from(column), usize::from(area.width), &self.columns);
            let blocks = self.rows.blocks_in(usize::from(half));
            let cells = columns.flat_map(|column| {
                blocks.clone().map(move |place| norms(self.blocks).cell(column, self.shown[place]))
            });
            pixel(cells.fold(BlockCell::EMPTY, BlockCell::merged), &self.colours)
        });
    }

    /// Where the steps of the map lie.
    fn axis(&self) -> StepAxis {
        let heat = norms(self.blocks);
        let data = heat.steps();
        let end = match self.columns.end {
            end if end == heat.len() => data.1,
            end => heat.first_step_of(end),
        };
        let begin =
            if self.columns.start == 0 { data.0 } else { heat.first_step_of(self.columns.start) };
        StepAxis { ends: (begin, end), data, log: false }
    }

    /// The norm of the selected block at the cursor, beside the title.
    fn draw_value_at(&self, step: u64, block: usize, title: Rect, buffer: &mut Buffer) {
        let column = column_of(norms(self.blocks), step);
        let value = column.and_then(|column| norms(self.blocks).cell(column, block).largest());
        let words = value.map_or("nothing finite".to_owned(), |value| short(f64::from(value)));
        let words = format!("  ‖g‖ {words} at step {step}");
        if text::width(TITLE) + text::width(&words) <= usize::from(title.width) {
            text::put_right(buffer, title, &words, Style::new());
        }
    }
}

/// The column in which a step was recorded.
fn column_of(heat: &BlockSeries, step: u64) -> Option<usize> {
    let columns: Vec<usize> = (0..heat.len()).collect();
    columns.partition_point(|&column| heat.first_step_of(column) <= step).checked_sub(1)
}

/// The columns in sight.
fn columns(blocks: &Blocks, look: Look) -> std::ops::Range<usize> {
    let heat = norms(blocks);
    let recorded = heat.len();
    match look.sight.window {
        Some(_) => {
            let (from, to) = look.sight.steps(heat.steps());
            let begin = column_of(heat, from).unwrap_or(0);
            begin..column_of(heat, to).map_or(recorded, |last| last + 1).max(begin + 1)
        }
        None if look.growing => 0..chart::with_room(0, recorded as u64) as usize,
        None => 0..recorded,
    }
}

/// A line through the cells of a step, in what is read on each of them.
fn draw_rule(axis: &StepAxis, step: u64, cells: Rect, buffer: &mut Buffer) {
    let Some(column) = axis.column(step, cells.width) else {
        return;
    };
    for y in cells.top()..cells.bottom() {
        if let Some(cell) = buffer.cell_mut((cells.x + column, y)) {
            let level = scale_level(cell.bg);
            cell.set_symbol("│").set_fg(level.map_or(MUTED, ink));
        }
    }
}

/// The scale of the exponents, the numbers at the bar, rounded to halves so that it seldom moves.
fn exponents((low, high): (f64, f64)) -> ColourScale {
    // The norms are 32-bit: 0.01 is a little less than it.
    let (low, high) = (2.0 * low.log10() + 1e-6, 2.0 * high.log10() - 1e-6);
    let (low, high) = (low.floor() / 2.0, high.ceil() / 2.0);
    let scale = Scale::new(low, high, ScaleChoice::Linear);
    ColourScale { scale, clipped_below: 0, clipped_above: 0 }
}

/// A third of the width at most, no more than the longest name, and one cell between.
fn name_width(blocks: &Blocks, shown: &[usize], width: u16) -> u16 {
    let longest = shown.iter().map(|&block| text::width(blocks.path(block))).max();
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
        if block < self.blocks { block..block + 1 } else { 0..0 }
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
        rows.filter(|row| drawn(2 * row) || drawn(2 * row + 1)).collect()
    }
}

/// Recorded columns drawn in a cell: stretched when they are few, merged when they are many.
fn columns_in(
    cell: usize,
    cells: usize,
    columns: &std::ops::Range<usize>,
) -> std::ops::Range<usize> {
    let count = columns.len();
    let first = cell * count / cells.max(1);
    let last = ((cell + 1) * count / cells.max(1)).max(first + 1);
    columns.start + first..columns.start + last.min(count)
}

fn pixel(cell: BlockCell, colours: &ColourScale) -> Pixel {
    match cell.largest() {
        _ if cell.non_finite > 0 => Pixel::Nan,
        Some(value) if value > 0.0 => {
            let share = colours.share(f64::from(value).log10());
            share.map_or(Pixel::Empty, |share| Pixel::Level(level_of_share(share)))
        }
        // Exactly zero has no logarithm: below the scale.
        Some(_) => Pixel::Level(0),
        None => Pixel::Empty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_blocks_take_whole_rows_and_are_named_once() {
        let rows = RowsOfBlocks { blocks: 3, halves: 16 };
        let named: Vec<_> = (0..8).filter_map(|row| rows.named_in(row)).collect();
        assert_eq!(named, [0, 1, 2]);
        assert_eq!(rows.rows_of(1), [2, 3]);
        assert!(rows.blocks_in(15).is_empty());
    }

    #[test]
    fn many_blocks_are_all_drawn_somewhere() {
        let rows = RowsOfBlocks { blocks: 300, halves: 16 };
        let drawn: Vec<usize> = (0..16).flat_map(|half| rows.blocks_in(half)).collect();
        assert_eq!(drawn, (0..300).collect::<Vec<_>>());
    }

    #[test]
    fn columns_are_stretched_or_merged_and_none_is_lost() {
        assert_eq!(columns_in(0, 10, &(0..1)), 0..1);
        assert_eq!(columns_in(9, 10, &(0..1)), 0..1);
        let all: Vec<usize> = (0..10).flat_map(|cell| columns_in(cell, 10, &(0..256))).collect();
        assert_eq!(all, (0..256).collect::<Vec<_>>());
    }
}
