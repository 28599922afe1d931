//! What each snapshot counts for, and which of them belong together as a run.

use std::ops::Range;

use nalgebra::DMatrix;

/// Weights of the snapshots, 1 on average, and the runs that they come in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weighing {
    pub weights: Vec<f64>,
    pub runs: Vec<Range<usize>>,
}

impl Weighing {
    /// One run, in which all snapshots count the same.
    pub fn single(snapshots: usize) -> Self {
        Self { weights: vec![1.0; snapshots], runs: std::iter::once(0..snapshots).collect() }
    }

    /// Several runs with so many snapshots each, which count the same, or whose snapshots do.
    pub fn of_runs(lengths: &[usize], runs_count_the_same: bool) -> Self {
        let total: usize = lengths.iter().sum();
        let share = |length: usize| match runs_count_the_same {
            true => total as f64 / (lengths.len() * length) as f64,
            false => 1.0,
        };
        let weights = lengths.iter().flat_map(|&length| vec![share(length); length]).collect();
        let mut end = 0;
        let mut run = |length: &usize| {
            end += length;
            end - length..end
        };
        Self { weights, runs: lengths.iter().map(&mut run).collect() }
    }

    /// The greatest weight.
    pub fn greatest(&self) -> f64 {
        self.weights.iter().copied().fold(0.0, f64::max)
    }

    fn is_even(&self) -> bool {
        self.weights.iter().all(|weight| *weight == 1.0)
    }

    /// Inner products about the weighted mean, from those about the mean, which it is if all weights are the same.
    pub fn centre(&self, products: &mut DMatrix<f64>) {
        if !self.is_even() {
            self.centre_anew(products);
        }
    }

    /// Inner products about the weighted mean, from those about any origin.
    pub fn centre_anew(&self, products: &mut DMatrix<f64>) {
        let total: f64 = self.weights.iter().sum();
        let mean_of = |values: &[f64]| {
            self.weights.iter().zip(values).map(|(weight, it)| weight * it).sum::<f64>() / total
        };
        let columns = (0..products.ncols()).map(|t| mean_of(products.column(t).as_slice()));
        let means: Vec<f64> = columns.collect();
        let mean = mean_of(&means);
        for (column, at_column) in means.iter().enumerate() {
            for (row, at_row) in means.iter().enumerate() {
                products[(row, column)] += mean - at_row - at_column;
            }
        }
    }

    /// Each snapshot times the root of its weight.
    pub fn weigh(&self, mut products: DMatrix<f64>) -> DMatrix<f64> {
        for (column, a) in self.weights.iter().enumerate() {
            for (row, b) in self.weights.iter().enumerate() {
                products[(row, column)] *= (a * b).sqrt();
            }
        }
        products
    }
}
