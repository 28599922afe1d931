//! Sharpness by losses near the weights instead of by the Hessian: how much worse they get within reach.
//!
//! Each measure takes scales, one for each parameter: it looks at θ + s∘u, u within a ball or on a sphere.
//! All 1, it is the classical measure. With [`adaptive_scales`], |θ|, it is the adaptive one, which does not
//! change when weights are rescaled so that the function stays (ReLU: W₁·c, W₂/c).

use rand_chacha::ChaCha8Rng;

use super::loss_near::LossNear;
use super::product::{CurvatureError, check_finite, require};
use super::trace::Estimate;
use super::vectors::{add, cube, norm, normalise, scale, stream, unit};
use crate::error::check_length;

/// How an ascent looks for the highest loss within reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AscentOptions {
    /// Steps of each ascent. In a box each is 2.5 / steps of its half width, so that a wrong start does not decide
    /// (Madry et al. 2018, arXiv 1706.06083); in a ball each is the radius, then back to the ball, which in a bowl
    /// is a power iteration. Default 10.
    pub steps: usize,
    /// Random starts, of which the highest loss counts. Default 2.
    pub starts: usize,
    /// Seed of the starts. Default 0.
    pub seed: u64,
}

impl Default for AscentOptions {
    fn default() -> Self {
        Self { steps: 10, starts: 2, seed: 0 }
    }
}

/// A rise of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sharpness {
    /// How much the loss rises; for [`keskar`] in per cent of 1 + L.
    pub value: f64,
    /// Loss at the weights themselves.
    pub loss: f64,
    /// Highest loss that was found.
    pub highest: f64,
}

/// |θ|: scales that make a measure the same for all rescaled copies of a network (Kwon et al. 2021, ASAM, arXiv
/// 2102.11600). A parameter that is 0 stays.
#[must_use]
pub fn adaptive_scales(weights: &[f32]) -> Vec<f64> {
    weights.iter().map(|weight| f64::from(weight.abs())).collect()
}

/// SAM: L(θ + ρ·s∘ĝ) − L(θ), where ĝ is the unit vector along s∘g, the slope in scaled coordinates (Foret et al.
/// 2021, arXiv 2010.01412; scaled: Kwon et al. 2021).
///
/// Invariant to orthogonal changes of coordinates, not to rescaling weights; with [`adaptive_scales`] the other way
/// round.
///
/// # Errors
///
/// [`CurvatureError::Undefined`] where the gradient is 0: there is no direction to step in.
pub fn sam<L: LossNear>(
    near: &mut L,
    radius: f64,
    scales: &[f64],
) -> Result<Sharpness, CurvatureError<L::Error>> {
    check(near, radius, scales)?;
    let mut ascent = Ascent::new(near, scales);
    let (loss, mut slope) = ascent.slope(&vec![0.0; scales.len()])?;
    if !normalise(&mut slope) {
        let why = "the gradient is 0, so there is no steepest direction";
        return Err(CurvatureError::Undefined { what: "the one-step sharpness of SAM", why });
    }
    scale(&mut slope, radius);
    let highest = ascent.loss(&slope)?;
    Ok(Sharpness { value: highest - loss, loss, highest })
}

/// The highest loss that several ascents find in the ball ‖u‖ ≤ ρ about the weights, minus the loss there: a lower
/// bound of the maximum. Defined where the gradient is 0, since starts are random.
///
/// Invariant as [`sam`].
///
/// # Errors
///
/// [`CurvatureError`].
pub fn ball<L: LossNear>(
    near: &mut L,
    radius: f64,
    scales: &[f64],
    options: &AscentOptions,
) -> Result<Sharpness, CurvatureError<L::Error>> {
    check(near, radius, scales)?;
    let start = |rng: &mut ChaCha8Rng, len| {
        let mut start = unit(rng, len);
        scale(&mut start, radius);
        start
    };
    let climb = |place: &mut [f64], mut slope: Vec<f64>, _: f64| {
        if normalise(&mut slope) {
            add(place, radius, &slope);
        }
        let distance = norm(place);
        if distance > radius {
            scale(place, radius / distance);
        }
    };
    Ascent::new(near, scales).highest(options, start, climb)
}

/// Keskar's ε-sharpness: 100·(max L − L(θ))/(1 + L(θ)) over the box |δᵢ| ≤ ε·(|θᵢ| + 1), found by ascents (Keskar et
/// al. 2017, arXiv 1609.04836, metric 2.1 with A the identity).
///
/// Invariant to neither rotations nor rescaling, and, through 1 + L, dependent on the scale of the loss.
///
/// # Errors
///
/// [`CurvatureError`]; [`CurvatureError::Undefined`] where 1 + L(θ) is not positive.
pub fn keskar<L: LossNear>(
    near: &mut L,
    epsilon: f64,
    weights: &[f32],
    options: &AscentOptions,
) -> Result<Sharpness, CurvatureError<L::Error>> {
    let reach: Vec<f64> =
        weights.iter().map(|weight| epsilon * (f64::from(weight.abs()) + 1.0)).collect();
    check(near, epsilon, &reach)?;
    let climb = |place: &mut [f64], slope: Vec<f64>, step: f64| {
        for (entry, slope) in place.iter_mut().zip(slope) {
            let up = if slope == 0.0 { 0.0 } else { slope.signum() };
            *entry = (*entry + step * up).clamp(-1.0, 1.0);
        }
    };
    let found = Ascent::new(near, &reach).highest(options, cube, climb)?;
    let whole = 1.0 + found.loss;
    if whole <= 0.0 {
        let why = "1 + loss, which it divides by, is not positive";
        return Err(CurvatureError::Undefined { what: "Keskar's sharpness", why });
    }
    Ok(Sharpness { value: 100.0 * found.value / whole, ..found })
}

/// The mean of L(θ + ρ·s∘d) − L(θ) over directions d that are uniform on the unit sphere, with the spread of one
/// direction: to second order ρ²/2 · tr(SHS)/n.
///
/// Invariant as [`sam`].
///
/// # Errors
///
/// [`CurvatureError`].
pub fn average_direction<L: LossNear>(
    near: &mut L,
    radius: f64,
    scales: &[f64],
    directions: usize,
    seed: u64,
) -> Result<Estimate, CurvatureError<L::Error>> {
    check(near, radius, scales)?;
    require(directions > 0, "directions", 0.0, "one direction or more")?;
    let mut ascent = Ascent::new(near, scales);
    let loss = ascent.loss(&vec![0.0; scales.len()])?;
    let mut rng = stream(seed, "average direction");
    let mut rises = Vec::with_capacity(directions);
    for _ in 0..directions {
        let mut direction = unit(&mut rng, scales.len());
        scale(&mut direction, radius);
        rises.push(ascent.loss(&direction)? - loss);
    }
    Ok(Estimate::of(&rises))
}

fn check<L: LossNear>(
    near: &L,
    radius: f64,
    scales: &[f64],
) -> Result<(), CurvatureError<L::Error>> {
    if near.is_empty() {
        return Err(CurvatureError::NoParameters);
    }
    check_length("the scales", near.len(), scales.len())?;
    check_finite("the scales", scales)?;
    require(radius.is_finite() && radius > 0.0, "radius", radius, "a positive number")
}

/// A loss in scaled coordinates u: L(θ + s∘u).
struct Ascent<'a, L> {
    near: &'a mut L,
    scales: &'a [f64],
}

impl<'a, L: LossNear> Ascent<'a, L> {
    fn new(near: &'a mut L, scales: &'a [f64]) -> Self {
        Self { near, scales }
    }

    fn scaled(&self, place: &[f64]) -> Vec<f64> {
        place.iter().zip(self.scales).map(|(entry, scale)| entry * scale).collect()
    }

    fn loss(&mut self, place: &[f64]) -> Result<f64, CurvatureError<L::Error>> {
        let loss = self.near.loss(&self.scaled(place)).map_err(CurvatureError::Caller)?;
        check_finite("the loss", &[loss])?;
        Ok(loss)
    }

    fn slope(&mut self, place: &[f64]) -> Result<(f64, Vec<f64>), CurvatureError<L::Error>> {
        let mut slope = vec![0.0; place.len()];
        let loss = self.near.gradient(&self.scaled(place), &mut slope);
        let loss = loss.map_err(CurvatureError::Caller)?;
        check_finite("the loss", &[loss])?;
        check_finite("the gradient", &slope)?;
        slope.iter_mut().zip(self.scales).for_each(|(entry, scale)| *entry *= scale);
        Ok((loss, slope))
    }

    /// The highest loss along all ascents; the weights themselves count, so that no rise is below 0.
    fn highest(
        &mut self,
        options: &AscentOptions,
        start: impl Fn(&mut ChaCha8Rng, usize) -> Vec<f64>,
        climb: impl Fn(&mut [f64], Vec<f64>, f64),
    ) -> Result<Sharpness, CurvatureError<L::Error>> {
        require(options.starts > 0, "starts", 0.0, "one start or more")?;
        let mut rng = stream(options.seed, "ascent");
        let loss = self.loss(&vec![0.0; self.scales.len()])?;
        let mut highest = loss;
        for _ in 0..options.starts {
            let mut place = start(&mut rng, self.scales.len());
            for _ in 0..options.steps {
                let (reached, slope) = self.slope(&place)?;
                highest = highest.max(reached);
                climb(&mut place, slope, 2.5 / options.steps as f64);
            }
            highest = highest.max(self.loss(&place)?);
        }
        Ok(Sharpness { value: highest - loss, loss, highest })
    }
}
