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

/// A row of the runs by number, name and colour, with what is to be said of each.
pub(super) fn draw_key(members: &[Member], area: Rect, buffer: &mut Buffer) -> Rect {
    let mut rows = vec![Vec::new()];
    let mut used = 0;
    for (number, member) in members.iter().enumerate() {
        let entry = format!("{} {}", number + 1, member.told());
        let entry = text::cut_end(&text::printable(&entry), usize::from(area.width));
        let width = text::width(&entry);
        if used > 0 && used + 2 + width > usize::from(area.width) {
            rows.push(Vec::new());
            used = 0;
        }
        let at = if used > 0 { used + 2 } else { 0 };
        used = at + width;
        if let Some(row) = rows.last_mut() {
            row.push((at as u16, entry, colour(number)));
        }
    }
    let most = rows.len().min(usize::from(area.height / 4).max(1));
    let (key, rest) = areas::split_top(area, most as u16);
    for (place, row) in rows.iter().take(most).enumerate() {
        for (at, entry, colour) in row {
            let place = areas::split_left(areas::row(key, place as u16), *at).1;
            text::put(buffer, place, entry, Style::new().fg(*colour));
        }
    }
    rest
}
