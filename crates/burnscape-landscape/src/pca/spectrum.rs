//! Eigenvalues of the Gram matrix: which of them are more than rounding, and the scores that they give.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::Component;
use super::tiles::Moments;

/// Eigenvalues and eigenvectors of the Gram matrix, in descending order, and what they are measured by.
pub(super) struct Spectrum {
    eigenvalues: Vec<f64>,
    /// Column `order[k]` belongs to eigenvalue k.
    eigenvectors: DMatrix<f64>,
    order: Vec<usize>,
    /// Sum of all squared distances from the mean.
    pub(super) total: f64,
    /// The greatest eigenvalue that may be rounding.
    rounding: f64,
}

impl Spectrum {
    pub(super) fn new(moments: &Moments) -> Self {
        let eigen = SymmetricEigen::new(moments.gram.clone());
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let eigenvalues: Vec<f64> = order.iter().map(|&k| eigen.eigenvalues[k].max(0.0)).collect();
        Self {
            total: moments.gram.trace(),
            rounding: rounding(moments).max(1e-12 * eigenvalues[0]),
            eigenvalues,
            eigenvectors: eigen.eigenvectors,
            order,
        }
    }

    pub(super) fn degrees_of_freedom(&self) -> f64 {
        (self.order.len() - 1) as f64
    }

    /// The last of T eigenvalues belongs to the mean and is 0.
    pub(super) fn variances(&self) -> Vec<f64> {
        let possible = &self.eigenvalues[..self.order.len() - 1];
        possible.iter().map(|eigenvalue| eigenvalue / self.degrees_of_freedom()).collect()
    }

    /// The components without their directions.
    pub(super) fn components(&self, count: usize, dims: usize) -> Vec<Component> {
        (0..count).map(|k| self.component(k, dims)).collect()
    }

    fn component(&self, k: usize, dims: usize) -> Component {
        let eigenvalue = self.significant(k);
        Component {
            direction: vec![0.0; dims],
            scores: self.scores(k),
            variance: eigenvalue / self.degrees_of_freedom(),
            explained: if self.total > 0.0 { eigenvalue / self.total } else { 0.0 },
            degenerate: eigenvalue == 0.0,
        }
    }

    /// Eigenvalue k, or 0 if it may be rounding or is not there.
    fn significant(&self, k: usize) -> f64 {
        let eigenvalue = self.eigenvalues.get(k).copied().unwrap_or(0.0);
        if eigenvalue > self.rounding { eigenvalue } else { 0.0 }
    }

    fn scores(&self, k: usize) -> Vec<f64> {
        let eigenvalue = self.significant(k);
        if eigenvalue == 0.0 {
            return vec![0.0; self.order.len()];
        }
        let eigenvector = self.eigenvectors.column(self.order[k]);
        let scale = sign(eigenvector.as_slice()) * eigenvalue.sqrt();
        eigenvector.iter().map(|entry| scale * entry).collect()
    }

    /// The w with Xᵀw of unit length: u/√λ.
    ///
    /// They sum to 0 but for rounding, which the direction of a small component would show magnified.
    pub(super) fn weights(&self, k: usize) -> DVector<f64> {
        let weights = DVector::from_vec(self.scores(k)) / self.significant(k);
        let mean = weights.mean();
        weights.add_scalar(-mean)
    }
}

/// Rounding to `f32` moves a parameter by up to 2⁻²⁴ of its size: this, summed over the snapshots, squared.
fn rounding(moments: &Moments) -> f64 {
    let count = moments.gram.nrows() as f64;
    let squared_norms = count * moments.mean_squared + moments.gram.trace();
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
