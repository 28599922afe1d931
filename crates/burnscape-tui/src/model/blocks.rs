//! The parameter blocks: what was measured of each last, and its gradient norm over steps.

use std::collections::BTreeMap;

use burnscape_trace::columns::{
    DISTANCE, GRAD_CV, GRAD_MAX, GRAD_NON_FINITE, GRAD_NORM, GRAD_NORM_CLIPPED, LR, UPDATE_NORM,
    WEIGHT_NON_FINITE, WEIGHT_NORM,
};
use burnscape_trace::{Alert, Block, Histogram, Step};

use super::block_histograms::{BlockHistograms, BlockValues};
use super::block_status::{BlockStatus, Recorded};
use super::heat::HeatColumns;
use super::latest::Latest;
use super::quotient::Quotient;

/// Columns of which the last values are kept.
const KEPT: [&str; 10] = [
    GRAD_NORM,
    WEIGHT_NORM,
    UPDATE_NORM,
    GRAD_MAX,
    GRAD_NON_FINITE,
    GRAD_NORM_CLIPPED,
    GRAD_CV,
    LR,
    WEIGHT_NON_FINITE,
    DISTANCE,
];

/// One block as it was measured last; NaN where there is no value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockRow<'a> {
    /// Path of the block.
    pub path: &'a str,
    /// ‖g‖.
    pub grad_norm: f64,
    /// ‖θ‖.
    pub weight_norm: f64,
    /// ‖Δθ‖.
    pub update_norm: f64,
    /// ‖Δθ‖ / ‖θ‖, both of one step.
    pub update_ratio: f64,
    /// Signal-to-noise ratio of the gradient; infinite without noise.
    pub signal_to_noise: f64,
    /// Cosine of the angle between an update and the one before.
    pub update_cosine: f64,
    /// What is to be said about it.
    pub status: BlockStatus,
}

/// All blocks of a run.
#[derive(Debug, Clone, Default)]
pub struct Blocks {
    layout: Vec<Block>,
    heat: HeatColumns,
    columns: BTreeMap<&'static str, Latest>,
    quotients: BTreeMap<Quotient, Latest>,
    histograms: BlockHistograms,
    /// Blocks that no gradient reached in the last step.
    missing: Vec<bool>,
}

impl Blocks {
    /// Takes the blocks of a head; heads are repeated, and a changed layout starts afresh.
    pub fn set_layout(&mut self, layout: &[Block]) {
        if self.layout != layout {
            *self = Self { layout: layout.to_vec(), ..Self::default() };
        }
    }

    /// Takes the columns of a step.
    pub fn apply(&mut self, step: &Step) {
        let missing = self.missing_in(step);
        if let Some(values) = self.column(step, GRAD_NORM) {
            self.heat.push(step.step, values, &missing);
            self.missing.clone_from(&missing);
        }
        for name in KEPT {
            self.keep_column(step, name, &missing);
        }
        for quotient in Quotient::ALL {
            self.keep_quotient(step, quotient, &missing);
        }
    }

    /// Takes how the gradient or the weights of a block are spread.
    pub fn apply_histogram(&mut self, block: u32, histogram: &Histogram) {
        let block = block as usize;
        if block < self.len() {
            self.histograms.apply(block, histogram);
        }
    }

    /// Number of blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// No blocks are known yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    /// Training went on from a step: forgets what lies at or behind it.
    pub fn rewind(&mut self, step: u64) {
        self.heat.rewind(step);
        self.columns.values_mut().for_each(|column| column.rewind(step));
        self.quotients.values_mut().for_each(|quotient| quotient.rewind(step));
        self.histograms.rewind(step);
    }

    /// ‖g‖ of every block over steps.
    #[must_use]
    pub fn heat(&self) -> &HeatColumns {
        &self.heat
    }

    /// Path of a block; empty past the last one.
    #[must_use]
    pub fn path(&self, block: usize) -> &str {
        self.layout.get(block).map_or("", |block| block.path.as_str())
    }

    /// A column for a block as it was measured last; NaN where there is no value.
    #[must_use]
    pub fn last(&self, column: &str, block: usize) -> f64 {
        self.columns.get(column).map_or(f64::NAN, |column| column.of(block))
    }

    /// A quotient was measured, of any block.
    #[must_use]
    pub fn has(&self, quotient: Quotient) -> bool {
        self.quotients.get(&quotient).is_some_and(|quotient| !quotient.is_empty())
    }

    /// There is a histogram of any block.
    #[must_use]
    pub fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// How values of a block were spread when that was last recorded.
    #[must_use]
    pub fn histogram(&self, values: BlockValues, block: usize) -> Option<&Histogram> {
        self.histograms.get(values, block)
    }

    /// A block as it was measured last, and what alerts say of it; `None` past the last one.
    #[must_use]
    pub fn row(&self, block: usize, alerts: &[&Alert]) -> Option<BlockRow<'_>> {
        let layout = self.layout.get(block)?;
        let quotient = |which| self.quotients.get(&which).map_or(f64::NAN, |it| it.of(block));
        let mut row = BlockRow {
            path: &layout.path,
            grad_norm: self.last(GRAD_NORM, block),
            weight_norm: self.last(WEIGHT_NORM, block),
            update_norm: self.last(UPDATE_NORM, block),
            update_ratio: quotient(Quotient::UpdateRatio),
            signal_to_noise: quotient(Quotient::SignalToNoise),
            update_cosine: quotient(Quotient::UpdateCosine),
            status: BlockStatus::Ok,
        };
        row.status = BlockStatus::of(layout, &row, self.recorded(block), alerts);
        Some(row)
    }

    /// Norm of the whole gradient, √Σ‖g‖², over the blocks that have one, with the step at which it was
    /// measured last; `None` before the first.
    #[must_use]
    pub fn global_grad_norm(&self) -> Option<(u64, f64)> {
        let norms = self.columns.get(GRAD_NORM).filter(|norms| !norms.is_empty())?;
        let with_gradient = (0..self.len()).filter(|&block| self.has_gradient(block));
        let squares = with_gradient.map(|block| norms.of(block).powi(2));
        let sum = squares.reduce(|sum, square| sum + square)?;
        Some((norms.step(), sum.sqrt()))
    }

    /// A column of a step that has one value per block.
    fn column<'a>(&self, step: &'a Step, name: &str) -> Option<&'a [f32]> {
        let column = step.columns.get(name)?;
        (column.len() == self.len()).then_some(column)
    }

    fn keep_column(&mut self, step: &Step, name: &'static str, missing: &[bool]) {
        let of_gradient = name.starts_with("grad_");
        if let Some(values) = self.column(step, name) {
            let values = values.iter().zip(missing).map(|(&value, &is_missing)| {
                if of_gradient && is_missing { f64::NAN } else { f64::from(value) }
            });
            self.columns.insert(name, Latest::new(step.step, values));
        }
    }

    fn keep_quotient(&mut self, step: &Step, quotient: Quotient, missing: &[bool]) {
        if quotient.columns().iter().any(|name| self.column(step, name).is_none()) {
            return;
        }
        let is_left_out = |block: usize| quotient.is_of_gradient() && missing[block];
        let value = |block: usize| quotient.of(step, block).filter(|_| !is_left_out(block));
        let values = (0..self.len()).map(|block| value(block).unwrap_or(f64::NAN));
        self.quotients.insert(quotient, Latest::new(step.step, values));
    }

    fn missing_in(&self, step: &Step) -> Vec<bool> {
        let mut missing: Vec<bool> = self.layout.iter().map(|block| block.frozen).collect();
        for &block in step.missing.iter() {
            if let Some(missing) = missing.get_mut(block as usize) {
                *missing = true;
            }
        }
        missing
    }

    fn has_gradient(&self, block: usize) -> bool {
        !self.missing.get(block).copied().unwrap_or(false)
    }

    fn recorded(&self, block: usize) -> Recorded {
        let is_recorded = |name| self.columns.get(name).is_some_and(|it| !it.is_empty());
        Recorded {
            gradients: is_recorded(GRAD_NORM),
            weights: is_recorded(WEIGHT_NORM),
            has_gradient: self.has_gradient(block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(rows: &[[f32; 3]]) -> Blocks {
        let mut blocks = Blocks::default();
        let layout: Vec<Block> = (0..rows.len())
            .map(|i| Block { path: format!("b{i}"), frozen: i == 0, ..Block::default() })
            .collect();
        blocks.set_layout(&layout);
        let mut step = Step { missing: vec![0, 1].into(), ..Step::default() };
        for (i, name) in [GRAD_NORM, WEIGHT_NORM, UPDATE_NORM].into_iter().enumerate() {
            step.columns.insert(name.to_owned(), rows.iter().map(|row| row[i]).collect());
        }
        blocks.apply(&step);
        blocks
    }

    #[test]
    fn the_global_norm_is_pythagoras_over_blocks_with_a_gradient() {
        let none = [f32::NAN, 1.0, 0.0];
        let blocks = blocks(&[none, none, [3.0, 1.0, 0.01], [4.0, 1.0, 0.01]]);
        assert_eq!(blocks.global_grad_norm(), Some((0, 5.0)));
    }

    #[test]
    fn each_status_has_its_cause() {
        let nan = f32::NAN;
        let rows = [
            ([nan, 1.0, nan], BlockStatus::Frozen),
            ([nan, 1.0, nan], BlockStatus::NoGradient),
            ([0.0, 1.0, 0.0], BlockStatus::ZeroGradient),
            ([1.0, nan, nan], BlockStatus::Nan),
            ([f32::INFINITY, 1.0, 0.01], BlockStatus::Infinite),
            ([1.0, 1.0, 1e-6], BlockStatus::SmallUpdate),
            ([1.0, 1.0, 0.5], BlockStatus::LargeUpdate),
            ([1.0, 0.0, 0.5], BlockStatus::Ok),
        ];
        let blocks = blocks(&rows.map(|(norms, _)| norms));
        let found: Vec<BlockStatus> =
            (0..rows.len()).filter_map(|i| blocks.row(i, &[])).map(|row| row.status).collect();
        assert_eq!(found, rows.map(|(_, status)| status));
    }

    #[test]
    fn a_nan_gradient_is_told_from_none() {
        let mut blocks = blocks(&[[f32::NAN, 1.0, 0.0]; 3]);
        assert_eq!(blocks.row(2, &[]).unwrap().status, BlockStatus::Nan);
        assert!(blocks.global_grad_norm().unwrap().1.is_nan());
        blocks.set_layout(&[]);
        assert_eq!(blocks.global_grad_norm(), None);
    }
}
