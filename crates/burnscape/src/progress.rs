//! How far the surfaces are: an estimate first, then a line on the terminal and records in the
//! trace.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use burnscape_trace::{Progress, Record};

use crate::probe::Active;

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// Progress of all slices of a run together.
pub(crate) struct SurfaceProgress<'a> {
    active: &'a Active,
    nodes: Vec<usize>,
    done: Cell<usize>,
    slice: RefCell<String>,
    started: Instant,
    told: Cell<Option<Instant>>,
    on_terminal: bool,
}

impl<'a> SurfaceProgress<'a> {
    /// Announces how much work there is: nodes per slice, samples per node, and how long that
    /// takes, from the time of one node.
    pub fn new(active: &'a Active, samples: usize, nodes: &[usize], node_secs: f64) -> Self {
        let total: usize = nodes.iter().sum();
        let sentence = format!(
            "{} surfaces of {total} nodes, {samples} samples each: about {}",
            nodes.len(),
            duration(node_secs * total as f64),
        );
        log::info!("burnscape: {sentence}");
        let on_terminal = active.config.show_progress && std::io::stderr().is_terminal();
        if active.config.show_progress {
            eprintln!("burnscape: {sentence}");
        }
        Self {
            active,
            nodes: nodes.to_vec(),
            done: Cell::new(0),
            slice: RefCell::new(String::new()),
            started: Instant::now(),
            told: Cell::new(None),
            on_terminal,
        }
    }

    pub fn slices(&self) -> usize {
        self.nodes.len()
    }

    pub fn start_slice(&self, number: usize, name: &str) {
        self.done.set(self.nodes[..number].iter().sum());
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

    pub fn end_slice(&self) {
        self.tell();
        if self.on_terminal {
            eprintln!();
        }
    }

    fn total(&self) -> usize {
        self.nodes.iter().sum()
    }

    /// Seconds left, from the speed so far.
    fn eta_secs(&self) -> Option<f64> {
        let done = self.done.get();
        let left = self.total().saturating_sub(done);
        (done > 0).then(|| self.started.elapsed().as_secs_f64() / done as f64 * left as f64)
    }

    fn tell(&self) {
        self.told.set(Some(Instant::now()));
        let eta_secs = self.eta_secs();
        self.active.recorder.lanes.record(Record::Progress(Progress {
            split: "surface".to_string(),
            epoch: 0,
            done: self.done.get() as u64,
            total: self.total() as u64,
            eta_secs,
        }));
        if self.on_terminal {
            let left = eta_secs.map_or(String::new(), |secs| format!(" · {} left", duration(secs)));
            let (done, total) = (self.done.get(), self.total());
            let name = self.slice.borrow();
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[Kburnscape: surface {name}  {done}/{total} nodes{left}"
            );
        }
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
