//! The application apart from any terminal: messages and records in, a frame out.

use burnscape_trace::{Item, Record};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;

use crate::message::Message;
use crate::model::Run;
use crate::views::{self, Frame, View, ViewKind, help};

/// The run, the views on it, and what the reader chose.
#[derive(Debug)]
pub struct App {
    run: Run,
    /// The run as it was when the reader paused.
    held: Option<Box<Run>>,
    views: Vec<Box<dyn View>>,
    current: usize,
    help: bool,
    with_keys: bool,
    wishes: Wishes,
    changed: bool,
}

/// What the reader wants of the loop around the application.
#[derive(Debug, Clone, Copy, Default)]
struct Wishes {
    quit: bool,
    suspend: bool,
    repaint: bool,
}

impl App {
    /// An application that shows a view of a run.
    #[must_use]
    pub fn new(run: Run, view: ViewKind) -> Self {
        Self {
            run,
            held: None,
            views: ViewKind::ALL.into_iter().map(ViewKind::build).collect(),
            current: view as usize,
            help: false,
            with_keys: true,
            wishes: Wishes::default(),
            changed: true,
        }
    }

    /// The same without the line of keys, for a frame that is printed.
    #[must_use]
    pub fn without_keys(mut self) -> Self {
        self.with_keys = false;
        self
    }

    /// The run, as far as it was recorded.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Takes a record of the run.
    pub fn apply(&mut self, record: &Record) {
        self.run.apply(record);
        self.changed = true;
    }

    /// Takes an item of a reader or follower.
    pub fn apply_item(&mut self, item: &Item) {
        self.run.apply_item(item);
        self.changed = true;
    }

    /// Starts over with another run: the folder was taken by a new one.
    pub fn replace_run(&mut self, run: Run) {
        (self.run, self.held, self.changed) = (run, None, true);
    }

    /// Takes an event of the terminal. What a key means depends on what is open: while the reader types a
    /// filter, letters are text and no commands.
    pub fn handle(&mut self, event: &Event) {
        let message = match self.is_typing() {
            true => Message::from_typing(event),
            false => Message::from_event(event),
        };
        if let Some(message) = message {
            self.update(message);
        }
    }

    /// Takes what the reader asks for.
    pub fn update(&mut self, message: Message) {
        self.changed = true;
        let views = self.views.len();
        match message {
            Message::Quit => self.wishes.quit = true,
            Message::Suspend => self.wishes.suspend = true,
            Message::Repaint => self.wishes.repaint = true,
            Message::Resize => {}
            Message::ToggleHelp => self.help = !self.help,
            Message::TogglePause => self.toggle_pause(),
            Message::ShowView(number) if number > views => {}
            Message::ShowView(number) => self.show(number.saturating_sub(1)),
            Message::NextView => self.show((self.current + 1) % views),
            Message::PreviousView => self.show((self.current + views - 1) % views),
            _ => self.update_view(message),
        }
    }

    /// Draws everything, as it is to be without regard to what the terminal can.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let run = self.shown();
        let frame = Frame {
            run,
            views: &self.views,
            current: self.current,
            paused: self.held.is_some(),
            typing: self.is_typing(),
            with_keys: self.with_keys,
        };
        frame.draw(area, buffer);
        let body = views::body(area, self.with_keys);
        if self.help {
            help::draw(body, buffer, self.views[self.current].words());
        } else {
            self.views[self.current].draw(run, body, buffer);
        }
    }

    /// The reader wants to leave.
    #[must_use]
    pub fn wants_quit(&self) -> bool {
        self.wishes.quit
    }

    /// The reader wanted to go back to the shell, since this was last asked.
    pub fn take_suspend(&mut self) -> bool {
        std::mem::take(&mut self.wishes.suspend)
    }

    /// The reader wanted everything drawn again, since this was last asked.
    pub fn take_repaint(&mut self) -> bool {
        std::mem::take(&mut self.wishes.repaint)
    }

    /// Something to draw changed, since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn is_typing(&self) -> bool {
        self.views[self.current].is_typing() && !self.help
    }

    fn shown(&self) -> &Run {
        self.held.as_deref().unwrap_or(&self.run)
    }

    fn toggle_pause(&mut self) {
        self.held = match self.held.take() {
            Some(_) => None,
            None => Some(Box::new(self.run.clone())),
        };
    }

    fn show(&mut self, view: usize) {
        self.current = view;
        self.help = false;
    }

    fn update_view(&mut self, message: Message) {
        let run = self.held.as_deref().unwrap_or(&self.run);
        self.views[self.current].update(message, run);
    }
}
