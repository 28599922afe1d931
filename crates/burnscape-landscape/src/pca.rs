//! Principal components of a training trajectory, without ever holding the matrix of all snapshots.

mod blocks;
mod directions;
mod joint;
mod leading;
mod live;
mod moments;
mod narrow;
mod spectrum;
mod stored;
#[cfg(test)]
mod tests;
mod weighing;

use std::convert::Infallible;

use nalgebra::DMatrix;

use crate::error::{Error, check_length};
use directions::directions;
use moments::{Moments, Precision};
use narrow::Narrow;
use spectrum::Spectrum;
use stored::Held;
use weighing::Weighing;

pub use joint::{JointPca, RunInPlane, Weigh, joint_pca};
pub use live::LivePca;
pub use stored::DirectionStore;

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
    /// Pieces are asked for in ascending order of `start`, and for each of them all snapshots in turn, once
    /// over the whole length in each read that [`pca`], [`scores`] and [`LivePca::push`] speak of. All calls
    /// come from the thread that called these.
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
    /// Memory for the pieces of all snapshots that are held at a time, in bytes. A piece has 4096
    /// parameters, 16 KiB of each snapshot; there is always at least one. No result depends on it.
    pub block_bytes: usize,
    /// Seed of the random directions that stand in for degenerate components.
    pub seed: u64,
    /// Threads that compute while the calling one reads; with one, it does both in turn. `None` is as many
    /// as the machine offers. No result depends on it.
    pub threads: Option<usize>,
}

impl Default for PcaOptions {
    /// Two components; at most 64 MiB of pieces, which are two for each of two threads with 800 snapshots.
    fn default() -> Self {
        Self { components: 2, block_bytes: 64 << 20, seed: 0, threads: None }
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
    /// Variances along all T − 1 possible components, descending, together the total variance; of more than 600
    /// snapshots only those asked for.
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

/// What one read of T snapshots tells of their principal components: all but the directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The components asked for, in descending order of variance.
    pub components: Vec<ScoredComponent>,
    /// Variances along all T − 1 possible components, descending, together the total variance; of more than 600
    /// snapshots only those asked for.
    pub variances: Vec<f64>,
    /// Mean squared distance from the mean, with the divisor T − 1.
    pub total_variance: f64,
    /// Distance between neighbouring snapshots: T − 1 entries. 0 says that a snapshot is there twice.
    pub step_lengths: Vec<f64>,
}

/// One principal component without its direction; the fields are those of [`Component`].
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredComponent {
    /// Coordinate of every snapshot along it, from the mean of the snapshots: a distance.
    pub scores: Vec<f64>,
    /// Variance of the scores, Σ score² / (T − 1).
    pub variance: f64,
    /// Share of the total variance, in [0, 1]; 0 if there is none.
    pub explained: f64,
    /// Whether the snapshots do not vary along it by more than rounding to `f32` makes them vary.
    pub degenerate: bool,
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
/// variance are λ/Σλ. X is read twice, once for XXᵀ and once for the directions, in pieces of parameters
/// of all T snapshots; the memory is `block_bytes`, T² for each thread and the directions. Of more than 600
/// snapshots only the leading eigenvectors are computed.
///
/// Where there are more than 64 snapshots, and more than parameters, they are read once and held in memory: the smaller
/// matrix XᵀX (P × P) has the same eigenvalues, and from its eigenvectors v come u = Xv/√λ.
///
/// All parameters take part, biases too, unscaled. A parameter that never changes, such as a frozen one, is
/// exactly 0 in every component. Signs are such that the last snapshot scores higher than the first, or, if
/// they score alike, that the largest score is positive.
///
/// A component is [degenerate](Component::degenerate) if λ ≤ 2⁻⁴⁸ Σₜ‖θₜ‖², the root mean square of what
/// rounding to `f32` does to the snapshots, or λ ≤ 10⁻¹² λ₁. So are second components of straight lines and
/// of two snapshots, and all components of snapshots that are equal. No result is ever NaN.
///
/// # Precision
///
/// Up to T²P = 2³⁰ all products and sums are in `f64`. Beyond, the products of differences between snapshots
/// are in `f32` and summed in `f32` over 512 parameters, in `f64` across these; that moves XXᵀ by about 10⁻⁸
/// of its trace. The second read then restores the components: with the approximate eigenvectors U, it
/// computes UᵀXXᵀU in `f64`, whose eigenvalues are in error by the square of the error of U only (Parlett
/// 1998, "The Symmetric Eigenvalue Problem", chapter 11, "Rayleigh–Ritz"). If one of the components has less
/// than 2⁻¹² of the trace, or if squares leave the range of `f32`, everything is in `f64`, at the cost of
/// one more read.
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
    if Narrow::suits(snapshots) {
        return Narrow::read(snapshots)?.pca(options);
    }
    let route = Precision::suited(snapshots.count(), snapshots.dims());
    let weighing = Weighing::single(snapshots.count());
    analyse(snapshots, options, route, &weighing)?.with_directions(snapshots, options)
}

/// As [`pca`], with directions that are put into a store instead of being held: to the bit the same.
///
/// # Errors
///
/// As [`pca`].
pub fn pca_into<S: Snapshots, D: DirectionStore>(
    snapshots: &mut S,
    options: &PcaOptions,
    store: &mut D,
) -> Result<Scores, PcaError<S::Error>> {
    if Narrow::suits(snapshots) {
        let pca = Narrow::read(snapshots)?.pca(options)?;
        let directions = pca.components.iter().map(|it| it.direction.as_slice()).enumerate();
        directions.for_each(|(k, direction)| store.write(k, 0, direction));
        return Ok(pca.into());
    }
    let route = Precision::suited(snapshots.count(), snapshots.dims());
    let weighing = Weighing::single(snapshots.count());
    analyse(snapshots, options, route, &weighing)?.with_directions_in(snapshots, options, store)
}

/// Scores, variances and step lengths as [`pca`] has them, from one read instead of two.
///
/// Where `pca` sums in `f32` first (see its section on precision), they are not restored by a second read:
/// variances are within about 10⁻⁸ of the trace of XXᵀ about one of the snapshots, which is mostly a few times
/// the total variance; scores within that, divided by the gap to the next variance.
///
/// # Errors
///
/// As [`pca`].
///
/// # Examples
///
/// ```
/// use burnscape_landscape::pca::{InMemory, PcaOptions, scores};
///
/// let snapshots = [[0.0_f32, 0.0, 7.0], [3.0, 4.0, 7.0], [6.0, 8.0, 7.0]];
/// let mut source = InMemory::new(snapshots.iter().map(|row| &row[..]))?;
/// let scores = scores(&mut source, &PcaOptions::default())?;
/// assert!((scores.components[0].scores[2] - 5.0).abs() < 1e-12);
/// assert_eq!(scores.step_lengths, [5.0, 5.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scores<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
) -> Result<Scores, PcaError<S::Error>> {
    if Narrow::suits(snapshots) {
        return Ok(Narrow::read(snapshots)?.scores(options));
    }
    let route = Precision::suited(snapshots.count(), snapshots.dims());
    let weighing = Weighing::single(snapshots.count());
    Ok(analyse(snapshots, options, route, &weighing)?.scores(options.components))
}

/// What the first read gives.
struct Analysis {
    spectrum: Spectrum,
    /// Inner products of the snapshots about their weighted mean.
    gram: DMatrix<f64>,
    step_lengths: Vec<f64>,
    precision: Precision,
}

/// The first read, and another one in `f64` if the precision asked for does not do.
fn analyse<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
    precision: Precision,
    weighing: &Weighing,
) -> Result<Analysis, PcaError<S::Error>> {
    let mut moments = Moments::read(snapshots, options, precision)?;
    if precision == Precision::Single && !moments.are_in_range(snapshots.dims()) {
        return analyse(snapshots, options, Precision::Double, weighing);
    }
    weighing.centre(&mut moments.gram);
    let spectrum = Spectrum::weighted(&moments, options.components, weighing.clone());
    if precision == Precision::Single && !spectrum.resolves(options.components, &moments) {
        return analyse(snapshots, options, Precision::Double, weighing);
    }
    let Moments { gram, step_lengths, .. } = moments;
    Ok(Analysis { spectrum, gram, step_lengths, precision })
}

impl Analysis {
    fn scores(self, components: usize) -> Scores {
        Scores {
            components: self.spectrum.components(components),
            variances: self.spectrum.variances(components),
            total_variance: self.spectrum.total_variance(),
            step_lengths: self.step_lengths,
        }
    }

    /// The second read.
    fn with_directions<S: Snapshots>(
        self,
        snapshots: &mut S,
        options: &PcaOptions,
    ) -> Result<Pca, PcaError<S::Error>> {
        let mut held = Held::new(options.components, snapshots.dims());
        let scores = self.with_directions_in(snapshots, options, &mut held)?;
        let components = scores.components.into_iter().zip(held.0).map(Component::of).collect();
        let Scores { variances, total_variance, step_lengths, .. } = scores;
        Ok(Pca { components, variances, total_variance, step_lengths })
    }

    /// The second read, directions put into a store.
    fn with_directions_in<S: Snapshots, D: DirectionStore>(
        self,
        snapshots: &mut S,
        options: &PcaOptions,
        store: &mut D,
    ) -> Result<Scores, PcaError<S::Error>> {
        let components = directions(snapshots, options, &self, store)?;
        let mut variances = self.spectrum.variances(options.components);
        for (variance, component) in variances.iter_mut().zip(&components) {
            if !component.degenerate {
                *variance = component.variance;
            }
        }
        Ok(Scores {
            components,
            variances,
            total_variance: self.spectrum.total_variance(),
            step_lengths: self.step_lengths,
        })
    }
}

impl Component {
    fn of((scored, direction): (ScoredComponent, Vec<f32>)) -> Self {
        let ScoredComponent { scores, variance, explained, degenerate } = scored;
        Self { direction, scores, variance, explained, degenerate }
    }
}

impl From<Component> for ScoredComponent {
    fn from(component: Component) -> Self {
        let Component { scores, variance, explained, degenerate, .. } = component;
        Self { scores, variance, explained, degenerate }
    }
}

impl From<Pca> for Scores {
    fn from(pca: Pca) -> Self {
        let Pca { components, variances, total_variance, step_lengths } = pca;
        let components = components.into_iter().map(Into::into).collect();
        Self { components, variances, total_variance, step_lengths }
    }
}
