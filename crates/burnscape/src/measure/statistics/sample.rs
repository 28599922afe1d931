//! What is handed over for statistics of tensors, and what comes of it.

use std::collections::BTreeMap;

use crate::config::measurements::StatisticsDue;
use crate::measure::handles::Handles;

/// How much one more step counts in the average that the signal-to-noise ratio is of.
pub(super) const AVERAGE_SHARE: f64 = 0.1;

/// A step that is looked at more closely.
#[derive(Debug)]
pub(crate) struct StatisticsSample {
    /// Steps of this process before it.
    pub step: u64,
    pub look: StatisticsDue,
    pub handles: Handles,
    /// Learning rate per block; empty where all have that of the step.
    pub lrs: Vec<f32>,
    /// Every entry of a gradient is cut to ± this by the optimizer.
    pub clip_value: Option<f32>,
}

/// One value per block and column.
pub(crate) type Columns = BTreeMap<&'static str, Vec<f32>>;
