//! The list of runs on the screen: a line a run, and below it what the selected one has to say.

use std::path::{Path, PathBuf};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::course;
use super::order::Order;
use super::row::Row;
use crate::bindings::Bindings;
use crate::filter::Filter;
use crate::message::{Message, Towards};
use crate::mouse;
use crate::numbers::{loss, short, utc_minute};
use crate::palette::{BAD, MUTED, WARNING};
use crate::scroll;
use crate::surround::{Parts, Surround};
use crate::views::ViewKind;
use crate::views::help::{Explained, Group, Page};
use crate::widgets::rows::Rows;
use crate::widgets::table::{Cell, Column, Placed, first_visible, longest_name};
use crate::widgets::{areas, text};
use crate::wishes::Wishes;

/// The list, and what the reader chose in it.
#[derive(Debug, Default)]
pub(crate) struct RunList {
    /// As they were given.
    rows: Vec<Row>,
    /// As they are shown.
    shown: Vec<Row>,
    order: Order,
    filter: Filter,
    selected: Option<PathBuf>,
    chosen: Option<Choice>,
    /// Paths of the runs that are to be opened together, in the order in which they were marked.
    marked: Vec<PathBuf>,
    surround: Surround,
    /// Which runs were drawn where.
    drawn: Rows,
    mouse_at: (u16, u16),
}

/// What the reader wants to see.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Choice {
    One(Chosen),
    /// Several runs, and in which view.
    Together(Vec<Chosen>, Option<ViewKind>),
}

/// A run that is to be shown, and in which view; `None`: as the last one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) view: Option<ViewKind>,
}

impl RunList {
    /// A list of no runs yet, with the keys of the reader.
    pub(crate) fn with_bindings(bindings: Bindings) -> Self {
        Self { surround: Surround::new(bindings), ..Self::default() }
    }

    /// Takes what is known of the runs now.
    pub(crate) fn set_rows(&mut self, rows: Vec<Row>) {
        self.rows = rows;
        self.arrange();
    }

    /// Everything is to be drawn again: something else was shown meanwhile.
    pub(crate) fn redraw(&mut self) {
        self.surround.redraw();
    }

    /// Tells the reader what just happened; it goes away with the next key.
    pub(crate) fn say(&mut self, sentence: String) {
        self.surround.say(sentence);
    }

    /// What the reader wants of the loop.
    pub(crate) fn wishes(&mut self) -> &mut Wishes {
        &mut self.surround.wishes
    }

    /// The reader wants to leave.
    pub(crate) fn wants_quit(&self) -> bool {
        self.surround.wishes.quit
    }

    /// Takes an event of the terminal.
    pub(crate) fn handle(&mut self, event: &Event) {
        let message = match event {
            Event::Mouse(mouse) => {
                let before = std::mem::replace(&mut self.mouse_at, (mouse.column, mouse.row));
                mouse::message(*mouse, before, false)
            }
            _ if self.is_typing() => Message::from_typing(event),
            _ => self.surround.message(event),
        };
        message.into_iter().for_each(|message| self.update(message));
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing() && !self.surround.shows_help()
    }

    /// Takes what the reader asks for.
    pub(crate) fn update(&mut self, message: Message) {
        if self.surround.take(message, &help()) {
            return;
        }
        match message {
            _ if self.filter.update(message) => self.arrange(),
            Message::ToggleWords => self.choose(None),
            Message::ToggleMark => self.toggle_mark(),
            Message::Abandon => self.marked.clear(),
            Message::PointAt(column, row) => self.pick((column, row)),
            Message::ShowView(number) => {
                let views = ViewKind::ALL.into_iter();
                let view = views.enumerate().find(|(i, _)| i + 1 == number).map(|(_, view)| view);
                if view.is_some() {
                    self.choose(view);
                }
            }
            Message::NextLayer | Message::NextScale => {
                self.order = self.order.next();
                self.arrange();
            }
            _ => self.select(message),
        }
    }

    /// What the reader wants to see, since this was last asked.
    pub(crate) fn take_chosen(&mut self) -> Option<Choice> {
        self.chosen.take()
    }

    /// Something to draw changed, since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        self.surround.take_changed()
    }

    fn arrange(&mut self) {
        let matching = self.rows.iter().filter(|row| self.filter.matches(&row.name));
        self.shown = matching.cloned().collect();
        self.order.sort(&mut self.shown);
        self.surround.redraw();
    }

    /// Selects the run at a place of the screen; the one that is selected already is opened.
    fn pick(&mut self, place: (u16, u16)) {
        let Some(picked) = self.drawn.at(place, self.shown.len()) else { return };
        match picked == self.position() && self.selected.is_some() {
            true => self.choose(None),
            false => self.selected = Some(self.shown[picked].path.clone()),
        }
    }

    /// All marked runs together; where fewer than two are, the one that is selected.
    fn choose(&mut self, view: Option<ViewKind>) {
        let chosen = |row: &Row| Chosen { path: row.path.clone(), name: row.name.clone(), view };
        let row_of = |path: &PathBuf| self.rows.iter().find(|row| row.path == *path);
        let marked: Vec<Chosen> = self.marked.iter().filter_map(row_of).map(chosen).collect();
        self.chosen = match marked.len() {
            0 | 1 => self.selected_row().map(|row| Choice::One(chosen(row))),
            _ => Some(Choice::Together(marked, view)),
        };
    }

    /// Marks the selected run or takes its mark away, and goes on to the next one.
    fn toggle_mark(&mut self) {
        let Some(path) = self.selected_row().map(|row| row.path.clone()) else { return };
        match self.marked.iter().position(|marked| *marked == path) {
            Some(place) => drop(self.marked.remove(place)),
            None => self.marked.push(path),
        }
        self.select(Message::Move(Towards::Down));
    }

    /// What stands before the name of a row, once any is marked.
    fn mark(&self, row: &Row) -> &'static str {
        match self.marked.is_empty() {
            true => "",
            false if self.marked.contains(&row.path) => "● ",
            false => "  ",
        }
    }

    fn select(&mut self, message: Message) {
        let mut position = self.position();
        if scroll::moved(&mut position, self.shown.len().saturating_sub(1), message) {
            self.selected = self.shown.get(position).map(|row| row.path.clone());
        }
    }

    /// Where the selected run is; it keeps its selection when others come or the order changes.
    fn position(&self) -> usize {
        let selected = self.selected.as_deref();
        let is_selected = |row: &Row| selected == Some(Path::new(&row.path));
        self.shown.iter().position(is_selected).unwrap_or(0)
    }

    fn selected_row(&self) -> Option<&Row> {
        self.shown.get(self.position())
    }

    /// Draws everything.
    pub(crate) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        self.draw_parts(area, buffer, true);
    }

    /// Draws the list without keys and selection, as for a picture that is kept.
    pub(crate) fn draw_still(&self, area: Rect, buffer: &mut Buffer) {
        self.draw_parts(area, buffer, false);
    }

    fn draw_parts(&self, area: Rect, buffer: &mut Buffer, with_keys: bool) {
        let marked = format!(
            "{} runs marked: Enter opens them together  1 4 5 in which view  Space mark  Esc none",
            self.marked.len()
        );
        let keys = match (self.marked.len() > 1, self.filter.is_typing()) {
            (_, true) => ("type a part of a name, or sweep*  Enter keep  Esc drop", MUTED),
            (true, _) => (marked.as_str(), WARNING),
            (false, _) => (KEYS_LINE, MUTED),
        };
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let parts = Parts {
            page: help(),
            keys,
            draw_head: &|row, buffer| text::put(buffer, row, &self.counts(), bold),
            draw_body: &|area, buffer| self.draw_table(area, buffer, with_keys),
        };
        self.surround.draw(&parts, with_keys, area, buffer);
    }

    /// How many runs there are, by state.
    fn counts(&self) -> String {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for word in self.rows.iter().map(Row::counted_as) {
            match counts.iter_mut().find(|(known, _)| *known == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((word, 1)),
            }
        }
        let parts: Vec<String> =
            counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let runs = if self.rows.len() == 1 { "run" } else { "runs" };
        format!("{} {runs}: {}  ({})", self.rows.len(), parts.join(", "), self.order.words())
    }

    fn draw_table(&self, area: Rect, buffer: &mut Buffer, with_selection: bool) {
        self.drawn.clear();
        let is_filtered = u16::from(self.filter.is_shown());
        let (area, prompt) = areas::split_bottom(area, is_filtered);
        if is_filtered > 0 {
            let counts = (self.shown.len(), self.rows.len());
            self.filter.draw(counts, "runs", prompt, buffer);
        }
        let sentence = self.selected_row().filter(|_| with_selection);
        let sentence = sentence.and_then(|row| row.sentence.as_deref());
        let (area, below) =
            areas::split_bottom(area, u16::from(sentence.is_some() && area.height > 2));
        text::put(buffer, below, &text::printable(sentence.unwrap_or("")), Style::new().fg(BAD));
        let heads = u16::from(area.height > 1);
        let (head, rows) = areas::split_top(area, heads);
        let longest = longest_name(self.shown.iter().map(|row| row.name.as_str()));
        let longest = longest.saturating_add(if self.marked.is_empty() { 0 } else { 2 });
        let name = SHORTEST_NAME..=longest.clamp(SHORTEST_NAME, LONGEST_NAME);
        let muted = Style::new().fg(MUTED);
        Placed::new(head, name.clone(), &COLUMNS).draw_head("run", &COLUMNS, muted, buffer);
        let selected = self.position();
        let first = first_visible(selected, self.shown.len(), usize::from(rows.height));
        self.drawn.set(rows, first);
        for (i, row) in self.shown.iter().enumerate().skip(first).take(usize::from(rows.height)) {
            let placed = Placed::new(areas::row(rows, (i - first) as u16), name.clone(), &COLUMNS);
            let name = format!("{}{}", self.mark(row), row.name);
            placed.draw_name(&name, with_selection && i == selected, buffer);
            placed.draw_cells(&cells(row), &COLUMNS, buffer);
            if let Some(place) = placed.cells[COURSE] {
                course::draw(&row.losses, place, buffer);
            }
        }
    }
}

const SHORTEST_NAME: u16 = 12;
const LONGEST_NAME: u16 = 60;

const COLUMNS: [Column; 9] = [
    Column { label: "state", width: 22, rank: 0, is_number: false },
    Column { label: "epoch", width: 10, rank: 3, is_number: true },
    Column { label: "steps", width: 10, rank: 6, is_number: true },
    Column { label: "loss", width: 15, rank: 5, is_number: false },
    Column { label: "last loss", width: 12, rank: 1, is_number: true },
    Column { label: "best valid", width: 12, rank: 4, is_number: true },
    Column { label: "lr", width: 10, rank: 7, is_number: true },
    Column { label: "alerts", width: 8, rank: 2, is_number: true },
    Column { label: "started (UTC)", width: 18, rank: 8, is_number: true },
];
/// The column that is a picture.
const COURSE: usize = 3;

fn cells(row: &Row) -> [Cell; COLUMNS.len()] {
    let plain = |words: Option<String>| (words.unwrap_or_default(), Style::new());
    let is_finite = row.last_loss.is_none_or(f64::is_finite);
    let loss_style = if is_finite { Style::new() } else { Style::new().fg(BAD) };
    [
        (row.state_words(), Style::new().fg(row.state_colour())),
        plain(epochs(row)),
        plain((row.steps > 0).then(|| row.steps.to_string())),
        plain(None),
        (row.last_loss.map(loss).unwrap_or_default(), loss_style),
        plain(row.best_valid_loss.map(loss)),
        plain(row.learning_rate.map(short)),
        alerts(row),
        plain(row.started_unix_secs.map(utc_minute)),
    ]
}

fn epochs(row: &Row) -> Option<String> {
    let epoch = row.epoch?;
    Some(match row.planned_epochs {
        Some(planned) => format!("{epoch}/{planned}"),
        None => epoch.to_string(),
    })
}

/// As many as are known; more may come while the trace was not read as a whole.
fn alerts(row: &Row) -> Cell {
    let words = match (row.alerts, row.is_whole) {
        (0, true) => String::new(),
        (0, false) => "…".to_owned(),
        (count, true) => count.to_string(),
        (count, false) => format!("≥{count}"),
    };
    let colour = if row.errors > 0 { BAD } else { WARNING };
    (words, Style::new().fg(if row.alerts > 0 { colour } else { MUTED }))
}

const KEYS_LINE: &str = "q quit  ? help  ↑↓ select  Enter open  / filter  v order  Space mark several  1-5 open in view  e save";

/// What the help says.
fn help() -> Page {
    Page {
        keys: vec![Group { title: "List of runs", entries: KEYS }],
        words: Group { title: "What it tells", entries: WORDS },
    }
}

const KEYS: &[Explained] = &[
    ("↑ ↓, k j, g G", "select a run"),
    ("PgUp PgDn", "by a page; Home End"),
    ("Enter", "open it; L comes back"),
    ("1 to 5", "open it in this view"),
    ("Space", "mark to open together"),
    ("/", "filter by name"),
    ("v, y", "next order of the runs"),
    ("u", "glyphs: fewer, then all"),
    ("e", "list into SVG and text"),
    ("R, Ctrl-L", "draw everything again"),
    ("Ctrl-Z", "to the shell until `fg`"),
    ("q, Ctrl-C", "leave; training goes on"),
];

const WORDS: &[Explained] = &[
    ("waiting", "no step was recorded yet"),
    ("training", "steps come; surface: training is over, a loss surface is measured"),
    ("silent for", "no end, and nothing was written for so long: killed, or at a very long step"),
    (
        "finished",
        "ended as planned; interrupted: on request; stopped: ended without being finished",
    ),
    ("damaged", "bytes in the midst of the trace are lost; the rest is shown"),
    ("gone", "the folder vanished while it was watched; it is shown again when it returns"),
    ("unreadable", "no trace, or of a newer format: select it, and the reason stands below"),
    ("loss", "its course over the steps, from its lowest to its highest, a mean for each stretch"),
    ("best valid", "lowest validation loss of an epoch"),
    ("alerts", "broken rules, red with an error among them; …, ≥: the trace is still being read"),
];

#[cfg(test)]
mod tests;
