//! The curvature that a filter-normalised random direction meets on average.

use super::product::{Counted, CurvatureError, HessianProduct, Watch, require};
use super::trace::Estimate;
use super::vectors::{dot, signs, stream};
use crate::direction::{DirectionOptions, random};
use crate::error::{Error, check_length};
use crate::layout::{Filters, Layout, Role};

/// For each parameter, ‖θ_f‖/√n_f of the filter f that it belongs to; 0 where random directions do not move it.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterScales(Vec<f64>);

impl FilterScales {
    /// Of weights in layout order, with biases and norm parameters at rest and frozen blocks as well, as random
    /// directions have them by default.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the weights do not follow the layout.
    pub fn of(layout: &Layout, weights: &[f32]) -> Result<Self, Error> {
        check_length("the weights", layout.len(), weights.len())?;
        let mut scales = vec![0.0; layout.len()];
        let moving = |block: &&crate::layout::Block| block.role == Role::Weight && !block.frozen;
        for block in layout.blocks().iter().filter(moving) {
            let range = block.range();
            fill(block.filters, &block.shape, &weights[range.clone()], &mut scales[range]);
        }
        Ok(Self(scales))
    }

    /// The scales, one for each parameter.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// Σ_f (‖θ_f‖²/n_f)·tr(H_ff) from the diagonal of H: exactly the mean of dᵀHd over filter-normalised random
    /// directions d, whose filters are independent and uniform on spheres.
    ///
    /// Invariant to rescaling weights so that the function stays (ReLU: W₁·c, W₂/c), filter by filter.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    pub fn mean_curvature(&self, diagonal: &[f64]) -> Result<f64, Error> {
        check_length("the diagonal", self.0.len(), diagonal.len())?;
        Ok(self.0.iter().zip(diagonal).map(|(scale, entry)| scale * scale * entry).sum())
    }
}

fn fill(filters: Filters, shape: &[usize], weights: &[f32], scales: &mut [f64]) {
    let squares = filters.squared_norms(shape, weights);
    let mut counts = vec![0_usize; squares.len()];
    filters.runs(shape).for_each(|(filter, run)| counts[filter] += run.len());
    for (filter, run) in filters.runs(shape) {
        scales[run].fill((squares[filter] / counts[filter] as f64).sqrt());
    }
}

/// The mean of dᵀHd over filter-normalised directions by its closed form, Σ_f (‖θ_f‖²/n_f)·tr(H_ff): the trace of
/// S·H·S with [`FilterScales`] on the diagonal of S, from random signs (one product each).
///
/// # Errors
///
/// [`CurvatureError`].
pub fn filter_normalised<P: HessianProduct>(
    product: &mut P,
    scales: &FilterScales,
    probes: usize,
    seed: u64,
    watch: Watch<'_>,
) -> Result<Estimate, CurvatureError<P::Error>> {
    require(probes > 0, "probes", 0.0, "one probe or more")?;
    check_length("the scales", product.len(), scales.0.len())?;
    let mut product = Counted::new(product, watch)?;
    let mut rng = stream(seed, "filter probes");
    let mut samples = Vec::with_capacity(probes);
    for _ in 0..probes {
        let mut probe = signs(&mut rng, scales.0.len());
        probe.iter_mut().zip(&scales.0).for_each(|(entry, scale)| *entry *= scale);
        samples.push(dot(&probe, &product.of(&probe)?));
    }
    Ok(Estimate::of(&samples))
}

/// The same mean, sampled: dᵀHd of directions as a random slice draws them, one product each.
///
/// # Errors
///
/// [`CurvatureError`].
pub fn filter_normalised_by_sampling<P: HessianProduct>(
    product: &mut P,
    layout: &Layout,
    weights: &[f32],
    directions: usize,
    seed: u64,
    watch: Watch<'_>,
) -> Result<Estimate, CurvatureError<P::Error>> {
    require(directions > 0, "directions", 0.0, "one direction or more")?;
    check_length("the layout", product.len(), layout.len())?;
    let mut product = Counted::new(product, watch)?;
    let mut samples = Vec::with_capacity(directions);
    for direction in 0..directions as u64 {
        let seed = seed.wrapping_add(direction);
        let drawn = random(layout, weights, seed, &DirectionOptions::default())?;
        let drawn: Vec<f64> = drawn.into_iter().map(f64::from).collect();
        samples.push(dot(&drawn, &product.of(&drawn)?));
    }
    Ok(Estimate::of(&samples))
}
