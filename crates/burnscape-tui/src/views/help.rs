//! The keys, and what the numbers of a view mean, over the view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::palette::MUTED;
use crate::widgets::{facts, text};

const KEYS: [(&str, &str); 11] = [
    ("1 to 5, Tab", "views; below the keys: what the numbers of this one mean"),
    ("arrows, h j k", "select a block or tap; move the cursor on the map"),
    ("[ ]", "previous, next slice"),
    ("v", "next value: layer of a slice, quantity of a tap over steps"),
    ("+ - 0", "zoom into the map around the cursor, out, all"),
    ("l", "scale: automatic, logarithmic, linear"),
    ("Enter", "all words of the landscape, and back"),
    ("p", "hold the picture; recording goes on"),
    ("R, Ctrl-L", "draw everything again"),
    ("Ctrl-Z", "back to the shell until `fg`"),
    ("q, Ctrl-C", "leave; training goes on"),
];

const KEY_COLUMN: usize = 15;

/// Draws the keys from the top of an area, then what the numbers of the view mean.
pub(crate) fn draw(area: Rect, buffer: &mut Buffer, words: &[(&str, &str)]) {
    let between = (!words.is_empty()).then_some(("", ""));
    let explained = KEYS.iter().chain(&between).chain(words);
    let lines: Vec<Line<'_>> = explained.map(line).collect();
    facts::draw_lines(area, buffer, &lines);
}

fn line<'a>(&(what, meaning): &(&'a str, &'a str)) -> Line<'a> {
    let gap = KEY_COLUMN.saturating_sub(text::width(what));
    let what = Span::styled(what, Style::new().add_modifier(Modifier::BOLD));
    let meaning = Span::styled(meaning, Style::new().fg(MUTED));
    Line::from(vec![what, Span::raw(" ".repeat(gap)), meaning])
}
