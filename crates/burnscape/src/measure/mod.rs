//! What is measured at an optimizer step: gradients before the update, weights around it.
//!
//! A measurement reads tensors where they are; what leaves the device is one number per block.

pub(crate) mod handles;
pub(crate) mod norms;
pub(crate) mod statistics;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsParams, MultiGradientsParams};
use burn::tensor::{DType, Tensor, TensorData};

use crate::model::map::{ModelMap, Slot};
use crate::model::tensors::{NamedTensor, to_host};

/// Where gradients come from: what the optimizer is about to receive.
pub(crate) trait GradientSource {
    /// The gradient of a parameter; `None` if none reached the optimizer.
    fn gradient<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>>;

    /// How many parameters have one, on the first device.
    fn count(&self) -> usize;
}

impl GradientSource for GradientsParams {
    fn gradient<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.get::<D>(id)
    }

    fn count(&self) -> usize {
        self.len()
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

    fn count(&self) -> usize {
        self.grads.first().map_or(0, |(grads, _)| grads.len())
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
            Values::SquaresOnDevice(Box::new(Tensor::cat(of_one_type(self.device), 0)))
        };
        (values, self.missing)
    }

    /// The norms that were read first, one per block: those of gradients, NaN where there is none.
    pub fn first(&self, blocks: usize) -> &[f32] {
        &self.host[..blocks.min(self.host.len())]
    }

    /// Weight and update norms of every block, where they were read last.
    pub fn weights_and_updates(&self, blocks: usize) -> impl Iterator<Item = (f32, f32)> {
        let start = self.host.len().saturating_sub(2 * blocks);
        let (weights, updates) = self.host[start..].split_at(blocks.min(self.host.len() - start));
        weights.iter().copied().zip(updates.iter().copied())
    }

    /// Whether the last norms that were read, those of the weights, are not all finite.
    pub fn ends_broken(&self, blocks: usize) -> bool {
        let start = self.host.len().saturating_sub(blocks);
        self.host[start..].iter().any(|norm| !norm.is_finite())
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

/// Numbers of models with several element types, as `f32`.
fn of_one_type(numbers: Vec<Tensor<1>>) -> Vec<Tensor<1>> {
    let is_mixed = numbers.windows(2).any(|pair| pair[0].dtype() != pair[1].dtype());
    match is_mixed {
        true => numbers.into_iter().map(|it| it.cast(DType::F32)).collect(),
        false => numbers,
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

/// The learning rate of every block, as burn's optimizer looks it up.
pub(crate) fn learning_rates<M: Module>(
    model: &M,
    map: &ModelMap,
    lr: &ModuleLearningRate,
) -> Vec<f64> {
    let mut visitor = Rates { slots: Slots::of(map), map, lr, rates: Vec::new() };
    model.visit(&mut visitor);
    visitor.rates
}

struct Rates<'a> {
    slots: Slots<'a>,
    map: &'a ModelMap,
    lr: &'a ModuleLearningRate,
    rates: Vec<f64>,
}

impl ModuleVisitor for Rates<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(block) = self.slots.next_block() {
            let path = &self.map.layout.blocks()[block].path;
            self.rates.push(self.lr.lr_from_param(param.id, Some(path)));
        }
    }
}

/// The weights with their paths, in host memory.
///
/// # Errors
///
/// What the device says if weights cannot be read.
pub(crate) fn named(
    map: &ModelMap,
    weights: impl IntoIterator<Item = Tensor<1>>,
) -> Result<Vec<NamedTensor>, String> {
    let blocks = map.layout.blocks().iter().zip(weights);
    let named = blocks.map(|(block, tensor)| {
        let data = to_host(tensor)?;
        let (bytes, dtype) = (data.as_bytes().to_vec(), data.dtype());
        let data = TensorData::from_bytes_vec(bytes, block.shape.clone(), dtype);
        Ok(NamedTensor { path: block.path.clone(), data })
    });
    named.collect()
}

impl KeptWeights {
    /// As [`named`].
    ///
    /// # Errors
    ///
    /// As [`named`].
    pub fn into_named(self, map: &ModelMap) -> Result<Vec<NamedTensor>, String> {
        named(map, self.0)
    }
}

/// As one vector, without what knows gradients.
pub(crate) fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
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

/// Numbers that were measured: already in host memory, or still on their device, so that training
/// does not wait for the transfer.
#[derive(Debug)]
pub(crate) enum Values {
    /// In host memory.
    Host(Vec<f32>),
    /// Squared norms on the device, read by the writer thread.
    SquaresOnDevice(Box<Tensor<1>>),
}

/// Which quantities a sample holds, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub grad_norm: bool,
    pub weight_norm: bool,
    pub update_norm: bool,
}

impl Columns {
    /// Names of the quantities that are present, in the order of their values.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.grad_norm, "grad_norm"),
            (self.weight_norm, "weight_norm"),
            (self.update_norm, "update_norm"),
        ]
        .into_iter()
        .filter_map(|(present, name)| present.then_some(name))
    }
}
