//! Further devices that measure nodes of a study, beside the one that its model is on.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::module::Module;
use burn::tensor::Device;
use burn::train::InferenceStep;
use burnscape_landscape::evaluate::{BatchLoss, Loss};
use burnscape_landscape::share::sentinels;
use burnscape_landscape::surface::Surface;
use burnscape_landscape::words::{number, percent};
use burnscape_run::UNLIKE_HARDWARE;

use super::batches::{Batches, Place, Reading};
use super::centre::Centre;
use super::evaluate::{Cores, SliceContext, SliceLoss};
use super::further_device::FurtherDevice;
use super::open_study::OpenStudy;
use super::planes::Plan;
use super::quantities::measure_batches;
use crate::model::map::{ModelMap, device_name};
use crate::panics::panicked;
use crate::{Error, Result};

/// The model of a slice's centre on a further device, and what nodes around it depend on there.
pub(super) struct Elsewhere<'a, M: InferenceStep> {
    device: usize,
    model: M,
    context: SliceContext<'a, M::Output>,
}

impl<M> OpenStudy<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Takes a device with its batches, unless it is known.
    pub(super) fn add_device<B>(&mut self, device: Device, source: &B) -> Result<()>
    where
        B: Batches<M::Input> + ?Sized,
    {
        let device = device.inner();
        let known = self.devices.iter().map(|it| &it.map.device);
        let own = self.studied.map.device.clone().inner();
        if device == own || known.into_iter().any(|it| *it == device) {
            return Ok(());
        }
        if self.quantities.sets.len() > 1 {
            return Err(on_one_device());
        }
        let place = Place { device: device.clone(), seed: self.active.config.study.seed };
        let Reading { batches, .. } =
            source.read(&place).map_err(|reason| Error::BatchSource { reason })?;
        let (map, name) = (self.studied.map.on(&device), device_name(&device));
        let mut further =
            FurtherDevice { map, name, batches, batch_secs: 0.0, gave_up: RefCell::default() };
        self.check_batches_of(&mut further)?;
        self.devices.push(further);
        self.pacing.paces = [None, None];
        Ok(())
    }

    /// Refuses batches that further devices do not have.
    pub(super) fn refuse_with_devices(&self) -> Result<()> {
        if self.devices.is_empty() { Ok(()) } else { Err(on_one_device()) }
    }

    /// The same batches as the study has, as far as their losses tell.
    fn check_batches_of(&self, device: &mut FurtherDevice<M::Input>) -> Result<()> {
        let (own, loss) = (&self.quantities.sets[0], &self.quantities.quantities[..1]);
        let name = device.name.clone();
        let other = |reason: String| Error::OtherBatches { device: name.clone(), reason };
        if device.batches.len() != own.available() {
            let (found, expected) = (device.batches.len(), own.available());
            return Err(other(format!("it has {found} of them, the study {expected}")));
        }
        let places = own.places();
        let here = [own.batches.clone()];
        let here = measure_batches(&self.studied.model, &here, loss, self.studied.map.is_on_host)?;
        let there = self.measured_there(device, &places).map_err(|error| {
            Error::UnusableDevice { device: name.clone(), source: Box::new(error) }
        })?;
        let pairs = here[0].iter().zip(&there).zip(places);
        for ((here, there), place) in pairs {
            let (a, b) = (here.mean, there.mean);
            let is_near = (a - b).abs() <= UNLIKE_HARDWARE * a.abs().max(b.abs());
            if here.samples != there.samples
                || !(is_near || a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
            {
                return Err(other(format!(
                    "batch {place} has the loss {b} over {} there and {a} over {} here",
                    there.samples, here.samples
                )));
            }
        }
        Ok(())
    }

    /// The losses of the batches on a further device; also how long one takes there.
    fn measured_there(
        &self,
        device: &mut FurtherDevice<M::Input>,
        places: &[usize],
    ) -> Result<Vec<BatchLoss>> {
        let model = moved(&self.studied.model, &device.map.device)?;
        let (used, loss) = (device.used(places), &self.quantities.quantities[..1]);
        let measured = || measure_batches(&model, &used, loss, device.map.is_on_host);
        let there = measured()?.swap_remove(0);
        // The first time a device may have to get ready.
        let begun = self.active.config.clock.now();
        measured()?;
        let took = self.active.config.clock.now().saturating_sub(begun);
        device.batch_secs = took.as_secs_f64() / places.len() as f64;
        Ok(there)
    }

    /// The centre of a slice on every further device that is at work: sent there once, however many turns a slice takes.
    pub(super) fn elsewhere<'p>(&'p self, plan: &'p Plan<M>) -> Result<Vec<Elsewhere<'p, M>>> {
        let mut places = Vec::new();
        for (number, device) in self.devices.iter().enumerate() {
            if !device.is_at_work() {
                continue;
            }
            match self.sent_to(number, &device.map, plan) {
                Ok(sent) => places.push(sent),
                Err(error) => self.let_go(number, &error),
            }
        }
        Ok(places)
    }

    fn sent_to<'p>(
        &'p self,
        device: usize,
        map: &'p ModelMap,
        plan: &'p Plan<M>,
    ) -> Result<Elsewhere<'p, M>> {
        let what = || format!("sending a slice to {}", device_name(&map.device));
        let sent = || {
            let model = sent_once(&plan.centre, &map.device)?;
            let context = self.context_on(plan, map, &self.quantities.quantities)?;
            Ok(Elsewhere { device, model, context })
        };
        catch_unwind(AssertUnwindSafe(sent)).map_err(|panic| panicked(&what(), panic))?
    }

    /// One worker on each of these devices.
    pub(super) fn workers_elsewhere<'c>(
        &self,
        elsewhere: &'c [Elsewhere<'c, M>],
    ) -> Vec<SliceLoss<'c, M>> {
        let places = self.quantities.sets[0].places();
        let worker = |it: &'c Elsewhere<'c, M>| {
            let sets = self.devices[it.device].used(&places);
            SliceLoss::new(&it.context, &it.model, sets, Cores::One).on_device(it.device)
        };
        elsewhere.iter().map(worker).collect()
    }

    /// Takes the workers away whose device failed; their nodes go to the others. Whether there were any.
    pub(super) fn retire(&self, workers: &mut Vec<SliceLoss<'_, M>>) -> bool {
        let before = workers.len();
        workers.retain_mut(|worker| match worker.take_failure() {
            None => true,
            Some((device, error)) => {
                self.let_go(device, &error);
                false
            }
        });
        workers.len() < before
    }

    fn let_go(&self, device: usize, error: &Error) {
        let device = &self.devices[device];
        *device.gave_up.borrow_mut() = Some(error.to_string());
        let sentence =
            format!("{} measures no more, its nodes go to the other devices: {error}", device.name);
        self.active.recorder.handle.problem(sentence);
    }

    /// Tells which devices measured a slice, and by how much they differ at its centre and two corners.
    pub(super) fn compare_devices(&self, plan: &Plan<M>, loss: &Surface) -> Result<()> {
        if !self.time.affords(0.0) {
            return Ok(());
        }
        let elsewhere = self.elsewhere(plan)?;
        if elsewhere.is_empty() {
            return Ok(());
        }
        let nodes = sentinels(&plan.grid);
        let points: Vec<_> = nodes.iter().map(|&node| plan.grid.coordinates(node)).collect();
        let context = self.context(plan)?;
        let layers = self.quantities.quantities.len();
        let losses = |worker: &mut SliceLoss<'_, M>| -> Result<Vec<f64>> {
            let values = worker.values(&points)?;
            Ok(values.iter().step_by(layers).map(|value| value.mean).collect())
        };
        let here = losses(&mut self.workers(&context, plan, 1)[0])?;
        for mut worker in self.workers_elsewhere(&elsewhere) {
            let device = worker.device().unwrap_or_default();
            match losses(&mut worker) {
                Ok(there) => {
                    self.tell_difference(plan, loss, &self.devices[device].name, [&here, &there]);
                }
                Err(error) => self.let_go(device, &error),
            }
        }
        Ok(())
    }

    fn tell_difference(
        &self,
        plan: &Plan<M>,
        loss: &Surface,
        name: &str,
        [here, there]: [&[f64]; 2],
    ) {
        let by = here.iter().zip(there).filter(|(a, b)| a.to_bits() != b.to_bits());
        let by = by.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let range = loss.range().unwrap_or(0.0);
        let own = device_name(&self.studied.map.device);
        let slice = &plan.slice;
        let detail = match by == 0.0 {
            true => format!(
                "{own} and {name} give the same losses, bit for bit, at its centre and two corners"
            ),
            false => format!(
                "nodes are measured on {own} and {name}, which differ by up to {} at its centre and two corners, {} of \
                 the range",
                number(by),
                percent(by / range)
            ),
        };
        let passed = by == 0.0 || by <= UNLIKE_HARDWARE * range;
        self.check(Some(slice.slice), &format!("devices-agree: {name}"), passed, &detail);
    }
}

/// The model of a centre on another device, where it stays.
fn sent_once<M: Module>(centre: &Centre<M>, device: &Device) -> Result<M> {
    let mut sent = centre.sent.borrow_mut();
    if let Some((_, known)) = sent.iter().find(|(known, _)| known == device) {
        return Ok(known.clone());
    }
    let model = moved(&centre.model, device)?;
    sent.push((device.clone(), model.clone()));
    Ok(model)
}

/// A model on another device. What goes wrong there is an error.
fn moved<M: Module>(model: &M, device: &Device) -> Result<M> {
    let moved = || model.clone().to_device(device);
    let what = || format!("`Module::to_device` to {}", device_name(device));
    catch_unwind(AssertUnwindSafe(moved)).map_err(|panic| panicked(&what(), panic))
}

fn on_one_device() -> Error {
    let found = "with `also_on`".to_string();
    let expected = "further devices have the batches of the study alone: measure further data in a study of its own";
    Error::Setting { setting: "devices", found, expected }
}
