//! The keys, and what the numbers of a view mean, over the view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::message::Message;
use crate::palette::MUTED;
use crate::scroll;
use crate::widgets::{areas, text};

/// What is explained, and how.
pub(crate) type Explained = (&'static str, &'static str);

/// The keys of all views; each is explained in half a line of a usual terminal.
pub(crate) const KEYS: &[Explained] = &[
    ("1 to 5, Tab", "views"),
    ("↑ ↓, k j, g G", "select, scroll; ends"),
    ("← → Home End", "step; Shift: tenfold"),
    ("PgUp PgDn", "a page; Ctrl-U Ctrl-D"),
    ("[ ]", "previous, next slice"),
    ("v", "next value, next layer"),
    ("+ - 0, wheel", "zoom in, out, all"),
    ("y x", "scale: values, steps"),
    ("c", "next map of colours"),
    ("m", "landscape: map or 3-D"),
    ("< > r", "3-D: height, rotate"),
    ("s", "smooth the line drawn"),
    ("/, n N", "filter; next, last one"),
    ("Enter", "pin step; all numbers"),
    ("Esc", "one level back; live"),
    (":", "commands, such as 120"),
    ("p", "hold the picture"),
    ("u", "glyphs: fewer, then all"),
    ("e", "view into SVG and text"),
    ("R, Ctrl-L", "draw everything again"),
    ("L", "list of several runs"),
    ("Ctrl-Z", "to the shell until `fg`"),
    ("q, Ctrl-C", "leave; training goes on"),
];

const KEY_COLUMN: usize = 15;
/// Columns of the keys, where two stand side by side.
const HALF: usize = 40;

/// Entries that can be scrolled through, a key or a word each.
pub(crate) fn entries(keys: &[Explained], words: &[Explained]) -> usize {
    keys.len() + words.len() + 1
}

/// Moves in an open help of so many entries, or closes it; `false`: it is not open, or the message is for others.
pub(crate) fn moved(first: &mut Option<usize>, entries: usize, message: Message) -> bool {
    let Some(entry) = first else {
        return false;
    };
    if message == Message::Abandon {
        *first = None;
        return true;
    }
    scroll::moved(entry, entries.saturating_sub(1), message)
}

/// Draws the keys from the top of an area, then what the numbers of the view mean, without the first entries.
pub(crate) fn draw(
    area: Rect,
    buffer: &mut Buffer,
    keys: &[Explained],
    words: &[Explained],
    first: usize,
) {
    let width = usize::from(area.width);
    let keys = if width >= 2 * HALF { side_by_side(keys) } else { wrapped(keys, width) };
    let between = (!words.is_empty()).then(|| vec![Line::default()]);
    let entries: Vec<_> = keys.into_iter().chain(between).chain(wrapped(words, width)).collect();
    // Side by side they are fewer than can be scrolled through.
    let first = first.min(entries.len().saturating_sub(1));
    draw_lines(area, buffer, &entries[first..].concat());
}

fn draw_lines(area: Rect, buffer: &mut Buffer, lines: &[Line<'_>]) {
    let height = usize::from(area.height);
    let hidden = lines.len().saturating_sub(height);
    let seen = if hidden > 0 { height.saturating_sub(1) } else { height };
    for (row, line) in (area.top()..area.bottom()).zip(lines.iter().take(seen)) {
        buffer.set_line(area.x, row, line, area.width);
    }
    if hidden > 0 {
        let more = format!("↓ {} more", hidden + 1);
        text::put_right(buffer, areas::split_bottom(area, 1).1, &more, Style::new().fg(MUTED));
    }
}

/// Two keys a line, down the left half first.
fn side_by_side(keys: &[Explained]) -> Vec<Vec<Line<'static>>> {
    let (left, right) = keys.split_at(keys.len().div_ceil(2));
    let pair = |(i, explained): (usize, &Explained)| {
        let mut line = line(explained.0, explained.1.to_owned());
        if let Some(other) = right.get(i) {
            line.push_span(Span::raw(" ".repeat(HALF.saturating_sub(line.width()))));
            line.spans.extend(self::line(other.0, other.1.to_owned()).spans);
        }
        vec![line]
    };
    left.iter().enumerate().map(pair).collect()
}

/// The lines of each, one or as many as it takes.
fn wrapped(explained: &[Explained], width: usize) -> Vec<Vec<Line<'static>>> {
    let of_one = |&(what, meaning): &Explained| {
        let room = width.saturating_sub(KEY_COLUMN.max(text::width(what) + 1));
        let mut meanings = text::wrapped(meaning, room.max(8)).into_iter();
        let first = line(what, meanings.next().unwrap_or_default());
        let rest = meanings.map(|meaning| line("", meaning));
        std::iter::once(first).chain(rest).collect()
    };
    explained.iter().map(of_one).collect()
}

fn line(what: &'static str, meaning: String) -> Line<'static> {
    let width = text::width(what);
    let gap = KEY_COLUMN.saturating_sub(width).max(usize::from(width > 0));
    let what = Span::styled(what, Style::new().add_modifier(Modifier::BOLD));
    let meaning = Span::styled(meaning, Style::new().fg(MUTED));
    Line::from(vec![what, Span::raw(" ".repeat(gap)), meaning])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_side_by_side_on_a_usual_terminal() {
        for (what, meaning) in KEYS {
            assert!(text::width(what) < KEY_COLUMN, "{what}");
            assert!(text::width(meaning) < HALF - KEY_COLUMN, "{meaning}");
        }
    }

    #[test]
    fn a_narrow_window_breaks_meanings_and_loses_none() {
        let words: &[Explained] = &[("dropped", "step records lost to a full queue")];
        let lines: Vec<String> =
            wrapped(words, 40).concat().iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["dropped        step records lost to a", "               full queue"]);
    }
}
