//! The parameter blocks: their norms over steps, and what is to be said about each.

use burnscape_trace::{Block, Step};

use super::heat::HeatColumns;

const GRAD_NORM: &str = "grad_norm";
const WEIGHT_NORM: &str = "weight_norm";
const UPDATE_NORM: &str = "update_norm";

/// Update over weight that is out of the ordinary: the range in which training usually moves.
const USUAL_UPDATE_RATIO: std::ops::RangeInclusive<f32> = 1e-5..=1e-1;

/// What is to be said about a block after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockStatus {
    /// Nothing unusual.
    Ok,
    /// The parameter requires no gradient.
    Frozen,
    /// It requires a gradient and none reached it.
    NoGradient,
    /// The gradient is exactly zero.
    ZeroGradient,
    /// A norm is NaN.
    Nan,
    /// A norm is infinite.
    Infinite,
    /// The last update was under 1e-5 of the weights.
    SmallUpdate,
    /// The last update was over a tenth of the weights.
    LargeUpdate,
}

impl BlockStatus {
    /// The status in a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Frozen => "frozen",
            Self::NoGradient => "no gradient",
            Self::ZeroGradient => "zero",
            Self::Nan => "NaN",
            Self::Infinite => "Inf",
            Self::SmallUpdate => "small update",
            Self::LargeUpdate => "large update",
        }
    }
}

/// One block after the last step; NaN where there is no value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockRow<'a> {
    /// Path of the block.
    pub path: &'a str,
    /// ‖g‖.
    pub grad_norm: f32,
    /// ‖θ‖.
    pub weight_norm: f32,
    /// ‖Δθ‖.
    pub update_norm: f32,
    /// What is to be said about it.
    pub status: BlockStatus,
}

impl BlockRow<'_> {
    /// ‖Δθ‖ / ‖θ‖; NaN where it is not defined.
    #[must_use]
    pub fn update_ratio(&self) -> f32 {
        if self.weight_norm > 0.0 { self.update_norm / self.weight_norm } else { f32::NAN }
    }
}

/// All blocks of a run.
#[derive(Debug, Clone, Default)]
pub struct Blocks {
    layout: Vec<Block>,
    heat: HeatColumns,
    grad_norm: Vec<f32>,
    weight_norm: Vec<f32>,
    update_norm: Vec<f32>,
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
        let blocks = self.layout.len();
        let column = |name: &str| step.columns.get(name).filter(|column| column.len() == blocks);
        if let Some(values) = column(GRAD_NORM) {
            self.missing = self.missing_in(step);
            self.heat.push(step.step, values, &self.missing);
            self.grad_norm = values.to_vec();
        }
        if let Some(values) = column(WEIGHT_NORM) {
            self.weight_norm = values.to_vec();
        }
        if let Some(values) = column(UPDATE_NORM) {
            self.update_norm = values.to_vec();
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

    /// A block after the last step; `None` past the last one.
    #[must_use]
    pub fn row(&self, block: usize) -> Option<BlockRow<'_>> {
        let path = &self.layout.get(block)?.path;
        let value = |column: &[f32]| column.get(block).copied().unwrap_or(f32::NAN);
        let mut row = BlockRow {
            path,
            grad_norm: value(&self.grad_norm),
            weight_norm: value(&self.weight_norm),
            update_norm: value(&self.update_norm),
            status: BlockStatus::Ok,
        };
        row.status = self.status(block, &row);
        Some(row)
    }

    /// Norm of the whole gradient, √Σ‖g‖², over the blocks that have one; `None` before the first.
    #[must_use]
    pub fn global_grad_norm(&self) -> Option<f64> {
        let with_gradient = (0..self.len()).filter(|&block| self.has_gradient(block));
        let norms = with_gradient.filter_map(|block| self.grad_norm.get(block));
        let squares: Option<f64> =
            norms.map(|&norm| f64::from(norm).powi(2)).reduce(|sum, square| sum + square);
        squares.map(f64::sqrt)
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

    fn status(&self, block: usize, row: &BlockRow<'_>) -> BlockStatus {
        let norms = [row.grad_norm, row.weight_norm, row.update_norm];
        let ratio = row.update_ratio();
        match () {
            () if norms.iter().any(|norm| norm.is_infinite()) => BlockStatus::Infinite,
            () if row.weight_norm.is_nan() && !self.weight_norm.is_empty() => BlockStatus::Nan,
            () if self.layout[block].frozen => BlockStatus::Frozen,
            () if self.grad_norm.is_empty() => BlockStatus::Ok,
            () if !self.has_gradient(block) => BlockStatus::NoGradient,
            () if row.grad_norm.is_nan() => BlockStatus::Nan,
            () if row.grad_norm == 0.0 => BlockStatus::ZeroGradient,
            () if ratio < *USUAL_UPDATE_RATIO.start() => BlockStatus::SmallUpdate,
            () if ratio > *USUAL_UPDATE_RATIO.end() => BlockStatus::LargeUpdate,
            () => BlockStatus::Ok,
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
        assert_eq!(blocks.global_grad_norm(), Some(5.0));
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
            (0..rows.len()).filter_map(|i| blocks.row(i)).map(|row| row.status).collect();
        assert_eq!(found, rows.map(|(_, status)| status));
    }

    #[test]
    fn a_nan_gradient_is_told_from_none() {
        let mut blocks = blocks(&[[f32::NAN, 1.0, 0.0]; 3]);
        assert_eq!(blocks.row(2).unwrap().status, BlockStatus::Nan);
        assert!(blocks.global_grad_norm().unwrap().is_nan());
        blocks.set_layout(&[]);
        assert_eq!(blocks.global_grad_norm(), None);
    }
}
