//! Eigenvalues of a symmetric matrix without negative ones, from the largest on: all of a small matrix, of a large one
//! only those asked for.

use nalgebra::{DMatrix, SymmetricEigen};
use rand_distr::{Distribution, StandardNormal};

use crate::curvature::vectors::stream;

/// Rows up to which a matrix is taken apart as a whole, in a tenth of a second.
pub(super) const TAKEN_WHOLE: usize = 600;
/// Vectors that are iterated at a time beside those asked for: what decides is the gap to a later eigenvalue.
const SPARE: usize = 2;
/// Blocks of vectors that a space has room for.
const ROOM: usize = 16;
/// Blocks after which taking the matrix apart as a whole takes no longer.
const MOST_BLOCKS: usize = 100;
/// What is rounding, as a share of the largest eigenvalue.
const ROUNDING: f64 = 1e-13;

/// Eigenvalues in descending order, and the eigenvectors as columns.
pub(super) struct Eigen {
    pub values: Vec<f64>,
    pub vectors: DMatrix<f64>,
}

impl Eigen {
    /// All of them.
    pub fn of(matrix: DMatrix<f64>) -> Self {
        let eigen = SymmetricEigen::new(matrix);
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        Self {
            values: order.iter().map(|&k| eigen.eigenvalues[k].max(0.0)).collect(),
            vectors: eigen.eigenvectors.select_columns(&order),
        }
    }

    /// All of a matrix with up to [`TAKEN_WHOLE`] rows, of a larger one at least the first `count`.
    pub fn leading(matrix: DMatrix<f64>, count: usize) -> Self {
        let together = count + SPARE;
        let found = match matrix.nrows() > TAKEN_WHOLE.max(ROOM * together) {
            true => Space::new(&matrix).search(count, together),
            false => None,
        };
        found.unwrap_or_else(|| Self::of(matrix))
    }

    fn truncated(&self, count: usize) -> Self {
        let vectors = self.vectors.columns(0, count).into_owned();
        Self { values: self.values[..count].to_vec(), vectors }
    }
}

/// What a block of random vectors leads to (block Lanczos with restarts; Golub and Van Loan, "Matrix Computations",
/// section 10.3): an eigenvalue is met as often as it is there, up to the number of vectors of the block.
struct Space<'a> {
    matrix: &'a DMatrix<f64>,
    /// Orthonormal columns.
    basis: DMatrix<f64>,
    /// Their products with the matrix.
    images: DMatrix<f64>,
}

impl<'a> Space<'a> {
    fn new(matrix: &'a DMatrix<f64>) -> Self {
        let empty = DMatrix::zeros(matrix.nrows(), 0);
        Self { matrix, basis: empty.clone(), images: empty }
    }

    /// `None` where they hardly stand out from those that follow.
    fn search(mut self, count: usize, together: usize) -> Option<Eigen> {
        let mut rng = stream(0, "principal components");
        let draw = |_, _| StandardNormal.sample(&mut rng);
        let mut next = DMatrix::from_fn(self.matrix.nrows(), together, draw).qr().q();
        for _ in 0..MOST_BLOCKS {
            self.take_in(&next);
            let within = Eigen::of(self.basis.tr_mul(&self.images));
            let rounding = ROUNDING * within.values[0];
            next = self.beyond(next.ncols(), rounding);
            if next.is_empty() || self.residual(&within, count) <= rounding {
                let Eigen { values, vectors } = within.truncated(count);
                return Some(Eigen { values, vectors: &self.basis * vectors });
            }
            if self.basis.ncols() >= ROOM * together {
                self.keep(&within.truncated(ROOM / 2 * together));
            }
        }
        None
    }

    fn take_in(&mut self, block: &DMatrix<f64>) {
        append(&mut self.basis, block);
        append(&mut self.images, &(self.matrix * block));
    }

    /// Where the matrix leads the last `count` vectors, outside the space: an orthonormal block, of fewer where some stay.
    fn beyond(&self, count: usize, rounding: f64) -> DMatrix<f64> {
        let mut rest = self.images.columns(self.images.ncols() - count, count).into_owned();
        // Twice, because the first time leaves rounding behind.
        for _ in 0..2 {
            rest -= &self.basis * self.basis.tr_mul(&rest);
        }
        let parts = rest.qr();
        let lengths = parts.r().diagonal();
        let leads_on = |column: &usize| lengths[*column].abs() > rounding;
        let columns: Vec<usize> = (0..count).filter(leads_on).collect();
        let mut block = parts.q().select_columns(&columns);
        if !columns.is_empty() {
            block -= &self.basis * self.basis.tr_mul(&block);
            block = block.qr().q();
        }
        block
    }

    /// The largest ‖Ax − λx‖ of the first `count`.
    fn residual(&self, within: &Eigen, count: usize) -> f64 {
        let residual = |k: usize| {
            let vector = within.vectors.column(k);
            (&self.images * vector - &self.basis * vector * within.values[k]).norm()
        };
        (0..count).map(residual).fold(0.0, f64::max)
    }

    fn keep(&mut self, best: &Eigen) {
        self.basis = &self.basis * &best.vectors;
        self.images = &self.images * &best.vectors;
    }
}

/// Adds columns at the end.
fn append(matrix: &mut DMatrix<f64>, columns: &DMatrix<f64>) {
    let before = matrix.ncols();
    let grown = std::mem::replace(matrix, DMatrix::zeros(0, 0));
    *matrix = grown.resize_horizontally(before + columns.ncols(), 0.0);
    matrix.columns_mut(before, columns.ncols()).copy_from(columns);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = TAKEN_WHOLE + 50;

    /// Q·diag(λ)·Qᵀ with a random orthogonal Q, and Q.
    fn known(values: Values, seed: u64) -> (DMatrix<f64>, DMatrix<f64>) {
        let mut rng = stream(seed, "a test");
        let axes = DMatrix::from_fn(LEN, LEN, |_, _| StandardNormal.sample(&mut rng)).qr().q();
        let scaled = DMatrix::from_fn(LEN, LEN, |i, j| axes[(i, j)] * values(j));
        (scaled * axes.transpose(), axes)
    }

    /// Eigenvalues by their place.
    type Values = fn(usize) -> f64;

    /// Ways in which eigenvalues fall.
    fn cases() -> [(&'static str, Values); 7] {
        [
            ("a random walk", |k| ((k + 1) as f64).powi(-2)),
            ("equal pairs", |k| 0.5_f64.powi((k / 2) as i32)),
            ("one alone", |k| if k == 0 { 3.0 } else { 0.0 }),
            ("a plateau", |k| if k < 10 { 1.0 } else { 0.1 }),
            ("hardly falling", |k| 1.0 - 1e-3 * k as f64),
            ("all equal", |_| 0.7),
            ("none", |_| 0.0),
        ]
    }

    #[test]
    fn the_first_few_are_those_that_the_matrix_was_made_of() {
        for (name, value) in cases() {
            let (matrix, axes) = known(value, 1);
            let found = Eigen::leading(matrix.clone(), 3);
            for k in 0..3 {
                let (found_value, vector) = (found.values[k], found.vectors.column(k));
                let error = (found_value - value(k)).abs();
                assert!(error <= 1e-12 * value(0), "{name}, {k}: {found_value}");
                let residual = (&matrix * vector - vector * value(k)).norm();
                assert!(residual <= 1e-11 * value(0), "{name}, {k}: {residual:e}");
                let is_alone = (0..LEN).all(|j| j == k || (value(j) - value(k)).abs() > 1e-3);
                let along = axes.column(k).dot(&vector).abs();
                assert!(!is_alone || (along - 1.0).abs() < 1e-12, "{name}, {k}: {along}");
            }
            let turned = found.vectors.tr_mul(&found.vectors);
            let of_few = turned.view((0, 0), (3, 3));
            assert!((of_few - DMatrix::identity(3, 3)).amax() < 1e-12, "{name}");
        }
    }

    #[test]
    fn what_stands_out_takes_no_whole_decomposition() {
        for (name, value) in cases().into_iter().take(3) {
            let (matrix, _) = known(value, 2);
            assert_eq!(Eigen::leading(matrix, 2).values.len(), 2, "{name}");
        }
    }
}
