//! Barriers on lines whose losses are known, and bent paths between their ends.

use burnscape_landscape::Error;
use burnscape_landscape::barrier::LineLosses;
use burnscape_landscape::curve::{Bend, BendOptions, Bezier, ThroughThree};
use burnscape_landscape::direction::{between, cosine, norm};
use burnscape_landscape::evaluate::BatchLoss;
use burnscape_landscape::plane::Plane;
use proptest::prelude::*;

fn nodes(count: usize) -> Vec<f64> {
    (0..count).map(|k| k as f64 / (count - 1) as f64).collect()
}

/// The same batches at every node: row by row what each has for a loss there.
fn line(count: usize, batches: usize, loss: impl Fn(f64, usize) -> f64) -> LineLosses {
    let of = |at: f64, batch: usize| BatchLoss { mean: loss(at, batch), samples: 8 };
    let row = |at: &f64| (0..batches).map(|batch| of(*at, batch)).collect();
    let lambdas = nodes(count);
    let rows = lambdas.iter().map(row).collect();
    LineLosses::new(lambdas, rows).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_convex_quadratic_has_no_barrier(
        [a, b, c] in prop::array::uniform3(-3.0..3.0_f64),
        curvature in 0.0..5.0_f64,
    ) {
        let loss = |at: f64, batch: usize| c + a * at + b * batch as f64 + 0.5 * curvature * at * at;
        let barrier = line(25, 4, loss).barrier();
        // Rounding may lift a node over a straight line.
        prop_assert!(barrier.height <= 1e-13 * (1.0 + a.abs() + c.abs()), "{}", barrier.height);
        prop_assert!(barrier.excess.iter().all(|it| *it < 1e-12));
    }

    /// An accuracy that sags by 4·deep·λ(1 − λ) below its ends, each batch by as much more, falls by as much in the middle.
    #[test]
    fn what_sags_falls_by_its_depth_and_what_arches_by_nothing(
        [a, b] in prop::array::uniform2(0.0..1.0_f64),
        deep in 0.01..0.5_f64,
    ) {
        let accuracy = |at: f64, batch: usize| {
            (1.0 - at) * a + at * b - 4.0 * deep * at * (1.0 - at) * (1.0 + 0.1 * (batch as f64 - 1.0))
        };
        let sagging = line(25, 3, accuracy);
        let fall = sagging.fall();
        prop_assert!((fall.height - deep).abs() < 1e-12 && fall.lambda == 0.5, "{fall:?}");
        prop_assert_eq!(&fall.losses, &sagging.barrier().losses);
        prop_assert!(sagging.barrier().height < 1e-12);
        let arching = line(25, 3, |at, batch| -accuracy(at, batch));
        prop_assert!(arching.fall().height < 1e-12);
    }

    #[test]
    fn the_barrier_is_what_a_line_by_hand_gives(
        losses in prop::collection::vec(prop::collection::vec(0.0..4.0_f64, 3), 27),
        samples in prop::collection::vec(1..9_usize, 3),
    ) {
        let total = samples.iter().sum::<usize>() as f64;
        let mean = |row: &Vec<f64>| {
            row.iter().zip(&samples).map(|(x, samples)| x * *samples as f64).sum::<f64>() / total
        };
        let mut highest = (0.0, 0.0);
        for (k, row) in losses.iter().enumerate().take(26).skip(1) {
            let at = k as f64 / 26.0;
            let over = mean(row) - ((1.0 - at) * mean(&losses[0]) + at * mean(&losses[26]));
            if over > highest.0 {
                highest = (over, at);
            }
        }
        let batch = |(&mean, &samples): (&f64, &usize)| BatchLoss { mean, samples };
        let rows = losses.iter().map(|row| row.iter().zip(&samples).map(batch).collect()).collect();
        let barrier = LineLosses::new(nodes(27), rows).unwrap().barrier();
        prop_assert!((barrier.height - highest.0).abs() < 1e-12);
        prop_assert_eq!(barrier.lambda, highest.1);
    }
}

#[test]
fn the_barrier_of_a_double_well_is_its_ridge() {
    // From −1 to 1 in 26 steps: the middle is a node.
    let barrier = line(27, 1, |at, _| ((2.0 * at - 1.0).powi(2) - 1.0).powi(2)).barrier();
    assert!((barrier.height - 1.0).abs() < 1e-12);
    assert_eq!(barrier.lambda, 0.5);
    assert!(barrier.stderr.is_nan(), "one batch tells no error");
}

#[test]
fn what_a_batch_is_harder_by_cancels_and_what_its_ridge_is_higher_by_does_not() {
    let ridge = |at: f64| 4.0 * at * (1.0 - at);
    let harder = [0.0, 5.0, -3.0, 40.0];
    let same = line(25, 4, |at, batch| harder[batch] + ridge(at)).barrier();
    assert!((same.height - 1.0).abs() < 1e-12 && same.stderr < 1e-12, "{same:?}");
    // Heights 1, 2, 3, 6: mean 3, deviations −2, −1, 0, 3; √(14 / 3 / 4).
    let heights = [1.0, 2.0, 3.0, 6.0];
    let other = line(25, 4, |at, batch| harder[batch] + heights[batch] * ridge(at));
    let barrier = other.barrier();
    assert!((barrier.height - 3.0).abs() < 1e-12);
    assert!((barrier.stderr - (14.0_f64 / 12.0).sqrt()).abs() < 1e-12, "{barrier:?}");
    assert_eq!(other.difference_stderr(12, 12), 0.0);
    assert!((other.difference_stderr(12, 0) - (14.0_f64 / 12.0).sqrt()).abs() < 1e-12);
}

#[test]
fn what_is_not_finite_is_counted_and_passed_over() {
    let bump = |at: f64, _| if at == 0.5 { f64::NAN } else { at * (1.0 - at) };
    let barrier = line(25, 1, bump).barrier();
    assert_eq!(barrier.non_finite, 1);
    assert!(barrier.height > 0.24 && barrier.height < 0.25);
    let diverged = line(25, 1, |at, _| if at == 1.0 { f64::INFINITY } else { at }).barrier();
    assert!(diverged.height.is_nan());
}

#[test]
fn a_line_that_does_not_run_from_end_to_end_is_refused() {
    for lambdas in [vec![], vec![0.0, 0.5], vec![0.1, 1.0], vec![0.0, 0.7, 0.6, 1.0]] {
        let batches = vec![vec![BatchLoss { mean: 1.0, samples: 1 }]; lambdas.len()];
        let refused = LineLosses::new(lambdas, batches).unwrap_err();
        assert!(matches!(refused, Error::LineNodes { .. }), "{refused:?}");
    }
    let rows = vec![vec![BatchLoss { mean: 1.0, samples: 1 }], vec![]];
    let row = LineLosses::new(vec![0.0, 1.0], rows);
    assert!(matches!(row.unwrap_err(), Error::LengthMismatch { .. }));
}

fn point() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-2.0..2.0_f32, 7)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn three_points_and_the_curve_between_them_lie_in_their_plane([a, b, c] in [point(), point(), point()]) {
        let plane = ThroughThree::new(&a, &b, &c).unwrap();
        prop_assert!(cosine(&plane.d1, &plane.d2).abs() < 1e-5);
        prop_assert!((norm(&plane.d1) / norm(&plane.d2) - 1.0).abs() < 1e-5);
        let drawn = Plane::new(&a, &plane.d1, &plane.d2).unwrap();
        let lies = |point: &[f32], (x, y): (f64, f64)| {
            let seen = drawn.project(point).unwrap();
            (seen.x - x).abs() < 1e-5 && (seen.y - y).abs() < 1e-5 && seen.out_of_plane < 1e-5
        };
        for (point, at) in [&a, &b, &c].into_iter().zip(plane.points) {
            prop_assert!(lies(point, at));
        }
        let curve = Bezier::new(&a, &c, &b).unwrap();
        let mut on = a.clone();
        for t in nodes(9) {
            curve.point_at(t, &mut on);
            prop_assert!(lies(&on, plane.on_curve(t)));
        }
    }

    #[test]
    fn a_curve_is_its_ends_to_the_bit_and_moves_with_its_bend_as_its_factor_says(
        [a, b, c] in [point(), point(), point()],
        t in 0.0..1.0_f64,
    ) {
        let mut at = a.clone();
        Bezier::new(&a, &c, &b).unwrap().point_at(0.0, &mut at);
        prop_assert_eq!(&at, &a);
        Bezier::new(&a, &c, &b).unwrap().point_at(1.0, &mut at);
        prop_assert_eq!(&at, &b);
        let moved: Vec<f32> = c.iter().map(|it| it + 1.0).collect();
        let mut other = a.clone();
        Bezier::new(&a, &c, &b).unwrap().point_at(t, &mut at);
        Bezier::new(&a, &moved, &b).unwrap().point_at(t, &mut other);
        for (at, other) in at.iter().zip(&other) {
            prop_assert!((f64::from(other - at) - Bezier::bend_factor(t)).abs() < 1e-5);
        }
    }
}

#[test]
fn a_bend_on_the_line_gives_the_line_and_its_length() {
    let (a, b) = ([0.0_f32, 0.0, 1.0], [3.0_f32, 4.0, 1.0]);
    let middle = [1.5_f32, 2.0, 1.0];
    assert!((Bezier::new(&a, &middle, &b).unwrap().length(50) - 5.0).abs() < 1e-6);
    // y = 2x(1 − x), an arc of a parabola: (√5 + asinh(2) / 2) / 2.
    let arc = Bezier::new(&[0.0, 0.0], &[0.5, 1.0], &[1.0, 0.0]).unwrap().length(2000);
    assert!((arc - 0.5 * (5.0_f64.sqrt() + 0.5 * 2.0_f64.asinh())).abs() < 1e-5, "{arc}");
    assert!(matches!(ThroughThree::new(&a, &b, &middle), Err(Error::ParallelDirections { .. })));
    assert_eq!(between(&a, &b).unwrap(), [3.0, 4.0, 0.0]);
}

/// (y − height·(1 − x²))² + ½z²: a valley along a parabola, whose floor is 0.
fn parabola(height: f64, point: &[f32]) -> (f64, [f64; 3]) {
    let [x, y, z] = [0, 1, 2].map(|k| f64::from(point[k]));
    let over = y - height * (1.0 - x * x);
    (over * over + 0.5 * z * z, [4.0 * height * x * over, 2.0 * over, z])
}

fn trained(height: f64, options: &BendOptions, from: Option<Bend>, until: usize) -> Bend {
    let (a, b) = ([-1.0_f32, 0.0, 0.0], [1.0_f32, 0.0, 0.0]);
    let mut bend = from.unwrap_or_else(|| Bend::between(&a, &b).unwrap());
    let mut at = [0.0; 3];
    while bend.step < until {
        bend.point(&a, &b, &mut at).unwrap();
        bend.descend(&parabola(height, &at).1, options).unwrap();
    }
    bend
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) })]

    /// From (−1, 0) to (1, 0) over (0, 2·height): x = 2t − 1 and y = 4t(1 − t)·height = height·(1 − x²).
    #[test]
    fn the_bend_over_a_parabola_is_found_and_the_curve_lies_on_its_floor(
        height in -1.5..1.5_f64,
        momentum in 0.0..0.95_f64,
    ) {
        let options = BendOptions { steps: 2000, rate: 0.5 * (1.0 - momentum), momentum };
        let bend = trained(height, &options, None, 2000);
        for (found, expected) in bend.at.iter().zip([0.0, 2.0 * height, 0.0]) {
            prop_assert!((f64::from(*found) - expected).abs() < 1e-3, "{:?}", bend.at);
        }
        let curve = Bezier::new(&[-1.0, 0.0, 0.0], &bend.at, &[1.0, 0.0, 0.0]).unwrap();
        let mut at = [0.0; 3];
        for t in nodes(25) {
            curve.point_at(t, &mut at);
            prop_assert!(parabola(height, &at).0 < 1e-6);
        }
    }

    #[test]
    fn a_bend_that_was_laid_aside_goes_on_to_the_bit(
        height in -1.5..1.5_f64,
        aside in 0..200_usize,
    ) {
        let options = BendOptions { steps: 200, ..BendOptions::default() };
        let whole = trained(height, &options, None, 200);
        let part = trained(height, &options, None, aside);
        prop_assert_eq!(trained(height, &options, Some(part), 200), whole);
    }
}

#[test]
fn rates_stay_then_fall_and_steps_fill_the_curve_evenly() {
    let options = BendOptions { steps: 100, rate: 0.2, momentum: 0.0 };
    for (step, share) in [(0, 1.0), (50, 1.0), (60, 0.7525), (70, 0.505), (90, 0.01), (100, 0.01)] {
        assert!((options.rate_at(step) - 0.2 * share).abs() < 1e-12, "{step}");
    }
    let mut bend = Bend::between(&[0.0], &[1.0]).unwrap();
    let mut mean = 0.0;
    for _ in 0..100 {
        mean += Bezier::bend_factor(bend.t()) / 100.0;
        bend.descend(&[0.0], &options).unwrap();
    }
    // ∫ 2t(1 − t) dt
    assert!((mean - 1.0 / 3.0).abs() < 5e-3, "{mean}");
    let short = bend.descend(&[], &options).unwrap_err();
    assert!(matches!(short, Error::LengthMismatch { .. }), "{short}");
}
