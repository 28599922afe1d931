//! Interpolation between scattered points: radial functions without a length scale, plus a quadratic.

use nalgebra::DMatrix;

/// A point of the grid, each axis scaled to [0, 1].
pub(super) type Point = [f64; 2];

/// A radial function of the distance r.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// r⁵: for smooth surfaces.
    Quintic,
    /// r³: bends less sharply between the points.
    Cubic,
    /// r² ln r, the thin plate: the least smooth, for surfaces with edges.
    ThinPlate,
}

impl Kernel {
    fn at(self, squared: f64) -> f64 {
        match self {
            Self::Quintic => squared * squared * squared.sqrt(),
            Self::Cubic => squared * squared.sqrt(),
            Self::ThinPlate if squared > 0.0 => 0.5 * squared * squared.ln(),
            Self::ThinPlate => 0.0,
        }
    }
}

/// Everything about an interpolation but the values: they enter linearly.
pub(super) struct Basis {
    kernel: Kernel,
    points: Vec<Point>,
    /// The quadratic counts from here.
    middle: Point,
    terms: usize,
    /// Inverse of [[K, P], [Pᵀ, 0]]: radial functions K, terms of the quadratic P, at the points.
    inverse: DMatrix<f64>,
}

impl Basis {
    /// An interpolation with the first `terms` [`monomials`]; none if the points do not determine it.
    pub(super) fn new(kernel: Kernel, points: &[Point], terms: usize) -> Option<Self> {
        let middle = mean(points);
        let inverse = system(kernel, points, middle, terms).try_inverse()?;
        let is_finite = inverse.iter().all(|entry| entry.is_finite());
        is_finite.then(|| Self { kernel, points: points.to_vec(), middle, terms, inverse })
    }

    /// Weights of the radial functions, then of the quadratic's terms.
    pub(super) fn weights(&self, values: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.inverse.nrows()];
        for (column, &value) in values.iter().enumerate() {
            for (weight, &entry) in weights.iter_mut().zip(self.inverse.column(column).iter()) {
                *weight += entry * value;
            }
        }
        weights
    }

    /// How far each value lies above the one that all other points give there, without fitting anew: the
    /// weight over the diagonal of the inverse (Rippa 1999, equation 6).
    pub(super) fn left_out(&self, weights: &[f64]) -> Vec<f64> {
        (0..self.points.len()).map(|i| weights[i] / self.inverse[(i, i)]).collect()
    }

    /// The interpolated value.
    pub(super) fn value(&self, weights: &[f64], point: Point) -> f64 {
        let (radial, polynomial) = weights.split_at(self.points.len());
        let radial = radial.iter().zip(&self.points);
        let radial: f64 =
            radial.map(|(w, &p)| w * self.kernel.at(squared_distance(point, p))).sum();
        let terms = monomials(point, self.middle);
        let polynomial = polynomial.iter().zip(&terms[..self.terms]);
        radial + polynomial.map(|(w, term)| w * term).sum::<f64>()
    }
}

fn system(kernel: Kernel, points: &[Point], middle: Point, terms: usize) -> DMatrix<f64> {
    let count = points.len();
    let mut matrix = DMatrix::zeros(count + terms, count + terms);
    for (i, &point) in points.iter().enumerate() {
        for (j, &other) in points.iter().enumerate().take(i) {
            let value = kernel.at(squared_distance(point, other));
            matrix[(i, j)] = value;
            matrix[(j, i)] = value;
        }
        for (k, &term) in monomials(point, middle).iter().take(terms).enumerate() {
            matrix[(i, count + k)] = term;
            matrix[(count + k, i)] = term;
        }
    }
    matrix
}

fn mean(points: &[Point]) -> Point {
    let sum = |axis: usize| points.iter().map(|point| point[axis]).sum::<f64>();
    [0, 1].map(|axis| sum(axis) / points.len() as f64)
}

pub(super) fn squared_distance(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

/// Terms of the quadratic on a line, where y is constant.
pub(super) const LINE_TERMS: usize = 3;
/// Terms of the quadratic on a plane.
pub(super) const PLANE_TERMS: usize = 6;

/// Ordered so that a line uses the first ones.
fn monomials([x, y]: Point, middle: Point) -> [f64; PLANE_TERMS] {
    let (x, y) = (x - middle[0], y - middle[1]);
    [1.0, x, x * x, y, x * y, y * y]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scattered, no two alike, not on one conic.
    fn points() -> Vec<Point> {
        (0..14_i32).map(f64::from).map(|k| [(0.618 * k).fract(), (0.414 * k).fract()]).collect()
    }

    const KERNELS: [Kernel; 3] = [Kernel::Quintic, Kernel::Cubic, Kernel::ThinPlate];

    #[test]
    fn quadratics_are_met_everywhere_and_other_values_at_the_points() {
        let quadratic = |[x, y]: Point| 2.0 - x + 3.0 * y + 0.5 * x * x - 2.0 * x * y + y * y;
        let rough = |[x, y]: Point| (9.0 * x).sin() + (7.0 * y).cos();
        for kernel in KERNELS {
            let basis = Basis::new(kernel, &points(), PLANE_TERMS).unwrap();
            let weights = basis.weights(&points().into_iter().map(quadratic).collect::<Vec<_>>());
            assert!((basis.value(&weights, [0.3, 0.9]) - quadratic([0.3, 0.9])).abs() < 1e-9);
            let weights = basis.weights(&points().into_iter().map(rough).collect::<Vec<_>>());
            for point in points() {
                assert!((basis.value(&weights, point) - rough(point)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn what_a_left_out_point_misses_is_what_fitting_without_it_misses() {
        let values: Vec<f64> = points().iter().map(|[x, y]| (5.0 * x).sin() * y.exp()).collect();
        for kernel in KERNELS {
            let basis = Basis::new(kernel, &points(), PLANE_TERMS).unwrap();
            let missed = basis.left_out(&basis.weights(&values));
            for left in 0..values.len() {
                let without = |list: &[Point]| [&list[..left], &list[left + 1..]].concat();
                let fewer = Basis::new(kernel, &without(&points()), PLANE_TERMS).unwrap();
                let weights = fewer.weights(&[&values[..left], &values[left + 1..]].concat());
                let expected = values[left] - fewer.value(&weights, points()[left]);
                assert!((missed[left] - expected).abs() < 1e-7, "{kernel:?} {left}");
            }
        }
    }

    #[test]
    fn points_in_two_columns_do_not_determine_a_quadratic() {
        let columns: Vec<Point> = (0..10).map(|k| [f64::from(k % 2), 0.1 * f64::from(k)]).collect();
        let basis = Basis::new(Kernel::Cubic, &columns, PLANE_TERMS);
        // Rounding may hide it: then the weights are huge, and nothing agrees.
        assert!(basis.is_none_or(|it| it.inverse.amax() > 1e9));
    }
}
