//! The linear assignment problem: which unit to which, so that the similarities sum up to the most.

use nalgebra::DMatrix;
use pathfinding::kuhn_munkres::{Weights, kuhn_munkres};

/// Whole numbers as which similarities are compared: their sums are exact, and 2⁻⁴⁰ of the largest is rounding of theirs.
const STEPS: f64 = (1_u64 << 40) as f64;

struct Similarities {
    count: usize,
    entries: Vec<i64>,
}

impl Weights<i64> for Similarities {
    fn rows(&self) -> usize {
        self.count
    }

    fn columns(&self) -> usize {
        self.count
    }

    fn at(&self, row: usize, column: usize) -> i64 {
        self.entries[row * self.count + column]
    }

    fn neg(&self) -> Self {
        Self { count: self.count, entries: self.entries.iter().map(|entry| -entry).collect() }
    }
}

/// For each row the column assigned to it.
pub(super) fn best(similarities: &DMatrix<f64>) -> Vec<usize> {
    let largest = similarities.amax();
    let scale = if largest > 0.0 && largest.is_finite() { STEPS / largest } else { 0.0 };
    // Column by column is row by row of the transpose.
    let rounded = |value: &f64| (value * scale).round() as i64;
    let entries = similarities.transpose().iter().map(rounded).collect();
    kuhn_munkres(&Similarities { count: similarities.nrows(), entries }).1
}
