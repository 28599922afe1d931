//! What an earlier recording of the same folder left behind.

use burnscape_trace::{Epoch, Head, Resumed, Snapshot};

use crate::channel::message::Moment;
use crate::model::frozen::FrozenHistory;

/// What an earlier recording of the same folder left behind.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    pub head: Option<Head>,
    pub epochs: Vec<Epoch>,
    pub snapshots: Vec<Snapshot>,
    pub frozen: FrozenHistory,
    pub recorded: Moment,
    pub slices: u32,
    pub studies: u32,
    pub next_snapshot: u64,
    /// When this recording began to go on with it.
    pub resumed_unix_secs: f64,
}

impl Earlier {
    /// Where an epoch ended. A process that was killed may have left a checkpoint and not the record of its
    /// epoch: then epochs are taken to be as long as the last one that is known, or, where none is, all that was
    /// recorded to be the epoch.
    pub fn end_of_epoch(&self, number: u64) -> Moment {
        let known = |below: u64| self.epochs.iter().rev().find(|it| it.epoch < below);
        let Some(last) = known(number.saturating_add(1)) else { return self.recorded };
        let before = known(last.epoch)
            .map_or((0, self.epochs_before(), 0), |it| (it.steps, it.epoch, it.batches));
        let (steps, epoch, batches) = before;
        let (length, missing) = ((last.epoch - epoch.min(last.epoch)).max(1), number - last.epoch);
        let on = |end: u64, start: u64| {
            end.saturating_add((end.saturating_sub(start) / length).saturating_mul(missing))
        };
        Moment { steps: on(last.steps, steps), batches: on(last.batches, batches) }
    }

    /// It ended before its first step.
    pub fn is_of_no_model(&self) -> bool {
        self.head.as_ref().is_none_or(|head| head.blocks.is_empty())
    }

    /// Epochs that another run has trained, of which this one has the checkpoint only.
    fn epochs_before(&self) -> u64 {
        let first = self.head.as_ref().and_then(|head| head.first_epoch);
        first.map_or(0, |first| first.saturating_sub(1))
    }
}

impl From<Resumed> for Earlier {
    fn from(resumed: Resumed) -> Self {
        let frozen = resumed.head.as_ref().map(|head| FrozenHistory::of(head, resumed.frozen));
        Self {
            frozen: frozen.unwrap_or_default(),
            head: resumed.head,
            epochs: resumed.epochs,
            snapshots: resumed.snapshots,
            recorded: Moment { steps: resumed.steps, batches: resumed.batches },
            slices: resumed.slices,
            studies: resumed.studies,
            next_snapshot: resumed.next_snapshot,
            resumed_unix_secs: resumed.resumed_unix_secs,
        }
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn earlier(epochs: &[(u64, u64)]) -> Earlier {
        let epoch = |&(epoch, steps): &(u64, u64)| {
            record!(Epoch { epoch, steps, batches: steps.saturating_mul(2) })
        };
        let epochs = epochs.iter().map(epoch).collect();
        Earlier { epochs, recorded: Moment { steps: 17, batches: 34 }, ..Earlier::default() }
    }

    #[test]
    fn an_epoch_whose_record_was_lost_is_as_long_as_the_one_before_it() {
        let at = |epochs: &[(u64, u64)], number| earlier(epochs).end_of_epoch(number).steps;
        assert_eq!(at(&[(1, 10), (2, 20), (3, 30)], 2), 20, "told");
        assert_eq!(at(&[(1, 10), (2, 20)], 5), 50);
        assert_eq!(at(&[(1, 10), (4, 40)], 6), 60);
        assert_eq!(at(&[(1, 10)], 3), 30);
        assert_eq!(at(&[], 1), 17, "nothing better is known");
        assert_eq!(earlier(&[(1, 10)]).end_of_epoch(3).batches, 60);
        let head = Some(record!(Head { first_epoch: Some(5) }));
        let later = Earlier { head, ..earlier(&[(5, 10)]) };
        assert_eq!(later.end_of_epoch(6).steps, 20, "epochs of another run do not count");
        assert_eq!(at(&[(1, u64::MAX)], u64::MAX), u64::MAX);
    }
}
