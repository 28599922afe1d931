//! The last histograms of every block: of its gradient and of its weights.

use std::collections::BTreeMap;

use burnscape_trace::{Histogram, HistogramOf};

/// Which values of a block a histogram is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockValues {
    /// Those of its gradient.
    Gradient,
    /// Its weights.
    Weight,
}

impl BlockValues {
    /// What a record tells; `None`: neither.
    fn of(histogram: &Histogram) -> Option<Self> {
        match histogram.of {
            HistogramOf::Gradient => Some(Self::Gradient),
            HistogramOf::Weight => Some(Self::Weight),
            _ => None,
        }
    }
}

/// The last histograms by block.
#[derive(Debug, Clone, Default)]
pub(super) struct BlockHistograms(BTreeMap<(BlockValues, usize), Histogram>);

impl BlockHistograms {
    pub(super) fn apply(&mut self, block: usize, histogram: &Histogram) {
        if let Some(values) = BlockValues::of(histogram) {
            self.0.insert((values, block), histogram.clone());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, values: BlockValues, block: usize) -> Option<&Histogram> {
        self.0.get(&(values, block))
    }

    /// Forgets what lies at or behind a step.
    pub(super) fn rewind(&mut self, step: u64) {
        self.0.retain(|_, histogram| histogram.step < step);
    }
}
