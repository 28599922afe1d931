//! Measures of a slice against closed forms, and their spread over slices against the textbook.

use burnscape_landscape::agreement::{Agreement, Measures, Spread};
use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::plane::PlaneGram;
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_landscape::words;
use proptest::prelude::*;

const UNIT: PlaneGram = PlaneGram { d1_d1: 1.0, d1_d2: 0.0, d2_d2: 1.0 };
/// Directions (2, 0) and (1.5, 1.5√3): lengths 2 and 3 at 60°.
const SKEW: PlaneGram = PlaneGram { d1_d1: 4.0, d1_d2: 3.0, d2_d2: 9.0 };

/// The point α (2, 0) + β (1.5, 1.5√3).
fn skew(alpha: f64, beta: f64) -> (f64, f64) {
    (2.0 * alpha + 1.5 * beta, 1.5 * 3.0_f64.sqrt() * beta)
}

fn square(count: usize) -> Grid {
    let axis = Axis::symmetric(1.0, count).unwrap();
    Grid::plane(axis, axis)
}

fn line(count: usize) -> Grid {
    Grid::line(Axis::symmetric(1.0, count).unwrap())
}

fn surface(grid: Grid, loss: impl Fn(f64, f64) -> f64) -> Surface {
    let mut surface = Surface::new(grid);
    for node in 0..grid.len() {
        let (alpha, beta) = grid.coordinates(node);
        surface.set(node, NodeValue { mean: loss(alpha, beta), stderr: f64::NAN });
    }
    surface
}

fn hole(surface: &mut Surface, node: usize) {
    surface.set(node, NodeValue { mean: f64::NAN, stderr: f64::NAN });
}

fn near(found: Option<f64>, expected: f64, tolerance: f64) {
    let found = found.expect("a value");
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

#[test]
fn a_round_bowl_seen_through_skew_directions_is_convex_with_its_curvature_and_radius() {
    // c + ½ k r² doubles at r = √(2c / k).
    let (c, k) = (0.5, 4.0);
    let bowl = surface(square(41), |a, b| {
        let (x, y) = skew(a, b);
        c + 0.5 * k * (x * x + y * y)
    });
    let found = Measures::of(&bowl, &SKEW);
    assert_eq!(found.convexity, Some(1.0));
    near(found.largest_curvature, k, 1e-9);
    near(found.smallest_curvature, k, 1e-9);
    // Steps on a ray are at most h = ‖d₁ + d₂‖ / 20 long. Interpolation lies above the bowl, by at most
    // k h² / 8 on the ray and as much again across it, where the slope is k r.
    let (radius, h) = ((2.0 * c / k).sqrt(), 19.0_f64.sqrt() / 20.0);
    let found = found.doubling_radius.unwrap();
    assert!(found <= radius && radius - found <= h * h / (4.0 * (radius - h)), "{found} {radius}");
}

#[test]
fn a_cone_doubles_where_its_linear_rays_say() {
    // 1 + 2 max(|α|, |β|) is linear on every ray and between nodes of the square's sides: α or β = 0.5.
    let cone = surface(square(21), |a, b| 1.0 + 2.0 * a.abs().max(b.abs()));
    let mut radii: Vec<f64> = Vec::new();
    for k in -10..10_i32 {
        let side = f64::from(k) / 10.0;
        // Four sides of the border, each node once.
        let ends = [(side, -1.0), (1.0, side), (-side, 1.0), (-1.0, -side)];
        radii.extend(ends.map(|(a, b): (f64, f64)| 0.5 * a.hypot(b)));
    }
    radii.sort_unstable_by(f64::total_cmp);
    near(Measures::of(&cone, &UNIT).doubling_radius, radii[39], 1e-9);
}

#[test]
fn a_saddle_and_a_hill_are_nowhere_convex_and_a_plain_is_everywhere() {
    for gram in [UNIT, SKEW] {
        let convexity =
            |loss: fn(f64, f64) -> f64| Measures::of(&surface(square(9), loss), &gram).convexity;
        assert_eq!(convexity(|a, b| 3.0 + a * a - 0.01 * b * b), Some(0.0));
        assert_eq!(convexity(|a, b| a * b), Some(0.0));
        assert_eq!(convexity(|a, b| -a * a - b * b), Some(0.0));
        assert_eq!(convexity(|_, _| 1e9), Some(1.0));
        // Positive semidefinite, not definite; then with the rounding of losses in f32.
        assert_eq!(convexity(|a, b| (a - 3.0 * b).powi(2)), Some(1.0));
        let in_f32 = |a: f64, b: f64| f64::from((0.3 * a + 0.1 * b + 7.0 / 3.0) as f32);
        assert_eq!(convexity(in_f32), Some(1.0));
    }
}

#[test]
fn half_of_a_wave_is_convex() {
    // −cos is convex for |α| < π/2: second differences there are positive, beyond negative.
    let grid = Grid::plane(Axis::symmetric(3.0, 61).unwrap(), Axis::symmetric(1.0, 5).unwrap());
    let found = Measures::of(&surface(grid, |a, b| b * b - a.cos()), &UNIT);
    // Inner columns −2.9, −2.8 … 2.9; those from −1.5 to 1.5.
    near(found.convexity, 31.0 / 59.0, 1e-12);
}

#[test]
fn nodes_beside_holes_do_not_count_and_interpolated_ones_do() {
    let mut holed = surface(square(5), |a, b| a * a + b * b);
    // Of nine inner nodes only the one diagonally opposite keeps all neighbours… and its two neighbours.
    hole(&mut holed, square(5).node(1, 1));
    let hill = square(5).node(4, 4);
    holed.set_interpolated(hill, -50.0);
    let found = Measures::of(&holed, &UNIT).convexity.unwrap();
    // Inner nodes at distance 2 from (1, 1): (3, 1), (3, 2), (3, 3), (1, 3), (2, 3); (3, 3) sees the pit.
    assert!((found - 0.8).abs() < 1e-12, "{found}");
    assert_eq!(Measures::of(&Surface::new(square(5)), &UNIT), Measures::default());
    assert_eq!(
        Measures::of(
            &surface(
                Grid::plane(Axis::new(0, 2, 1.0).unwrap(), Axis::new(0, 5, 1.0).unwrap()),
                |a, _| a
            ),
            &UNIT
        )
        .convexity,
        None
    );
}

#[test]
fn principal_curvatures_are_the_eigenvalues_per_distance() {
    let saddle = surface(square(11), |a, b| {
        let (x, y) = skew(a, b);
        1.0 + 0.5 * (7.0 * x * x - 2.0 * y * y)
    });
    let found = Measures::of(&saddle, &SKEW);
    near(found.largest_curvature, 7.0, 1e-9);
    near(found.smallest_curvature, -2.0, 1e-9);
}

#[test]
fn a_line_has_one_curvature_a_convexity_and_a_radius() {
    let gram = PlaneGram { d1_d1: 9.0, d1_d2: 0.0, d2_d2: 0.0 };
    // 1 + 18 α² at distance 3α: 1 + 2 r², curvature 4. On the nodes 1/8 apart it reads 1.75 at ¼ − ⅛·…
    let bowl = Measures::of(&surface(line(17), |a, _| 1.0 + 18.0 * a * a), &gram);
    near(bowl.largest_curvature, 4.0, 1e-9);
    near(bowl.smallest_curvature, 4.0, 1e-9);
    assert_eq!(bowl.convexity, Some(1.0));
    // At α = 1/8 the loss is 1.28125, at 2/8 it is 2.125: linear in between, 2 at 0.25 − 0.125·0.125/0.84375.
    near(bowl.doubling_radius, 3.0 * (0.25 - 0.125 * 0.125 / 0.84375), 1e-9);
    assert_eq!(Measures::of(&surface(line(9), |a, _| 3.0 - a * a), &gram).convexity, Some(0.0));
}

#[test]
fn there_is_no_doubling_radius_where_nothing_doubles() {
    let radius =
        |loss: fn(f64, f64) -> f64| Measures::of(&surface(square(9), loss), &UNIT).doubling_radius;
    assert_eq!(radius(|a, b| 1.0 + 0.1 * (a * a + b * b)), None);
    assert_eq!(radius(|a, _| a * a), None, "a centre at zero");
    assert_eq!(radius(|a, _| a * a - 1.0), None, "a centre below zero");
    let mut without_centre = surface(square(9), |a, _| 1.0 + 9.0 * a.abs());
    hole(&mut without_centre, square(9).centre());
    assert_eq!(Measures::of(&without_centre, &UNIT).doubling_radius, None);
    // Doubles on one side only: of 8 rays on 3 × 3 nodes 3 reach α = 1, fewer than half.
    let one_sided = surface(square(3), |a, _| 1.0 + 2.0 * a.max(0.0));
    assert_eq!(Measures::of(&one_sided, &UNIT).doubling_radius, None);
    // The other 5 meet holes: of the 3 known ones, at ½ the way, the median is the diagonal.
    let mut holed = one_sided.clone();
    let grid = square(3);
    for (column, row) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)] {
        hole(&mut holed, grid.node(column, row));
    }
    near(Measures::of(&holed, &UNIT).doubling_radius, 0.5 * 2.0_f64.sqrt(), 1e-12);
}

#[test]
fn the_centre_may_lie_in_a_corner() {
    let axis = Axis::new(0, 21, 0.05).unwrap();
    let bowl = surface(Grid::plane(axis, axis), |a, b| 0.25 + a * a + b * b);
    near(Measures::of(&bowl, &UNIT).doubling_radius, 0.5, 0.003);
}

#[test]
fn planes_of_which_nothing_is_known_agree_with_nobody() {
    let bowl = |a: f64, b: f64| 0.1 + a * a + b * b;
    let measured = Measures::of(&surface(square(9), bowl), &UNIT);
    let unmeasured = Measures::of(&Surface::new(square(9)), &UNIT);
    let mut only_centre = Surface::new(square(9));
    let centre = square(9).centre();
    only_centre.set(centre, NodeValue { mean: 0.1, stderr: f64::NAN });
    let only_centre = Measures::of(&only_centre, &UNIT);
    assert!(measured.is_known() && !unmeasured.is_known() && !only_centre.is_known());
    for planes in 1..5_usize {
        let known = vec![measured; planes];
        let all = [&known[..], &[unmeasured, only_centre, unmeasured]].concat();
        let agreement = Agreement::of(&all);
        assert_eq!(agreement, Agreement::of(&known));
        assert_eq!(agreement.planes, planes);
        let sentences = words::agreement(&agreement).join(" ");
        assert_eq!(sentences.is_empty(), planes < 2, "{sentences}");
        assert!(planes < 2 || sentences.contains(&format!("Among {planes} random planes")));
        assert!(planes < 2 || sentences.contains(&format!("{planes} planes are few")));
    }
}

#[test]
fn spreads_are_mean_and_deviation_of_the_slices_that_have_a_value() {
    // A curvature is known of each, a radius of three.
    let measures = |radius| Measures {
        doubling_radius: radius,
        largest_curvature: Some(1.0),
        ..Measures::default()
    };
    let values = [Some(2.0), Some(4.0), None, Some(9.0)];
    let agreement = Agreement::of(&values.map(measures));
    // 2, 4, 9: mean 5, squares 9 + 1 + 16 over 2.
    let expected = Spread {
        shown: Some(2.0),
        count: 3,
        mean: 5.0,
        standard_deviation: 13.0_f64.sqrt(),
        min: 2.0,
        max: 9.0,
        error: 0.0,
    };
    assert_eq!((agreement.planes, agreement.doubling_radius), (4, Some(expected)));
    assert_eq!(agreement.convexity, None);
    let unknown = Spread::of([None, Some(3.0)]).unwrap();
    assert_eq!((unknown.shown, unknown.count, unknown.standard_deviation), (None, 1, 0.0));
    assert_eq!(Agreement::of(&[]), Agreement::default());
    assert!(words::agreement(&agreement)[0].contains("(this one: 2.000, the lowest)"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_quadratic_is_convex_everywhere_or_nowhere_by_its_smallest_eigenvalue(
        turn in 0.0..3.0_f64, large in 0.1..9.0_f64, small in -3.0..9.0_f64, slope in -5.0..5.0_f64,
    ) {
        prop_assume!(small.abs() > 0.01);
        let loss = |a: f64, b: f64| {
            let (x, y) = skew(a, b);
            let (u, v) = (x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin());
            2.0 + slope * x + 0.5 * (large * u * u + small * v * v)
        };
        let found = Measures::of(&surface(square(7), loss), &SKEW);
        prop_assert_eq!(found.convexity, Some(if small > 0.0 { 1.0 } else { 0.0 }));
        prop_assert!((found.largest_curvature.unwrap() - large.max(small)).abs() < 1e-8);
        prop_assert!((found.smallest_curvature.unwrap() - large.min(small)).abs() < 1e-8);
    }

    #[test]
    fn nothing_panics_on_any_grid_and_any_losses(
        columns in 2..7_usize, rows in 2..7_usize, left in 0..7_usize, below in 0..7_usize,
        losses in prop::collection::vec(prop_oneof![-2.0..9.0_f64, Just(f64::NAN), Just(f64::INFINITY)], 49),
    ) {
        let axis = |count: usize, first: usize| Axis::new(-((first % count) as i64), count, 0.5).unwrap();
        for grid in [Grid::line(axis(columns, left)), Grid::plane(axis(columns, left), axis(rows, below))] {
            let mut any = Surface::new(grid);
            for (node, &mean) in losses.iter().enumerate().take(grid.len()) {
                any.set(node, NodeValue { mean, stderr: f64::NAN });
            }
            for gram in [UNIT, SKEW, PlaneGram { d1_d1: 0.0, d1_d2: 0.0, d2_d2: 0.0 }] {
                let found = Measures::of(&any, &gram);
                prop_assert!(found.convexity.is_none_or(|share| (0.0..=1.0).contains(&share)));
                let reach = 7.0 * 0.5 * 5.0 * 2.0;
                prop_assert!(found.doubling_radius.is_none_or(|radius| (0.0..=reach).contains(&radius)));
            }
        }
    }
}
