//! Gradients and losses of the mean loss near a point, through the model's own `TrainStep`, in inference mode.
//!
//! Dropout is off and normalisation layers use the statistics that they have: every `Flag` of a copy with state of
//! its own says "not training". Batches are put together by their samples, in f64.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn::train::TrainStep;
use burnscape_landscape::curvature::LossNear;

use crate::measure::GradientSource;
use crate::model::loss::{Loss, Unit};
use crate::model::map::{self, ModelMap, Slot, tied_aliases};
use crate::model::tensors::{NamedTensor, to_host};
use crate::panics::panicked;
use crate::{Error, Result};

/// Reads the loss of a batch out of an output of whatever type; `None` where it has none that is known.
pub(crate) type LossOf<'a> = &'a (dyn Fn(&dyn Any) -> Option<Loss> + Sync);

/// Batches that are evaluated on one device.
pub(crate) type Shard<I> = (Option<Device>, Vec<I>);

/// What gradients are taken of: the mean loss over all batches, around the weights of one model.
pub(crate) struct Gradients<'a, M: TrainStep> {
    map: &'a ModelMap,
    workers: Vec<Worker<'a, M>>,
    /// Weights in layout order.
    centre: Vec<f64>,
    /// Entries that train, in layout order.
    moves: Vec<bool>,
    /// Loss at the weights themselves.
    pub loss: f64,
    /// Gradient there, in layout order.
    pub slope: Vec<f64>,
    pub samples: usize,
    /// What `samples` counts.
    pub unit: Unit,
    pub batches: usize,
    /// Gradients over all batches so far.
    pub count: u64,
    /// Blocks that a gradient has reached.
    reached: Vec<bool>,
}

/// How a model is run for its gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Dropout off, normalisation by the statistics that there are.
    Inference,
    /// As in training: dropout on, normalisation by the batch.
    Training,
}

/// A model of its own on one device, with the batches there.
pub(super) struct Worker<'a, M: TrainStep> {
    map: &'a ModelMap,
    model: M,
    /// Identifiers of its floats, in visiting order.
    ids: Vec<ParamId>,
    tied: Vec<bool>,
    pub batches: Vec<M::Input>,
    loss_of: LossOf<'a>,
}

/// What one batch gave.
struct Stepped {
    mean: f64,
    samples: usize,
    unit: Unit,
    grads: GradientsParams,
}

/// Sums over samples at one point.
pub(super) struct Sums {
    pub gradient: Vec<f64>,
    pub loss: f64,
    pub samples: usize,
    unit: Unit,
    reached: Vec<bool>,
}

impl<'a, M> Gradients<'a, M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    /// Prepares gradients around `model`, which is in inference mode and shares its state with nobody.
    ///
    /// # Errors
    ///
    /// [`Error::NoBatches`], [`Error::UnknownOutput`], [`Error::EmptyBatch`], [`Error::NonFiniteLoss`],
    /// [`Error::RandomModel`] if one batch has two losses, [`Error::Device`], [`Error::Panicked`].
    pub fn new(
        model: &M,
        map: &'a ModelMap,
        shards: Vec<Shard<M::Input>>,
        loss_of: LossOf<'a>,
    ) -> Result<Self> {
        let gradients = Self::unchecked(model, map, shards, loss_of)?;
        gradients.workers[0].check_same_loss()?;
        Ok(gradients)
    }

    /// The same for a model that is known not to be random.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn unchecked(
        model: &M,
        map: &'a ModelMap,
        shards: Vec<Shard<M::Input>>,
        loss_of: LossOf<'a>,
    ) -> Result<Self> {
        let tensors = map::read_tensors(model, map)?;
        let tied = tied_aliases(map, &tensors);
        let shards = shards.into_iter().filter(|(_, batches)| !batches.is_empty());
        let mode = Mode::Inference;
        let worker =
            |(device, batches)| Worker::new(model, map, device, &tied, batches, loss_of, mode);
        let workers: Vec<_> = shards.map(worker).collect();
        if workers.is_empty() {
            return Err(Error::NoBatches);
        }
        let batches = workers.iter().map(|worker| worker.batches.len()).sum();
        let mut gradients = Self {
            map,
            centre: flatten(map, &tensors),
            moves: moves(map),
            workers,
            loss: f64::NAN,
            slope: Vec::new(),
            samples: 0,
            unit: Unit::default(),
            batches,
            count: 0,
            reached: vec![false; map.layout.blocks().len()],
        };
        let mut slope = vec![0.0; map.layout.len()];
        gradients.loss = gradients.at(None, &mut slope)?;
        gradients.slope = slope;
        match gradients.loss.is_finite() {
            true => Ok(gradients),
            false => Err(Error::NonFiniteLoss { loss: gradients.loss }),
        }
    }

    /// The gradient at `centre + delta` (at the centre itself for `None`), in layout order, and the loss there. 0
    /// for frozen parameters and for those that the loss does not depend on.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), but for a loss or gradient that is not finite.
    pub fn at(&mut self, delta: Option<&[f64]>, out: &mut [f64]) -> Result<f64> {
        let point = delta.map(|delta| self.point(delta));
        let sums = self.sums(point.as_deref())?;
        self.count += 1;
        let mut samples = 0;
        let mut loss = 0.0;
        out.fill(0.0);
        for part in sums {
            samples += part.samples;
            loss += part.loss;
            self.unit = part.unit;
            out.iter_mut().zip(&part.gradient).for_each(|(out, entry)| *out += entry);
            self.reached.iter_mut().zip(part.reached).for_each(|(all, one)| *all |= one);
        }
        self.samples = samples;
        out.iter_mut().for_each(|entry| *entry /= samples as f64);
        Ok(loss / samples as f64)
    }

    fn point(&self, delta: &[f64]) -> Vec<f64> {
        let moved = self.centre.iter().zip(delta).zip(&self.moves);
        moved
            .map(|((centre, delta), moves)| if *moves { centre + delta } else { *centre })
            .collect()
    }

    fn sums(&mut self, point: Option<&[f64]>) -> Result<Vec<Sums>> {
        if let [only] = &mut self.workers[..] {
            return Ok(vec![only.sums(point)?]);
        }
        std::thread::scope(|scope| {
            let run = |worker| scope.spawn(move || Worker::sums(worker, point));
            let running: Vec<_> = self.workers.iter_mut().map(run).collect();
            let joined = running.into_iter().map(|it| match it.join() {
                Ok(sums) => sums,
                Err(panic) => Err(panicked("a device's share of a gradient", panic)),
            });
            joined.collect()
        })
    }

    /// Weights in layout order.
    pub fn centre(&self) -> &[f64] {
        &self.centre
    }

    /// Whether a gradient has reached a block.
    pub fn reaches(&self, block: usize) -> bool {
        self.reached[block]
    }

    pub fn map(&self) -> &'a ModelMap {
        self.map
    }

    /// The batches alone, each a share of its own: the mean of squared gradients over them, in layout order.
    ///
    /// # Errors
    ///
    /// As [`at`](Self::at).
    pub fn squares(&mut self) -> Result<Vec<f64>> {
        let mut squares = vec![0.0; self.map.layout.len()];
        let mut samples = 0;
        for worker in &mut self.workers {
            for index in 0..worker.batches.len() {
                let sums = worker.sums_of(None, index..index + 1)?;
                let share = sums.samples as f64;
                samples += sums.samples;
                let entries = squares.iter_mut().zip(&sums.gradient);
                entries.for_each(|(square, sum)| *square += sum * sum / share);
            }
        }
        self.count += 1;
        squares.iter_mut().for_each(|square| *square /= samples as f64);
        Ok(squares)
    }
}

impl<M> LossNear for Gradients<'_, M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    type Error = Error;

    fn len(&self) -> usize {
        self.centre.len()
    }

    /// With the gradient, which `TrainStep` computes in any case.
    fn loss(&mut self, delta: &[f64]) -> Result<f64> {
        let mut slope = vec![0.0; delta.len()];
        self.at(Some(delta), &mut slope)
    }

    fn gradient(&mut self, delta: &[f64], out: &mut [f64]) -> Result<f64> {
        self.at(Some(delta), out)
    }
}

impl<'a, M> Worker<'a, M>
where
    M: TrainStep + Module,
    M::Input: Clone,
{
    pub(super) fn new(
        model: &M,
        map: &'a ModelMap,
        device: Option<Device>,
        tied: &[bool],
        batches: Vec<M::Input>,
        loss_of: LossOf<'a>,
        mode: Mode,
    ) -> Self {
        // `train` gives running states of its own: those of a clone are shared.
        let model = model.clone().train();
        let model = match device {
            Some(device) => model.to_device(&device),
            None => model,
        };
        let mut still = Still { slots: map.slots.iter(), map, mode, ids: Vec::new() };
        let model = model.map(&mut still);
        Self { map, model, ids: still.ids, tied: tied.to_vec(), batches, loss_of }
    }

    /// A model that is random although its flags are off has no gradient.
    fn check_same_loss(&self) -> Result<()> {
        let loss = || Ok::<f64, Error>(self.step(&self.model, 0)?.mean);
        let (first, second) = (loss()?, loss()?);
        match first.to_bits() == second.to_bits() || (first.is_nan() && second.is_nan()) {
            true => Ok(()),
            false => Err(Error::RandomModel { first, second }),
        }
    }

    /// Loss and gradients of one batch; a panic of the user's code is an error.
    fn step(&self, model: &M, index: usize) -> Result<Stepped> {
        let batch = self.batches[index].clone();
        let step = || TrainStep::step(model, batch);
        let output = catch_unwind(AssertUnwindSafe(step))
            .map_err(|panic| panicked("`TrainStep::step` of the model", panic))?;
        let unknown = Error::UnknownOutput { output: std::any::type_name::<M::Output>() };
        let loss = (self.loss_of)(&output.item).ok_or(unknown)?;
        if loss.count == 0 {
            return Err(Error::EmptyBatch { index });
        }
        let (samples, unit) = (loss.count, loss.unit);
        let mean = loss.read().map_err(|reason| Error::Device { reason })?;
        Ok(Stepped { mean, samples, unit, grads: output.grads })
    }

    fn sums(&mut self, point: Option<&[f64]>) -> Result<Sums> {
        self.sums_of(point, 0..self.batches.len())
    }

    /// The loss and its gradient on some of the batches.
    pub(super) fn sums_of(
        &mut self,
        point: Option<&[f64]>,
        batches: std::ops::Range<usize>,
    ) -> Result<Sums> {
        let moved = point.map(|point| {
            let (slots, map, tied) = (self.map.slots.iter(), self.map, &self.tied);
            self.model.clone().map(&mut Mover { slots, map, tied, point })
        });
        let model = moved.as_ref().unwrap_or(&self.model);
        let mut sums = Sums {
            gradient: vec![0.0; self.map.layout.len()],
            loss: 0.0,
            samples: 0,
            unit: Unit::default(),
            reached: vec![false; self.map.layout.blocks().len()],
        };
        for index in batches {
            let Stepped { mean, samples, unit, grads } = self.step(model, index)?;
            sums.samples += samples;
            sums.unit = unit;
            sums.loss += mean * samples as f64;
            self.add(model, &grads, samples as f64, &mut sums)?;
        }
        Ok(sums)
    }

    fn add(&self, model: &M, grads: &GradientsParams, weight: f64, sums: &mut Sums) -> Result<()> {
        let (slots, ids) = (self.map.slots.iter(), self.ids.iter());
        let (map, tied) = (self.map, &self.tied[..]);
        let mut adder = Adder { map, tied, slots, ids, grads, weight, sums, error: None };
        model.visit(&mut adder);
        match adder.error {
            Some(reason) => Err(Error::Device { reason }),
            None => Ok(()),
        }
    }
}

/// Which entries train.
fn moves(map: &ModelMap) -> Vec<bool> {
    let mut moves = vec![false; map.layout.len()];
    for block in map.layout.blocks().iter().filter(|block| !block.frozen) {
        moves[block.range()].fill(true);
    }
    moves
}

/// Weights in layout order, as exactly as the model holds them.
fn flatten(map: &ModelMap, tensors: &[NamedTensor]) -> Vec<f64> {
    let mut flat = vec![0.0; map.layout.len()];
    for tensor in tensors {
        if let Some(block) = map.layout.block(&tensor.path) {
            let values = flat[block.range()].iter_mut().zip(tensor.data.iter::<f64>());
            values.for_each(|(flat, value)| *flat = value);
        }
    }
    flat
}

/// The block that a slot moves with, if any.
fn block_of(slot: Option<&Slot>, tied: &[bool]) -> Option<usize> {
    match slot {
        Some(Slot::Block(block)) => Some(*block),
        Some(Slot::Alias { block, buffer }) if tied[*buffer] => Some(*block),
        _ => None,
    }
}

/// Switches a model to its mode on a device that knows gradients, and gives each float an identifier of its
/// own: gradients are kept by identifier, and those of two names for one parameter would replace each other.
struct Still<'a> {
    slots: std::slice::Iter<'a, Slot>,
    map: &'a ModelMap,
    mode: Mode,
    ids: Vec<ParamId>,
}

impl ModuleMapper for Still<'_> {
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        match self.mode {
            Mode::Inference => flag.with_value(false),
            Mode::Training => flag,
        }
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let block = match self.slots.next() {
            Some(Slot::Block(block) | Slot::Alias { block, .. }) => Some(*block),
            _ => None,
        };
        let moves = block.is_some_and(|block| !self.map.layout.blocks()[block].frozen);
        let (_, value, mapper) = param.consume();
        let id = ParamId::new();
        self.ids.push(id);
        let value = value.detach().set_require_grad(moves);
        Param::from_mapped_value(id, value, mapper)
    }
}

/// Puts a still model at a point; identifiers stay.
struct Mover<'a> {
    slots: std::slice::Iter<'a, Slot>,
    map: &'a ModelMap,
    tied: &'a [bool],
    point: &'a [f64],
}

impl ModuleMapper for Mover<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let block = block_of(self.slots.next(), self.tied);
        let block = block.map(|block| &self.map.layout.blocks()[block]);
        let Some(block) = block.filter(|block| !block.frozen) else {
            return param;
        };
        let (id, value, mapper) = param.consume();
        let data = data_of(&self.point[block.range()], value.dtype(), value.shape().to_vec());
        let value =
            Tensor::from_data(data, (&value.device(), value.dtype())).set_require_grad(true);
        Param::from_mapped_value(id, value, mapper)
    }
}

fn data_of(values: &[f64], dtype: DType, shape: Vec<usize>) -> TensorData {
    match dtype {
        DType::F64 => TensorData::new(values.to_vec(), shape),
        _ => TensorData::new(values.iter().map(|&value| value as f32).collect::<Vec<_>>(), shape),
    }
}

struct Adder<'a> {
    map: &'a ModelMap,
    tied: &'a [bool],
    slots: std::slice::Iter<'a, Slot>,
    ids: std::slice::Iter<'a, ParamId>,
    grads: &'a GradientsParams,
    weight: f64,
    sums: &'a mut Sums,
    error: Option<String>,
}

impl ModuleVisitor for Adder<'_> {
    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        let block = block_of(self.slots.next(), self.tied);
        let (Some(&id), Some(block)) = (self.ids.next(), block) else {
            return;
        };
        let Some(gradient) = self.grads.gradient::<D>(id) else {
            return;
        };
        self.sums.reached[block] = true;
        match to_host(gradient) {
            Ok(data) => {
                let range = self.map.layout.blocks()[block].range();
                let sums = self.sums.gradient[range].iter_mut();
                for (sum, entry) in sums.zip(data.iter::<f64>()) {
                    *sum += self.weight * entry;
                }
            }
            Err(reason) => self.error = Some(reason),
        }
    }
}
