//! Values that the program tells itself: each waits until the epoch of its step is known.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use burnscape_trace::{Metric, Record, Split, record};

use super::epochs::Epochs;
use super::inbox::Inbox;
use super::journal::Journal;
use crate::channel::counters::Counters;
use crate::channel::message::Moment;
use crate::channel::samples::OwnSample;

/// Values that may wait for the writer thread, and with it for their epochs.
pub(super) const OWN_QUEUE: usize = 16_384;

/// Values that wait.
#[derive(Debug, Default)]
pub(super) struct OwnValues(VecDeque<OwnSample>);

impl OwnValues {
    /// Takes in what has come, as far as there is room.
    pub fn take(&mut self, inbox: &Inbox, counters: &Counters) {
        for sample in inbox.own.try_iter() {
            match self.0.len() < OWN_QUEUE {
                true => self.0.push_back(sample),
                false => drop(counters.skipped_own.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Writes what has its place, of a run in which this process began at `base`; everything if `force`.
    pub fn write(&mut self, journal: &mut Journal, epochs: &Epochs, base: Moment, force: bool) {
        while let Some(sample) = self.0.front() {
            let epoch = epochs.of_own(sample).or(force.then_some(0));
            let Some(epoch) = epoch else { return };
            if let Some(OwnSample { name, value, at, .. }) = self.0.pop_front() {
                let (split, step) = (Split::Own, at.after(base).steps);
                journal.append(&Record::Metric(record!(Metric {
                    split,
                    name,
                    epoch,
                    step,
                    value
                })));
            }
        }
    }
}

/// Tells how many values found no room.
pub(super) fn report_skipped(journal: &mut Journal, counters: &Counters) {
    let skipped = counters.skipped_own.load(Ordering::Relaxed);
    if skipped > 0 {
        let text = format!(
            "{skipped} values of `probe.log` were left out because the writer thread could not follow: tell \
             fewer, or their means"
        );
        journal.note("warning", text);
    }
}
