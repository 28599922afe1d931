//! BatchNorm statistics of a moved model, recomputed from the fixed batches.
//!
//! Every batch runs once through the model's own `InferenceStep` with its normalisation layers, and nothing
//! else, switched to training: each normalises the batch with the batch's own statistics, so that deeper layers
//! see what they see in training, and takes them up into its running state. A state that began at zero then
//! holds `share · statistic`, where the share is the layer's momentum. Weights are on the autodiff device, since
//! burn trains nowhere else, but need no gradient, so that no graph is built.
//!
//! Batches are put together by their samples, variances about the common mean. A layer that is called several
//! times in one pass gives an average of its calls, later ones weighing more, without the spread between them.
//!
//! Layers that take up nothing keep the statistics of the centre: frozen ones, as in training; those that the
//! pass does not reach; those on the bare input before all parameters, which no move of the weights changes.

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor};
use burn::train::InferenceStep;

use super::means::{Quantity, count_samples};
use crate::model::map::{ModelMap, Slot};
use crate::model::tensors::to_host;
use crate::{Error, Result};

/// The layers whose statistics are recomputed: the same at every node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recalibration {
    norms: Vec<Norm>,
    kept: Vec<String>,
}

/// A normalisation layer.
#[derive(Debug, Clone, PartialEq)]
struct Norm {
    /// What its paths begin with: `block.norm.`.
    prefix: String,
    /// Numbers of its buffers.
    mean: usize,
    variance: usize,
    /// What a batch counts in the running state after it; 0 if it is not taken up.
    share: f64,
}

impl Recalibration {
    /// Finds the layers and their momentum, with one batch at the centre.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if no layer takes up statistics; else as evaluating the batch.
    pub fn of<M>(
        centre: &M,
        map: &ModelMap,
        batch: &M::Input,
        loss: &Quantity<'_, M::Output>,
    ) -> Result<Self>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
    {
        let norms = with_shares(norms(map), centre, map, batch, loss)?;
        let (norms, kept): (Vec<_>, Vec<_>) = norms.into_iter().partition(|it| it.share > 0.0);
        if norms.is_empty() {
            return Err(nothing_to_recalibrate());
        }
        // Layers that keep their state have passed it on to those behind them, from far off.
        let norms = match kept.is_empty() {
            true => norms,
            false => with_shares(norms, centre, map, batch, loss)?,
        };
        let path = |norm: Norm| norm.prefix.trim_end_matches('.').to_string();
        Ok(Self { norms, kept: kept.into_iter().map(path).collect() })
    }

    /// Paths of the layers that keep the statistics of the centre.
    pub fn kept(&self) -> &[String] {
        &self.kept
    }

    /// The model with the statistics of `batches`, in inference mode and with state of its own.
    ///
    /// # Errors
    ///
    /// As evaluating the batches.
    pub fn at<M>(
        &self,
        model: &M,
        map: &ModelMap,
        batches: &[M::Input],
        loss: &Quantity<'_, M::Output>,
    ) -> Result<M>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
    {
        let mut values = vec![None; map.buffers.len()];
        let mut all = 0;
        for batch in batches {
            let (states, samples) = run(model, map, &self.norms, 0.0, batch, loss)?;
            all += samples;
            let weight = samples as f64 / all as f64;
            self.norms.iter().for_each(|norm| norm.add(&mut values, &states, weight));
        }
        Ok(model.valid().map(&mut Loader { slots: map.slots.iter(), values }))
    }
}

/// One flat tensor per buffer, off the graph; `None` where it is not needed.
type Values = Vec<Option<Tensor<1>>>;

impl Norm {
    /// Adds the statistics of a batch that makes up `weight` of all samples up to it.
    fn add(&self, totals: &mut Values, states: &Values, weight: f64) {
        let statistic = |buffer: usize| Some(states[buffer].clone()?.div_scalar(self.share));
        let (Some(mean), Some(variance)) = (statistic(self.mean), statistic(self.variance)) else {
            return;
        };
        let before = (totals[self.mean].take(), totals[self.variance].take());
        let (mean, variance) = match before {
            (Some(old_mean), Some(old_variance)) => {
                let away = mean - old_mean.clone();
                let between = away.clone() * away.clone() * (weight * (1.0 - weight));
                let within = old_variance * (1.0 - weight) + variance * weight;
                (old_mean + away * weight, within + between)
            }
            _ => (mean, variance),
        };
        totals[self.mean] = Some(mean);
        totals[self.variance] = Some(variance);
    }
}

/// All layers that have the buffers of burn's `BatchNorm`.
fn norms(map: &ModelMap) -> Vec<Norm> {
    let number = |path: String| map.buffers.iter().position(|buffer| buffer.path == path);
    let norm = |(mean, prefix): (usize, &str)| {
        let variance = number(format!("{prefix}running_var"))?;
        Some(Norm { prefix: prefix.to_string(), mean, variance, share: 0.0 })
    };
    let paths = map.buffers.iter().map(|buffer| buffer.path.strip_suffix("running_mean"));
    paths.enumerate().filter_map(|(number, prefix)| norm((number, prefix?))).collect()
}

/// How far off a running state begins in order to tell what is left of it: no activation has such a mean, and
/// every element type has such a number.
const FAR: f32 = 32768.0;

/// What one batch counts in the running states of these layers, while all others keep theirs.
fn with_shares<M>(
    mut norms: Vec<Norm>,
    centre: &M,
    map: &ModelMap,
    batch: &M::Input,
    loss: &Quantity<'_, M::Output>,
) -> Result<Vec<Norm>>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    let (from_far, _) = run(centre, map, &norms, FAR, batch, loss)?;
    let (from_zero, _) = run(centre, map, &norms, 0.0, batch, loss)?;
    for norm in &mut norms {
        norm.share = share(&from_far, &from_zero, norm.mean)?.unwrap_or(0.0);
    }
    Ok(norms)
}

/// Momenta are told apart to so many parts of 1: finer is beyond f32.
const SHARES: f64 = 1e6;

/// What one batch counts in a running state: what is missing of a value from far off. `None` without a finite
/// state.
fn share(from_far: &Values, from_zero: &Values, buffer: usize) -> Result<Option<f64>> {
    let (Some(far), Some(zero)) = (&from_far[buffer], &from_zero[buffer]) else {
        return Ok(None);
    };
    let read = |values: &Tensor<1>| -> Result<Vec<f64>> {
        let data = to_host(values.clone()).map_err(|reason| Error::Device { reason })?;
        Ok(data.iter::<f64>().collect())
    };
    let (far, zero) = (read(far)?, read(zero)?);
    let states = far.into_iter().zip(zero).filter(|(far, zero)| (far - zero).is_finite());
    // Next to a small statistic, the least of the far value is rounded away.
    let (far, zero) = match states.min_by(|a, b| a.1.abs().total_cmp(&b.1.abs())) {
        Some(state) => state,
        None => return Ok(None),
    };
    let share = 1.0 - (far - zero) / f64::from(FAR);
    Ok(Some((share * SHARES).round() / SHARES))
}

fn nothing_to_recalibrate() -> Error {
    Error::Setting {
        setting: "batchnorm",
        found: "Recalibrate".to_string(),
        expected: "no BatchNorm of the model takes up finite statistics from the batches. One that is frozen, that \
                   no parameter comes before, or whose momentum is 0 keeps those of the centre: \
                   use `BatchNormMode::Centre`",
    }
}

/// Runs one batch through the model with normalisation layers in training mode, and gives their running
/// states after it and its samples. The model itself is left alone.
fn run<M>(
    model: &M,
    map: &ModelMap,
    norms: &[Norm],
    start: f32,
    batch: &M::Input,
    loss: &Quantity<'_, M::Output>,
) -> Result<(Values, usize)>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    let slots = map.slots.iter();
    let mut switch = Switch { slots: slots.clone(), norms, start, path: Vec::new() };
    // `train` gives running states of its own: those of a clone are shared.
    let training = model.clone().train().no_grad().map(&mut switch);
    let samples = count_samples(&training, batch, loss)?;
    let mut reader = Reader { slots, values: vec![None; map.buffers.len()] };
    // Before `valid`, a state may be one update old.
    training.valid().visit(&mut reader);
    Ok((reader.values, samples))
}

/// Switches all to inference but normalisation layers, and sets their running states.
struct Switch<'a> {
    slots: std::slice::Iter<'a, Slot>,
    norms: &'a [Norm],
    start: f32,
    path: Vec<String>,
}

impl ModuleMapper for Switch<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let above = self.path.iter().rev().skip(1).rev();
        let prefix: String = above.map(|name| format!("{name}.")).collect();
        match self.norms.iter().any(|norm| norm.prefix == prefix) {
            true => flag,
            false => flag.with_value(false),
        }
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_of = |buffer: usize| move |norm: &Norm| [norm.mean, norm.variance].contains(&buffer);
        match self.slots.next() {
            Some(&Slot::Buffer(buffer)) if self.norms.iter().any(is_of(buffer)) => {
                param.map(|old| old.full_like(self.start))
            }
            _ => param,
        }
    }
}

struct Reader<'a> {
    slots: std::slice::Iter<'a, Slot>,
    values: Values,
}

impl ModuleVisitor for Reader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(&Slot::Buffer(buffer)) = self.slots.next() {
            let values = param.base().inner();
            let wide = if values.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
            let len = values.shape().num_elements();
            self.values[buffer] = Some(values.cast(wide).reshape([len]));
        }
    }
}

struct Loader<'a> {
    slots: std::slice::Iter<'a, Slot>,
    values: Values,
}

impl ModuleMapper for Loader<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = match self.slots.next() {
            Some(&Slot::Buffer(buffer)) => self.values[buffer].take(),
            _ => None,
        };
        match value {
            Some(value) => param.map(|old| value.reshape(old.shape()).cast(old.dtype())),
            None => param,
        }
    }
}
