//! Where a surface is measured: axes whose nodes are multiples of a spacing, and an order from coarse to fine.

use crate::error::Error;

/// The nodes `(first + i) · spacing`, i = 0 … count − 1, of one coordinate. The coordinate 0, the centre, is
/// always one of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    first: i64,
    count: usize,
    spacing: f64,
}

impl Axis {
    /// An axis of `count` nodes whose first one is `first · spacing`.
    ///
    /// # Errors
    ///
    /// [`Error::AxisTooShort`] with fewer than 2 nodes, [`Error::AxisWithoutCentre`] if node 0 is not among
    /// them, [`Error::AxisRange`] if the spacing or an end is not finite or the spacing is not positive.
    pub fn new(first: i64, count: usize, spacing: f64) -> Result<Self, Error> {
        check_count(count, 2)?;
        let last = i64::try_from(count - 1).ok().and_then(|steps| first.checked_add(steps));
        let last = last.filter(|&last| first <= 0 && 0 <= last);
        let last = last.ok_or(Error::AxisWithoutCentre { first, count })?;
        let (min, max) = (first as f64 * spacing, last as f64 * spacing);
        if !(spacing > 0.0 && (max - min).is_finite()) {
            return Err(Error::AxisRange { min, max });
        }
        Ok(Self { first, count, spacing })
    }

    /// The axis from `-half_range` to `half_range`. An odd `count` puts the centre in the middle; with an
    /// even one the positive side has one node more, beyond `half_range`.
    ///
    /// # Errors
    ///
    /// As [`covering`](Self::covering).
    pub fn symmetric(half_range: f64, count: usize) -> Result<Self, Error> {
        Self::covering(-half_range, half_range, 0.0, count)
    }

    /// The axis with the smallest spacing whose `count` nodes reach from `min` to `max`, both ends moved
    /// outwards by `margin` times the range (0.1: a tenth at each end), and contain 0. The range is widened
    /// to whole multiples of the spacing, and to 0 if it lies on one side of it.
    ///
    /// # Errors
    ///
    /// [`Error::AxisTooShort`] with fewer nodes than 2, or 3 if the range lies on both sides of 0;
    /// [`Error::AxisRange`] if the range is not finite, descending, or of width 0; [`Error::AxisMargin`] if
    /// the margin is negative or not finite.
    pub fn covering(min: f64, max: f64, margin: f64, count: usize) -> Result<Self, Error> {
        let (low, high) = widened(min, max, margin)?;
        let (before, spacing) = finest(low, high, count)?;
        Self::new(-(before as i64), count, spacing)
    }

    /// Index of the first node in units of the spacing: 0 or negative.
    #[must_use]
    pub fn first(&self) -> i64 {
        self.first
    }

    /// Number of nodes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Distance between neighbouring nodes, as a coefficient of the direction.
    #[must_use]
    pub fn spacing(&self) -> f64 {
        self.spacing
    }

    /// Which node is the centre, coordinate 0.
    #[must_use]
    pub fn centre(&self) -> usize {
        self.first.unsigned_abs() as usize
    }

    /// Coordinate of node `index`; exactly 0.0 at the centre.
    #[must_use]
    pub fn value(&self, index: usize) -> f64 {
        (self.first + index as i64) as f64 * self.spacing
    }

    /// The coordinates of all nodes, ascending.
    pub fn values(&self) -> impl ExactSizeIterator<Item = f64> + use<> {
        let axis = *self;
        (0..axis.count).map(move |index| axis.value(index))
    }

    /// The lowest coordinate.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.value(0)
    }

    /// The highest coordinate.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.value(self.count - 1)
    }

    /// Whether as many nodes lie before the centre as after it.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        self.longer_side() * 2 + 1 == self.count
    }

    /// Nodes on the longer side of the centre.
    fn longer_side(&self) -> usize {
        self.centre().max(self.count - 1 - self.centre())
    }
}

fn check_count(count: usize, least: usize) -> Result<(), Error> {
    if count < least {
        return Err(Error::AxisTooShort { count, least });
    }
    Ok(())
}

fn widened(min: f64, max: f64, margin: f64) -> Result<(f64, f64), Error> {
    if !(margin.is_finite() && margin >= 0.0) {
        return Err(Error::AxisMargin { margin });
    }
    let (low, high) = (min.min(0.0), max.max(0.0));
    let width = high - low;
    let extra = margin * width;
    // `min` and `max` pass over NaN, the comparison does not.
    if min <= max && width > 0.0 && (width + 2.0 * extra).is_finite() {
        return Ok((low - extra, high + extra));
    }
    Err(Error::AxisRange { min, max })
}

/// The smallest spacing with which `count` nodes cover `low ≤ 0 ≤ high`, and how many nodes then lie
/// before 0; of equal spacings the one with fewer nodes before.
fn finest(low: f64, high: f64, count: usize) -> Result<(usize, f64), Error> {
    let sides = usize::from(low < 0.0) + usize::from(high > 0.0);
    check_count(count, sides + 1)?;
    let steps = count - 1;
    // The ideal share of the nodes is rarely a whole number: one of its neighbours is best.
    let ideal = (-low / (high - low) * steps as f64) as usize;
    let candidates = ideal.saturating_sub(1)..=(ideal + 2).min(steps);
    let spacings = candidates.map(|before| (before, spacing(low, high, before, steps - before)));
    let best = spacings.min_by(|a, b| a.1.total_cmp(&b.1));
    Ok(best.unwrap_or((0, f64::INFINITY)))
}

fn spacing(low: f64, high: f64, before: usize, after: usize) -> f64 {
    reaching(-low, before).max(reaching(high, after))
}

/// The smallest spacing with which `steps` steps reach `distance`.
fn reaching(distance: f64, steps: usize) -> f64 {
    if distance == 0.0 {
        return 0.0;
    }
    let spacing = distance / steps as f64;
    if spacing * (steps as f64) < distance { spacing.next_up() } else { spacing }
}

/// The nodes of a line or of a plane.
///
/// Nodes are numbered row by row: node `iy · nx + ix` lies at (`x.value(ix)`, `y.value(iy)`); on a line,
/// node `ix` lies at (`x.value(ix)`, 0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    x: Axis,
    y: Option<Axis>,
}

/// One refinement of a grid: with the levels before it, it completes every node whose distance from the
/// centre is a multiple of the strides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Nodes from one column of the completed sub-grid to the next.
    pub stride_x: usize,
    /// Nodes from one row of the completed sub-grid to the next; 1 on a line.
    pub stride_y: usize,
    /// The nodes that no earlier level holds, ascending.
    pub nodes: Vec<usize>,
}

impl Grid {
    /// The nodes of a line.
    #[must_use]
    pub fn line(x: Axis) -> Self {
        Self { x, y: None }
    }

    /// The nodes of a plane.
    #[must_use]
    pub fn plane(x: Axis, y: Axis) -> Self {
        Self { x, y: Some(y) }
    }

    /// The axis of the first direction.
    #[must_use]
    pub fn x(&self) -> &Axis {
        &self.x
    }

    /// The axis of the second direction; none on a line.
    #[must_use]
    pub fn y(&self) -> Option<&Axis> {
        self.y.as_ref()
    }

    /// Whether there is only one direction.
    #[must_use]
    pub fn is_line(&self) -> bool {
        self.y.is_none()
    }

    /// Nodes per row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.x.count
    }

    /// Number of rows: 1 on a line.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.y.map_or(1, |y| y.count)
    }

    /// Number of nodes; there is always one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a grid is never empty")]
    pub fn len(&self) -> usize {
        self.columns() * self.rows()
    }

    /// Number of the node in column `ix` and row `iy`.
    #[must_use]
    pub fn node(&self, ix: usize, iy: usize) -> usize {
        iy * self.columns() + ix
    }

    /// Column and row of a node.
    #[must_use]
    pub fn column_row(&self, node: usize) -> (usize, usize) {
        (node % self.columns(), node / self.columns())
    }

    /// Coordinates (α, β) of a node; β is 0 on a line.
    #[must_use]
    pub fn coordinates(&self, node: usize) -> (f64, f64) {
        let (ix, iy) = self.column_row(node);
        (self.x.value(ix), self.y.map_or(0.0, |y| y.value(iy)))
    }

    /// The node at (0, 0).
    #[must_use]
    pub fn centre(&self) -> usize {
        self.node(self.x.centre(), self.centre_row())
    }

    fn centre_row(&self) -> usize {
        self.y.map_or(0, |y| y.centre())
    }

    /// An order that shows the whole picture early: each level completes a regular sub-grid through the
    /// centre, every node is in exactly one level.
    ///
    /// Strides divide each other down to 1, 24·12·6·3·1 on an axis of 49 nodes. The first one is the
    /// greatest that is not longer than the longer side of the axis and has no prime factor above 5, so that
    /// every step refines by 2, 3 or 5.
    #[must_use]
    pub fn coarse_to_fine(&self) -> Vec<Level> {
        let mut levels: Vec<Level> = self.strides().into_iter().map(empty_level).collect();
        for node in 0..self.len() {
            // The last strides are 1, so there always is a level.
            if let Some(first) = levels.iter().position(|level| self.is_in(node, level)) {
                levels[first].nodes.push(node);
            }
        }
        levels.retain(|level| !level.nodes.is_empty());
        levels
    }

    /// Nodes from one column and from one row to the next of the sub-grids of
    /// [`coarse_to_fine`](Self::coarse_to_fine), coarsest first; the axis that is fine first waits for the other.
    #[must_use]
    pub fn strides(&self) -> Vec<(usize, usize)> {
        let x = strides(self.x.longer_side());
        let y = self.y.map_or(vec![1], |y| strides(y.longer_side()));
        let at = |strides: &[usize], level| strides.get(level).copied().unwrap_or(1);
        (0..x.len().max(y.len())).map(|level| (at(&x, level), at(&y, level))).collect()
    }

    fn is_in(&self, node: usize, level: &Level) -> bool {
        let (ix, iy) = self.column_row(node);
        ix.abs_diff(self.x.centre()).is_multiple_of(level.stride_x)
            && iy.abs_diff(self.centre_row()).is_multiple_of(level.stride_y)
    }
}

fn empty_level((stride_x, stride_y): (usize, usize)) -> Level {
    Level { stride_x, stride_y, nodes: Vec::new() }
}

/// From the greatest smooth stride within `side` down to 1, each divided by its smallest prime factor.
fn strides(side: usize) -> Vec<usize> {
    let first = (1..=side).rev().find(|&stride| is_smooth(stride));
    let refine = |stride: &usize| smallest_factor(*stride).map(|factor| stride / factor);
    std::iter::successors(first, refine).collect()
}

const FACTORS: [usize; 3] = [2, 3, 5];

fn is_smooth(stride: usize) -> bool {
    stride == 1 || smallest_factor(stride).is_some_and(|factor| is_smooth(stride / factor))
}

fn smallest_factor(stride: usize) -> Option<usize> {
    FACTORS.into_iter().find(|&factor| stride > 1 && stride.is_multiple_of(factor))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn levels(grid: &Grid) -> Vec<(usize, usize)> {
        grid.coarse_to_fine().iter().map(|level| (level.stride_x, level.stride_y)).collect()
    }

    #[test]
    fn a_symmetric_axis_has_the_centre_in_the_middle_at_exactly_zero() {
        let axis = Axis::symmetric(1.0, 5).unwrap();
        assert_eq!(axis.values().collect::<Vec<_>>(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!((axis.first(), axis.centre(), axis.spacing()), (-2, 2, 0.5));
        assert!(axis.is_symmetric());
        assert_eq!(axis.value(axis.centre()).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn an_even_axis_contains_the_centre_too() {
        let axis = Axis::symmetric(1.0, 4).unwrap();
        assert_eq!(axis.values().collect::<Vec<_>>(), [-1.0, 0.0, 1.0, 2.0]);
        assert!(!axis.is_symmetric());
    }

    #[test]
    fn a_covering_axis_widens_to_multiples_of_its_spacing() {
        // 6 steps: 1 before and 5 after 0 would need a spacing of max(1, 3/5), 2 and 4 need max(.5, .75).
        let axis = Axis::covering(-1.0, 3.0, 0.0, 7).unwrap();
        assert_eq!((axis.first(), axis.spacing()), (-2, 0.75));
        assert_eq!((axis.min(), axis.max()), (-1.5, 3.0));
        // A tenth of 4 at both ends, −1.4 … 3.4: 2 and 4 steps need max(.7, .85).
        let axis = Axis::covering(-1.0, 3.0, 0.1, 7).unwrap();
        assert_eq!(axis.first(), -2);
        assert!((axis.spacing() - 0.85).abs() < 1e-12);
    }

    #[test]
    fn a_range_beside_the_centre_is_widened_to_it() {
        let axis = Axis::covering(2.0, 3.0, 0.0, 4).unwrap();
        assert_eq!(axis.values().collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0]);
        let axis = Axis::covering(-3.0, -2.0, 0.0, 2).unwrap();
        assert_eq!(axis.values().collect::<Vec<_>>(), [-3.0, 0.0]);
    }

    #[test]
    fn axes_that_cannot_be_are_refused_with_a_way_out() {
        for count in [0, 1] {
            let error = Axis::symmetric(1.0, count).unwrap_err();
            assert_eq!(error, Error::AxisTooShort { count, least: 3 });
            assert!(error.to_string().contains("takes at least 3 nodes"), "{error}");
        }
        for half_range in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX] {
            let error = Axis::symmetric(half_range, 5).unwrap_err();
            assert!(matches!(error, Error::AxisRange { .. }), "{half_range}: {error}");
        }
        for margin in [-0.1, f64::NAN, f64::INFINITY] {
            let error = Axis::covering(0.0, 1.0, margin, 5).unwrap_err();
            assert!(matches!(error, Error::AxisMargin { .. }), "{error}");
        }
        assert!(matches!(Axis::covering(2.0, 1.0, 0.0, 5), Err(Error::AxisRange { .. })));
        assert!(matches!(Axis::new(1, 5, 0.1), Err(Error::AxisWithoutCentre { .. })));
        assert!(matches!(Axis::new(-9, 5, 0.1), Err(Error::AxisWithoutCentre { .. })));
        assert!(matches!(Axis::new(-2, 5, 0.0), Err(Error::AxisRange { .. })));
        assert!(matches!(Axis::new(-2, 5, f64::NAN), Err(Error::AxisRange { .. })));
    }

    #[test]
    fn nodes_are_numbered_row_by_row() {
        let grid = Grid::plane(Axis::symmetric(2.0, 5).unwrap(), Axis::symmetric(10.0, 3).unwrap());
        assert_eq!((grid.columns(), grid.rows(), grid.len()), (5, 3, 15));
        assert_eq!(grid.coordinates(0), (-2.0, -10.0));
        assert_eq!(grid.coordinates(4), (2.0, -10.0));
        assert_eq!(grid.coordinates(5), (-2.0, 0.0));
        assert_eq!((grid.centre(), grid.coordinates(grid.centre())), (7, (0.0, 0.0)));
        let line = Grid::line(Axis::symmetric(2.0, 5).unwrap());
        assert_eq!((line.len(), line.centre(), line.coordinates(4)), (5, 2, (2.0, 0.0)));
    }

    #[test]
    fn forty_nine_nodes_refine_by_24_12_6_3_1() {
        let axis = Axis::symmetric(1.0, 49).unwrap();
        let strides = [24, 12, 6, 3, 1].map(|stride| (stride, stride));
        assert_eq!(levels(&Grid::plane(axis, axis)), strides);
        let sizes = |grid: Grid| -> Vec<_> {
            grid.coarse_to_fine().iter().map(|level| level.nodes.len()).collect()
        };
        // 3², 5², 9², 17², 49² nodes in the completed sub-grids.
        assert_eq!(sizes(Grid::plane(axis, axis)), [9, 16, 56, 208, 2112]);
        assert_eq!(sizes(Grid::line(axis)), [3, 2, 4, 8, 32]);
    }

    #[test]
    fn awkward_counts_still_refine_in_small_steps() {
        let line = |count| levels(&Grid::line(Axis::symmetric(1.0, count).unwrap()));
        let strides = |grid: Vec<(usize, usize)>| grid.into_iter().map(|l| l.0).collect::<Vec<_>>();
        assert_eq!(strides(line(51)), [25, 5, 1]);
        assert_eq!(strides(line(47)), [20, 10, 5, 1]); // sides of 23, a prime
        assert_eq!(strides(line(3)), [1]);
    }

    #[test]
    fn the_shorter_axis_waits_for_the_longer_one() {
        let grid = Grid::plane(Axis::symmetric(1.0, 13).unwrap(), Axis::symmetric(1.0, 5).unwrap());
        assert_eq!(levels(&grid), [(6, 2), (3, 1), (1, 1)]);
    }

    fn axis() -> impl Strategy<Value = Axis> {
        (2..40_usize, 1e-3..1e3_f64, any::<prop::sample::Index>()).prop_map(
            |(count, spacing, centre)| {
                Axis::new(-(centre.index(count) as i64), count, spacing).unwrap()
            },
        )
    }

    fn grid() -> impl Strategy<Value = Grid> {
        prop_oneof![
            axis().prop_map(Grid::line),
            (axis(), axis()).prop_map(|(x, y)| Grid::plane(x, y)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_covering_axis_covers_its_range_and_contains_zero(
            min in -1e3..1e3_f64, width in 1e-6..1e3_f64, margin in 0.0..1.0_f64, count in 3..200_usize,
        ) {
            let max = min + width;
            let axis = Axis::covering(min, max, margin, count).unwrap();
            prop_assert_eq!(axis.count(), count);
            prop_assert!(axis.min() <= min && max <= axis.max());
            prop_assert_eq!(axis.value(axis.centre()).to_bits(), 0.0_f64.to_bits());
        }

        #[test]
        fn no_other_placement_of_zero_needs_a_smaller_spacing(
            min in -10.0..0.0_f64, max in 0.0..10.0_f64, count in 3..60_usize,
        ) {
            prop_assume!(max - min > 1e-6);
            let axis = Axis::covering(min, max, 0.0, count).unwrap();
            for before in 0..count {
                let after = count - 1 - before;
                let covers = |h: f64| -min <= before as f64 * h && max <= after as f64 * h;
                prop_assert!(!covers(axis.spacing() * (1.0 - 1e-9)));
            }
        }

        #[test]
        fn every_node_is_in_exactly_one_level(grid in grid()) {
            let levels = grid.coarse_to_fine();
            let mut nodes: Vec<_> = levels.into_iter().flat_map(|level| level.nodes).collect();
            nodes.sort_unstable();
            prop_assert_eq!(nodes, (0..grid.len()).collect::<Vec<_>>());
        }

        #[test]
        fn every_level_completes_a_regular_sub_grid_through_the_centre(grid in grid()) {
            let mut known = BTreeSet::new();
            let (cx, cy) = grid.column_row(grid.centre());
            for level in grid.coarse_to_fine() {
                known.extend(level.nodes);
                let columns = (0..grid.columns()).filter(|x| x % level.stride_x == cx % level.stride_x);
                let sub_grid = columns.flat_map(|x| {
                    let rows = (0..grid.rows()).filter(|y| y % level.stride_y == cy % level.stride_y);
                    rows.map(move |y| grid.node(x, y))
                });
                prop_assert!(known.contains(&grid.centre()));
                prop_assert_eq!(&known, &sub_grid.collect::<BTreeSet<_>>());
            }
        }
    }
}
