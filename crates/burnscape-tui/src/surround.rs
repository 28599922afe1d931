//! What a list of runs and several runs together have around them: a line above, the help over them, below them what is
//! said, or keys.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::bindings::Bindings;
use crate::message::Message;
use crate::palette::WARNING;
use crate::views::help::{self, Page};
use crate::views::{body, draw_sentence, keys_line};
use crate::widgets::{areas, text};
use crate::wishes::Wishes;

/// The help, what is said, and what the reader wants of the loop.
#[derive(Debug, Default)]
pub(crate) struct Surround {
    help: Option<usize>,
    said: Option<String>,
    pub(crate) wishes: Wishes,
    changed: bool,
    bindings: Bindings,
}

/// What is drawn around.
pub(crate) struct Parts<'a> {
    pub(crate) page: Page,
    /// Below it, in which colour.
    pub(crate) keys: (&'a str, Color),
    pub(crate) draw_head: &'a dyn Fn(Rect, &mut Buffer),
    pub(crate) draw_body: &'a dyn Fn(Rect, &mut Buffer),
}

impl Surround {
    /// Nothing yet, with the keys of the reader.
    pub(crate) fn new(bindings: Bindings) -> Self {
        Self { bindings, ..Self::default() }
    }

    /// What an event asks for, by the keys of the reader.
    pub(crate) fn message(&self, event: &Event) -> Option<Message> {
        self.bindings.usual(event).and_then(|usual| Message::from_event(&usual))
    }

    /// Takes a message; `false`: it is for what is surrounded.
    pub(crate) fn take(&mut self, message: Message, page: &Page) -> bool {
        self.changed = true;
        if message.is_of_the_reader() {
            self.said = None;
        }
        if message == Message::ToggleHelp {
            self.help = self.help.xor(Some(0));
            return true;
        }
        help::moved(&mut self.help, page.entries(), message) || self.wishes.take(message)
    }

    /// Tells the reader what just happened; it goes away with the next key.
    pub(crate) fn say(&mut self, sentence: String) {
        (self.said, self.changed) = (Some(sentence), true);
    }

    /// Everything is to be drawn again.
    pub(crate) fn redraw(&mut self) {
        self.changed = true;
    }

    /// Something to draw changed, since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Closes the help.
    pub(crate) fn close_help(&mut self) {
        self.help = None;
    }

    /// Whether the help is open.
    pub(crate) fn shows_help(&self) -> bool {
        self.help.is_some()
    }

    /// Draws everything; keys are of no use in a picture that is kept.
    pub(crate) fn draw(&self, parts: &Parts<'_>, with_keys: bool, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let inside = body(area, with_keys);
        if inside.y > area.y {
            (parts.draw_head)(areas::row(area, 0), buffer);
        }
        (parts.draw_body)(inside, buffer);
        if let Some(first) = self.help.filter(|_| with_keys) {
            parts.page.draw(inside, buffer, first, &self.bindings);
        }
        let last = areas::split_bottom(area, 1).1;
        let (keys, colour) = parts.keys;
        match &self.said {
            Some(said) if with_keys => draw_sentence(last, buffer, said, WARNING),
            _ if inside.bottom() == area.bottom() => {}
            _ => {
                let keys = keys_line(keys, &self.bindings, last.width);
                text::put(buffer, last, &keys, Style::new().fg(colour));
            }
        }
    }
}
