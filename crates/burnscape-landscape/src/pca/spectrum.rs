//! The spectrum of the snapshots: which eigenvalues are more than rounding, and the scores that they give.

use nalgebra::{DMatrix, DVector};

use super::ScoredComponent;
use super::leading::{Eigen, TAKEN_WHOLE};
use super::moments::Moments;

/// A component needs this share of what the errors of single precision are in proportion to.
const SINGLE_RESOLVES: f64 = 1.0 / (1 << 12) as f64;

/// Eigenvalues and eigenvectors of the Gram matrix of T snapshots, in descending order, and what they are measured by.
pub(super) struct Spectrum {
    /// All, or the leading ones.
    eigen: Eigen,
    /// Sum of all squared distances from the mean.
    total: f64,
    /// The greatest eigenvalue that may be rounding.
    rounding: f64,
}

impl Spectrum {
    /// At least the first `components`.
    pub(super) fn new(moments: &Moments, components: usize) -> Self {
        let eigen = Eigen::leading(moments.gram.clone(), components);
        Self::of(eigen, moments.gram.trace(), moments.squared_norms)
    }

    /// From eigenvalues, their sum over all there are, and Σ‖θₜ‖².
    pub(super) fn of(eigen: Eigen, total: f64, squared_norms: f64) -> Self {
        let largest = eigen.values.first().copied().unwrap_or(0.0);
        Self { rounding: rounding(squared_norms).max(1e-12 * largest), eigen, total }
    }

    /// Number of snapshots, T.
    pub(super) fn snapshots(&self) -> usize {
        self.eigen.vectors.nrows()
    }

    /// The mean takes one.
    pub(super) fn degrees_of_freedom(&self) -> f64 {
        (self.snapshots() - 1) as f64
    }

    pub(super) fn total_variance(&self) -> f64 {
        self.total / self.degrees_of_freedom()
    }

    /// Of all T − 1 possible components, or of `components` where there are many. (The last of T eigenvalues belongs to
    /// the mean and is 0.)
    pub(super) fn variances(&self, components: usize) -> Vec<f64> {
        let possible = self.snapshots() - 1;
        let told = if possible < TAKEN_WHOLE { possible } else { components.min(possible) };
        let eigenvalue = |k: usize| self.eigen.values.get(k).copied().unwrap_or(0.0);
        (0..told).map(|k| eigenvalue(k) / self.degrees_of_freedom()).collect()
    }

    /// Whether the first components are well above the errors that products in single precision have.
    pub(super) fn resolves(&self, components: usize, moments: &Moments) -> bool {
        let least = SINGLE_RESOLVES * moments.squared_differences;
        let wanted = components.min(self.snapshots() - 1);
        self.eigen.values[..wanted].iter().all(|eigenvalue| *eigenvalue >= least)
    }

    pub(super) fn components(&self, count: usize) -> Vec<ScoredComponent> {
        let component = |k| match self.significant(k) {
            0.0 => self.degenerate(),
            eigenvalue => self.component(eigenvalue, &self.eigen.vectors.column(k).into_owned()),
        };
        (0..count).map(component).collect()
    }

    fn degenerate(&self) -> ScoredComponent {
        let scores = vec![0.0; self.snapshots()];
        ScoredComponent { scores, variance: 0.0, explained: 0.0, degenerate: true }
    }

    fn component(&self, eigenvalue: f64, eigenvector: &DVector<f64>) -> ScoredComponent {
        let scale = sign(eigenvector.as_slice()) * eigenvalue.sqrt();
        ScoredComponent {
            scores: eigenvector.iter().map(|entry| scale * entry).collect(),
            variance: eigenvalue / self.degrees_of_freedom(),
            explained: (eigenvalue / self.total).min(1.0),
            degenerate: false,
        }
    }

    /// Eigenvalue k, or 0 if it may be rounding or is not there.
    fn significant(&self, k: usize) -> f64 {
        let eigenvalue = self.eigen.values.get(k).copied().unwrap_or(0.0);
        if eigenvalue > self.rounding { eigenvalue } else { 0.0 }
    }

    /// The w with Xᵀw of unit length for every component that is not degenerate: u/√λ.
    ///
    /// They sum to 0 but for rounding, which the direction of a small component would show magnified.
    pub(super) fn weights(&self, components: &[ScoredComponent]) -> Vec<Vec<f64>> {
        let weights = |component: &ScoredComponent| {
            let eigenvalue = component.variance * self.degrees_of_freedom();
            let mean = component.scores.iter().sum::<f64>() / self.snapshots() as f64;
            component.scores.iter().map(|score| (score - mean) / eigenvalue).collect()
        };
        components.iter().filter(|it| !it.degenerate).map(weights).collect()
    }

    /// Rayleigh–Ritz: the components anew, within the space of those that there are, from the inner products
    /// Q of their directions, which would be 1 and 0 if the components were exact. Also gives the matrix
    /// whose column k says how the new direction k is mixed from the old ones.
    pub(super) fn refine(
        &self,
        components: &[ScoredComponent],
        products: &DMatrix<f64>,
    ) -> (Vec<ScoredComponent>, DMatrix<f64>) {
        let rank = products.nrows();
        let norm = |k: usize| (components[k].variance * self.degrees_of_freedom()).sqrt();
        let norms = DVector::from_fn(rank, |k, _| norm(k));
        let within = DMatrix::from_fn(rank, rank, |i, j| norms[i] * products[(i, j)] * norms[j]);
        let Eigen { values, vectors } = Eigen::of(within);
        let unit = |k: usize| DVector::from_row_slice(&components[k].scores) / norms[k];
        let units = DMatrix::from_columns(&(0..rank).map(unit).collect::<Vec<_>>());
        let mut mixing = DMatrix::from_fn(rank, rank, |i, k| norms[i] * vectors[(i, k)]);
        let mut refined = Vec::new();
        for (k, eigenvalue) in values.into_iter().enumerate() {
            let eigenvector = &units * vectors.column(k);
            mixing.column_mut(k).scale_mut(sign(eigenvector.as_slice()) / eigenvalue.sqrt());
            refined.push(self.component(eigenvalue, &eigenvector));
        }
        (refined, mixing)
    }
}

/// Rounding to `f32` moves a parameter by up to 2⁻²⁴ of its size: this, summed over the snapshots, squared.
fn rounding(squared_norms: f64) -> f64 {
    squared_norms * 2.0_f64.powi(-48)
}

/// An eigenvector has two signs: +1 if this one runs from first to last, else −1. A run that ends where it
/// began is judged by its largest entry.
fn sign(scores: &[f64]) -> f64 {
    let largest =
        scores.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    let advance = scores[scores.len() - 1] - scores[0];
    let decisive = if advance.abs() > 1e-9 * largest.abs() { advance } else { largest };
    1.0_f64.copysign(decisive)
}
