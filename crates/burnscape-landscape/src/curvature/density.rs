//! How the eigenvalues are spread: stochastic Lanczos quadrature.

use std::f64::consts::TAU;

use super::krylov::Krylov;
use super::product::{Counted, CurvatureError, HessianProduct, Watch, require};
use super::trace::Estimate;
use super::vectors::{stream, unit};

/// How a spectral density is estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityOptions {
    /// Random starts: the standard error falls with their root. Default 8.
    pub probes: usize,
    /// Steps of Lanczos' iteration from each; k steps give 2k − 1 moments exactly. Default 40.
    pub steps: usize,
    /// Places at which the density is told. Default 401.
    pub points: usize,
    /// Standard deviation of the Gaussian that each eigenvalue is drawn as; `None`: the range over the number of
    /// steps, which is what these resolve.
    pub width: Option<f64>,
    /// Seed of the starts. Default 0.
    pub seed: u64,
}

impl Default for DensityOptions {
    fn default() -> Self {
        Self { probes: 8, steps: 40, points: 401, width: None, seed: 0 }
    }
}

/// A density over λ whose integral is 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpectralDensity {
    /// Places, ascending, at equal distances.
    pub eigenvalues: Vec<f64>,
    /// Density at each.
    pub density: Vec<f64>,
    /// Its standard error over probes; NaN with one probe.
    pub stderr: Vec<f64>,
    /// Standard deviation of the Gaussian that each eigenvalue is drawn as.
    pub width: f64,
    /// Random starts.
    pub probes: u64,
    /// Most steps that a start took: fewer than asked for where its space closed.
    pub steps: u64,
}

impl SpectralDensity {
    /// The integral over all places, by the trapezoidal rule: 1 but for what lies beyond the ends.
    #[must_use]
    pub fn integral(&self) -> f64 {
        let between = |(places, values): (&[f64], &[f64])| {
            0.5 * (places[1] - places[0]) * (values[0] + values[1])
        };
        self.eigenvalues.windows(2).zip(self.density.windows(2)).map(between).sum()
    }
}

/// What one start sees: places and weights of a quadrature, whose weights sum to 1.
struct Nodes {
    places: Vec<f64>,
    weights: Vec<f64>,
}

/// The spectral density of H, each eigenvalue drawn as a Gaussian (Ghorbani et al. 2019, arXiv 1901.10159).
///
/// # Errors
///
/// [`CurvatureError`].
pub fn density<P: HessianProduct>(
    product: &mut P,
    options: &DensityOptions,
    watch: Watch<'_>,
) -> Result<SpectralDensity, CurvatureError<P::Error>> {
    check(options)?;
    let mut product = Counted::new(product, watch)?;
    let mut rng = stream(options.seed, "density");
    let mut all = Vec::with_capacity(options.probes);
    for _ in 0..options.probes {
        let start = unit(&mut rng, product.len());
        all.push(quadrature(&mut product, start, options.steps)?);
    }
    Ok(drawn(&all, options))
}

fn check<E>(options: &DensityOptions) -> Result<(), CurvatureError<E>> {
    require(options.probes > 0, "probes", 0.0, "one probe or more")?;
    require(options.steps > 0, "steps", 0.0, "one step or more")?;
    require(options.points > 1, "points", options.points as f64, "two points or more")?;
    let width = options.width.unwrap_or(1.0);
    require(width.is_finite() && width > 0.0, "width", width, "a positive width")
}

fn quadrature<P: HessianProduct>(
    product: &mut Counted<'_, P>,
    start: Vec<f64>,
    steps: usize,
) -> Result<Nodes, CurvatureError<P::Error>> {
    let mut space = Krylov::new(start, 1.0);
    while space.dimension() < steps && !space.is_closed() {
        space.step(product)?;
    }
    let ritz = space.ritz();
    let weights = ritz.vectors.row(0).iter().map(|first| first * first).collect();
    Ok(Nodes { places: ritz.values, weights })
}

fn drawn(all: &[Nodes], options: &DensityOptions) -> SpectralDensity {
    let places = || all.iter().flat_map(|nodes| nodes.places.iter().copied());
    let lowest = places().fold(f64::INFINITY, f64::min);
    let highest = places().fold(f64::NEG_INFINITY, f64::max);
    let width = options.width.unwrap_or_else(|| natural_width(lowest, highest, options.steps));
    // Four standard deviations hold all but 6e-5 of a Gaussian.
    let (from, to) = (lowest - 4.0 * width, highest + 4.0 * width);
    let step = (to - from) / (options.points - 1) as f64;
    let eigenvalues: Vec<f64> = (0..options.points).map(|k| from + step * k as f64).collect();
    let at = |&place: &f64| {
        Estimate::of(&all.iter().map(|nodes| nodes.at(place, width)).collect::<Vec<_>>())
    };
    let estimates: Vec<Estimate> = eigenvalues.iter().map(at).collect();
    SpectralDensity {
        density: estimates.iter().map(|it| it.value).collect(),
        stderr: estimates.iter().map(|it| it.stderr.unwrap_or(f64::NAN)).collect(),
        eigenvalues,
        width,
        probes: all.len() as u64,
        steps: all.iter().map(|nodes| nodes.places.len() as u64).max().unwrap_or(0),
    }
}

/// What so many steps resolve of the range, or a hundredth of the one eigenvalue that there is.
fn natural_width(lowest: f64, highest: f64, steps: usize) -> f64 {
    let size = lowest.abs().max(highest.abs());
    let range = highest - lowest;
    let width = if range > 1e-6 * size { range / steps.max(10) as f64 } else { size / 100.0 };
    if width > 0.0 { width } else { 0.01 }
}

impl Nodes {
    fn at(&self, place: f64, width: f64) -> f64 {
        let gaussian = |(node, weight): (&f64, &f64)| {
            weight * (-0.5 * ((place - node) / width).powi(2)).exp() / (width * TAU.sqrt())
        };
        self.places.iter().zip(&self.weights).map(gaussian).sum()
    }
}
