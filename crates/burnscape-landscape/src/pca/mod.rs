//! Principal components of a training trajectory, without ever holding the matrix of all snapshots.

mod analysis;
mod blocks;
mod directions;
mod found;
mod joint;
mod leading;
mod live;
mod moments;
mod narrow;
mod options;
mod snapshots;
mod spectrum;
mod stored;
#[cfg(test)]
mod tests;
mod weighing;

use analysis::analyse;
use moments::Precision;
use narrow::Narrow;
use weighing::Weighing;

pub use found::{Component, Pca, PcaError, ScoredComponent, Scores};
pub use joint::{JointPca, RunInPlane, Weigh, joint_pca};
pub use live::LivePca;
pub use options::PcaOptions;
pub use snapshots::{InMemory, Snapshots};
pub use stored::DirectionStore;

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
/// [`TooFewSnapshots`](crate::Error::TooFewSnapshots) with fewer than two,
/// [`NonFiniteSnapshot`](crate::Error::NonFiniteSnapshot) if one holds NaN or an infinity, [`PcaError::Read`] if one cannot be read.
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
