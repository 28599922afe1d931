//! Which run is which: by number, name and colour.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::member::Member;
use crate::palette::{BAD, GOOD, TRAIN, VALID, WARNING};
use crate::widgets::{areas, text};

/// The colours of the runs, in their order; further ones begin again, and have numbers of their own.
const COLOURS: [Color; 5] = [TRAIN, VALID, GOOD, BAD, WARNING];

/// The colour of the run with this number, counted from 0.
pub(super) fn colour(number: usize) -> Color {
    COLOURS[number % COLOURS.len()]
}

/// Draws the runs by number, name and colour, with what is to be said of each; the area below them.
pub(super) fn draw_key(members: &[Member], area: Rect, buffer: &mut Buffer) -> Rect {
    let rows = rows(members, usize::from(area.width));
    let most = rows.len().min(usize::from(area.height / 4).max(1));
    let (key, rest) = areas::split_top(area, most as u16);
    for (place, row) in rows.iter().take(most).enumerate() {
        for entry in row {
            let place = areas::split_left(areas::row(key, place as u16), entry.at).1;
            text::put(buffer, place, &entry.words, Style::new().fg(entry.colour));
        }
    }
    rest
}

/// A run in a row.
struct Entry {
    /// Cells before it.
    at: u16,
    words: String,
    colour: Color,
}

/// As many in a row as fit, two blanks between them.
fn rows(members: &[Member], width: usize) -> Vec<Vec<Entry>> {
    let mut rows = vec![Vec::new()];
    let mut used = 0;
    for (number, member) in members.iter().enumerate() {
        let words = text::printable(&format!("{} {}", number + 1, member.told()));
        let words = text::cut_end(&words, width);
        let own = text::width(&words);
        if used > 0 && used + 2 + own > width {
            rows.push(Vec::new());
            used = 0;
        }
        let at = if used > 0 { used + 2 } else { 0 };
        used = at + own;
        let entry = Entry { at: at as u16, words, colour: colour(number) };
        if let Some(row) = rows.last_mut() {
            row.push(entry);
        }
    }
    rows
}
