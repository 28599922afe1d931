//! The null hypothesis of a trajectory: how much variance would principal components of a random walk explain?

use nalgebra::{DMatrix, SymmetricEigen};

use crate::error::Error;

/// Shares of the variance that the T − 1 principal components of a random walk of T snapshots explain, in
/// descending order, if all steps are equally long and there are many more parameters than snapshots.
///
/// The eigenvalues are `1 / (4 sin²(πk / 2T))`, k = 1 … T − 1 (Antognini & Sohl-Dickstein 2018, "PCA of high
/// dimensional random walks with comparison to neural network training", NeurIPS); the scores are cosines. Empty
/// with fewer than two snapshots.
///
/// # Examples
///
/// ```
/// let null = burnscape_landscape::random_walk::explained(3);
/// assert!((null[0] - 0.75).abs() < 1e-12 && (null[1] - 0.25).abs() < 1e-12);
/// ```
#[must_use]
pub fn explained(snapshots: usize) -> Vec<f64> {
    let angle = |k| std::f64::consts::PI * k as f64 / (2 * snapshots) as f64;
    shares((1..snapshots).map(|k| 0.25 / angle(k).sin().powi(2)).collect())
}

/// The share of component `k` = 1, 2, … as the number of snapshots grows without bound: `6 / (πk)²`.
///
/// # Panics
///
/// If `k` is 0: components are counted from 1.
#[must_use]
pub fn explained_in_the_limit(k: usize) -> f64 {
    assert!(k > 0, "principal components are counted from 1");
    6.0 / (std::f64::consts::PI * k as f64).powi(2)
}

/// As [`explained`], for a random walk whose steps have the given lengths, such as those of the trajectory
/// itself: T − 1 lengths, T − 1 shares.
///
/// In high dimension the steps are orthogonal, so the inner product of snapshots i and j is the sum of the
/// squares of the steps before both, `Σ_{m < min(i, j)} s_m²`; the shares are those of the eigenvalues of
/// this matrix, centred. If all lengths are 0, so are all shares.
///
/// # Errors
///
/// [`Error::StepLength`] if a length is negative or not finite.
pub fn explained_with_steps(step_lengths: &[f64]) -> Result<Vec<f64>, Error> {
    check(step_lengths)?;
    let longest = step_lengths.iter().copied().fold(0.0, f64::max);
    if longest == 0.0 {
        return Ok(vec![0.0; step_lengths.len()]);
    }
    // Relative lengths: their squares neither overflow nor vanish.
    let relative: Vec<f64> = step_lengths.iter().map(|length| length / longest).collect();
    let mut eigenvalues = eigenvalues(centred(expected_gram(&relative)));
    eigenvalues.truncate(step_lengths.len());
    Ok(shares(eigenvalues))
}

fn check(step_lengths: &[f64]) -> Result<(), Error> {
    let wrong = step_lengths.iter().position(|length| !(length.is_finite() && *length >= 0.0));
    wrong.map_or(Ok(()), |step| Err(Error::StepLength { step, length: step_lengths[step] }))
}

fn expected_gram(step_lengths: &[f64]) -> DMatrix<f64> {
    let mut squared_distances = vec![0.0];
    for length in step_lengths {
        squared_distances.push(squared_distances[squared_distances.len() - 1] + length * length);
    }
    let count = squared_distances.len();
    DMatrix::from_fn(count, count, |i, j| squared_distances[i.min(j)])
}

/// Inner products of the same points about their mean.
fn centred(gram: DMatrix<f64>) -> DMatrix<f64> {
    let count = gram.nrows() as f64;
    let means: Vec<f64> = gram.row_iter().map(|row| row.sum() / count).collect();
    let mean = means.iter().sum::<f64>() / count;
    DMatrix::from_fn(gram.nrows(), gram.ncols(), |i, j| gram[(i, j)] - means[i] - means[j] + mean)
}

/// Descending; what rounding made negative is 0.
fn eigenvalues(gram: DMatrix<f64>) -> Vec<f64> {
    let all = SymmetricEigen::new(gram).eigenvalues;
    let mut eigenvalues: Vec<f64> = all.iter().map(|eigenvalue| eigenvalue.max(0.0)).collect();
    eigenvalues.sort_by(|a, b| b.total_cmp(a));
    eigenvalues
}

fn shares(eigenvalues: Vec<f64>) -> Vec<f64> {
    let total: f64 = eigenvalues.iter().sum();
    eigenvalues.into_iter().map(|eigenvalue| eigenvalue / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Antognini & Sohl-Dickstein's formula, evaluated and rounded by hand.
    const TABLE: [(usize, f64, f64); 6] = [
        (3, 0.750, 0.250),
        (5, 0.6545, 0.1809),
        (10, 0.6191, 0.1587),
        (20, 0.6107, 0.1536),
        (50, 0.6084, 0.1522),
        (100, 0.6080, 0.1520),
    ];

    #[test]
    fn equal_steps_explain_what_the_table_says() {
        for (snapshots, first, second) in TABLE {
            let shares = explained(snapshots);
            assert_eq!(shares.len(), snapshots - 1);
            assert!((shares[0] - first).abs() < 6e-5, "{snapshots}: {}", shares[0]);
            assert!((shares[1] - second).abs() < 6e-5, "{snapshots}: {}", shares[1]);
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!((explained_in_the_limit(1) - 0.6079).abs() < 5e-5);
        assert!((explained_in_the_limit(2) - 0.1520).abs() < 5e-5);
    }

    #[test]
    fn one_snapshot_has_no_components_and_two_have_one() {
        assert!(explained(0).is_empty() && explained(1).is_empty());
        assert_eq!(explained(2), [1.0]);
        assert_eq!(explained_with_steps(&[]).unwrap(), []);
        assert_eq!(explained_with_steps(&[3.0]).unwrap(), [1.0]);
    }

    #[test]
    fn the_matrix_route_with_equal_steps_is_the_closed_form() {
        for snapshots in [3, 11, 50] {
            let by_matrix = explained_with_steps(&vec![0.7; snapshots - 1]).unwrap();
            for (a, b) in by_matrix.iter().zip(explained(snapshots)) {
                assert!((a - b).abs() < 1e-12, "{snapshots}");
            }
        }
    }

    #[test]
    fn one_long_step_explains_nearly_everything_and_no_step_nothing() {
        let shares = explained_with_steps(&[1e-3, 1e-3, 1.0, 1e-3]).unwrap();
        assert!(shares[0] > 0.99999);
        assert_eq!(explained_with_steps(&[0.0; 3]).unwrap(), [0.0; 3]);
        // Two orthogonal unit steps: corners of a right triangle, 3 : 1 as for T = 3.
        let shares = explained_with_steps(&[1e-200, 1e-200]).unwrap();
        assert!((shares[0] - 0.75).abs() < 1e-12);
    }

    #[test]
    fn lengths_that_are_none_are_refused() {
        for length in [-1.0, f64::NAN, f64::INFINITY] {
            let error = explained_with_steps(&[1.0, length]).unwrap_err();
            assert!(matches!(error, Error::StepLength { step: 1, .. }));
        }
    }
}
