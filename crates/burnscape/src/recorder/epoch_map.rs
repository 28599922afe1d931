//! Which epoch and batch a step belongs to: step counts held against burn's progress events.
//!
//! Steps are counted on the training thread; epochs are told only by burn's events, on another
//! thread and a little later. So a step waits here until the event of its own batch has come.

use std::collections::VecDeque;

use crate::channel::event::TrainingEvent;

/// A place inside training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Batch within the epoch, counted from 1.
    pub iteration: u64,
}

/// The training split of one epoch, in batches of this process.
#[derive(Debug, Clone, Copy)]
struct Span {
    epoch: u64,
    /// Batches before the split.
    before: u64,
    /// Batches seen in it so far.
    seen: u64,
}

/// Maps the running number of a batch, counted in this process, to its epoch.
#[derive(Debug)]
pub(crate) struct EpochMap {
    spans: VecDeque<Span>,
    first_epoch: u64,
    next_epoch: u64,
    batches: u64,
    /// Batches when the training started that goes on.
    started_at: Option<u64>,
    /// Epochs of the trainings before it: burn counts those of each from 1.
    epochs_before: u64,
    /// Validation batches before the last validation, and through it.
    validation: (u64, u64),
    in_train: bool,
    /// Items in the running split.
    pub split_items: u64,
    /// Items of it that are done.
    pub done_items: u64,
    /// Epochs planned, 0 before burn told.
    pub total_epochs: u64,
}

/// Spans kept: steps lag behind events by a batch or two, never by epochs.
const KEPT_SPANS: usize = 4;

impl Default for EpochMap {
    fn default() -> Self {
        Self {
            spans: VecDeque::new(),
            first_epoch: 1,
            next_epoch: 1,
            batches: 0,
            started_at: None,
            epochs_before: 0,
            validation: (0, 0),
            in_train: false,
            split_items: 0,
            done_items: 0,
            total_epochs: 0,
        }
    }
}

impl EpochMap {
    /// Takes one event in.
    pub fn apply(&mut self, event: &TrainingEvent) {
        match *event {
            TrainingEvent::Start { total_epochs, first_epoch } => {
                self.start(total_epochs, first_epoch);
            }
            TrainingEvent::SplitStart { train, items } => self.start_split(train, items),
            TrainingEvent::Batch { items } => self.count_batch(items),
            TrainingEvent::SplitEnd => self.in_train = false,
            TrainingEvent::EpochEnd { epoch } => self.next_epoch = self.in_run(epoch) + 1,
            TrainingEvent::End | TrainingEvent::Unheard => {}
        }
    }

    /// A training starts, which may be told twice. One that comes after another is a phase of the same run.
    fn start(&mut self, total_epochs: u64, first_epoch: u64) {
        match self.started_at {
            None => self.first_epoch = first_epoch,
            Some(before) if before < self.batches => {
                let begun = self.spans.back().map_or(0, |span| span.epoch);
                let known = begun.max(self.next_epoch - 1);
                self.epochs_before = known.saturating_sub(first_epoch.saturating_sub(1));
            }
            Some(_) => {}
        }
        self.started_at = Some(self.batches);
        self.total_epochs = self.in_run(total_epochs);
        self.next_epoch = self.in_run(first_epoch);
    }

    /// The number in the run of an epoch as burn counts it.
    pub fn in_run(&self, epoch: u64) -> u64 {
        epoch.saturating_add(self.epochs_before)
    }

    fn start_split(&mut self, train: bool, items: u64) {
        self.in_train = train;
        self.split_items = items;
        self.done_items = 0;
        if !train {
            self.validation.0 = self.validation.1;
            return;
        }
        if self.spans.len() == KEPT_SPANS {
            self.spans.pop_front();
        }
        self.spans.push_back(Span { epoch: self.next_epoch, before: self.batches, seen: 0 });
    }

    fn count_batch(&mut self, items: u64) {
        self.done_items = items;
        if !self.in_train {
            self.validation.1 += 1;
            return;
        }
        self.batches += 1;
        if let Some(span) = self.spans.back_mut() {
            span.seen += 1;
        }
    }

    /// The place of batch number `batch` (counted from 1); `None`: its event has not
    /// come yet.
    pub fn place(&self, batch: u64) -> Option<Place> {
        self.spans
            .iter()
            .rev()
            .find(|span| span.before < batch && batch <= span.before + span.seen)
            .map(|span| span.place(batch))
    }

    /// The place of a batch whose event will never come, because training died before it.
    pub fn last_place(&self, batch: u64) -> Option<Place> {
        let span = self.spans.back()?;
        (span.before < batch).then(|| span.place(batch))
    }

    /// The batches `(before, through]` that epoch `epoch` trained on, as far as events told.
    pub fn batches_of(&self, epoch: u64) -> Option<(u64, u64)> {
        let span = self.spans.iter().rev().find(|span| span.epoch == epoch)?;
        Some((span.before, span.before + span.seen))
    }

    /// Batches before the last training split.
    pub fn batches_before_split(&self) -> u64 {
        self.spans.back().map_or(0, |span| span.before)
    }

    /// The batches `(before, through]` of the last validation, counted in this process.
    pub fn validation_batches(&self) -> (u64, u64) {
        self.validation
    }

    /// Training batches that events told of.
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// The epoch at which training started.
    pub fn first_epoch(&self) -> u64 {
        self.first_epoch
    }

    /// Epochs that are complete: the next one to train, less one.
    pub fn complete_epochs(&self) -> u64 {
        self.next_epoch - 1
    }

    /// The epoch that is being trained or validated.
    pub fn current_epoch(&self) -> u64 {
        self.spans.back().map_or(self.next_epoch, |span| span.epoch)
    }

    /// Whether the training split is running.
    pub fn is_training(&self) -> bool {
        self.in_train
    }
}

impl Span {
    fn place(&self, batch: u64) -> Place {
        Place { epoch: self.epoch, iteration: batch - self.before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train_split(map: &mut EpochMap, batches: u64) {
        map.apply(&TrainingEvent::SplitStart { train: true, items: batches });
        for items in 1..=batches {
            map.apply(&TrainingEvent::Batch { items });
        }
        map.apply(&TrainingEvent::SplitEnd);
    }

    fn valid_split(map: &mut EpochMap, batches: u64) {
        map.apply(&TrainingEvent::SplitStart { train: false, items: batches });
        for items in 1..=batches {
            map.apply(&TrainingEvent::Batch { items });
        }
        map.apply(&TrainingEvent::SplitEnd);
    }

    fn started(first_epoch: u64) -> EpochMap {
        let mut map = EpochMap::default();
        map.apply(&TrainingEvent::Start { total_epochs: 9, first_epoch });
        map
    }

    #[test]
    fn validation_batches_do_not_count_as_training_batches() {
        let mut map = started(1);
        train_split(&mut map, 3);
        valid_split(&mut map, 5);
        map.apply(&TrainingEvent::EpochEnd { epoch: 1 });
        train_split(&mut map, 3);
        assert_eq!(map.place(4), Some(Place { epoch: 2, iteration: 1 }));
        assert_eq!(map.batches_of(2), Some((3, 6)));
    }

    #[test]
    fn a_step_waits_until_the_event_of_its_batch_has_come() {
        let mut map = started(1);
        map.apply(&TrainingEvent::SplitStart { train: true, items: 3 });
        assert_eq!(map.place(1), None);
        map.apply(&TrainingEvent::Batch { items: 1 });
        assert_eq!(map.place(1), Some(Place { epoch: 1, iteration: 1 }));
    }

    #[test]
    fn a_second_training_goes_on_counting_where_the_first_one_stopped() {
        let start = TrainingEvent::Start { total_epochs: 2, first_epoch: 1 };
        let mut map = EpochMap::default();
        for phase in 0..3 {
            // It is told before the launch and by burn.
            map.apply(&start);
            map.apply(&start);
            assert_eq!(
                (map.total_epochs, map.current_epoch().max(1)),
                (2 * phase + 2, (2 * phase).max(1))
            );
            for epoch in 1..=2 {
                train_split(&mut map, 3);
                assert_eq!(map.current_epoch(), 2 * phase + epoch);
                map.apply(&TrainingEvent::EpochEnd { epoch });
            }
            assert_eq!(map.complete_epochs(), 2 * phase + 2);
        }
        // Interrupted within epoch 7: what comes then is epoch 8.
        map.apply(&start);
        train_split(&mut map, 1);
        map.apply(&start);
        train_split(&mut map, 3);
        assert_eq!(map.place(20), Some(Place { epoch: 8, iteration: 1 }));
        // One that goes on from a checkpoint of epoch 8 counts from there by itself.
        map.apply(&TrainingEvent::EpochEnd { epoch: 1 });
        map.apply(&TrainingEvent::Start { total_epochs: 9, first_epoch: 9 });
        assert_eq!((map.current_epoch(), map.total_epochs), (8, 9));
        train_split(&mut map, 1);
        assert_eq!((map.current_epoch(), map.first_epoch()), (9, 1));
    }

    #[test]
    fn a_training_resumed_from_checkpoint_seven_starts_in_epoch_eight() {
        let mut map = started(8);
        train_split(&mut map, 2);
        assert_eq!(map.place(2).unwrap().epoch, 8);
    }
}
