//! Guesses on a whole grid: in one piece while few nodes are measured, else tile by tile.

use std::ops::Range;

use super::guess::{Guess, guess};
use super::rbf::Point;
use crate::grid::Grid;

/// A measured node with a finite loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) node: usize,
    pub(super) loss: f64,
}

/// Fewer samples are not interpolated.
const LEAST_SAMPLES: usize = 8;
/// More samples than this are interpolated tile by tile: the cost grows with their cube.
const WHOLE: usize = 200;
/// Samples that a tile is interpolated from, the nearest ones.
const SUPPORT: usize = 100;
/// Samples within a tile at most.
const TILE: usize = 40;

/// Lowest and highest loss; none without samples.
pub(super) fn extent(samples: &[Sample]) -> Option<(f64, f64)> {
    let losses = samples.iter().map(|sample| sample.loss);
    let lowest = losses.clone().min_by(f64::total_cmp)?;
    Some((lowest, losses.max_by(f64::total_cmp)?))
}

/// Where a node lies, each axis scaled to [0, 1].
pub(super) fn point(grid: &Grid, node: usize) -> Point {
    let (ix, iy) = grid.column_row(node);
    let scaled = |index: usize, count: usize| index as f64 / (count - 1).max(1) as f64;
    [scaled(ix, grid.columns()), scaled(iy, grid.rows())]
}

/// A guess for each of `targets`, whatever the order of the samples; none if they determine nothing.
///
/// Values are kept between the lowest and the highest sample; what that cuts off is added to the doubt.
pub(super) fn predict(grid: &Grid, samples: &[Sample], targets: &[usize]) -> Option<Vec<Guess>> {
    let (lowest, highest) = extent(samples)?;
    let range = highest - lowest;
    if samples.len() < LEAST_SAMPLES || !range.is_finite() {
        return None;
    }
    let unit = if range > 0.0 { range } else { 1.0 };
    let scaled = |it: &Sample| Sample { loss: (it.loss - lowest) / unit, ..*it };
    let samples: Vec<Sample> = samples.iter().map(scaled).collect();
    let mut guesses = vec![None; grid.len()];
    for tile in tiles(grid, &samples) {
        let inside: Vec<usize> = targets.iter().copied().filter(|&n| tile.holds(grid, n)).collect();
        if inside.is_empty() {
            continue;
        }
        for (&node, guess) in inside.iter().zip(tile.guess(grid, &samples, &inside)?) {
            guesses[node] = Some(kept(guess, range, unit, lowest));
        }
    }
    targets.iter().map(|&node| guesses[node]).collect()
}

fn kept(guess: Guess, range: f64, unit: f64, lowest: f64) -> Guess {
    let free = unit * guess.value;
    let value = free.clamp(0.0, range);
    let doubt = unit * guess.doubt + (free - value).abs();
    Guess { value: lowest + value, doubt: if doubt.is_nan() { f64::INFINITY } else { doubt } }
}

/// A rectangle of nodes.
struct Tile {
    columns: Range<usize>,
    rows: Range<usize>,
}

fn tiles(grid: &Grid, samples: &[Sample]) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let mut open = vec![Tile { columns: 0..grid.columns(), rows: 0..grid.rows() }];
    while let Some(tile) = open.pop() {
        let inside = samples.iter().filter(|sample| tile.holds(grid, sample.node)).count();
        let can_split = tile.columns.len() > 2 || tile.rows.len() > 2;
        if samples.len() > WHOLE && inside > TILE && can_split {
            open.extend(tile.halves(grid));
        } else {
            tiles.push(tile);
        }
    }
    tiles
}

impl Tile {
    fn holds(&self, grid: &Grid, node: usize) -> bool {
        let (ix, iy) = grid.column_row(node);
        self.columns.contains(&ix) && self.rows.contains(&iy)
    }

    /// Split across the side that is longer as a share of the grid.
    fn halves(&self, grid: &Grid) -> [Self; 2] {
        let (columns, rows) = (self.columns.clone(), self.rows.clone());
        if columns.len() * grid.rows() >= rows.len() * grid.columns() {
            return halves(&columns).map(|columns| Self { columns, rows: rows.clone() });
        }
        halves(&rows).map(|rows| Self { columns: columns.clone(), rows })
    }

    /// From the samples nearest to the tile.
    fn guess(&self, grid: &Grid, samples: &[Sample], nodes: &[usize]) -> Option<Vec<Guess>> {
        let mut near: Vec<(f64, Sample)> = samples
            .iter()
            .map(|&sample| (self.squared_distance(grid, sample.node), sample))
            .collect();
        near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.node.cmp(&b.1.node)));
        if near.len() > WHOLE {
            near.truncate(SUPPORT);
        }
        let points: Vec<Point> = near.iter().map(|(_, it)| point(grid, it.node)).collect();
        let values: Vec<f64> = near.iter().map(|(_, it)| it.loss).collect();
        let targets: Vec<Point> = nodes.iter().map(|&node| point(grid, node)).collect();
        guess(&points, &values, &targets, grid.is_line())
    }

    fn squared_distance(&self, grid: &Grid, node: usize) -> f64 {
        let first = point(grid, grid.node(self.columns.start, self.rows.start));
        let last = point(grid, grid.node(self.columns.end - 1, self.rows.end - 1));
        let at = point(grid, node);
        let beside = |axis: usize| (first[axis] - at[axis]).max(at[axis] - last[axis]).max(0.0);
        beside(0).powi(2) + beside(1).powi(2)
    }
}

fn halves(range: &Range<usize>) -> [Range<usize>; 2] {
    let middle = range.start + range.len() / 2;
    [range.start..middle, middle..range.end]
}
