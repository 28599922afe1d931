//! Values that the program tells itself: each waits until the epoch of its step is known.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use burnscape_trace::{Metric, Record, Split, record};

use super::Moment;
use super::worker::{Inbox, Worker};

/// Values that may wait for the writer thread, and with it for their epochs.
pub(super) const OWN_QUEUE: usize = 16_384;

/// A value, and where training stood.
#[derive(Debug)]
pub(crate) struct OwnSample {
    pub name: String,
    pub value: f64,
    pub at: Moment,
    /// Validations before it.
    pub validations: u64,
}

/// Values that wait.
#[derive(Debug, Default)]
pub(super) struct OwnValues(VecDeque<OwnSample>);

impl Worker {
    /// Takes in what has come, as far as there is room, and writes what has its place; everything if `force`.
    pub(super) fn take_own(&mut self, inbox: &Inbox, force: bool) {
        for sample in inbox.own.try_iter() {
            match self.own.0.len() < OWN_QUEUE {
                true => self.own.0.push_back(sample),
                false => drop(self.counters.skipped_own.fetch_add(1, Ordering::Relaxed)),
            }
        }
        if self.head.is_none() {
            return;
        }
        while let Some(sample) = self.own.0.front() {
            let epoch = self.epoch_of_own(sample);
            let Some(epoch) = epoch.or(force.then_some(0)) else { return };
            if let Some(OwnSample { name, value, at, .. }) = self.own.0.pop_front() {
                let (split, step) = (Split::Own, at.after(self.base).steps);
                self.append(&Record::Metric(record!(Metric { split, name, epoch, step, value })));
            }
        }
    }

    /// `None`: the event of its batch has not come yet.
    fn epoch_of_own(&self, sample: &OwnSample) -> Option<u64> {
        let first = self.epochs.first_epoch();
        match sample.at.batches {
            _ if !self.counts_by_events() => Some(first + sample.validations),
            0 => Some(first),
            batches => match self.epochs.place(batches) {
                Some(place) => Some(place.epoch),
                None => (batches <= self.epochs.batches()).then(|| self.epochs.current_epoch()),
            },
        }
    }

    /// Tells how many found no room.
    pub(super) fn report_skipped_own(&mut self) {
        let skipped = self.counters.skipped_own.load(Ordering::Relaxed);
        if skipped > 0 {
            self.note(
                "warning",
                format!(
                    "{skipped} values of `probe.log` were left out because the writer thread could not follow: tell \
                     fewer, or their means"
                ),
            );
        }
    }
}
