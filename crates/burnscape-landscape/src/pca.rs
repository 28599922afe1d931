//! Principal components of a training trajectory, without ever holding the matrix of all snapshots.

mod directions;
mod spectrum;
mod tiles;

use std::convert::Infallible;

use nalgebra::DMatrix;

use crate::error::{Error, check_length};
use directions::{make_orthonormal, write_directions};
use spectrum::Spectrum;
use tiles::moments;

/// T snapshots of P parameters, readable piece by piece: from files, or from memory.
pub trait Snapshots {
    /// Why a piece cannot be read.
    type Error;

    /// Number of snapshots, T.
    fn count(&self) -> usize;

    /// Number of parameters in each, P.
    fn dims(&self) -> usize;

    /// Fills `out` with the parameters `start..start + out.len()` of one snapshot.
    ///
    /// Pieces are asked for in ascending order of `start`, and for each of them all snapshots in turn, twice
    /// over the whole length.
    ///
    /// # Errors
    ///
    /// If the piece cannot be read.
    fn read(&mut self, snapshot: usize, start: usize, out: &mut [f32]) -> Result<(), Self::Error>;
}

/// Snapshots that are in memory already.
#[derive(Debug, Clone)]
pub struct InMemory<'a> {
    snapshots: Vec<&'a [f32]>,
}

impl<'a> InMemory<'a> {
    /// Snapshots in the order of training.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if they are not equally long.
    pub fn new(snapshots: impl IntoIterator<Item = &'a [f32]>) -> Result<Self, Error> {
        let snapshots: Vec<&[f32]> = snapshots.into_iter().collect();
        let dims = snapshots.first().map_or(0, |first| first.len());
        for snapshot in &snapshots {
            check_length("a snapshot", dims, snapshot.len())?;
        }
        Ok(Self { snapshots })
    }
}

impl Snapshots for InMemory<'_> {
    type Error = Infallible;

    fn count(&self) -> usize {
        self.snapshots.len()
    }

    fn dims(&self) -> usize {
        self.snapshots.first().map_or(0, |first| first.len())
    }

    fn read(&mut self, snapshot: usize, start: usize, out: &mut [f32]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.snapshots[snapshot][start..start + out.len()]);
        Ok(())
    }
}

/// How a principal component analysis is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcaOptions {
    /// Number of components, as a rule 2.
    pub components: usize,
    /// Memory for the piece of all snapshots that is held at a time.
    pub block_bytes: usize,
    /// Seed of the random directions that stand in for degenerate components.
    pub seed: u64,
}

impl Default for PcaOptions {
    /// Two components; 32 MiB, which makes pieces of 40 KiB a snapshot with 800 snapshots, long enough for
    /// a disk.
    fn default() -> Self {
        Self { components: 2, block_bytes: 32 << 20, seed: 0 }
    }
}

/// One principal component.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Unit vector with P entries; exactly 0 where no snapshot differs from another.
    pub direction: Vec<f32>,
    /// Coordinate of every snapshot along it, from the mean of the snapshots: a distance.
    pub scores: Vec<f64>,
    /// Variance of the scores, Σ score² / (T − 1).
    pub variance: f64,
    /// Share of the total variance, in [0, 1]; 0 if there is none.
    pub explained: f64,
    /// Whether the snapshots do not vary along it by more than rounding to `f32` makes them vary. Then the
    /// direction is a random one, at a right angle to the components before it, so that a plane can be
    /// drawn; `scores`, `variance` and `explained` are 0.
    pub degenerate: bool,
}

/// Principal components of T snapshots about their mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// The components asked for, in descending order of variance.
    pub components: Vec<Component>,
    /// Variances along all T − 1 possible components, descending; together the total variance.
    pub variances: Vec<f64>,
    /// Mean squared distance from the mean, with the divisor T − 1.
    pub total_variance: f64,
    /// Distance between neighbouring snapshots: T − 1 entries. 0 says that a snapshot is there twice.
    pub step_lengths: Vec<f64>,
}

impl Pca {
    /// Number of snapshots, T.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.step_lengths.len() + 1
    }

    /// Share of the total variance of each component.
    #[must_use]
    pub fn explained(&self) -> Vec<f64> {
        self.components.iter().map(|component| component.explained).collect()
    }
}

/// Why there are no principal components.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PcaError<E> {
    /// The snapshots have none.
    #[error(transparent)]
    Request(#[from] Error),
    /// A snapshot could not be read.
    #[error("snapshot {snapshot} could not be read")]
    Read {
        /// Index of the snapshot.
        snapshot: usize,
        /// What the source of snapshots said.
        source: E,
    },
}

/// Principal components of the snapshots about their mean, by their T × T Gram matrix.
///
/// With the centred snapshots as the rows of X (T × P), the eigenvectors u of XXᵀ with eigenvalues λ give
/// the principal directions Xᵀu/√λ and the scores √λ·u (Turk & Pentland 1991, "Eigenfaces for
/// Recognition", section "Calculating Eigenfaces"); shares of
/// variance are λ/Σλ. X is streamed twice, once for XXᵀ and once for the directions, in blocks of parameters
/// with all T snapshots; the memory is `block_bytes`, T² and the directions. Products are summed in `f64`.
///
/// All parameters take part, biases too, unscaled. A parameter that never changes, such as a frozen one, is
/// exactly 0 in every component. Signs are such that the last snapshot scores higher than the first, or, if
/// they score alike, that the largest score is positive.
///
/// A component is [degenerate](Component::degenerate) if λ ≤ 2⁻⁴⁸ Σₜ‖θₜ‖², the root mean square of what
/// rounding to `f32` does to the snapshots, or λ ≤ 10⁻¹² λ₁. So are second components of straight lines and
/// of two snapshots, and all components of snapshots that are equal. No result is ever NaN.
///
/// # Errors
///
/// [`Error::TooFewSnapshots`] with fewer than two, [`Error::NonFiniteSnapshot`] if one holds NaN or an
/// infinity, [`PcaError::Read`] if one cannot be read.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::pca::{InMemory, PcaOptions, pca};
///
/// let snapshots = [[0.0_f32, 0.0, 7.0], [3.0, 4.0, 7.0], [6.0, 8.0, 7.0]];
/// let mut source = InMemory::new(snapshots.iter().map(|row| &row[..]))?;
/// let pca = pca(&mut source, &PcaOptions::default())?;
/// assert_eq!(pca.components[0].direction, [0.6, 0.8, 0.0]);
/// assert_eq!(pca.step_lengths, [5.0, 5.0]);
/// assert!(pca.components[1].degenerate);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pca<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
) -> Result<Pca, PcaError<S::Error>> {
    let moments = moments(snapshots, options)?;
    let spectrum = Spectrum::new(&moments);
    let mut components = spectrum.components(options.components, snapshots.dims());
    write_directions(snapshots, options, &spectrum, &mut components)?;
    make_orthonormal(&mut components);
    Ok(Pca {
        components,
        variances: spectrum.variances(),
        total_variance: spectrum.total / spectrum.degrees_of_freedom(),
        step_lengths: step_lengths(&moments.gram),
    })
}

/// `‖θ_{t+1} − θ_t‖` from the inner products.
fn step_lengths(gram: &DMatrix<f64>) -> Vec<f64> {
    let squared = |t: usize| gram[(t, t)] + gram[(t + 1, t + 1)] - 2.0 * gram[(t + 1, t)];
    (0..gram.nrows() - 1).map(|t| squared(t).max(0.0).sqrt()).collect()
}
