//! How sure a comparison is: intervals over seeds by the bootstrap, and rank correlation with its interval.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::direction::{fnv1a_64, generator};

/// Samples that are drawn with replacement: percentiles of 95 % are then known to about a tenth of a percent.
const DRAWS: usize = 10_000;
/// Runs below which a correlation has no interval: of three, resampling gives −1, 1 or nothing.
const FEWEST_RUNS: usize = 4;

/// Where a number lies, as far as the seeds tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The number itself.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether it has a number within.
    #[must_use]
    pub fn holds(&self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }
}

/// The mean over seeds, and the 95 % percentile interval of the bootstrap (Efron 1979); none with fewer than two seeds, or
/// where one is not finite.
///
/// With few seeds it is too narrow: of three it can only ever lie between the lowest and the highest. The same values give
/// the same interval.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::statistics::mean;
///
/// let found = mean(&[1.0, 2.0, 6.0]).unwrap();
/// assert_eq!((found.value, found.low, found.high), (3.0, 1.0, 6.0));
/// ```
#[must_use]
pub fn mean(values: &[f64]) -> Option<Interval> {
    is_enough(values).then(|| interval(mean_of(values), |rng| mean_of(&resampled(values, rng))))?
}

/// Difference of the means of two sides, second minus first, each side resampled by itself; none where one of them has no
/// [interval](mean).
#[must_use]
pub fn difference(first: &[f64], second: &[f64]) -> Option<Interval> {
    let draw = |rng: &mut ChaCha8Rng| {
        let first = mean_of(&resampled(first, rng));
        mean_of(&resampled(second, rng)) - first
    };
    let value = mean_of(second) - mean_of(first);
    (is_enough(first) && is_enough(second)).then(|| interval(value, draw))?
}

/// Kendall's τ_b between two numbers of each run (Kendall 1945, "The treatment of ties in ranking problems"); none with
/// fewer than two runs, or where one of the numbers is the same for all or not finite.
#[must_use]
pub fn kendall_tau(pairs: &[(f64, f64)]) -> Option<f64> {
    let is_finite = pairs.iter().all(|(x, y)| x.is_finite() && y.is_finite());
    let (mut sum, mut in_x, mut in_y) = (0.0, 0.0_f64, 0.0_f64);
    for (at, first) in pairs.iter().enumerate() {
        for second in &pairs[..at] {
            let (x, y) = (order(first.0, second.0), order(first.1, second.1));
            sum += x * y;
            in_x += x * x;
            in_y += y * y;
        }
    }
    let norm = (in_x * in_y).sqrt();
    (is_finite && norm > 0.0).then(|| sum / norm)
}

/// [`kendall_tau`] with the 95 % percentile interval of the bootstrap over runs; none with fewer than four runs.
///
/// A correlation over the runs at hand says nothing of other architectures or settings: sharpness need not go with
/// generalisation at all (Andriushchenko et al. 2023, arXiv 2302.07011).
#[must_use]
pub fn kendall_tau_with_interval(pairs: &[(f64, f64)]) -> Option<Interval> {
    let value = kendall_tau(pairs).filter(|_| pairs.len() >= FEWEST_RUNS)?;
    interval(value, |rng| kendall_tau(&resampled(pairs, rng)).unwrap_or(f64::NAN))
}

fn order(a: f64, b: f64) -> f64 {
    f64::from(i8::from(a > b) - i8::from(a < b))
}

fn is_enough(values: &[f64]) -> bool {
    values.len() >= 2 && values.iter().all(|value| value.is_finite())
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// As many, each drawn from all.
fn resampled<T: Copy>(values: &[T], rng: &mut ChaCha8Rng) -> Vec<T> {
    // The remainder favours low places by 2⁻³² times their number.
    let draw = |_: &T| values[rng.next_u64() as usize % values.len()];
    values.iter().map(draw).collect()
}

/// From the 2.5th to the 97.5th percentile of what is drawn; draws that are not defined are passed over.
fn interval(value: f64, draw: impl Fn(&mut ChaCha8Rng) -> f64) -> Option<Interval> {
    let mut rng = generator(0, fnv1a_64(b"bootstrap"));
    let mut drawn: Vec<f64> =
        (0..DRAWS).map(|_| draw(&mut rng)).filter(|it| it.is_finite()).collect();
    drawn.sort_unstable_by(f64::total_cmp);
    let cut = drawn.len() / 40;
    let (low, high) = (*drawn.get(cut)?, *drawn.get(drawn.len().checked_sub(cut + 1)?)?);
    Some(Interval { value, low, high })
}
