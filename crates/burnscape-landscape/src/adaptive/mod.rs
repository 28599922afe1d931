//! Measuring only the nodes that interpolation does not give: in rounds, each checked by the next one.
//!
//! The first round is a coarse grid with the ends, the corners and the centre with its neighbours. After each
//! round all finite measured nodes are interpolated by radial functions plus a quadratic, in two ways. The
//! nodes of the next round are those where the two ways lie farthest apart or where measured nodes nearby
//! are missed when left out, and, one in four, the one farthest from all measured nodes, as a check where
//! nothing is suspected. Evaluation ends after three rounds in a row (two, if they have nodes enough) whose nodes were all predicted
//! to half of the tolerance, once no node is doubted more than the tolerance.
//!
//! This finds what is smooth on the scale of the coarse grid. A spike or a ditch that lies between all
//! measured nodes is not found; where the surface is rough, as with noise or many kinks, every node is
//! measured in the end.

mod guess;
mod predict;
mod rbf;

use crate::error::Error;
use crate::grid::{Axis, Grid};
use crate::surface::{NodeState, Surface};
use guess::Guess;
use predict::{Sample, extent, point, predict};
use rbf::squared_distance;

/// Steps that the coarse grid has along each axis of a plane.
const PLANE_STEPS: usize = 4;
/// Steps that the coarse grid of a line has.
const LINE_STEPS: usize = 8;
/// Rounds in a row that must be predicted well; two, if they have enough nodes. With two small ones about 3 of
/// 100 test surfaces were off by more than the tolerance somewhere; like this 3 of 1,200 were, exponentials that
/// rise in a corner, by up to 2.8 times.
const CALM_ROUNDS: usize = 3;
/// Nodes in two rounds that tell as much as a third round.
const CALM_NODES: usize = 16;
/// Share of the tolerance that counts as predicted well: checked nodes are a sample, unchecked ones are
/// allowed the other half.
const CALM_SHARE: f64 = 0.5;
/// A round adds a tenth of the nodes known, or a few: small rounds choose well, large ones are few. With an
/// eighth, a residual network took 114 of 441 nodes, with a tenth 90.
const GROWTH: usize = 10;
const LEAST_OF_PLANE: usize = 4;
const LEAST_OF_LINE: usize = 4;
/// Every so many nodes of a round, and the last, one is chosen by distance alone.
const PROBE_EVERY: usize = 4;
/// Nodes doubted less than this share of the tolerance are not worth measuring.
const WORTH: f64 = 0.25;
/// Once this share of the nodes is known, the rest is measured too: interpolation does not pay.
const WORTHLESS: f64 = 0.6;
/// Columns and rows around a non-finite node that are measured.
const RING: usize = 2;

/// An evaluation that chooses its nodes by what it has measured.
///
/// Only one surface decides, in general the loss; [`fill`](Self::fill) then completes it and any other layer
/// that was measured at the same nodes, whose error it reports but did not aim at.
///
/// Each round follows from the values of the earlier rounds and from nothing else. An evaluation may stop at
/// any moment: a new `Adaptive` with the same grid and tolerance, shown the surface, asks for the nodes that
/// remain of the round in which it stopped. (On another kind of processor rounding may choose other nodes;
/// that costs time, and no accuracy.)
///
/// # Examples
///
/// ```
/// use burnscape_landscape::adaptive::Adaptive;
/// use burnscape_landscape::grid::{Axis, Grid};
/// use burnscape_landscape::surface::{NodeValue, Surface};
///
/// let axis = Axis::symmetric(1.0, 21)?;
/// let mut surface = Surface::new(Grid::plane(axis, axis));
/// let mut adaptive = Adaptive::new(*surface.grid(), 0.01)?;
/// loop {
///     let round = adaptive.next_round(&surface);
///     if round.is_empty() {
///         break;
///     }
///     for node in round {
///         let (alpha, beta) = surface.grid().coordinates(node);
///         let mean = alpha * alpha + 4.0 * beta * beta;
///         surface.set(node, NodeValue { mean, stderr: f64::NAN });
///     }
/// }
/// let filled = adaptive.fill(&mut surface);
/// assert!(surface.is_complete());
/// assert!(filled.interpolated > 330 && filled.largest_miss < 1e-9);
/// # Ok::<(), burnscape_landscape::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adaptive {
    grid: Grid,
    tolerance: f64,
    /// Nodes and losses of all completed rounds, in their order.
    known: Vec<Sample>,
    is_known: Vec<bool>,
    /// Where in `known` each round lies whose losses were predicted.
    checked: Vec<std::ops::Range<usize>>,
    /// How many of the last checked rounds were predicted well, in a row.
    calm: usize,
    round: Vec<Planned>,
}

/// A node of the present round.
#[derive(Debug, Clone, Copy)]
struct Planned {
    node: usize,
    /// None where nothing could be predicted.
    guess: Option<Guess>,
}

/// What [`Adaptive::fill`] did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Filled {
    /// Nodes whose loss was interpolated.
    pub interpolated: usize,
    /// Largest |interpolated − measured| over the nodes of the last three rounds in which losses were
    /// predicted before they were measured, in units of the loss; 0 if there was none.
    pub largest_miss: f64,
    /// Largest estimate of the error at an interpolated node, in units of the loss: how far two ways of
    /// interpolating lie apart, plus what measured nodes nearby miss when left out, and at least
    /// [`largest_miss`](Self::largest_miss) if any node was interpolated. An estimate, no bound: where the
    /// loss has kinks the true error is often greater.
    pub estimated_error: f64,
}

impl Adaptive {
    /// An evaluation that aims at errors of at most `tolerance` times the range of the finite losses
    /// measured so far, at every node.
    ///
    /// # Errors
    ///
    /// [`Error::Tolerance`] if the tolerance does not lie between 0 and 1, both excluded.
    pub fn new(grid: Grid, tolerance: f64) -> Result<Self, Error> {
        if !(tolerance > 0.0 && tolerance < 1.0) {
            return Err(Error::Tolerance { tolerance });
        }
        Ok(Self {
            grid,
            tolerance,
            known: Vec::new(),
            is_known: vec![false; grid.len()],
            checked: Vec::new(),
            calm: 0,
            round: unpredicted(coarse(&grid)),
        })
    }

    /// The nodes to measure next, without those that `surface` holds measured already; none when done.
    ///
    /// Asks for the rest of a round until all of it is measured, then for the next one. Nodes that were
    /// measured without being asked for are looked at only once a round contains them.
    ///
    /// # Panics
    ///
    /// If the surface has fewer nodes than the grid.
    #[must_use]
    pub fn next_round(&mut self, surface: &Surface) -> Vec<usize> {
        let missing = |round: &[Planned]| -> Vec<usize> {
            let nodes = round.iter().map(|planned| planned.node);
            nodes.filter(|&node| !surface.is_measured(node)).collect()
        };
        while !self.round.is_empty() && missing(&self.round).is_empty() {
            self.learn(surface);
            self.round = self.plan();
        }
        missing(&self.round)
    }

    /// Takes in the losses of the present round.
    fn learn(&mut self, surface: &Surface) {
        let start = self.known.len();
        for &Planned { node, .. } in &self.round {
            self.known.push(Sample { node, loss: surface.losses()[node] });
            self.is_known[node] = true;
        }
        let misses = self.round.iter().zip(&self.known[start..]);
        let misses = misses.filter_map(|(planned, sample)| miss(planned.guess?, sample.loss));
        let Some(worst) = misses.max_by(f64::total_cmp) else {
            return;
        };
        self.checked.push(start..self.known.len());
        let is_calm = worst <= CALM_SHARE * self.allowed();
        self.calm = if is_calm { self.calm + 1 } else { 0 };
    }

    /// The round that follows from what is known.
    fn plan(&self) -> Vec<Planned> {
        let rest: Vec<usize> = (0..self.grid.len()).filter(|&node| !self.is_known[node]).collect();
        if self.known.len() as f64 > WORTHLESS * self.grid.len() as f64 {
            return unpredicted(rest);
        }
        let holes = self.known.iter().filter(|sample| !sample.loss.is_finite());
        let beside = beside(&self.grid, holes.map(|sample| sample.node));
        if rest.iter().any(|&node| beside[node]) {
            return unpredicted(rest.into_iter().filter(|&node| beside[node]).collect());
        }
        let Some(guesses) = predict(&self.grid, &self.finite(), &rest) else {
            return unpredicted(rest);
        };
        let doubt = guesses.iter().map(|guess| guess.doubt).fold(0.0, f64::max);
        if self.is_calm() && doubt <= self.allowed() {
            return Vec::new();
        }
        let guessed = rest.into_iter().zip(guesses);
        self.choose(guessed.map(|(node, guess)| Planned { node, guess: Some(guess) }).collect())
    }

    /// Whether the last rounds were predicted well, and together had nodes enough to tell.
    fn is_calm(&self) -> bool {
        let nodes = self.checked.iter().rev().take(self.calm).map(std::ops::Range::len);
        self.calm >= CALM_ROUNDS || (self.calm > 1 && nodes.sum::<usize>() >= CALM_NODES)
    }

    fn finite(&self) -> Vec<Sample> {
        self.known.iter().copied().filter(|sample| sample.loss.is_finite()).collect()
    }

    /// The tolerance in units of the loss.
    fn allowed(&self) -> f64 {
        extent(&self.finite()).map_or(0.0, |(lowest, highest)| self.tolerance * (highest - lowest))
    }

    /// The most doubtful of `candidates`, spread out, and some that are only far from all others.
    fn choose(&self, candidates: Vec<Planned>) -> Vec<Planned> {
        let least = if self.grid.is_line() { LEAST_OF_LINE } else { LEAST_OF_PLANE };
        let count = (self.known.len() / GROWTH).max(least).min(candidates.len());
        let worth = WORTH * self.allowed();
        let mut spread = Spread::new(&self.grid, &self.known, candidates);
        for turn in 0..count {
            let by_distance = turn % PROBE_EVERY == PROBE_EVERY - 1 || turn + 1 == count;
            let Some((place, score)) = spread.best(by_distance) else {
                break;
            };
            if by_distance || score >= worth || turn < least {
                spread.take(place);
            }
        }
        spread.taken()
    }

    /// Interpolates every node that `surface` does not hold measured, from all finite nodes that it holds
    /// measured.
    ///
    /// Works on any surface of the same grid, at any moment. Measured nodes stay as they are. Nodes within
    /// two columns and rows of a non-finite one stay unmeasured, as do all if the measured ones determine
    /// nothing; after the last round neither happens on the surface that the rounds were chosen by.
    ///
    /// # Panics
    ///
    /// If the surface has fewer nodes than the grid.
    pub fn fill(&self, surface: &mut Surface) -> Filled {
        let samples = finite(surface, 0..self.grid.len());
        let targets = self.fillable(surface);
        let largest_miss = self.largest_miss(surface);
        let mut filled = Filled { largest_miss, ..Filled::default() };
        let guesses = predict(&self.grid, &samples, &targets).unwrap_or_default();
        for (node, guess) in targets.into_iter().zip(guesses) {
            if guess.value.is_finite() {
                surface.set_interpolated(node, guess.value);
                filled.interpolated += 1;
                filled.estimated_error = filled.estimated_error.max(guess.doubt).max(largest_miss);
            }
        }
        filled
    }

    fn fillable(&self, surface: &Surface) -> Vec<usize> {
        let measured = (0..self.grid.len()).filter(|&node| surface.is_measured(node));
        let holes = measured.filter(|&node| !surface.losses()[node].is_finite());
        let beside = beside(&self.grid, holes);
        let open = |&node: &usize| surface.states()[node] != NodeState::Measured && !beside[node];
        (0..self.grid.len()).filter(open).collect()
    }

    /// Predicts the last checked rounds once more from the rounds before them: on the surface that they
    /// were chosen by, these are the predictions of that time.
    fn largest_miss(&self, surface: &Surface) -> f64 {
        let last = self.checked.iter().rev().take(CALM_ROUNDS);
        last.filter_map(|round| self.miss_of(round.clone(), surface)).fold(0.0, f64::max)
    }

    fn miss_of(&self, round: std::ops::Range<usize>, surface: &Surface) -> Option<f64> {
        let nodes = |samples: &[Sample]| {
            let nodes: Vec<usize> = samples.iter().map(|sample| sample.node).collect();
            finite(surface, nodes)
        };
        let (before, checked) = (nodes(&self.known[..round.start]), nodes(&self.known[round]));
        let targets: Vec<usize> = checked.iter().map(|sample| sample.node).collect();
        let guesses = predict(&self.grid, &before, &targets)?;
        let misses = guesses.iter().zip(&checked);
        misses.filter_map(|(&guess, sample)| miss(guess, sample.loss)).max_by(f64::total_cmp)
    }
}

fn miss(guess: Guess, loss: f64) -> Option<f64> {
    loss.is_finite().then(|| (guess.value - loss).abs())
}

fn unpredicted(nodes: Vec<usize>) -> Vec<Planned> {
    nodes.into_iter().map(|node| Planned { node, guess: None }).collect()
}

/// The measured, finite ones of `nodes`.
fn finite(surface: &Surface, nodes: impl IntoIterator<Item = usize>) -> Vec<Sample> {
    let measured = nodes.into_iter().filter(|&node| surface.is_measured(node));
    let samples = measured.map(|node| Sample { node, loss: surface.losses()[node] });
    samples.filter(|sample| sample.loss.is_finite()).collect()
}

/// A coarse grid with both ends of every axis, and the centre with its neighbours: the curvature there is
/// read from measured nodes.
fn coarse(grid: &Grid) -> Vec<usize> {
    let steps = if grid.is_line() { LINE_STEPS } else { PLANE_STEPS };
    let (centre_column, centre_row) = grid.column_row(grid.centre());
    let mut nodes = product(grid, &evenly(grid.columns(), steps), &evenly(grid.rows(), steps));
    let near = |centre: usize, axis: &Axis| around(centre, 1, axis.count());
    let rows = grid.y().map_or(vec![0], |y| near(centre_row, y));
    nodes.extend(product(grid, &near(centre_column, grid.x()), &rows));
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

fn product(grid: &Grid, columns: &[usize], rows: &[usize]) -> Vec<usize> {
    rows.iter().flat_map(|&row| columns.iter().map(move |&column| grid.node(column, row))).collect()
}

/// `steps` steps from the first to the last of `count` places, as even as they can be.
fn evenly(count: usize, steps: usize) -> Vec<usize> {
    let mut places: Vec<usize> =
        (0..=steps).map(|step| (step * (count - 1) + steps / 2) / steps).collect();
    places.dedup();
    places
}

/// Places at most `reach` from `place`.
fn around(place: usize, reach: usize, count: usize) -> Vec<usize> {
    (place.saturating_sub(reach)..(place + reach + 1).min(count)).collect()
}

/// Whether each node lies within [`RING`] of one of `nodes`.
fn beside(grid: &Grid, nodes: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut beside = vec![false; grid.len()];
    for node in nodes {
        let (column, row) = grid.column_row(node);
        let columns = around(column, RING, grid.columns());
        for near in product(grid, &columns, &around(row, RING, grid.rows())) {
            beside[near] = true;
        }
    }
    beside
}

/// Candidates for a round, and how far each is from all nodes known and taken.
struct Spread<'g> {
    grid: &'g Grid,
    candidates: Vec<Planned>,
    /// Squared distance to the nearest known node.
    room: Vec<f64>,
    /// Squared distance to the nearest known or taken node; 0 for taken ones.
    left: Vec<f64>,
}

impl<'g> Spread<'g> {
    fn new(grid: &'g Grid, known: &[Sample], candidates: Vec<Planned>) -> Self {
        let known: Vec<_> = known.iter().map(|sample| point(grid, sample.node)).collect();
        let nearest = |planned: &Planned| {
            let at = point(grid, planned.node);
            known.iter().map(|&other| squared_distance(at, other)).fold(f64::INFINITY, f64::min)
        };
        let room: Vec<f64> = candidates.iter().map(nearest).collect();
        Self { grid, candidates, left: room.clone(), room }
    }

    /// The farthest candidate, or the most doubtful one, where doubt shrinks with the distance to a taken
    /// node; of equals the first. None if all are taken.
    fn best(&self, by_distance: bool) -> Option<(usize, f64)> {
        let score = |place: usize| {
            if by_distance {
                return self.left[place];
            }
            let doubt = self.candidates[place].guess.map_or(0.0, |guess| guess.doubt);
            doubt.min(f64::MAX) * (self.left[place] / self.room[place])
        };
        let free = (0..self.candidates.len()).filter(|&place| self.left[place] > 0.0);
        let scored = free.map(|place| (place, score(place)));
        scored.min_by(|a, b| b.1.total_cmp(&a.1))
    }

    fn take(&mut self, place: usize) {
        let taken = point(self.grid, self.candidates[place].node);
        for (left, planned) in self.left.iter_mut().zip(&self.candidates) {
            *left = left.min(squared_distance(taken, point(self.grid, planned.node)));
        }
    }

    /// In node order.
    fn taken(self) -> Vec<Planned> {
        let both = self.candidates.into_iter().zip(self.left);
        both.filter(|(_, left)| *left == 0.0).map(|(planned, _)| planned).collect()
    }
}
