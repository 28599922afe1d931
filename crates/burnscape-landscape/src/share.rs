//! Which nodes of a grid each of several processes measures, none of which knows of the others.

use crate::grid::Grid;

/// The centre and two further nodes, the first and the last: everybody measures them, so that it shows whether all measure
/// the same.
#[must_use]
pub fn sentinels(grid: &Grid) -> Vec<usize> {
    let mut nodes = vec![grid.centre()];
    for node in [0, grid.len() - 1] {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    nodes
}

/// The nodes of one of `count` shares, `index` counted from 0: the [sentinels], then every `count`-th of the others, coarse
/// levels first. All shares together are the grid; without sentinels they are disjoint, and of one length up to one node.
///
/// # Panics
///
/// If there is no such share.
///
/// ```
/// use burnscape_landscape::grid::{Axis, Grid};
/// use burnscape_landscape::share::share;
///
/// let grid = Grid::line(Axis::symmetric(1.0, 9)?);
/// assert_eq!(share(&grid, 0, 2), [4, 0, 8, 2, 1, 5]);
/// assert_eq!(share(&grid, 1, 2), [4, 0, 8, 6, 3, 7]);
/// # Ok::<(), burnscape_landscape::Error>(())
/// ```
#[must_use]
pub fn share(grid: &Grid, index: usize, count: usize) -> Vec<usize> {
    assert!(index < count, "share {index} of {count}, counted from 0");
    let sentinels = sentinels(grid);
    let levels = grid.coarse_to_fine().into_iter().flat_map(|level| level.nodes);
    let others = levels.filter(|node| !sentinels.contains(node));
    sentinels.iter().copied().chain(others.skip(index).step_by(count)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::grid::Axis;

    proptest! {
        #[test]
        fn shares_make_up_the_grid_are_disjoint_even_and_coarse_before_fine(
            x in 3..40_usize, y in 1..40_usize, count in 1..50_usize, first in -50..10_i64,
        ) {
            let x = Axis::new(first.clamp(1 - x as i64, 0), x, 0.5).unwrap();
            let y = (y >= 3).then(|| Axis::symmetric(1.0, y).unwrap());
            let grid = y.map_or(Grid::line(x), |y| Grid::plane(x, y));
            let everybody = sentinels(&grid);
            prop_assert!(everybody.contains(&grid.centre()));
            let level_of = |node: usize| {
                grid.coarse_to_fine().iter().position(|level| level.nodes.contains(&node))
            };
            let mut seen = vec![0; grid.len()];
            let mut lengths = Vec::new();
            for index in 0..count {
                let own = share(&grid, index, count);
                prop_assert_eq!(&own[..everybody.len()], &everybody[..]);
                let own = &own[everybody.len()..];
                lengths.push(own.len());
                own.iter().for_each(|&node| seen[node] += 1);
                if grid.len() < 200 {
                    let levels: Vec<_> = own.iter().map(|&node| level_of(node)).collect();
                    prop_assert!(levels.is_sorted());
                }
            }
            everybody.iter().for_each(|&node| seen[node] += 1);
            prop_assert!(seen.iter().all(|&times| times == 1));
            let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }
    }
}
