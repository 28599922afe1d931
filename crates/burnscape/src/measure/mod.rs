//! What is measured at an optimizer step: gradients before the update, weights around it.
//!
//! A measurement reads tensors where they are; what leaves the device is one number per block.

pub(crate) mod norms;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsParams, MultiGradientsParams};
use burn::tensor::Tensor;

use crate::model_map::{ModelMap, Slot, to_host};
use crate::recorder::sample::{Columns, Values};

/// Where gradients come from: what the optimizer is about to receive.
pub(crate) trait GradientSource {
    /// The gradient of a parameter; `None` if none reached the optimizer.
    fn gradient<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>>;
}

impl GradientSource for GradientsParams {
    fn gradient<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.get::<D>(id)
    }
}

/// One part per device, not yet summed: the sum is taken here in the order in which burn's
/// `MultiGradientsParams::remove` takes it, so that the norm is of what the optimizer sees.
impl GradientSource for MultiGradientsParams {
    fn gradient<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        let count = self.grads.len();
        let first = (0..count)
            .map(|i| (id.val() as usize + i) % count)
            .find(|&i| self.grads[i].0.get::<D>(id).is_some())?;
        let (grads, device) = &self.grads[first];
        let start = grads.get::<D>(id)?.to_device(device);
        let others = self.grads.iter().enumerate().filter(|(i, _)| *i != first);
        let sum = others
            .filter_map(|(_, (grads, _))| grads.get::<D>(id))
            .fold(start, |sum, part| sum + part.to_device(device));
        Some(sum)
    }
}

/// The numbers of one step while they are collected: `columns × blocks` values.
#[derive(Debug, Default)]
pub(crate) struct StepValues {
    host: Vec<f32>,
    device: Vec<Tensor<1>>,
    /// Blocks without a gradient.
    pub missing: Vec<u32>,
}

impl StepValues {
    /// Takes over buffers of an earlier step, so that the steady state allocates nothing.
    pub fn reuse(mut host: Vec<f32>, mut missing: Vec<u32>) -> Self {
        host.clear();
        missing.clear();
        Self { host, device: Vec::new(), missing }
    }

    /// The values as they travel to the writer thread.
    pub fn into_values(self) -> (Values, Vec<u32>) {
        let values = if self.device.is_empty() {
            Values::Host(self.host)
        } else {
            Values::SquaresOnDevice(Box::new(Tensor::cat(self.device, 0)))
        };
        (values, self.missing)
    }

    fn push_norm<const D: usize>(&mut self, tensor: Tensor<D>, at_once: bool) {
        if at_once {
            self.host.push(norms::norm_on_host(tensor) as f32);
        } else {
            self.device.push(norms::squares(tensor));
        }
    }

    fn push_missing<const D: usize>(&mut self, block: usize, like: &Tensor<D>, at_once: bool) {
        self.missing.push(block as u32);
        if at_once {
            self.host.push(f32::NAN);
        } else {
            self.device.push(Tensor::full([1], f32::NAN, &like.device()));
        }
    }
}

/// The weights before an update, kept to measure how far it moved them.
#[derive(Debug, Default)]
pub(crate) struct KeptWeights(Vec<Tensor<1>>);

/// Reads gradient norms, one per block.
pub(crate) fn gradient_norms<M: Module, G: GradientSource>(
    model: &M,
    map: &ModelMap,
    grads: &G,
    values: &mut StepValues,
) {
    model.visit(&mut GradientVisitor {
        slots: Slots::of(map),
        at_once: !map.defers_reads,
        grads,
        values,
    });
}

struct GradientVisitor<'a, G> {
    slots: Slots<'a>,
    at_once: bool,
    grads: &'a G,
    values: &'a mut StepValues,
}

impl<G: GradientSource> ModuleVisitor for GradientVisitor<'_, G> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(block) = self.slots.next_block() else {
            return;
        };
        match self.grads.gradient::<D>(param.id) {
            Some(gradient) => self.values.push_norm(gradient, self.at_once),
            None => self.values.push_missing(block, &param.base().inner(), self.at_once),
        }
    }
}

/// Reads weight norms, one per block, and keeps the weights themselves if the update is due.
pub(crate) fn weight_norms<M: Module>(
    model: &M,
    map: &ModelMap,
    columns: Columns,
    values: &mut StepValues,
) -> KeptWeights {
    let mut visitor = WeightVisitor {
        slots: Slots::of(map),
        at_once: !map.defers_reads,
        columns,
        values,
        kept: KeptWeights::default(),
    };
    model.visit(&mut visitor);
    visitor.kept
}

struct WeightVisitor<'a> {
    slots: Slots<'a>,
    at_once: bool,
    columns: Columns,
    values: &'a mut StepValues,
    kept: KeptWeights,
}

impl ModuleVisitor for WeightVisitor<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.slots.next_block().is_none() {
            return;
        }
        let weights = flat(param.base());
        if self.columns.weight_norm {
            self.values.push_norm(weights.clone(), self.at_once);
        }
        if self.columns.update_norm {
            self.kept.0.push(weights);
        }
    }
}

/// The weights as they are now, nothing measured.
pub(crate) fn kept_weights<M: Module>(model: &M, map: &ModelMap) -> KeptWeights {
    let columns = Columns { update_norm: true, ..Columns::default() };
    weight_norms(model, map, columns, &mut StepValues::default())
}

/// `after − before` in layout order, computed in f64.
///
/// # Errors
///
/// What the device says if weights cannot be read.
pub(crate) fn update_since<M: Module>(
    after: &M,
    map: &ModelMap,
    before: KeptWeights,
) -> Result<Vec<f32>, String> {
    let mut update = Vec::with_capacity(map.layout.len());
    for (after, before) in kept_weights(after, map).0.into_iter().zip(before.0) {
        let (after, before) = (on_host(after)?, on_host(before)?);
        update.extend(after.iter().zip(&before).map(|(after, before)| (after - before) as f32));
    }
    Ok(update)
}

fn on_host(tensor: Tensor<1>) -> Result<Vec<f64>, String> {
    Ok(to_host(tensor)?.iter::<f64>().collect())
}

/// Reads the norms of `after − before`, one per block.
pub(crate) fn update_norms<M: Module>(
    model: &M,
    map: &ModelMap,
    before: KeptWeights,
    values: &mut StepValues,
) {
    model.visit(&mut UpdateVisitor {
        slots: Slots::of(map),
        at_once: !map.defers_reads,
        before: before.0.into_iter(),
        values,
    });
}

struct UpdateVisitor<'a> {
    slots: Slots<'a>,
    at_once: bool,
    before: std::vec::IntoIter<Tensor<1>>,
    values: &'a mut StepValues,
}

impl ModuleVisitor for UpdateVisitor<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.slots.next_block().is_none() {
            return;
        }
        let after = norms::widened(flat(param.base()));
        if let Some(before) = self.before.next() {
            let update = after.clone() - norms::widened(before.to_device(&after.device()));
            self.values.push_norm(update, self.at_once);
        }
    }
}

fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let tensor = tensor.inner();
    let len = tensor.shape().num_elements();
    tensor.reshape([len])
}

/// Walks the slots of a model beside a visitor.
struct Slots<'a> {
    slots: std::slice::Iter<'a, Slot>,
}

impl<'a> Slots<'a> {
    fn of(map: &'a ModelMap) -> Self {
        Self { slots: map.slots.iter() }
    }

    /// The block of the float that is visited now; `None` for buffers and second names.
    fn next_block(&mut self) -> Option<usize> {
        match self.slots.next() {
            Some(Slot::Block(block)) => Some(*block),
            _ => None,
        }
    }
}
