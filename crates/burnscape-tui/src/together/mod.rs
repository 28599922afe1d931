//! Several runs that were marked in the list, shown together: their curves, their surfaces, their numbers. All of them are
//! followed while they train.

mod curves;
mod key;
mod measures;
mod member;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, MouseEvent};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use self::curves::Curves;
use self::key::colour;
use self::measures::Measures;
use self::member::Member;
use crate::bindings::Bindings;
use crate::message::Message;
use crate::mouse;
use crate::palette::MUTED;
use crate::runs::Chosen;
use crate::sight;
use crate::surround::{Parts, Surround};
use crate::views::help::{Explained, Group, Page};
use crate::views::{Beside, SurfacesBeside, ViewKind};
use crate::widgets::{areas, text};
use crate::wishes::Wishes;

/// What is shown of the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Curves,
    Surfaces,
    Measures,
}

/// Several runs at once.
#[derive(Debug)]
pub(crate) struct Together {
    members: Vec<Member>,
    side: Side,
    curves: Curves,
    surfaces: SurfacesBeside,
    measures: Measures,
    surround: Surround,
    mouse_at: (u16, u16),
}

impl Together {
    /// Opens runs, each as far as it is written; one that cannot be opened is shown with the reason.
    pub(crate) fn new(chosen: &[Chosen], view: Option<ViewKind>, bindings: Bindings) -> Self {
        let mut together = Self {
            members: chosen.iter().map(Member::new).collect(),
            side: Side::Curves,
            curves: Curves::default(),
            surfaces: SurfacesBeside::default(),
            measures: Measures::default(),
            surround: Surround::new(bindings),
            mouse_at: (0, 0),
        };
        together.show(view.unwrap_or_default());
        together.surround.redraw();
        together.refresh();
        together
    }

    /// Reads on in all runs, and tells how long it may take until there is more.
    pub(crate) fn refresh(&mut self) -> Duration {
        for member in &mut self.members {
            if member.keep_up() {
                self.surround.redraw();
            }
        }
        let delays = self.members.iter().map(Member::delay);
        delays.min().unwrap_or(Member::LONGEST_DELAY)
    }

    /// Reads all that is written of all runs, as for one frame.
    pub(crate) fn read_all(&mut self) {
        self.members.iter_mut().for_each(Member::read_all);
    }

    /// Takes an event of the terminal.
    pub(crate) fn handle(&mut self, event: &Event) {
        match event {
            Event::Mouse(mouse) => self.take_mouse(*mouse),
            _ => self.surround.message(event).into_iter().for_each(|message| self.update(message)),
        }
    }

    fn take_mouse(&mut self, mouse: MouseEvent) {
        self.surround.redraw();
        let message = mouse::message(mouse, self.mouse_at, true);
        match self.side {
            Side::Curves => self.curves.take_mouse(mouse, self.data()),
            _ => message.into_iter().for_each(|message| self.update(message)),
        }
        self.mouse_at = (mouse.column, mouse.row);
    }

    /// First and last step of all runs.
    fn data(&self) -> (u64, u64) {
        let steps = self.members.iter().map(|member| sight::steps_of(member.run()));
        steps.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
    }

    /// Takes what the reader asks for.
    pub(crate) fn update(&mut self, message: Message) {
        if self.surround.take(message, &help()) {
            return;
        }
        match message {
            Message::ShowView(number) => {
                if let Some(view) = number.checked_sub(1).and_then(|at| ViewKind::ALL.get(at)) {
                    self.show(*view);
                }
            }
            Message::NextView => self.side = self.side.next(),
            Message::PreviousView => self.side = self.side.next().next(),
            Message::Abandon if self.side == Side::Curves && self.curves.go_back() => {}
            Message::Abandon => self.surround.wishes.show_list = true,
            message => match self.side {
                Side::Curves => self.curves.update(message, self.data()),
                Side::Surfaces => self.surfaces.update(message, &beside(&self.members)),
                Side::Measures => self.measures.update(message, &self.members),
            },
        }
    }

    /// A view of one run leads to what there is of several.
    fn show(&mut self, view: ViewKind) {
        self.surround.close_help();
        self.side = match view {
            ViewKind::Landscape => Side::Surfaces,
            ViewKind::Sharpness => Side::Measures,
            _ => Side::Curves,
        };
    }

    /// Tells the reader what just happened; it goes away with the next key.
    pub(crate) fn say(&mut self, sentence: String) {
        self.surround.say(sentence);
    }

    /// Something to draw changed, since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        self.surround.take_changed()
    }

    /// What the reader wants of the loop.
    pub(crate) fn wishes(&mut self) -> &mut Wishes {
        &mut self.surround.wishes
    }

    /// The reader wants to leave.
    pub(crate) fn wants_quit(&self) -> bool {
        self.surround.wishes.quit
    }

    /// Something moves by itself.
    pub(crate) fn wants_ticks(&self) -> bool {
        !self.surround.shows_help() && self.side == Side::Surfaces && self.surfaces.is_rotating()
    }

    /// What is shown, in a word.
    pub(crate) fn title(&self) -> &'static str {
        self.side.word()
    }

    /// Draws everything.
    pub(crate) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        self.draw_parts(area, buffer, true);
    }

    /// Draws without keys, as for a picture that is kept.
    pub(crate) fn draw_still(&self, area: Rect, buffer: &mut Buffer) {
        self.draw_parts(area, buffer, false);
    }

    fn draw_parts(&self, area: Rect, buffer: &mut Buffer, with_keys: bool) {
        let parts = Parts {
            page: help(),
            keys: (self.side.keys(), MUTED),
            draw_head: &|row, buffer| self.draw_header(row, buffer),
            draw_body: &|area, buffer| self.draw_side(area, buffer),
        };
        self.surround.draw(&parts, with_keys, area, buffer);
    }

    fn draw_header(&self, row: Rect, buffer: &mut Buffer) {
        let place = if self.side == Side::Curves { self.curves.place() } else { String::new() };
        let count = format!("{} runs together{place}", self.members.len());
        text::put(buffer, row, &count, Style::new().add_modifier(Modifier::BOLD));
        let mut rest = row;
        for side in [Side::Measures, Side::Surfaces, Side::Curves] {
            let label = format!(" {} {} ", side.key(), side.word());
            let (left, place) = areas::split_right(rest, text::width(&label) as u16);
            let is_shown = side == self.side;
            let shown = Style::new().add_modifier(Modifier::REVERSED);
            let style = if is_shown { shown } else { Style::new().fg(MUTED) };
            if left.width > text::width(&count) as u16 {
                text::put(buffer, place, &label, style);
            }
            rest = left;
        }
    }

    fn draw_side(&self, area: Rect, buffer: &mut Buffer) {
        match self.side {
            Side::Curves => self.curves.draw(&self.members, area, buffer),
            Side::Surfaces => self.surfaces.draw(&beside(&self.members), area, buffer),
            Side::Measures => self.measures.draw(&self.members, area, buffer),
        }
    }
}

impl Side {
    fn next(self) -> Self {
        match self {
            Self::Curves => Self::Surfaces,
            Self::Surfaces => Self::Measures,
            Self::Measures => Self::Curves,
        }
    }

    /// The number of the view of one run that shows the same.
    fn key(self) -> usize {
        match self {
            Self::Curves => ViewKind::Overview.number(),
            Self::Surfaces => ViewKind::Landscape.number(),
            Self::Measures => ViewKind::Sharpness.number(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Curves => "Curves",
            Self::Surfaces => "Surfaces",
            Self::Measures => "Measures",
        }
    }

    fn keys(self) -> &'static str {
        match self {
            Self::Curves => {
                "q quit  ? help  L list  1 4 5 Tab view  ← → step  + - zoom  v next  s smooth  y scale  e save"
            }
            Self::Surfaces => {
                "q quit  ? help  L list  1 4 5 Tab view  m map  arrows turn  < > height  r rotate  [ ] slice  v more"
            }
            Self::Measures => {
                "q quit  ? help  L list  1 4 5 Tab view  ← → column  v turn order  e save"
            }
        }
    }
}

/// The runs with their names and colours, as surfaces want them.
fn beside(members: &[Member]) -> Vec<Beside<'_>> {
    let of = |(number, member): (usize, _)| {
        let member: &Member = member;
        let name = format!("{} {}", number + 1, member.name());
        Beside { run: member.run(), name, colour: colour(number) }
    };
    members.iter().enumerate().map(of).collect()
}

/// What the help says.
fn help() -> Page {
    Page {
        keys: vec![Group { title: "Several runs", entries: KEYS }],
        words: Group { title: "What it tells", entries: WORDS },
    }
}

const KEYS: &[Explained] = &[
    ("1, 4, 5, Tab", "curves, surfaces, table"),
    ("v", "more charts, surfaces"),
    ("y s", "scale; smooth the lines"),
    ("← →, + - 0", "step; zoom in time"),
    ("arrows", "turn all; choose column"),
    ("m < > r + -", "map, height, turn, zoom"),
    ("[ ]", "previous, next slice"),
    ("L, Esc", "back to the list"),
    ("u", "glyphs: fewer, then all"),
    ("e", "view into SVG and text"),
    ("R, Ctrl-L", "draw everything again"),
    ("Ctrl-Z", "to the shell until `fg`"),
    ("q, Ctrl-C", "leave; training goes on"),
];

const WORDS: &[Explained] = &[
    ("1 2 3", "the runs by number: at the ends of their lines, above their surfaces"),
    ("surfaces", "on one scale, height and camera; what was measured otherwise is said below"),
    ("measures", "of the last epoch, the last curvature and the first random slice of each run"),
    ("one run each", "says nothing of seeds: `burnscape compare` gives intervals over several"),
];

#[cfg(test)]
mod tests;
