//! The spectrum of the snapshots: which eigenvalues are more than rounding, and the scores that they give.

use nalgebra::{DMatrix, DVector};

use super::found::ScoredComponent;
use super::leading::{Eigen, TAKEN_WHOLE};
use super::moments::Moments;
use super::weighing::Weighing;

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
    weighing: Weighing,
}

impl Spectrum {
    /// At least the first `components`.
    pub(super) fn new(moments: &Moments, components: usize) -> Self {
        Self::weighted(moments, components, Weighing::single(moments.gram.nrows()))
    }

    /// Of snapshots that do not all count the same, their inner products about the weighted mean.
    pub(super) fn weighted(moments: &Moments, components: usize, weighing: Weighing) -> Self {
        let products = weighing.weigh(moments.gram.clone());
        let total = products.trace();
        let squared_norms = weighing.greatest() * moments.squared_norms;
        let eigen = Eigen::leading(products, components);
        Self { weighing, ..Self::of(eigen, total, squared_norms) }
    }

    /// From eigenvalues, their sum over all there are, and Σ‖θₜ‖².
    pub(super) fn of(eigen: Eigen, total: f64, squared_norms: f64) -> Self {
        let largest = eigen.values.first().copied().unwrap_or(0.0);
        let weighing = Weighing::single(eigen.vectors.nrows());
        Self { rounding: rounding(squared_norms).max(1e-12 * largest), eigen, total, weighing }
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
        let least = SINGLE_RESOLVES * self.weighing.greatest() * moments.squared_differences;
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
        let entries = eigenvector.iter().zip(&self.weighing.weights);
        let mut scores: Vec<f64> =
            entries.map(|(entry, weight)| eigenvalue.sqrt() * entry / weight.sqrt()).collect();
        let sign = self.sign(&scores);
        scores.iter_mut().for_each(|score| *score *= sign);
        ScoredComponent {
            scores,
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

    /// The w with Xᵀw of unit length for every component that is not degenerate: u/√λ, times the roots of the weights.
    ///
    /// They sum to 0 but for rounding, which the direction of a small component would show magnified.
    pub(super) fn weights(&self, components: &[ScoredComponent]) -> Vec<Vec<f64>> {
        let weights = |component: &ScoredComponent| {
            let eigenvalue = component.variance * self.degrees_of_freedom();
            let scores = || component.scores.iter().zip(&self.weighing.weights);
            let sum: f64 = scores().map(|(score, weight)| weight * score).sum();
            let mean = sum / self.weighing.weights.iter().sum::<f64>();
            scores().map(|(score, weight)| weight * (score - mean) / eigenvalue).collect()
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
        let roots = DVector::from_row_slice(&self.weighing.weights).map(f64::sqrt);
        let unit = |k: usize| {
            DVector::from_row_slice(&components[k].scores).component_mul(&roots) / norms[k]
        };
        let units = DMatrix::from_columns(&(0..rank).map(unit).collect::<Vec<_>>());
        let mut mixing = DMatrix::from_fn(rank, rank, |i, k| norms[i] * vectors[(i, k)]);
        let mut refined = Vec::new();
        for (k, eigenvalue) in values.into_iter().enumerate() {
            let eigenvector = &units * vectors.column(k);
            let scores: Vec<f64> = eigenvector.component_div(&roots).iter().copied().collect();
            mixing.column_mut(k).scale_mut(self.sign(&scores) / eigenvalue.sqrt());
            refined.push(self.component(eigenvalue, &eigenvector));
        }
        (refined, mixing)
    }

    /// An eigenvector has two signs: +1 if this one runs from first to last, over all runs, else −1. Runs that end where
    /// they began are judged by the largest entry.
    fn sign(&self, scores: &[f64]) -> f64 {
        let largest =
            scores.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let advance: f64 =
            self.weighing.runs.iter().map(|run| scores[run.end - 1] - scores[run.start]).sum();
        let decisive = if advance.abs() > 1e-9 * largest.abs() { advance } else { largest };
        1.0_f64.copysign(decisive)
    }
}

/// Rounding to `f32` moves a parameter by up to 2⁻²⁴ of its size: this, summed over the snapshots, squared.
fn rounding(squared_norms: f64) -> f64 {
    squared_norms * 2.0_f64.powi(-48)
}
