//! The merge tree of a surface: which basins it has, how deep they are, and where they run into each other.

mod sweep;

use crate::surface::{Extreme, NodeState, Surface};
use sweep::{Merge, Sweep};

/// Standard errors below which a difference of two losses is taken for noise.
const STANDARD_ERRORS: f64 = 2.0;
/// Tolerances of interpolation from which on the depth of a basin with interpolated ends is believed.
const TOLERANCES: f64 = 10.0;

/// Whether a basin is one, as far as the losses can tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing {
    /// It is deeper than whatever its losses may be off by.
    Counts,
    /// It is no deeper than what the losses of its minimum and its saddle may be off by.
    Noise {
        /// Twice the standard error of their difference, or their rounding where that is more.
        threshold: f64,
    },
    /// Its minimum or its saddle was filled in, not measured, and it is no deeper than ten times the tolerance.
    FilledIn {
        /// Ten times the tolerance; infinite where that is not known.
        threshold: f64,
    },
}

/// A minimum of the surface, and the basin that fills around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Basin {
    /// Its lowest node.
    pub minimum: Extreme,
    /// The lowest node over which a lower basin is reached; none for the lowest of all that hang together.
    pub saddle: Option<Extreme>,
    /// The basin, by its place in [`MergeTree::basins`], that it runs into there.
    pub into: Option<usize>,
    /// Height of the saddle over the minimum; none where there is no saddle.
    pub persistence: Option<f64>,
    /// Whether the minimum lies on the border of the grid: the loss may go on falling beyond it.
    pub at_border: bool,
    /// Whether it counts.
    pub standing: Standing,
}

impl Basin {
    /// Whether the basin is one, as far as the losses can tell.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.standing == Standing::Counts
    }
}

/// What a surface may be off by, apart from what it tells itself.
#[derive(Clone, Copy, Default)]
pub struct Doubts<'a> {
    /// Standard error of the difference of the losses at two nodes, by their numbers; NaN if unknown. Without it that of
    /// two independent means is taken, which is too large for losses of the same samples.
    pub difference_stderr: Option<&'a dyn Fn(usize, usize) -> f64>,
    /// By how much interpolated losses may be off; unknown if none.
    pub interpolation_tolerance: Option<f64>,
}

/// The basins of a surface, and which node lies in which.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeTree {
    basins: Vec<Basin>,
    labels: Vec<Option<usize>>,
    walls: usize,
}

impl MergeTree {
    /// The merge tree of the sublevel sets (Edelsbrunner and Harer 2010, "Computational Topology", section VII.1).
    ///
    /// The loss is taken as linear on triangles: every square of the grid is split by the diagonal from its node with the
    /// lowest coordinates to that with the highest. As the level rises, each minimum begins a basin; where two meet, the
    /// one with the higher minimum ends (of equals the one with the greater node number), and the height of that saddle
    /// over its minimum is its persistence. Changing all losses by no more than ε moves births and deaths by no more than
    /// ε (Cohen-Steiner, Edelsbrunner and Harer 2007), and so persistences by no more than 2ε.
    ///
    /// Nodes without a finite loss, measured or interpolated, are walls: never a minimum, and nothing meets across them.
    /// A basin counts as noise if its persistence is at most twice the standard error of the difference of its two losses,
    /// or at most what rounding moves them by.
    #[must_use]
    pub fn of(surface: &Surface, doubts: Doubts) -> Self {
        let sweep = Sweep::over(surface);
        let mut order: Vec<usize> = (0..sweep.merges.len()).collect();
        let key = |&k: &usize| sweep.merges[k].persistence(surface).unwrap_or(f64::INFINITY);
        order.sort_by(|a, b| key(b).total_cmp(&key(a)));
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
        let basin = |&k: &usize| basin(surface, &sweep.merges[k], &place, doubts);
        let basins: Vec<Basin> = order.iter().map(basin).collect();
        let labels = sweep.labels.iter().map(|label| Some(counted(&basins, place[(*label)?])));
        Self { labels: labels.collect(), walls: sweep.walls, basins }
    }

    /// All basins of positive persistence, the most persistent first: those that are never left before all others.
    #[must_use]
    pub fn basins(&self) -> &[Basin] {
        &self.basins
    }

    /// The basins that count, with their places among [`basins`](Self::basins).
    pub fn counted(&self) -> impl Iterator<Item = (usize, &Basin)> {
        self.basins.iter().enumerate().filter(|(_, basin)| basin.counts())
    }

    /// The basins that count with their numbers from 1 on, as pictures show them, and the number of the one that each runs
    /// into.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Basin, Option<usize>)> {
        let number = |place: usize| self.counted().position(|(known, _)| known == place);
        let into = move |into: usize| number(counted(&self.basins, into)).map(|place| place + 1);
        (1..)
            .zip(self.counted())
            .map(move |(own, (_, basin))| (own, basin, basin.into.and_then(into)))
    }

    /// Number of minima that count.
    #[must_use]
    pub fn minima(&self) -> usize {
        self.counted().count()
    }

    /// Number of saddles over which basins that count run into others.
    #[must_use]
    pub fn saddles(&self) -> usize {
        self.counted().filter(|(_, basin)| basin.saddle.is_some()).count()
    }

    /// Number of basins that are no deeper than what their losses may be off by.
    #[must_use]
    pub fn noise(&self) -> usize {
        self.basins.iter().filter(|it| matches!(it.standing, Standing::Noise { .. })).count()
    }

    /// Number of basins that rest on filled-in losses.
    #[must_use]
    pub fn filled_in(&self) -> usize {
        self.basins.iter().filter(|it| matches!(it.standing, Standing::FilledIn { .. })).count()
    }

    /// Number of nodes without a finite loss.
    #[must_use]
    pub fn walls(&self) -> usize {
        self.walls
    }

    /// For every node the basin that counts in which it lies, as the place among [`basins`](Self::basins); none at walls.
    ///
    /// From each node the way leads to its lowest neighbour, and on, down to a minimum; a basin that does not count
    /// belongs to the one that it runs into.
    #[must_use]
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }
}

fn basin(surface: &Surface, merge: &Merge, place: &[usize], doubts: Doubts) -> Basin {
    Basin {
        minimum: extreme(surface, merge.minimum),
        saddle: merge.saddle.map(|(node, _)| extreme(surface, node)),
        into: merge.saddle.map(|(_, into)| place[into]),
        persistence: merge.persistence(surface),
        at_border: is_at_border(surface, merge.minimum),
        standing: standing(surface, merge, doubts),
    }
}

fn extreme(surface: &Surface, node: usize) -> Extreme {
    let (alpha, beta) = surface.grid().coordinates(node);
    Extreme { node, alpha, beta, loss: surface.losses()[node] }
}

fn is_at_border(surface: &Surface, node: usize) -> bool {
    let grid = surface.grid();
    let (column, row) = grid.column_row(node);
    let ends = |at: usize, count: usize| at == 0 || at + 1 == count;
    ends(column, grid.columns()) || (!grid.is_line() && ends(row, grid.rows()))
}

/// The lowest of all always counts: that there is a minimum is beyond doubt.
fn standing(surface: &Surface, merge: &Merge, doubts: Doubts) -> Standing {
    let (Some((saddle, _)), Some(persistence)) = (merge.saddle, merge.persistence(surface)) else {
        return Standing::Counts;
    };
    let ends = [merge.minimum, saddle];
    let noise = noise(surface, ends, doubts);
    if persistence <= noise {
        return Standing::Noise { threshold: noise };
    }
    let filled = TOLERANCES * doubts.interpolation_tolerance.unwrap_or(f64::INFINITY);
    let is_filled = |node: usize| surface.states()[node] == NodeState::Interpolated;
    match ends.into_iter().any(is_filled) && persistence <= filled {
        true => Standing::FilledIn { threshold: filled },
        false => Standing::Counts,
    }
}

fn noise(surface: &Surface, ends: [usize; 2], doubts: Doubts) -> f64 {
    let [a, b] = ends;
    let independent = surface.stderrs()[a].hypot(surface.stderrs()[b]);
    let stderr = doubts.difference_stderr.map_or(independent, |difference| difference(a, b));
    let rounding: f64 =
        ends.iter().map(|&node| surface.resolution() * surface.losses()[node].abs()).sum();
    // NaN, an unknown error, is passed over.
    rounding.max(STANDARD_ERRORS * stderr)
}

/// The basin that counts to which one belongs. Each runs into a more persistent one, the last of which counts.
fn counted(basins: &[Basin], mut basin: usize) -> usize {
    while let (false, Some(into)) = (basins[basin].counts(), basins[basin].into) {
        basin = into;
    }
    basin
}
