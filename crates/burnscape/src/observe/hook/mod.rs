//! What happens inside one training step, on the training thread: it measures and hands over.
//!
//! Nothing here waits or fails: what cannot be handed over is counted. Buffers of ours come back from
//! the writer thread; what burn allocates for the reading of a tensor, it frees again at once.

mod alarm;
pub(crate) mod buffers;
mod curvature;
mod state;
pub(crate) mod update;
mod weights;
mod which_model;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::TensorData;

use crate::channel::counters::Counters;
use crate::channel::handle::RecorderHandle;
use crate::channel::message::{Control, Moment};
use crate::channel::samples::{LossSample, LossWeights, OwnSample, Split, TapSample};
use crate::config::Config;
use crate::config::schedule::StepPlace;
use crate::measure::{self, KeptWeights};
use crate::model::loss::{Loss, Losses, Value};
use crate::model::map::{self, ModelMap};
use crate::observe::tap::Listening;
use state::StepState;

/// The part of a probe that lives inside the watched model, shared by all its clones.
pub(crate) struct Hook {
    config: Config,
    handle: RecorderHandle,
    pub started: Instant,
    /// Where outputs keep their losses.
    pub losses: Arc<Losses>,
    /// It was told that an output has no loss that is known.
    told_no_loss: AtomicBool,
    /// It was told that there is a second model.
    told_second: AtomicBool,
    /// It was told that a model of another structure is trained.
    told_other: AtomicBool,
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

impl Hook {
    pub fn new(config: Config, handle: RecorderHandle, started: Instant) -> Self {
        Self {
            config,
            handle,
            started,
            losses: Arc::default(),
            told_no_loss: AtomicBool::new(false),
            told_second: AtomicBool::new(false),
            told_other: AtomicBool::new(false),
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
        self.handle.counters()
    }

    /// Whether an alert asked training to stop. Whoever asks is told so, and is taken to stop.
    pub fn stop_asked(&self) -> bool {
        let counters = self.handle.counters();
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
        self.handle.own(OwnSample { name: name.to_owned(), value, at, validations });
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
            self.handle.tap(sample);
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
            self.handle.send(Control::UrgentProblem(told));
        }
    }

    fn send_loss(&self, split: Split, batch: u64, loss: Option<Loss>) {
        let Some(loss) = loss else { return };
        let weights = LossWeights::new(loss.unit, loss.count, loss.entries());
        let loss = loss.value(self.reads_at_once.load(Ordering::Relaxed));
        if let Value::Host(loss) = loss {
            self.add_up(split, loss);
        }
        self.handle.loss(LossSample { split, batch, loss, weights });
    }

    /// Sums up the losses of a step, where a black box may need them.
    fn add_up(&self, split: Split, loss: f64) {
        if split == Split::Train && self.config.black_box.weights {
            let add = |bits: u64| Some((f64::from_bits(bits) + loss).to_bits());
            let _ = self.loss_sum.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        }
    }

    fn since_alert(&self, step: u64) -> Option<u64> {
        let after = self.handle.counters().alerted_after.load(Ordering::Relaxed);
        (after > 0).then(|| step.saturating_sub(after))
    }

    /// The state, unless another thread optimizes at this moment (then that one records).
    fn state(&self) -> Option<MutexGuard<'_, StepState>> {
        self.state.try_lock().ok()
    }
}
