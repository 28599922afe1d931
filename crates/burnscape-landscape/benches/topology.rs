//! How long the merge tree of a surface takes: smooth as most are, and as rough as one can be.
//!
//! `cargo bench -p burnscape-landscape` prints a line of JSON each: the median of many, in milliseconds.

use std::hint::black_box;
use std::time::Instant;

use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_landscape::topology::{Doubts, MergeTree};

/// Trees of which the median is taken.
const TREES: usize = 101;

fn main() {
    let bowl = |x: f64, y: f64| x * x + 2.0 * y * y;
    // Neighbours differ without any order: every sixth node or so is a minimum.
    let rough = |x: f64, y: f64| (12_345.678 * x + 98_765.432 * y).sin();
    for side in [25, 51, 101] {
        measure("bowl", side, bowl);
        measure("rough", side, rough);
    }
}

fn measure(name: &str, side: usize, loss: impl Fn(f64, f64) -> f64) {
    let axis = Axis::symmetric(1.0, side).expect("an axis");
    let mut surface = Surface::new(Grid::plane(axis, axis));
    for node in 0..surface.grid().len() {
        let (x, y) = surface.grid().coordinates(node);
        surface.set(node, NodeValue { mean: loss(x, y), stderr: f64::NAN });
    }
    let secs = |_| {
        let start = Instant::now();
        black_box(MergeTree::of(black_box(&surface), Doubts::default()));
        start.elapsed().as_secs_f64()
    };
    let mut all: Vec<f64> = (0..TREES).map(secs).collect();
    all.sort_by(f64::total_cmp);
    let basins = MergeTree::of(&surface, Doubts::default()).basins().len();
    let median = 1e3 * all[TREES / 2];
    println!(
        "{{\"surface\": \"{name}\", \"side\": {side}, \"basins\": {basins}, \"tree_ms\": {median:.3}}}"
    );
}
