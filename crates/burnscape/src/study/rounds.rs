//! The nodes of a slice in the order in which they are asked for, a few at a time.

use burnscape_landscape::adaptive::{Adaptive, Filled};
use burnscape_landscape::grid::Grid;
use burnscape_landscape::surface::Surface;

use crate::Result;

/// How many turns a whole slice takes at least: others that are measured with it are never far behind.
const TURNS: usize = 8;

/// Nodes of a turn at least, since a turn costs some preparation.
const LEAST_TURN: usize = 16;

/// The nodes that are still to be measured of a slice: first the centre, then coarse to fine, or where interpolation
/// does not tell.
pub(super) struct Rounds {
    grid: Grid,
    order: Order,
    /// Nodes measured in the end, at most.
    most: usize,
}

enum Order {
    /// All of these.
    Listed(Vec<usize>),
    Adaptive(Box<Adaptive>),
}

impl Rounds {
    /// # Errors
    ///
    /// If the tolerance is no share.
    pub fn new(grid: Grid, tolerance: Option<f64>, most: Option<usize>) -> Result<Self> {
        let most = most.unwrap_or(grid.len());
        let adaptive = tolerance.map(|tolerance| Adaptive::new(grid, tolerance)).transpose()?;
        // So few nodes that interpolation cannot begin are a coarse grid.
        let adaptive = adaptive.filter(|_| first_nodes(&grid) <= most);
        let order = match adaptive {
            Some(adaptive) => Order::Adaptive(Box::new(adaptive)),
            None => Order::Listed(coarse_to_fine(&grid, most)),
        };
        Ok(Self { grid, order, most })
    }

    /// These nodes and no others, the centre first.
    pub fn listed(grid: Grid, nodes: Vec<usize>) -> Self {
        let most = nodes.len();
        Self { grid, order: Order::Listed(nodes), most }
    }

    /// The next few nodes; none when no more are to be measured.
    pub fn next(&mut self, surface: &Surface) -> Vec<usize> {
        if !surface.is_measured(self.grid.centre()) {
            return vec![self.grid.centre()];
        }
        let mut nodes = match &mut self.order {
            Order::Listed(nodes) => missing(nodes, surface),
            Order::Adaptive(adaptive) => {
                let round = adaptive.next_round(surface);
                let known = surface.counts().measured;
                if known + round.len() > self.most { Vec::new() } else { round }
            }
        };
        nodes.truncate((self.grid.len() / TURNS).max(LEAST_TURN));
        nodes
    }

    /// Nodes that are going to be measured yet, at most.
    pub fn left(&self, surface: &Surface) -> usize {
        match &self.order {
            Order::Listed(nodes) => missing(nodes, surface).len(),
            Order::Adaptive(_) => self.most.saturating_sub(surface.counts().measured),
        }
    }

    pub fn is_adaptive(&self) -> bool {
        matches!(self.order, Order::Adaptive(_))
    }

    /// Fills in what was left out; `None` where nothing is interpolated.
    pub fn fill(&self, layers: &mut [Surface]) -> Option<Vec<Filled>> {
        let Order::Adaptive(adaptive) = &self.order else { return None };
        Some(layers.iter_mut().map(|layer| adaptive.fill(layer)).collect())
    }
}

/// Nodes that adaptive evaluation of a grid begins with.
pub(super) fn first_nodes(grid: &Grid) -> usize {
    // Any tolerance has the same first round.
    let adaptive = Adaptive::new(*grid, 0.5).ok();
    adaptive.map_or(0, |mut it| it.next_round(&Surface::new(*grid)).len())
}

/// The centre, then as many whole sub-grids as there are nodes for; of the first one, what there is.
fn coarse_to_fine(grid: &Grid, most: usize) -> Vec<usize> {
    let mut order = vec![grid.centre()];
    for level in grid.coarse_to_fine() {
        let nodes: Vec<usize> = level.nodes.into_iter().filter(|&it| it != grid.centre()).collect();
        if order.len() > 1 && order.len() + nodes.len() > most {
            break;
        }
        order.extend(nodes);
    }
    order.truncate(most.max(1));
    order
}

fn missing(nodes: &[usize], surface: &Surface) -> Vec<usize> {
    nodes.iter().copied().filter(|&node| !surface.is_measured(node)).collect()
}

#[cfg(test)]
mod tests {
    use burnscape_landscape::grid::Axis;
    use burnscape_landscape::surface::NodeValue;

    use super::*;

    fn plane(count: usize) -> Grid {
        let axis = Axis::symmetric(1.0, count).expect("an axis");
        Grid::plane(axis, axis)
    }

    /// Measures until nothing is asked for any more; the sizes of the turns.
    fn measured(rounds: &mut Rounds, loss: impl Fn(f64, f64) -> f64) -> (Surface, Vec<usize>) {
        let mut surface = Surface::new(rounds.grid);
        let mut turns = Vec::new();
        loop {
            let nodes = rounds.next(&surface);
            if nodes.is_empty() {
                return (surface, turns);
            }
            assert!(nodes.len() <= rounds.left(&surface));
            turns.push(nodes.len());
            for node in nodes {
                let (alpha, beta) = rounds.grid.coordinates(node);
                surface.set(node, NodeValue { mean: loss(alpha, beta), stderr: f64::NAN });
            }
        }
    }

    #[test]
    fn the_centre_comes_first_and_whole_grids_follow_up_to_the_most() {
        let bowl = |a: f64, b: f64| a * a + b * b;
        // 3², 5², 9² and 17² nodes are whole sub-grids of 49 × 49.
        for (most, expected) in [(1, 1), (4, 4), (9, 9), (24, 9), (25, 25), (80, 25), (300, 289)] {
            let (surface, turns) =
                measured(&mut Rounds::new(plane(49), None, Some(most)).expect("rounds"), bowl);
            assert_eq!((surface.counts().measured, turns[0]), (expected, 1), "{most}");
            assert_eq!(surface.centre_loss(), Some(0.0));
        }
        let (surface, turns) =
            measured(&mut Rounds::new(plane(49), None, None).expect("rounds"), bowl);
        assert!(surface.is_complete() && turns.iter().all(|&turn| turn <= 2401 / 8), "{turns:?}");
    }

    #[test]
    fn adaptive_rounds_end_at_the_most_and_go_on_from_there() {
        let rough = |a: f64, b: f64| (7.0 * a).sin() * (5.0 * b).cos() + a * a;
        let mut cut_short = Rounds::new(plane(21), Some(0.01), Some(60)).expect("rounds");
        let (surface, _) = measured(&mut cut_short, rough);
        let known = surface.counts().measured;
        assert!((50..=60).contains(&known), "{known}");
        let mut whole = Rounds::new(plane(21), Some(0.01), None).expect("rounds");
        let (all, _) = measured(&mut whole, rough);
        let mut on = Rounds::new(plane(21), Some(0.01), None).expect("rounds");
        assert!(!on.next(&surface).is_empty(), "the tolerance is not reached");
        let is_part = (0..441).all(|node| all.is_measured(node) || !surface.is_measured(node));
        assert!(is_part && all.counts().measured > known);
        // Too few to interpolate from are a coarse grid.
        let mut coarse = Rounds::new(plane(21), Some(0.01), Some(20)).expect("rounds");
        assert_eq!(measured(&mut coarse, rough).0.counts().measured, 9);
        assert!(!coarse.is_adaptive() && coarse.fill(&mut [surface]).is_none());
    }
}
