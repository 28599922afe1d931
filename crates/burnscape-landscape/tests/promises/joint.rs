//! One plane for several runs, beside a direct decomposition of all their snapshots.

use burnscape_landscape::direction::{cosine, norm};
use burnscape_landscape::pca::{InMemory, JointPca, PcaError, PcaOptions, Weigh, joint_pca, pca};
use burnscape_landscape::plane::Plane;
use burnscape_landscape::{Error, random_walk};
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

use crate::components::{gaussian, singular, source, walk};

fn joint(runs: &[Vec<Vec<f32>>], weigh: Weigh, options: &PcaOptions) -> JointPca {
    let mut runs: Vec<InMemory> = runs.iter().map(|run| source(run)).collect();
    joint_pca(&mut runs, weigh, options).unwrap()
}

fn options(components: usize) -> PcaOptions {
    PcaOptions { components, ..PcaOptions::default() }
}

/// What a direct decomposition gives.
struct Direct {
    /// Squared singular values and right singular vectors of the weighted snapshots about their weighted mean.
    singular: Vec<(f64, Vec<f32>)>,
    mean: Vec<f32>,
    centred: DMatrix<f64>,
}

fn direct(runs: &[Vec<Vec<f32>>], weigh: Weigh) -> Direct {
    let all: Vec<&Vec<f32>> = runs.iter().flatten().collect();
    let weight = |run: &Vec<Vec<f32>>| match weigh {
        Weigh::Runs => vec![all.len() as f64 / (runs.len() * run.len()) as f64; run.len()],
        Weigh::Snapshots => vec![1.0; run.len()],
    };
    let weights = DVector::from_vec(runs.iter().flat_map(weight).collect());
    let snapshots = DMatrix::from_fn(all.len(), all[0].len(), |t, i| f64::from(all[t][i]));
    let mean = snapshots.tr_mul(&weights) / weights.sum();
    let (rows, columns) = snapshots.shape();
    let centred = DMatrix::from_fn(rows, columns, |t, i| snapshots[(t, i)] - mean[i]);
    let weighted = DMatrix::from_fn(rows, columns, |t, i| weights[t].sqrt() * centred[(t, i)]);
    let single = |(square, right): (f64, nalgebra::RowDVector<f64>)| {
        (square, right.iter().map(|it| *it as f32).collect())
    };
    let singular = singular(weighted).into_iter().map(single).collect();
    Direct { singular, mean: mean.iter().map(|it| *it as f32).collect(), centred }
}

fn runs() -> impl Strategy<Value = Vec<Vec<Vec<f32>>>> {
    let run = (0..1000_u64, 2..7_usize);
    (prop::collection::vec(run, 1..5), 8..40_usize).prop_map(|(runs, dims)| {
        runs.into_iter().map(|(seed, count)| walk(seed, count, dims, 0.9)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn the_joint_plane_is_that_of_a_direct_decomposition(runs in runs(), even in any::<bool>()) {
        let weigh = if even { Weigh::Runs } else { Weigh::Snapshots };
        let Direct { singular, centred, .. } = direct(&runs, weigh);
        let found = joint(&runs, weigh, &options(2));
        let total: f64 = singular.iter().map(|(square, _)| square).sum();
        let first_two = found.components.iter().zip(&singular);
        for (component, (square, direction)) in first_two.filter(|(it, _)| !it.degenerate) {
            prop_assert!((component.explained - square / total).abs() < 1e-6);
            prop_assert!(cosine(&component.direction, direction).abs() > 1.0 - 1e-6);
            prop_assert!((norm(&component.direction) - 1.0).abs() < 1e-6);
            let along = component.direction.iter().map(|it| f64::from(*it));
            let along = &centred * DVector::from_iterator(direction.len(), along);
            for (score, expected) in component.scores.iter().zip(&along) {
                prop_assert!((score - expected).abs() < 1e-6 * total.sqrt(), "{} {}", score, expected);
            }
        }
    }

    #[test]
    fn what_a_plane_does_not_show_of_a_run_is_what_projecting_says(runs in runs()) {
        let found = joint(&runs, Weigh::Runs, &options(2));
        let Direct { mean, .. } = direct(&runs, Weigh::Runs);
        let [d1, d2] = [0, 1].map(|k| &found.components[k].direction);
        let plane = Plane::new(&mean, d1, d2).unwrap();
        prop_assert_eq!(found.runs.len(), runs.len());
        for (seen, run) in found.runs.iter().zip(&runs) {
            prop_assert_eq!(seen.snapshots.len(), run.len());
            prop_assert_eq!(seen.step_lengths.len(), run.len() - 1);
            for (t, snapshot) in run.iter().enumerate() {
                let expected = plane.project(snapshot).unwrap();
                let close = |a: f64, b: f64| (a - b).abs() < 1e-4 * expected.distance.max(1e-3);
                prop_assert!(close(seen.distance[t], expected.distance));
                prop_assert!(close(seen.out_of_plane[t], expected.out_of_plane));
            }
            prop_assert!((0.0..=1.0).contains(&seen.held));
        }
    }
}

#[test]
fn a_single_run_is_the_analysis_of_that_run() {
    let run = walk(5, 9, 300, 0.9);
    let alone = pca(&mut source(&run), &options(3)).unwrap();
    for weigh in [Weigh::Runs, Weigh::Snapshots] {
        let joint = joint(std::slice::from_ref(&run), weigh, &options(3));
        assert_eq!(joint.components, alone.components);
        let null = random_walk::explained_with_steps(&alone.step_lengths).unwrap();
        for (found, expected) in joint.null.iter().zip(&null) {
            assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
        }
    }
}

#[test]
fn each_run_counts_the_same_however_often_its_snapshots_are_there() {
    let [a, b] = [walk(1, 4, 50, 0.9), walk(2, 6, 50, 0.9)];
    // Every snapshot three times is the same run.
    let tripled: Vec<Vec<f32>> = a.iter().flat_map(|it| vec![it.clone(); 3]).collect();
    let once = joint(&[a.clone(), b.clone()], Weigh::Runs, &options(2));
    let thrice = joint(&[tripled.clone(), b.clone()], Weigh::Runs, &options(2));
    for (once, thrice) in once.components.iter().zip(&thrice.components) {
        assert!(cosine(&once.direction, &thrice.direction).abs() > 1.0 - 1e-6);
        assert!((once.explained - thrice.explained).abs() < 1e-9);
    }
    let by_snapshots = joint(&[tripled, b], Weigh::Snapshots, &options(2));
    assert!((by_snapshots.components[0].explained - once.components[0].explained).abs() > 1e-3);
}

#[test]
fn runs_within_the_plane_are_held_by_it_and_others_are_not() {
    let axis =
        |k: usize, at: f32| (0..20).map(|i| if i == k { at } else { 1.0 }).collect::<Vec<f32>>();
    let along = |k: usize, step: f32| -> Vec<Vec<f32>> {
        (0..5_u8).map(|t| axis(k, 1.0 + step * f32::from(t))).collect()
    };
    let found = joint(&[along(0, 1.0), along(1, 1.0), along(2, 0.01)], Weigh::Runs, &options(2));
    let held: Vec<f64> = found.runs.iter().map(|run| run.held).collect();
    assert!(held[0] > 0.999 && held[1] > 0.999 && held[2] < 0.01, "{held:?}");
    // All began at one point: as many walks from it, the same shares as the null has at most.
    assert!(found.null[0] + found.null[1] < 1.0);
}

/// In many dimensions random steps are at right angles, so that the null is what walks of that kind explain.
#[test]
fn the_null_is_what_random_walks_from_the_same_starts_explain() {
    const DIMS: usize = 40_000;
    let step = |seed: u64, length: f32| {
        let drawn = gaussian(seed, DIMS);
        let scale = length / norm(&drawn) as f32;
        drawn.into_iter().map(|it| scale * it).collect::<Vec<f32>>()
    };
    let walk = |from: &[f32], seed: u64, count: u64, length: f32| {
        let mut walk = vec![from.to_vec()];
        for t in 1..count {
            let last = walk.last().expect("a start");
            walk.push(last.iter().zip(step(seed + t, length)).map(|(a, b)| a + b).collect());
        }
        walk
    };
    let start = vec![0.0; DIMS];
    let other = step(99, 2.0);
    let runs = [walk(&start, 100, 8, 1.0), walk(&start, 200, 12, 0.5), walk(&other, 300, 5, 2.0)];
    for weigh in [Weigh::Runs, Weigh::Snapshots] {
        let found = joint(&runs, weigh, &options(2));
        for (explained, null) in found.explained().iter().zip(&found.null) {
            assert!((explained - null).abs() < 0.01, "{explained} beside {null}");
        }
    }
}

#[test]
fn runs_that_do_not_fit_are_refused() {
    let refused = |runs: &[Vec<Vec<f32>>]| {
        let mut runs: Vec<InMemory> = runs.iter().map(|run| source(run)).collect();
        joint_pca(&mut runs, Weigh::Runs, &options(2)).unwrap_err()
    };
    let [long, short] = [walk(1, 3, 20, 0.9), walk(1, 1, 20, 0.9)];
    let found = refused(&[long.clone(), short]);
    assert_eq!(found, PcaError::Request(Error::TooFewSnapshots { count: 1 }));
    assert_eq!(refused(&[]), PcaError::Request(Error::TooFewSnapshots { count: 0 }));
    let wide = walk(1, 3, 21, 0.9);
    assert!(matches!(refused(&[long, wide]), PcaError::Request(Error::LengthMismatch { .. })));
}
