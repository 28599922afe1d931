//! What the first read sums up: the Gram matrix, in single precision where that is quicker and does.

use nalgebra::{DMatrix, DMatrixView, Dyn, RealField};

use super::blocks::{Block, TILE_DIMS, Tile, difference, for_each_block, origin, ranges};
use super::found::PcaError;
use super::options::PcaOptions;
use super::snapshots::Snapshots;
use crate::error::Error;

/// Parameters that are transposed together: one cache line of `f32`.
const LINE_DIMS: usize = 16;

/// Snapshots that are transposed together: what they write side by side is one vector of a processor.
const GROUP: usize = 4;

/// Snapshots whose inner products with all before them are computed in one go: fewer computes less of the upper
/// triangle, more repacks the other factor less often.
const PANEL: usize = 32;

/// T²P from which on single precision saves more than some ten milliseconds.
const SINGLE_FROM: f64 = (1_u64 << 30) as f64;

/// What products within a tile are computed in; across tiles it is always `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Single,
    Double,
}

impl Precision {
    pub(super) fn suited(count: usize, dims: usize) -> Self {
        let products = (count as f64).powi(2) * dims as f64;
        if products > SINGLE_FROM { Self::Single } else { Self::Double }
    }
}

/// Inner products of snapshots, and what they are measured by.
pub(super) struct Moments {
    /// Inner products of the centred snapshots, T × T.
    pub(super) gram: DMatrix<f64>,
    /// Σ‖θₜ − origin‖², which errors of the products are in proportion to.
    pub(super) squared_differences: f64,
    /// Σ‖θₜ‖².
    pub(super) squared_norms: f64,
    /// ‖θ_{t+1} − θ_t‖.
    pub(super) step_lengths: Vec<f64>,
}

impl Moments {
    /// Reads all snapshots once.
    pub(super) fn read<S: Snapshots>(
        snapshots: &mut S,
        options: &PcaOptions,
        precision: Precision,
    ) -> Result<Self, PcaError<S::Error>> {
        let count = snapshots.count();
        if count < 2 {
            return Err(Error::TooFewSnapshots { count }.into());
        }
        let compute = match precision {
            Precision::Single => Sums::of::<f32>,
            Precision::Double => Sums::of::<f64>,
        };
        let mut sums = Sums::zero(count);
        for_each_block(snapshots, options, compute, |_, part| sums.add(&part))?;
        Ok(sums.into_moments())
    }

    /// From inner products of differences to some origin.
    pub(super) fn of_differences(
        mut products: DMatrix<f64>,
        squared_norms: f64,
        step_lengths: Vec<f64>,
    ) -> Self {
        let squared_differences = products.trace();
        centre(&mut products);
        Self { gram: products, squared_differences, squared_norms, step_lengths }
    }

    /// Whether squares of `f32` were neither too large for it nor, as a rule, too small.
    pub(super) fn are_in_range(&self, dims: usize) -> bool {
        let entries = (self.gram.nrows() * dims) as f64;
        let finite = self.squared_differences.is_finite() && self.squared_norms.is_finite();
        finite && self.squared_differences >= 1e-28 * entries
    }
}

/// Moves the origin of inner products to the mean.
fn centre(products: &mut DMatrix<f64>) {
    let means = products.row_mean();
    let mean = means.mean();
    for column in 0..products.ncols() {
        for row in 0..products.nrows() {
            products[(row, column)] += mean - means[row] - means[column];
        }
    }
}

/// Sums over parameters.
struct Sums {
    /// Inner products of [rows](fill), lower triangle.
    products: DMatrix<f64>,
    /// ‖θ_{t+1} − θ_t‖². From the products they would be small differences of large numbers.
    squared_steps: Vec<f64>,
}

impl Sums {
    fn zero(count: usize) -> Self {
        Self { products: DMatrix::zeros(count, count), squared_steps: vec![0.0; count - 1] }
    }

    fn add(&mut self, other: &Self) {
        self.products += &other.products;
        for (sum, part) in self.squared_steps.iter_mut().zip(&other.squared_steps) {
            *sum += part;
        }
    }

    fn of<E: Entry>(block: &Block) -> Self {
        let mut tiles = block.tiles().peekable();
        let count = tiles.peek().map_or(1, |tile| tile.rows.len());
        let mut sums = Self::zero(count);
        let mut entries = vec![E::zero(); count * TILE_DIMS];
        let mut products = DMatrix::zeros(count, count);
        for tile in tiles {
            let entries = &mut entries[..count * tile.dims()];
            fill(entries, &tile);
            multiply(entries, &mut products);
            sums.add_products(&products);
            sums.add_steps::<E>(&tile);
        }
        sums
    }

    fn add_products<E: Entry>(&mut self, products: &DMatrix<E>) {
        let count = products.nrows();
        let columns = self.products.as_mut_slice().chunks_exact_mut(count);
        let columns = columns.zip(products.as_slice().chunks_exact(count));
        for (diagonal, (sums, parts)) in columns.enumerate() {
            for (sum, part) in sums[diagonal..].iter_mut().zip(&parts[diagonal..]) {
                *sum += part.in_double();
            }
        }
    }

    fn add_steps<E: Entry>(&mut self, tile: &Tile) {
        for (sum, pair) in self.squared_steps.iter_mut().zip(tile.rows.windows(2)) {
            *sum += squared_distance::<E>(pair[0], pair[1]);
        }
    }

    /// The row of the origin holds the origin itself, from which Σ‖θₜ‖² = Σ‖o + dₜ‖² comes; its difference to
    /// itself is 0.
    fn into_moments(self) -> Moments {
        let mut products = self.products;
        products.fill_upper_triangle_with_lower_triangle();
        let origin = origin(products.nrows());
        let own = products[(origin, origin)];
        let along = products.column(origin).sum() - own;
        products.row_mut(origin).fill(0.0);
        products.column_mut(origin).fill(0.0);
        let squared_norms = products.nrows() as f64 * own + 2.0 * along + products.trace();
        let step_lengths = self.squared_steps.into_iter().map(f64::sqrt).collect();
        Moments::of_differences(products, squared_norms, step_lengths)
    }
}

/// A number that products are computed in.
pub(super) trait Entry: RealField + Copy {
    fn difference(value: f32, origin: f32) -> Self;
    fn in_double(self) -> f64;
}

impl Entry for f32 {
    fn difference(value: f32, origin: f32) -> Self {
        value - origin
    }

    fn in_double(self) -> f64 {
        f64::from(self)
    }
}

impl Entry for f64 {
    fn difference(value: f32, origin: f32) -> Self {
        difference(value, origin)
    }

    fn in_double(self) -> f64 {
        self
    }
}

/// One row per snapshot, its difference to the origin, and the origin itself in the row of the origin; one
/// column per parameter, side by side.
fn fill<E: Entry>(entries: &mut [E], tile: &Tile) {
    let count = tile.rows.len();
    let lines = entries.chunks_mut(LINE_DIMS * count);
    for (columns, within) in lines.zip(ranges(tile.dims(), LINE_DIMS)) {
        let origin = line(&tile.origin()[within.clone()]);
        let difference = |row: &[f32]| line_of_differences(&line(&row[within.clone()]), &origin);
        let (groups, rest) = tile.rows.as_chunks::<GROUP>();
        for (group, [a, b, c, d]) in groups.iter().enumerate() {
            let rows = [difference(a), difference(b), difference(c), difference(d)];
            write_group(columns, GROUP * group, count, &rows);
        }
        for (t, row) in (count - rest.len()..).zip(rest) {
            write_row(columns, t, count, difference(row));
        }
        let itself = line_of_differences(&origin, &[0.0; LINE_DIMS]);
        write_row(columns, self::origin(count), count, itself);
    }
}

/// A whole line, what is missing at its end filled up by zeros: its length known, loops over it unroll.
#[inline]
fn line(values: &[f32]) -> [f32; LINE_DIMS] {
    values.try_into().unwrap_or_else(|_| {
        let mut line = [0.0; LINE_DIMS];
        line[..values.len()].copy_from_slice(values);
        line
    })
}

fn line_of_differences<E: Entry>(
    row: &[f32; LINE_DIMS],
    origin: &[f32; LINE_DIMS],
) -> [E; LINE_DIMS] {
    let mut differences = [E::zero(); LINE_DIMS];
    for i in 0..LINE_DIMS {
        differences[i] = E::difference(row[i], origin[i]);
    }
    differences
}

/// Writes a few neighbouring rows, from row `t` on, into as many columns as there are.
fn write_group<E: Entry>(
    columns: &mut [E],
    t: usize,
    count: usize,
    [a, b, c, d]: &[[E; LINE_DIMS]; GROUP],
) {
    for (i, column) in columns.chunks_exact_mut(count).enumerate().take(LINE_DIMS) {
        column[t..t + GROUP].copy_from_slice(&[a[i], b[i], c[i], d[i]]);
    }
}

fn write_row<E: Entry>(columns: &mut [E], t: usize, count: usize, row: [E; LINE_DIMS]) {
    for (column, value) in columns.chunks_exact_mut(count).zip(row) {
        column[t] = value;
    }
}

/// Inner products of the rows: the lower triangle (and, beside the diagonal, some of the upper one).
pub(super) fn multiply<E: Entry>(entries: &[E], products: &mut DMatrix<E>) {
    let count = products.nrows();
    let dims = entries.len() / count;
    let matrix = DMatrixView::from_slice(entries, count, dims);
    for rows in ranges(count, PANEL) {
        let left = matrix.rows_range(rows.clone());
        let right = transposed(entries, count, rows.end);
        products.view_range_mut(rows.clone(), ..rows.end).gemm(E::one(), &left, &right, E::zero());
    }
}

/// The first `rows` rows as columns, without copying.
///
/// Only ever to be the right factor of a product: nalgebra 0.35 writes out of bounds if the left factor of a
/// small product has columns that are not contiguous (`axcpy_uninit` takes the span of one for its length).
fn transposed<E: Entry>(entries: &[E], count: usize, rows: usize) -> DMatrixView<'_, E, Dyn, Dyn> {
    DMatrixView::from_slice_with_strides(entries, entries.len() / count, rows, count, 1)
}

fn squared_distance<E: Entry>(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    // Independent sums, so that the additions need not wait for each other.
    let mut sums = [E::zero(); LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            let step = E::difference(a[lane], b[lane]);
            sums[lane] += step * step;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| difference(*a, *b).powi(2));
    sums.iter().map(|sum| sum.in_double()).sum::<f64>() + rest.sum::<f64>()
}
