//! How far the surfaces are: an estimate first, then a line on the terminal and records in the
//! trace.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::time::Duration;

use burnscape_trace::{Progress, Record, record};

use crate::channel::handle::RecorderHandle;
use crate::config::Config;
use crate::config::clock::{Clock, Deadline};

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What there is to be measured.
pub(crate) struct Work {
    pub slices: usize,
    /// Nodes of all slices that are measured at most.
    pub nodes: usize,
    /// Losses on the path of training.
    pub points: usize,
    /// Over how many of what each loss is a mean.
    pub size: String,
    /// From one node to the next.
    pub node_secs: f64,
    /// Interpolation may save some of them.
    pub may_take_less: bool,
}

impl Work {
    fn total(&self) -> usize {
        self.nodes + self.points
    }

    /// How much it is and how long that takes, which a budget may cut short.
    fn in_words(&self, left: Option<Duration>) -> String {
        let slices = match self.slices {
            1 => "a surface".to_string(),
            slices => format!("{slices} surfaces"),
        };
        let path = match self.points {
            0 => String::new(),
            points => format!(" and {points} losses on the path of training"),
        };
        let (nodes, size) = (self.nodes, &self.size);
        let secs = self.node_secs * self.total() as f64;
        let takes = match left.map(|left| left.as_secs_f64()).filter(|left| *left < secs) {
            Some(left) => format!("stopped after {}", duration(left)),
            None if self.may_take_less => format!("at most {}", duration(secs)),
            None => format!("about {}", duration(secs)),
        };
        format!("{slices} of {nodes} nodes{path}, {size} each: {takes}")
    }
}

/// What goes on, and what is counted of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noun {
    pub of: &'static str,
    pub counted: &'static str,
}

impl Noun {
    pub const SURFACE: Self = Self { of: "surface", counted: "nodes" };
    pub const LINE: Self = Self { of: "line", counted: "nodes" };
    pub const BEND: Self = Self { of: "bent path", counted: "steps" };
}

/// Progress of slices that are measured in turns, or of whatever else a study takes its time for.
pub(crate) struct SurfaceProgress {
    handle: RecorderHandle,
    clock: Clock,
    deadline: Deadline,
    /// Nodes and points measured, and those that there are.
    done: Cell<usize>,
    total: Cell<usize>,
    slice: RefCell<String>,
    noun: Noun,
    started: Duration,
    told: Cell<Option<Duration>>,
    on_terminal: bool,
    /// What ends it early, for the line on the terminal.
    keys: Cell<&'static str>,
}

impl SurfaceProgress {
    /// Announces how much work there is and how long it takes.
    pub fn new(config: &Config, handle: &RecorderHandle, work: &Work, deadline: Deadline) -> Self {
        let sentence = work.in_words(deadline.left());
        Self::announced(config, handle, &sentence, work.total(), Noun::SURFACE, deadline)
    }

    /// Announces what is going to be done, in so many pieces.
    pub fn announced(
        config: &Config,
        handle: &RecorderHandle,
        sentence: &str,
        total: usize,
        noun: Noun,
        deadline: Deadline,
    ) -> Self {
        log::info!("burnscape: {sentence}");
        let on_terminal = config.study.show_progress && std::io::stderr().is_terminal();
        say(config, handle, sentence);
        let clock = config.clock.clone();
        Self {
            handle: handle.clone(),
            started: clock.now(),
            clock,
            deadline,
            done: Cell::new(0),
            total: Cell::new(total),
            slice: RefCell::new(String::new()),
            noun,
            told: Cell::new(None),
            on_terminal,
            keys: Cell::new(""),
        }
    }

    /// Whether progress is a line on the terminal; a dashboard shows it better.
    pub fn is_on_terminal(&self) -> bool {
        self.on_terminal && !self.handle.has_dashboard()
    }

    /// Says which slice has its turn now.
    pub fn turn(&self, name: &str, listens_to_keys: bool) {
        self.keys.set(if listens_to_keys { " · q stops" } else { "" });
        *self.slice.borrow_mut() = name.to_string();
    }

    pub fn advance(&self, nodes: usize) {
        self.done.set(self.done.get() + nodes);
        let now = self.clock.now();
        if self.told.get().is_none_or(|at| now.saturating_sub(at) >= TELL_EVERY) {
            self.tell(now);
        }
    }

    /// Nodes need not be measured, since they are interpolated.
    pub fn leave_out(&self, nodes: usize) {
        self.total.set(self.total.get().saturating_sub(nodes).max(self.done.get()));
    }

    pub fn end(&self) {
        self.tell(self.clock.now());
        if self.is_on_terminal() {
            tell("");
        }
    }

    /// Seconds left, from the speed so far and as long as the budget lasts.
    fn eta_secs(&self, now: Duration) -> Option<f64> {
        let (done, total) = (self.done.get(), self.total.get());
        let elapsed = now.saturating_sub(self.started).as_secs_f64();
        let secs = (done > 0).then(|| elapsed / done as f64 * total.saturating_sub(done) as f64)?;
        let left = self.deadline.left().map_or(f64::INFINITY, |left| left.as_secs_f64());
        Some(secs.min(left))
    }

    fn tell(&self, now: Duration) {
        self.told.set(Some(now));
        let eta_secs = self.eta_secs(now);
        let (done, total) = (self.done.get(), self.total.get());
        self.handle.record(Record::Progress(record!(Progress {
            split: "surface".into(),
            epoch: 0,
            done: done as u64,
            total: total as u64,
            eta_secs,
        })));
        if self.is_on_terminal() {
            let left = eta_secs.map_or(String::new(), |secs| format!(" · {} left", duration(secs)));
            let (name, keys) = (self.slice.borrow(), self.keys.get());
            let Noun { of, counted } = self.noun;
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[Kburnscape: {of} {name}  {done}/{total} {counted}{left}{keys}"
            );
        }
    }
}

/// Says something where progress is shown.
pub(crate) fn say(config: &Config, handle: &RecorderHandle, sentence: &str) {
    if config.study.show_progress && !handle.has_dashboard() {
        tell(&format!("burnscape: {sentence}"));
    }
}

/// A line on standard error; where that is closed or full, there is nobody to tell.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A time in words, as exact as an estimate is.
pub(crate) fn duration(secs: f64) -> String {
    match secs {
        ..10.0 => format!("{secs:.1} s"),
        10.0..120.0 => format!("{secs:.0} s"),
        120.0..7200.0 => format!("{:.0} min", secs / 60.0),
        _ => format!("{:.1} h", secs / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_come_in_the_unit_that_people_wait_in() {
        let said = [0.04, 9.0, 45.0, 600.0, 9000.0].map(duration);
        assert_eq!(said, ["0.0 s", "9.0 s", "45 s", "10 min", "2.5 h"]);
    }

    #[test]
    fn an_estimate_knows_of_the_budget_and_of_interpolation() {
        let work = Work {
            slices: 2,
            nodes: 4802,
            points: 62,
            size: "512 samples".to_string(),
            node_secs: 0.1,
            may_take_less: false,
        };
        let words =
            "2 surfaces of 4802 nodes and 62 losses on the path of training, 512 samples each";
        assert_eq!(work.in_words(None), format!("{words}: about 8 min"));
        let secs = Duration::from_secs;
        assert_eq!(work.in_words(Some(secs(487))), format!("{words}: about 8 min"));
        assert_eq!(work.in_words(Some(secs(56))), format!("{words}: stopped after 56 s"));
        let adaptive = Work { may_take_less: true, ..work };
        assert_eq!(adaptive.in_words(None), format!("{words}: at most 8 min"));
        let line = Work { slices: 1, points: 0, ..adaptive };
        assert!(line.in_words(None).starts_with("a surface of 4802 nodes, 512 samples each"));
    }
}
