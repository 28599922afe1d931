//! What is measured at a point: the loss and further quantities, each on one or more sets of batches.
//!
//! A *layer* is one quantity on one set. The first is the loss on the first set.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::{DType, Tensor};
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::{self, mean_over_samples};
use burnscape_landscape::surface::NodeValue;

use crate::batches::Batches;
use crate::loss::{BatchLoss, mean_on_device};
use crate::{Error, Result};

/// Reads the mean of one batch out of a model's output; `None` if it has none that is known.
pub(crate) type ValueOf<'a, O> = Box<dyn Fn(&O) -> Option<BatchLoss> + Sync + 'a>;

/// The name of the first quantity.
pub(super) const LOSS: &str = "loss";

/// Something that is read out of the model's output.
pub(crate) struct Quantity<'a, O> {
    pub name: String,
    pub of: ValueOf<'a, O>,
}

/// A fixed set of batches.
pub(crate) struct BatchSet<I> {
    /// Stands before the names of its layers; the first set has none.
    pub name: Option<String>,
    pub batches: Vec<I>,
    pub samples: usize,
}

/// Name and size of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerName {
    pub name: String,
    pub samples: usize,
    pub batches: usize,
}

/// All that is measured at every node.
pub(crate) struct Quantities<'a, I, O> {
    pub sets: Vec<BatchSet<I>>,
    pub quantities: Vec<Quantity<'a, O>>,
}

impl<'a, I, O> Quantities<'a, I, O> {
    /// The layers in the order of their values.
    pub fn layers(&self) -> Vec<LayerName> {
        let of_set = |set: &BatchSet<I>| {
            let name = |quantity: &str| match &set.name {
                Some(set) => format!("{set} {quantity}"),
                None => quantity.to_string(),
            };
            let (samples, batches) = (set.samples, set.batches.len());
            let layer = |it: &Quantity<'a, O>| LayerName { name: name(&it.name), samples, batches };
            self.quantities.iter().map(layer).collect::<Vec<_>>()
        };
        self.sets.iter().flat_map(of_set).collect()
    }

    pub fn batches(&self) -> Vec<Vec<I>>
    where
        I: Clone,
    {
        self.sets.iter().map(|set| set.batches.clone()).collect()
    }
}

/// Reads a source twice and counts its samples; the caller holds the two readings against each other.
pub(super) fn read_twice<I, B: Batches<I> + ?Sized>(source: &B) -> Result<[Vec<I>; 2]> {
    let collect = || source.collect().map_err(|reason| Error::BatchSource { reason });
    let first = collect()?;
    if first.is_empty() {
        return Err(Error::NoBatches);
    }
    Ok([first, collect()?])
}

/// Every layer of one model.
///
/// # Errors
///
/// [`Error::UnknownOutput`], [`Error::EmptyBatch`], [`Error::Panicked`], [`Error::Device`].
pub(super) fn measure<M>(
    model: &M,
    sets: &[Vec<M::Input>],
    quantities: &[Quantity<'_, M::Output>],
    at_once: bool,
) -> Result<Vec<NodeValue>>
where
    M: InferenceStep,
    M::Input: Clone,
{
    let mut means = Means::new(at_once);
    means.add(model, sets, quantities)?;
    means.values(sets, quantities.len())
}

/// Samples in a set of batches.
///
/// # Errors
///
/// As [`measure`].
pub(crate) fn count_samples<M>(
    model: &M,
    batches: &[M::Input],
    loss: &Quantity<'_, M::Output>,
) -> Result<usize>
where
    M: InferenceStep,
    M::Input: Clone,
{
    let samples = |(index, batch): (usize, &M::Input)| {
        let output = infer(model, batch)?;
        Ok(value_of(loss, &output, index)?.samples)
    };
    batches.iter().enumerate().map(samples).sum()
}

/// Means of batches that are still on their way from the device, for one point after another.
pub(crate) struct Means {
    at_once: bool,
    host: Vec<f64>,
    device: Vec<Tensor<1>>,
    samples: Vec<usize>,
}

impl Means {
    pub fn new(at_once: bool) -> Self {
        Self { at_once, host: Vec::new(), device: Vec::new(), samples: Vec::new() }
    }

    /// Evaluates one more point.
    pub fn add<M>(
        &mut self,
        model: &M,
        sets: &[Vec<M::Input>],
        quantities: &[Quantity<'_, M::Output>],
    ) -> Result<()>
    where
        M: InferenceStep,
        M::Input: Clone,
    {
        for batches in sets {
            for (index, batch) in batches.iter().enumerate() {
                let output = infer(model, batch)?;
                for quantity in quantities {
                    self.push(&value_of(quantity, &output, index)?)?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, value: &BatchLoss) -> Result<()> {
        self.samples.push(value.samples);
        let mean = mean_on_device(value);
        if self.at_once {
            self.host.push(mean.try_into_scalar::<f64>().map_err(device_error)?);
        } else {
            self.device.push(mean.cast(DType::F32));
        }
        Ok(())
    }

    /// The values of all points, every layer in turn: one transfer from the device.
    pub fn values<I>(self, sets: &[Vec<I>], quantities: usize) -> Result<Vec<NodeValue>> {
        let (samples, means) = (self.samples.clone(), self.read()?);
        let batch = |k: usize| evaluate::BatchLoss { mean: means[k], samples: samples[k] };
        let mut values = Vec::new();
        let mut start = 0;
        while start < means.len() {
            for batches in sets {
                let end = start + batches.len() * quantities;
                for quantity in 0..quantities {
                    let own = (start + quantity..end).step_by(quantities).map(batch);
                    values.push(mean_over_samples(&own.collect::<Vec<_>>()));
                }
                start = end;
            }
        }
        Ok(values)
    }

    fn read(self) -> Result<Vec<f64>> {
        if self.device.is_empty() {
            return Ok(self.host);
        }
        let data = Tensor::cat(self.device, 0).try_into_data().map_err(device_error)?;
        Ok(data.iter::<f64>().collect())
    }
}

fn device_error(error: impl std::fmt::Display) -> Error {
    Error::Device { reason: error.to_string() }
}

fn infer<M>(model: &M, batch: &M::Input) -> Result<M::Output>
where
    M: InferenceStep,
    M::Input: Clone,
{
    guarded(|| model.step(batch.clone()), || "`InferenceStep::step` of the model".to_string())
}

fn value_of<O>(quantity: &Quantity<'_, O>, output: &O, index: usize) -> Result<BatchLoss> {
    let value = guarded(|| (quantity.of)(output), || format!("the quantity `{}`", quantity.name))?;
    let value = value.ok_or(Error::UnknownOutput { output: std::any::type_name::<O>() })?;
    match value.samples {
        0 => Err(Error::EmptyBatch { index }),
        _ => Ok(value),
    }
}

/// Runs code of the user's; a panic in it becomes an error, so that what was measured is kept.
fn guarded<T>(run: impl FnOnce() -> T, what: impl Fn() -> String) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| panicked(&what(), panic))
}

/// A panic as an error.
pub(crate) fn panicked(what: &str, panic: Box<dyn std::any::Any + Send>) -> Error {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let message = text.unwrap_or_else(|| "no message".into());
    Error::Panicked { what: what.to_string(), message }
}
