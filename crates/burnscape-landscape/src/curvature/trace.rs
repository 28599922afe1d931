//! The trace of the Hessian from random probes, with its standard error.

use super::product::{Counted, CurvatureError, HessianProduct, Watch, require};
use super::vectors::{dot, normalise, orthogonalise, signs, stream};

/// How a trace is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TraceMethod {
    /// Mean of zᵀHz over random signs z (Hutchinson 1990): exact for a diagonal H; else one probe has the
    /// variance 2(‖H‖_F² − Σ H_ii²).
    #[default]
    Hutchinson,
    /// A third of the products find the space in which H is large, a third measure it there exactly, and the
    /// rest estimate what lies outside (Meyer et al. 2021, arXiv 2010.09649): better where few eigenvalues
    /// dominate.
    HutchPlusPlus,
}

/// How many probes, of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceOptions {
    /// Hutchinson or Hutch++.
    pub method: TraceMethod,
    /// Products to spend. Default 30: a relative error of √(2/30)·‖H‖_F/tr H or less.
    pub products: usize,
    /// Seed of the probes. Default 0.
    pub seed: u64,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { method: TraceMethod::Hutchinson, products: 30, seed: 0 }
    }
}

/// A mean over random probes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error; `None`: unknown, as with one probe. 0 where nothing was left to chance.
    pub stderr: Option<f64>,
    /// Standard deviation of one probe; `None` with one.
    pub spread: Option<f64>,
    /// Random probes.
    pub probes: u64,
}

impl Estimate {
    /// The mean of these samples.
    #[must_use]
    pub fn of(samples: &[f64]) -> Self {
        let count = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / count;
        let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
        let spread = (samples.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        Self {
            value: if samples.is_empty() { f64::NAN } else { mean },
            stderr: spread.map(|spread| spread / count.sqrt()),
            spread,
            probes: samples.len() as u64,
        }
    }
}

/// The trace of H: the sum of its eigenvalues.
///
/// # Errors
///
/// [`CurvatureError`].
pub fn trace<P: HessianProduct>(
    product: &mut P,
    options: &TraceOptions,
    watch: Watch<'_>,
) -> Result<Estimate, CurvatureError<P::Error>> {
    require(options.products > 0, "products", 0.0, "one product or more")?;
    let mut product = Counted::new(product, watch)?;
    match options.method {
        TraceMethod::Hutchinson => hutchinson(&mut product, options, options.products, &[]),
        TraceMethod::HutchPlusPlus => hutch_plus_plus(&mut product, options),
    }
}

/// Hutchinson's estimate of what H does outside of an orthonormal basis.
fn hutchinson<P: HessianProduct>(
    product: &mut Counted<'_, P>,
    options: &TraceOptions,
    probes: usize,
    without: &[Vec<f64>],
) -> Result<Estimate, CurvatureError<P::Error>> {
    let mut rng = stream(options.seed, "probes");
    let mut samples = Vec::with_capacity(probes);
    for _ in 0..probes {
        let mut probe = signs(&mut rng, product.len());
        orthogonalise(&mut probe, without);
        samples.push(dot(&probe, &product.of(&probe)?));
    }
    Ok(Estimate::of(&samples))
}

fn hutch_plus_plus<P: HessianProduct>(
    product: &mut Counted<'_, P>,
    options: &TraceOptions,
) -> Result<Estimate, CurvatureError<P::Error>> {
    let sketched = options.products / 3;
    let basis = range(product, sketched, options.seed)?;
    let mut within = 0.0;
    for unit in &basis {
        within += dot(unit, &product.of(unit)?);
    }
    if basis.len() == product.len() {
        return Ok(Estimate { value: within, stderr: Some(0.0), spread: Some(0.0), probes: 0 });
    }
    let rest = options.products.saturating_sub(sketched + basis.len()).max(1);
    let outside = hutchinson(product, options, rest, &basis)?;
    Ok(Estimate { value: within + outside.value, ..outside })
}

/// An orthonormal basis of where H sends random signs.
fn range<P: HessianProduct>(
    product: &mut Counted<'_, P>,
    count: usize,
    seed: u64,
) -> Result<Vec<Vec<f64>>, CurvatureError<P::Error>> {
    /// What is left of a vector that the others span.
    const NOTHING: f64 = 1e-10;
    let mut rng = stream(seed, "sketch");
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for _ in 0..count.min(product.len()) {
        let mut image = product.of(&signs(&mut rng, product.len()))?;
        let before = super::vectors::norm(&image);
        orthogonalise(&mut image, &basis);
        let is_new = super::vectors::norm(&image) > NOTHING * before;
        if is_new && normalise(&mut image) {
            basis.push(image);
        }
    }
    Ok(basis)
}
