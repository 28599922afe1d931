//! Which blocks or runs are shown: those whose name matches what the reader typed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::message::Message;
use crate::palette::{MUTED, WARNING};
use crate::widgets::{glob, text};

/// Longer than any name that somebody types.
const MOST_CHARACTERS: usize = 200;

/// A pattern, and whether it is being typed.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pattern: String,
    /// The pattern as it was before the reader began to type.
    before: Option<String>,
}

impl Filter {
    pub(crate) fn is_typing(&self) -> bool {
        self.before.is_some()
    }

    /// There is something to be said about it.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_typing() || !self.pattern.is_empty()
    }

    /// Takes a message; `false`: it is not for the filter.
    pub(crate) fn update(&mut self, message: Message) -> bool {
        match message {
            Message::StartFilter => self.before = Some(self.pattern.clone()),
            Message::Abandon if self.is_shown() => {
                // What was typed is dropped; a filter that was kept goes with a second one.
                self.pattern = self.before.take().unwrap_or_default();
            }
            Message::Type(character) if self.is_typing() => self.push(character),
            Message::Erase if self.is_typing() => drop(self.pattern.pop()),
            Message::EraseAll if self.is_typing() => self.pattern.clear(),
            Message::Accept if self.is_typing() => self.before = None,
            _ => return false,
        }
        true
    }

    /// Takes a pattern as if it had been typed.
    pub(crate) fn keep(&mut self, pattern: &str) {
        (self.pattern, self.before) = (pattern.to_owned(), None);
    }

    /// Whether a name matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        glob::matches(&self.pattern, name)
    }

    /// Draws the pattern, and how many of all match it.
    pub(crate) fn draw(
        &self,
        (shown, of): (usize, usize),
        what: &str,
        row: Rect,
        buffer: &mut Buffer,
    ) {
        let count = format!("  {shown} of {of} {what}");
        let room = usize::from(row.width).saturating_sub(text::width(&count) + 3);
        let pattern = text::cut_start(&text::printable(&self.pattern), room);
        let mut line = Line::from(Span::styled(format!("/{pattern}"), bold()));
        if self.is_typing() {
            line.push_span(Span::styled(" ", Style::new().add_modifier(Modifier::REVERSED)));
        }
        let colour = if shown == 0 { WARNING } else { MUTED };
        line.push_span(Span::styled(count, Style::new().fg(colour)));
        buffer.set_line(row.x, row.y, &line, row.width);
    }

    fn push(&mut self, character: char) {
        let has_room = self.pattern.chars().count() < MOST_CHARACTERS;
        self.pattern.extend(Some(character).filter(|it| has_room && !it.is_control()));
    }
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}
