//! Principal directions: sums of snapshots, and random ones that stand in where there are none.

use std::ops::Range;

use nalgebra::DMatrix;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::analysis::Analysis;
use super::blocks::{Block, Tile, difference, for_each_block};
use super::found::{PcaError, ScoredComponent};
use super::moments::Precision;
use super::options::PcaOptions;
use super::snapshots::Snapshots;
use super::stored::{DirectionStore, Stored};
use crate::direction::{fnv1a_64, generator};

/// Snapshots that are summed up together, so that a sum is loaded and stored less often.
const TOGETHER: usize = 4;

/// Finds the directions in the second read and puts them into a store: Xᵀu/√λ for components that have one, random
/// entries where something moved for the others.
pub(super) fn directions<S: Snapshots, D: DirectionStore>(
    snapshots: &mut S,
    options: &PcaOptions,
    analysis: &Analysis,
    store: &mut D,
) -> Result<Vec<ScoredComponent>, PcaError<S::Error>> {
    let mut scored = analysis.spectrum.components(options.components);
    let weights = analysis.spectrum.weights(&scored);
    let mut directions = Directions::new(scored.len(), weights.len(), options, store);
    let needs = Needs {
        weights: &weights,
        products: analysis.precision == Precision::Single,
        moved: weights.len() < scored.len(),
    };
    let merge = |range, part: Part| directions.write(range, &part);
    for_each_block(snapshots, options, |block| Part::of(block, &needs), merge)?;
    let products = directions.products;
    let mut stored = Stored::new(store, snapshots.dims());
    if needs.products {
        // Single precision gave these: within their space, better ones.
        let (refined, mixing) = analysis.spectrum.refine(&scored, &products);
        scored.splice(..refined.len(), refined);
        stored.mix(&mixing);
    }
    stored.make_orthonormal(scored.len());
    Ok(scored)
}

/// What the second read is to find out.
struct Needs<'a> {
    /// Weights of the snapshots for each direction that is a sum of them.
    weights: &'a [Vec<f64>],
    /// Whether inner products of these directions are needed.
    products: bool,
    /// Whether it matters which parameters moved.
    moved: bool,
}

/// The part of the directions that lies in one block.
struct Part {
    sums: Vec<Vec<f32>>,
    products: DMatrix<f64>,
    moved: Vec<bool>,
}

impl Part {
    fn of(block: &Block, needs: &Needs) -> Self {
        let count = needs.weights.len();
        let mut part = Self {
            sums: vec![vec![0.0; block.dims()]; count],
            products: DMatrix::zeros(count, count),
            moved: Vec::new(),
        };
        for tile in block.tiles() {
            let sums: Vec<_> = needs.weights.iter().map(|it| combine(&tile, it)).collect();
            if needs.products {
                add_products(&mut part.products, &sums);
            }
            if needs.moved {
                part.moved.extend(moved(&tile));
            }
            for (out, sum) in part.sums.iter_mut().zip(&sums) {
                write(sum, &mut out[tile.within.clone()]);
            }
        }
        part
    }
}

/// Σ wₜ (θₜ − o). With weights that sum to 0, as those of a principal component do, this is Xᵀw.
fn combine(tile: &Tile, weights: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; tile.dims()];
    let (fours, rest) = tile.rows.as_chunks::<TOGETHER>();
    let (four_weights, rest_weights) = weights.as_chunks::<TOGETHER>();
    for (rows, weights) in fours.iter().zip(four_weights) {
        add_four(&mut sum, rows, weights, tile.origin());
    }
    for (row, weight) in rest.iter().zip(rest_weights) {
        for ((sum, value), origin) in sum.iter_mut().zip(*row).zip(tile.origin()) {
            *sum += weight * difference(*value, *origin);
        }
    }
    sum
}

fn add_four(sum: &mut [f64], rows: &[&[f32]; TOGETHER], weights: &[f64; TOGETHER], origin: &[f32]) {
    let [a, b, c, d] = rows;
    let values = a.iter().zip(*b).zip(*c).zip(*d).zip(origin);
    for (sum, ((((a, b), c), d), origin)) in sum.iter_mut().zip(values) {
        let first = weights[0] * difference(*a, *origin) + weights[1] * difference(*b, *origin);
        let second = weights[2] * difference(*c, *origin) + weights[3] * difference(*d, *origin);
        *sum += first + second;
    }
}

fn add_products(products: &mut DMatrix<f64>, sums: &[Vec<f64>]) {
    for (i, left) in sums.iter().enumerate() {
        for (j, right) in sums.iter().enumerate() {
            products[(i, j)] += left.iter().zip(right).map(|(a, b)| a * b).sum::<f64>();
        }
    }
}

/// Which parameters differ between snapshots.
fn moved(tile: &Tile) -> Vec<bool> {
    let mut moved = vec![false; tile.dims()];
    for row in &tile.rows {
        for ((moved, value), origin) in moved.iter_mut().zip(*row).zip(tile.origin()) {
            *moved |= value != origin;
        }
    }
    moved
}

fn write(values: &[f64], out: &mut [f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = *value as f32;
    }
}

/// Directions being written, block after block.
struct Directions<'a, D> {
    store: &'a mut D,
    /// Inner products of those that are sums of snapshots.
    products: DMatrix<f64>,
    /// For the others.
    stand_ins: Vec<StandIn>,
    entries: Vec<f32>,
}

impl<'a, D: DirectionStore> Directions<'a, D> {
    fn new(count: usize, sums: usize, options: &PcaOptions, store: &'a mut D) -> Self {
        Self {
            store,
            products: DMatrix::zeros(sums, sums),
            stand_ins: (sums..count).map(|k| StandIn::new(options.seed, k)).collect(),
            entries: Vec::new(),
        }
    }

    fn write(&mut self, range: Range<usize>, part: &Part) {
        self.products += &part.products;
        for (k, sum) in part.sums.iter().enumerate() {
            self.store.write(k, range.start, sum);
        }
        for (k, stand_in) in (part.sums.len()..).zip(&mut self.stand_ins) {
            self.entries.resize(range.len(), 0.0);
            stand_in.write(&part.moved, &mut self.entries);
            self.store.write(k, range.start, &self.entries);
        }
    }
}

/// Random entries for a degenerate component. A number is drawn for every parameter, used or not, so that an
/// entry does not depend on which others move.
struct StandIn {
    rng: ChaCha8Rng,
}

impl StandIn {
    fn new(seed: u64, component: usize) -> Self {
        let stream = fnv1a_64(format!("principal component {component}").as_bytes());
        Self { rng: generator(seed, stream) }
    }

    fn write(&mut self, moved: &[bool], out: &mut [f32]) {
        for (out, moved) in out.iter_mut().zip(moved) {
            let drawn: f32 = StandardNormal.sample(&mut self.rng);
            *out = if *moved { drawn } else { 0.0 };
        }
    }
}
