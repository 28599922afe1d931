//! What changes from step to step.

use std::thread::ThreadId;

use crate::alerts::loss::LossWatch;
use crate::alerts::suspicion::{Leaps, Suspicions};
use crate::config::schedule::Turns;
use crate::model::map::ModelMap;
use crate::observe::identity::Recorded;

/// What changes from step to step; only ever held by the thread that optimizes.
#[derive(Default)]
pub(super) struct StepState {
    pub steps: u64,
    pub batches_before: u64,
    pub validations: u64,
    pub batches_at_validation: u64,
    /// What tells the recorded model from another one.
    pub recorded: Recorded,
    pub freezing: Freezing,
    /// Batches at the last snapshot that `valid()` gave.
    pub validated_at: Option<u64>,
    /// What told the last epoch apart from the one before.
    pub epoch_mark: Option<u64>,
    /// The thread that optimizes.
    pub thread: Option<ThreadId>,
    /// Losses, for the black box.
    pub losses: LossWatch,
    /// There are some once the model is known.
    pub suspicions: Option<Suspicions>,
    /// Base and largest learning rate when they were read last.
    pub rates: Option<(f64, f64)>,
    pub leaps: Leaps,
    /// The last update was longer than an optimizer makes it by its gradient: the next one will tell more.
    pub is_in_doubt: bool,
    pub turns: Turns,
    /// Steps before the last black box, and how many there were.
    pub last_box: Option<u64>,
    pub boxes: usize,
}

/// Which blocks are frozen now.
#[derive(Default)]
pub(super) struct Freezing {
    /// What told which blocks got a gradient in the last step.
    pub mark: Option<u64>,
    /// The map with the flags of now, where they are not those that training began with.
    pub map: Option<Box<ModelMap>>,
}
