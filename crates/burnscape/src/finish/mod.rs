//! The end of a run: PCA of the snapshots, trajectory, surfaces, self-checks.

mod planes;
mod surfaces;
mod trajectory;

use std::time::Instant;

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::surface::NodeValue;
use burnscape_trace::{Check, Record, Snapshot};

use crate::batches::Batches;
use crate::evaluate::{LossOf, count_samples, mean_loss};
use crate::landscape::Landscape;
use crate::model_map::{self, ModelMap};
use crate::perturb::tied_aliases;
use crate::probe::Active;
use crate::progress::SurfaceProgress;
use crate::recorder::{Control, WeightsAt};
use crate::snapshot;
use crate::{Error, Result};

use trajectory::distinct_snapshots;

/// Computes and records the landscape of a run.
pub(crate) fn landscape<M, B>(
    active: &Active,
    model: &M,
    batches: &B,
    loss_of: LossOf<'_, M::Output>,
    loss_name: &'static str,
) -> Result<Landscape>
where
    M: InferenceStep + Module,
    M::Input: Clone,
    B: Batches<M::Input> + ?Sized,
{
    let run = || active.recorder.folder.path().to_path_buf();
    active.recorder.sync()?;
    let map = active.hook.map();
    let map = map.ok_or_else(|| {
        let refused = active.hook.refusal();
        refused.unwrap_or_else(|| Error::NothingRecorded { run: run() })
    })?;
    // In inference mode, which also brings shared buffers up to date: read before, they may be one
    // update old.
    let given = model;
    let model = &given.valid();
    map.check_model(model)?;
    let before = model_map::read_tensors(model, map)?;
    let fingerprint = snapshot::encode(&before);
    let centre = flatten(&before, map);
    let tied = tied_aliases(map, &before);
    record_final(active, before);
    let finisher = Finisher::new(active, model, map, (centre, tied), batches, loss_of, loss_name)?;
    let landscape = finisher.landscape()?;
    let after = snapshot::encode(&model_map::read_tensors(&given.valid(), map)?);
    finisher.check(
        None,
        "model-unchanged",
        fingerprint == after,
        "parameters and buffers are bit for bit what they were before the surfaces",
    );
    Ok(landscape)
}

fn record_final(active: &Active, tensors: Vec<model_map::NamedTensor>) {
    let at = active.hook.moment();
    let weights = Box::new(WeightsAt { at, tensors });
    active.recorder.lanes.send(Control::FinalSnapshot(weights));
}

struct Finisher<'a, M: InferenceStep> {
    active: &'a Active,
    map: &'a ModelMap,
    /// In inference mode, with state of its own.
    model: M,
    batches: Vec<M::Input>,
    samples: usize,
    loss_of: LossOf<'a, M::Output>,
    loss_name: &'static str,
    centre: Vec<f32>,
    /// Per buffer, whether it moves with the parameter that it is the second name of.
    tied: Vec<bool>,
    centre_value: NodeValue,
    snapshots: Vec<Snapshot>,
    started: Instant,
}

impl<'a, M> Finisher<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    fn new<B: Batches<M::Input> + ?Sized>(
        active: &'a Active,
        model: &M,
        map: &'a ModelMap,
        (centre, tied): (Vec<f32>, Vec<bool>),
        batches: &B,
        loss_of: LossOf<'a, M::Output>,
        loss_name: &'static str,
    ) -> Result<Self> {
        let model = model.valid();
        let (batches, centre_value) = fixed_batches(&model, batches, loss_of)?;
        let samples = count_samples(&model, &batches, loss_of)?;
        let snapshots = distinct_snapshots(active)?;
        Ok(Self {
            active,
            map,
            model,
            batches,
            samples,
            loss_of,
            loss_name,
            centre,
            tied,
            centre_value,
            snapshots,
            started: Instant::now(),
        })
    }

    fn landscape(&self) -> Result<Landscape> {
        self.check(
            None,
            "centre-twice",
            true,
            &format!(
                "two passes over the batches gave the loss {} bit for bit",
                self.centre_value.mean
            ),
        );
        let (pca, used) = self.principal_components()?;
        let mut plans = vec![self.pca_plan(&pca, &used)?, self.random_plan(&used)?];
        self.add_true_losses(&mut plans, &used)?;
        let pace = self.pace(&plans[0])?;
        let nodes: Vec<usize> = plans.iter().map(|plan| plan.grid.len()).collect();
        let progress = SurfaceProgress::new(self.active, self.samples, &nodes, pace.secs);
        let mut slices = Vec::new();
        for (number, plan) in plans.into_iter().enumerate() {
            slices.push(self.evaluate(plan, number, pace, &progress)?);
        }
        Ok(Landscape::new(slices))
    }

    pub(super) fn check(&self, slice: Option<u32>, name: &str, passed: bool, detail: &str) {
        if !passed {
            log::error!("burnscape: check `{name}` failed: {detail}");
        }
        self.record(Record::Check(Check {
            slice,
            name: name.to_string(),
            passed,
            detail: detail.to_string(),
        }));
    }

    pub(super) fn record(&self, record: Record) {
        self.active.recorder.lanes.record(record);
    }
}

/// Reads the batches twice and holds the two against each other at the model's own weights.
fn fixed_batches<M, B>(
    model: &M,
    source: &B,
    loss_of: LossOf<'_, M::Output>,
) -> Result<(Vec<M::Input>, NodeValue)>
where
    M: InferenceStep,
    M::Input: Clone,
    B: Batches<M::Input> + ?Sized,
{
    let collect = || source.collect().map_err(|reason| Error::BatchSource { reason });
    let batches = collect()?;
    if batches.is_empty() {
        return Err(Error::NoBatches);
    }
    let first = mean_loss(model, &batches, loss_of)?;
    let again = mean_loss(model, &batches, loss_of)?;
    if !same(first.mean, again.mean) {
        return Err(Error::RandomModel { first: first.mean, second: again.mean });
    }
    let second = mean_loss(model, &collect()?, loss_of)?;
    if !same(first.mean, second.mean) {
        return Err(Error::ChangingBatches { first: first.mean, second: second.mean });
    }
    Ok((batches, first))
}

/// Bit for bit, or both NaN.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// The parameters of a model as one vector in layout order.
fn flatten(tensors: &[model_map::NamedTensor], map: &ModelMap) -> Vec<f32> {
    let mut flat = vec![0.0; map.layout.len()];
    for tensor in tensors {
        let Some(block) = map.layout.block(&tensor.path) else {
            continue;
        };
        snapshot::widen_data(&tensor.data, &mut flat[block.range()]);
    }
    flat
}
