//! A model of one type with its batches, as a study asks of them.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::BatchLoss;
use burnscape_landscape::surface::NodeValue;

use super::evaluate::{Evaluate, SliceContext};
use super::means::{Means, Quantity, Reader, ValueOf};
use super::perturb::{MovableModel, at_buffers, at_tensors};
use super::quantities::{LOSS, Measured, Selected};
use super::recalibrate::Recalibration;
use super::subject::{Ask, ModelAt, Stand, Subject};
use super::weights::Weights;
use crate::Result;
use crate::config::clock::Clock;
use crate::model::map::{self, ModelMap, Slot, device_name};
use crate::model::tensors::NamedTensor;
use crate::panics::panicked;

/// A model, and what is measured of it.
pub(crate) struct ModelSubject<'a, M: InferenceStep + 'a> {
    /// As the user gave it: shares its state with theirs.
    given: M,
    /// What slices lie around unless they say otherwise, in inference mode, with state of its own.
    pub model: Rc<M>,
    /// The loss first.
    pub quantities: Vec<Quantity<'a, M::Output>>,
    /// All batches of every set.
    pub sets: Vec<Vec<M::Input>>,
    /// Those of the first set on every further device.
    pub elsewhere: Vec<Vec<M::Input>>,
    placed: RefCell<PlacedModels<M>>,
}

/// Models that were put somewhere.
struct PlacedModels<M> {
    next: usize,
    models: Vec<PlacedModel<M>>,
}

struct PlacedModel<M> {
    at: ModelAt,
    model: Rc<M>,
    /// The same on the devices that it was sent to.
    sent: Vec<(Device, M)>,
}

impl<M> PlacedModels<M> {
    fn let_go_of_unused(&mut self) {
        self.models.retain(|it| Rc::strong_count(&it.at.0) > 1);
    }

    fn put(&mut self, model: M) -> ModelAt {
        let at = ModelAt(Rc::new(self.next));
        self.next += 1;
        self.models.push(PlacedModel { at: at.clone(), model: Rc::new(model), sent: Vec::new() });
        at
    }

    fn find(&mut self, at: &ModelAt) -> &mut PlacedModel<M> {
        let found = self.models.iter_mut().find(|it| it.at.0 == at.0);
        found.expect("a model is held as long as its place is")
    }
}

impl<'a, M> ModelSubject<'a, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// The model as it was given, and the same in inference mode with state of its own; no batches yet.
    pub fn new(given: &M, model: M, loss: Reader<'a, M::Output>) -> Self {
        Self {
            given: given.clone(),
            model: Rc::new(model),
            quantities: vec![Quantity { name: LOSS.to_string(), of: loss.loss_of }],
            sets: Vec::new(),
            elsewhere: Vec::new(),
            placed: RefCell::new(PlacedModels { next: 0, models: Vec::new() }),
        }
    }

    /// Measures one more quantity from now on.
    pub fn measure_too(&mut self, name: String, of: ValueOf<'a, M::Output>) {
        self.quantities.push(Quantity { name, of });
    }

    /// The model that was put somewhere.
    pub fn model_at(&self, at: &ModelAt) -> Rc<M> {
        self.placed.borrow_mut().find(at).model.clone()
    }

    /// The model on another device, where it stays once it was sent there.
    fn sent(&self, at: &ModelAt, device: &Device) -> Result<M> {
        let mut placed = self.placed.borrow_mut();
        let PlacedModel { model, sent, .. } = placed.find(at);
        if let Some((_, known)) = sent.iter().find(|(known, _)| known == device) {
            return Ok(known.clone());
        }
        let new = moved(&**model, device)?;
        sent.push((device.clone(), new.clone()));
        Ok(new)
    }

    fn standing(&self, stand: Stand<'_>, map: &ModelMap) -> Result<Rc<M>> {
        match stand {
            Stand::Final => Ok(self.model.clone()),
            Stand::At(at) => Ok(self.model_at(at)),
            Stand::Tensors(tensors) => Ok(Rc::new(at_tensors(&*self.model, map, tensors)?)),
        }
    }

    fn quantities(&self, loss_alone: bool) -> &[Quantity<'a, M::Output>] {
        &self.quantities[..if loss_alone { 1 } else { self.quantities.len() }]
    }

    fn batches(&self, selected: &[Selected]) -> Vec<Vec<M::Input>> {
        selected.iter().map(|it| those_at(&self.sets[it.set], &it.places)).collect()
    }

    fn evaluator_of<'c>(
        &'c self,
        centre: &M,
        sets: Vec<Vec<M::Input>>,
        context: &'c SliceContext<'c>,
    ) -> Box<dyn Evaluate + 'c> {
        let quantities = self.quantities(context.loss_alone);
        Box::new(MovedModel { context, quantities, model: MovableModel::new(centre), sets })
    }
}

/// Those at `places`; a second reading may be shorter.
fn those_at<I: Clone>(batches: &[I], places: &[usize]) -> Vec<I> {
    places.iter().filter_map(|&place| batches.get(place).cloned()).collect()
}

/// How many batches of each set.
fn lengths<I>(sets: &[Vec<I>]) -> Vec<usize> {
    sets.iter().map(Vec::len).collect()
}

impl<M> Subject for ModelSubject<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    fn checksums_as_given(&self, map: &ModelMap) -> Result<Vec<u32>> {
        map::checksums(&self.given.valid(), map)
    }

    fn checksums(&self, at: &ModelAt, map: &ModelMap) -> Result<Vec<u32>> {
        map::checksums(&*self.model_at(at), map)
    }

    fn tensors_if(
        &self,
        map: &ModelMap,
        is_wanted: &dyn Fn(Slot) -> bool,
    ) -> Result<Vec<NamedTensor>> {
        map::read_tensors_if(&*self.model, map, is_wanted)
    }

    fn weights(&self, at: &ModelAt, map: &ModelMap) -> Weights {
        Weights::of_model(&*self.model_at(at), map)
    }

    fn put(&self, map: &ModelMap, tensors: Vec<NamedTensor>) -> Result<ModelAt> {
        self.placed.borrow_mut().let_go_of_unused();
        let model = at_tensors(&*self.model, map, tensors)?;
        Ok(self.placed.borrow_mut().put(model))
    }

    fn put_with_buffers(&self, map: &ModelMap, buffers: Vec<NamedTensor>) -> Result<ModelAt> {
        self.placed.borrow_mut().let_go_of_unused();
        let model = at_buffers(&*self.model, map, buffers)?;
        Ok(self.placed.borrow_mut().put(model))
    }

    fn recalibration(
        &self,
        stand: Stand<'_>,
        map: &ModelMap,
        batch: usize,
    ) -> Result<Recalibration> {
        let model = self.standing(stand, map)?;
        Recalibration::of(&*model, map, &self.sets[0][batch], &self.quantities[0])
    }

    fn measure(&self, stand: Stand<'_>, ask: &Ask<'_>, tells_samples: bool) -> Result<Measured> {
        let model = self.standing(stand, ask.map)?;
        let (sets, quantities) = (self.batches(ask.sets), self.quantities(ask.loss_alone));
        let means = Means::new(ask.map.is_on_host, lengths(&sets), quantities.len());
        let mut means = means.telling_samples(tells_samples);
        means.add(&*model, &sets, quantities)?;
        means.measured()
    }

    fn measure_batches(
        &self,
        stand: Stand<'_>,
        ask: &Ask<'_>,
        recalibration: Option<&Recalibration>,
    ) -> Result<Vec<Vec<BatchLoss>>> {
        let mut model = self.standing(stand, ask.map)?;
        let sets = self.batches(ask.sets);
        if let Some(it) = recalibration {
            model = Rc::new(it.at(&*model, ask.map, &sets[0], &self.quantities[0])?);
        }
        batch_losses(&*model, &sets, self.quantities(ask.loss_alone), ask.map.is_on_host)
    }

    fn evaluator<'c>(
        &'c self,
        at: &ModelAt,
        context: &'c SliceContext<'c>,
    ) -> Box<dyn Evaluate + 'c> {
        self.evaluator_of(&*self.model_at(at), self.batches(&context.sets), context)
    }

    fn evaluator_elsewhere<'c>(
        &'c self,
        number: usize,
        at: &ModelAt,
        context: &'c SliceContext<'c>,
    ) -> Result<Box<dyn Evaluate + 'c>> {
        let model = self.sent(at, &context.map.device)?;
        let sets = vec![those_at(&self.elsewhere[number], &context.sets[0].places)];
        Ok(self.evaluator_of(&model, sets, context))
    }

    fn send(&self, at: &ModelAt, device: &Device) -> Result<()> {
        self.sent(at, device).map(|_| ())
    }

    fn try_device(
        &self,
        number: usize,
        ask: &Ask<'_>,
        clock: &Clock,
    ) -> Result<(Vec<BatchLoss>, Duration)> {
        let model = moved(&*self.model, &ask.map.device)?;
        let sets = [those_at(&self.elsewhere[number], &ask.sets[0].places)];
        let measured = || batch_losses(&model, &sets, self.quantities(true), ask.map.is_on_host);
        let losses = measured()?.swap_remove(0);
        // The first time a device may have to get ready.
        let begun = clock.now();
        measured()?;
        Ok((losses, clock.now().saturating_sub(begun)))
    }
}

/// Every layer of one model, batch by batch.
fn batch_losses<M>(
    model: &M,
    sets: &[Vec<M::Input>],
    quantities: &[Quantity<'_, M::Output>],
    at_once: bool,
) -> Result<Vec<Vec<BatchLoss>>>
where
    M: InferenceStep,
    M::Input: Clone,
{
    let mut means = Means::new(at_once, lengths(sets), quantities.len());
    means.add(model, sets, quantities)?;
    means.batches()
}

/// A model on another device. What goes wrong there is an error.
fn moved<M: Module>(model: &M, device: &Device) -> Result<M> {
    let moved = || model.clone().to_device(device);
    let what = || format!("`Module::to_device` to {}", device_name(device));
    catch_unwind(AssertUnwindSafe(moved)).map_err(|panic| panicked(&what(), panic))
}

/// A model that is moved about in a slice, with its own copy of the batches.
struct MovedModel<'c, M: InferenceStep> {
    context: &'c SliceContext<'c>,
    quantities: &'c [Quantity<'c, M::Output>],
    model: MovableModel<M>,
    sets: Vec<Vec<M::Input>>,
}

impl<M> Evaluate for MovedModel<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    fn values(&mut self, points: &[(f64, f64)]) -> Result<Vec<NodeValue>> {
        let SliceContext { map, directions, recalibration, .. } = self.context;
        let quantities = self.quantities;
        let mut means = Means::new(map.is_on_host, lengths(&self.sets), quantities.len());
        for &(alpha, beta) in points {
            let coefficients = &[alpha, beta][..directions.count()];
            let model = self.model.at(map, directions, coefficients)?;
            match recalibration {
                None => means.add(model, &self.sets, quantities)?,
                Some(it) => {
                    let model = it.at(model, map, &self.sets[0], &quantities[0])?;
                    means.add(&model, &self.sets, quantities)?;
                }
            }
        }
        means.values()
    }
}
