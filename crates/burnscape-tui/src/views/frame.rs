//! What surrounds every view: the run and its state above, the keys below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::view::View;
use crate::bindings::Bindings;
use crate::model::{Alerts, Run, RunState};
use crate::numbers::duration;
use crate::palette::{BAD, ColourMap, GOOD, MUTED, TRAIN, WARNING};
use crate::sight::Sight;
use crate::widgets::{areas, text};

/// From this width on all tabs have names …
const NAMES_FROM: u16 = 100;
/// … and from this one that of the view that is shown.
const NAME_FROM: u16 = 60;
/// From this height on there is a line above the view …
const HEADER_FROM: u16 = 3;
/// … and from this one a line below it.
const FOOTER_FROM: u16 = 6;

/// The lines above and below a view.
pub(crate) struct Frame<'a> {
    pub(crate) run: &'a Run,
    pub(crate) views: &'a [Box<dyn View>],
    pub(crate) current: usize,
    pub(crate) paused: bool,
    /// Records that never came to the screen.
    pub(crate) unseen: u64,
    /// For how long the process that wrote a run without an end has been gone.
    pub(crate) gone_secs: Option<u64>,
    /// How much of the run was read so far.
    pub(crate) read_percent: Option<u8>,
    /// Keys are text.
    pub(crate) typing: bool,
    /// Keys are of no use in a frame that is printed.
    pub(crate) with_keys: bool,
    /// There is a list of runs to go back to.
    pub(crate) with_list: bool,
    /// What just happened.
    pub(crate) said: Option<&'a str>,
    /// The cursor of time, and what is in sight.
    pub(crate) sight: Sight,
    /// What goes on being wrong.
    pub(crate) trouble: Option<&'a str>,
    /// The colours that the finished frame gets.
    pub(crate) colours: ColourMap,
    /// The keys of the reader.
    pub(crate) bindings: Bindings,
}

/// The area that is left for the view.
pub(crate) fn body(area: Rect, with_keys: bool) -> Rect {
    let above = u16::from(area.height >= HEADER_FROM);
    let below = u16::from(with_keys && area.height >= FOOTER_FROM);
    areas::split_bottom(areas::split_top(area, above).1, below).0
}

/// How many alerts there are, in words.
pub(super) fn counted_alerts(alerts: &Alerts) -> String {
    match alerts.len() {
        1 => "1 alert".to_owned(),
        count => format!("{count} alerts"),
    }
}

/// The colour of alerts as a whole: that of an error if one is.
pub(super) fn alerts_colour(alerts: &Alerts) -> Color {
    if alerts.errors() > 0 { BAD } else { WARNING }
}

/// For how long nothing was written, in words.
pub(crate) fn silence(minutes: u64) -> String {
    match minutes {
        0..60 => format!("silent for {minutes} min"),
        60..1440 => format!("silent for {} h", minutes / 60),
        _ => format!("silent for {} d", minutes / 1440),
    }
}

/// A sentence over a whole row, so that nothing of what was there is left.
pub(crate) fn draw_sentence(row: Rect, buffer: &mut Buffer, sentence: &str, colour: Color) {
    let width = usize::from(row.width);
    let sentence = text::cut_end(&text::printable(sentence), width);
    let gap = width.saturating_sub(text::width(&sentence));
    let style = Style::new().fg(colour).add_modifier(Modifier::BOLD);
    text::put(buffer, row, &(sentence + &" ".repeat(gap)), style);
}

/// Keys and what they do, named as the reader has them: as many entries as fit whole.
pub(crate) fn keys_line(keys: &str, bindings: &Bindings, width: u16) -> String {
    whole_entries(&bindings.relabel_line(keys), width)
}

/// As many of the entries, two blanks between them, as fit whole.
fn whole_entries(keys: &str, width: u16) -> String {
    let mut shown = String::new();
    for entry in keys.split("  ").filter(|entry| !entry.is_empty()) {
        let gap = if shown.is_empty() { "" } else { "  " };
        if text::width(&shown) + gap.len() + text::width(entry) > usize::from(width) {
            break;
        }
        shown = format!("{shown}{gap}{entry}");
    }
    shown
}

/// What stands on the tabs.
fn labels(
    views: &[Box<dyn View>],
    current: usize,
    width: u16,
) -> impl DoubleEndedIterator<Item = String> + ExactSizeIterator {
    views.iter().enumerate().map(move |(i, view)| {
        let is_named = width >= NAMES_FROM || (width >= NAME_FROM && i == current);
        if is_named { format!(" {} {} ", i + 1, view.title()) } else { format!(" {} ", i + 1) }
    })
}

/// The view whose tab is at a place, of what was drawn on an area.
pub(crate) fn tab_at(
    views: &[Box<dyn View>],
    current: usize,
    area: Rect,
    (column, row): (u16, u16),
) -> Option<usize> {
    let mut begins = area.right();
    let is_header = area.height >= HEADER_FROM && row == area.y && column < begins;
    let tabs = labels(views, current, area.width).enumerate().rev();
    let mut tabs = tabs.filter(|_| is_header).map(|(i, label)| {
        begins = begins.saturating_sub(text::width(&label) as u16);
        (i, begins)
    });
    tabs.find(|(_, begins)| *begins <= column).map(|(i, _)| i)
}

impl Frame<'_> {
    pub(crate) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        if area.height >= HEADER_FROM {
            self.draw_header(areas::row(area, 0), buffer);
        }
        let last = areas::split_bottom(area, 1).1;
        match self.sentence() {
            _ if !self.with_keys => {}
            Some((sentence, colour)) => draw_sentence(last, buffer, sentence, colour),
            None if area.height >= FOOTER_FROM => self.draw_keys(last, buffer),
            None => {}
        }
    }

    /// What is to be said instead of the keys.
    fn sentence(&self) -> Option<(&str, Color)> {
        let trouble = self.trouble.map(|trouble| (trouble, BAD));
        self.said.map(|said| (said, WARNING)).or(trouble)
    }

    fn draw_header(&self, row: Rect, buffer: &mut Buffer) {
        let tabs = self.tabs(row.width);
        let state = self.state();
        let tabs_width = tabs.width() as u16;
        let room = row.width.saturating_sub(tabs_width + state.width() as u16 + 4);
        let name = text::cut_start(&text::printable(self.run.name()), usize::from(room));
        let mut left = Line::from(Span::styled(name, Style::new().add_modifier(Modifier::BOLD)));
        left.push_span(Span::raw("  "));
        left.spans.extend(state.spans);
        buffer.set_line(row.x, row.y, &left, row.width);
        if row.width > tabs_width {
            buffer.set_line(row.right() - tabs_width, row.y, &tabs, tabs_width);
        }
    }

    /// The tabs: names where they fit, that of the view shown first, else numbers.
    fn tabs(&self, width: u16) -> Line<'static> {
        let tab = |(i, label): (usize, String)| {
            let selected = Style::new().add_modifier(Modifier::REVERSED);
            let style = if i == self.current { selected } else { Style::new().fg(MUTED) };
            Span::styled(label, style)
        };
        Line::from(labels(self.views, self.current, width).enumerate().map(tab).collect::<Vec<_>>())
    }

    fn state(&self) -> Line<'static> {
        let state = self.run.state();
        let colour = match state {
            _ if self.gone_secs.is_some() => BAD,
            RunState::Waiting => MUTED,
            RunState::Training | RunState::Surface | RunState::Finished => GOOD,
            RunState::Interrupted | RunState::Stopped => WARNING,
        };
        let mut line = Line::from(Span::styled(state.word(), Style::new().fg(colour)));
        let mut add = |word: &str, colour| {
            line.push_span(Span::styled(format!(" {word}"), Style::new().fg(colour)));
        };
        if let Some(percent) = self.read_percent {
            add(&format!("reading {percent} %"), TRAIN);
        }
        if self.run.damage().is_damaged() {
            add("damaged", BAD);
        }
        match (self.gone_secs, self.run.silent_minutes()) {
            (Some(secs), _) => add(&format!("process gone {} ago", duration(secs as f64)), BAD),
            (None, Some(minutes)) => add(&silence(minutes), WARNING),
            (None, None) => {}
        }
        let alerts = self.run.alerts();
        if !alerts.is_empty() {
            add(&counted_alerts(alerts), alerts_colour(alerts));
        }
        if self.paused {
            add("paused", WARNING);
        }
        if let Some(step) = self.sight.cursor {
            let pinned = if self.sight.is_pinned { "pinned at" } else { "at" };
            add(&format!("{pinned} step {step}"), TRAIN);
        }
        if let Some((from, to)) = self.sight.window {
            add(&format!("zoomed to {from}–{to}"), TRAIN);
        }
        if self.unseen > 0 {
            add(&format!("{} records not shown", self.unseen), WARNING);
        }
        if self.colours != ColourMap::default() {
            add(self.colours.name(), MUTED);
        }
        line
    }

    fn draw_keys(&self, row: Rect, buffer: &mut Buffer) {
        let own = self.views.get(self.current).map_or("", |view| view.keys());
        let keys = match self.typing {
            true => "type a part of a name, or *.weight  Enter keep  Esc drop".to_owned(),
            false => {
                let list = if self.with_list { "  L list" } else { "" };
                format!("q quit  ? help{list}  Tab view  {own}")
            }
        };
        let keys = match self.typing {
            true => whole_entries(&keys, row.width),
            false => keys_line(&keys, &self.bindings, row.width),
        };
        text::put(buffer, row, &keys, Style::new().fg(MUTED));
    }
}
