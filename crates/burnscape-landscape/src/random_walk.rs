//! The null hypothesis of a trajectory: how much variance would principal components of a random walk explain?

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
/// itself: T − 1 lengths, T − 1 shares. If all lengths are 0, so are all shares.
///
/// # Errors
///
/// [`Error::StepLength`] if a length is negative or not finite.
pub fn explained_with_steps(step_lengths: &[f64]) -> Result<Vec<f64>, Error> {
    leading_with_steps(step_lengths, step_lengths.len())
}

/// The first `count` shares of [`explained_with_steps`], or as many as there are, in a time of T for each.
///
/// In high dimension the steps are orthogonal, so the snapshots are Σ s_m e_m over the steps m before each. With the
/// lengths on the diagonal of S, the eigenvalues of their centred Gram matrix are those of S·(DDᵀ)⁻¹·S, where D takes
/// the differences of neighbours and DDᵀ has 2 on its diagonal and −1 beside it. As many of them lie above μ as
/// `DDᵀ − S²/μ` has negative ones (Sylvester's law of inertia), which its elimination counts.
///
/// # Errors
///
/// [`Error::StepLength`] if a length is negative or not finite.
pub fn leading_with_steps(step_lengths: &[f64], count: usize) -> Result<Vec<f64>, Error> {
    check(step_lengths)?;
    let count = count.min(step_lengths.len());
    let longest = step_lengths.iter().copied().fold(0.0, f64::max);
    if longest == 0.0 {
        return Ok(vec![0.0; count]);
    }
    // Relative lengths: their squares neither overflow nor vanish.
    let squares: Vec<f64> = step_lengths.iter().map(|it| (it / longest).powi(2)).collect();
    let total = total(&squares);
    Ok((0..count).map(|rank| eigenvalue(&squares, rank, total) / total).collect())
}

fn check(step_lengths: &[f64]) -> Result<(), Error> {
    let wrong = step_lengths.iter().position(|length| !(length.is_finite() && *length >= 0.0));
    wrong.map_or(Ok(()), |step| Err(Error::StepLength { step, length: step_lengths[step] }))
}

/// The trace: step m of T − 1 moves T − m of T snapshots, so the squares of all about their mean by m(T − m)/T.
fn total(squares: &[f64]) -> f64 {
    let snapshots = (squares.len() + 1) as f64;
    let moved = |m: f64| m * (snapshots - m) / snapshots;
    squares.iter().zip(1..).map(|(square, m)| square * moved(f64::from(m))).sum()
}

/// The eigenvalue with `rank` greater ones, to the last bit that `greatest` has; 0 where not even that is above 0.
fn eigenvalue(squares: &[f64], rank: usize, greatest: f64) -> f64 {
    let (mut low, mut high) = (0.0, greatest);
    for _ in 0..f64::MANTISSA_DIGITS {
        let middle = 0.5 * (low + high);
        if count_above(squares, middle) > rank { low = middle } else { high = middle }
    }
    if low > 0.0 { high } else { 0.0 }
}

/// Eigenvalues above `bound`: negative pivots of DDᵀ − S²/bound.
fn count_above(squares: &[f64], bound: f64) -> usize {
    let mut above = 0;
    let mut inverse = 0.0;
    for square in squares {
        let pivot = 2.0 - square / bound - inverse;
        // A pivot of exactly 0 is moved by as much as rounding might have.
        let pivot = if pivot == 0.0 { f64::EPSILON } else { pivot };
        above += usize::from(pivot < 0.0);
        inverse = pivot.recip();
    }
    above
}

fn shares(eigenvalues: Vec<f64>) -> Vec<f64> {
    let total: f64 = eigenvalues.iter().sum();
    eigenvalues.into_iter().map(|eigenvalue| eigenvalue / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{DMatrix, SymmetricEigen};
    use proptest::prelude::*;

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

    /// Shares from the centred Gram matrix itself: inner products of snapshots i and j are the sum of the squares of the
    /// steps before both.
    fn by_matrix(step_lengths: &[f64]) -> Vec<f64> {
        let mut squared_distances = vec![0.0];
        for length in step_lengths {
            squared_distances.push(squared_distances.last().unwrap() + length * length);
        }
        let count = squared_distances.len();
        let gram = DMatrix::from_fn(count, count, |i, j| squared_distances[i.min(j)]);
        let centring =
            DMatrix::from_fn(count, count, |i, j| f64::from(u8::from(i == j)) - 1.0 / count as f64);
        let mut eigenvalues: Vec<f64> =
            SymmetricEigen::new(&centring * gram * &centring).eigenvalues.as_slice().to_vec();
        eigenvalues.sort_by(|a, b| b.total_cmp(a));
        eigenvalues.truncate(step_lengths.len());
        shares(eigenvalues)
    }

    fn step_length() -> impl Strategy<Value = f64> {
        prop_oneof![1 => Just(0.0), 2 => Just(0.7), 5 => 0.0..1.0, 3 => (-6.0..0.0_f64).prop_map(|it| 10_f64.powf(it))]
    }

    proptest! {
        #[test]
        fn counting_finds_what_the_matrix_has(
            lengths in prop::collection::vec(step_length(), 1..40),
            scale in prop_oneof![Just(1.0), Just(1e150), Just(1e-150)],
        ) {
            prop_assume!(lengths.iter().any(|length| *length > 0.0));
            let expected = by_matrix(&lengths);
            let scaled: Vec<f64> = lengths.iter().map(|length| scale * length).collect();
            let found = explained_with_steps(&scaled).unwrap();
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-12, "{} is not {}", found, expected);
            }
            prop_assert_eq!(&leading_with_steps(&scaled, 2).unwrap(), &found[..2.min(found.len())]);
        }
    }

    #[test]
    fn a_long_walk_takes_the_time_of_its_length() {
        // As a matrix: 3.2 GB, and a day.
        let found = leading_with_steps(&vec![0.3; 19_999], 3).unwrap();
        for (found, k) in found.iter().zip(1..) {
            assert!((found - explained_in_the_limit(k)).abs() < 1e-4, "{k}: {found}");
        }
        assert_eq!(leading_with_steps(&[1.0, 2.0], 9).unwrap().len(), 2);
    }

    #[test]
    fn lengths_that_are_none_are_refused() {
        for length in [-1.0, f64::NAN, f64::INFINITY] {
            let error = explained_with_steps(&[1.0, length]).unwrap_err();
            assert!(matches!(error, Error::StepLength { step: 1, .. }));
        }
    }
}
