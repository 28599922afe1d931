//! How much losses on a grid scatter from node to node: what differences of a high order leave of them.
//!
//! A smooth function nearly vanishes when neighbours are subtracted again and again; what is left is what each loss is
//! off by itself, whether by rounding of its own or of larger numbers on the way to it (Hamming 1971, "Introduction to
//! Applied Numerical Analysis"; Moré and Wild 2011, "Estimating computational noise", SIAM J. Sci. Comput. 33(3)).

use std::ops::Range;

use crate::grid::Axis;
use crate::surface::Surface;

/// Orders of differences, each with the sum of the squares of its coefficients, C(2k, k): fewer leave more of what is
/// smooth, more need more nodes.
const ORDERS: [(usize, f64); 3] = [(4, 70.0), (5, 252.0), (6, 924.0)];

/// Standard deviation of the losses around the centre, from as many nodes on either side as there are up to `reach`; 0
/// where too few are measured and finite.
pub(crate) fn around_centre(surface: &Surface, reach: usize) -> f64 {
    let grid = surface.grid();
    let columns = window(grid.x(), reach);
    let rows = grid.y().map_or(0..1, |y| window(y, reach));
    let loss = |column, row| surface.finite_loss(grid.node(column, row));
    let row = |row| columns.clone().map(|column| loss(column, row)).collect::<Option<Vec<f64>>>();
    let column = |column| rows.clone().map(|row| loss(column, row)).collect();
    let lines: Vec<Vec<f64>> =
        rows.clone().map(row).chain(columns.clone().map(column)).flatten().collect();
    let deviations =
        ORDERS.iter().filter_map(|(order, squares)| deviation(&lines, *order, *squares));
    deviations.min_by(f64::total_cmp).unwrap_or(0.0)
}

fn deviation(lines: &[Vec<f64>], order: usize, squares: f64) -> Option<f64> {
    let all: Vec<f64> = lines.iter().flat_map(|line| differences(line, order)).collect();
    let mean = all.iter().map(|it| it * it).sum::<f64>() / all.len() as f64;
    (!all.is_empty()).then(|| (mean / squares).sqrt())
}

fn differences(line: &[f64], order: usize) -> Vec<f64> {
    (0..order)
        .fold(line.to_vec(), |line, _| line.windows(2).map(|pair| pair[1] - pair[0]).collect())
}

/// Up to `2·reach + 1` nodes of an axis around its centre, moved inwards at the ends.
pub(crate) fn window(axis: &Axis, reach: usize) -> Range<usize> {
    let len = reach.saturating_mul(2).saturating_add(1).min(axis.count());
    let start = axis.centre().saturating_sub(reach).min(axis.count() - len);
    start..start + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curvature::vectors::stream;
    use crate::grid::Grid;
    use crate::surface::NodeValue;
    use rand_distr::{Distribution, StandardNormal};

    fn surface(grid: Grid, mut loss: impl FnMut(f64, f64) -> f64) -> Surface {
        let mut surface = Surface::new(grid);
        for node in 0..grid.len() {
            let (alpha, beta) = grid.coordinates(node);
            surface.set(node, NodeValue { mean: loss(alpha, beta), stderr: f64::NAN });
        }
        surface
    }

    fn axis(count: usize) -> Axis {
        Axis::symmetric(1.0, count).unwrap()
    }

    #[test]
    fn scatter_is_found_under_a_smooth_surface_and_nothing_where_there_is_none() {
        let smooth = |a: f64, b: f64| 3.0 + a - b + (0.7 * a).exp() + (a - 0.3 * b).powi(3);
        for grid in [Grid::line(axis(49)), Grid::plane(axis(49), axis(25))] {
            assert!(around_centre(&surface(grid, smooth), 8) < 1e-8);
            let mut rng = stream(3, "scatter");
            let mut scatter = || -> f64 { StandardNormal.sample(&mut rng) };
            let found = around_centre(&surface(grid, |a, b| smooth(a, b) + 1e-3 * scatter()), 8);
            assert!((0.5e-3..2e-3).contains(&found), "{found}");
        }
    }

    #[test]
    fn few_nodes_and_holes_say_nothing() {
        let square = |a: f64, b: f64| a * a + b;
        assert_eq!(around_centre(&surface(Grid::plane(axis(3), axis(3)), square), 8), 0.0);
        let mut holed = surface(Grid::plane(axis(9), axis(9)), square);
        (0..81).step_by(4).for_each(|node| holed.set_interpolated(node, 0.1));
        assert_eq!(around_centre(&holed, 8), 0.0);
        assert_eq!(around_centre(&Surface::new(Grid::line(axis(9))), 8), 0.0);
    }
}
