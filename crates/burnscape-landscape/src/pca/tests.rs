//! Single precision against double, forced where no problem of a test's size would choose it.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::moments::Moments;
use super::*;
use crate::direction::{cosine, dot, norm};
use blocks::for_each_block;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// No thread waits this long for another on any machine: who does waits in vain.
const LONGEST: Duration = Duration::from_secs(120);

/// Larger than one block, and than whole tiles and lines.
const DIMS: usize = 2 * 4096 + 700;

fn gaussian(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// From gaussian parameters; steps get smaller, as those of a training do.
fn walk(count: usize, dims: usize) -> Vec<Vec<f32>> {
    let mut snapshots = vec![gaussian(0, dims)];
    for t in 1..count {
        let step = gaussian(t as u64, dims).into_iter().map(|it| 0.03 * it / (t as f32).sqrt());
        snapshots.push(snapshots[t - 1].iter().zip(step).map(|(at, step)| at + step).collect());
    }
    snapshots
}

fn source(snapshots: &[Vec<f32>]) -> InMemory<'_> {
    InMemory::new(snapshots.iter().map(Vec::as_slice)).unwrap()
}

fn pca_in(precision: Precision, snapshots: &[Vec<f32>], options: &PcaOptions) -> Pca {
    let mut source = source(snapshots);
    let analysis =
        analyse(&mut source, options, precision, &Weighing::single(snapshots.len())).unwrap();
    analysis.with_directions(&mut source, options).unwrap()
}

/// Whether single precision was given up: then all is as if it had never been tried.
fn falls_back(snapshots: &[Vec<f32>], options: &PcaOptions) -> bool {
    let [single, double] =
        [Precision::Single, Precision::Double].map(|it| pca_in(it, snapshots, options));
    single == double
}

#[test]
fn products_in_single_precision_are_within_a_ten_millionth_of_the_trace() {
    let snapshots = walk(70, 40_000);
    let moments = [Precision::Single, Precision::Double].map(|precision| {
        Moments::read(&mut source(&snapshots), &PcaOptions::default(), precision).unwrap()
    });
    let [single, double] = &moments;
    let error = (&single.gram - &double.gram).symmetric_eigenvalues().amax();
    assert!(error > 0.0, "the routes are the same");
    assert!(error <= 1e-7 * double.squared_differences, "{error}");
    assert!((single.squared_norms / double.squared_norms - 1.0).abs() < 1e-6);
    for (single, double) in single.step_lengths.iter().zip(&double.step_lengths) {
        assert!((single / double - 1.0).abs() < 1e-6, "{single}, not {double}");
    }
}

#[test]
fn the_second_read_restores_what_single_precision_lost() {
    let snapshots = walk(70, 40_000);
    let options = PcaOptions { components: 3, ..PcaOptions::default() };
    let single = pca_in(Precision::Single, &snapshots, &options);
    let double = pca_in(Precision::Double, &snapshots, &options);
    assert!((single.total_variance / double.total_variance - 1.0).abs() < 1e-7);
    for (k, (single, double)) in single.components.iter().zip(&double.components).enumerate() {
        // Second order: the squared error of the eigenvectors.
        assert!((single.variance / double.variance - 1.0).abs() < 1e-11, "component {k}");
        assert!((cosine(&single.direction, &double.direction) - 1.0).abs() < 1e-11);
        assert!((norm(&single.direction) - 1.0).abs() < 1e-6);
        let scale = double.variance.sqrt();
        for (score, expected) in single.scores.iter().zip(&double.scores) {
            assert!((score - expected).abs() < 1e-5 * scale, "{score}, not {expected}");
        }
    }
    for (j, other) in single.components[..2].iter().enumerate() {
        let last = &single.components[2];
        assert!(dot(&last.direction, &other.direction).abs() < 1e-6, "{j}");
    }
    let scores = analyse(
        &mut source(&snapshots),
        &options,
        Precision::Single,
        &Weighing::single(snapshots.len()),
    )
    .unwrap();
    for (once, twice) in scores.scores(3).components.iter().zip(&double.components) {
        assert!((once.variance / twice.variance - 1.0).abs() < 1e-5);
    }
}

#[test]
fn what_single_precision_does_not_resolve_is_left_to_double() {
    let (start, step) = (gaussian(1, DIMS), gaussian(2, DIMS));
    let along = |factor: f32| start.iter().zip(&step).map(move |(a, b)| a + factor * b).collect();
    let line: Vec<Vec<f32>> = (0..12_u8).map(|t| along(f32::from(t) / 8.0)).collect();
    let options = PcaOptions::default();
    assert!(falls_back(&line, &options));
    assert!(pca_in(Precision::Single, &line, &options).components[1].degenerate);
    // With one component asked for, there is nothing small.
    assert!(!falls_back(&line, &PcaOptions { components: 1, ..options }));
    assert!(falls_back(&vec![start; 4], &options));
}

#[test]
fn squares_beyond_single_precision_are_left_to_double() {
    let walk = walk(9, DIMS);
    for scale in [1e25, 1e-25, 3e37] {
        let scaled: Vec<Vec<f32>> =
            walk.iter().map(|it| it.iter().map(|value| scale * value).collect()).collect();
        assert!(falls_back(&scaled, &PcaOptions::default()), "{scale}");
        let pca = pca_in(Precision::Single, &scaled, &PcaOptions::default());
        let [first, second] = [0, 1].map(|k| &pca.components[k]);
        assert!(!first.degenerate && !second.degenerate);
        assert!(first.explained > second.explained && second.explained > 0.0);
        assert!((norm(&first.direction) - 1.0).abs() < 1e-6);
    }
    assert!(!falls_back(&walk, &PcaOptions::default()));
}

#[test]
fn frozen_parameters_and_doubled_snapshots_stay_exact_in_single_precision() {
    let mut snapshots = walk(40, DIMS);
    for snapshot in &mut snapshots {
        snapshot[3000..5000].fill(0.1);
    }
    snapshots[31] = snapshots[30].clone();
    let options = PcaOptions { components: 3, ..PcaOptions::default() };
    assert!(!falls_back(&snapshots, &options));
    let pca = pca_in(Precision::Single, &snapshots, &options);
    assert_eq!(pca.step_lengths[30], 0.0);
    assert!(pca.step_lengths.iter().filter(|length| **length == 0.0).count() == 1);
    for component in &pca.components {
        assert!(!component.degenerate);
        assert!(component.direction[3000..5000].iter().all(|entry| *entry == 0.0));
        assert!((component.scores[30] - component.scores[31]).abs() < 1e-6);
    }
}

#[test]
fn neither_threads_nor_memory_change_a_bit() {
    let snapshots = walk(33, 5 * 4096 + 77);
    let block = 4 * 4096 * 33;
    for precision in [Precision::Single, Precision::Double] {
        // 40 components: more than there are, so that random ones are among them.
        for components in [2, 40] {
            let with = |threads, block_bytes| {
                let threads = Some(threads);
                let options = PcaOptions { components, block_bytes, threads, seed: 5 };
                pca_in(precision, &snapshots, &options)
            };
            let alone = with(1, 0);
            for (threads, blocks) in [(0, 9), (1, 9), (2, 0), (2, 2), (2, 9), (3, 4), (64, 64)] {
                assert_eq!(with(threads, blocks * block), alone, "{threads}, {blocks}");
            }
        }
    }
}

#[test]
fn results_are_merged_in_the_order_of_the_blocks() {
    let snapshots = vec![vec![0.0; 20 * 4096]; 2];
    let options = PcaOptions { threads: Some(4), ..PcaOptions::default() };
    let mut starts = Vec::new();
    let (done, is_done) = (Mutex::new(BTreeSet::new()), Condvar::new());
    // The earlier of two neighbours is done after the later one.
    let compute = |block: &blocks::Block| {
        let number = block.range().start / 4096;
        let done = done.lock().unwrap();
        let is_missing =
            |done: &mut BTreeSet<usize>| number.is_multiple_of(2) && !done.contains(&(number + 1));
        let (mut done, late) = is_done.wait_timeout_while(done, LONGEST, is_missing).unwrap();
        assert!(!late.timed_out(), "block {number} waits for its neighbour");
        done.insert(number);
        is_done.notify_all();
        block.range()
    };
    for_each_block(&mut source(&snapshots), &options, compute, |range, found| {
        assert_eq!(range, found);
        starts.push(range.start);
    })
    .unwrap();
    assert_eq!(starts, (0..20).map(|block| block * 4096).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "out of order")]
fn a_panic_among_the_workers_reaches_the_caller() {
    let snapshots = vec![vec![0.0; 20 * 4096]; 2];
    let options = PcaOptions { threads: Some(2), ..PcaOptions::default() };
    let compute = |block: &blocks::Block| assert!(block.range().start != 4096, "out of order");
    let _ = for_each_block(&mut source(&snapshots), &options, compute, |_, ()| ());
}
