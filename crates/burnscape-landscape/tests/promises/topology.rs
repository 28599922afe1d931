//! Basins and saddles: surfaces whose minima are known, and flood fill as a second route.

use burnscape_landscape::grid::{Axis, Grid};
use burnscape_landscape::surface::{NodeValue, Surface};
use burnscape_landscape::topology::{Doubts, MergeTree, Standing};
use burnscape_landscape::words;
use proptest::prelude::*;

/// Nodes from (0, 0) on.
fn grid(columns: usize, rows: usize, spacing: [f64; 2]) -> Grid {
    let [x, y] = [(columns, spacing[0]), (rows, spacing[1])];
    Grid::plane(Axis::new(0, x.0, x.1).unwrap(), Axis::new(0, y.0, y.1).unwrap())
}

fn filled(grid: Grid, loss: impl Fn(f64, f64) -> f64, stderr: f64) -> Surface {
    let mut surface = Surface::new(grid);
    for node in 0..grid.len() {
        let (x, y) = grid.coordinates(node);
        surface.set(node, NodeValue { mean: loss(x, y), stderr });
    }
    surface
}

fn of_values(columns: usize, rows: usize, values: &[f64]) -> Surface {
    let grid = grid(columns, rows, [1.0, 1.0]);
    let mut surface = Surface::new(grid);
    // So coarse a scale that rounding is no matter.
    surface.set_resolution(0.0);
    for (node, &mean) in values.iter().enumerate() {
        surface.set(node, NodeValue { mean, stderr: f64::NAN });
    }
    surface
}

fn tree(surface: &Surface) -> MergeTree {
    MergeTree::of(surface, Doubts::default())
}

#[test]
fn a_double_well_has_two_minima_and_persistence_one() {
    let well = |x: f64| (x * x - 1.0).powi(2);
    let axis = Axis::symmetric(1.5, 61).unwrap();
    let line = filled(Grid::line(axis), |x, _| well(x), f64::NAN);
    let plane = filled(Grid::plane(axis, axis), |x, y| well(x) + y * y, f64::NAN);
    for surface in [line, plane] {
        let tree = tree(&surface);
        assert_eq!((tree.minima(), tree.saddles(), tree.noise()), (2, 1, 0));
        let [lowest, other] = tree.basins() else { panic!("{tree:?}") };
        assert_eq!((lowest.persistence, other.into), (None, Some(0)));
        assert!((other.persistence.unwrap() - 1.0).abs() < 1e-12);
        let saddle = other.saddle.unwrap();
        assert_eq!((saddle.alpha, saddle.beta, saddle.loss), (0.0, 0.0, 1.0));
        // The ridge belongs to one of both; beside it the sides are apart.
        for (node, label) in tree.labels().iter().enumerate() {
            let (x, _) = surface.grid().coordinates(node);
            let side = tree.basins()[label.unwrap()].minimum.alpha;
            assert!(x == 0.0 || x.signum() == side.signum(), "{x} belongs to {side}");
        }
    }
}

/// Müller and Brown 1979, Theor. Chim. Acta 53, 75.
fn muller_brown(x: f64, y: f64) -> f64 {
    let terms = [
        (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
        (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
        (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
        (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
    ];
    let term = |&(height, a, b, c, x0, y0): &(f64, f64, f64, f64, f64, f64)| {
        let (dx, dy) = (x - x0, y - y0);
        height * (a * dx * dx + b * dx * dy + c * dy * dy).exp()
    };
    terms.iter().map(term).sum()
}

#[test]
fn the_surface_of_muller_and_brown_has_its_three_minima_and_two_saddles() {
    let nodes = grid(101, 101, [2.7 / 100.0, 2.2 / 100.0]);
    let surface = filled(nodes, |a, b| muller_brown(a - 1.5, b - 0.2), f64::NAN);
    let tree = tree(&surface);
    assert_eq!((tree.minima(), tree.saddles()), (3, 2));
    // Heights and places as they are published; the places within two nodes.
    let published = [
        (-146.70, (-0.558, 1.442), None),
        (-108.17, (0.623, 0.028), Some((-40.67, (-0.822, 0.624), 67.5))),
        (-80.77, (-0.050, 0.467), Some((-72.25, (0.212, 0.293), 8.5))),
    ];
    let is_near = |found: &burnscape_landscape::surface::Extreme, height: f64, at: (f64, f64)| {
        let (x, y) = (found.alpha - 1.5, found.beta - 0.2);
        (found.loss - height).abs() < 0.3 && (x - at.0).abs() < 0.06 && (y - at.1).abs() < 0.05
    };
    for (basin, (height, at, saddle)) in tree.basins().iter().zip(published) {
        assert!(is_near(&basin.minimum, height, at), "{basin:?}");
        assert!(!basin.at_border);
        assert_eq!(basin.saddle.is_some(), saddle.is_some());
        if let (Some(found), Some((height, at, persistence))) = (&basin.saddle, saddle) {
            assert!(is_near(found, height, at), "{basin:?}");
            // The sum of two heights, each within 0.3.
            assert!((basin.persistence.unwrap() - persistence).abs() < 0.3, "{basin:?}");
        }
    }
    assert_eq!(tree.basins()[2].into, Some(1));
    assert!(words::topology(&tree).contains("3 minima"), "{}", words::topology(&tree));
}

#[test]
fn what_is_not_finite_is_a_wall_and_never_a_minimum() {
    for hole in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let axis = Axis::symmetric(1.0, 9).unwrap();
        let mut bowl = filled(Grid::plane(axis, axis), |x, y| x * x + y * y, f64::NAN);
        bowl.set(bowl.grid().centre(), NodeValue { mean: hole, stderr: f64::NAN });
        let found = tree(&bowl);
        assert_eq!((found.walls(), found.labels()[bowl.grid().centre()]), (1, None));
        assert!(found.basins().iter().all(|basin| basin.minimum.loss == 0.0625), "{found:?}");
        // A wall right through it: nothing meets across.
        for row in 0..9 {
            let node = bowl.grid().node(4, row);
            bowl.set(node, NodeValue { mean: hole, stderr: f64::NAN });
        }
        let found = tree(&bowl);
        assert_eq!((found.minima(), found.saddles(), found.walls()), (2, 0, 9));
    }
    let nothing = tree(&Surface::new(grid(3, 3, [1.0, 1.0])));
    assert_eq!((nothing.minima(), nothing.walls()), (0, 9));
}

#[test]
fn what_lies_below_twice_the_standard_error_of_the_difference_is_noise() {
    let axis = Axis::symmetric(1.5, 31).unwrap();
    let well = |x: f64, _| (x * x - 1.0).powi(2);
    // Independent means of this error differ by √2 of it.
    let just = 0.5 / 2.0_f64.sqrt();
    for (stderr, minima) in [(0.99 * just, 2), (1.01 * just, 1)] {
        let found = tree(&filled(Grid::line(axis), well, stderr));
        assert_eq!((found.minima(), found.noise()), (minima, 2 - minima));
        let labels: std::collections::BTreeSet<_> = found.labels().iter().flatten().collect();
        assert_eq!(labels.len(), minima);
    }
    // Samples that are shared make differences surer, which whoever knows them tells.
    let surface = filled(Grid::line(axis), well, 3.0);
    let paired = |a: usize, b: usize| if a == b { 0.0 } else { 0.4 };
    let doubts = Doubts { difference_stderr: Some(&paired), interpolation_tolerance: None };
    assert_eq!(MergeTree::of(&surface, doubts).minima(), 2);
    let noise = tree(&surface).basins()[1].standing;
    assert!(matches!(noise, Standing::Noise { threshold } if threshold > 8.4), "{noise:?}");
}

#[test]
fn rounding_of_large_losses_is_noise_even_where_no_error_is_known() {
    let ripples = |x: f64, _| 1e6 + 0.05 * (20.0 * x).sin() + x * x;
    let found = tree(&filled(Grid::line(Axis::symmetric(1.0, 201).unwrap()), ripples, f64::NAN));
    assert_eq!(found.minima(), 1);
    assert!(found.noise() >= 2);
}

#[test]
fn filled_in_losses_count_only_where_their_tolerance_is_far_below_the_depth() {
    let axis = Axis::symmetric(1.5, 31).unwrap();
    let mut surface = filled(Grid::line(axis), |x, _| (x * x - 1.0).powi(2), f64::NAN);
    surface.set_interpolated(surface.grid().centre(), 1.0);
    for (tolerance, minima) in [(None, 1), (Some(0.11), 1), (Some(0.09), 2)] {
        let doubts = Doubts { interpolation_tolerance: tolerance, difference_stderr: None };
        let found = MergeTree::of(&surface, doubts);
        assert_eq!((found.minima(), found.filled_in()), (minima, 2 - minima), "{tolerance:?}");
    }
}

/// Basins by brute force: a node that has no lower neighbour begins one; it ends at the lowest level at which a flood from
/// it reaches a lower node. `(minimum, saddle)`, levels and nodes in the order of values, then of numbers.
fn by_flood_fill(columns: usize, rows: usize, values: &[f64]) -> Vec<(usize, Option<usize>)> {
    let is_before = |a: usize, b: usize| (values[a], a) < (values[b], b);
    let beside = |node: usize| {
        let (x, y) = ((node % columns) as isize, (node / columns) as isize);
        [(-1, -1), (0, -1), (-1, 0), (1, 0), (0, 1), (1, 1)].into_iter().filter_map(
            move |(dx, dy)| {
                let inside = (0..columns as isize).contains(&(x + dx))
                    && (0..rows as isize).contains(&(y + dy));
                inside.then(|| ((y + dy) * columns as isize + x + dx) as usize)
            },
        )
    };
    let reaches_lower = |from: usize, level: usize| {
        let (mut seen, mut todo) = (vec![false; values.len()], vec![from]);
        while let Some(node) = todo.pop() {
            if values[node].is_nan()
                || is_before(level, node)
                || std::mem::replace(&mut seen[node], true)
            {
                continue;
            }
            if is_before(node, from) {
                return true;
            }
            todo.extend(beside(node));
        }
        false
    };
    let mut levels: Vec<usize> = (0..values.len()).filter(|&node| !values[node].is_nan()).collect();
    levels.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
    let mut basins = Vec::new();
    for &node in &levels {
        let saddle = levels.iter().copied().find(|&level| reaches_lower(node, level));
        if saddle.is_none_or(|saddle| values[saddle] > values[node] && !is_before(saddle, node)) {
            let is_minimum = beside(node).all(|it| values[it].is_nan() || is_before(node, it));
            basins.extend(is_minimum.then_some((node, saddle)));
        }
    }
    basins.sort_unstable();
    basins
}

/// Few different values, so that plateaus and ties are frequent; one in eight is a hole.
fn rough(columns: usize, rows: usize) -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![7 => (0..9_u8).prop_map(f64::from), 1 => Just(f64::NAN)];
    prop::collection::vec(value, columns * rows)
}

/// Birth and death of each basin; of those that never end, infinity.
fn diagram(tree: &MergeTree) -> Vec<(f64, f64)> {
    let death =
        |it: &burnscape_landscape::topology::Basin| it.saddle.map_or(f64::INFINITY, |it| it.loss);
    tree.basins().iter().map(|it| (it.minimum.loss, death(it))).collect()
}

/// Whether the points of one diagram that are farther than `reach` from the diagonal can each be given a point of the other
/// within `reach`. Holding for both, it is what a bottleneck distance of at most `reach` means (Mendelsohn and Dulmage).
fn covers(points: &[(f64, f64)], others: &[(f64, f64)], reach: f64) -> bool {
    fn assign(
        point: usize,
        near: &[Vec<usize>],
        taken: &mut [Option<usize>],
        seen: &mut [bool],
    ) -> bool {
        near[point].iter().any(|&other| {
            if std::mem::replace(&mut seen[other], true) {
                return false;
            }
            let free = taken[other].is_none_or(|holder| assign(holder, near, taken, seen));
            if free {
                taken[other] = Some(point);
            }
            free
        })
    }
    let is_near = |a: f64, b: f64| a == b || (a - b).abs() <= reach;
    let near: Vec<Vec<usize>> = points
        .iter()
        .map(|p| {
            (0..others.len())
                .filter(|&o| is_near(p.0, others[o].0) && is_near(p.1, others[o].1))
                .collect()
        })
        .collect();
    let mut taken = vec![None; others.len()];
    let mut far = (0..points.len()).filter(|&p| points[p].1 - points[p].0 > 2.0 * reach);
    far.all(|point| assign(point, &near, &mut taken, &mut vec![false; others.len()]))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn the_tree_is_what_flood_fill_finds(
        (columns, rows, values) in (2..7_usize, 2..7_usize)
            .prop_flat_map(|(columns, rows)| (Just(columns), Just(rows), rough(columns, rows))),
    ) {
        let tree = tree(&of_values(columns, rows, &values));
        let mut found: Vec<_> = tree
            .basins()
            .iter()
            .map(|it| (it.minimum.node, it.saddle.map(|saddle| saddle.node)))
            .collect();
        found.sort_unstable();
        prop_assert_eq!(found, by_flood_fill(columns, rows, &values));
        prop_assert_eq!(tree.walls(), values.iter().filter(|it| it.is_nan()).count());
        for basin in tree.basins() {
            let into = basin.into.map(|into| tree.basins()[into]);
            prop_assert!(into.is_none_or(|into| into.minimum.loss <= basin.minimum.loss));
        }
    }

    #[test]
    fn basins_move_by_no_more_than_the_losses_do(
        values in prop::collection::vec(-3.0..3.0_f64, 48),
        changes in prop::collection::vec(-0.5..0.5_f64, 48),
    ) {
        let changed: Vec<f64> = values.iter().zip(&changes).map(|(a, b)| a + b).collect();
        let [f, g] = [&values, &changed].map(|it| tree(&of_values(8, 6, it)));
        let reach = changes.iter().fold(0.0_f64, |most, it| most.max(it.abs())) * (1.0 + 1e-9);
        prop_assert!(covers(&diagram(&f), &diagram(&g), reach));
        prop_assert!(covers(&diagram(&g), &diagram(&f), reach));
        // Both ends move by that much: a persistence by up to twice as much.
        let persistences = |tree: &MergeTree| -> Vec<f64> {
            tree.basins().iter().filter_map(|basin| basin.persistence).collect()
        };
        let (f, g) = (persistences(&f), persistences(&g));
        for rank in 0..f.len().max(g.len()) {
            let [f, g] = [&f, &g].map(|it| it.get(rank).copied().unwrap_or(0.0));
            prop_assert!((f - g).abs() <= 2.0 * reach, "{} {}", f, g);
        }
    }
}
