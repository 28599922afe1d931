//! The parameters of a point as one vector: held, or read from the tensors of its model block by block.

use std::borrow::Cow;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor};
use burnscape_landscape::direction::DotInPieces;
use burnscape_landscape::layout::{Block, Layout};

use crate::model::map::{ModelMap, Slot};
use crate::model::tensors::{to_host, widen_data};
use crate::{Error, Result};

/// The parameters of a point in layout order.
#[derive(Debug)]
pub(crate) enum Weights {
    Held(Vec<f32>),
    /// By block, sharing their memory with the model that stands there.
    Tensors(Vec<Tensor<1>>),
}

impl Weights {
    /// Those of a model, of which nothing is copied.
    pub fn of_model<M: Module>(model: &M, map: &ModelMap) -> Self {
        let mut collector = Collector { slots: map.slots.iter(), tensors: Vec::new() };
        model.visit(&mut collector);
        Self::Tensors(collector.tensors)
    }

    /// All of them, where they are held.
    pub fn held(&self) -> Option<&[f32]> {
        match self {
            Self::Held(values) => Some(values),
            Self::Tensors(_) => None,
        }
    }

    /// The block with this number in the layout.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if it cannot be read.
    pub fn block(&self, number: usize, block: &Block) -> Result<Cow<'_, [f32]>> {
        let tensors = match self {
            Self::Held(values) => return Ok(Cow::Borrowed(&values[block.range()])),
            Self::Tensors(tensors) => tensors,
        };
        let failed = |reason: String| Error::Device { reason: format!("{}: {reason}", block.path) };
        let data = to_host(tensors[number].clone()).map_err(failed)?;
        if let DType::F32 = data.dtype() {
            return data.try_into_vec().map(Cow::Owned).map_err(|error| failed(error.to_string()));
        }
        let mut values = vec![0.0; block.len()];
        widen_data(&data, &mut values);
        Ok(Cow::Owned(values))
    }

    /// Euclidean norm, and the first block that is not finite.
    ///
    /// # Errors
    ///
    /// As [`block`](Self::block).
    pub fn look(&self, layout: &Layout) -> Result<(f64, Option<usize>)> {
        let mut squared = DotInPieces::new(layout.len());
        let mut broken = None;
        for (number, block) in layout.blocks().iter().enumerate() {
            let values = self.block(number, block)?;
            squared.add(&values, &values);
            if broken.is_none() && !values.iter().all(|value| value.is_finite()) {
                broken = Some(number);
            }
        }
        Ok((squared.value().sqrt(), broken))
    }

    /// All of them in one vector.
    ///
    /// # Errors
    ///
    /// As [`block`](Self::block).
    pub fn flat(&self, layout: &Layout) -> Result<Cow<'_, [f32]>> {
        if let Self::Held(values) = self {
            return Ok(Cow::Borrowed(values));
        }
        let mut flat = Vec::with_capacity(layout.len());
        for (number, block) in layout.blocks().iter().enumerate() {
            flat.extend_from_slice(&self.block(number, block)?);
        }
        Ok(Cow::Owned(flat))
    }
}

struct Collector<'a> {
    slots: std::slice::Iter<'a, Slot>,
    tensors: Vec<Tensor<1>>,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(Slot::Block(_)) = self.slots.next() {
            let tensor = param.base().inner();
            let len = tensor.shape().num_elements();
            self.tensors.push(tensor.reshape([len]));
        }
    }
}
