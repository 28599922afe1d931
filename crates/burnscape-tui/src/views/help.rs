//! The keys, grouped by where they work, and what the numbers of a view mean: a box over the view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::bindings::Bindings;
use crate::message::Message;
use crate::palette::MUTED;
use crate::scroll;
use crate::widgets::panel::{Panel, name};
use crate::widgets::{facts, text};

/// What is explained, and how.
pub(crate) type Explained = (&'static str, &'static str);

/// What belongs together, with its title.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) entries: &'static [Explained],
}

/// The keys that do the same in all views; each is explained in half a line of a usual terminal.
pub(crate) const EVERYWHERE: Group = Group {
    title: "Everywhere",
    entries: &[
        ("1 to 5, Tab", "views"),
        ("?, Esc", "help; one level back"),
        (":", "commands, such as 120"),
        ("p", "hold the picture"),
        ("o", "output of the program"),
        ("c, u", "colours; fewer glyphs"),
        ("e", "view into SVG and text"),
        ("L", "list of several runs"),
        ("R, Ctrl-L", "draw everything again"),
        ("Ctrl-Z", "to the shell until `fg`"),
        ("q, Ctrl-C", "leave; training goes on"),
    ],
};

/// The keys of what is drawn over steps.
pub(crate) const STEPS: Group = Group {
    title: "Steps",
    entries: &[
        ("← → Home End", "step; Shift: tenfold"),
        ("+ - 0, wheel", "zoom in, out, all"),
        ("Enter", "pin the step"),
        ("x", "steps by logarithms"),
    ],
};

const KEY_COLUMN: usize = 14;
/// Columns of the keys, where two stand side by side.
const HALF: usize = 38;
/// A box is no wider than two columns of keys.
const WIDEST: u16 = 2 * HALF as u16 + 4;
/// Columns of a border and the blank beside it, on both sides.
const BESIDE: u16 = 2;

/// A page of help: what is on the screen first, then what is so everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Keys, side by side where there is room.
    pub(crate) keys: Vec<Group>,
    /// What the numbers mean.
    pub(crate) words: Group,
}

impl Page {
    /// Entries that can be scrolled through, a key, a word or a title each.
    pub(crate) fn entries(&self) -> usize {
        let groups = self.keys.iter().chain([&self.words]);
        groups.map(|group| group.entries.len() + 2).sum()
    }

    /// Draws it in the middle of an area without its first entries, over what is there.
    pub(crate) fn draw(&self, area: Rect, buffer: &mut Buffer, first: usize, bindings: &Bindings) {
        let width = area.width.min(WIDEST);
        let inner = usize::from(width.saturating_sub(BESIDE));
        let entries = self.lines(inner, bindings);
        // Side by side they are fewer than can be scrolled through.
        let first = first.min(entries.len().saturating_sub(1));
        let lines = entries[first..].concat();
        let rows = u16::try_from(entries.concat().len()).unwrap_or(u16::MAX);
        let place = middle(area, width, rows.saturating_add(2));
        place.positions().for_each(|at| buffer[at].reset());
        let panel = Panel::new(place);
        let is_framed = panel.inner.width < place.width;
        let inside = if is_framed { panel.inner } else { place };
        if is_framed {
            panel.draw(Line::from(name("help")), "Esc closes it", buffer);
        }
        facts::draw_as_many(inside, buffer, &lines);
    }

    fn lines(&self, width: usize, bindings: &Bindings) -> Vec<Vec<Line<'static>>> {
        let keys = match width >= 2 * HALF {
            true => side_by_side(&self.keys, bindings),
            false => self.keys.iter().flat_map(|group| wrapped(group, width, bindings)).collect(),
        };
        // What numbers mean has names of its own, and no keys.
        keys.into_iter().chain(wrapped(&self.words, width, &Bindings::default())).collect()
    }
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

fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    Rect { x, y, width, height }
}

/// The groups in two columns of about the same height, in their order.
fn side_by_side(groups: &[Group], bindings: &Bindings) -> Vec<Vec<Line<'static>>> {
    let halves;
    let groups = match groups {
        // One alone stands in both columns.
        &[Group { title, entries }] => {
            let (left, right) = entries.split_at(entries.len().div_ceil(2));
            halves = [Group { title, entries: left }, Group { title: " ", entries: right }];
            &halves
        }
        several => several,
    };
    let lines: Vec<Vec<Line<'static>>> =
        groups.iter().map(|group| wrapped(group, HALF, bindings).concat()).collect();
    let all: usize = lines.iter().map(Vec::len).sum();
    let mut columns = [Vec::new(), Vec::new()];
    for group in lines {
        let fits = columns[1].is_empty() && columns[0].len() + group.len() / 2 <= all.div_ceil(2);
        columns[usize::from(!fits)].extend(group);
    }
    let [left, right] = columns;
    let rows = left.len().max(right.len());
    let row = |row: usize| {
        let mut line = left.get(row).cloned().unwrap_or_default();
        if let Some(other) = right.get(row) {
            line.push_span(Span::raw(" ".repeat(HALF.saturating_sub(line.width()))));
            line.spans.extend(other.spans.iter().cloned());
        }
        vec![line]
    };
    (0..rows).map(row).collect()
}

/// The title of a group, and the lines of each entry, one or as many as it takes.
fn wrapped(group: &Group, width: usize, bindings: &Bindings) -> Vec<Vec<Line<'static>>> {
    let title = Style::new().fg(Color::Reset).add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    let title =
        (!group.title.is_empty()).then(|| vec![Line::styled(group.title.to_owned(), title)]);
    let of_one = |&(what, meaning): &Explained| {
        let what = bindings.relabel(what);
        let room = width.saturating_sub(KEY_COLUMN.max(text::width(&what) + 1));
        let mut meanings = text::wrapped(meaning, room.max(8)).into_iter();
        let first = line(&what, meanings.next().unwrap_or_default());
        let rest = meanings.map(|meaning| line("", meaning));
        std::iter::once(first).chain(rest).collect()
    };
    title.into_iter().chain(group.entries.iter().map(of_one)).collect()
}

fn line(what: &str, meaning: String) -> Line<'static> {
    let width = text::width(what);
    let gap = KEY_COLUMN.saturating_sub(width).max(usize::from(width > 0));
    let what = Span::styled(what.to_owned(), Style::new().add_modifier(Modifier::BOLD));
    let meaning = Span::styled(meaning, Style::new().fg(MUTED));
    Line::from(vec![what, Span::raw(" ".repeat(gap)), meaning])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::ViewKind;

    fn drawn(page: &Page, (width, height): (u16, u16), first: usize) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::filled(area, ratatui::buffer::Cell::new("x"));
        page.draw(area, &mut buffer, first, &Bindings::default());
        crate::frame_text::plain(&buffer).lines().map(str::to_owned).collect()
    }

    fn page(view: ViewKind) -> Page {
        view.build().help()
    }

    #[test]
    fn keys_fit_side_by_side_on_a_usual_terminal() {
        let groups = ViewKind::ALL.into_iter().flat_map(|view| page(view).keys);
        for (what, meaning) in groups.flat_map(|group| group.entries) {
            assert!(text::width(what) < KEY_COLUMN, "{what}");
            assert!(text::width(meaning) < HALF - KEY_COLUMN, "{meaning}");
        }
    }

    #[test]
    fn the_box_stands_in_the_middle_and_the_view_is_seen_around_it() {
        for view in ViewKind::ALL {
            let rows = drawn(&page(view), (120, 40), 0);
            let top = rows.iter().position(|row| row.contains("╭─ help ")).unwrap();
            let bottom = rows.iter().position(|row| row.contains('╰')).unwrap();
            assert!(top > 0 && top.abs_diff(39 - bottom) <= 1, "{}", rows.join("\n"));
            let row = &rows[top + 1];
            assert!(row.starts_with(&"x".repeat(20)) && row.ends_with(&"x".repeat(20)), "{row}");
            assert!(!rows.join("").contains("more"), "{}", rows.join("\n"));
        }
    }

    #[test]
    fn what_is_on_the_screen_comes_first_and_every_entry_can_be_scrolled_to() {
        for view in ViewKind::ALL {
            let page = page(view);
            assert_ne!(page.keys[0].title, EVERYWHERE.title);
            let all: Vec<Group> = page.keys.iter().chain([&page.words]).copied().collect();
            for (what, _) in all.iter().flat_map(|group| group.entries) {
                let shows = |first| drawn(&page, (80, 16), first).concat().contains(what);
                assert!((0..page.entries()).any(shows), "{what}");
            }
        }
    }

    #[test]
    fn a_narrow_window_breaks_meanings_and_loses_none() {
        let entries: &[Explained] = &[("dropped", "step records lost to a full queue")];
        let words = Group { title: "", entries };
        let lines: Vec<String> = wrapped(&words, 39, &Bindings::default())
            .concat()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(lines, ["dropped       step records lost to a", "              full queue"]);
    }
}
