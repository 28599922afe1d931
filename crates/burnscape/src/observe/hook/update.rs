//! The step itself: what is measured before the update and after it.

use std::sync::atomic::Ordering;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;

use super::Hook;
use super::buffers::Statistics;
use super::state::StepState;
use crate::alerts::suspicion::Suspicion;
use crate::channel::message::{Control, Moment};
use crate::channel::samples::{BoxedTensors, Clipping, StepSample};
use crate::config::measurements::{Measurements, StatisticsDue};
use crate::config::schedule::{Schedule, StepPlace, mark_of};
use crate::curvature::gauge::GaugeOf;
use crate::measure::handles::{self, Handles};
use crate::measure::statistics::sample::StatisticsSample;
use crate::measure::{self, Columns, GradientSource, KeptWeights, StepValues};
use crate::model::map::{self, ModelMap};

/// A step between the moment before and the moment after its update.
pub(crate) struct Measured {
    pub(super) step: u64,
    batches: u64,
    accumulated: u32,
    validations: u64,
    batches_at_validation: u64,
    pub(super) lr: f64,
    pub(super) numbers: Numbers,
    handles: Handles,
    pub(super) lrs: Vec<f32>,
    clipping: Clipping,
    statistics: Statistics,
    pub(super) boxed: Option<Box<BoxedTensors>>,
    /// The black box is kept only if the update confirms the suspicion.
    pub(super) is_box_on_trial: bool,
    /// The model is looked at after the update.
    is_looked_at: bool,
}

/// What was read of a step, what of it is looked at more closely, and what its update has to confirm.
pub(super) struct Numbers {
    pub columns: Columns,
    pub values: StepValues,
    kept: KeptWeights,
    look: StatisticsDue,
    pub suspicion: Suspicion,
}

impl Hook {
    /// Measures what the optimizer is about to receive; `None` when there is nothing to record.
    pub fn before_update<M: Module, G: GradientSource>(
        &self,
        model: &M,
        grads: &G,
        lr: &ModuleLearningRate,
        clipping: Clipping,
        statistics: Statistics,
        gauge: Option<&GaugeOf<M>>,
    ) -> Option<Measured> {
        let mut state = self.state()?;
        let map = self.map_of(model, &mut state)?;
        if !self.records(model, map, &mut state) {
            return None;
        }
        let at = self.next_place(&mut state);
        if let Some(gauge) = gauge {
            self.follow_flags(model, map, &mut state);
            let map = state.freezing.map.as_deref().unwrap_or(map);
            self.gauge_curvature(model, map, at, lr.base(), gauge);
        }
        let previous = self.keep_weights(model, map);
        let (batches, accumulated) = self.count_step(&mut state);
        let numbers = self.numbers(model, map, grads, lr.base(), at, &mut state);
        let is_plain = numbers.suspicion.is_broken || self.loss_spikes(&mut state, accumulated);
        let is_wanted = is_plain || numbers.suspicion.is_raised;
        let is_boxed = is_wanted && self.may_box(&state, at.step);
        if is_plain {
            self.note_alert(&mut state, at.step, is_boxed);
        }
        Some(Measured {
            step: at.step,
            batches,
            accumulated,
            validations: state.validations,
            batches_at_validation: state.batches_at_validation,
            lr: lr.base(),
            handles: before_handles(model, map, grads, numbers.look),
            lrs: self.learning_rates(model, map, lr, at, numbers.columns, &mut state),
            numbers,
            clipping,
            statistics,
            boxed: is_boxed.then(|| self.boxed(model, map, grads, previous, statistics)).flatten(),
            is_box_on_trial: !is_plain,
            is_looked_at: state.recorded.is_looked_at(at.step + 1),
        })
    }

    /// Norms of what the optimizer is about to receive, and of the weights where these are due or gradients look wrong.
    fn numbers<M: Module, G: GradientSource>(
        &self,
        model: &M,
        map: &ModelMap,
        grads: &G,
        base: f64,
        at: StepPlace,
        state: &mut StepState,
    ) -> Numbers {
        let (mut columns, mut look) = (self.columns_due(at), self.config.measurements.look(at));
        let mut values = self.handle.spare_values();
        if columns.grad_norm {
            measure::gradient_norms(model, map, grads, &mut values);
        }
        let mark = self.note_turn(state, at.step, grads, &values);
        if state.freezing.mark.replace(mark) != Some(mark) || at.starts_epoch {
            self.follow_flags_of_step(model, map, state, at.step);
        }
        let suspicion = self.suspicion(map, &values, columns, base, state, at.step);
        look.broken_gradient = suspicion.is_broken;
        if suspicion.is_raised {
            (columns.weight_norm, columns.update_norm) = (true, true);
        }
        let kept = match columns.weight_norm || columns.update_norm {
            true => measure::weight_norms(model, map, columns, &mut values),
            false => KeptWeights::default(),
        };
        look.broken_weights = columns.weight_norm && values.ends_broken(map.layout.blocks().len());
        Numbers { columns, values, kept, look, suspicion }
    }

    /// Completes the step with what the update did, and hands it over.
    pub fn after_update<M: Module>(&self, model: &M, mut measured: Measured) {
        let Some(map) = self.map() else { return };
        if let Some(mut state) = measured.is_looked_at.then(|| self.state()).flatten() {
            state.recorded.look(model, map, measured.step + 1);
        }
        if measured.numbers.columns.update_norm {
            self.measure_update(model, map, &mut measured);
        }
        self.hand_over_handles(model, map, &mut measured);
        if let Some(boxed) = &mut measured.boxed {
            boxed.after = measured.statistics.read(model, map).ok();
        }
        let at = Moment { steps: measured.step + 1, batches: measured.batches };
        let statistics = measured.statistics;
        self.handle.step(self.sample(measured));
        self.snapshot_after_step(model, map, at, statistics);
    }

    fn measure_update<M: Module>(&self, model: &M, map: &ModelMap, measured: &mut Measured) {
        let before = std::mem::take(&mut measured.numbers.kept);
        measure::update_norms(model, map, before, &mut measured.numbers.values);
        if !map.defers_reads {
            self.try_suspicion(map, measured);
        }
    }

    /// Hands over what the writer thread is to look at more closely.
    fn hand_over_handles<M: Module>(&self, model: &M, map: &ModelMap, measured: &mut Measured) {
        let (step, look) = (measured.step, measured.numbers.look);
        let lrs = std::mem::take(&mut measured.lrs);
        if !look.is_anything() && lrs.is_empty() {
            return;
        }
        let mut handles = std::mem::take(&mut measured.handles);
        if look.needs_after() {
            handles.after = handles::weights(model, map);
        }
        let clip_value = match measured.clipping {
            Clipping::Value(limit) => Some(limit),
            _ => None,
        };
        self.handle.look(StatisticsSample { step, look, handles, lrs, clip_value });
    }

    /// The step as it crosses to the writer thread.
    fn sample(&self, measured: Measured) -> StepSample {
        let (values, missing) = measured.numbers.values.into_values();
        StepSample {
            step: measured.step,
            batches: measured.batches,
            accumulated: measured.accumulated,
            validations: measured.validations,
            batches_at_validation: measured.batches_at_validation,
            validation_batches: self.validation_batches.load(Ordering::Acquire),
            elapsed_secs: self.started.elapsed().as_secs_f64(),
            lr: measured.lr,
            values,
            columns: measured.numbers.columns,
            missing,
            clipping: measured.clipping,
            boxed: measured.boxed,
        }
    }

    /// Counts a step; gives the batches until it, and those that are its own.
    pub(super) fn count_step(&self, state: &mut StepState) -> (u64, u32) {
        let batches = self.batches.load(Ordering::Acquire);
        let accumulated = batches.saturating_sub(state.batches_before) as u32;
        state.steps += 1;
        self.steps.store(state.steps, Ordering::Release);
        state.batches_before = batches;
        (batches, accumulated)
    }

    /// Where the step that begins stands.
    pub(super) fn next_place(&self, state: &mut StepState) -> StepPlace {
        let splits = self.handle.counters().train_splits.load(Ordering::Relaxed);
        let mark = Some(splits.max(state.validations));
        let starts_epoch = std::mem::replace(&mut state.epoch_mark, mark) != mark;
        let step = state.steps;
        let (since_alert, cycle) = (self.since_alert(step), state.turns.cycle);
        StepPlace { step, starts_epoch, since_alert, cycle }
    }

    /// Notes which blocks have their turn: told by their gradients, or by how many there are.
    pub(super) fn note_turn<G: GradientSource>(
        &self,
        state: &mut StepState,
        step: u64,
        grads: &G,
        values: &StepValues,
    ) -> u64 {
        let mark = match self.config.measurements.gradient_norms {
            Schedule::Every(1) => mark_of(&values.missing),
            _ => grads.count() as u64,
        };
        state.turns.take(step, mark);
        self.cycle.store(state.turns.cycle, Ordering::Relaxed);
        mark
    }

    /// The model may have been frozen or unfrozen in part before the step that is going to be taken.
    pub(super) fn follow_flags<M: Module>(&self, model: &M, map: &ModelMap, state: &mut StepState) {
        let step = state.steps;
        self.follow_flags_of_step(model, map, state, step);
    }

    pub(super) fn follow_flags_of_step<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        state: &mut StepState,
        step: u64,
    ) {
        let now = map::frozen(model, map);
        let known = state.freezing.map.as_deref().unwrap_or(map).layout.blocks();
        if known.iter().map(|block| block.frozen).eq(now.iter().copied()) {
            return;
        }
        let mut map = map.clone();
        map.freeze(&now);
        state.freezing.map = Some(Box::new(map));
        self.handle.send(Control::Frozen { step, frozen: now });
    }

    pub(super) fn columns_due(&self, at: StepPlace) -> Columns {
        let Measurements { gradient_norms, weight_norms, .. } = self.config.measurements;
        let weights = weight_norms.is_due(at);
        Columns { grad_norm: gradient_norms.is_due(at), weight_norm: weights, update_norm: weights }
    }

    /// Keeps the weights before this update, if they are wanted; gives those before the last one.
    pub(super) fn keep_weights<M: Module>(&self, model: &M, map: &ModelMap) -> Option<KeptWeights> {
        if !self.config.keep_last_update && !self.config.black_box.weights {
            return None;
        }
        let mut before = self.before_last.lock().ok()?;
        before.replace(measure::kept_weights(model, map))
    }

    /// One per block, if they are due and differ.
    pub(super) fn learning_rates<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        lr: &ModuleLearningRate,
        at: StepPlace,
        columns: Columns,
        state: &mut StepState,
    ) -> Vec<f32> {
        // An update is judged by the rate that it was made with.
        if !columns.update_norm && !self.config.measurements.learning_rates.is_due(at) {
            return Vec::new();
        }
        let rates = measure::learning_rates(model, map, lr);
        state.rates = Some((lr.base(), rates.iter().copied().fold(0.0, f64::max)));
        match rates.iter().all(|&rate| rate == lr.base()) {
            true => Vec::new(),
            false => rates.into_iter().map(|rate| rate as f32).collect(),
        }
    }
}

fn before_handles<M: Module, G: GradientSource>(
    model: &M,
    map: &ModelMap,
    grads: &G,
    look: StatisticsDue,
) -> Handles {
    let mut handles = Handles::default();
    if look.needs_gradients() {
        handles.gradients = handles::gradients(model, map, grads);
    }
    if look.needs_before() {
        handles.before = handles::weights(model, map);
    }
    handles
}
