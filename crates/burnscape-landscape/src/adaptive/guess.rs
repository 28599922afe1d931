//! What measured points say about others: a value, and how far it can be trusted.

use super::rbf::{Basis, Kernel, LINE_TERMS, PLANE_TERMS, Point, squared_distance};

/// A guess at an unmeasured node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Guess {
    pub(super) value: f64,
    /// Estimate of the error: how far two kernels lie apart, and what left-out points nearby miss.
    pub(super) doubt: f64,
}

/// From smooth to rough; the last one is asked for a second opinion.
const KERNELS: [Kernel; 3] = [Kernel::Quintic, Kernel::Cubic, Kernel::ThinPlate];
/// Where the logarithm begins to bend the values, in units of their median.
const KNEES: [f64; 2] = [1.0, 0.1];
/// Left-out points that tell of the error at a place.
const NEIGHBOURS: usize = 6;

/// What is interpolated: the values, or the logarithm of their heights, as losses grow exponentially.
#[derive(Debug, Clone, Copy)]
enum Scale {
    Plain,
    Log { knee: f64 },
}

impl Scale {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Plain => value,
            Self::Log { knee } => (value / knee).ln_1p(),
        }
    }

    fn undo(self, value: f64) -> f64 {
        match self {
            Self::Plain => value,
            Self::Log { knee } => knee * value.exp_m1(),
        }
    }
}

/// One way of interpolating, and how well it meets points that it is not shown.
struct Candidate<'b> {
    basis: &'b Basis,
    scale: Scale,
    weights: Vec<f64>,
    /// |value − what the other points give|, per point.
    missed: Vec<f64>,
}

impl<'b> Candidate<'b> {
    fn new(basis: &'b Basis, scale: Scale, values: &[f64]) -> Self {
        let scaled: Vec<f64> = values.iter().map(|&value| scale.apply(value)).collect();
        let weights = basis.weights(&scaled);
        let left_out = basis.left_out(&weights);
        let missed = scaled.iter().zip(left_out).zip(values);
        let missed = missed.map(|((at, miss), value)| (scale.undo(at - miss) - value).abs());
        Self { basis, scale, missed: missed.collect(), weights }
    }

    fn score(&self) -> f64 {
        self.missed.iter().map(|miss| miss * miss).sum()
    }

    fn value(&self, point: Point) -> f64 {
        self.scale.undo(self.basis.value(&self.weights, point))
    }
}

/// Guesses at `targets` from points with values in [0, 1]; none if the points determine nothing.
///
/// Of all kernels and scales the one is taken that misses left-out points least.
pub(super) fn guess(
    points: &[Point],
    values: &[f64],
    targets: &[Point],
    is_line: bool,
) -> Option<Vec<Guess>> {
    let terms = if is_line { LINE_TERMS } else { PLANE_TERMS };
    let bases = KERNELS.map(|kernel| Basis::new(kernel, points, terms));
    let [Some(quintic), Some(cubic), Some(thin)] = &bases else {
        return None;
    };
    let scales = scales(values);
    let bases = [quintic, cubic, thin].into_iter();
    let all = scales
        .iter()
        .flat_map(|&scale| bases.clone().map(move |basis| Candidate::new(basis, scale, values)));
    let best = all.min_by(|a, b| a.score().total_cmp(&b.score()))?;
    let other = if std::ptr::eq(best.basis, thin) { cubic } else { thin };
    let other = Candidate::new(other, best.scale, values);
    let gaps = gaps(points);
    let at = |&target: &Point| {
        let value = best.value(target);
        let apart = (value - other.value(target)).abs();
        let doubt = apart + missed_nearby(target, points, &best.missed, &gaps);
        Guess { value, doubt: if doubt.is_nan() { f64::INFINITY } else { doubt } }
    };
    Some(targets.iter().map(at).collect())
}

fn scales(values: &[f64]) -> [Scale; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2].max(1e-12);
    let [first, second] = KNEES.map(|share| Scale::Log { knee: share * median });
    [Scale::Plain, first, second]
}

/// Squared distance from each point to its nearest other.
fn gaps(points: &[Point]) -> Vec<f64> {
    let nearest = |(i, &point): (usize, &Point)| {
        let others = points.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, &other)| squared_distance(point, other)).fold(f64::INFINITY, f64::min)
    };
    points.iter().enumerate().map(nearest).collect()
}

/// Root mean square of what the nearest points miss when left out, the nearer the more. A point is farther
/// from its neighbours than the target is from it, so its miss is shrunk by the square of the distances'
/// ratio, as interpolation converges at least quadratically.
fn missed_nearby(target: Point, points: &[Point], missed: &[f64], gaps: &[f64]) -> f64 {
    let distances = points.iter().map(|&point| squared_distance(target, point));
    let mut near: Vec<(f64, usize)> = distances.zip(0..).collect();
    let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    let last = NEIGHBOURS.min(near.len()) - 1;
    near.select_nth_unstable_by(last, order);
    near.truncate(NEIGHBOURS);
    near.sort_unstable_by(order);
    let nearest = near[0].0;
    if nearest == 0.0 {
        return 0.0;
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for (distance, i) in near {
        let shrunk = missed[i] * (nearest / gaps[i]).min(1.0);
        sum += shrunk * shrunk / distance;
        weights += 1.0 / distance;
    }
    (sum / weights).sqrt()
}
