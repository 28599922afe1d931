//! How far the surfaces are: an estimate first, then a line on the terminal and records in the
//! trace.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use burnscape_trace::{Progress, Record};

use crate::config::Config;
use crate::recorder::lanes::Lanes;

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// Progress of all slices of a run together.
pub(crate) struct SurfaceProgress {
    lanes: Lanes,
    /// Nodes of every slice and points of its path: those to measure, or, where it is done, those that were.
    nodes: RefCell<Vec<usize>>,
    /// Nodes and points measured of the present slice.
    done: Cell<usize>,
    number: Cell<usize>,
    slice: RefCell<String>,
    started: Instant,
    told: Cell<Option<Instant>>,
    on_terminal: bool,
    /// What ends it early, for the line on the terminal.
    keys: Cell<&'static str>,
}

impl SurfaceProgress {
    /// Announces how much work there is: nodes and points of the path per slice, samples per node, and
    /// how long that takes, from the time of one node.
    pub fn new(
        config: &Config,
        lanes: &Lanes,
        samples: usize,
        nodes: &[usize],
        points: &[usize],
        node_secs: f64,
    ) -> Self {
        let (all_nodes, all_points) = (nodes.iter().sum::<usize>(), points.iter().sum::<usize>());
        let path = match all_points {
            0 => String::new(),
            points => format!(" and {points} losses on the path of training"),
        };
        let sentence = format!(
            "{} of {all_nodes} nodes{path}, {samples} samples each: about {}",
            surfaces(nodes.len()),
            duration(node_secs * (all_nodes + all_points) as f64),
        );
        log::info!("burnscape: {sentence}");
        let on_terminal = config.study.show_progress && std::io::stderr().is_terminal();
        if config.study.show_progress && !lanes.has_dashboard() {
            tell(&format!("burnscape: {sentence}"));
        }
        Self {
            lanes: lanes.clone(),
            nodes: RefCell::new(nodes.iter().zip(points).map(|(a, b)| a + b).collect()),
            done: Cell::new(0),
            number: Cell::new(0),
            slice: RefCell::new(String::new()),
            started: Instant::now(),
            told: Cell::new(None),
            on_terminal,
            keys: Cell::new(""),
        }
    }

    /// Whether progress is a line on the terminal; a dashboard shows it better.
    pub fn is_on_terminal(&self) -> bool {
        self.on_terminal && !self.lanes.has_dashboard()
    }

    pub fn slices(&self) -> usize {
        self.nodes.borrow().len()
    }

    pub fn start_slice(&self, number: usize, name: &str, listens_to_keys: bool) {
        self.keys.set(if listens_to_keys { " · q stops" } else { "" });
        self.number.set(number);
        self.done.set(0);
        *self.slice.borrow_mut() = name.to_string();
        self.told.set(None);
    }

    pub fn advance(&self, nodes: usize) {
        self.done.set(self.done.get() + nodes);
        let due = self.told.get().is_none_or(|at| at.elapsed() >= TELL_EVERY);
        if due {
            self.tell();
        }
    }

    /// A complete surface may have needed fewer nodes than it has, where it is adaptive.
    pub fn end_slice(&self, is_complete: bool) {
        if is_complete {
            self.nodes.borrow_mut()[self.number.get()] = self.done.get();
        }
        self.tell();
        if self.is_on_terminal() {
            tell("");
        }
    }

    fn total(&self) -> usize {
        self.nodes.borrow().iter().sum()
    }

    /// Nodes measured of all slices.
    fn all_done(&self) -> usize {
        self.nodes.borrow()[..self.number.get()].iter().sum::<usize>() + self.done.get()
    }

    /// Seconds left, from the speed so far.
    fn eta_secs(&self) -> Option<f64> {
        let done = self.all_done();
        let left = self.total().saturating_sub(done);
        (done > 0).then(|| self.started.elapsed().as_secs_f64() / done as f64 * left as f64)
    }

    fn tell(&self) {
        self.told.set(Some(Instant::now()));
        let eta_secs = self.eta_secs();
        self.lanes.record(Record::Progress(Progress {
            split: "surface".to_string(),
            epoch: 0,
            done: self.all_done() as u64,
            total: self.total() as u64,
            eta_secs,
        }));
        if self.is_on_terminal() {
            let left = eta_secs.map_or(String::new(), |secs| format!(" · {} left", duration(secs)));
            let (done, total) = (self.all_done(), self.total());
            let (name, keys) = (self.slice.borrow(), self.keys.get());
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[Kburnscape: surface {name}  {done}/{total} nodes{left}{keys}"
            );
        }
    }
}

/// A line on standard error; where that is closed or full, there is nobody to tell.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn surfaces(count: usize) -> String {
    match count {
        1 => "a surface".to_string(),
        _ => format!("{count} surfaces"),
    }
}

/// A time in words, as exact as an estimate is.
fn duration(secs: f64) -> String {
    match secs {
        ..10.0 => format!("{secs:.1} s"),
        10.0..120.0 => format!("{secs:.0} s"),
        120.0..7200.0 => format!("{:.0} min", secs / 60.0),
        _ => format!("{:.1} h", secs / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn estimates_come_in_the_unit_that_people_wait_in() {
        let said = [0.04, 9.0, 45.0, 600.0, 9000.0].map(duration);
        assert_eq!(said, ["0.0 s", "9.0 s", "45 s", "10 min", "2.5 h"]);
    }
}
