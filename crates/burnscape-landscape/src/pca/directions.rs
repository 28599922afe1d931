//! Principal directions: sums of snapshots, and random ones that stand in where there are none.

use nalgebra::DVector;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::spectrum::Spectrum;
use super::tiles::{Tile, for_each_tile};
use super::{Component, PcaError, PcaOptions, Snapshots};
use crate::direction::{dot, fnv1a_64, generator, norm};

/// The second pass over the snapshots: Xᵀu/√λ for the components that have one, random entries where
/// something moved for the others.
pub(super) fn write_directions<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
    spectrum: &Spectrum,
    components: &mut [Component],
) -> Result<(), PcaError<S::Error>> {
    let source = |(k, component): (usize, &Component)| match component.degenerate {
        true => Source::Random(Box::new(StandIn::new(options.seed, k))),
        false => Source::Snapshots(spectrum.weights(k)),
    };
    let mut sources: Vec<Source> = components.iter().enumerate().map(source).collect();
    for_each_tile(snapshots, options, |tile| {
        for (component, source) in components.iter_mut().zip(&mut sources) {
            source.write(tile, &mut component.direction[tile.range()]);
        }
    })
}

/// Where the entries of a direction come from.
enum Source {
    Snapshots(DVector<f64>),
    Random(Box<StandIn>),
}

impl Source {
    fn write(&mut self, tile: &Tile, out: &mut [f32]) {
        match self {
            Self::Snapshots(weights) => write(&tile.combine(weights.as_slice()), out),
            Self::Random(stand_in) => stand_in.write(&tile.moved(), out),
        }
    }
}

fn write(values: &[f64], out: &mut [f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = *value as f32;
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

/// Makes the directions orthonormal to the last bit that `f32` has. One of which nothing remains, because
/// fewer parameters moved than there are components, becomes zero.
pub(super) fn make_orthonormal(components: &mut [Component]) {
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
}

fn remove_along(unit: &[f32], direction: &mut [f32]) {
    let along = dot(unit, direction);
    for (entry, unit) in direction.iter_mut().zip(unit) {
        *entry = (f64::from(*entry) - along * f64::from(*unit)) as f32;
    }
}
