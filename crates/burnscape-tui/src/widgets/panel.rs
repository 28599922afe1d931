//! A panel: a thin border whose upper side holds a name and a value, and whose lower side may hold an axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{areas, text};
use crate::palette::{MUTED, RULE};

/// Smaller areas have no room for a border: their first row is the title, and the last one the axis.
const BORDER_FROM: (u16, u16) = (36, 9);

/// What is left of an area inside its border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panel {
    /// The row of the title, without corners.
    pub title: Rect,
    /// The inside.
    pub inner: Rect,
    /// The row below the inside, as wide as it: part of the border, or free.
    pub below: Rect,
    has_border: bool,
}

impl Panel {
    /// Cuts an area.
    #[must_use]
    pub fn new(area: Rect) -> Self {
        let has_border = area.width >= BORDER_FROM.0 && area.height >= BORDER_FROM.1;
        let side = u16::from(has_border);
        let within = areas::split_right(areas::split_left(area, side).1, side).0;
        let (title, rest) = areas::split_top(within, 1);
        let (inner, below) = areas::split_bottom(rest, 1);
        Self { title, inner, below, has_border }
    }

    /// Draws the border and the title: the left part whole as far as it fits, then the right part if there is room.
    pub fn draw(&self, left: Line<'_>, right: &str, buffer: &mut Buffer) {
        if self.has_border {
            self.draw_border(buffer);
        }
        let gap = u16::from(self.has_border);
        let room = areas::split_right(areas::split_left(self.title, gap).1, gap).0;
        let left = match self.has_border {
            true => padded(left),
            false => left,
        };
        let width = left.width() as u16;
        buffer.set_line(room.x, room.y, &left, room.width);
        let right = if self.has_border && !right.is_empty() {
            format!(" {right} ")
        } else {
            right.to_owned()
        };
        if !right.is_empty() && width + text::width(&right) as u16 + 1 < room.width {
            text::put_right(buffer, room, &right, Style::new().fg(MUTED));
        }
    }

    fn draw_border(&self, buffer: &mut Buffer) {
        let rule = Style::new().fg(RULE);
        let (left, right) = (self.title.x - 1, self.title.right());
        let line = "─".repeat(usize::from(self.title.width));
        let rows = [(self.title.y, "╭", "╮"), (self.below.y, "╰", "╯")];
        for (y, begins, ends) in rows {
            buffer.set_string(left, y, format!("{begins}{line}{ends}"), rule);
        }
        for y in self.inner.top()..self.inner.bottom() {
            [left, right].into_iter().for_each(|x| {
                buffer.set_string(x, y, "│", rule);
            });
        }
    }
}

/// A name in bold.
#[must_use]
pub fn name(name: &str) -> Span<'static> {
    Span::styled(name.to_owned(), Style::new().add_modifier(Modifier::BOLD))
}

fn padded(line: Line<'_>) -> Line<'_> {
    let mut spans = vec![Span::raw(" ")];
    spans.extend(line.spans);
    spans.push(Span::raw(" "));
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_holds_the_title_and_leaves_the_inside() {
        let area = Rect::new(0, 0, 36, 9);
        let mut buffer = Buffer::empty(area);
        let panel = Panel::new(area);
        panel.draw(Line::from(name("loss")), "log", &mut buffer);
        let rows: Vec<String> =
            crate::frame_text::plain(&buffer).lines().map(str::to_owned).collect();
        assert_eq!(rows[0], "╭─ loss ───────────────────── log ─╮");
        assert_eq!(rows[8], format!("╰{}╯", "─".repeat(34)));
        assert_eq!((panel.inner, panel.below), (Rect::new(1, 1, 34, 7), Rect::new(1, 8, 34, 1)));
    }

    #[test]
    fn a_small_area_has_rows_instead() {
        let panel = Panel::new(Rect::new(3, 2, 30, 6));
        assert_eq!((panel.title, panel.inner), (Rect::new(3, 2, 30, 1), Rect::new(3, 3, 30, 4)));
        let nothing = Panel::new(Rect::new(0, 0, 0, 0));
        assert!(nothing.inner.is_empty() && nothing.below.is_empty());
    }
}
