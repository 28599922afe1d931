//! Points in parameter space: where their weights come from, and the model that stands there.

use std::rc::Rc;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::surface::NodeValue;
use burnscape_trace::Snapshot;

use super::Survey;
use super::quantities::{Measured, Size, measure};
use crate::model_map::{self, NamedTensor};
use crate::perturb::{at_tensors, tied_aliases};
use crate::slice_spec::Point;
use crate::snapshot::SnapshotFile;
use crate::{Error, Result};

/// Parameters and buffers of a point.
pub(super) struct Located {
    /// As the slice names it: `final`, `snapshot 3` …
    pub label: String,
    /// The snapshot that has just these tensors.
    pub snapshot: Option<u64>,
    pub tensors: Vec<NamedTensor>,
}

/// A point that slices lie around.
pub(super) struct Centre<M> {
    pub label: String,
    pub snapshot: Option<u64>,
    pub flat: Vec<f32>,
    /// The model there, in inference mode, with state of its own.
    pub model: M,
    /// Per buffer, whether it moves with the parameter that it is the second name of.
    pub tied: Vec<bool>,
    /// Every layer at the centre itself.
    pub values: Vec<NodeValue>,
    /// Over how many of what every layer is a mean.
    pub sizes: Vec<Size>,
    /// Its buffers, where no snapshot holds them.
    pub buffers: Vec<NamedTensor>,
}

impl<M> Survey<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// The centre at a point, checked: its weights are finite, and two passes over the batches agree.
    pub(super) fn centre(&mut self, point: &Point) -> Result<Rc<Centre<M>>> {
        let known = self.centres.iter().find(|(known, _)| known == point);
        if let Some((_, centre)) = known {
            return Ok(centre.clone());
        }
        let located = self.locate(point)?;
        let centre = Rc::new(self.make_centre(located)?);
        self.centres.push((point.clone(), centre.clone()));
        Ok(centre)
    }

    pub(super) fn make_centre(&self, located: Located) -> Result<Centre<M>> {
        let Located { label, snapshot, tensors } = located;
        let flat = self.map.flatten(&tensors);
        self.check_finite(&label, &flat)?;
        let model = at_tensors(&self.model, &self.map, &tensors)?;
        let Measured { values, sizes } = self.measured_twice(&model)?;
        let tied = tied_aliases(&self.map, &tensors);
        let is_buffer = |tensor: &NamedTensor| self.map.layout.block(&tensor.path).is_none();
        let mut buffers = tensors;
        buffers.retain(|tensor| snapshot.is_none() && is_buffer(tensor));
        let sizes = self.quantities.named(sizes);
        Ok(Centre { label, snapshot, flat, model, tied, values, sizes, buffers })
    }

    fn measured_twice(&self, model: &M) -> Result<Measured> {
        let sets = self.quantities.batches();
        let measure = || measure(model, &sets, &self.quantities.quantities, self.map.is_on_host);
        let (first, again) = (measure()?, measure()?);
        let mut pairs = first.values.iter().zip(&again.values);
        match pairs.find(|(a, b)| !same(a.mean, b.mean)) {
            Some((a, b)) => Err(Error::RandomModel { first: a.mean, second: b.mean }),
            None => Ok(first),
        }
    }

    fn check_finite(&self, centre: &str, flat: &[f32]) -> Result<()> {
        let is_broken =
            |range: std::ops::Range<usize>| flat[range].iter().any(|it| !it.is_finite());
        let broken = self.map.layout.blocks().iter().find(|block| is_broken(block.range()));
        match broken {
            Some(block) => Err(Error::NonFiniteCentre {
                centre: centre.to_string(),
                path: block.path.clone(),
                finite: self.last_finite().map(|snapshot| snapshot.index),
            }),
            None => Ok(()),
        }
    }

    /// The last snapshot without NaN and infinite parameters.
    pub(super) fn last_finite(&self) -> Option<Snapshot> {
        let is_finite = |snapshot: &&Snapshot| {
            let tensors = self.snapshot_tensors(snapshot).unwrap_or_default();
            let flat = self.map.flatten(&tensors);
            !tensors.is_empty() && flat.iter().all(|value| value.is_finite())
        };
        self.snapshots.iter().rev().find(is_finite).cloned()
    }

    /// Where a point is.
    pub(super) fn locate(&mut self, point: &Point) -> Result<Located> {
        match point {
            Point::Final => self.locate_final(),
            Point::Initial => {
                let first = self.snapshots.first().cloned();
                let first = first.ok_or_else(|| self.too_few(0))?;
                self.locate_snapshot(&first, "initial".into())
            }
            Point::Best => {
                let best = self.best_snapshot()?;
                self.locate_snapshot(&best, format!("best (snapshot {})", best.index))
            }
            Point::Snapshot(index) => {
                let snapshot = self.snapshot(*index)?;
                self.locate_snapshot(&snapshot, format!("snapshot {index}"))
            }
            Point::Weights(weights) => Ok(Located {
                label: weights.0.label.clone(),
                snapshot: None,
                tensors: weights.0.tensors.clone(),
            }),
        }
    }

    fn locate_final(&self) -> Result<Located> {
        let tensors = model_map::read_tensors(&self.model, &self.map)?;
        let label = self.final_label.clone();
        Ok(Located { label, snapshot: self.final_snapshot, tensors })
    }

    fn locate_snapshot(&self, snapshot: &Snapshot, label: String) -> Result<Located> {
        let tensors = self.snapshot_tensors(snapshot)?;
        Ok(Located { label, snapshot: Some(snapshot.index), tensors })
    }

    /// The snapshot with this number; one that has the file of an earlier one counts as well.
    pub(super) fn snapshot(&self, index: u64) -> Result<Snapshot> {
        let found = self.all_snapshots.iter().find(|it| it.index == index);
        found.cloned().ok_or_else(|| Error::NoSuchSnapshot {
            index,
            run: self.active.recorder.folder.path().to_path_buf(),
            available: self.all_snapshots.iter().map(|it| it.index).collect(),
        })
    }

    fn best_snapshot(&mut self) -> Result<Snapshot> {
        let losses = self.losses_at_snapshots()?;
        let finite = losses.iter().enumerate().filter(|(_, loss)| loss.is_finite());
        let best = finite.min_by(|a, b| a.1.total_cmp(b.1)).map(|(place, _)| place);
        let best = best.and_then(|place| self.used_snapshots().get(place).cloned());
        best.ok_or_else(|| self.too_few(0))
    }

    pub(super) fn snapshot_tensors(&self, snapshot: &Snapshot) -> Result<Vec<NamedTensor>> {
        self.open(snapshot)?.tensors(&self.map)
    }

    pub(super) fn open(&self, snapshot: &Snapshot) -> Result<SnapshotFile> {
        let path = self.active.recorder.folder.resolve(&snapshot.file)?;
        SnapshotFile::open(&path, &self.map)
    }
}

/// Bit for bit, or both NaN.
pub(super) fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}
