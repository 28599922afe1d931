//! One plane for the paths of several runs.

use std::borrow::Cow;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::TensorData;
use burn::train::InferenceStep;
use burnscape_landscape::pca::{JointPca, PcaError, PcaOptions, Weigh, joint_pca};
use burnscape_landscape::topology::MergeTree;
use burnscape_run::basins;

use super::measured::Comparison;
use super::runs::{ComparedRun, Runs};
use super::words;
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::{Point, Weights, WeightsOf};
use crate::model::snapshot::SnapshotMatrix;
use crate::model::tensors::NamedTensor;
use crate::study::comparing::Findings;
use crate::study::slice_spec::{BatchNormMode, Direction, GivenDirection, SliceSpec};
use crate::{Error, Result};

/// The plane in which several runs move most.
#[derive(Debug, Clone)]
pub struct JointPlane {
    /// The losses on it, with all paths.
    pub surface: SliceSurface,
    /// What it holds of the runs, and of each.
    pub joint: JointPca,
    /// What counted the same.
    pub weigh: Weigh,
    /// Its basins.
    pub topology: MergeTree,
    /// What can be concluded, as sentences.
    pub sentences: Vec<String>,
}

impl<M> Comparison<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// The plane in which all runs move most, each counting the same, with the loss on it and all paths: see
    /// [`joint_plane_of`](Self::joint_plane_of).
    ///
    /// # Errors
    ///
    /// As [`Study::slice`](crate::Study::slice).
    pub fn joint_plane(&mut self) -> Result<JointPlane> {
        self.joint_plane_of(&SliceSpec::pca(), Weigh::Runs)
    }

    /// The plane of the first two principal components of the snapshots of all runs about their common mean, through that
    /// mean: with runs, or with snapshots, that count the same. Of `spec` all but directions, centre and range is taken.
    ///
    /// Statistics of BatchNorm are recomputed at every node: the mean of several models has none of its own.
    ///
    /// # Errors
    ///
    /// As [`Study::slice`](crate::Study::slice)(crate::Study::slice).
    pub fn joint_plane_of(&mut self, spec: &SliceSpec, weigh: Weigh) -> Result<JointPlane> {
        let joint = joint_of(&self.runs, weigh)?;
        let mean = mean_of(&self.runs, weigh)?;
        let [x, y] = [0, 1].map(|k| axis(&joint, k));
        let mut spec = SliceSpec { x, y: Some(y), centre: mean, ..spec.clone() };
        spec = spec.name("joint plane").around_trajectory();
        let has_batchnorm = self.study.open_mut().is_some_and(|it| it.has_batchnorm());
        if has_batchnorm {
            spec = spec.batchnorm(BatchNormMode::Recalibrate);
        }
        let about = words::joint(&joint, weigh, &self.runs);
        let (surface, sentences) = match self.study.open_mut() {
            Some(open) => open.measure_as("joint-plane", &spec, |surface| {
                let sum = |shares: &[f64]| vec![shares.iter().take(2).sum()];
                let mut findings = Findings::of_basins(surface)
                    .with("explained", sum(&joint.explained()))
                    .with("null", sum(&joint.null));
                findings.sentences.splice(0..0, about);
                findings
            })?,
            None => (self.study.slice(&spec)?, Vec::new()),
        };
        let topology = basins(&surface.slice, &surface.surface);
        Ok(JointPlane { surface, joint, weigh, topology, sentences })
    }
}

fn axis(joint: &JointPca, component: usize) -> Direction {
    let values = Arc::new(joint.components[component].direction.clone());
    Direction::Given(GivenDirection {
        label: format!("PC {}", component + 1),
        kind: "given",
        values,
    })
}

fn joint_of(runs: &Runs, weigh: Weigh) -> Result<JointPca> {
    let matrices: Result<Vec<_>> = runs.iter().map(matrix).collect();
    joint_pca(&mut matrices?, weigh, &PcaOptions::default()).map_err(|error| match error {
        PcaError::Request(error) => error.into(),
        PcaError::Read { source, .. } => source,
    })
}

fn matrix(run: &ComparedRun) -> Result<SnapshotMatrix<'static>> {
    let files = (0..run.snapshots.len()).map(|place| run.open(place));
    SnapshotMatrix::new(files, Cow::Owned(run.layout()?))
}

/// The mean of all snapshots, buffers too, weighted as the components are.
fn mean_of(runs: &Runs, weigh: Weigh) -> Result<Point> {
    let total: usize = runs.iter().map(|run| run.snapshots.len()).sum();
    let mut sums: Vec<(String, Vec<usize>, Vec<f64>)> = Vec::new();
    for run in runs.iter() {
        let weight = match weigh {
            Weigh::Runs => 1.0 / (runs.iter().len() * run.snapshots.len()) as f64,
            Weigh::Snapshots => 1.0 / total as f64,
        };
        add_run(run, weight, &mut sums)?;
    }
    let tensor = |(path, shape, values)| NamedTensor {
        path,
        data: TensorData::new::<f64, _>(values, shape),
    };
    let tensors = sums.into_iter().map(tensor).collect();
    Ok(Point::Weights(Weights(Arc::new(WeightsOf { label: "common mean".into(), tensors }))))
}

fn add_run(
    run: &ComparedRun,
    weight: f64,
    sums: &mut Vec<(String, Vec<usize>, Vec<f64>)>,
) -> Result<(), Error> {
    if sums.is_empty() {
        let zero = |(path, shape): (String, Vec<usize>)| {
            let len = shape.iter().product();
            (path, shape, vec![0.0; len])
        };
        *sums = run.tensors().into_iter().map(zero).collect();
    }
    for place in 0..run.snapshots.len() {
        let mut file = run.open(place)?;
        for (path, _, sum) in sums.iter_mut() {
            let data = file.tensor(path)?;
            sum.iter_mut().zip(data.iter::<f64>()).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    Ok(())
}
