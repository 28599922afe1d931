//! Lines of equal loss: marching squares on the nodes of a plane.

use crate::surface::Surface;

/// A piece of a line of equal loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Polyline {
    /// Coordinates (α, β), at least two.
    pub points: Vec<(f64, f64)>,
    /// Whether the last point joins the first, which is not repeated.
    pub closed: bool,
}

/// The lines on which the surface, interpolated along the edges of the grid, has the loss `level`.
///
/// Marching squares (the marching cubes of Lorensen & Cline 1987, one dimension down): every cell of four nodes is crossed according
/// to which of them lie at or above the level; of the two ways to cross a saddle the mean of the cell
/// decides. A cell with a node that is unmeasured, NaN or infinite is left out, and lines end there as they
/// end at the border: nothing is drawn along the border. Interpolated nodes count as known.
///
/// A line grid, and a level that is not finite, have no isolines.
#[must_use]
pub fn isolines(surface: &Surface, level: f64) -> Vec<Polyline> {
    let cells = Cells { surface, level };
    let links = cells.links();
    links.chains().into_iter().filter_map(|chain| cells.polyline(&chain)).collect()
}

/// An edge of the grid: `2·node` runs from the node to its right neighbour, `2·node + 1` to its upper one.
type Edge = usize;

struct Cells<'a> {
    surface: &'a Surface,
    level: f64,
}

impl Cells<'_> {
    fn links(&self) -> Links {
        let grid = self.surface.grid();
        let mut links = Links::new(2 * grid.len());
        for iy in 1..grid.rows() {
            for ix in 1..grid.columns() {
                self.cross(grid.node(ix - 1, iy - 1), &mut links);
            }
        }
        links
    }

    /// Adds the segments in the cell whose lower left node is `corner`.
    fn cross(&self, corner: usize, links: &mut Links) {
        let above = corner + self.surface.grid().columns();
        // Counter-clockwise from the lower left.
        let losses = [corner, corner + 1, above + 1, above].map(|node| self.known(node));
        let [Some(a), Some(b), Some(c), Some(d)] = losses else {
            return;
        };
        let [bottom, right, top, left] =
            [2 * corner, 2 * (corner + 1) + 1, 2 * above, 2 * corner + 1];
        match [a, b, c, d].map(|loss| loss >= self.level) {
            [true, true, true, true] | [false, false, false, false] => {}
            [true, false, false, false] | [false, true, true, true] => links.join(left, bottom),
            [false, true, false, false] | [true, false, true, true] => links.join(bottom, right),
            [false, false, true, false] | [true, true, false, true] => links.join(right, top),
            [false, false, false, true] | [true, true, true, false] => links.join(top, left),
            [true, true, false, false] | [false, false, true, true] => links.join(left, right),
            [true, false, false, true] | [false, true, true, false] => links.join(bottom, top),
            [true, false, true, false] => self.cross_saddle(
                [a, b, c, d],
                [(bottom, right), (top, left)],
                [(left, bottom), (right, top)],
                links,
            ),
            [false, true, false, true] => self.cross_saddle(
                [a, b, c, d],
                [(left, bottom), (right, top)],
                [(bottom, right), (top, left)],
                links,
            ),
        }
    }

    fn known(&self, node: usize) -> Option<f64> {
        self.surface.loss(node).filter(|loss| loss.is_finite() && self.level.is_finite())
    }

    /// A high middle connects the two high corners, and the lines cut off the low ones.
    fn cross_saddle(
        &self,
        losses: [f64; 4],
        if_high: [(Edge, Edge); 2],
        if_low: [(Edge, Edge); 2],
        links: &mut Links,
    ) {
        let mean: f64 = losses.iter().map(|loss| loss / 4.0).sum();
        let segments = if mean >= self.level { if_high } else { if_low };
        for (from, to) in segments {
            links.join(from, to);
        }
    }

    /// None if all crossings fall on one node, where the loss equals the level.
    fn polyline(&self, chain: &Chain) -> Option<Polyline> {
        let mut points: Vec<_> = chain.edges.iter().map(|&edge| self.crossing(edge)).collect();
        points.dedup();
        if chain.closed && points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        let closed = chain.closed && points.len() > 2;
        (points.len() > 1).then_some(Polyline { points, closed })
    }

    fn crossing(&self, edge: Edge) -> (f64, f64) {
        let grid = self.surface.grid();
        let node = edge / 2;
        let neighbour = if edge.is_multiple_of(2) { node + 1 } else { node + grid.columns() };
        let losses = self.surface.losses();
        let share = share_at(self.level, losses[node], losses[neighbour]);
        let (from, to) = (grid.coordinates(node), grid.coordinates(neighbour));
        (mix(from.0, to.0, share), mix(from.1, to.1, share))
    }
}

/// Where between two losses, one below and one not, the level lies, in [0, 1]. Halved, because the
/// difference of two huge losses can overflow.
fn share_at(level: f64, from: f64, to: f64) -> f64 {
    (level / 2.0 - from / 2.0) / (to / 2.0 - from / 2.0)
}

fn mix(from: f64, to: f64, share: f64) -> f64 {
    // Not from + share · (to − from): where both are equal the result must be, too.
    if from == to { from } else { from * (1.0 - share) + to * share }
}

/// Which crossed edges are joined by segments: at most one in each of the two cells beside an edge.
struct Links {
    neighbours: Vec<[Option<Edge>; 2]>,
}

struct Chain {
    edges: Vec<Edge>,
    closed: bool,
}

impl Links {
    fn new(edges: usize) -> Self {
        Self { neighbours: vec![[None; 2]; edges] }
    }

    fn join(&mut self, a: Edge, b: Edge) {
        self.add(a, b);
        self.add(b, a);
    }

    fn add(&mut self, from: Edge, to: Edge) {
        let slot = usize::from(self.neighbours[from][0].is_some());
        self.neighbours[from][slot] = Some(to);
    }

    /// Open chains first, from their ends; what then remains is closed.
    fn chains(mut self) -> Vec<Chain> {
        let mut chains = Vec::new();
        for edge in 0..self.neighbours.len() {
            if matches!(self.neighbours[edge], [Some(_), None]) {
                chains.push(self.take(edge, false));
            }
        }
        for edge in 0..self.neighbours.len() {
            if self.neighbours[edge][0].is_some() {
                chains.push(self.take(edge, true));
            }
        }
        chains
    }

    /// Walks from `start` to the end of its chain and removes it.
    fn take(&mut self, start: Edge, closed: bool) -> Chain {
        let mut edges = vec![start];
        let mut next = self.leave(start, None);
        while let Some(edge) = next.filter(|&edge| edge != start) {
            let previous = edges.last().copied();
            edges.push(edge);
            next = self.leave(edge, previous);
        }
        Chain { edges, closed }
    }

    /// The neighbour of `edge` that is not the one we came from.
    fn leave(&mut self, edge: Edge, from: Option<Edge>) -> Option<Edge> {
        let neighbours = std::mem::take(&mut self.neighbours[edge]);
        neighbours.into_iter().flatten().find(|&next| Some(next) != from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::grid::{Axis, Grid};
    use crate::surface::NodeValue;

    fn surface(columns: usize, rows: usize, loss: impl Fn(f64, f64) -> f64) -> Surface {
        let axis = |count| Axis::symmetric(1.0, count).unwrap();
        let grid = Grid::plane(axis(columns), axis(rows));
        let mut surface = Surface::new(grid);
        for node in 0..grid.len() {
            let (alpha, beta) = grid.coordinates(node);
            surface.set(node, NodeValue { mean: loss(alpha, beta), stderr: f64::NAN });
        }
        surface
    }

    fn hole(surface: &mut Surface, node: usize, loss: f64) {
        surface.set(node, NodeValue { mean: loss, stderr: f64::NAN });
    }

    #[test]
    fn the_isoline_of_a_tilted_plane_is_one_straight_open_line() {
        let lines = isolines(&surface(9, 7, |a, b| 3.0 * a + 10.0 * b), 1.25);
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].closed);
        for &(alpha, beta) in &lines[0].points {
            assert!((3.0 * alpha + 10.0 * beta - 1.25).abs() < 1e-12);
        }
        let ends = [lines[0].points[0], *lines[0].points.last().unwrap()];
        assert!(ends.iter().all(|(alpha, _)| (alpha.abs() - 1.0).abs() < 1e-12), "{ends:?}");
    }

    #[test]
    fn the_isoline_of_a_bowl_is_one_closed_circle() {
        let lines = isolines(&surface(41, 61, |a, b| a * a + b * b), 0.36);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].closed);
        for &(alpha, beta) in &lines[0].points {
            // Linear interpolation of a square errs by at most h²/4 in the loss.
            assert!((alpha.hypot(beta) - 0.6).abs() < 0.05_f64.powi(2) / 4.0 / 0.6);
        }
        assert!((length(&lines[0]) / (std::f64::consts::TAU * 0.6) - 1.0).abs() < 0.002);
    }

    fn length(line: &Polyline) -> f64 {
        let next = line.points.iter().cycle().skip(1);
        let pieces = line.points.iter().zip(next);
        pieces.map(|(a, b)| (a.0 - b.0).hypot(a.1 - b.1)).sum()
    }

    #[test]
    fn nothing_is_drawn_along_the_border_of_a_plateau() {
        assert!(isolines(&surface(5, 5, |_, _| 1.0), 0.5).is_empty());
        assert!(isolines(&surface(5, 5, |_, _| 1.0), 1.5).is_empty());
        assert!(isolines(&surface(5, 5, |_, _| 1.0), 1.0).is_empty());
    }

    #[test]
    fn an_isoline_that_leaves_the_grid_is_open() {
        // A circle of radius 1.2 around the centre of a square of half-width 1: four arcs.
        let lines = isolines(&surface(41, 41, |a, b| a * a + b * b), 1.44);
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| !line.closed));
    }

    #[test]
    fn cells_beside_a_hole_are_skipped_and_no_point_is_nan() {
        for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut bowl = surface(21, 21, |a, b| a * a + b * b);
            let on_circle = bowl.grid().node(16, 10); // (0.6, 0)
            hole(&mut bowl, on_circle, loss);
            let lines = isolines(&bowl, 0.36);
            assert_eq!(lines.len(), 1);
            assert!(!lines[0].closed);
            assert!(lines[0].points.iter().all(|p| p.0.is_finite() && p.1.is_finite()));
            assert!(lines[0].points.iter().all(|p| p.0 <= 0.5 || p.1.abs() >= 0.1 - 1e-12));
        }
    }

    #[test]
    fn unmeasured_cells_have_no_lines_and_interpolated_ones_have() {
        let full = surface(3, 3, |a, _| a);
        let mut part = Surface::new(*full.grid());
        for node in [0, 1, 3, 4] {
            part.set(node, NodeValue { mean: full.losses()[node], stderr: 0.0 });
        }
        assert_eq!(isolines(&part, -0.5)[0].points, [(-0.5, -1.0), (-0.5, 0.0)]);
        part.set_interpolated(6, -1.0);
        part.set_interpolated(7, 0.0);
        assert_eq!(isolines(&part, -0.5)[0].points, [(-0.5, -1.0), (-0.5, 0.0), (-0.5, 1.0)]);
        assert!(isolines(&Surface::new(*full.grid()), 0.0).is_empty());
    }

    /// Two nodes by two: the corners counter-clockwise from the lower left.
    fn cell(corners: [f64; 4]) -> Surface {
        let axis = Axis::new(0, 2, 1.0).unwrap();
        let mut surface = Surface::new(Grid::plane(axis, axis));
        for (node, corner) in [0, 1, 3, 2].into_iter().zip(corners) {
            surface.set(node, NodeValue { mean: corner, stderr: 0.0 });
        }
        surface
    }

    #[test]
    fn all_sixteen_cells_separate_the_high_corners_from_the_low_ones() {
        for case in 0..16_u32 {
            let high: [bool; 4] = std::array::from_fn(|corner| case >> corner & 1 == 1);
            let lines = isolines(&cell(high.map(f64::from)), 0.5);
            let changes = (0..4).filter(|&k| high[k] != high[(k + 1) % 4]).count();
            assert_eq!(lines.len(), changes / 2, "{high:?}");
            for line in lines {
                assert_eq!((line.points.len(), line.closed), (2, false));
                assert!(line.points.iter().all(|&(x, y)| x == 0.5 || y == 0.5));
            }
        }
    }

    #[test]
    fn the_mean_of_a_saddle_decides_which_corners_are_connected() {
        let cut_off = |corners: [f64; 4], level: f64| -> Vec<(f64, f64)> {
            let mid = |line: &Polyline| {
                let [a, b] = line.points[..] else { panic!("{line:?}") };
                ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
            };
            let mut middles: Vec<_> = isolines(&cell(corners), level).iter().map(mid).collect();
            middles.sort_by(|a, b| a.0.total_cmp(&b.0));
            middles
        };
        // High at (0,0) and (1,1), mean .5: above level .25 the low corners (0,1), (1,0) are cut off.
        assert_eq!(cut_off([1.0, 0.0, 1.0, 0.0], 0.25), [(0.125, 0.875), (0.875, 0.125)]);
        // Below level .75 the high corners are.
        assert_eq!(cut_off([1.0, 0.0, 1.0, 0.0], 0.75), [(0.125, 0.125), (0.875, 0.875)]);
        assert_eq!(cut_off([0.0, 1.0, 0.0, 1.0], 0.25), [(0.125, 0.125), (0.875, 0.875)]);
        assert_eq!(cut_off([0.0, 1.0, 0.0, 1.0], 0.75), [(0.125, 0.875), (0.875, 0.125)]);
    }

    #[test]
    fn lines_and_levels_that_are_not_finite_have_no_isolines() {
        let mut line = Surface::new(Grid::line(Axis::symmetric(1.0, 5).unwrap()));
        (0..5).for_each(|node| hole(&mut line, node, node as f64));
        assert!(isolines(&line, 2.5).is_empty());
        for level in [f64::NAN, f64::INFINITY] {
            assert!(isolines(&surface(5, 5, |a, _| a), level).is_empty());
        }
    }

    proptest! {
        #[test]
        fn isolines_of_any_losses_stay_in_the_grid_and_end_only_at_the_border(
            losses in prop::collection::vec(prop_oneof![-2.0..2.0_f64, Just(0.0), Just(1.0), Just(-1e308), Just(1e308)], 30),
            level in prop_oneof![-2.0..2.0_f64, Just(0.0), Just(1.0)],
        ) {
            let mut bumpy = surface(6, 5, |_, _| 0.0);
            for (node, loss) in losses.into_iter().enumerate() {
                hole(&mut bumpy, node, loss);
            }
            let (x, y) = (*bumpy.grid().x(), *bumpy.grid().y().unwrap());
            let on_border = |p: &(f64, f64)| {
                p.0 == x.min() || p.0 == x.max() || p.1 == y.min() || p.1 == y.max()
            };
            for line in isolines(&bumpy, level) {
                for p in &line.points {
                    prop_assert!(x.min() <= p.0 && p.0 <= x.max() && y.min() <= p.1 && p.1 <= y.max());
                }
                let ends = [line.points.first().unwrap(), line.points.last().unwrap()];
                prop_assert!(line.closed || line.points.len() == 2 || ends.into_iter().all(on_border));
            }
        }
    }
}
