//! The gradient of the mean loss at a point, through the model's own `TrainStep`, in inference mode.
//!
//! Dropout is off and normalisation layers use the statistics that they have: every `Flag` of a copy with
//! state of its own says "not training". Batches are put together by their samples, in f64.

use std::any::Any;

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::train::TrainStep;

use crate::loss::{BatchLoss, mean_on_device, standard_loss};
use crate::measure::GradientSource;
use crate::model_map::{self, ModelMap, Slot, to_host};
use crate::perturb::tied_aliases;
use crate::{Error, Result};

/// The gradient in layout order; 0 for frozen parameters and for those that the loss does not depend on.
///
/// # Errors
///
/// [`Error::NoBatches`], [`Error::UnknownOutput`], [`Error::EmptyBatch`], [`Error::NonFiniteDirection`] if a
/// loss or a gradient is not finite, [`Error::RandomModel`] if one batch has two losses, [`Error::Device`].
pub(crate) fn mean_gradient<M>(
    model: &M,
    map: &ModelMap,
    batches: &[<M as TrainStep>::Input],
) -> Result<Vec<f32>>
where
    M: TrainStep + Module,
    <M as TrainStep>::Input: Clone,
{
    let first = batches.first().ok_or(Error::NoBatches)?;
    let tied = tied_aliases(map, &model_map::read_tensors(model, map)?);
    let mut still = Still { slots: map.slots.iter(), frozen: map, ids: Vec::new() };
    // `train` gives running states of its own: those of a clone are shared.
    let model = model.clone().train().map(&mut still);
    let ids = still.ids;
    check_same_loss(&model, first)?;
    let mut sums = Sums { map, tied: &tied, values: vec![0.0; map.layout.len()] };
    let mut samples = 0;
    for (index, batch) in batches.iter().enumerate() {
        let output = TrainStep::step(&model, batch.clone());
        let loss = known_loss(&output.item)?;
        if loss.samples == 0 {
            return Err(Error::EmptyBatch { index });
        }
        samples += loss.samples;
        sums.add(&model, &output.grads, &ids, loss.samples as f64)?;
    }
    let mean: Vec<f32> = sums.values.iter().map(|sum| (sum / samples as f64) as f32).collect();
    match mean.iter().all(|entry| entry.is_finite()) {
        true => Ok(mean),
        false => Err(Error::NonFiniteDirection { direction: "gradient".to_string() }),
    }
}

/// A model that is random although its flags are off has no gradient.
fn check_same_loss<M>(model: &M, batch: &<M as TrainStep>::Input) -> Result<()>
where
    M: TrainStep,
    <M as TrainStep>::Input: Clone,
{
    let loss = || -> Result<f64> {
        let output = TrainStep::step(model, batch.clone()).item;
        let loss = mean_on_device(&known_loss(&output)?).try_into_scalar::<f64>();
        loss.map_err(|error| Error::Device { reason: error.to_string() })
    };
    let (first, second) = (loss()?, loss()?);
    match first.to_bits() == second.to_bits() || (first.is_nan() && second.is_nan()) {
        true => Ok(()),
        false => Err(Error::RandomModel { first, second }),
    }
}

fn known_loss<O: Any>(output: &O) -> Result<BatchLoss> {
    standard_loss(output).ok_or(Error::UnknownOutput { output: std::any::type_name::<O>() })
}

/// Switches a model to inference on a device that knows gradients, and gives each float an identifier of its
/// own: gradients are kept by identifier, and those of two names for one parameter would replace each other.
struct Still<'a> {
    slots: std::slice::Iter<'a, Slot>,
    frozen: &'a ModelMap,
    ids: Vec<ParamId>,
}

impl ModuleMapper for Still<'_> {
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        flag.with_value(false)
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let block = match self.slots.next() {
            Some(Slot::Block(block) | Slot::Alias { block, .. }) => Some(*block),
            _ => None,
        };
        let moves = block.is_some_and(|block| !self.frozen.layout.blocks()[block].frozen);
        let (_, value, mapper) = param.consume();
        let id = ParamId::new();
        self.ids.push(id);
        let value = value.detach().set_require_grad(moves);
        Param::from_mapped_value(id, value, mapper)
    }
}

/// Gradients summed over samples.
struct Sums<'a> {
    map: &'a ModelMap,
    tied: &'a [bool],
    values: Vec<f64>,
}

impl Sums<'_> {
    fn add<M: Module>(
        &mut self,
        model: &M,
        grads: &GradientsParams,
        ids: &[ParamId],
        weight: f64,
    ) -> Result<()> {
        let slots = self.map.slots.iter();
        let mut adder = Adder { sums: self, slots, ids: ids.iter(), grads, weight, error: None };
        model.visit(&mut adder);
        match adder.error {
            Some(reason) => Err(Error::Device { reason }),
            None => Ok(()),
        }
    }
}

struct Adder<'a, 'm> {
    sums: &'a mut Sums<'m>,
    slots: std::slice::Iter<'a, Slot>,
    ids: std::slice::Iter<'a, ParamId>,
    grads: &'a GradientsParams,
    weight: f64,
    error: Option<String>,
}

impl ModuleVisitor for Adder<'_, '_> {
    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        let block = match self.slots.next() {
            Some(Slot::Block(block)) => Some(*block),
            Some(Slot::Alias { block, buffer }) if self.sums.tied[*buffer] => Some(*block),
            _ => None,
        };
        let (Some(&id), Some(block)) = (self.ids.next(), block) else {
            return;
        };
        let Some(gradient) = self.grads.gradient::<D>(id) else {
            return;
        };
        match to_host(gradient) {
            Ok(data) => {
                let range = self.sums.map.layout.blocks()[block].range();
                let sums = self.sums.values[range].iter_mut();
                for (sum, entry) in sums.zip(data.iter::<f64>()) {
                    *sum += self.weight * entry;
                }
            }
            Err(reason) => self.error = Some(reason),
        }
    }
}
