//! More snapshots than parameters: then the covariance of the parameters is the smaller matrix, and all fits in memory.

use std::convert::Infallible;

use nalgebra::DMatrix;

use super::analysis::Analysis;
use super::blocks::{check_finite, difference, origin, ranges};
use super::found::{Pca, PcaError, Scores};
use super::leading::Eigen;
use super::moments::{Precision, multiply};
use super::options::PcaOptions;
use super::snapshots::{InMemory, Snapshots};
use super::spectrum::Spectrum;
use crate::curvature::vectors::dot;
use crate::direction::squared_norm;

/// Snapshots up to which inner products of them are as quick.
const FEW: usize = 64;
/// Snapshots that are multiplied at a time.
const TOGETHER: usize = 512;

/// All snapshots, read once.
pub(super) struct Narrow {
    rows: Vec<Vec<f32>>,
    /// Mean difference from the origin.
    mean: Vec<f64>,
}

impl Narrow {
    /// Whether so many snapshots of so many parameters are.
    pub fn suits<S: Snapshots>(snapshots: &S) -> bool {
        snapshots.count() > FEW && (1..snapshots.count()).contains(&snapshots.dims())
    }

    pub fn read<S: Snapshots>(snapshots: &mut S) -> Result<Self, PcaError<S::Error>> {
        let mut rows = Vec::with_capacity(snapshots.count());
        for snapshot in 0..snapshots.count() {
            let mut row = vec![0.0; snapshots.dims()];
            let read = snapshots.read(snapshot, 0, &mut row);
            read.map_err(|source| PcaError::Read { snapshot, source })?;
            check_finite(snapshot, 0, &row)?;
            rows.push(row);
        }
        let mean = mean(&rows);
        Ok(Self { rows, mean })
    }

    pub fn pca<E>(&self, options: &PcaOptions) -> Result<Pca, PcaError<E>> {
        let mut rows = InMemory { snapshots: self.rows.iter().map(Vec::as_slice).collect() };
        let pca = self.analyse(options.components).with_directions(&mut rows, options);
        pca.map_err(|error: PcaError<Infallible>| match error {
            PcaError::Request(error) => PcaError::Request(error),
            PcaError::Read { source, .. } => match source {},
        })
    }

    pub fn scores(&self, options: &PcaOptions) -> Scores {
        self.analyse(options.components).scores(options.components)
    }

    fn analyse(&self, components: usize) -> Analysis {
        let squared_norms = self.rows.iter().map(|row| squared_norm(row)).sum();
        let covariance = self.covariance();
        let total = covariance.trace();
        let within = Eigen::leading(covariance, components);
        let vectors = self.along(&within, components);
        let eigen = Eigen { values: within.values, vectors };
        let spectrum = Spectrum::of(eigen, total, squared_norms);
        Analysis {
            spectrum,
            gram: DMatrix::zeros(0, 0),
            step_lengths: self.step_lengths(),
            precision: Precision::Double,
        }
    }

    /// A snapshot about the mean of all; exactly 0 where nothing changes.
    fn centred<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
        let differences =
            row.iter().zip(self.origin()).map(|(it, origin)| difference(*it, *origin));
        differences.zip(&self.mean).map(|(difference, mean)| difference - mean)
    }

    fn origin(&self) -> &[f32] {
        &self.rows[origin(self.rows.len())]
    }

    /// XᵀX of the centred snapshots.
    fn covariance(&self) -> DMatrix<f64> {
        let dims = self.mean.len();
        let (mut sum, mut products) = (DMatrix::zeros(dims, dims), DMatrix::zeros(dims, dims));
        for some in ranges(self.rows.len(), TOGETHER) {
            let entries: Vec<f64> =
                self.rows[some].iter().flat_map(|row| self.centred(row)).collect();
            multiply(&entries, &mut products);
            sum += &products;
        }
        sum.fill_upper_triangle_with_lower_triangle();
        sum
    }

    /// The eigenvectors of XXᵀ from those of XᵀX: Xv/√λ.
    fn along(&self, within: &Eigen, components: usize) -> DMatrix<f64> {
        let count = components.min(within.values.len());
        let mut vectors = DMatrix::zeros(self.rows.len(), count);
        for (t, row) in self.rows.iter().enumerate() {
            let centred: Vec<f64> = self.centred(row).collect();
            for k in (0..count).filter(|&k| within.values[k] > 0.0) {
                let along = dot(&centred, within.vectors.column(k).as_slice());
                vectors[(t, k)] = along / within.values[k].sqrt();
            }
        }
        vectors
    }

    fn step_lengths(&self) -> Vec<f64> {
        let square = |(to, from): (&f32, &f32)| difference(*to, *from).powi(2);
        let length =
            |pair: &[Vec<f32>]| pair[1].iter().zip(&pair[0]).map(square).sum::<f64>().sqrt();
        self.rows.windows(2).map(length).collect()
    }
}

fn mean(rows: &[Vec<f32>]) -> Vec<f64> {
    let origin = &rows[origin(rows.len())];
    let mut sum = vec![0.0; origin.len()];
    for row in rows {
        for (sum, (value, origin)) in sum.iter_mut().zip(row.iter().zip(origin)) {
            *sum += difference(*value, *origin);
        }
    }
    sum.into_iter().map(|sum| sum / rows.len() as f64).collect()
}
