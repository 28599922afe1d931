//! One model with its hidden units swapped so that they meet those of another: proved on the batches, or refused.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{DType, TensorData};
use burn::train::InferenceStep;
use burnscape_landscape::alignment::{
    AxisUse, Matching, Permutations, UnitGroup, Wiring, identity, match_weights, swap_units,
};
use burnscape_landscape::evaluate::BatchLoss;
use burnscape_landscape::layout::{Block, Layout};

use super::measured::Comparison;
use crate::model::point::{Point, Weights, WeightsOf};
use crate::model::tensors::NamedTensor;
use crate::study::open_study::AnyStudy;
use crate::{Error, Result};

/// By how much a loss of a batch may change when units are swapped, as a share of it: sums of thousands of numbers in
/// another order change by less.
const ROUNDING: f64 = 1e-5;
/// A loss below this is compared as if it were this: what is fitted exactly has no share of itself.
const FITTED: f64 = 1e-3;

/// A model with its units swapped.
#[derive(Debug, Clone)]
pub struct Aligned {
    /// The model: the same function as before, other weights.
    pub point: Point,
    /// Which unit came where, and how much better the weights agree.
    pub matching: Matching,
    /// The groups of units that were swapped.
    pub groups: Vec<UnitGroup>,
}

impl<M> Comparison<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Swaps the hidden units of `b` so that they meet those of `a`: weight matching (Ainsworth et al. 2023), with every
    /// layer feeding the next in the order of the model's fields.
    ///
    /// # Errors
    ///
    /// As [`align_with`](Self::align_with).
    pub fn align(&mut self, a: &Point, b: &Point) -> Result<Aligned> {
        self.align_with(a, b, |layout| Wiring::chain(layout))
    }

    /// The same with the connections of the layers as `wiring` tells them, such as those of a residual network.
    ///
    /// # Errors
    ///
    /// [`Error::NotTheSameFunction`] naming a block, if the model with its units swapped gives other losses on the batches;
    /// [`Error::Setting`] for a model that is not of `f32`; what is wrong with the wiring.
    pub fn align_with(
        &mut self,
        a: &Point,
        b: &Point,
        wiring: impl for<'l> FnOnce(&'l Layout) -> Wiring<'l>,
    ) -> Result<Aligned> {
        let name = self.runs.name_of(b);
        let label = format!("{name}, units swapped to meet {}", self.runs.name_of(a));
        let Some(open) = self.study.open_mut() else {
            return Err(Error::NothingToCompare {
                fit: 0,
                reasons: "the study is switched off".into(),
            });
        };
        let [a, b] = [open.tensors_at(a)?, open.tensors_at(b)?];
        let (layout, buffers) = open.structure();
        let groups = wiring(layout).groups()?;
        let [flat_a, flat_b] = [flat(layout, &a)?, flat(layout, &b)?];
        let matching = match_weights(layout, &groups, &flat_a, &flat_b)?;
        let swap = Swap::new(layout, &buffers, groups)?;
        let tensors = swap.applied(&matching.permutations, &b)?;
        prove(open, &swap, &matching.permutations, &b, &tensors, &name)?;
        let point = Point::Weights(Weights(Arc::new(WeightsOf { label, tensors })));
        Ok(Aligned { point, matching, groups: swap.groups })
    }
}

/// Parameters and buffers, each in an order of their own, and the units in both.
struct Swap {
    layouts: [Layout; 2],
    groups: Vec<UnitGroup>,
}

impl Swap {
    fn new(
        layout: &Layout,
        buffers: &[(String, Vec<usize>)],
        mut groups: Vec<UnitGroup>,
    ) -> Result<Self> {
        let block = |(path, shape): &(String, Vec<usize>)| Block::new(path, "buffer", shape, None);
        let buffers = Layout::new(buffers.iter().map(block).collect())?;
        for group in &mut groups {
            let uses = uses_of_buffers(&buffers, group);
            group.uses.extend(uses);
        }
        Ok(Self { layouts: [layout.clone(), buffers], groups })
    }

    fn applied(
        &self,
        permutations: &Permutations,
        tensors: &[NamedTensor],
    ) -> Result<Vec<NamedTensor>> {
        let mut applied = Vec::new();
        for layout in &self.layouts {
            let values = swap_units(layout, &self.groups, permutations, &flat(layout, tensors)?)?;
            let tensor = |block: &Block| {
                let data = TensorData::new(values[block.range()].to_vec(), block.shape.clone());
                NamedTensor { path: block.path.clone(), data }
            };
            applied.extend(layout.blocks().iter().map(tensor));
        }
        Ok(applied)
    }
}

/// The statistics of a normalisation layer move with its units.
fn uses_of_buffers(buffers: &Layout, group: &UnitGroup) -> Vec<AxisUse> {
    let parent = |path: &str| path.rsplit_once('.').map_or(String::new(), |(it, _)| it.to_string());
    let is_of = |block: &&Block| {
        let beside = |it: &AxisUse| it.inner == 1 && parent(&it.path) == parent(&block.path);
        block.shape == [group.size] && group.uses.iter().any(beside)
    };
    let own = |block: &Block| AxisUse { path: block.path.clone(), axis: 0, inner: 1 };
    buffers.blocks().iter().filter(is_of).map(own).collect()
}

/// The tensors of a layout one after the other.
fn flat(layout: &Layout, tensors: &[NamedTensor]) -> Result<Vec<f32>> {
    let mut values = Vec::with_capacity(layout.len());
    for block in layout.blocks() {
        let Some(tensor) = tensors.iter().find(|it| it.path == block.path) else { continue };
        if tensor.data.dtype() != DType::F32 {
            let found = format!("{:?}", tensor.data.dtype()).to_lowercase();
            return Err(Error::Setting { setting: "align", found, expected: "a model of f32" });
        }
        values.extend(tensor.data.iter::<f32>());
    }
    Ok(values)
}

/// Losses of every batch are what they were; else the first group that changes them by itself is named.
fn prove(
    open: &AnyStudy<'_>,
    swap: &Swap,
    permutations: &Permutations,
    before: &[NamedTensor],
    after: &[NamedTensor],
    model: &str,
) -> Result<()> {
    let expected = open.batch_losses_at(before)?;
    if !expected.iter().flatten().any(|loss| loss.mean.is_finite()) {
        return Err(Error::NothingToProveOn { model: model.to_owned() });
    }
    let Some((was, is)) = difference(&expected, &open.batch_losses_at(after)?) else {
        return Ok(());
    };
    let mut block = String::new();
    for (place, group) in swap.groups.iter().enumerate() {
        let mut alone = identity(&swap.groups);
        alone[place].clone_from(&permutations[place]);
        let losses = open.batch_losses_at(&swap.applied(&alone, before)?)?;
        if difference(&expected, &losses).is_some() {
            block = group.uses.first().map_or(String::new(), |it| it.path.clone());
            break;
        }
    }
    Err(Error::NotTheSameFunction { block, was, is })
}

/// The first loss that is another.
fn difference(expected: &[Vec<BatchLoss>], found: &[Vec<BatchLoss>]) -> Option<(f64, f64)> {
    let pairs = expected.iter().flatten().zip(found.iter().flatten());
    let mut means = pairs.map(|(a, b)| (a.mean, b.mean));
    means.find(|(a, b)| (a - b).abs() > ROUNDING * a.abs().max(FITTED) || a.is_nan() != b.is_nan())
}
