//! One quantity per block over steps, in bounded memory: each cell keeps the least, the most and the last.

use super::Series;
use super::series::{Bucket, BucketClock};

/// Columns kept: more than a wide terminal shows …
pub const COLUMNS: usize = 256;
/// … and fewer where there are so many blocks that the cells of a quantity would take over 4 MB.
const MOST_CELLS: usize = COLUMNS * 1024;
/// The fewest that still show a course.
const FEWEST_COLUMNS: usize = 16;

/// Beside the largest value of all, what is smaller than this share is the rounding of f32 many times over.
const NEGLIGIBLE: f32 = 1e-6;

/// One block in one stretch of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockCell {
    /// Smallest finite value; infinity: none.
    pub min: f32,
    /// Largest finite value; minus infinity: none.
    pub max: f32,
    /// Last finite value; NaN: none.
    pub last: f32,
    /// NaN and infinite values that are ones, not the absence of one.
    pub non_finite: u32,
}

impl BlockCell {
    /// Nothing was recorded.
    pub const EMPTY: Self =
        Self { min: f32::INFINITY, max: f32::NEG_INFINITY, last: f32::NAN, non_finite: 0 };

    /// The largest finite value, where there is one.
    #[must_use]
    pub fn largest(self) -> Option<f32> {
        self.max.is_finite().then_some(self.max)
    }

    /// Both cells as one.
    #[must_use]
    pub fn merged(self, later: Self) -> Self {
        Self {
            min: self.min.min(later.min),
            max: self.max.max(later.max),
            last: if later.last.is_nan() { self.last } else { later.last },
            non_finite: self.non_finite.saturating_add(later.non_finite),
        }
    }

    fn add(&mut self, value: f32) {
        if value.is_finite() {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.last = value;
        } else {
            self.non_finite = self.non_finite.saturating_add(1);
        }
    }

    fn bucket(self, last_step: u64) -> Bucket {
        let least_most = (f64::from(self.min), f64::from(self.max));
        Bucket::of_extremes(least_most, f64::from(self.last), last_step, u64::from(self.non_finite))
    }
}

/// Values of every block over steps; columns double their width when they are full.
#[derive(Debug, Clone, Default)]
pub struct BlockSeries {
    clock: BucketClock,
    blocks: usize,
    /// Column by column, in each block by block.
    cells: Vec<BlockCell>,
    /// Last step of every column.
    last_steps: Vec<u64>,
    last_step: u64,
}

impl BlockSeries {
    /// For so many blocks.
    #[must_use]
    pub fn of_blocks(blocks: usize) -> Self {
        let columns = (MOST_CELLS / blocks.max(1)).clamp(FEWEST_COLUMNS, COLUMNS);
        Self { clock: BucketClock::new(columns), blocks, ..Self::default() }
    }

    /// Adds the values of one step; where `value` gives `None` a block has none.
    pub fn push(&mut self, step: u64, value: impl Fn(usize) -> Option<f32>) {
        let column = self.column_at(step);
        let cells = &mut self.cells[column * self.blocks..][..self.blocks];
        for (block, cell) in cells.iter_mut().enumerate() {
            if let Some(value) = value(block) {
                cell.add(value);
            }
        }
        self.last_steps[column] = step;
        self.last_step = step;
    }

    /// Columns so far; the newest is the last one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.last_steps.len()
    }

    /// Nothing was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last_steps.is_empty()
    }

    /// The cell of a block in a column.
    #[must_use]
    pub fn cell(&self, column: usize, block: usize) -> BlockCell {
        let place = (block < self.blocks).then(|| column * self.blocks + block);
        place.and_then(|place| self.cells.get(place)).copied().unwrap_or(BlockCell::EMPTY)
    }

    /// One block over steps.
    #[must_use]
    pub fn of_block(&self, block: usize) -> Series {
        let columns = self.last_steps.iter().enumerate();
        let buckets = columns.map(|(column, &step)| self.cell(column, block).bucket(step));
        Series::of_buckets(buckets.collect())
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

    /// Smallest and largest positive one of the largest values of all cells: the range of a logarithmic
    /// scale of them. While more is to come, the newest of several columns says nothing of the low end: its
    /// values still rise, and the scale would move there and back. Blocks whose values are next to nothing beside those
    /// of others are left out: they would stretch the scale until all others have one colour.
    #[must_use]
    pub fn positive_bounds(&self, growing: bool) -> Option<(f64, f64)> {
        let full = match self.len() {
            columns if growing && columns > 1 => &self.cells[..(columns - 1) * self.blocks],
            _ => &self.cells[..],
        };
        let counts = self.blocks_that_count();
        let positive = |cells: &[BlockCell]| {
            let counted = cells.iter().zip(counts.iter().cycle()).filter(|(_, counts)| **counts);
            let largest = counted.filter_map(|(cell, _)| cell.largest()).filter(|it| *it > 0.0);
            largest.map(|it| (it, it)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let all = positive(&self.cells)?;
        let low = positive(full).map_or(all.0, |full| full.0);
        Some((f64::from(low), f64::from(all.1)))
    }

    /// Which blocks ever had a value that is more than rounding beside the largest of all.
    fn blocks_that_count(&self) -> Vec<bool> {
        let mut largest = vec![0.0_f32; self.blocks];
        for column in self.cells.chunks(self.blocks.max(1)) {
            for (largest, cell) in largest.iter_mut().zip(column) {
                *largest = largest.max(cell.largest().unwrap_or(0.0));
            }
        }
        let most = largest.iter().copied().fold(0.0, f32::max);
        largest.into_iter().map(|it| it >= NEGLIGIBLE * most).collect()
    }

    /// Forgets what lies at or behind a step, to the width of a column.
    pub fn rewind(&mut self, step: u64) {
        let kept = self.clock.buckets_before(step);
        self.last_steps.truncate(kept);
        self.cells.truncate(kept.saturating_mul(self.blocks));
        self.last_step = self.last_step.min(step.saturating_sub(1));
    }

    /// The column of a step, made where it is new.
    fn column_at(&mut self, step: u64) -> usize {
        let (column, halvings) = self.clock.place(step);
        for _ in 0..halvings {
            self.halve();
        }
        if self.len() <= column {
            self.last_steps.resize(column + 1, step);
            self.cells.resize((column + 1) * self.blocks, BlockCell::EMPTY);
        }
        column
    }

    fn halve(&mut self) {
        let columns = self.len().div_ceil(2);
        for column in 0..columns {
            for block in 0..self.blocks {
                let [first, second] = [2 * column, 2 * column + 1].map(|it| self.cell(it, block));
                self.cells[column * self.blocks + block] = first.merged(second);
            }
            let pair = &self.last_steps[2 * column..self.last_steps.len().min(2 * column + 2)];
            self.last_steps[column] = pair.iter().copied().max().unwrap_or(0);
        }
        self.last_steps.truncate(columns);
        self.cells.truncate(columns * self.blocks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_of_one_block_in_a_million_steps_survives_merging() {
        let mut series = BlockSeries::of_blocks(2);
        for step in 0..1_000_000 {
            let spike = if step == 123_457 { 50.0 } else { 0.5 };
            series.push(step, |block| Some([1.0, spike][block]));
        }
        assert!(series.len() <= COLUMNS);
        let most = (0..series.len()).filter_map(|column| series.cell(column, 1).largest());
        assert_eq!(most.fold(0.0, f32::max), 50.0);
        assert_eq!(series.positive_bounds(true), Some((0.5, 50.0)));
        let second = series.of_block(1);
        assert_eq!((second.bounds(), second.last()), (Some((0.5, 50.0)), Some((999_999, 0.5))));
        let spike = second.buckets().find(|bucket| bucket.max == 50.0).unwrap();
        assert!(spike.last_step.abs_diff(123_457) < 4096);
        assert_eq!(series.of_block(0).bounds(), Some((1.0, 1.0)));
    }

    #[test]
    fn nan_is_a_mark_only_where_a_value_was() {
        let mut series = BlockSeries::of_blocks(2);
        series.push(0, |block| [None, Some(1.0)][block]);
        series.push(1, |block| [None, Some(f32::NAN)][block]);
        assert_eq!((series.cell(0, 0).largest(), series.cell(0, 0).non_finite), (None, 0));
        assert_eq!([0, 1].map(|column| series.cell(column, 1).non_finite), [0, 1]);
        assert_eq!(series.of_block(1).non_finite(), 1);
        assert!(series.of_block(0).is_empty());
    }

    #[test]
    fn the_newest_column_does_not_move_the_low_end_while_more_is_to_come() {
        let mut series = BlockSeries::of_blocks(1);
        series.push(0, |_| Some(2.0));
        assert_eq!(series.positive_bounds(true), Some((2.0, 2.0)));
        series.push(1, |_| Some(0.5));
        assert_eq!([true, false].map(|it| series.positive_bounds(it).unwrap().0), [2.0, 0.5]);
        series.push(2, |_| Some(4.0));
        assert_eq!(series.positive_bounds(true), Some((0.5, 4.0)));
    }

    /// The gradient of a bias before a normalisation is 0 but for the rounding of f32.
    #[test]
    fn a_block_that_is_zero_but_for_rounding_does_not_stretch_the_range() {
        let mut series = BlockSeries::of_blocks(3);
        series.push(0, |block| Some([0.5, 3e-9, 0.01][block]));
        series.push(1, |block| Some([0.25, 0.0, 1e-5][block]));
        let (low, high) = series.positive_bounds(false).unwrap();
        assert_eq!((low as f32, high), (1e-5, 0.5), "a gradient that fades away is shown");
    }

    #[test]
    fn memory_is_bounded_however_many_blocks_there_are() {
        for blocks in [1, 300, 5_000] {
            let mut series = BlockSeries::of_blocks(blocks);
            (0..3000).for_each(|step| series.push(step, |_| Some(1.0)));
            assert!(series.cells.len() <= MOST_CELLS, "{blocks} blocks");
            assert!(series.len() > FEWEST_COLUMNS, "{blocks} blocks");
        }
    }

    #[test]
    fn going_back_forgets_the_path_that_was_left() {
        let mut series = BlockSeries::of_blocks(1);
        (0..10_u64).for_each(|step| series.push(step, |_| Some(step as f32)));
        series.rewind(4);
        assert_eq!(series.of_block(0).bounds(), Some((0.0, 3.0)));
        series.push(4, |_| Some(40.0));
        assert_eq!(series.of_block(0).last(), Some((4, 40.0)));
    }
}
