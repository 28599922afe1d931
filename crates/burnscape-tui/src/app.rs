//! The application apart from any terminal: messages and records in, a frame out.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use burnscape_trace::{Item, Record};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use crate::bindings::Bindings;
use crate::command::Command;
use crate::message::Message;
use crate::model::Run;
use crate::mouse;
use crate::palette::ColourMap;
use crate::pointing::Pointing;
use crate::save_picture;
use crate::shown::Shown;
use crate::sight::{self, Sight};
use crate::still::Still;
use crate::terminal_profile::Glyphs;
use crate::views::dialog::{Answer, Decision, Dialog};
use crate::views::{self, Frame, View, ViewKind, printed_pane};
use crate::wishes::Wishes;

/// From one [`Message::Tick`] to the next: nearly four frames a second turn a surface within the 60 kB/s that a
/// slow link carries.
pub const TICK: Duration = Duration::from_millis(270);

/// The run, the views on it, and what the reader chose.
#[derive(Debug)]
pub struct App {
    run: Run,
    /// The run as it was when the reader paused.
    held: Option<Box<Run>>,
    views: Vec<Box<dyn View>>,
    current: usize,
    /// First entry of the help that is seen, while it is open.
    help: Option<usize>,
    with_keys: bool,
    with_list: bool,
    /// What just happened, until the next key.
    said: Option<String>,
    /// What goes on being wrong.
    trouble: Option<String>,
    colours: ColourMap,
    wishes: Wishes,
    changed: bool,
    /// Leaving is a question: this application is shown by the training itself.
    is_attached: bool,
    dialog: Option<Dialog>,
    decision: Option<Decision>,
    /// Records that never came to the screen.
    unseen: u64,
    /// For how long the process that wrote has been gone.
    gone_secs: Option<u64>,
    /// How much of the run was read so far, in percent; `None`: all of it.
    read_percent: Option<u8>,
    /// The same in all views.
    sight: Sight,
    /// A command that is being typed.
    command: Option<String>,
    /// What the program prints while its terminal is taken, the last lines, and whether they are shown.
    printed: Vec<String>,
    hides_printed: bool,
    /// Where it was drawn last, for the mouse, and where that was last seen.
    drawn_on: Cell<Rect>,
    mouse_at: (u16, u16),
    pointing: Pointing,
    bindings: Bindings,
}

/// Characters of a command at most.
const LONGEST_COMMAND: usize = 60;

impl App {
    /// An application that shows a view of a run.
    #[must_use]
    pub fn new(run: Run, view: ViewKind) -> Self {
        Self {
            run,
            held: None,
            views: ViewKind::ALL.into_iter().map(ViewKind::build).collect(),
            current: view as usize,
            help: None,
            with_keys: true,
            with_list: false,
            said: None,
            trouble: None,
            colours: ColourMap::default(),
            wishes: Wishes::default(),
            changed: true,
            is_attached: false,
            dialog: None,
            decision: None,
            unseen: 0,
            gone_secs: None,
            read_percent: None,
            sight: Sight::default(),
            command: None,
            printed: Vec::new(),
            hides_printed: false,
            drawn_on: Cell::new(Rect::ZERO),
            mouse_at: (0, 0),
            pointing: Pointing::default(),
            bindings: Bindings::default(),
        }
    }

    /// The same without the line of keys, for a frame that is printed.
    #[must_use]
    pub fn without_keys(mut self) -> Self {
        self.with_keys = false;
        self
    }

    /// The same with the keys of the reader.
    #[must_use]
    pub fn with_bindings(mut self, bindings: Bindings) -> Self {
        self.bindings = bindings;
        self
    }

    /// The same as one of several: there is a list to go back to.
    #[must_use]
    pub fn with_list(mut self) -> Self {
        self.with_list = true;
        self
    }

    /// The same inside the process that trains: leaving asks whether to detach or to stop training, and
    /// [`take_decision`](Self::take_decision) gives the answer.
    #[must_use]
    pub fn attached_to_training(mut self) -> Self {
        self.is_attached = true;
        self
    }

    /// What the reader decided, since this was last asked.
    #[must_use]
    pub fn take_decision(&mut self) -> Option<Decision> {
        self.decision.take()
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

    /// Says how many records never came to the screen; the file has them.
    pub(crate) fn set_unseen(&mut self, records: u64) {
        self.changed |= self.unseen != records;
        self.unseen = records;
    }

    /// Takes an item of a reader or follower.
    pub fn apply_item(&mut self, item: &Item) {
        self.run.apply_item(item);
        self.changed = true;
    }

    /// Takes a record that a shard measured beside the run.
    pub(crate) fn apply_of_shard(&mut self, record: &Record) {
        self.run.apply_of_shard(record);
        self.changed = true;
    }

    /// Starts over with another run: the folder was taken by a new one.
    pub fn replace_run(&mut self, run: Run) {
        (self.run, self.held, self.changed) = (run, None, true);
    }

    /// Tells the reader what just happened; it goes away with the next key.
    pub fn say(&mut self, sentence: impl Into<String>) {
        (self.said, self.changed) = (Some(sentence.into()), true);
    }

    /// Tells the reader what goes on being wrong, or that nothing is any more.
    pub fn set_trouble(&mut self, trouble: Option<String>) {
        if self.trouble != trouble {
            (self.trouble, self.changed) = (trouble, true);
            // What was said before is older news.
            self.said.take_if(|_| self.trouble.is_some());
        }
    }

    /// Tells for how many seconds nothing was written; it is shown in whole minutes.
    pub fn set_silent_secs(&mut self, secs: u64) {
        self.changed |= self.run.set_silent_secs(secs);
    }

    /// Tells for how many seconds the process that wrote has been gone; `None`: it is there, or nobody knows.
    pub(crate) fn set_gone_secs(&mut self, secs: Option<u64>) {
        self.changed |= self.gone_secs != secs;
        self.gone_secs = secs;
    }

    /// Tells how much of a run that is being opened was read, from 0 to 1; `None`: all of it.
    pub(crate) fn set_read_share(&mut self, share: Option<f64>) {
        let percent = share.map(|it| (it.clamp(0.0, 1.0) * 100.0) as u8);
        self.changed |= self.read_percent != percent;
        self.read_percent = percent;
    }

    /// Shows the last lines that the program printed while its terminal was taken.
    pub(crate) fn set_printed(&mut self, lines: Vec<String>) {
        (self.printed, self.changed) = (lines, true);
    }

    /// The view that is shown.
    #[must_use]
    pub fn view_title(&self) -> &'static str {
        self.views[self.current].title()
    }

    /// Takes an event of the terminal. What a key means depends on what is open: while the reader types a
    /// filter, letters are text and no commands.
    pub fn handle(&mut self, event: &Event) {
        if self.dialog.is_some() {
            return self.answer(event);
        }
        if let Event::Mouse(mouse) = event {
            return self.take_mouse(*mouse);
        }
        let message = match self.is_typing() {
            true => Message::from_typing(event),
            false => self.bindings.usual(event).and_then(|usual| Message::from_event(&usual)),
        };
        if let Some(message) = message {
            self.update(message);
        }
    }

    /// Takes what the reader asks for.
    pub fn update(&mut self, message: Message) {
        self.changed = true;
        if message.is_of_the_reader() {
            self.said = None;
        }
        if message == Message::Quit {
            return self.leave();
        }
        if self.type_command(message) || self.scroll_help(message) || self.wishes.take(message) {
            return;
        }
        if self.move_in_time(message) {
            return;
        }
        let views = self.views.len();
        match message {
            Message::Resize => {}
            Message::Abandon => self.go_back(),
            Message::StartCommand => self.command = Some(String::new()),
            Message::ToggleHelp => self.help = self.help.xor(Some(0)),
            Message::TogglePause => self.toggle_pause(),
            Message::TogglePrinted => self.hides_printed = !self.hides_printed,
            Message::NextColours => self.colours = self.colours.next(),
            Message::ShowView(number) if number > views => {}
            Message::ShowView(number) => self.show(number.saturating_sub(1)),
            Message::NextView => self.show((self.current + 1) % views),
            Message::PreviousView => self.show((self.current + views - 1) % views),
            _ => self.update_view(message),
        }
    }

    /// Draws everything, as it is to be without regard to what the terminal can.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        self.draw_parts(area, buffer, self.with_keys);
    }

    /// Draws the view and what stands above it, as for a picture that is kept.
    pub fn draw_still(&self, area: Rect, buffer: &mut Buffer) {
        self.draw_parts(area, buffer, false);
    }

    fn draw_parts(&self, area: Rect, buffer: &mut Buffer, with_keys: bool) {
        let area = area.intersection(buffer.area);
        self.drawn_on.set(area);
        if area.is_empty() {
            return;
        }
        let run = self.shown();
        let said =
            self.command.as_ref().map(|typed| format!(":{typed}▏")).or_else(|| self.said.clone());
        let frame = Frame {
            run,
            views: &self.views,
            current: self.current,
            paused: self.held.is_some(),
            unseen: self.unseen,
            gone_secs: self.gone_secs.filter(|_| !self.run.state().is_over()),
            read_percent: self.read_percent,
            typing: self.is_typing(),
            with_keys,
            with_list: self.with_list,
            said: said.as_deref(),
            sight: self.sight,
            trouble: self.trouble.as_deref(),
            colours: self.colours,
            bindings: self.bindings,
        };
        let body = views::body(area, with_keys);
        let hidden = self.hides_printed || !with_keys;
        let body = printed_pane::draw(if hidden { &[] } else { &self.printed }, body, buffer);
        self.views[self.current].draw(run, body, buffer);
        if let Some(first) = self.help.filter(|_| with_keys) {
            self.views[self.current].help().draw(body, buffer, first, &self.bindings);
        }
        // What is to be said may need a row of the view, where there is none below it.
        frame.draw(area, buffer);
        if let Some(dialog) = &self.dialog {
            dialog.draw(self.run.state(), area, buffer);
        }
        self.colours.recolour(buffer);
    }

    /// The reader wants to leave.
    #[must_use]
    pub fn wants_quit(&self) -> bool {
        self.wishes.quit
    }

    /// What the reader wants of the loop, since this was last asked.
    pub(crate) fn take_wishes(&mut self) -> Wishes {
        self.wishes.drain()
    }

    /// Something moves by itself: [`Message::Tick`] is to come once in [`TICK`].
    #[must_use]
    pub fn wants_ticks(&self) -> bool {
        self.help.is_none() && self.views[self.current].wants_ticks(self.shown())
    }

    /// Something to draw changed, since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Leaves, or asks what that means where training shows itself.
    fn leave(&mut self) {
        match self.is_attached && !self.run.state().is_over() {
            true => self.dialog = Some(Dialog::default()),
            false => self.wishes.quit = true,
        }
    }

    /// Takes an answer to the open question.
    fn answer(&mut self, event: &Event) {
        self.changed = true;
        let answer = self.dialog.as_mut().map_or(Answer::Cancel, |dialog| dialog.handle(event));
        if answer == Answer::None {
            return;
        }
        if let Answer::Suspend = answer {
            self.wishes.suspend = true;
            return;
        }
        self.dialog = None;
        if let Answer::Is(decision) = answer {
            self.decision = Some(decision);
        }
    }

    fn is_typing(&self) -> bool {
        let is_view_typing = self.views[self.current].is_typing() && self.help.is_none();
        self.command.is_some() || is_view_typing
    }

    /// First and last step of the run.
    fn data(&self) -> (u64, u64) {
        sight::steps_of(self.shown())
    }

    /// Moves the cursor of time or zooms around it; `false`: the message is for others.
    fn move_in_time(&mut self, message: Message) -> bool {
        let (data, sight) = (self.data(), self.sight);
        if self.help.is_some() || !self.views[self.current].moves_in_time(self.shown()) {
            return false;
        }
        let after = sight.after(message, data);
        after.into_iter().for_each(|sight| self.look_at(sight));
        after.is_some()
    }

    /// The same in all views.
    fn look_at(&mut self, sight: Sight) {
        self.sight = sight;
        self.views.iter_mut().for_each(|view| view.look_at(sight));
    }

    /// One level back: what is open in the view, then the cursor, then the list.
    fn go_back(&mut self) {
        if self.views[self.current].go_back() {
            return;
        }
        if !self.sight.is_live() {
            self.look_at(self.sight.live());
        } else if self.with_list {
            self.wishes.take(Message::ShowList);
        }
    }

    /// The mouse on a picture over steps; `false`: it is elsewhere, or means nothing there.
    fn point_at_time(&mut self, mouse: MouseEvent) -> bool {
        if self.help.is_some() {
            return false;
        }
        let plot = self.views[self.current].plot_at((mouse.column, mouse.row));
        let after = self.pointing.sight_after(mouse, plot, self.sight, self.data());
        after.into_iter().for_each(|sight| self.look_at(sight));
        self.changed |= after.is_some();
        after.is_some()
    }

    /// What the mouse asks for: the wheel scrolls or zooms, a tab or a place is picked, a surface is dragged.
    fn take_mouse(&mut self, mouse: MouseEvent) {
        if self.point_at_time(mouse) {
            return self.mouse_at = (mouse.column, mouse.row);
        }
        let at = (mouse.column, mouse.row);
        let picks = matches!(mouse.kind, MouseEventKind::Down(_));
        let tab = || views::tab_at(&self.views, self.current, self.drawn_on.get(), at);
        let zooms =
            mouse.modifiers.contains(KeyModifiers::CONTROL) || !self.views[self.current].scrolls();
        let message = match picks.then(tab).flatten() {
            Some(tab) => Some(Message::ShowView(tab + 1)),
            None => mouse::message(mouse, self.mouse_at, zooms),
        };
        self.mouse_at = at;
        if let Some(message) = message {
            self.update(message);
        }
    }

    /// Takes a key of a command; `false`: none is being typed.
    fn type_command(&mut self, message: Message) -> bool {
        let Some(typed) = &mut self.command else {
            return false;
        };
        match message {
            Message::Type(character)
                if !character.is_control() && typed.len() < LONGEST_COMMAND =>
            {
                typed.push(character);
            }
            // Nothing left to take back is a way out, as in vi.
            Message::Erase if typed.pop().is_none() => self.command = None,
            Message::EraseAll => typed.clear(),
            Message::Abandon => self.command = None,
            Message::Accept => {
                let typed = std::mem::take(typed);
                self.command = None;
                self.obey(&typed);
            }
            Message::Quit | Message::Suspend | Message::Repaint | Message::Resize => return false,
            _ => {}
        }
        true
    }

    /// Does what was typed, or says what could have been.
    fn obey(&mut self, typed: &str) {
        match Command::of(typed) {
            Some(Command::Is(message)) => self.update(message),
            Some(Command::Step(step)) => {
                self.look_at(self.sight.at(step, self.data()));
            }
            None => self.say(format!("no command `{typed}`: {}", Command::ALL)),
        }
    }

    /// Moves in the help while it is open; `false`: the message is for others.
    fn scroll_help(&mut self, message: Message) -> bool {
        let entries = self.views[self.current].help().entries();
        views::help::moved(&mut self.help, entries, message)
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
        self.help = None;
    }

    fn update_view(&mut self, message: Message) {
        let run = self.held.as_deref().unwrap_or(&self.run);
        self.views[self.current].update(message, run);
    }
}

impl Shown for App {
    fn say(&mut self, sentence: String) {
        Self::say(self, sentence);
    }

    fn still(&self, area: Rect) -> Option<Still> {
        let mut still = self.views[self.current].still(self.shown(), area)?;
        still.pixels.iter_mut().for_each(|pixel| *pixel = self.colours.of(*pixel));
        Some(still)
    }

    fn save_picture(&self, area: Rect, glyphs: Glyphs) -> String {
        let mut frame = Buffer::empty(area);
        self.draw_still(area, &mut frame);
        let names = (self.run.name(), self.view_title());
        save_picture::saved(&frame, Path::new("."), names, glyphs)
    }
}
