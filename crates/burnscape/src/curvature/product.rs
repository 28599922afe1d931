//! Products of the Hessian with vectors: central differences of gradients.
//!
//! Hv ≈ (g(θ + εv) − g(θ − εv)) / 2ε, ‖v‖ = 1: exact for quadratics, two gradients a product.

use burn::module::Module;
use burn::tensor::DType;
use burn::train::TrainStep;
use burnscape_landscape::curvature::HessianProduct;

use super::gradients::Gradients;
use crate::{Error, Result};

/// The Hessian of the mean loss at the centre of [`Gradients`], over all parameters in layout order; rows and
/// columns of frozen ones are 0.
pub(crate) struct Hessian<'g, 'a, M: TrainStep> {
    pub gradients: &'g mut Gradients<'a, M>,
    /// Distance of the two gradients of a product from the centre.
    pub step: f64,
    /// Where the Hessian is, from the centre of the gradients.
    pub offset: Option<Vec<f64>>,
    moved: Vec<f64>,
}

impl<'g, 'a, M> Hessian<'g, 'a, M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    /// With this step.
    pub fn with_step(gradients: &'g mut Gradients<'a, M>, step: f64) -> Self {
        let moved = vec![0.0; gradients.centre().len()];
        Self { gradients, step, offset: None, moved }
    }

    /// With the step at which products agree best with those at a quarter of it, along one direction: too long a
    /// step bends, too short a one drowns in rounding. Costs eight gradients.
    ///
    /// # Errors
    ///
    /// As a product.
    pub fn calibrated(gradients: &'g mut Gradients<'a, M>, direction: &[f64]) -> Result<Self> {
        let first = first_step(gradients.map().dtype, norm(gradients.centre()));
        let mut hessian = Self::with_step(gradients, first);
        let steps = [4.0, 1.0, 0.25, 0.0625].map(|factor| factor * first);
        let mut products = Vec::new();
        for step in steps {
            hessian.step = step;
            let mut product = vec![0.0; direction.len()];
            hessian.apply(direction, &mut product)?;
            products.push(product);
        }
        let miss = |pair: &[Vec<f64>]| relative_miss(&pair[0], &pair[1]);
        let misses: Vec<f64> = products.windows(2).map(miss).collect();
        let best = (0..misses.len()).min_by(|&a, &b| misses[a].total_cmp(&misses[b]));
        // The truth lies between the two: the longer bends, the shorter drowns.
        hessian.step = steps[best.unwrap_or(1)] * 0.5;
        Ok(hessian)
    }

    /// By how much a product is off, as a share of it: what the same product with half the step says, which itself is
    /// still off by a quarter of what a step bends.
    ///
    /// # Errors
    ///
    /// As a product.
    pub fn relative_error(&mut self, direction: &[f64]) -> Result<f64> {
        let step = self.step;
        let mut whole = vec![0.0; direction.len()];
        let mut half = vec![0.0; direction.len()];
        self.apply(direction, &mut whole)?;
        self.step = step / 2.0;
        let halved = self.apply(direction, &mut half);
        self.step = step;
        halved?;
        Ok(4.0 / 3.0 * relative_miss(&whole, &half))
    }

    fn gradient(&mut self, v: &[f64], by: f64) -> Result<Vec<f64>> {
        for (index, (moved, v)) in self.moved.iter_mut().zip(v).enumerate() {
            *moved = by * v + self.offset.as_ref().map_or(0.0, |offset| offset[index]);
        }
        let mut out = vec![0.0; v.len()];
        self.gradients.at(Some(&self.moved), &mut out)?;
        Ok(out)
    }
}

/// The cube root of the element type's resolution, where errors of bending and of rounding are alike for a function
/// whose values and derivatives are of the order of 1; longer for longer weights.
fn first_step(dtype: DType, length: f64) -> f64 {
    let resolution: f64 = match dtype {
        DType::F64 => f64::EPSILON,
        DType::F16 => 9.8e-4,
        DType::BF16 => 7.8e-3,
        _ => f64::from(f32::EPSILON),
    };
    resolution.cbrt() * length.max(1.0).sqrt()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// ‖a − b‖ as a share of the longer one; 0 where both are 0.
fn relative_miss(a: &[f64], b: &[f64]) -> f64 {
    let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let size = norm(a).max(norm(b));
    if size == 0.0 { 0.0 } else { apart / size }
}

impl<M> HessianProduct for Hessian<'_, '_, M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    type Error = Error;

    fn len(&self) -> usize {
        self.gradients.centre().len()
    }

    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<()> {
        let length = norm(v);
        if length == 0.0 {
            out.fill(0.0);
            return Ok(());
        }
        let plus = self.gradient(v, self.step / length)?;
        let minus = self.gradient(v, -self.step / length)?;
        let slopes = plus.iter().zip(&minus).map(|(plus, minus)| plus - minus);
        let scale = length / (2.0 * self.step);
        out.iter_mut().zip(slopes).for_each(|(out, slope)| *out = scale * slope);
        Ok(())
    }
}
