//! A Krylov space with its projected matrix: Lanczos' iteration with full re-orthogonalisation, and thick
//! restarts that keep the best of it (Wu and Simon 2000).

use nalgebra::{DMatrix, SymmetricEigen};

use super::product::{Counted, CurvatureError, HessianProduct};
use super::reach::Growth;
use super::vectors::{add, norm, normalise, orthogonalise, scale, unit};
use rand_chacha::ChaCha8Rng;

/// A remainder of this share of the product is rounding: the space holds all that the start leads to.
pub(super) const ROUNDING: f64 = 1e-12;

/// An orthonormal basis V, the symmetric matrix T = VᵀHV, and what H leads out of the space.
pub(super) struct Krylov {
    basis: Vec<Vec<f64>>,
    projected: DMatrix<f64>,
    /// Unit vector orthogonal to the basis, or empty after a breakdown.
    next: Vec<f64>,
    /// Its length before.
    beyond: f64,
    /// Greatest length that products have had, to tell rounding from more.
    magnitude: f64,
    growth: Growth,
}

/// Eigenpairs of the projected matrix, ascending.
pub(super) struct Ritz {
    pub values: Vec<f64>,
    /// ‖Hx − θx‖ of each.
    pub residuals: Vec<f64>,
    /// Columns, in the coordinates of the basis.
    pub vectors: DMatrix<f64>,
}

impl Ritz {
    /// The largest magnitude.
    pub fn size(&self) -> f64 {
        self.values.iter().fold(0.0, |size: f64, value| size.max(value.abs()))
    }
}

impl Krylov {
    /// A space that is empty and will begin with `start`, a unit vector of which a `share` was drawn at random.
    pub fn new(start: Vec<f64>, share: f64) -> Self {
        let (basis, projected) = (Vec::new(), DMatrix::zeros(0, 0));
        let growth = Growth::new(start.len(), share);
        Self { basis, projected, next: start, beyond: 0.0, magnitude: 0.0, growth }
    }

    pub fn dimension(&self) -> usize {
        self.basis.len()
    }

    /// Whether the space is invariant: another step needs another start.
    pub fn is_closed(&self) -> bool {
        self.next.is_empty()
    }

    /// Whether it holds everything.
    pub fn is_whole(&self) -> bool {
        self.basis.first().is_some_and(|unit| unit.len() == self.basis.len())
    }

    /// Takes the next vector in, with one product.
    ///
    /// # Errors
    ///
    /// As the product.
    pub fn step<P: HessianProduct>(
        &mut self,
        product: &mut Counted<'_, P>,
    ) -> Result<(), CurvatureError<P::Error>> {
        let mut image = product.of(&self.next)?;
        self.basis.push(std::mem::take(&mut self.next));
        self.magnitude = self.magnitude.max(norm(&image));
        let along = orthogonalise(&mut image, &self.basis);
        self.grow(&along);
        self.beyond = norm(&image);
        let rounding = ROUNDING * self.magnitude;
        self.growth.step(if self.is_whole() { 0.0 } else { self.beyond.max(rounding) });
        if self.is_whole() || self.beyond <= rounding {
            self.beyond = 0.0;
            return Ok(());
        }
        scale(&mut image, 1.0 / self.beyond);
        self.next = image;
        Ok(())
    }

    fn grow(&mut self, along: &[f64]) {
        let last = along.len() - 1;
        let grown = std::mem::replace(&mut self.projected, DMatrix::zeros(0, 0));
        self.projected = grown.resize(last + 1, last + 1, 0.0);
        for (row, &value) in along.iter().enumerate() {
            self.projected[(row, last)] = value;
            self.projected[(last, row)] = value;
        }
    }

    /// Goes on from a random vector that the space does not hold; `false` if it holds all.
    pub fn reopen(&mut self, rng: &mut ChaCha8Rng) -> bool {
        let len = self.basis[0].len();
        if self.is_whole() {
            return false;
        }
        // What is drawn lies outside the space with probability 1; the count only ends what has no end.
        for _ in 0..8 {
            let mut drawn = unit(rng, len);
            orthogonalise(&mut drawn, &self.basis);
            if normalise(&mut drawn) {
                orthogonalise(&mut drawn, &self.basis);
                normalise(&mut drawn);
                self.next = drawn;
                return true;
            }
        }
        false
    }

    pub fn ritz(&self) -> Ritz {
        let eigen = SymmetricEigen::new(self.projected.clone());
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[a].total_cmp(&eigen.eigenvalues[b]));
        let vectors = eigen.eigenvectors.select_columns(&order);
        let last = vectors.nrows() - 1;
        let residual = |k: usize| self.beyond * vectors[(last, k)].abs();
        Ritz {
            values: order.iter().map(|&k| eigen.eigenvalues[k]).collect(),
            residuals: (0..order.len()).map(residual).collect(),
            vectors,
        }
    }

    /// A vector of the space from its coordinates.
    pub fn vector(&self, ritz: &Ritz, k: usize) -> Vec<f64> {
        let mut vector = vec![0.0; self.basis[0].len()];
        for (unit, coordinate) in self.basis.iter().zip(ritz.vectors.column(k).iter()) {
            add(&mut vector, *coordinate, unit);
        }
        normalise(&mut vector);
        vector
    }

    /// By how much the eigenvalues may differ that the Ritz values at these places stand for: the outermost first,
    /// `towards` the end of the spectrum, 1 or −1.
    pub fn errors(
        &self,
        ritz: &Ritz,
        places: impl Iterator<Item = usize>,
        towards: f64,
    ) -> Vec<f64> {
        self.growth.errors(ritz, places, towards)
    }

    /// Keeps these eigenvectors alone, and what comes next: the space is smaller and as good for them.
    pub fn restart(&mut self, ritz: &Ritz, kept: &[usize]) {
        let dropped = (0..ritz.values.len()).filter(|place| !kept.contains(place));
        dropped.for_each(|place| self.growth.leave(ritz.values[place]));
        let basis = kept.iter().map(|&k| self.vector(ritz, k)).collect();
        let values: Vec<f64> = kept.iter().map(|&k| ritz.values[k]).collect();
        self.basis = basis;
        self.projected = DMatrix::from_diagonal(&values.into());
    }
}
