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
use super::evaluate::{Cores, SliceContext, SliceLoss};
use super::further_device::FurtherDevice;
use super::model_subject::ModelSubject;
use super::open_study::{AnyStudy, OpenStudy};
use super::planes::Plan;
use super::subject::{Ask, Stand};
use crate::model::map::{ModelMap, device_name};
use crate::panics::panicked;
use crate::{Error, Result};

/// What nodes of a slice depend on, on a further device that has the model of its centre.
pub(super) struct Elsewhere<'a> {
    device: usize,
    context: SliceContext<'a>,
}

impl<M> OpenStudy<ModelSubject<'_, M>>
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
        let this: &mut AnyStudy<'_> = self;
        if this.knows(&device)? {
            return Ok(());
        }
        let place = Place { device: device.clone(), seed: self.active.config.study.seed };
        let Reading { batches, .. } =
            source.read(&place).map_err(|reason| Error::BatchSource { reason })?;
        let count = batches.len();
        self.subject.elsewhere.push(batches);
        let this: &mut AnyStudy<'_> = self;
        let added = this.add_device_with(&device, count);
        self.subject.elsewhere.truncate(self.devices.len());
        added
    }
}

impl AnyStudy<'_> {
    /// Whether nothing is to be done for a device; refuses what further devices cannot take part in.
    fn knows(&self, device: &Device) -> Result<bool> {
        let mut known = self.devices.iter().map(|it| &it.map.device);
        let own = self.studied.map.device.clone().inner();
        if *device == own || known.any(|it| it == device) {
            return Ok(true);
        }
        if self.quantities.sets.len() > 1 {
            return Err(on_one_device());
        }
        Ok(false)
    }

    /// Takes a device of which the subject has so many batches.
    fn add_device_with(&mut self, device: &Device, batches: usize) -> Result<()> {
        let (map, name) = (self.studied.map.on(device), device_name(device));
        let mut further = FurtherDevice { map, name, batch_secs: 0.0, gave_up: RefCell::default() };
        self.check_batches_of(&mut further, batches)?;
        self.devices.push(further);
        self.pacing.paces = [None, None];
        Ok(())
    }

    /// Refuses batches that further devices do not have.
    pub(super) fn refuse_with_devices(&self) -> Result<()> {
        if self.devices.is_empty() { Ok(()) } else { Err(on_one_device()) }
    }

    /// The same batches as the study has, as far as their losses tell.
    fn check_batches_of(&self, device: &mut FurtherDevice, batches: usize) -> Result<()> {
        let own = &self.quantities.sets[0];
        let name = device.name.clone();
        let other = |reason: String| Error::OtherBatches { device: name.clone(), reason };
        if batches != own.available {
            let expected = own.available;
            return Err(other(format!("it has {batches} of them, the study {expected}")));
        }
        let here = self.loss_on(self.quantities.selected_first());
        let here = self.subject.measure_batches(Stand::Final, &here, None)?;
        let there = self.measured_there(device).map_err(|error| Error::UnusableDevice {
            device: name.clone(),
            source: Box::new(error),
        })?;
        let pairs = here[0].iter().zip(&there).zip(&own.selected.places);
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

    /// The losses of the batches on the device that is being added; also how long one takes there.
    fn measured_there(&self, device: &mut FurtherDevice) -> Result<Vec<BatchLoss>> {
        let sets = self.quantities.selected_first();
        let ask = Ask { map: &device.map, sets, loss_alone: true };
        let clock = &self.active.config.clock;
        let (losses, took) = self.subject.try_device(self.devices.len(), &ask, clock)?;
        device.batch_secs = took.as_secs_f64() / self.quantities.sets[0].len() as f64;
        Ok(losses)
    }

    /// The centre of a slice on every further device that is at work: sent there once, however many turns a slice takes.
    pub(super) fn elsewhere<'p>(&'p self, plan: &'p Plan) -> Vec<Elsewhere<'p>> {
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
        places
    }

    fn sent_to<'p>(
        &'p self,
        device: usize,
        map: &'p ModelMap,
        plan: &'p Plan,
    ) -> Result<Elsewhere<'p>> {
        let what = || format!("sending a slice to {}", device_name(&map.device));
        let sent = || {
            self.subject.send(&plan.centre.model, &map.device)?;
            Ok(Elsewhere { device, context: self.context_on(plan, map) })
        };
        catch_unwind(AssertUnwindSafe(sent)).map_err(|panic| panicked(&what(), panic))?
    }

    /// One worker on each of these devices.
    pub(super) fn workers_elsewhere<'c>(
        &'c self,
        plan: &Plan,
        elsewhere: &'c [Elsewhere<'c>],
    ) -> Vec<SliceLoss<'c>> {
        let mut workers = Vec::new();
        for Elsewhere { device, context } in elsewhere {
            match self.subject.evaluator_elsewhere(*device, &plan.centre.model, context) {
                Ok(evaluator) => {
                    let worker = SliceLoss::new(evaluator, context.map, Cores::One);
                    workers.push(worker.on_device(*device));
                }
                Err(error) => self.let_go(*device, &error),
            }
        }
        workers
    }

    /// Takes the workers away whose device failed; their nodes go to the others. Whether there were any.
    pub(super) fn retire(&self, workers: &mut Vec<SliceLoss<'_>>) -> bool {
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
    pub(super) fn compare_devices(&self, plan: &Plan, loss: &Surface) -> Result<()> {
        if !self.time.affords(0.0) {
            return Ok(());
        }
        let elsewhere = self.elsewhere(plan);
        if elsewhere.is_empty() {
            return Ok(());
        }
        let nodes = sentinels(&plan.grid);
        let points: Vec<_> = nodes.iter().map(|&node| plan.grid.coordinates(node)).collect();
        let context = self.context(plan);
        let layers = self.quantities.names.len();
        let losses = |worker: &mut SliceLoss<'_>| -> Result<Vec<f64>> {
            let values = worker.values(&points)?;
            Ok(values.iter().step_by(layers).map(|value| value.mean).collect())
        };
        let here = losses(&mut self.workers(&context, plan, 1)[0])?;
        for mut worker in self.workers_elsewhere(plan, &elsewhere) {
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

    fn tell_difference(&self, plan: &Plan, loss: &Surface, name: &str, [here, there]: [&[f64]; 2]) {
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

fn on_one_device() -> Error {
    let found = "with `also_on`".to_string();
    let expected = "further devices have the batches of the study alone: measure further data in a study of its own";
    Error::Setting { setting: "devices", found, expected }
}
