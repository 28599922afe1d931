//! Principal components of trajectories whose answer is known: lines, circles, random walks.

use burnscape_landscape::direction::{cosine, dot, norm};
use burnscape_landscape::pca::{InMemory, Pca, PcaError, PcaOptions, Snapshots, pca};
use burnscape_landscape::plane::Plane;
use burnscape_landscape::{Error, random_walk, words};
use nalgebra::DMatrix;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn components_of(snapshots: &[Vec<f32>], options: &PcaOptions) -> Pca {
    let mut source = InMemory::new(snapshots.iter().map(Vec::as_slice)).unwrap();
    pca(&mut source, options).unwrap()
}

fn two_components_of(snapshots: &[Vec<f32>]) -> Pca {
    components_of(snapshots, &PcaOptions::default())
}

fn gaussian(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Σ coefficient · vector, rounded once.
fn mix(terms: &[(f64, &[f32])]) -> Vec<f32> {
    let entry = |i: usize| terms.iter().map(|(c, v)| c * f64::from(v[i])).sum::<f64>() as f32;
    (0..terms[0].1.len()).map(entry).collect()
}

fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

fn assert_finite(pca: &Pca) {
    for component in &pca.components {
        assert!(component.direction.iter().all(|entry| entry.is_finite()));
        assert!(component.scores.iter().all(|score| score.is_finite()));
        assert!(component.explained.is_finite() && component.variance.is_finite());
    }
    assert!(pca.total_variance.is_finite());
    assert!(pca.variances.iter().chain(&pca.step_lengths).all(|value| value.is_finite()));
}

fn assert_orthonormal(pca: &Pca) {
    let directions: Vec<&[f32]> = pca.components.iter().map(|c| &c.direction[..]).collect();
    for (i, a) in directions.iter().enumerate() {
        assert_close(norm(a), 1.0, 1e-6);
        for b in &directions[..i] {
            assert_close(dot(a, b), 0.0, 1e-6);
        }
    }
}

#[test]
fn a_straight_line_is_explained_by_one_component_and_the_second_is_flagged() {
    let (start, step) = (gaussian(1, 3000), gaussian(2, 3000));
    let line: Vec<_> =
        (0..12).map(|t| mix(&[(1.0, &start), (0.01 * f64::from(t * t), &step)])).collect();
    let pca = two_components_of(&line);
    assert_close(pca.components[0].explained, 1.0, 1e-9);
    assert!(!pca.components[0].degenerate);
    assert_close(cosine(&pca.components[0].direction, &step), 1.0, 1e-9);
    let second = &pca.components[1];
    assert!(second.degenerate);
    assert_eq!((second.explained, second.variance), (0.0, 0.0));
    assert_eq!(second.scores, [0.0; 12]);
    assert_orthonormal(&pca);
    assert_finite(&pca);
    // Scores are distances along the line.
    let scores = &pca.components[0].scores;
    assert_close(scores[11] - scores[0], 1.21 * norm(&step), 1e-4);
}

#[test]
fn a_circle_in_a_random_plane_has_two_equal_components_and_one_radius() {
    let (centre, a, mut b) = (gaussian(1, 5000), gaussian(2, 5000), gaussian(3, 5000));
    burnscape_landscape::direction::orthogonalise(&a, &mut b).unwrap();
    let (a_norm, b_norm) = (norm(&a), norm(&b));
    let circle: Vec<_> = (0..16)
        .map(|t| {
            let (sin, cos) = (std::f64::consts::TAU * f64::from(t) / 16.0).sin_cos();
            mix(&[(1.0, &centre), (3.0 * cos / a_norm, &a), (3.0 * sin / b_norm, &b)])
        })
        .collect();
    let pca = two_components_of(&circle);
    assert_close(pca.components[0].explained, 0.5, 1e-6);
    assert_close(pca.components[1].explained, 0.5, 1e-6);
    for t in 0..16 {
        let radius = pca.components[0].scores[t].hypot(pca.components[1].scores[t]);
        assert_close(radius, 3.0, 1e-4);
    }
    assert_orthonormal(&pca);
}

#[test]
fn a_frozen_block_is_exactly_zero_in_every_component() {
    // 0.1 has no exact sum; both kinds of component must keep it out.
    let walk: Vec<_> = (0..7)
        .map(|t| {
            let mut snapshot = gaussian(t, 1500);
            snapshot[400..900].fill(0.1);
            snapshot
        })
        .collect();
    let mut line = walk.clone();
    for (t, snapshot) in line.iter_mut().enumerate() {
        *snapshot = walk[0].clone();
        snapshot[1000] += t as f32;
        snapshot[1100] -= t as f32;
    }
    for (snapshots, degenerate, frozen) in [(walk, false, 400..900), (line, true, 0..1000)] {
        let options = PcaOptions { components: 3, ..PcaOptions::default() };
        let pca = components_of(&snapshots, &options);
        assert_eq!(pca.components[1].degenerate, degenerate);
        for component in &pca.components {
            assert!(component.direction[frozen.clone()].iter().all(|d| d.to_bits() << 1 == 0));
        }
    }
}

#[test]
fn the_gram_route_agrees_with_the_singular_values_of_the_whole_matrix() {
    // More snapshots than one panel holds, more parameters than one tile; and fewer of both.
    for (snapshots, dims) in [(130, 1300), (150, 90), (8, 40)] {
        let shape = |t: usize| -> Vec<f32> {
            let noise = gaussian(t as u64, dims);
            let trend = (t as f32).sqrt();
            noise.iter().enumerate().map(|(i, n)| n + trend * (i as f32).sin()).collect()
        };
        let rows: Vec<Vec<f32>> = (0..snapshots).map(shape).collect();
        let options = PcaOptions { components: 4, ..PcaOptions::default() };
        let by_gram = components_of(&rows, &options);
        let matrix = DMatrix::from_fn(snapshots, dims, |t, i| f64::from(rows[t][i]));
        let mean = matrix.row_mean();
        let centred = DMatrix::from_fn(snapshots, dims, |t, i| matrix[(t, i)] - mean[i]);
        let svd = centred.svd(true, true);
        let (left, right) = (svd.u.unwrap(), svd.v_t.unwrap());
        let total: f64 = svd.singular_values.iter().map(|s| s * s).sum();
        assert_close(by_gram.total_variance, total / (snapshots - 1) as f64, 1e-9 * total);
        for (k, component) in by_gram.components.iter().enumerate() {
            let singular = svd.singular_values[k];
            assert_close(component.explained, singular * singular / total, 1e-12);
            let direction: Vec<f32> = right.row(k).iter().map(|entry| *entry as f32).collect();
            let same_way = dot(&component.direction, &direction);
            assert_close(same_way.abs(), 1.0, 1e-6);
            for t in 0..snapshots {
                let expected = same_way.signum() * singular * left[(t, k)];
                assert_close(component.scores[t], expected, 1e-8 * singular);
            }
        }
        assert_orthonormal(&by_gram);
    }
}

#[test]
fn a_trajectory_of_rank_two_lies_in_its_principal_plane() {
    let (start, a, b) = (gaussian(1, 4000), gaussian(2, 4000), gaussian(3, 4000));
    let bend = |t: i32| f64::from(t * t) / 20.0;
    let snapshots: Vec<_> =
        (0..9).map(|t| mix(&[(1.0, &start), (f64::from(t), &a), (bend(t), &b)])).collect();
    let pca = two_components_of(&snapshots);
    assert_close(pca.explained().iter().sum(), 1.0, 1e-9);
    let centre = &snapshots[8];
    let [first, second] = [0, 1].map(|k| &pca.components[k]);
    let plane = Plane::new(centre, &first.direction, &second.direction).unwrap();
    for (t, snapshot) in snapshots.iter().enumerate() {
        let projection = plane.project(snapshot).unwrap();
        // What remains is the rounding of the snapshots to f32.
        assert!(projection.out_of_plane < 1e-6 * norm(centre), "{projection:?}");
        assert_close(projection.x, first.scores[t] - first.scores[8], 1e-3);
        assert_close(projection.y, second.scores[t] - second.scores[8], 1e-3);
    }
}

#[test]
fn three_snapshots_always_explain_everything_and_the_words_say_so() {
    let snapshots: Vec<_> = (0..3).map(|t| gaussian(t, 2000)).collect();
    let pca = two_components_of(&snapshots);
    assert_close(pca.explained().iter().sum(), 1.0, 1e-12);
    let null = random_walk::explained(pca.snapshots());
    let sentence = words::explained_variance(&pca.explained(), pca.snapshots(), &null);
    assert!(sentence.contains("always give 100 %"), "{sentence}");
}

fn walk(steps: &[f64], dims: usize) -> Vec<Vec<f32>> {
    let mut position = vec![0.0_f64; dims];
    let mut snapshots = vec![vec![0.0; dims]];
    for (t, length) in steps.iter().enumerate() {
        for (x, step) in position.iter_mut().zip(gaussian(900 + t as u64, dims)) {
            *x += length * f64::from(step) / (dims as f64).sqrt();
        }
        snapshots.push(position.iter().map(|x| *x as f32).collect());
    }
    snapshots
}

/// 20,000 parameters leave chance about a hundredth.
fn assert_explains_as(pca: &Pca, null: &[f64]) {
    for (component, expected) in pca.components.iter().zip(null) {
        assert_close(component.explained, *expected, 0.015);
    }
}

#[test]
fn a_simulated_random_walk_explains_what_the_closed_form_predicts() {
    for count in [3, 5, 10, 20, 50] {
        let pca = two_components_of(&walk(&vec![1.0; count - 1], 20_000));
        let null = random_walk::explained(count);
        assert_explains_as(&pca, &null);
        // Scores are cosines: the first runs once from end to end.
        let scores = &pca.components[0].scores;
        let cosines =
            (0..count).map(|t| -((t as f64 + 0.5) / count as f64 * std::f64::consts::PI).cos());
        let likeness: f64 = scores.iter().zip(cosines.clone()).map(|(s, c)| s * c).sum();
        let norms = scores.iter().map(|s| s * s).sum::<f64>() * cosines.map(|c| c * c).sum::<f64>();
        assert!(likeness / norms.sqrt() > 0.995);
    }
}

#[test]
fn a_random_walk_with_unequal_steps_explains_what_its_step_lengths_predict() {
    let steps: Vec<f64> = (0..19).map(|t| 3.0 / f64::from(t + 1)).collect();
    let pca = two_components_of(&walk(&steps, 20_000));
    for (measured, expected) in pca.step_lengths.iter().zip(&steps) {
        assert_close(*measured, *expected, 0.02 * expected);
    }
    let null = random_walk::explained_with_steps(&pca.step_lengths).unwrap();
    assert_explains_as(&pca, &null);
    let equal_steps = random_walk::explained(20);
    assert!((null[1] - equal_steps[1]).abs() > 0.015, "the lengths must matter");
}

#[test]
fn two_snapshots_have_one_component_from_the_first_to_the_last() {
    let (a, b) = (gaussian(1, 700), gaussian(2, 700));
    let pca = two_components_of(&[a.clone(), b.clone()]);
    assert_close(pca.components[0].explained, 1.0, 1e-12);
    assert!(pca.components[1].degenerate && !pca.components[0].degenerate);
    let step = mix(&[(1.0, &b), (-1.0, &a)]);
    assert_close(cosine(&pca.components[0].direction, &step), 1.0, 1e-9);
    assert_close(pca.step_lengths[0], norm(&step), 1e-4);
    assert_eq!(pca.variances.len(), 1);
    assert_orthonormal(&pca);
}

#[test]
fn equal_snapshots_have_no_variance_and_nothing_is_nan() {
    let pca = two_components_of(&vec![gaussian(1, 700); 5]);
    assert!(pca.components.iter().all(|component| component.degenerate));
    assert_eq!(pca.explained(), [0.0, 0.0]);
    assert_eq!((pca.total_variance, pca.step_lengths.clone()), (0.0, vec![0.0; 4]));
    // Nothing moved, so no direction is left either.
    assert!(pca.components.iter().all(|component| norm(&component.direction) == 0.0));
    assert_finite(&pca);
}

#[test]
fn where_only_one_parameter_moves_there_is_no_second_direction() {
    let snapshots: Vec<_> = (0..4_u8).map(|t| vec![1.0, 2.0 + f32::from(t), 3.0]).collect();
    let pca = two_components_of(&snapshots);
    assert_eq!(pca.components[0].direction, [0.0, 1.0, 0.0]);
    assert_eq!(pca.components[1].direction, [0.0; 3]);
    assert!(pca.components[1].degenerate);
    // Snapshots without any parameter are the extreme of it.
    assert_finite(&two_components_of(&vec![Vec::new(); 3]));
}

#[test]
fn a_small_movement_far_from_the_origin_is_not_lost() {
    // Steps of 2⁻¹⁰ around 1000 (spacing of f32 there: 2⁻¹⁴) are stored exactly.
    let tick = 2.0_f32.powi(-10);
    let snapshot = |x: f32, y: f32| vec![1000.0 + x * tick, -1000.0 + y * tick, 1000.0];
    let square =
        [snapshot(2.0, 1.0), snapshot(2.0, -1.0), snapshot(-2.0, -1.0), snapshot(-2.0, 1.0)];
    let pca = two_components_of(&square);
    assert_close(pca.components[0].explained, 0.8, 1e-12);
    assert_close(pca.components[1].explained, 0.2, 1e-12);
}

#[test]
fn rounding_to_f32_is_not_taken_for_a_second_component() {
    // A line at an awkward slope far out: what leaves it is rounding only.
    let line: Vec<_> = (0..30)
        .map(|t| {
            (0..900).map(|i| (1000.0 + f64::from(i) + f64::from(t) * 0.001 / 3.0) as f32).collect()
        })
        .collect();
    let pca = two_components_of(&line);
    assert!(!pca.components[0].degenerate);
    assert!(pca.components[1].degenerate, "{:?}", pca.explained());
}

#[test]
fn the_last_snapshot_scores_higher_than_the_first() {
    for seed in 0..20 {
        let snapshots: Vec<_> = (0..6).map(|t| gaussian(100 * seed + t, 300)).collect();
        for component in two_components_of(&snapshots).components {
            assert!(component.scores[5] > component.scores[0]);
        }
    }
    // There and back again: the largest score decides.
    let loop_back = [0.0, 3.0, 0.0].map(|x| vec![x, 1.0]);
    assert_eq!(two_components_of(&loop_back).components[0].direction, [1.0, 0.0]);
}

#[test]
fn the_size_of_the_blocks_does_not_change_a_bit() {
    let snapshots: Vec<_> = (0..9).map(|t| gaussian(t, 5000)).collect();
    let whole = two_components_of(&snapshots);
    for block_bytes in [0, 40_000, 70_000] {
        let options = PcaOptions { block_bytes, ..PcaOptions::default() };
        assert_eq!(components_of(&snapshots, &options), whole);
    }
}

#[test]
fn snapshots_that_diverged_are_named() {
    for (value, index) in [(f32::NAN, 0), (f32::INFINITY, 1499), (f32::NEG_INFINITY, 700)] {
        let mut snapshots: Vec<_> = (0..4).map(|t| gaussian(t, 1500)).collect();
        snapshots[2][index] = value;
        let mut source = InMemory::new(snapshots.iter().map(Vec::as_slice)).unwrap();
        let error = pca(&mut source, &PcaOptions::default()).unwrap_err();
        let PcaError::Request(Error::NonFiniteSnapshot { snapshot: 2, index: found, .. }) = error
        else {
            panic!("{error}");
        };
        assert_eq!(found, index);
    }
}

#[test]
fn fewer_than_two_snapshots_are_refused() {
    for count in [0, 1] {
        let snapshots = vec![gaussian(1, 10); count];
        let mut source = InMemory::new(snapshots.iter().map(Vec::as_slice)).unwrap();
        let error = pca(&mut source, &PcaOptions::default()).unwrap_err();
        assert_eq!(error, PcaError::Request(Error::TooFewSnapshots { count }));
    }
    let (short, long) = ([0.0; 3], [0.0; 4]);
    assert!(InMemory::new([&short[..], &long[..]]).is_err());
}

struct Unreadable;

impl Snapshots for Unreadable {
    type Error = &'static str;

    fn count(&self) -> usize {
        3
    }

    fn dims(&self) -> usize {
        10
    }

    fn read(&mut self, snapshot: usize, _: usize, out: &mut [f32]) -> Result<(), &'static str> {
        out.fill(snapshot as f32);
        if snapshot == 1 { Err("gone") } else { Ok(()) }
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_is_named() {
    let error = pca(&mut Unreadable, &PcaOptions::default()).unwrap_err();
    assert_eq!(error, PcaError::Read { snapshot: 1, source: "gone" });
}

#[test]
fn a_second_component_a_hundred_thousand_times_shorter_still_points_the_right_way() {
    // Two single parameters move, both exactly in f32: 1 : 10⁻⁵ in length, 1 : 10⁻¹⁰ in variance.
    let small = 2.0_f32.powi(-17);
    let snapshots: Vec<_> = [(-3.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (3.0, 1.0)]
        .map(|(x, y)| {
            let mut snapshot = vec![0.0; 600];
            snapshot[7] = x;
            snapshot[590] = y * small;
            snapshot
        })
        .to_vec();
    let pca = two_components_of(&snapshots);
    assert!(!pca.components[1].degenerate);
    let small = f64::from(small);
    assert_close(pca.components[1].explained, small * small / 5.0, 1e-15);
    assert_close(f64::from(pca.components[1].direction[590]).abs(), 1.0, 1e-9);
    assert_close(f64::from(pca.components[1].direction[7]), 0.0, 1e-9);
}
