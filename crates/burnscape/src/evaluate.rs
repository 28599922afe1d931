//! The loss of the watched model at a point of a slice, on a fixed set of batches.

use burn::module::Module;
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::{self, Loss, mean_over_samples};
use burnscape_landscape::surface::NodeValue;

use crate::loss::{BatchLoss, mean_on_device};
use crate::model_map::ModelMap;
use crate::perturb::{Directions, MovableModel};
use crate::{Error, Result};

/// Reads the loss out of a model's output; `None` if it has none that is known.
pub(crate) type LossOf<'a, O> = &'a (dyn Fn(&O) -> Option<BatchLoss> + Sync);

/// Mean loss of a model over the batches, weighted by their samples.
///
/// # Errors
///
/// [`Error::UnknownOutput`], [`Error::EmptyBatch`], [`Error::Device`].
pub(crate) fn mean_loss<M>(
    model: &M,
    batches: &[M::Input],
    loss_of: LossOf<'_, M::Output>,
) -> Result<NodeValue>
where
    M: InferenceStep,
    M::Input: Clone,
{
    let losses = batches.iter().enumerate();
    let losses = losses.map(|(index, batch)| batch_loss(model, index, batch.clone(), loss_of));
    Ok(mean_over_samples(&losses.collect::<Result<Vec<_>>>()?))
}

/// Samples in all batches together.
///
/// # Errors
///
/// As [`mean_loss`].
pub(crate) fn count_samples<M>(
    model: &M,
    batches: &[M::Input],
    loss_of: LossOf<'_, M::Output>,
) -> Result<usize>
where
    M: InferenceStep,
    M::Input: Clone,
{
    let losses = batches.iter().enumerate();
    losses.map(|(index, batch)| Ok(batch_loss(model, index, batch.clone(), loss_of)?.samples)).sum()
}

fn batch_loss<M: InferenceStep>(
    model: &M,
    index: usize,
    batch: M::Input,
    loss_of: LossOf<'_, M::Output>,
) -> Result<evaluate::BatchLoss> {
    let output = model.step(batch);
    let loss = loss_of(&output)
        .ok_or(Error::UnknownOutput { output: std::any::type_name::<M::Output>() })?;
    if loss.samples == 0 {
        return Err(Error::EmptyBatch { index });
    }
    let mean = mean_on_device(&loss).try_into_scalar::<f64>();
    Ok(evaluate::BatchLoss {
        mean: mean.map_err(|error| Error::Device { reason: error.to_string() })?,
        samples: loss.samples,
    })
}

/// Everything that the loss on a slice depends on, shared by its workers.
pub(crate) struct SliceContext<'a, M: InferenceStep> {
    pub map: &'a ModelMap,
    pub directions: Directions<'a>,
    pub loss_of: LossOf<'a, M::Output>,
}

/// How a worker uses the cores of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// One of several workers: it stays on its own thread.
    One,
    /// The only worker: the backend may use them all.
    All,
}

/// One worker: a model of its own and its own copy of the batches.
pub(crate) struct SliceLoss<'a, M: InferenceStep> {
    context: &'a SliceContext<'a, M>,
    model: MovableModel<M>,
    batches: Vec<M::Input>,
    cores: Cores,
    serial: Option<rayon::ThreadPool>,
}

impl<'a, M> SliceLoss<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    pub fn new(
        context: &'a SliceContext<'a, M>,
        centre: &M,
        batches: &[M::Input],
        cores: Cores,
    ) -> Self {
        Self {
            context,
            model: MovableModel::new(centre),
            batches: batches.to_vec(),
            cores,
            serial: None,
        }
    }

    /// Gives this thread a rayon pool that consists of itself: nodes are computed in parallel, so
    /// parallel loops inside one node would only get in each other's way.
    fn stay_on_this_thread(&mut self) {
        if self.cores == Cores::One && self.serial.is_none() {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
            self.serial = pool.use_current_thread().build().ok();
        }
    }
}

impl<M> Loss for SliceLoss<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    type Error = Error;

    fn loss(&mut self, alpha: f64, beta: f64) -> Result<NodeValue> {
        self.stay_on_this_thread();
        let SliceContext { map, directions, loss_of } = self.context;
        let model = self.model.at(map, directions, &[alpha, beta]);
        mean_loss(model, &self.batches, *loss_of)
    }
}
