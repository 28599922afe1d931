//! When something is due.

/// Which snapshots are taken besides the initial and the final model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotSchedule {
    /// After every n-th epoch.
    EveryEpochs(u64),
    /// After every n-th optimizer step.
    EverySteps(u64),
}

impl SnapshotSchedule {
    /// Whether one is due after `steps` optimizer steps.
    pub(crate) fn is_due_after_step(self, steps: u64) -> bool {
        matches!(self, Self::EverySteps(every) if steps.is_multiple_of(every))
    }

    /// Whether one is due after epoch `epoch`.
    pub(crate) fn is_due_after_epoch(self, epoch: u64) -> bool {
        matches!(self, Self::EveryEpochs(every) if epoch.is_multiple_of(every))
    }
}

/// Every n-th step, starting with the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EverySteps(pub u64);

impl EverySteps {
    /// Whether step `step`, counted from 0, is one of them; never with 0.
    pub fn is_due(self, step: u64) -> bool {
        self.0 != 0 && step.is_multiple_of(self.0)
    }
}
