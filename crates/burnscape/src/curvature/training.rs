//! Gradients of one batch at a time as training takes them: dropout on, normalisation by the batch itself.

use burn::module::Module;
use burn::train::TrainStep;

use super::gradients::{LossOf, Mode, Worker};
use crate::model::map::{self, ModelMap, tied_aliases};
use crate::{Error, Result};

/// Gradients of the model's own `TrainStep`, wherever its weights are put.
pub(crate) struct TrainingGradients<'a, M: TrainStep> {
    worker: Worker<'a, M>,
}

impl<'a, M> TrainingGradients<'a, M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    /// # Errors
    ///
    /// [`Error::NoBatches`], [`Error::Device`].
    pub fn new(
        model: &M,
        map: &'a ModelMap,
        batches: Vec<M::Input>,
        loss_of: LossOf<'a>,
    ) -> Result<Self> {
        if batches.is_empty() {
            return Err(Error::NoBatches);
        }
        let tied = tied_aliases(map, &map::read_tensors(model, map)?);
        let mode = Mode::Training;
        Ok(Self { worker: Worker::new(model, map, None, &tied, batches, loss_of, mode) })
    }

    /// Mean loss and gradient of the batch whose turn it is in this step, in layout order.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownOutput`], [`Error::EmptyBatch`], [`Error::Device`], [`Error::Panicked`].
    pub fn at(&mut self, point: &[f64], step: usize) -> Result<(f64, Vec<f64>)> {
        let batch = step % self.worker.batches.len();
        let mut sums = self.worker.sums_of(Some(point), batch..batch + 1)?;
        let samples = sums.samples as f64;
        sums.gradient.iter_mut().for_each(|entry| *entry /= samples);
        Ok((sums.loss / samples, sums.gradient))
    }
}
