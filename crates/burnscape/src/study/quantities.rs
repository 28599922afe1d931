//! What is measured at a point: the loss and further quantities, each on one or more sets of batches.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use burn::tensor::Tensor;
use burn::train::InferenceStep;
use burnscape_landscape::budget::evenly;
use burnscape_landscape::evaluate::{BatchLoss, mean_over_samples};
use burnscape_landscape::surface::NodeValue;

use crate::model::fingerprint;
use crate::model::loss::{Loss, Losses, Unit, Value};
use crate::panics::panicked;
use crate::{Error, Result};

/// The model's loss on some batches of the first set.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub places: Vec<usize>,
    pub found: Measured,
    /// Seconds that a batch took; `None` where there was no time to find out.
    pub batch_secs: Option<f64>,
}

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
    /// Those that are used.
    pub batches: Vec<I>,
    /// All of them and the places of those that are used, unless all are.
    rest: Option<(Vec<I>, Vec<usize>)>,
    /// What burn's standard outputs count as samples are not its items: they are rows of something else.
    pub counts_rows: bool,
}

impl<I: Clone> BatchSet<I> {
    /// A set that is used whole.
    pub fn new(name: Option<String>, batches: Vec<I>, counts_rows: bool) -> Self {
        Self { name, batches, rest: None, counts_rows }
    }

    /// Batches that there are.
    pub fn available(&self) -> usize {
        self.rest.as_ref().map_or(self.batches.len(), |(all, _)| all.len())
    }

    /// The places of those that are used, counted from 0.
    pub fn places(&self) -> Vec<usize> {
        match &self.rest {
            Some((_, places)) => places.clone(),
            None => (0..self.batches.len()).collect(),
        }
    }

    /// From now on those at `places` are used.
    pub fn select(&mut self, places: Vec<usize>) {
        let (all, _) =
            self.rest.take().unwrap_or_else(|| (std::mem::take(&mut self.batches), Vec::new()));
        if places.len() == all.len() {
            self.batches = all;
            return;
        }
        self.batches = places.iter().map(|&place| all[place].clone()).collect();
        self.rest = Some((all, places));
    }
}

/// Over how many of what a mean is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    pub count: usize,
    pub unit: Unit,
}

impl Size {
    /// The unit of rows that are not samples is not known better.
    pub fn of_rows(self) -> Self {
        match self.unit {
            Unit::Samples => Self { unit: Unit::Positions, ..self },
            _ => self,
        }
    }
}

/// What a point was found to have: every layer, and over how many of what each is a mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub values: Vec<NodeValue>,
    pub sizes: Vec<Size>,
    /// Which samples the batches of the first set hold, as a trace has it, where that was asked for and is known.
    pub fingerprint: Option<String>,
}

/// Name of a layer, and the batches that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerName {
    pub name: String,
    pub batches: usize,
}

/// All that is measured at every node.
pub(crate) struct Quantities<'a, I, O> {
    pub sets: Vec<BatchSet<I>>,
    /// The loss first.
    pub quantities: Vec<Quantity<'a, O>>,
    /// Where the loss comes from, as a trace names it.
    pub loss_name: &'static str,
}

impl<'a, I, O> Quantities<'a, I, O> {
    /// The loss alone, on no batches yet.
    pub fn of(reader: Reader<'a, O>) -> Self {
        let loss = Quantity { name: LOSS.to_string(), of: reader.loss_of };
        Self { sets: Vec::new(), quantities: vec![loss], loss_name: reader.name }
    }

    /// Places of the batches that losses are means over, among all of the first set; empty: all.
    pub fn batches_in_use(&self) -> Vec<u32>
    where
        I: Clone,
    {
        let set = &self.sets[0];
        match set.batches.len() < set.available() {
            true => set.places().into_iter().map(|place| place as u32).collect(),
            false => Vec::new(),
        }
    }

    /// Uses these batches from now on, and as large a share of every further set.
    pub fn use_batches(&mut self, places: &[u32])
    where
        I: Clone,
    {
        let [first, further @ ..] = &mut self.sets[..] else { return };
        let available = first.available();
        let wanted = places.iter().map(|&place| place as usize).filter(|place| *place < available);
        let wanted: Vec<usize> = wanted.collect();
        let count = if wanted.is_empty() { available } else { wanted.len() };
        first.select(if wanted.is_empty() { (0..available).collect() } else { wanted });
        for set in further {
            let own = set.available();
            set.select(evenly((own * count).div_ceil(available), own));
        }
    }

    /// The layers in the order of their values.
    pub fn layers(&self) -> Vec<LayerName> {
        let of_set = |set: &BatchSet<I>| {
            let name = |quantity: &str| match &set.name {
                Some(set) => format!("{set} {quantity}"),
                None => quantity.to_string(),
            };
            let batches = set.batches.len();
            let layer = |it: &Quantity<'a, O>| LayerName { name: name(&it.name), batches };
            self.quantities.iter().map(layer).collect::<Vec<_>>()
        };
        self.sets.iter().flat_map(of_set).collect()
    }

    /// What the sizes of all layers count, where that is known better from their batches than from their loss.
    pub fn named(&self, sizes: Vec<Size>) -> Vec<Size> {
        let of_rows = self.sets.iter().flat_map(|set| vec![set.counts_rows; self.quantities.len()]);
        let named = sizes.into_iter().zip(of_rows);
        named.map(|(size, of_rows)| if of_rows { size.of_rows() } else { size }).collect()
    }

    pub fn batches(&self) -> Vec<Vec<I>>
    where
        I: Clone,
    {
        self.sets.iter().map(|set| set.batches.clone()).collect()
    }
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
) -> Result<Measured>
where
    M: InferenceStep,
    M::Input: Clone,
{
    Means::new(at_once).measured(model, sets, quantities)
}

/// The same with the fingerprint of the first set.
///
/// # Errors
///
/// As [`measure`].
pub(super) fn measure_telling_samples<M>(
    model: &M,
    sets: &[Vec<M::Input>],
    quantities: &[Quantity<'_, M::Output>],
    at_once: bool,
) -> Result<Measured>
where
    M: InferenceStep,
    M::Input: Clone,
{
    Means { targets: Some(Vec::new()), ..Means::new(at_once) }.measured(model, sets, quantities)
}

/// Every layer of one model, batch by batch.
///
/// # Errors
///
/// As [`measure`].
pub(super) fn measure_batches<M>(
    model: &M,
    sets: &[Vec<M::Input>],
    quantities: &[Quantity<'_, M::Output>],
    at_once: bool,
) -> Result<Vec<Vec<BatchLoss>>>
where
    M: InferenceStep,
    M::Input: Clone,
{
    let mut means = Means::new(at_once);
    means.add(model, sets, quantities)?;
    means.batches(sets, quantities.len())
}

/// Samples in a set of batches, or what its loss counts instead.
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
        Ok(value_of(loss, &output, index)?.count)
    };
    batches.iter().enumerate().map(samples).sum()
}

/// Means of batches that are still on their way from the device, for one point after another.
pub(crate) struct Means {
    at_once: bool,
    means: Vec<Value>,
    sizes: Vec<Size>,
    /// Hashes of the targets of the batches of the first set, where they are asked for.
    targets: Option<Vec<Option<u64>>>,
}

impl Means {
    pub fn new(at_once: bool) -> Self {
        Self { at_once, means: Vec::new(), sizes: Vec::new(), targets: None }
    }

    /// Everything of one model.
    fn measured<M>(
        mut self,
        model: &M,
        sets: &[Vec<M::Input>],
        quantities: &[Quantity<'_, M::Output>],
    ) -> Result<Measured>
    where
        M: InferenceStep,
        M::Input: Clone,
    {
        self.add(model, sets, quantities)?;
        let sizes = self.sizes(sets, quantities.len());
        let targets = self.targets.take();
        let fingerprint = targets.and_then(|it| fingerprint::of_batches(&it));
        let values = self.values(sets, quantities.len())?;
        Ok(Measured { values, sizes, fingerprint })
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

    /// Over how many of what every layer of the first point is a mean.
    fn sizes<I>(&self, sets: &[Vec<I>], quantities: usize) -> Vec<Size> {
        let mut sizes = Vec::new();
        let mut start = 0;
        for batches in sets {
            let end = start + batches.len() * quantities;
            for quantity in 0..quantities {
                let own = self.sizes[start + quantity..end].iter().step_by(quantities);
                let count = own.clone().map(|size| size.count).sum();
                let unit = own.clone().next().map_or(Unit::default(), |size| size.unit);
                sizes.push(Size { count, unit });
            }
            start = end;
        }
        sizes
    }

    /// The values of all points, every layer in turn: one transfer from the device.
    pub fn values<I>(self, sets: &[Vec<I>], quantities: usize) -> Result<Vec<NodeValue>> {
        let layers = self.batches(sets, quantities)?;
        Ok(layers.iter().map(|batches| mean_over_samples(batches)).collect())
    }

    /// The same batch by batch.
    fn batches<I>(self, sets: &[Vec<I>], quantities: usize) -> Result<Vec<Vec<BatchLoss>>> {
        let means = read_all(self.means)?;
        let batch = |k: usize| BatchLoss { mean: means[k], samples: self.sizes[k].count };
        let mut layers = Vec::new();
        let mut start = 0;
        while start < means.len() {
            for batches in sets {
                let end = start + batches.len() * quantities;
                for quantity in 0..quantities {
                    let own = (start + quantity..end).step_by(quantities).map(batch);
                    layers.push(own.collect());
                }
                start = end;
            }
        }
        Ok(layers)
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
