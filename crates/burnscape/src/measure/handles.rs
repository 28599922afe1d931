//! Gradients and weights of one step, handed over as they lie: nothing is copied on the training thread.
//!
//! A handle shares the tensor's memory. Until the writer thread lets it go, burn writes the next values
//! elsewhere instead of in place, which changes no value.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::{GradientSource, Slots, flat};
use crate::model::map::ModelMap;

/// The tensors of a step that are looked at, by block; empty where they are not needed.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    /// `None` for blocks that no gradient reached.
    pub gradients: Vec<Option<Tensor<1>>>,
    pub before: Vec<Tensor<1>>,
    pub after: Vec<Tensor<1>>,
}

impl Handles {
    /// Entries that are kept from being freed.
    pub fn entries(&self) -> usize {
        let gradients = self.gradients.iter().flatten();
        let all = gradients.chain(&self.before).chain(&self.after);
        all.map(|tensor| tensor.shape().num_elements()).sum()
    }
}

/// What the optimizer receives, by block.
pub(crate) fn gradients<M: Module, G: GradientSource>(
    model: &M,
    map: &ModelMap,
    grads: &G,
) -> Vec<Option<Tensor<1>>> {
    let gradients = Vec::with_capacity(map.layout.blocks().len());
    let mut visitor = Gradients { slots: Slots::of(map), grads, gradients };
    model.visit(&mut visitor);
    visitor.gradients
}

struct Gradients<'a, G> {
    slots: Slots<'a>,
    grads: &'a G,
    gradients: Vec<Option<Tensor<1>>>,
}

impl<G: GradientSource> ModuleVisitor for Gradients<'_, G> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.slots.next_block().is_some() {
            self.gradients.push(self.grads.gradient::<D>(param.id).map(flat));
        }
    }
}

/// Weights, by block.
pub(crate) fn weights<M: Module>(model: &M, map: &ModelMap) -> Vec<Tensor<1>> {
    let weights = Vec::with_capacity(map.layout.blocks().len());
    let mut visitor = Weights { slots: Slots::of(map), weights };
    model.visit(&mut visitor);
    visitor.weights
}

struct Weights<'a> {
    slots: Slots<'a>,
    weights: Vec<Tensor<1>>,
}

impl ModuleVisitor for Weights<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.slots.next_block().is_some() {
            self.weights.push(flat(param.base()));
        }
    }
}
