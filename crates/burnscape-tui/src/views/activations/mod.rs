//! Activations: what passed every tap, as a table, and the selected one over steps and by octaves.

mod octave_map;
mod picture;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::view::View;
use crate::message::Message;
use crate::model::{Run, TapQuantity};
use crate::palette::MUTED;
use crate::scroll;
use crate::sight::Sight;
use crate::widgets::chart::Reading;
use crate::widgets::plot::{Plot, Plots};
use crate::widgets::rows::Rows;
use crate::widgets::{areas, facts, text, too_small};

const SMALLEST: (u16, u16) = (20, 4);
/// Rows that the picture of the selected tap needs: numbers, and a chart of two rows.
const PICTURE_ROWS: u16 = 6;
/// The table needs its head and three taps.
const TABLE_ROWS: u16 = 4;

const KEYS: [(&str, &str); 4] = [
    ("↑ ↓, k j, g G", "select a tap"),
    ("PgUp PgDn", "a page; Ctrl-U Ctrl-D"),
    ("v", "next value over steps"),
    ("y", "scale of values"),
];

const WORDS: [(&str, &str); 8] = [
    ("mean ± std", "of all values; worry when std goes to 0, or grows without end"),
    ("zero", "share of exact zeros: about half is usual behind a ReLU"),
    ("dead units", "0 for every sample of the window; worry from half of them"),
    ("saturated", "at the bounds of tanh or sigmoid; worry near 90 %; –: unbounded"),
    ("drift", "from the first window, in its std; worry while it keeps growing"),
    ("×", "values NaN or infinite, left out of all the rest: never fine"),
    ("rms", "root mean square; worry at powers of ten between layers"),
    ("histogram", "a bar per power of 2; worry when a heap wanders off"),
];

/// Activations; it keeps the selected tap, the quantity over steps and its scale.
#[derive(Debug, Default)]
pub struct ActivationsView {
    selected: usize,
    quantity: TapQuantity,
    reading: Reading,
    plots: Plots,
    rows: Rows,
}

impl View for ActivationsView {
    fn title(&self) -> &'static str {
        "Activations"
    }

    fn keys(&self) -> &'static str {
        "↑ ↓ tap  ← → step  + - zoom  v value over steps  y scale"
    }

    fn explained_keys(&self) -> &'static [(&'static str, &'static str)] {
        &KEYS
    }

    fn words(&self) -> &'static [(&'static str, &'static str)] {
        &WORDS
    }

    fn update(&mut self, message: Message, run: &Run) {
        let last = run.taps().len().saturating_sub(1);
        match message {
            Message::NextLayer => self.quantity = self.quantity.next(),
            Message::NextScale => self.reading.scale = self.reading.scale.next(),
            Message::PointAt(column, row) => {
                let picked = self.rows.at((column, row), run.taps().len());
                self.selected = picked.unwrap_or(self.selected);
            }
            _ => drop(scroll::moved(&mut self.selected, last, message)),
        }
    }

    fn scrolls(&self) -> bool {
        true
    }

    fn plot_at(&self, place: (u16, u16)) -> Option<Plot> {
        self.plots.at(place)
    }

    fn look_at(&mut self, sight: Sight) {
        self.reading.sight = sight;
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        self.plots.clear();
        self.rows.clear();
        if !too_small::fits(area, buffer, "activations", SMALLEST) {
            return;
        }
        let selected = self.selected.min(run.taps().len().saturating_sub(1));
        let Some(tap) = run.taps().get(selected) else {
            return draw_none(run, area, buffer);
        };
        let (table, below) = areas::split_top(area, table_height(area.height, run.taps().len()));
        table::draw(run, selected, table, buffer, &self.rows);
        let picture = picture::Picture {
            tap,
            quantity: self.quantity,
            reading: self.reading,
            growing: !run.state().is_over(),
        };
        self.plots.add(picture.draw(below, buffer));
    }
}

/// Rows of the table: half of the height at most, all of it where the picture finds no room.
fn table_height(height: u16, taps: usize) -> u16 {
    if height < TABLE_ROWS + PICTURE_ROWS {
        return height;
    }
    let rows = u16::try_from(taps + 1).unwrap_or(u16::MAX);
    rows.min((height / 2).max(TABLE_ROWS))
}

/// What to do where there is nothing to see.
fn draw_none(run: &Run, area: Rect, buffer: &mut Buffer) {
    let what = format!("No tap was recorded{}.", run.yet());
    let how = "Put `burnscape::tap(\"fc1.relu\", x)` into forward to see what passes there.";
    let lines: Vec<Line<'_>> = [what.as_str(), how]
        .into_iter()
        .flat_map(|sentence| text::wrapped(sentence, usize::from(area.width)))
        .map(|line| Line::styled(line, Style::new().fg(MUTED)))
        .collect();
    facts::draw_lines(area, buffer, &lines);
}
