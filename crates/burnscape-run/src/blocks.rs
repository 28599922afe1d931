//! The parameter blocks: what was measured of each last, and over steps.

use burnscape_trace::columns::{Column, Combine, GRAD_NORM, Quotient};
use burnscape_trace::{Alert, Block, Frozen, Histogram, Step};

use super::block_columns::StepColumns;
use super::block_histograms::{BlockHistograms, BlockValues};
use super::block_quantity::BlockQuantity;
use super::block_series::BlockSeries;
use super::block_status::{BlockStatus, Recorded};
use super::freezing::Freezing;
use super::latest::Latest;
use super::quotient::in_step;

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
    /// As the head tells them.
    told: Vec<Block>,
    /// The same with what is frozen now.
    layout: Vec<Block>,
    freezing: Freezing,
    series: [BlockSeries; BlockQuantity::COUNT],
    columns: [Latest; Column::COUNT],
    quotients: [Latest; Quotient::ALL.len()],
    histograms: BlockHistograms,
    /// Blocks that no gradient reached in the last step with gradients.
    missing: Vec<bool>,
    /// Those of the step that is taken; kept, so that not every step asks for memory.
    missing_now: Vec<bool>,
}

impl Blocks {
    /// Takes the blocks of a head; heads are repeated, and a changed layout starts afresh.
    pub fn set_layout(&mut self, layout: &[Block]) {
        if self.told != layout {
            let series = std::array::from_fn(|_| BlockSeries::of_blocks(layout.len()));
            let freezing = Freezing::new(layout);
            let (told, layout) = (layout.to_vec(), layout.to_vec());
            *self = Self { told, layout, freezing, series, ..Self::default() };
        }
    }

    /// Takes which blocks are frozen from a step on.
    pub fn apply_frozen(&mut self, frozen: &Frozen) {
        self.freezing.apply(frozen);
        self.freeze();
    }

    /// The step from which on a block is frozen; `None` where it is not, or was when recording began.
    #[must_use]
    pub fn frozen_since(&self, block: usize) -> Option<u64> {
        self.freezing.since(block)
    }

    /// Flags of the blocks as they were told last.
    fn freeze(&mut self) {
        for (block, now) in self.layout.iter_mut().enumerate() {
            now.frozen = self.freezing.is_frozen(block);
        }
    }

    /// Takes the columns of a step.
    pub fn apply(&mut self, step: &Step) {
        let columns = StepColumns::of(step, self.len());
        self.find_missing(step);
        if columns.get(Column::GradNorm).is_some() {
            self.missing.clone_from(&self.missing_now);
        }
        Column::ALL.into_iter().for_each(|column| self.keep_column(step.step, column, &columns));
        Quotient::ALL
            .into_iter()
            .for_each(|quotient| self.keep_quotient(step.step, quotient, &columns));
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
        self.freezing.rewind(step);
        self.freeze();
        self.series.iter_mut().for_each(|series| series.rewind(step));
        self.columns.iter_mut().for_each(|column| column.rewind(step));
        self.quotients.iter_mut().for_each(|quotient| quotient.rewind(step));
        self.histograms.rewind(step);
    }

    /// A quantity of every block over steps.
    #[must_use]
    pub fn series(&self, quantity: BlockQuantity) -> &BlockSeries {
        &self.series[quantity as usize]
    }

    /// A block as the head tells it, with whether it is frozen now; `None` past the last one.
    #[must_use]
    pub fn layout(&self, block: usize) -> Option<&Block> {
        self.layout.get(block)
    }

    /// Path of a block; empty past the last one.
    #[must_use]
    pub fn path(&self, block: usize) -> &str {
        self.layout.get(block).map_or("", |block| block.path.as_str())
    }

    /// A column for a block as it was measured last; NaN where there is no value.
    #[must_use]
    pub fn last(&self, column: Column, block: usize) -> f64 {
        self.columns[column as usize].of(block)
    }

    /// Step at which a column was measured last: they are not all measured equally often. `None` before.
    #[must_use]
    pub fn measured_at(&self, column: Column) -> Option<u64> {
        self.measured(column).map(Latest::step)
    }

    /// A quotient was measured, of any block.
    #[must_use]
    pub fn has(&self, quotient: Quotient) -> bool {
        self.quotient_at(quotient).is_some()
    }

    /// Step at which a quotient was measured last; `None` before.
    #[must_use]
    pub fn quotient_at(&self, quotient: Quotient) -> Option<u64> {
        let latest = &self.quotients[quotient as usize];
        (!latest.is_empty()).then(|| latest.step())
    }

    /// The last step at which anything of the blocks was measured; `None` before.
    #[must_use]
    pub fn newest_step(&self) -> Option<u64> {
        Column::ALL.into_iter().filter_map(|column| self.measured_at(column)).max()
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
        let quotient = |which: Quotient| self.quotients[which as usize].of(block);
        let mut row = BlockRow {
            path: &layout.path,
            grad_norm: self.last(Column::GradNorm, block),
            weight_norm: self.last(Column::WeightNorm, block),
            update_norm: self.last(Column::UpdateNorm, block),
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
        let norms = self.measured(Column::GradNorm)?;
        let with_gradient = (0..self.len()).filter(|&block| self.has_gradient(block));
        let norm = Combine::of(GRAD_NORM).fold(with_gradient.map(|block| norms.of(block)))?;
        Some((norms.step(), norm))
    }

    /// A column that was measured.
    fn measured(&self, column: Column) -> Option<&Latest> {
        Some(&self.columns[column as usize]).filter(|latest| !latest.is_empty())
    }

    fn keep_column(&mut self, step: u64, column: Column, columns: &StepColumns<'_>) {
        let Some(values) = columns.get(column) else {
            return;
        };
        let (missing, may_miss) = (&self.missing_now, column.is_of_gradient());
        let value = |block: usize| (!(may_miss && missing[block])).then(|| values[block]);
        if let Some(quantity) = BlockQuantity::of_column(column) {
            self.series[quantity as usize].push(step, value);
        }
        let last = (0..values.len()).map(|block| value(block).map_or(f64::NAN, f64::from));
        self.columns[column as usize].set(step, last);
    }

    fn keep_quotient(&mut self, step: u64, quotient: Quotient, columns: &StepColumns<'_>) {
        let Some(of_block) = in_step(quotient, columns) else {
            return;
        };
        let (missing, may_miss) = (&self.missing_now, quotient.is_of_gradient());
        let is_left_out = |block: usize| may_miss && missing[block];
        let value = |block: usize| of_block(block).filter(|_| !is_left_out(block));
        // A gradient without noise is nothing bad: no value to draw, and no mark.
        let drawn = |block: usize| value(block).filter(|it| !it.is_infinite() || !may_miss);
        let quantity = BlockQuantity::of_quotient(quotient);
        self.series[quantity as usize].push(step, |block| drawn(block).map(|it| it as f32));
        let last = (0..self.layout.len()).map(|block| value(block).unwrap_or(f64::NAN));
        self.quotients[quotient as usize].set(step, last);
    }

    fn find_missing(&mut self, step: &Step) {
        self.missing_now.clear();
        self.missing_now.extend(self.layout.iter().map(|block| block.frozen));
        for &block in step.missing.iter() {
            if let Some(missing) = self.missing_now.get_mut(block as usize) {
                *missing = true;
            }
        }
    }

    fn has_gradient(&self, block: usize) -> bool {
        !self.missing.get(block).copied().unwrap_or(false)
    }

    fn recorded(&self, block: usize) -> Recorded {
        Recorded {
            gradients: self.measured(Column::GradNorm).is_some(),
            weights: self.measured(Column::WeightNorm).is_some(),
            has_gradient: self.has_gradient(block),
        }
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::columns::{UPDATE_NORM, WEIGHT_NORM};
    use burnscape_trace::record;

    use super::*;

    #[test]
    fn a_head_that_is_repeated_forgets_nothing_and_a_layout_tells_what_is_frozen_now() {
        let mut blocks = blocks(&[[1.0; 3], [1.0; 3]]);
        blocks.apply_frozen(&record!(Frozen { step: 5, blocks: vec![1].into() }));
        let head = blocks.told.clone();
        blocks.set_layout(&head);
        assert_eq!([0, 1].map(|it| blocks.layout(it).unwrap().frozen), [false, true]);
        assert_eq!(blocks.frozen_since(1), Some(5));
        blocks.rewind(5);
        assert_eq!([0, 1].map(|it| blocks.layout(it).unwrap().frozen), [true, false]);
    }

    fn blocks(rows: &[[f32; 3]]) -> Blocks {
        let mut blocks = Blocks::default();
        let layout: Vec<Block> = (0..rows.len())
            .map(|i| record!(Block { path: format!("b{i}"), frozen: i == 0 }))
            .collect();
        blocks.set_layout(&layout);
        let mut step = record!(Step { missing: vec![0, 1].into() });
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
