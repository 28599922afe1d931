//! One pass over all snapshots: read in blocks, visited in tiles, summed up to the Gram matrix.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, Dyn};

use super::{PcaError, PcaOptions, Snapshots};
use crate::error::Error;

/// Parameters of a tile: 200 snapshots of them take 800 KiB in `f64`, which stay in the L2 cache.
const TILE_DIMS: usize = 512;

/// Parameters that are transposed together: one cache line of `f32`.
const LINE_DIMS: usize = 16;

/// Snapshots whose inner products with as many others are computed in one go.
const PANEL: usize = 64;

/// What one pass over the snapshots sums up.
pub(super) struct Moments {
    /// Inner products of the centred snapshots, T × T.
    pub(super) gram: DMatrix<f64>,
    /// Squared norm of the mean of the snapshots.
    pub(super) mean_squared: f64,
}

pub(super) fn moments<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
) -> Result<Moments, PcaError<S::Error>> {
    let count = snapshots.count();
    if count < 2 {
        return Err(Error::TooFewSnapshots { count }.into());
    }
    let mut gram = DMatrix::zeros(count, count);
    let mut mean_squared = 0.0;
    for_each_tile(snapshots, options, |tile| {
        let shift = tile.mean_difference();
        mean_squared += tile.mean_squared(&shift);
        add_gram(&mut gram, &tile.centred(&shift));
    })?;
    gram.fill_upper_triangle_with_lower_triangle();
    Ok(Moments { gram, mean_squared })
}

/// Streams through all parameters once; every tile is finite.
pub(super) fn for_each_tile<S: Snapshots>(
    snapshots: &mut S,
    options: &PcaOptions,
    mut visit: impl FnMut(&Tile),
) -> Result<(), PcaError<S::Error>> {
    let (count, dims) = (snapshots.count(), snapshots.dims());
    let tiles_per_block = options.block_bytes / (size_of::<f32>() * count * TILE_DIMS);
    // Whole tiles, so that the size of a block does not change the order of a sum.
    let block_dims = tiles_per_block.max(1) * TILE_DIMS;
    let mut rows = vec![Vec::new(); count];
    for start in (0..dims).step_by(block_dims) {
        let block = start..(start + block_dims).min(dims);
        read_block(snapshots, &block, &mut rows)?;
        for within in ranges(block.len(), TILE_DIMS) {
            visit(&Tile::new(&rows, block.start, within)?);
        }
    }
    Ok(())
}

fn read_block<S: Snapshots>(
    snapshots: &mut S,
    block: &Range<usize>,
    rows: &mut [Vec<f32>],
) -> Result<(), PcaError<S::Error>> {
    for (snapshot, row) in rows.iter_mut().enumerate() {
        row.resize(block.len(), 0.0);
        let read = snapshots.read(snapshot, block.start, row);
        read.map_err(|source| PcaError::Read { snapshot, source })?;
    }
    Ok(())
}

/// `0..len` in pieces of `size`, the last one shorter.
fn ranges(len: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(size).map(move |start| start..(start + size).min(len))
}

/// Some neighbouring parameters of all snapshots.
///
/// Everything is computed from differences to the first snapshot: they are exactly 0 where nothing changes,
/// and small where little does, so that nothing cancels.
pub(super) struct Tile<'a> {
    /// Index of the first parameter.
    start: usize,
    /// One row per snapshot.
    rows: Vec<&'a [f32]>,
}

impl<'a> Tile<'a> {
    fn new(block: &'a [Vec<f32>], block_start: usize, within: Range<usize>) -> Result<Self, Error> {
        let start = block_start + within.start;
        let rows: Vec<&[f32]> = block.iter().map(|row| &row[within.clone()]).collect();
        for (snapshot, row) in rows.iter().enumerate() {
            check_finite(snapshot, start, row)?;
        }
        Ok(Self { start, rows })
    }

    /// The parameters.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.dims()
    }

    fn dims(&self) -> usize {
        self.rows[0].len()
    }

    /// Σ wₜ (θₜ − θ₀). With weights that sum to 0, as those of a principal component do, this is Xᵀw.
    pub(super) fn combine(&self, weights: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.dims()];
        for (row, weight) in self.rows.iter().zip(weights) {
            for ((sum, value), origin) in sum.iter_mut().zip(*row).zip(self.rows[0]) {
                *sum += weight * difference(*value, *origin);
            }
        }
        sum
    }

    /// Which parameters differ between snapshots.
    pub(super) fn moved(&self) -> Vec<bool> {
        let mut moved = vec![false; self.dims()];
        for row in &self.rows {
            for ((moved, value), origin) in moved.iter_mut().zip(*row).zip(self.rows[0]) {
                *moved |= value != origin;
            }
        }
        moved
    }

    /// Mean of the snapshots less the first one.
    fn mean_difference(&self) -> Vec<f64> {
        let equal = vec![1.0 / self.rows.len() as f64; self.rows.len()];
        self.combine(&equal)
    }

    /// Squared norm of the mean of the snapshots.
    fn mean_squared(&self, shift: &[f64]) -> f64 {
        let means =
            self.rows[0].iter().zip(shift).map(|(origin, shift)| f64::from(*origin) + shift);
        means.map(|mean| mean * mean).sum()
    }

    /// X: one row per snapshot, one column per parameter, less the mean.
    fn centred(&self, shift: &[f64]) -> DMatrix<f64> {
        let count = self.rows.len();
        let mut centred = DMatrix::zeros(count, self.dims());
        let lines = centred.as_mut_slice().chunks_mut(LINE_DIMS * count);
        for (columns, line) in lines.zip(ranges(self.dims(), LINE_DIMS)) {
            self.transpose_line(line, shift, columns);
        }
        centred
    }

    /// Reads whole cache lines of the snapshots and writes as many columns side by side.
    fn transpose_line(&self, line: Range<usize>, shift: &[f64], columns: &mut [f64]) {
        let count = self.rows.len();
        let origin = &self.rows[0][line.clone()];
        for (t, row) in self.rows.iter().enumerate() {
            let values = row[line.clone()].iter().zip(origin).zip(&shift[line.clone()]);
            for (column, ((value, origin), shift)) in columns.chunks_exact_mut(count).zip(values) {
                column[t] = difference(*value, *origin) - shift;
            }
        }
    }
}

fn difference(value: f32, origin: f32) -> f64 {
    f64::from(value) - f64::from(origin)
}

fn check_finite(snapshot: usize, start: usize, values: &[f32]) -> Result<(), Error> {
    // Without leaving early, so that it runs several values at a time.
    if values.iter().fold(true, |finite, value| finite & value.is_finite()) {
        return Ok(());
    }
    let found = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
    Err(Error::NonFiniteSnapshot { snapshot, index: start + found, value: values[found] })
}

/// Adds XXᵀ to the lower triangle of `gram` (and, beside the diagonal, to the upper one).
fn add_gram(gram: &mut DMatrix<f64>, centred: &DMatrix<f64>) {
    for rows in ranges(gram.nrows(), PANEL) {
        let left = centred.rows_range(rows.clone());
        for columns in ranges(rows.end, PANEL) {
            let right = transposed(centred, &columns);
            let mut part = gram.view_range_mut(rows.clone(), columns);
            part.gemm(1.0, &left, &right, 1.0);
        }
    }
}

/// Some rows as columns, without copying.
///
/// Only ever to be the right factor of a product: nalgebra 0.35 writes out of bounds if the left factor of a
/// small product has columns that are not contiguous (`axcpy_uninit` takes the span of one for its length).
fn transposed<'a>(matrix: &'a DMatrix<f64>, rows: &Range<usize>) -> DMatrixView<'a, f64, Dyn, Dyn> {
    let (count, dims) = matrix.shape();
    let values = &matrix.as_slice()[rows.start..];
    DMatrixView::from_slice_with_strides(values, dims, rows.len(), count, 1)
}
