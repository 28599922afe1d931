//! Which epoch a step, a value or a validation belongs to: told by burn's events, or counted by validations.

use std::sync::Arc;

use super::epoch_map::{EpochMap, Place};
use super::losses::Weighting;
use crate::channel::counters::Counters;
use crate::channel::message::{Moment, Validated, WeightsAt};
use crate::channel::samples::{OwnSample, StepSample};

/// Both ways to count epochs, of which one holds.
#[derive(Debug)]
pub(super) struct Epochs {
    /// By burn's events.
    pub map: EpochMap,
    /// By validations.
    pub counting: Counting,
    /// Weights that burn validated and whose epoch is not confirmed yet.
    pub unconfirmed: Option<Validated>,
    counters: Arc<Counters>,
}

/// Epochs by validations.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// Events were expected and do not come.
    pub has_given_up: bool,
    /// That is to be told once there is a head.
    pub is_to_be_told: bool,
    /// Validations so far.
    pub validations: u64,
    /// Training batches until the end of the last epoch.
    pub batches_before: u64,
    /// The epoch whose validation is going on.
    pub open: Option<OpenEpoch>,
    /// Validation batches until the end of the epoch before, as a hand-written loop tells them.
    pub observed_before: u64,
    /// The same until the end of the epoch that it ends now.
    pub observed_through: Option<u64>,
}

/// An epoch whose training is over.
#[derive(Debug)]
pub(super) struct OpenEpoch {
    pub number: u64,
    /// Training batches before it.
    pub before: u64,
    pub end: Moment,
    /// Validation batches before its own.
    pub valid_before: u64,
    /// Its weights, where it may be none: training was asked to stop before.
    pub perhaps: Option<Box<WeightsAt>>,
}

impl Epochs {
    pub fn new(counters: Arc<Counters>) -> Self {
        let (map, counting) = (EpochMap::default(), Counting::default());
        Self { map, counting, unconfirmed: None, counters }
    }

    pub fn counts_by_events(&self) -> bool {
        !self.counters.listeners.is_empty() && !self.counting.has_given_up
    }

    /// Events are expected, and none of a training batch has come.
    pub fn waits_for_first_event(&self) -> bool {
        self.counts_by_events() && self.map.batches() == 0
    }

    /// Epochs that are complete: those before this training, and one for each validation.
    pub fn by_validations(&self) -> u64 {
        self.map.first_epoch() - 1 + self.counting.validations
    }

    /// What batches count by in means: as in burn's own metric, where its events show that it trains.
    pub fn weighting(&self) -> Weighting {
        if self.counts_by_events() { Weighting::Burn } else { Weighting::Counted }
    }

    /// Where a step belongs; `None`: the event of its batch has not come yet. `force`: it never will.
    pub fn place(&self, sample: &StepSample, force: bool) -> Option<Place> {
        let batches = sample.batches;
        if !self.counts_by_events() {
            return Some(Place {
                epoch: self.map.first_epoch() + sample.validations,
                iteration: batches - sample.batches_at_validation,
            });
        }
        let place = self.map.place(batches);
        match force {
            true => place.or_else(|| self.map.last_place(batches)),
            false => place,
        }
    }

    /// The epoch of a value of the program's own; `None`: the event of its batch has not come yet.
    pub fn of_own(&self, sample: &OwnSample) -> Option<u64> {
        let first = self.map.first_epoch();
        match sample.at.batches {
            _ if !self.counts_by_events() => Some(first + sample.validations),
            0 => Some(first),
            batches => match self.map.place(batches) {
                Some(place) => Some(place.epoch),
                None => (batches <= self.map.batches()).then(|| self.map.current_epoch()),
            },
        }
    }

    /// Whether a step of this batch is behind the open epoch.
    pub fn goes_on_with(&self, batch: u64) -> bool {
        self.counting.open.as_ref().is_some_and(|epoch| batch > epoch.end.batches)
    }
}
