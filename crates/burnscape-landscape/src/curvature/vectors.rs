//! Long vectors in f64: inner products, and random ones that depend on nothing but their seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::direction::{fnv1a_64, generator};

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `to += factor · from`.
pub(crate) fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

pub(crate) fn scale(vector: &mut [f64], factor: f64) {
    vector.iter_mut().for_each(|entry| *entry *= factor);
}

/// Scales to length 1; a vector without a direction stays as it is, and `false` says so.
pub(crate) fn normalise(vector: &mut [f64]) -> bool {
    let norm = norm(vector);
    if norm > 0.0 && norm.is_finite() {
        scale(vector, 1.0 / norm);
        return true;
    }
    false
}

/// Removes what lies along orthonormal vectors, and says how much that was; twice, since the first time leaves
/// rounding behind (Parlett, "twice is enough").
pub(crate) fn orthogonalise(vector: &mut [f64], basis: &[Vec<f64>]) -> Vec<f64> {
    let mut along = vec![0.0; basis.len()];
    for _ in 0..2 {
        for (along, unit) in along.iter_mut().zip(basis) {
            let part = dot(vector, unit);
            add(vector, -part, unit);
            *along += part;
        }
    }
    along
}

/// The generator of one purpose: others with the same seed draw other numbers.
pub(crate) fn stream(seed: u64, purpose: &str) -> ChaCha8Rng {
    generator(seed, fnv1a_64(purpose.as_bytes()))
}

/// N(0, 1) in every entry.
pub(crate) fn gaussian(rng: &mut ChaCha8Rng, len: usize) -> Vec<f64> {
    (0..len).map(|_| StandardNormal.sample(rng)).collect()
}

/// Uniformly distributed on the unit sphere.
pub(crate) fn unit(rng: &mut ChaCha8Rng, len: usize) -> Vec<f64> {
    loop {
        let mut vector = gaussian(rng, len);
        if len == 0 || normalise(&mut vector) {
            return vector;
        }
    }
}

/// ±1 in every entry, with equal chances (Rademacher).
pub(crate) fn signs(rng: &mut ChaCha8Rng, len: usize) -> Vec<f64> {
    (0..len).map(|_| if rng.next_u32() & 1 == 0 { 1.0 } else { -1.0 }).collect()
}

/// Uniformly distributed in [−1, 1) in every entry.
pub(crate) fn cube(rng: &mut ChaCha8Rng, len: usize) -> Vec<f64> {
    let share = |bits: u64| (bits >> 11) as f64 / (1_u64 << 53) as f64;
    (0..len).map(|_| 2.0 * share(rng.next_u64()) - 1.0).collect()
}
