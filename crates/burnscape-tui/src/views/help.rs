//! The keys, over the view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::palette::MUTED;
use crate::widgets::text;

const KEYS: [(&str, &str); 15] = [
    ("1 2 3, Tab", "views"),
    ("arrows, h j k", "select a block; move the cursor on the map"),
    ("[ ]", "previous, next slice"),
    ("v", "next value: the loss, then the layers measured at the same nodes"),
    ("+ - 0", "zoom into the map around the cursor, out, all"),
    ("l", "scale: automatic, logarithmic, linear"),
    ("Enter", "all words of the landscape, and back"),
    ("p", "hold the picture; recording goes on"),
    ("R, Ctrl-L", "draw everything again"),
    ("Ctrl-Z", "back to the shell until `fg`"),
    ("q, Ctrl-C", "leave; training goes on"),
    ("", ""),
    ("× ∞ ░", "NaN, infinite, not measured yet (shade of the nearest node)"),
    ("∙", "interpolated, not measured (without colour: letters)"),
    ("○ ●", "first and last snapshot of the trajectory"),
];

const KEY_COLUMN: u16 = 15;

/// Draws the keys from the top of an area.
pub(crate) fn draw(area: Rect, buffer: &mut Buffer) {
    for (row, (key, meaning)) in (area.top()..area.bottom()).zip(KEYS) {
        let line = Rect { y: row, height: 1, ..area };
        text::put(buffer, line, key, Style::new().add_modifier(Modifier::BOLD));
        let indent = KEY_COLUMN.min(area.width);
        let meaning_area = Rect { x: line.x + indent, width: line.width - indent, ..line };
        text::put(buffer, meaning_area, meaning, Style::new().fg(MUTED));
    }
}
