//! The level rises from node to node: basins begin, grow and meet.

use crate::grid::Grid;
use crate::surface::Surface;

/// A basin of positive persistence.
pub(super) struct Merge {
    /// The node at which it began.
    pub minimum: usize,
    /// The node at which it met a lower basin, and the place of that one.
    pub saddle: Option<(usize, usize)>,
}

impl Merge {
    pub fn persistence(&self, surface: &Surface) -> Option<f64> {
        self.saddle.map(|(saddle, _)| surface.losses()[saddle] - surface.losses()[self.minimum])
    }
}

pub(super) struct Sweep {
    pub merges: Vec<Merge>,
    /// For every node the place of the basin to which steepest descent leads; none at walls.
    pub labels: Vec<Option<usize>>,
    pub walls: usize,
}

impl Sweep {
    pub fn over(surface: &Surface) -> Self {
        let grid = surface.grid();
        let losses = surface.losses();
        let mut nodes: Vec<usize> = (0..grid.len())
            .filter(|&node| surface.loss(node).is_some_and(f64::is_finite))
            .collect();
        nodes.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]).then(a.cmp(&b)));
        let mut rank = vec![usize::MAX; grid.len()];
        nodes.iter().enumerate().for_each(|(place, &node)| rank[node] = place);
        let mut rising = Rising::new(grid.len(), losses);
        for &node in &nodes {
            let is_below = |other: &usize| rank[*other] < rank[node];
            let mut below: Vec<usize> = neighbours(grid, node).filter(is_below).collect();
            below.sort_by_key(|&other| rank[other]);
            rising.reach(node, &below);
        }
        rising.finish(&nodes)
    }
}

/// The nodes beside one, along the sides of the squares and along one diagonal of each.
fn neighbours(grid: &Grid, node: usize) -> impl Iterator<Item = usize> + use<> {
    const STEPS: [(isize, isize); 6] = [(-1, -1), (0, -1), (-1, 0), (1, 0), (0, 1), (1, 1)];
    let grid = *grid;
    let (column, row) = grid.column_row(node);
    let at = move |(dx, dy): (isize, isize)| {
        let (x, y) = (column.checked_add_signed(dx)?, row.checked_add_signed(dy)?);
        (x < grid.columns() && y < grid.rows()).then(|| grid.node(x, y))
    };
    STEPS.into_iter().filter_map(at)
}

/// The nodes below the level, in sets that hang together, each named by its lowest node.
struct Rising<'a> {
    losses: &'a [f64],
    /// Towards the lowest node of the set.
    parent: Vec<usize>,
    /// The minimum to which steepest descent leads from a node.
    descent: Vec<usize>,
    /// Of a minimum: the saddle at which it met a lower one, and that one.
    met: Vec<Option<(usize, usize)>>,
}

impl<'a> Rising<'a> {
    fn new(nodes: usize, losses: &'a [f64]) -> Self {
        let itself: Vec<usize> = (0..nodes).collect();
        Self { losses, parent: itself.clone(), descent: itself, met: vec![None; nodes] }
    }

    /// The next node, with its neighbours below the level, the lowest first.
    fn reach(&mut self, node: usize, below: &[usize]) {
        let Some((&first, rest)) = below.split_first() else { return };
        self.descent[node] = self.descent[first];
        let mut lowest = self.lowest(first);
        for &other in rest {
            let met = self.lowest(other);
            let (low, high) =
                if self.is_lower(met, lowest) { (met, lowest) } else { (lowest, met) };
            if low != high {
                self.met[high] = Some((node, low));
                self.parent[high] = low;
            }
            lowest = low;
        }
        self.parent[node] = lowest;
    }

    fn is_lower(&self, a: usize, b: usize) -> bool {
        self.losses[a].total_cmp(&self.losses[b]).then(a.cmp(&b)).is_lt()
    }

    fn lowest(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    /// A minimum that met a lower one at its own height is a part of a plateau, not a basin.
    fn finish(self, nodes: &[usize]) -> Sweep {
        let is_basin = |node: usize| {
            let began = self.descent[node] == node;
            let grew = |(saddle, _): (usize, usize)| self.losses[saddle] > self.losses[node];
            began && self.met[node].is_none_or(grew)
        };
        let minima: Vec<usize> = nodes.iter().copied().filter(|&node| is_basin(node)).collect();
        let mut place = vec![None; self.parent.len()];
        minima.iter().enumerate().for_each(|(at, &node)| place[node] = Some(at));
        let basin = |mut minimum: usize| loop {
            match (place[minimum], self.met[minimum]) {
                (Some(found), _) => return found,
                (None, Some((_, lower))) => minimum = lower,
                (None, None) => unreachable!("what met no lower minimum is a basin"),
            }
        };
        let merge = |&minimum: &usize| Merge {
            minimum,
            saddle: self.met[minimum].map(|(saddle, low)| (saddle, basin(low))),
        };
        let merges = minima.iter().map(merge).collect();
        let mut labels = vec![None; self.parent.len()];
        nodes.iter().for_each(|&node| labels[node] = Some(basin(self.descent[node])));
        Sweep { merges, labels, walls: self.parent.len() - nodes.len() }
    }
}
