//! Where the last step stood in training.

use burnscape_trace::Step;

/// Places of a step; what was measured in it is kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastStep {
    /// Optimizer steps in the run before it.
    pub step: u64,
    /// Epoch, counted from 1, where known.
    pub epoch: Option<u64>,
    /// Batch within the epoch, counted from 1, where known.
    pub iteration: Option<u64>,
}

impl From<&Step> for LastStep {
    fn from(step: &Step) -> Self {
        Self { step: step.step, epoch: step.epoch, iteration: step.iteration }
    }
}
