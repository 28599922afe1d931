//! One number per block as it was measured last.

/// Numbers of the blocks, all of one step.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest {
    step: u64,
    values: Vec<f64>,
}

impl Latest {
    /// Takes the numbers of a step in place of those before; NaN where a block has none.
    pub(super) fn set(&mut self, step: u64, values: impl IntoIterator<Item = f64>) {
        self.step = step;
        self.values.clear();
        self.values.extend(values);
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
