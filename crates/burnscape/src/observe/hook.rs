//! What happens inside one training step, on the training thread: it measures and hands over.
//!
//! Nothing here waits or fails: what cannot be handed over is counted. Buffers of ours come back from
//! the writer thread; what burn allocates for the reading of a tensor, it frees again at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::ThreadId;
use std::time::Instant;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::tensor::TensorData;
use burnscape_landscape::layout::{Filters, Role};
use burnscape_trace::{Note, Record, record};

use super::identity::{Identity, Recorded};
use super::tap::Listening;
use crate::alerts::loss::LossWatch;
use crate::alerts::suspicion::{Leaps, Suspicion, Suspicions, follows, is_alarming};
use crate::channel::handle::Lanes;
use crate::channel::message::{Control, Moment, WeightsAt};
use crate::channel::samples::{
    BoxedTensors, Clipping, LossSample, LossWeights, OwnSample, Split, StepSample, TapSample,
};
use crate::channel::shared::Counters;
use crate::config::Config;
use crate::config::measurements::{Look, Measurements};
use crate::config::schedule::{Schedule, StepPlace, Turns, mark_of};
use crate::curvature::gauge::GaugeOf;
use crate::measure::handles::{self, Handles};
use crate::measure::statistics::sample::LookSample;
use crate::measure::{self, Columns, GradientSource, KeptWeights, StepValues};
use crate::model::loss::{Loss, Losses, Value};
use crate::model::map::{self, ModelMap, Slot};
use crate::model::tensors::NamedTensor;

/// The part of a probe that lives inside the watched model, shared by all its clones.
pub(crate) struct Hook {
    config: Config,
    lanes: Lanes,
    pub started: Instant,
    /// Where outputs keep their losses.
    pub losses: Arc<Losses>,
    /// It was told that an output has no loss that is known.
    told_no_loss: AtomicBool,
    /// It was told that there is a second model.
    told_second: AtomicBool,
    /// `TrainStep::step` calls in this process so far.
    batches: AtomicU64,
    /// Validation batches in this process so far.
    validation_batches: AtomicU64,
    /// Validations in this process so far, for threads that do not optimize.
    validations: AtomicU64,
    /// Whether losses are read right away.
    reads_at_once: AtomicBool,
    /// Optimizer steps in this process so far, for threads that do not optimize.
    steps: AtomicU64,
    /// Sum of the losses since the last step, as the bits of an f64; read only where losses are read at once.
    loss_sum: AtomicU64,
    /// Steps until the same blocks have their turn again, for threads that do not optimize.
    cycle: AtomicU64,
    /// Buffers as they were before the first forward pass.
    initial_buffers: OnceLock<Vec<(usize, TensorData)>>,
    /// The model's map, once the first update showed the model; `None` where it has none.
    map: OnceLock<Option<ModelMap>>,
    /// Why it has none.
    refusal: Mutex<Option<crate::Error>>,
    state: Mutex<StepState>,
    /// The weights before the last update, if they are to be kept.
    before_last: Mutex<Option<KeptWeights>>,
}

/// What changes from step to step; only ever held by the thread that optimizes.
#[derive(Default)]
struct StepState {
    steps: u64,
    batches_before: u64,
    validations: u64,
    batches_at_validation: u64,
    /// What tells the recorded model from another one.
    recorded: Recorded,
    freezing: Freezing,
    /// Batches at the last snapshot that `valid()` gave.
    validated_at: Option<u64>,
    /// What told the last epoch apart from the one before.
    epoch_mark: Option<u64>,
    /// The thread that optimizes.
    thread: Option<ThreadId>,
    /// Losses, for the black box.
    losses: LossWatch,
    /// There are some once the model is known.
    suspicions: Option<Suspicions>,
    /// Base and largest learning rate when they were read last.
    rates: Option<(f64, f64)>,
    leaps: Leaps,
    /// The last update was longer than an optimizer makes it by its gradient: the next one will tell more.
    is_in_doubt: bool,
    turns: Turns,
    /// Steps before the last black box, and how many there were.
    last_box: Option<u64>,
    boxes: usize,
}

/// Which blocks are frozen now.
#[derive(Default)]
struct Freezing {
    /// What told which blocks got a gradient in the last step.
    mark: Option<u64>,
    /// The map with the flags of now, where they are not those that training began with.
    map: Option<Box<ModelMap>>,
}

/// How the statistics of BatchNorm are read, which burn merges one update late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// Up to date, which merges them: burn's `Learner` does so itself before anybody looks.
    Merged,
    /// As a hand-written loop has them, which may look at them at any time.
    AsTheyAre,
}

impl Statistics {
    fn read<M: Module>(self, model: &M, map: &ModelMap) -> crate::Result<Vec<NamedTensor>> {
        match self {
            Self::Merged => map::read_tensors(&model.valid(), map),
            Self::AsTheyAre => map::read_tensors(model, map),
        }
    }
}

/// A step between the moment before and the moment after its update.
pub(crate) struct Measured {
    step: u64,
    batches: u64,
    accumulated: u32,
    validations: u64,
    batches_at_validation: u64,
    lr: f64,
    columns: Columns,
    values: StepValues,
    kept: KeptWeights,
    look: Look,
    handles: Handles,
    lrs: Vec<f32>,
    clipping: Clipping,
    statistics: Statistics,
    boxed: Option<Box<BoxedTensors>>,
    /// What its update has to confirm.
    suspicion: Suspicion,
    /// The black box is kept only if it does.
    is_box_on_trial: bool,
    /// The model is looked at after the update.
    is_looked_at: bool,
}

impl Hook {
    pub fn new(config: Config, lanes: Lanes, started: Instant) -> Self {
        Self {
            config,
            lanes,
            started,
            losses: Arc::default(),
            told_no_loss: AtomicBool::new(false),
            told_second: AtomicBool::new(false),
            batches: AtomicU64::new(0),
            validation_batches: AtomicU64::new(0),
            validations: AtomicU64::new(0),
            reads_at_once: AtomicBool::new(false),
            steps: AtomicU64::new(0),
            loss_sum: AtomicU64::new(0),
            cycle: AtomicU64::new(0),
            initial_buffers: OnceLock::new(),
            map: OnceLock::new(),
            refusal: Mutex::new(None),
            state: Mutex::new(StepState::default()),
            before_last: Mutex::new(None),
        }
    }

    /// The map of the watched model, if a step was taken.
    pub fn map(&self) -> Option<&ModelMap> {
        self.map.get().and_then(Option::as_ref)
    }

    /// Why the watched model cannot be recorded, if it cannot; told once.
    pub fn refusal(&self) -> Option<crate::Error> {
        self.refusal.lock().ok()?.take()
    }

    /// Where training stands, counted in this process.
    pub fn moment(&self) -> Moment {
        let steps = self.steps();
        let batches = self.batches.load(Ordering::Acquire);
        Moment { steps, batches }
    }

    /// Seconds since recording started.
    pub fn elapsed_secs(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Optimizer steps in this process so far.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    /// What training and its recorder count.
    pub fn counters(&self) -> &Counters {
        self.lanes.counters()
    }

    /// Whether an alert asked training to stop. Whoever asks is told so, and is taken to stop.
    pub fn stop_asked(&self) -> bool {
        let counters = self.lanes.counters();
        let is_asked = counters.stop_asked.load(Ordering::Acquire);
        if is_asked {
            counters.stop_told.store(true, Ordering::Release);
            counters.stopped_at.store(self.steps() + 1, Ordering::Release);
        }
        is_asked
    }

    /// Hands a value of the program's own over, with where training stands.
    pub fn log(&self, name: &str, value: f64) {
        let at = self.moment();
        let validations = self.validations.load(Ordering::Acquire);
        self.lanes.own(OwnSample { name: name.to_owned(), value, at, validations });
    }

    /// The last update, `after − before` in layout order, if it was kept.
    pub fn last_update<M: Module>(&self, after: &M, map: &ModelMap) -> Option<Vec<f32>> {
        let before = self.before_last.lock().ok()?.take()?;
        measure::update_since(after, map, before).ok().filter(|_| self.config.keep_last_update)
    }

    pub fn before_batch<M: Module>(&self, model: &M) {
        if self.map.get().is_none() {
            self.initial_buffers.get_or_init(|| map::read_untracked(model));
        }
    }

    /// Makes taps on this thread listen, if activations are due in this step.
    pub fn listen(&self) -> Option<Listening> {
        let step = self.steps();
        let (since_alert, cycle) = (self.since_alert(step), self.cycle.load(Ordering::Relaxed));
        let at = StepPlace { step, since_alert, starts_epoch: step == 0, cycle };
        self.config.measurements.activations.is_due(at).then(Listening::begin)
    }

    pub fn after_batch<O: 'static>(&self, output: &O, listening: Option<Listening>) {
        let heard = listening.map(Listening::end).unwrap_or_default();
        self.count_batch(self.loss_of(output), heard);
    }

    /// Counts a training batch.
    pub fn count_batch(&self, loss: Option<Loss>, heard: Vec<TapSample>) {
        let batch = self.batches.fetch_add(1, Ordering::AcqRel) + 1;
        for mut sample in heard {
            sample.batch = batch;
            self.lanes.tap(sample);
        }
        self.send_loss(Split::Train, batch, loss);
    }

    pub fn after_validation_batch<O: 'static>(&self, output: &O) {
        self.count_validation_batch(self.loss_of(output));
    }

    /// Counts a validation batch.
    pub fn count_validation_batch(&self, loss: Option<Loss>) {
        let batch = self.validation_batches.fetch_add(1, Ordering::AcqRel) + 1;
        self.send_loss(Split::Valid, batch, loss);
    }

    /// The loss in a model's output; where there is none that is known, this is told once.
    pub fn loss_of<O: 'static>(&self, output: &O) -> Option<Loss> {
        let loss = self.losses.of(output);
        if loss.is_none() {
            self.tell_no_loss(std::any::type_name::<O>());
        }
        loss
    }

    #[cold]
    fn tell_no_loss(&self, output: &'static str) {
        if !self.told_no_loss.swap(true, Ordering::Relaxed) {
            let told = crate::error::Error::UnknownOutput { output }.to_string();
            self.lanes.send(Control::UrgentProblem(told));
        }
    }

    fn send_loss(&self, split: Split, batch: u64, loss: Option<Loss>) {
        let Some(loss) = loss else { return };
        let weights = LossWeights::new(loss.unit, loss.count, loss.entries());
        let loss = loss.value(self.reads_at_once.load(Ordering::Relaxed));
        if let Value::Host(loss) = loss {
            self.add_up(split, loss);
        }
        self.lanes.loss(LossSample { split, batch, loss, weights });
    }

    /// Sums up the losses of a step, where a black box may need them.
    fn add_up(&self, split: Split, loss: f64) {
        if split == Split::Train && self.config.black_box.weights {
            let add = |bits: u64| Some((f64::from_bits(bits) + loss).to_bits());
            let _ = self.loss_sum.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        }
    }

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
        if is_replica(model, map, &mut state) {
            return None;
        }
        if !self.is_the_recorded_model(model, map, &mut state) {
            self.leave_out_step(&mut state);
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
        let (mut columns, mut look) = (self.columns_due(at), self.config.measurements.look(at));
        let mut values = self.lanes.spare_values();
        if columns.grad_norm {
            measure::gradient_norms(model, map, grads, &mut values);
        }
        let mark = self.note_turn(&mut state, at.step, grads, &values);
        if state.freezing.mark.replace(mark) != Some(mark) || at.starts_epoch {
            self.follow_flags_of_step(model, map, &mut state, at.step);
        }
        let suspicion = self.suspicion(map, &values, columns, lr.base(), &mut state, at.step);
        look.broken_gradient = suspicion.is_broken;
        if suspicion.is_raised {
            (columns.weight_norm, columns.update_norm) = (true, true);
        }
        let kept = match columns.weight_norm || columns.update_norm {
            true => measure::weight_norms(model, map, columns, &mut values),
            false => KeptWeights::default(),
        };
        look.broken_weights = columns.weight_norm && values.ends_broken(map.layout.blocks().len());
        let is_plain = suspicion.is_broken || self.loss_spikes(&mut state, accumulated);
        let is_boxed = (is_plain || suspicion.is_raised) && self.may_box(&state, at.step);
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
            columns,
            values,
            kept,
            handles: before_handles(model, map, grads, look),
            look,
            lrs: self.learning_rates(model, map, lr, at, columns, &mut state),
            clipping,
            statistics,
            boxed: is_boxed.then(|| self.boxed(model, map, grads, previous, statistics)).flatten(),
            suspicion,
            is_box_on_trial: !is_plain,
            is_looked_at: state.recorded.is_looked_at(at.step + 1),
        })
    }

    /// Measures the curvature in a hand-written loop; `mark` tells epochs apart.
    pub fn gauge_by_hand<M: Module>(
        &self,
        model: &M,
        lr: f64,
        gauge: &GaugeOf<M>,
        mark: &mut Option<u64>,
    ) {
        let Some(mut state) = self.state() else { return };
        let Some(map) = self.map_of(model, &mut state) else { return };
        self.follow_flags(model, map, &mut state);
        let map = state.freezing.map.as_deref().unwrap_or(map);
        let epoch = Some(state.validations);
        let starts_epoch = std::mem::replace(mark, epoch) != epoch;
        let cycle = state.turns.cycle;
        let at = StepPlace { step: state.steps, starts_epoch, since_alert: None, cycle };
        self.gauge_curvature(model, map, at, lr, gauge);
    }

    /// Measures the curvature, if it is due before this step. A failure is a problem of ours and ends it.
    fn gauge_curvature<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        at: StepPlace,
        lr: f64,
        gauge: &GaugeOf<M>,
    ) {
        let Ok(mut gauge) = gauge.try_lock() else { return };
        match gauge.at(model, map, at, lr) {
            None => {}
            Some(Ok(mut record)) => {
                record.step = at.step;
                record.elapsed_secs = self.elapsed_secs();
                self.lanes.record(Record::Curvature(record));
                if let Some(text) = gauge.schedule_in_words(at.step) {
                    self.lanes.record(Record::Note(record!(Note { level: "info".into(), text })));
                }
            }
            Some(Err(error)) => {
                self.lanes.problem(format!("the curvature is no longer measured: {error}"));
            }
        }
    }

    /// Counts a step; gives the batches until it, and those that are its own.
    fn count_step(&self, state: &mut StepState) -> (u64, u32) {
        let batches = self.batches.load(Ordering::Acquire);
        let accumulated = batches.saturating_sub(state.batches_before) as u32;
        state.steps += 1;
        self.steps.store(state.steps, Ordering::Release);
        state.batches_before = batches;
        (batches, accumulated)
    }

    /// Where the step that begins stands.
    fn next_place(&self, state: &mut StepState) -> StepPlace {
        let splits = self.lanes.counters().train_splits.load(Ordering::Relaxed);
        let mark = Some(splits.max(state.validations));
        let starts_epoch = std::mem::replace(&mut state.epoch_mark, mark) != mark;
        let step = state.steps;
        let (since_alert, cycle) = (self.since_alert(step), state.turns.cycle);
        StepPlace { step, starts_epoch, since_alert, cycle }
    }

    fn since_alert(&self, step: u64) -> Option<u64> {
        let after = self.lanes.counters().alerted_after.load(Ordering::Relaxed);
        (after > 0).then(|| step.saturating_sub(after))
    }

    /// Keeps the weights before this update, if they are wanted; gives those before the last one.
    fn keep_weights<M: Module>(&self, model: &M, map: &ModelMap) -> Option<KeptWeights> {
        if !self.config.keep_last_update && !self.config.black_box.weights {
            return None;
        }
        let mut before = self.before_last.lock().ok()?;
        before.replace(measure::kept_weights(model, map))
    }

    /// Notes which blocks have their turn: told by their gradients, or by how many there are.
    fn note_turn<G: GradientSource>(
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
    fn follow_flags<M: Module>(&self, model: &M, map: &ModelMap, state: &mut StepState) {
        let step = state.steps;
        self.follow_flags_of_step(model, map, state, step);
    }

    fn follow_flags_of_step<M: Module>(
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
        self.lanes.send(Control::Frozen { step, frozen: now });
    }

    /// Batches of a second model are no part of the next step of the recorded one.
    fn leave_out_step(&self, state: &mut StepState) {
        state.batches_before = self.batches.load(Ordering::Acquire);
        self.loss_sum.store(0, Ordering::Release);
    }

    /// What is suspicious about this step.
    fn suspicion(
        &self,
        map: &ModelMap,
        values: &StepValues,
        columns: Columns,
        base: f64,
        state: &mut StepState,
        step: u64,
    ) -> Suspicion {
        let calls = state.leaps.leaps(base) | state.is_in_doubt;
        let found = self.suspicion_of_gradients(map, values, columns, base, state, step);
        Suspicion { is_raised: found.is_raised || calls, ..found }
    }

    /// Where norms stay on their device, the writer thread looks at them, and asks for the update of a later step.
    fn suspicion_of_gradients(
        &self,
        map: &ModelMap,
        values: &StepValues,
        columns: Columns,
        base: f64,
        state: &mut StepState,
        step: u64,
    ) -> Suspicion {
        if map.defers_reads {
            let is_raised = self.lanes.counters().update_asked.swap(false, Ordering::Relaxed);
            return Suspicion { is_raised, ..Suspicion::default() };
        }
        if !columns.grad_norm {
            return Suspicion::default();
        }
        let rate = match state.rates {
            Some((known, largest)) if known > 0.0 => base * (largest / known),
            Some((_, largest)) => largest.max(base),
            None => base,
        };
        let blocks = map.layout.blocks();
        let suspicions = state.suspicions.get_or_insert_with(|| {
            Suspicions::new(blocks.iter().map(|block| block.role == Role::Weight).collect())
        });
        let (norms, missing) = (values.first(blocks.len()), values.missing.len());
        suspicions.look(step, norms, missing, rate, &self.config.alerts)
    }

    /// Whether the loss of this step is a spike or not finite; looked at only where the black box keeps weights.
    fn loss_spikes(&self, state: &mut StepState, batches: u32) -> bool {
        if !self.config.black_box.weights || batches == 0 {
            return false;
        }
        let loss = f64::from_bits(self.loss_sum.swap(0, Ordering::AcqRel)) / f64::from(batches);
        !loss.is_finite() || state.losses.spike(loss, self.config.alerts.loss_spike).is_some()
    }

    fn may_box(&self, state: &StepState, step: u64) -> bool {
        let calm = self.config.alerts.cool_down;
        let is_calm = state.last_box.is_none_or(|last| step - last > calm);
        self.config.black_box.weights && is_calm && state.boxes < self.config.black_box.most
    }

    /// Notes that this step raises an alert, as far as it can be told here.
    fn note_alert(&self, state: &mut StepState, step: u64, is_boxed: bool) {
        state.last_box = Some(step);
        state.boxes += usize::from(is_boxed);
        self.lanes.counters().alerted_after.store(step + 1, Ordering::Relaxed);
    }

    /// Looks whether the update that was measured is alarming. A black box that was opened on a mere suspicion is let go
    /// otherwise.
    fn try_suspicion(&self, map: &ModelMap, values: &StepValues, measured: &mut Measured) {
        let rules = &self.config.alerts;
        let blocks = map.layout.blocks().len();
        let moves = values.first(blocks).iter().zip(values.weights_and_updates(blocks));
        let rate = |block: usize| measured.lrs.get(block).map_or(measured.lr, |&it| f64::from(it));
        let (mut is_alarm, mut follows_gradient) = (false, !measured.columns.grad_norm);
        for (block, (&gradient, (weight, update))) in moves.enumerate() {
            if is_alarming(update, weight, measured.suspicion.has_jumped, rules) {
                is_alarm = true;
                follows_gradient |= follows(update, gradient, rate(block));
            }
        }
        if !is_alarm && measured.is_box_on_trial {
            measured.boxed = None;
        }
        let Some(mut state) = self.state() else { return };
        let was_in_doubt = std::mem::replace(&mut state.is_in_doubt, is_alarm && !follows_gradient);
        if is_alarm && (follows_gradient || was_in_doubt) {
            self.note_alert(&mut state, measured.step, measured.boxed.is_some());
        }
    }

    fn boxed<M: Module, G: GradientSource>(
        &self,
        model: &M,
        map: &ModelMap,
        grads: &G,
        previous: Option<KeptWeights>,
        statistics: Statistics,
    ) -> Option<Box<BoxedTensors>> {
        let before = statistics.read(model, map).ok()?;
        let is_buffer = |tensor: &&NamedTensor| map.layout.block(&tensor.path).is_none();
        let buffers: Vec<NamedTensor> = before.iter().filter(is_buffer).cloned().collect();
        let previous = previous.and_then(|it| it.into_named(map).ok());
        let previous = previous.map(|it| it.into_iter().chain(buffers).collect());
        let zeros = handles::weights(model, map).into_iter().map(|it| it.zeros_like());
        let gradients = handles::gradients(model, map, grads).into_iter().zip(zeros);
        let gradients = gradients.map(|(gradient, zeros)| gradient.unwrap_or(zeros));
        let gradient = measure::named(map, gradients).ok()?;
        Some(Box::new(BoxedTensors { previous, before, after: None, gradient }))
    }

    /// One per block, if they are due and differ.
    fn learning_rates<M: Module>(
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

    /// Completes the step with what the update did, and hands it over.
    pub fn after_update<M: Module>(&self, model: &M, mut measured: Measured) {
        let Some(map) = self.map() else { return };
        if let Some(mut state) = measured.is_looked_at.then(|| self.state()).flatten() {
            state.recorded.look(model, map, measured.step + 1);
        }
        let mut values = std::mem::take(&mut measured.values);
        if measured.columns.update_norm {
            let before = std::mem::take(&mut measured.kept);
            measure::update_norms(model, map, before, &mut values);
        }
        if measured.columns.update_norm && !map.defers_reads {
            self.try_suspicion(map, &values, &mut measured);
        }
        let (values, missing) = values.into_values();
        let clip_value = match measured.clipping {
            Clipping::Value(limit) => Some(limit),
            _ => None,
        };
        if measured.look.is_anything() || !measured.lrs.is_empty() {
            let mut handles = measured.handles;
            if measured.look.needs_after() {
                handles.after = handles::weights(model, map);
            }
            let (step, look, lrs) = (measured.step, measured.look, measured.lrs);
            self.lanes.look(LookSample { step, look, handles, lrs, clip_value });
        }
        let boxed = measured.boxed.map(|mut boxed| {
            boxed.after = measured.statistics.read(model, map).ok();
            boxed
        });
        self.lanes.step(StepSample {
            step: measured.step,
            batches: measured.batches,
            accumulated: measured.accumulated,
            validations: measured.validations,
            batches_at_validation: measured.batches_at_validation,
            validation_batches: self.validation_batches.load(Ordering::Acquire),
            elapsed_secs: self.started.elapsed().as_secs_f64(),
            lr: measured.lr,
            values,
            columns: measured.columns,
            missing,
            clipping: measured.clipping,
            boxed,
        });
        let at = Moment { steps: measured.step + 1, batches: measured.batches };
        self.snapshot_after_step(model, map, at, measured.statistics);
    }

    /// A hand-written loop has validated the weights of an epoch.
    pub fn epoch_observed<M: Module>(&self, model: &M) {
        let through = self.validation_batches.load(Ordering::Acquire);
        self.lanes.send(Control::ValidatedThrough(through));
        self.validated(model, self.steps());
    }

    /// Takes the weights that burn is about to validate: those of a complete epoch, if burn's
    /// events confirm it.
    ///
    /// `version` is how many steps the model has behind it: the copy of an earlier model, such as a
    /// moving average, is nobody's epoch.
    pub fn validated<M: Module>(&self, model: &M, version: u64) {
        let Some(map) = self.map() else { return };
        let Some(mut state) = self.state() else {
            return;
        };
        let (batches, steps) = (self.batches.load(Ordering::Acquire), state.steps);
        if state.validated_at == Some(batches) || version != steps {
            return;
        }
        match state.recorded.identify_validated(model, map, steps) {
            Identity::Recorded => {}
            // It may be validated without being trained.
            Identity::Second => return,
            Identity::Other(error) => return self.tell_other(&error),
        }
        state.validated_at = Some(batches);
        let may_be_cut = self.lanes.counters().is_interrupted();
        let valid_before = self.validation_batches.load(Ordering::Acquire);
        state.validations += 1;
        state.batches_at_validation = batches;
        self.validations.store(state.validations, Ordering::Release);
        let at = Moment { steps: state.steps, batches };
        if let Some(weights) = self.weights(at, map::read_tensors(model, map)) {
            state.recorded.saw(&weights.tensors, map, steps);
            self.lanes.validated(weights, valid_before, may_be_cut);
        }
    }

    fn snapshot_after_step<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        at: Moment,
        statistics: Statistics,
    ) {
        if !self.config.snapshots.is_due_after_step(at.steps) {
            return;
        }
        if let Some(weights) = self.weights(at, statistics.read(model, map)) {
            if let Some(mut state) = self.state() {
                state.recorded.saw(&weights.tensors, map, at.steps);
            }
            self.lanes.step_snapshot(weights);
        }
    }

    /// Tensors with their moment, or a problem.
    fn weights(&self, at: Moment, tensors: crate::Result<Vec<NamedTensor>>) -> Option<WeightsAt> {
        match tensors {
            Ok(tensors) => Some(WeightsAt { at, tensors }),
            Err(error) => {
                self.lanes.problem(error.to_string());
                None
            }
        }
    }

    /// The state, unless another thread optimizes at this moment (then that one records).
    fn state(&self) -> Option<MutexGuard<'_, StepState>> {
        self.state.try_lock().ok()
    }

    /// Whether the model is still the one whose blocks are named in the trace; what is not is told.
    fn is_the_recorded_model<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        state: &mut StepState,
    ) -> bool {
        let steps = state.steps;
        match state.recorded.identify(model, map, steps) {
            Identity::Recorded => {
                self.lanes.counters().is_second.store(false, Ordering::Release);
                true
            }
            Identity::Second => {
                self.tell_second();
                false
            }
            Identity::Other(error) => {
                self.tell_other(&error);
                false
            }
        }
    }

    fn tell_other(&self, error: &crate::Error) {
        self.lanes.problem(format!(
            "a step of another model was not recorded, since {error}: use one probe per model, and watch a model after \
             changing its structure"
        ));
    }

    #[cold]
    fn tell_second(&self) {
        self.lanes.counters().is_second.store(true, Ordering::Release);
        if !self.told_second.swap(true, Ordering::Relaxed) {
            let told = "a second model of the same structure is trained through this probe, such as the other one of a \
                        pair or that of a second fold; it is not recorded: give each model a probe of its own, \
                        `probe.child(\"second\")?`";
            self.lanes.send(Control::UrgentProblem(told.to_string()));
        }
    }

    /// Whether this is a model whose steps were not recorded, beside the recorded one.
    pub fn is_second<M: Module>(&self, model: &M) -> bool {
        let (Some(map), Some(state)) = (self.map(), self.state()) else { return false };
        state.recorded.is_second(model, map)
    }

    fn columns_due(&self, at: StepPlace) -> Columns {
        let Measurements { gradient_norms, weight_norms, .. } = self.config.measurements;
        let weights = weight_norms.is_due(at);
        Columns { grad_norm: gradient_norms.is_due(at), weight_norm: weights, update_norm: weights }
    }

    /// The map; made and sent, with snapshot 0, when the first update shows the model.
    fn map_of<M: Module>(&self, model: &M, state: &mut StepState) -> Option<&ModelMap> {
        self.map.get_or_init(|| self.introduce(model, state)).as_ref()
    }

    fn introduce<M: Module>(&self, model: &M, state: &mut StepState) -> Option<ModelMap> {
        let mut map = match ModelMap::of(model, &self.config.filter_axes) {
            Ok(map) => map,
            Err(error) => {
                self.lanes.problem(error.to_string());
                if let Ok(mut refusal) = self.refusal.lock() {
                    *refusal = Some(error);
                }
                return None;
            }
        };
        self.warn_about_unknown_paths(&map);
        map.defers_reads = self.config.deferred_reads.unwrap_or(map.defers_reads);
        self.reads_at_once.store(!map.defers_reads, Ordering::Relaxed);
        let at = Moment { steps: state.steps, batches: state.batches_before };
        let mut weights = self.weights(at, map::read_tensors(model, &map))?;
        self.restore_initial_buffers(&map, &mut weights.tensors);
        state.recorded.saw(&weights.tensors, &map, state.steps);
        self.lanes.introduce(map.clone(), weights);
        Some(map)
    }

    /// A mistyped path in `.filter_axis` or `.filter_groups` would go unnoticed.
    fn warn_about_unknown_paths(&self, map: &ModelMap) {
        let overrides = self.config.filter_axes.iter();
        for fixed in overrides.filter(|it| map.layout.block(&it.path).is_none()) {
            let (path, call) = (&fixed.path, in_words(fixed.filters));
            self.lanes.problem(format!(
                "`{}({path:?}, {})` names no parameter of the model and has no effect: paths are those of the \
                 `head` record",
                call.0, call.1
            ));
        }
    }

    /// Puts back the buffers of before the first forward pass, which has changed them.
    fn restore_initial_buffers(&self, map: &ModelMap, tensors: &mut [NamedTensor]) {
        let Some(initial) = self.initial_buffers.get() else {
            return;
        };
        for (index, data) in initial {
            let Some(Slot::Buffer(buffer)) = map.slots.get(*index) else {
                continue;
            };
            let path = &map.buffers[*buffer].path;
            if let Some(tensor) = tensors.iter_mut().find(|tensor| tensor.path == *path) {
                tensor.data = data.clone();
            }
        }
    }
}

/// The method that fixes such filters, and its number.
fn in_words(filters: Filters) -> (&'static str, usize) {
    match filters {
        Filters::GroupedAxis1 { groups } => (".filter_groups", groups),
        Filters::Axis(axis) => (".filter_axis", axis),
        Filters::Whole => (".filter_axis", 0),
    }
}

/// Whether this is another replica of the recorded model: burn's distributed training steps one per device, each
/// on a thread of its own, with the same gradients. The one that came first is recorded.
fn is_replica<M: Module>(model: &M, map: &ModelMap, state: &mut StepState) -> bool {
    let thread = std::thread::current().id();
    if state.thread == Some(thread) {
        return false;
    }
    let known = state.thread.is_some();
    let elsewhere = || model.devices().first().is_some_and(|it| *it != map.device);
    if known && elsewhere() {
        return true;
    }
    state.thread = Some(thread);
    false
}

fn before_handles<M: Module, G: GradientSource>(
    model: &M,
    map: &ModelMap,
    grads: &G,
    look: Look,
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
