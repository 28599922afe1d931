//! The model that is recorded: its head, its map, and what of it is frozen.

use burnscape_trace::{Head, Record};

use super::journal::Journal;
use crate::channel::message::WeightsAt;
use crate::model::frozen::{self, FrozenHistory};
use crate::model::map::ModelMap;

/// Nothing of it is known before the first update.
#[derive(Default)]
pub(super) struct RecordedModel {
    pub head: Option<Head>,
    pub map: Option<ModelMap>,
    /// Map and first weights, until it is known where training starts.
    pub introduction: Option<Box<(ModelMap, WeightsAt)>>,
    /// Which blocks were frozen when.
    pub frozen: FrozenHistory,
    /// Changes of that which came before there was a head, with the steps of this process before them.
    pub early_flags: Vec<(u64, Vec<bool>)>,
}

impl RecordedModel {
    pub fn blocks(&self) -> usize {
        self.head.as_ref().map_or(0, |head| head.blocks.len())
    }

    /// Norms stay on their device until the writer thread reads them.
    pub fn defers_reads(&self) -> bool {
        self.map.as_ref().is_some_and(|map| map.defers_reads)
    }

    /// From a step of the run on, other blocks may be frozen.
    pub fn follow_flags(&mut self, step: u64, flags: &[bool], journal: &mut Journal) {
        let Some(head) = self.head.take() else { return };
        let before = self.frozen.at(None);
        if let Some(change) = self.frozen.change(step, flags) {
            journal.append(&Record::Frozen(change));
            let paths: Vec<&str> = head.blocks.iter().map(|block| block.path.as_str()).collect();
            journal.note("info", frozen::change_in_words(&paths, &before, flags, step));
        }
        self.head = Some(self.frozen.as_now(head));
    }
}
