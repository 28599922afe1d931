//! Means over batches: of the loss and further quantities, read out of what one model gives for each.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use burn::tensor::Tensor;
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::{BatchLoss, mean_over_samples};
use burnscape_landscape::surface::NodeValue;

use super::quantities::{Measured, Size};
use crate::model::fingerprint;
use crate::model::loss::{Loss, Losses, Unit, Value};
use crate::panics::panicked;
use crate::{Error, Result};

/// Reads the mean of one batch out of a model's output; `None` if it has none that is known.
pub(crate) type ValueOf<'a, O> = Box<dyn Fn(&O) -> Option<Loss> + Sync + 'a>;

/// How the loss is read out of an output, and what it is called: `output` is that of burn's standard outputs.
pub(crate) struct Reader<'a, O> {
    pub loss_of: ValueOf<'a, O>,
    pub name: &'static str,
}

impl<'a, O: 'static> Reader<'a, O> {
    /// The loss as it is given here, else as the program told it before, else that of a standard output.
    pub fn new(given: Option<ValueOf<'a, O>>, losses: &Arc<Losses>) -> Self {
        let is_told = losses.knows(TypeId::of::<O>()) || TypeId::of::<O>() == TypeId::of::<Loss>();
        let losses = losses.clone();
        match given {
            Some(loss_of) => Self { loss_of, name: "closure" },
            None => Self {
                loss_of: Box::new(move |output| losses.of(output)),
                name: if is_told { "closure" } else { "output" },
            },
        }
    }
}

/// Something that is read out of the model's output.
pub(crate) struct Quantity<'a, O> {
    pub name: String,
    pub of: ValueOf<'a, O>,
}

/// Samples in a batch, or what its loss counts instead.
///
/// # Errors
///
/// As [`Means::add`].
pub(crate) fn count_samples<M>(
    model: &M,
    batch: &M::Input,
    loss: &Quantity<'_, M::Output>,
) -> Result<usize>
where
    M: InferenceStep,
    M::Input: Clone,
{
    Ok(value_of(loss, &infer(model, batch)?, 0)?.count)
}

/// Means of batches that are still on their way from the device, for one point after another.
pub(crate) struct Means {
    at_once: bool,
    /// How many batches each set has.
    sets: Vec<usize>,
    quantities: usize,
    means: Vec<Value>,
    sizes: Vec<Size>,
    /// Hashes of the targets of the batches of the first set, where they are asked for.
    targets: Option<Vec<Option<u64>>>,
}

impl Means {
    /// Of so many batches of each set; `at_once` where nothing is gained by reading them together.
    pub fn new(at_once: bool, sets: Vec<usize>, quantities: usize) -> Self {
        Self { at_once, sets, quantities, means: Vec::new(), sizes: Vec::new(), targets: None }
    }

    /// Looks at which samples the first set holds, too.
    pub fn telling_samples(self, tells: bool) -> Self {
        Self { targets: tells.then(Vec::new), ..self }
    }

    /// Evaluates one more point.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownOutput`], [`Error::EmptyBatch`], [`Error::Panicked`], [`Error::Device`].
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
        for (set, batches) in sets.iter().enumerate() {
            for (index, batch) in batches.iter().enumerate() {
                let output = infer(model, batch)?;
                if let Some(targets) = self.targets.as_mut().filter(|_| set == 0) {
                    targets.push(fingerprint::targets(&output));
                }
                for quantity in quantities {
                    self.push(value_of(quantity, &output, index)?)?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, value: Loss) -> Result<()> {
        self.sizes.push(Size { count: value.count, unit: value.unit });
        self.means.push(match self.at_once {
            true => Value::Host(value.read().map_err(device_error)?),
            false => value.value(false).narrowed(),
        });
        Ok(())
    }

    /// Everything of the only point.
    ///
    /// # Errors
    ///
    /// [`Error::Device`], as wherever means are read.
    pub fn measured(mut self) -> Result<Measured> {
        let sizes = self.layer_sizes();
        let targets = self.targets.take();
        let fingerprint = targets.and_then(|it| fingerprint::of_batches(&it));
        Ok(Measured { values: self.values()?, sizes, fingerprint })
    }

    /// Over how many of what every layer of the first point is a mean.
    fn layer_sizes(&self) -> Vec<Size> {
        let of_layer = |own: Vec<Size>| {
            let count = own.iter().map(|size| size.count).sum();
            Size { count, unit: own.first().map_or(Unit::default(), |size| size.unit) }
        };
        self.layers()
            .take(self.sets.len() * self.quantities)
            .map(|places| of_layer(places.map(|place| self.sizes[place]).collect()))
            .collect()
    }

    /// The values of all points, every layer in turn: one transfer from the device.
    pub fn values(self) -> Result<Vec<NodeValue>> {
        let layers = self.batches()?;
        Ok(layers.iter().map(|batches| mean_over_samples(batches)).collect())
    }

    /// The same batch by batch.
    pub fn batches(mut self) -> Result<Vec<Vec<BatchLoss>>> {
        let means = read_all(std::mem::take(&mut self.means))?;
        let batch = |k: usize| BatchLoss { mean: means[k], samples: self.sizes[k].count };
        Ok(self.layers().map(|places| places.map(batch).collect()).collect())
    }

    /// The places of the batches of every layer, point after point.
    fn layers(&self) -> impl Iterator<Item = impl Iterator<Item = usize>> {
        let quantities = self.quantities;
        let mut start = 0;
        let sets = self.sets.iter().cycle().map(move |batches| {
            let own = start..start + batches * quantities;
            start = own.end;
            own
        });
        let all = self.sizes.len();
        let sets = sets.take_while(move |own| own.start < all);
        sets.flat_map(move |own| {
            (0..quantities).map(move |it| (own.start + it..own.end).step_by(quantities))
        })
    }
}

/// All means in order; those on the device come in one transfer.
fn read_all(means: Vec<Value>) -> Result<Vec<f64>> {
    let on_device = |mean: &Value| match mean {
        Value::OnDevice(mean) => Some((**mean).clone()),
        _ => None,
    };
    let tensors: Vec<Tensor<1>> = means.iter().filter_map(on_device).collect();
    let data = (!tensors.is_empty())
        .then(|| Tensor::cat(tensors, 0).try_into_data().map_err(device_error))
        .transpose()?;
    let mut transferred = data.iter().flat_map(|data| data.iter::<f64>());
    let read = |mean: Value| match mean {
        Value::OnDevice(_) => Ok(transferred.next().unwrap_or(f64::NAN)),
        elsewhere => elsewhere.read().map_err(device_error),
    };
    means.into_iter().map(read).collect()
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

fn value_of<O>(quantity: &Quantity<'_, O>, output: &O, index: usize) -> Result<Loss> {
    let value = guarded(|| (quantity.of)(output), || format!("the quantity `{}`", quantity.name))?;
    let value = value.ok_or(Error::UnknownOutput { output: std::any::type_name::<O>() })?;
    match value.count {
        0 => Err(Error::EmptyBatch { index }),
        _ => Ok(value),
    }
}

/// Runs code of the user's; a panic in it becomes an error, so that what was measured is kept.
fn guarded<T>(run: impl FnOnce() -> T, what: impl Fn() -> String) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| panicked(&what(), panic))
}
