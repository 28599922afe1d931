//! How the bend of a curve is found: stochastic gradient descent on the mean loss along it.

use super::Bezier;
use crate::direction::between;
use crate::error::{Error, check_length};

/// Until this share of the steps the rate stays; then it falls to the last one in a straight line.
const FALLS_FROM: f64 = 0.5;
/// From this share of the steps on the rate is the last one.
const FALLS_TO: f64 = 0.9;
/// Share of the rate that is left at the end.
const LAST: f64 = 0.01;
/// What is added to t at each step: multiples of the golden section fill [0, 1) most evenly, whatever their number.
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// How a bend is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BendOptions {
    /// Steps in all.
    pub steps: usize,
    /// Learning rate of the first half of the steps. It then falls in a straight line, and is a hundredth for the last
    /// tenth (Garipov et al. 2018, appendix A.2).
    pub rate: f64,
    /// Share of the last step that is taken again.
    pub momentum: f64,
}

impl Default for BendOptions {
    fn default() -> Self {
        Self { steps: 1000, rate: 0.05, momentum: 0.9 }
    }
}

/// A bend that is trained, as far as it came: with it, training goes on in another process bit for bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Bend {
    /// Where it lies; at first in the middle of the line.
    pub at: Vec<f32>,
    /// What momentum adds to the next step.
    pub velocity: Vec<f32>,
    /// Steps taken.
    pub step: usize,
}

impl Bend {
    /// In the middle between `a` and `b`: the curve is their straight line.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the lengths differ.
    pub fn between(a: &[f32], b: &[f32]) -> Result<Self, Error> {
        let way = between(a, b)?;
        let at = a.iter().zip(&way).map(|(a, way)| a + 0.5 * way).collect();
        Ok(Self { at, velocity: vec![0.0; a.len()], step: 0 })
    }

    /// Where on the curve the next gradient is taken. All of [0, 1) has its turn evenly, which has the same mean as drawing
    /// at random, with less noise.
    #[must_use]
    pub fn t(&self) -> f64 {
        (0.5 + GOLDEN * self.step as f64).fract()
    }

    /// Writes the point at which the next gradient is taken.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the lengths differ.
    ///
    /// # Panics
    ///
    /// If `out` is not as long as the ends.
    pub fn point(&self, a: &[f32], b: &[f32], out: &mut [f32]) -> Result<(), Error> {
        Bezier::new(a, &self.at, b)?.point_at(self.t(), out);
        Ok(())
    }

    /// One step down the `gradient` of the loss at [`point`](Self::point): v ← momentum·v + 2t(1 − t)·gradient,
    /// bend ← bend − rate·v.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the gradient is not as long as the bend.
    pub fn descend(&mut self, gradient: &[f64], options: &BendOptions) -> Result<(), Error> {
        check_length("the gradient", self.at.len(), gradient.len())?;
        let (factor, rate) = (Bezier::bend_factor(self.t()), options.rate_at(self.step));
        for ((at, velocity), slope) in self.at.iter_mut().zip(&mut self.velocity).zip(gradient) {
            let next = options.momentum * f64::from(*velocity) + factor * slope;
            *velocity = next as f32;
            *at = (f64::from(*at) - rate * next) as f32;
        }
        self.step += 1;
        Ok(())
    }
}

impl BendOptions {
    /// The rate of a step, counted from 0.
    #[must_use]
    pub fn rate_at(&self, step: usize) -> f64 {
        let done = step as f64 / self.steps.max(1) as f64;
        let fallen = ((done - FALLS_FROM) / (FALLS_TO - FALLS_FROM)).clamp(0.0, 1.0);
        self.rate * (1.0 - (1.0 - LAST) * fallen)
    }
}
