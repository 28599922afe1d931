//! Principal directions: sums of snapshots, and random ones that stand in where there are none.

use std::ops::Range;

use nalgebra::DMatrix;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::blocks::{Block, Tile, difference, for_each_block};
use super::moments::Precision;
use super::{Analysis, Component, PcaError, PcaOptions, ScoredComponent, Snapshots};
use crate::direction::{dot, fnv1a_64, generator, norm};

/// Snapshots that are summed up together, so that a sum is loaded and stored less often.
const TOGETHER: usize = 4;

/// The components with their directions, from the second read: Xᵀu/√λ for those that have one, random entries
/// where something moved for the others.
pub(super) fn directions<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
    analysis: &Analysis,
) -> Result<Vec<Component>, PcaError<S::Error>> {
    let scored = analysis.spectrum.components(options.components);
    let weights = analysis.spectrum.weights(&scored);
    let mut directions = Directions::new(scored.len(), weights.len(), snapshots.dims(), options);
    let needs = Needs {
        weights: &weights,
        products: analysis.precision == Precision::Single,
        moved: weights.len() < scored.len(),
    };
    let merge = |range, part: Part| directions.write(range, &part);
    for_each_block(snapshots, options, |block| Part::of(block, &needs), merge)?;
    let components = match needs.products {
        true => directions.refined(analysis, scored),
        false => directions.unchanged(scored),
    };
    Ok(make_orthonormal(components))
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
struct Directions {
    directions: Vec<Vec<f32>>,
    /// Inner products of those that are sums of snapshots.
    products: DMatrix<f64>,
    /// For the others.
    stand_ins: Vec<StandIn>,
}

impl Directions {
    fn new(count: usize, sums: usize, dims: usize, options: &PcaOptions) -> Self {
        Self {
            directions: vec![vec![0.0; dims]; count],
            products: DMatrix::zeros(sums, sums),
            stand_ins: (sums..count).map(|k| StandIn::new(options.seed, k)).collect(),
        }
    }

    fn write(&mut self, range: Range<usize>, part: &Part) {
        self.products += &part.products;
        let (sums, others) = self.directions.split_at_mut(part.sums.len());
        for (direction, sum) in sums.iter_mut().zip(&part.sums) {
            direction[range.clone()].copy_from_slice(sum);
        }
        for (direction, stand_in) in others.iter_mut().zip(&mut self.stand_ins) {
            stand_in.write(&part.moved, &mut direction[range.clone()]);
        }
    }

    fn unchanged(self, scored: Vec<ScoredComponent>) -> Vec<Component> {
        scored.into_iter().zip(self.directions).map(component).collect()
    }

    /// Single precision gave these: within their space, better ones.
    fn refined(mut self, analysis: &Analysis, mut scored: Vec<ScoredComponent>) -> Vec<Component> {
        let (refined, mixing) = analysis.spectrum.refine(&scored, &self.products);
        let rank = refined.len();
        scored.splice(..rank, refined);
        mix(&mut self.directions[..rank], &mixing);
        self.unchanged(scored)
    }
}

/// Direction k becomes Σ mixing(i, k) · direction i.
fn mix(directions: &mut [Vec<f32>], mixing: &DMatrix<f64>) {
    let mut entries = vec![0.0; directions.len()];
    for index in 0..directions.first().map_or(0, Vec::len) {
        for (entry, direction) in entries.iter_mut().zip(&*directions) {
            *entry = f64::from(direction[index]);
        }
        for (direction, column) in directions.iter_mut().zip(mixing.column_iter()) {
            direction[index] = entries.iter().zip(&column).map(|(e, m)| e * m).sum::<f64>() as f32;
        }
    }
}

fn component((scored, direction): (ScoredComponent, Vec<f32>)) -> Component {
    let ScoredComponent { scores, variance, explained, degenerate } = scored;
    Component { direction, scores, variance, explained, degenerate }
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

/// Makes the directions orthonormal to the last bit that `f32` has. One of which nothing remains, because
/// fewer parameters moved than there are components, becomes zero.
fn make_orthonormal(mut components: Vec<Component>) -> Vec<Component> {
    for k in 0..components.len() {
        let (earlier, rest) = components.split_at_mut(k);
        let direction = &mut rest[0].direction;
        let norm_before = norm(direction);
        // Twice, because the first time may leave rounding of the size of what remains.
        for other in earlier.iter().chain(earlier.iter()) {
            remove_along(&other.direction, direction);
        }
        let norm_after = norm(direction);
        let vanished = norm_after <= 1e-6 * norm_before;
        let scale = if vanished { 0.0 } else { norm_after.recip() };
        direction.iter_mut().for_each(|entry| *entry = (f64::from(*entry) * scale) as f32);
    }
    components
}

fn remove_along(unit: &[f32], direction: &mut [f32]) {
    let along = dot(unit, direction);
    for (entry, unit) in direction.iter_mut().zip(unit) {
        *entry = (f64::from(*entry) - along * f64::from(*unit)) as f32;
    }
}
