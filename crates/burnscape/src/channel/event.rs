//! burn's progress events, as far as epochs need them.

/// One of burn's progress events, as [`crate::ProgressEvents`] passes it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TrainingEvent {
    /// Training starts at this epoch, counted from 1, of so many.
    Start { total_epochs: u64, first_epoch: u64 },
    /// A split (`train`, `valid`) with so many items starts.
    SplitStart { train: bool, items: u64 },
    /// So many items of the split are done: one event per batch.
    Batch { items: u64 },
    /// The split ended, or was interrupted.
    SplitEnd,
    /// This epoch is complete.
    EpochEnd { epoch: u64 },
    /// Training ended or was interrupted.
    End,
    /// A logger of ours is gone that burn told none of these.
    Unheard,
}
