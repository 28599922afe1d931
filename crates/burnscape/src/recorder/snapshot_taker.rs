//! Weights on their way into snapshot files, and the path of training through them.

use std::sync::Arc;

use burnscape_trace::{Record, Snapshot};

use super::journal::Journal;
use super::live_path::LivePath;
use super::snapshots::{SnapshotStore, given_up_sentence};
use crate::channel::counters::Counters;
use crate::channel::message::WeightsAt;
use crate::model::map::ModelMap;

/// The files, and what is known of them together.
pub(super) struct SnapshotTaker {
    pub store: SnapshotStore,
    live_path: LivePath,
    /// Step snapshots that came before it was known where training starts.
    pub early: Vec<WeightsAt>,
    counters: Arc<Counters>,
}

impl SnapshotTaker {
    pub fn new(store: SnapshotStore, counters: Arc<Counters>) -> Self {
        Self { store, live_path: LivePath::default(), early: Vec::new(), counters }
    }

    /// Stores the weights of the model after so many steps of the run, and tells it.
    pub fn take(
        &mut self,
        reason: &str,
        epoch: Option<u64>,
        steps: u64,
        weights: &WeightsAt,
        map: Option<&ModelMap>,
        journal: &mut Journal,
    ) {
        self.release(weights);
        let is_parameter = |path: &str| map.is_some_and(|map| map.layout.block(path).is_some());
        match self.store.store(reason, epoch, steps, &weights.tensors, is_parameter) {
            Ok(Some(record)) => self.tell(record, journal),
            Ok(None) => {}
            Err(error) => journal.file_failed(error),
        }
        if let Some(map) = map.filter(|_| reason != "final") {
            self.tell_live_path(map, journal);
        }
    }

    /// Weights that nobody needs do not wait for the disk any more.
    pub fn release(&self, weights: &WeightsAt) {
        self.counters.let_go_of_weights(weights.bytes());
    }

    /// Files of snapshots that were given up are deleted when the trace on the disk says so.
    fn tell(&mut self, record: Snapshot, journal: &mut Journal) {
        let given_up = given_up_sentence(&record);
        journal.append(&Record::Snapshot(record));
        let Some(sentence) = given_up else { return };
        journal.note("info", sentence);
        match journal.writer.flush() {
            Ok(()) => {
                self.store.delete_unneeded().unwrap_or_else(|error| journal.file_failed(error));
            }
            Err(error) => journal.keep(Err(error.into())),
        }
    }

    /// Where training has gone so far, as far as there is time to find out.
    fn tell_live_path(&mut self, map: &ModelMap, journal: &mut Journal) {
        let records = self.store.records();
        match self.live_path.update(records, map, &journal.folder, journal.started.elapsed()) {
            Ok(Some(path)) => journal.append(&Record::Trajectory(path)),
            Ok(None) => {}
            Err(error) => {
                let sentence = format!("the path of training is incomplete: {error}");
                journal.problem(journal.gone().unwrap_or(sentence));
            }
        }
    }
}
