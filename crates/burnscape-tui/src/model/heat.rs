//! One quantity per block over steps, in bounded memory: each cell keeps the largest value.

use super::series::BucketClock;

/// Columns kept: more than a wide terminal shows.
pub const COLUMNS: usize = 256;

/// The largest value of one block in one stretch of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatCell {
    /// Largest finite value; minus infinity: none.
    pub max: f32,
    /// A NaN or an infinity that is a gradient's, not the absence of one.
    pub non_finite: bool,
}

impl HeatCell {
    /// Nothing was recorded.
    pub const EMPTY: Self = Self { max: f32::NEG_INFINITY, non_finite: false };

    /// The largest finite value, where there is one.
    #[must_use]
    pub fn value(self) -> Option<f32> {
        self.max.is_finite().then_some(self.max)
    }

    /// Both cells as one.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self { max: self.max.max(other.max), non_finite: self.non_finite || other.non_finite }
    }
}

/// Values of every block over steps; columns double their width when they are full.
#[derive(Debug, Clone)]
pub struct HeatColumns {
    clock: BucketClock,
    columns: Vec<Vec<HeatCell>>,
    last_step: u64,
}

impl Default for HeatColumns {
    fn default() -> Self {
        Self { clock: BucketClock::new(COLUMNS), columns: Vec::new(), last_step: 0 }
    }
}

impl HeatColumns {
    /// Adds the values of one step; blocks marked in `missing` have none.
    pub fn push(&mut self, step: u64, values: &[f32], missing: &[bool]) {
        let (index, halvings) = self.clock.place(step);
        for _ in 0..halvings {
            self.halve();
        }
        if self.columns.len() <= index {
            self.columns.resize(index + 1, Vec::new());
        }
        self.merge_into(index, values, missing);
        self.last_step = step;
    }

    /// Columns so far; the newest is the last one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Nothing was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The cell of a block in a column.
    #[must_use]
    pub fn cell(&self, column: usize, block: usize) -> HeatCell {
        let cells = self.columns.get(column);
        cells.and_then(|cells| cells.get(block)).copied().unwrap_or(HeatCell::EMPTY)
    }

    /// First and last step.
    #[must_use]
    pub fn steps(&self) -> (u64, u64) {
        (self.clock.first_step(0), self.last_step)
    }

    /// First step of a column, also of one to come.
    #[must_use]
    pub fn first_step_of(&self, column: usize) -> u64 {
        self.clock.first_step(column)
    }

    /// Smallest and largest positive value: the range of a logarithmic scale.
    #[must_use]
    pub fn positive_bounds(&self) -> Option<(f64, f64)> {
        self.columns
            .iter()
            .flatten()
            .filter_map(|cell| cell.value().map(f64::from))
            .filter(|&value| value > 0.0)
            .map(|value| (value, value))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Forgets what lies at or behind a step, to the width of a column.
    pub fn rewind(&mut self, step: u64) {
        self.columns.truncate(self.clock.buckets_before(step));
        self.last_step = self.last_step.min(step.saturating_sub(1));
    }

    fn merge_into(&mut self, index: usize, values: &[f32], missing: &[bool]) {
        let column = &mut self.columns[index];
        if column.len() < values.len() {
            column.resize(values.len(), HeatCell::EMPTY);
        }
        let missing = missing.iter().copied().chain(std::iter::repeat(false));
        let present = column.iter_mut().zip(values).zip(missing).filter(|(_, missing)| !missing);
        for ((cell, &value), _) in present {
            let max = if value.is_finite() { value } else { f32::NEG_INFINITY };
            *cell = cell.merged(HeatCell { max, non_finite: !value.is_finite() });
        }
    }

    fn halve(&mut self) {
        self.columns = self.columns.chunks(2).map(merge_columns).collect();
    }
}

fn merge_columns(columns: &[Vec<HeatCell>]) -> Vec<HeatCell> {
    let blocks = columns.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |block: usize| {
        columns
            .iter()
            .filter_map(|column| column.get(block).copied())
            .fold(HeatCell::EMPTY, HeatCell::merged)
    };
    (0..blocks).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_of_one_block_survives_merging() {
        let mut heat = HeatColumns::default();
        for step in 0..10_000 {
            let spike = if step == 1_234 { 50.0 } else { 0.5 };
            heat.push(step, &[1.0, spike], &[]);
        }
        assert!(heat.len() <= COLUMNS);
        let most = (0..heat.len()).filter_map(|c| heat.cell(c, 1).value()).fold(0.0, f32::max);
        assert_eq!(most, 50.0);
        assert_eq!(heat.positive_bounds(), Some((0.5, 50.0)));
    }

    #[test]
    fn nan_is_a_mark_only_where_a_gradient_was() {
        let mut heat = HeatColumns::default();
        heat.push(0, &[f32::NAN, 1.0], &[true, false]);
        heat.push(1, &[f32::NAN, f32::NAN], &[true, false]);
        assert!(!heat.cell(0, 0).non_finite && !heat.cell(1, 0).non_finite);
        assert!(heat.cell(1, 1).non_finite);
    }
}
