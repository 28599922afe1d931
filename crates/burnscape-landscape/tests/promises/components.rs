//! Principal components of random trajectories, by several routes that must agree.

use std::convert::Infallible;

use burnscape_landscape::direction::{dot, norm};
use burnscape_landscape::pca::{
    InMemory, LivePca, Pca, PcaError, PcaOptions, Scores, Snapshots, pca, scores,
};
use burnscape_landscape::{Error, random_walk};
use nalgebra::{DMatrix, RowDVector};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

pub(crate) fn gaussian(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Every snapshot moves on by a gaussian step, each shorter than the one before by `decay`.
pub(crate) fn walk(seed: u64, count: usize, dims: usize, decay: f32) -> Vec<Vec<f32>> {
    let mut snapshots = vec![gaussian(seed, dims)];
    let mut length = 0.1;
    for t in 1..count {
        let step = gaussian(seed + (t as u64) * 1_000_003, dims);
        let moved = snapshots[t - 1].iter().zip(step).map(|(at, step)| at + length * step);
        snapshots.push(moved.collect());
        length *= decay;
    }
    snapshots
}

pub(crate) fn source(snapshots: &[Vec<f32>]) -> InMemory<'_> {
    InMemory::new(snapshots.iter().map(Vec::as_slice)).unwrap()
}

fn options(components: usize) -> PcaOptions {
    PcaOptions { components, ..PcaOptions::default() }
}

fn live_scores(snapshots: &[Vec<f32>], components: usize) -> Scores {
    let mut live = LivePca::new(snapshots[0].len());
    for (t, snapshot) in snapshots.iter().enumerate() {
        live.push(&mut source(&snapshots[..t]), snapshot).unwrap();
    }
    live.scores(components).unwrap()
}

fn centred(snapshots: &[Vec<f32>]) -> DMatrix<f64> {
    let (count, dims) = (snapshots.len(), snapshots[0].len());
    let matrix = DMatrix::from_fn(count, dims, |t, i| f64::from(snapshots[t][i]));
    let mean = matrix.row_mean();
    DMatrix::from_fn(count, dims, |t, i| matrix[(t, i)] - mean[i])
}

/// Singular values, squared, and right singular vectors by one-sided Jacobi rotations of the rows (Golub and
/// Van Loan, "Matrix Computations", section 8.6): brute force, and right to rounding. The SVD of nalgebra
/// 0.35 is off by 10⁻⁷ and turns the left vectors where a wide matrix lacks rank, as every centred one does.
pub(crate) fn singular(mut rows: DMatrix<f64>) -> Vec<(f64, RowDVector<f64>)> {
    let count = rows.nrows();
    for _ in 0..15 {
        for p in 0..count {
            for q in p + 1..count {
                rotate(&mut rows, p, q);
            }
        }
    }
    let of_row = |row: usize| {
        let square = rows.row(row).norm_squared();
        (square, rows.row(row).into_owned() / square.sqrt())
    };
    let mut all: Vec<_> = (0..count).map(of_row).collect();
    all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    all
}

/// Turns two rows until they are at a right angle.
fn rotate(rows: &mut DMatrix<f64>, p: usize, q: usize) {
    let (a, b) = (rows.row(p).norm_squared(), rows.row(q).norm_squared());
    let product = rows.row(p).dot(&rows.row(q));
    if product.abs() <= 1e-17 * (a * b).sqrt() || a == 0.0 || b == 0.0 {
        return;
    }
    let (sin, cos) = (0.5 * (2.0 * product).atan2(a - b)).sin_cos();
    let (first, second) = (rows.row(p).into_owned(), rows.row(q).into_owned());
    rows.set_row(p, &(cos * &first + sin * &second));
    rows.set_row(q, &(cos * second - sin * first));
}

/// Coordinate of a row along a direction.
fn along(rows: &DMatrix<f64>, row: usize, direction: &[f32]) -> f64 {
    rows.row(row).iter().zip(direction).map(|(a, b)| a * f64::from(*b)).sum()
}

fn close(found: f64, expected: f64, tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    Ok(())
}

/// Scores of the routes are the same to `tolerance` of the longest, but for rounding in `f64` that a small gap
/// between variances magnifies.
fn same_scores(found: &Scores, expected: &Scores, tolerance: f64) -> Result<(), TestCaseError> {
    let total = expected.total_variance;
    close(found.total_variance, total, tolerance * total)?;
    for (a, b) in found.variances.iter().zip(&expected.variances) {
        close(*a, *b, tolerance * total)?;
    }
    for (a, b) in found.step_lengths.iter().zip(&expected.step_lengths) {
        close(*a, *b, tolerance * b)?;
    }
    for (k, (a, b)) in found.components.iter().zip(&expected.components).enumerate() {
        prop_assert_eq!(a.degenerate, b.degenerate);
        close(a.explained, b.explained, tolerance)?;
        if gap(&expected.variances, k) > 1e-3 * total {
            for (a, b) in a.scores.iter().zip(&b.scores) {
                close(*a, *b, tolerance * total.sqrt() * (found.variances.len() as f64))?;
            }
        }
    }
    Ok(())
}

/// Distance of a variance to the nearest other one.
fn gap(variances: &[f64], k: usize) -> f64 {
    let others = variances.iter().enumerate().filter(|(other, _)| *other != k);
    let distances = others.map(|(_, other)| (variances.get(k).unwrap_or(&0.0) - other).abs());
    distances.fold(f64::INFINITY, f64::min)
}

fn without_directions(pca: &Pca) -> Vec<(&[f64], f64, f64, bool)> {
    let fields = pca.components.iter();
    fields.map(|it| (&it.scores[..], it.variance, it.explained, it.degenerate)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn components_are_singular_vectors_of_the_centred_snapshots(
        count in 2_usize..24, dims in 1_usize..1200, seed in 0_u64..1_000_000, decay in 0.7_f32..1.2,
    ) {
        let snapshots = walk(seed, count, dims, decay);
        let found = pca(&mut source(&snapshots), &options(3)).unwrap();
        let centred = centred(&snapshots);
        let (squares, right): (Vec<f64>, Vec<_>) = singular(centred.clone()).into_iter().unzip();
        let total: f64 = squares.iter().sum();
        close(found.total_variance * (count - 1) as f64, total, 1e-10 * total)?;
        for (k, component) in found.components.iter().enumerate().filter(|(_, it)| !it.degenerate) {
            close(component.explained, squares[k] / total, 1e-11)?;
            if gap(&squares, k) > 1e-3 * total {
                let expected: Vec<f32> = right[k].iter().map(|entry| *entry as f32).collect();
                let same_way = dot(&component.direction, &expected);
                close(same_way.abs(), 1.0, 1e-6)?;
                let scores = &centred * right[k].transpose();
                for t in 0..count {
                    let score = same_way.signum() * scores[t];
                    close(component.scores[t], score, 1e-9 * total.sqrt())?;
                }
            }
        }
    }

    #[test]
    fn many_snapshots_of_few_parameters_have_the_singular_vectors_too(
        count in 65_usize..160, dims in 1_usize..16, seed in 0_u64..1_000_000, decay in 0.95_f32..1.02,
    ) {
        let snapshots = walk(seed, count, dims, decay);
        let found = pca(&mut source(&snapshots), &options(2)).unwrap();
        let centred = centred(&snapshots);
        // Of the transpose, which has few rows: left and right change places.
        let (squares, left): (Vec<f64>, Vec<_>) = singular(centred.transpose()).into_iter().unzip();
        let total: f64 = squares.iter().sum();
        close(found.total_variance * (count - 1) as f64, total, 1e-10 * total)?;
        prop_assert_eq!(found.variances.len(), count - 1);
        for (k, component) in found.components.iter().enumerate().filter(|(_, it)| !it.degenerate) {
            close(component.explained, squares[k] / total, 1e-11)?;
            if gap(&squares, k) > 1e-3 * total {
                let same_way = (component.scores[0] * left[k][0]).signum();
                for (t, score) in component.scores.iter().enumerate() {
                    close(*score, same_way * left[k][t] * squares[k].sqrt(), 1e-9 * total.sqrt())?;
                    let along = along(&centred, t, &component.direction);
                    close(along, *score, 1e-6 * total.sqrt())?;
                }
            }
        }
        let once = scores(&mut source(&snapshots), &options(2)).unwrap();
        same_scores(&live_scores(&snapshots, 2), &once, 1e-10)?;
    }

    #[test]
    fn parameters_that_never_move_change_nothing_however_many_they_are(
        count in 65_usize..100, dims in 1_usize..60, seed in 0_u64..1_000_000,
    ) {
        let few = walk(seed, count, dims, 0.99);
        let many: Vec<Vec<f32>> = few.iter().map(|row| [&row[..], &[0.25; 100]].concat()).collect();
        let [few, many] = [few, many].map(|it| pca(&mut source(&it), &options(2)).unwrap());
        close(few.total_variance, many.total_variance, 1e-12 * many.total_variance)?;
        for (k, (few, many)) in few.components.iter().zip(&many.components).enumerate() {
            prop_assert_eq!(few.degenerate, many.degenerate);
            close(few.explained, many.explained, 1e-12)?;
            if dims > 1 || k == 0 {
                close(dot(&few.direction, &many.direction[..dims]).abs(), 1.0, 1e-6)?;
                prop_assert!(many.direction[dims..].iter().all(|entry| *entry == 0.0));
            }
        }
    }

    #[test]
    fn one_read_says_of_the_scores_what_two_reads_say(
        count in 2_usize..12, dims in 0_usize..9000, seed in 0_u64..1_000_000,
    ) {
        let snapshots = walk(seed, count, dims, 0.9);
        let twice = pca(&mut source(&snapshots), &options(3)).unwrap();
        let once = scores(&mut source(&snapshots), &options(3)).unwrap();
        let components = once.components.iter();
        let components = components.map(|it| (&it.scores[..], it.variance, it.explained, it.degenerate));
        prop_assert_eq!(components.collect::<Vec<_>>(), without_directions(&twice));
        prop_assert_eq!(once.variances, twice.variances);
        prop_assert_eq!(once.total_variance, twice.total_variance);
        prop_assert_eq!(once.step_lengths, twice.step_lengths);
    }

    #[test]
    fn one_snapshot_at_a_time_gives_what_all_at_once_give(
        count in 2_usize..16, dims in 0_usize..20_000, seed in 0_u64..1_000_000, decay in 0.7_f32..1.2,
    ) {
        let snapshots = walk(seed, count, dims, decay);
        let batch = scores(&mut source(&snapshots), &options(3)).unwrap();
        same_scores(&live_scores(&snapshots, 3), &batch, 1e-10)?;
    }

    #[test]
    fn threads_and_memory_change_nothing(
        count in 2_usize..9, dims in 0_usize..30_000, seed in 0_u64..1_000_000,
        threads in 1_usize..6, block_bytes in 0_usize..2_000_000,
    ) {
        let snapshots = walk(seed, count, dims, 0.9);
        let alone = PcaOptions { threads: Some(1), block_bytes: 0, ..PcaOptions::default() };
        let shared = PcaOptions { threads: Some(threads), block_bytes, ..alone };
        let expected = pca(&mut source(&snapshots), &alone).unwrap();
        prop_assert_eq!(pca(&mut source(&snapshots), &shared).unwrap(), expected);
    }
}

#[test]
fn a_large_random_walk_takes_single_precision_and_explains_what_the_closed_form_predicts() {
    // T²P is twice the size from which on products are in single precision.
    let (count, dims) = (50, 860_000);
    let snapshots = walk(3, count, dims, 1.0);
    let found = pca(&mut source(&snapshots), &PcaOptions::default()).unwrap();
    for (component, expected) in found.components.iter().zip(random_walk::explained(count)) {
        assert!((component.explained - expected).abs() < 0.003, "{}", component.explained);
        assert!((norm(&component.direction) - 1.0).abs() < 1e-6);
        let projected = |t: usize| dot(&snapshots[t], &component.direction);
        let along = projected(count - 1) - projected(0);
        let scored = component.scores[count - 1] - component.scores[0];
        assert!((along / scored - 1.0).abs() < 1e-5, "{along} is not {scored}");
    }
    let once = scores(&mut source(&snapshots), &PcaOptions::default()).unwrap();
    assert_ne!(once.variances, found.variances, "single precision was not taken");
    let live = live_scores(&snapshots[..4], 1);
    let all_at_once = pca(&mut source(&snapshots[..4]), &options(1)).unwrap();
    assert!((live.total_variance / all_at_once.total_variance - 1.0).abs() < 1e-12);
}

/// Counts reads, and sees that they come in the promised order.
struct Counted {
    count: usize,
    dims: usize,
    reads: usize,
    next: (usize, usize),
}

impl Snapshots for Counted {
    type Error = Infallible;

    fn count(&self) -> usize {
        self.count
    }

    fn dims(&self) -> usize {
        self.dims
    }

    fn read(&mut self, snapshot: usize, start: usize, out: &mut [f32]) -> Result<(), Infallible> {
        assert_eq!((start, snapshot), self.next);
        for (i, value) in out.iter_mut().enumerate() {
            *value = ((start + i + 1) * (snapshot + 1) * 7919 % 1013) as f32;
        }
        self.next.1 += 1;
        if self.next.1 == self.count {
            let end = start + out.len();
            self.next = (if end == self.dims { 0 } else { end }, 0);
            self.reads += usize::from(end == self.dims);
        }
        Ok(())
    }
}

#[test]
fn scores_take_one_read_directions_a_second_and_a_live_snapshot_one_of_the_earlier_ones() {
    let fresh = |count| Counted { count, dims: 50_000, reads: 0, next: (0, 0) };
    let mut counted = fresh(6);
    scores(&mut counted, &options(2)).unwrap();
    assert_eq!(counted.reads, 1);
    pca(&mut counted, &options(2)).unwrap();
    assert_eq!(counted.reads, 3);
    let mut live = LivePca::new(50_000);
    for count in 0..4 {
        let mut earlier = fresh(count);
        live.push(&mut earlier, &gaussian(count as u64, 50_000)).unwrap();
        assert_eq!(earlier.reads, usize::from(count > 0));
    }
}

#[test]
fn many_snapshots_of_few_parameters_are_read_once() {
    let mut counted = Counted { count: 20_000, dims: 3, reads: 0, next: (0, 0) };
    let found = pca(&mut counted, &options(2)).unwrap();
    assert_eq!((counted.reads, found.snapshots()), (1, 20_000));
    assert_eq!(found.variances.len(), 2, "only those asked for");
    scores(&mut counted, &options(2)).unwrap();
    assert_eq!(counted.reads, 2);
}

#[test]
fn many_snapshots_of_many_parameters_have_the_leading_components_of_all() {
    let (count, dims) = (640, 700);
    let snapshots = walk(5, count, dims, 0.999);
    let found = pca(&mut source(&snapshots), &options(3)).unwrap();
    let centred = centred(&snapshots);
    let mut expected: Vec<f64> =
        (&centred * centred.transpose()).symmetric_eigenvalues().as_slice().to_vec();
    expected.sort_by(|a, b| b.total_cmp(a));
    let total: f64 = expected.iter().sum();
    assert_eq!(found.variances.len(), 3);
    for (component, expected) in found.components.iter().zip(&expected) {
        assert!((component.explained - expected / total).abs() < 1e-11, "{}", component.explained);
        for (t, score) in component.scores.iter().enumerate() {
            let along = along(&centred, t, &component.direction);
            assert!((along - score).abs() < 1e-6 * total.sqrt(), "{t}: {along} is not {score}");
        }
    }
    let live = live_scores(&snapshots[..620], 3);
    let batch = scores(&mut source(&snapshots[..620]), &options(3)).unwrap();
    same_scores(&live, &batch, 1e-9).unwrap();
}

#[test]
fn many_snapshots_on_a_line_or_at_rest_are_flagged() {
    let at = |t: usize| vec![t as f32, 3.0, -2.0 * t as f32];
    let line: Vec<Vec<f32>> = (0..200).map(at).collect();
    let found = pca(&mut source(&line), &options(3)).unwrap();
    let [first, second, third] = &found.components[..] else { panic!("three") };
    assert!(!first.degenerate && second.degenerate && third.degenerate);
    assert!((first.explained - 1.0).abs() < 1e-15 && first.direction[1] == 0.0);
    assert!((norm(&second.direction) - 1.0).abs() < 1e-6 && second.direction[1] == 0.0);
    assert!(dot(&first.direction, &second.direction).abs() < 1e-6);
    assert_eq!(norm(&third.direction), 0.0, "two parameters moved");
    let still = pca(&mut source(&vec![vec![0.1, 0.2]; 100]), &options(2)).unwrap();
    assert!(still.components.iter().all(|it| it.degenerate && it.scores == [0.0; 100]));
    assert_eq!((still.total_variance, still.variances), (0.0, vec![0.0; 99]));
}

#[test]
fn one_of_many_snapshots_that_is_not_finite_is_named() {
    let mut snapshots = walk(9, 80, 3, 1.0);
    snapshots[70][2] = f32::NAN;
    let error = pca(&mut source(&snapshots), &options(2)).unwrap_err();
    let expected =
        matches!(error, PcaError::Request(Error::NonFiniteSnapshot { snapshot: 70, index: 2, .. }));
    assert!(expected, "{error}");
}

#[test]
fn a_live_line_is_flagged_and_a_doubled_snapshot_has_no_length() {
    let line: Vec<Vec<f32>> = [0_u8, 1, 2, 2, 3].map(|t| vec![f32::from(t), 1.0, 5.0]).to_vec();
    let live = live_scores(&line, 2);
    assert!(!live.components[0].degenerate && live.components[1].degenerate);
    assert_eq!(live.step_lengths, [1.0, 1.0, 0.0, 1.0]);
    assert!((live.components[0].scores[4] - 1.4).abs() < 1e-12);
    assert_eq!(live.components[1].scores, [0.0; 5]);
    let still = live_scores(&vec![gaussian(1, 40); 3], 2);
    assert!(still.components.iter().all(|it| it.degenerate && it.explained == 0.0));
    assert_eq!((still.total_variance, still.step_lengths), (0.0, vec![0.0; 2]));
}

#[test]
fn a_snapshot_that_is_refused_leaves_a_live_analysis_as_it_was() {
    let snapshots = walk(1, 4, 300, 0.9);
    let mut live = LivePca::new(300);
    assert_eq!(live.scores(2), Err(Error::TooFewSnapshots { count: 0 }));
    for t in 0..3 {
        live.push(&mut source(&snapshots[..t]), &snapshots[t]).unwrap();
    }
    let before = live.scores(2).unwrap();

    let mut diverged = snapshots[3].clone();
    diverged[123] = f32::NAN;
    let error = live.push(&mut source(&snapshots[..3]), &diverged).unwrap_err();
    let expected = matches!(
        error,
        PcaError::Request(Error::NonFiniteSnapshot { snapshot: 3, index: 123, .. })
    );
    assert!(expected, "{error}");
    let refused = [
        live.push(&mut source(&snapshots[..2]), &snapshots[3]),
        live.push(&mut source(&snapshots[..3]), &snapshots[3][1..]),
        live.push(&mut source(&vec![vec![0.0; 299]; 3]), &snapshots[3]),
    ];
    for error in refused {
        assert!(matches!(error, Err(PcaError::Request(Error::LengthMismatch { .. }))));
    }
    let mut earlier = snapshots[..3].to_vec();
    earlier[1][7] = f32::INFINITY;
    let error = live.push(&mut source(&earlier), &snapshots[3]).unwrap_err();
    let expected =
        matches!(error, PcaError::Request(Error::NonFiniteSnapshot { snapshot: 1, index: 7, .. }));
    assert!(expected, "{error}");

    assert_eq!((live.len(), live.scores(2).unwrap()), (3, before));
    live.push(&mut source(&snapshots[..3]), &snapshots[3]).unwrap();
    assert_eq!(live.scores(2).unwrap(), live_scores(&snapshots, 2));
}
