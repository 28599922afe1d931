//! One number per block as it was measured last.

/// Numbers of the blocks, all of one step.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest {
    step: u64,
    values: Vec<f64>,
}

impl Latest {
    /// Numbers of a step; NaN where a block has none.
    pub(super) fn new(step: u64, values: impl IntoIterator<Item = f64>) -> Self {
        Self { step, values: values.into_iter().collect() }
    }

    /// Nothing was measured yet.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Optimizer steps in the run before the one at which it was measured.
    pub(super) fn step(&self) -> u64 {
        self.step
    }

    /// The number of a block; NaN where there is none.
    pub(super) fn of(&self, block: usize) -> f64 {
        self.values.get(block).copied().unwrap_or(f64::NAN)
    }

    /// Forgets what lies at or behind a step.
    pub(super) fn rewind(&mut self, step: u64) {
        if self.step >= step {
            self.values.clear();
        }
    }
}
