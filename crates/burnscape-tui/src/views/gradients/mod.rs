//! Gradients: the norm of every block over steps as a heat map, and the last step as a table.

mod map;
mod selected;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::View;
use crate::message::{Message, Towards};
use crate::model::{Blocks, Run};
use crate::palette::MUTED;
use crate::widgets::{areas, text, too_small};

const SMALLEST: (u16, u16) = (20, 4);
/// The table needs its head and three blocks.
const TABLE_ROWS: u16 = 4;
/// The map needs its title, two rows of colour and the steps.
const MAP_ROWS: u16 = 4;
/// More height than this tells no more about a block.
const MOST_ROWS_A_BLOCK: usize = 3;

const WORDS: [(&str, &str); 7] = [
    ("×", "NaN or infinite in this stretch of steps: never fine"),
    ("‖g‖ ‖θ‖ ‖Δθ‖", "norms of gradient, weights, update: worry at 0 and at leaps"),
    ("‖Δθ‖/‖θ‖", "1e-3 is usual; worry below 1e-5 and above 1e-1"),
    ("S/N", "signal to noise of the gradient; far below 1, noise leads"),
    ("cosine", "of an update and the one before; near -1, steps swing: lower lr"),
    ("status", "what is wrong, or was; alerts name the worst block only"),
    ("histogram", "a bar per power of 2; worry when a heap wanders off"),
];

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

    fn words(&self) -> &'static [(&'static str, &'static str)] {
        &WORDS
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
        let blocks = &run.blocks;
        if blocks.is_empty() {
            return text::put(buffer, area, "no blocks recorded yet", Style::new().fg(MUTED));
        }
        let selected = self.selected.min(blocks.len() - 1);
        let (map, table, below) = parts(area, blocks, selected);
        if map.height >= MAP_ROWS {
            map::draw(blocks, selected, !run.state().is_over(), map, buffer);
        }
        table::draw(run, selected, table, buffer);
        selected::draw(blocks, selected, below, buffer);
    }
}

/// Room for the map, the table, and what else was measured of the selected block.
fn parts(area: Rect, blocks: &Blocks, selected: usize) -> (Rect, Rect, Rect) {
    let reserved = selected::rows(blocks, selected, area);
    let height = area.height - reserved;
    let (map, rest) = areas::split_top(area, map_height(height, blocks.len()));
    let rows = if reserved > 0 { blocks.len() + 1 } else { usize::from(rest.height) };
    let most = height - map.height;
    let (table, below) = areas::split_top(rest, (rows.min(usize::from(most))) as u16);
    (map, table, below)
}

/// Rows of the map with its title and steps: whole rows for every block where that leaves room
/// for the table, none where not both fit.
fn map_height(height: u16, blocks: usize) -> u16 {
    if height < MAP_ROWS + TABLE_ROWS {
        return 0;
    }
    let table = u16::try_from(blocks + 1).unwrap_or(u16::MAX);
    let room = height.saturating_sub(table).max(height / 2).min(height - TABLE_ROWS) - 2;
    let rows = match usize::from(room) / blocks.max(1) {
        0 => blocks.div_ceil(2).min(usize::from(room)),
        rows_a_block => rows_a_block.min(MOST_ROWS_A_BLOCK) * blocks,
    };
    (rows as u16 + 2).max(MAP_ROWS)
}
