//! Epochs by validations.

use crate::channel::message::{Moment, WeightsAt};

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
