//! What happens inside one training step, on the training thread: it measures and hands over.
//!
//! Nothing here waits or fails: what cannot be handed over is counted. Buffers of ours come back from
//! the writer thread; what burn allocates for the reading of a tensor, it frees again at once.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ParamId};
use burn::tensor::TensorData;

use crate::config::Config;
use crate::loss::{mean_on_device, standard_loss};
use crate::measure::{self, GradientSource, KeptWeights, StepValues};
use crate::model_map::{self, ModelMap, NamedTensor, Slot};
use crate::recorder::lanes::Lanes;
use crate::recorder::sample::{Columns, Loss, LossSample, Split, StepSample};
use crate::recorder::{Moment, WeightsAt};
use crate::schedule::EverySteps;

/// The part of a probe that lives inside the watched model, shared by all its clones.
pub(crate) struct Hook {
    config: Config,
    lanes: Lanes,
    started: Instant,
    /// `TrainStep::step` calls in this process so far.
    batches: AtomicU64,
    /// Validation batches in this process so far.
    validation_batches: AtomicU64,
    /// Whether losses are read right away.
    reads_at_once: AtomicBool,
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
    /// Identifiers of the model's floats, in visiting order.
    ids: Vec<ParamId>,
    /// Batches at the last snapshot that `valid()` gave.
    validated_at: Option<u64>,
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
}

impl Hook {
    pub fn new(config: Config, lanes: Lanes, started: Instant) -> Self {
        Self {
            config,
            lanes,
            started,
            batches: AtomicU64::new(0),
            validation_batches: AtomicU64::new(0),
            reads_at_once: AtomicBool::new(false),
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

    /// Optimizer steps in this process so far.
    pub fn steps(&self) -> u64 {
        self.state().map_or(0, |state| state.steps)
    }

    /// The last update, `after − before` in layout order, if it was kept.
    pub fn last_update<M: Module>(&self, after: &M, map: &ModelMap) -> Option<Vec<f32>> {
        let before = self.before_last.lock().ok()?.take()?;
        measure::update_since(after, map, before).ok()
    }

    pub fn before_batch<M: Module>(&self, model: &M) {
        if self.map.get().is_none() {
            self.initial_buffers.get_or_init(|| model_map::read_untracked(model));
        }
    }

    pub fn after_batch(&self, output: &dyn Any) {
        let batch = self.batches.fetch_add(1, Ordering::AcqRel) + 1;
        self.send_loss(Split::Train, batch, output);
    }

    pub fn after_validation_batch(&self, output: &dyn Any) {
        let batch = self.validation_batches.fetch_add(1, Ordering::AcqRel) + 1;
        self.send_loss(Split::Valid, batch, output);
    }

    fn send_loss(&self, split: Split, batch: u64, output: &dyn Any) {
        let Some(loss) = standard_loss(output) else {
            return;
        };
        let loss = mean_on_device(&loss);
        let loss = match self.reads_at_once.load(Ordering::Relaxed) {
            true => Loss::Host(loss.try_into_scalar::<f64>().unwrap_or(f64::NAN)),
            false => Loss::OnDevice(Box::new(loss)),
        };
        self.lanes.loss(LossSample { split, batch, loss });
    }

    /// Measures what the optimizer is about to receive; `None` when there is nothing to record.
    pub fn before_update<M: Module, G: GradientSource>(
        &self,
        model: &M,
        grads: &G,
        lr: &ModuleLearningRate,
    ) -> Option<Measured> {
        let mut state = self.state()?;
        let map = self.map_of(model, &state)?;
        if !self.is_the_recorded_model(model, map, &mut state) {
            return None;
        }
        if self.config.keep_last_update
            && let Ok(mut before) = self.before_last.lock()
        {
            *before = Some(measure::kept_weights(model, map));
        }
        let step = state.steps;
        let batches = self.batches.load(Ordering::Acquire);
        let accumulated = batches.saturating_sub(state.batches_before) as u32;
        state.steps += 1;
        state.batches_before = batches;
        let columns = self.columns_due(step);
        let mut values = self.lanes.spare_values();
        if columns.grad_norm {
            measure::gradient_norms(model, map, grads, &mut values);
        }
        let kept = match columns.weight_norm || columns.update_norm {
            true => measure::weight_norms(model, map, columns, &mut values),
            false => KeptWeights::default(),
        };
        Some(Measured {
            step,
            batches,
            accumulated,
            validations: state.validations,
            batches_at_validation: state.batches_at_validation,
            lr: lr.base(),
            columns,
            values,
            kept,
        })
    }

    /// Completes the step with what the update did, and hands it over.
    pub fn after_update<M: Module>(&self, model: &M, measured: Measured) {
        let Some(map) = self.map() else { return };
        let mut values = measured.values;
        if measured.columns.update_norm {
            measure::update_norms(model, map, measured.kept, &mut values);
        }
        let (values, missing) = values.into_values();
        self.lanes.step(StepSample {
            step: measured.step,
            batches: measured.batches,
            accumulated: measured.accumulated,
            validations: measured.validations,
            batches_at_validation: measured.batches_at_validation,
            elapsed_secs: self.started.elapsed().as_secs_f64(),
            lr: measured.lr,
            values,
            columns: measured.columns,
            missing,
        });
        self.snapshot_after_step(model, map, measured.step + 1, measured.batches);
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
        if !self.is_the_recorded_model(model, map, &mut state) {
            return;
        }
        let batches = self.batches.load(Ordering::Acquire);
        if state.validated_at == Some(batches) || version != state.steps {
            return;
        }
        state.validated_at = Some(batches);
        state.validations += 1;
        state.batches_at_validation = batches;
        if let Some(weights) = self.weights(model, map, state.steps, batches) {
            self.lanes.validated(weights);
        }
    }

    fn snapshot_after_step<M: Module>(&self, model: &M, map: &ModelMap, steps: u64, batches: u64) {
        if !self.config.snapshots.is_due_after_step(steps) {
            return;
        }
        // A copy for inference brings the shared buffers up to date, as the next forward pass
        // would; their values are not changed by it.
        let model = model.valid();
        if let Some(weights) = self.weights(&model, map, steps, batches) {
            self.lanes.step_snapshot(weights);
        }
    }

    fn weights<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        steps: u64,
        batches: u64,
    ) -> Option<WeightsAt> {
        let at = Moment { steps, batches };
        match model_map::read_tensors(model, map) {
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

    /// Whether the model is still the one whose blocks are named in the trace. Loading a checkpoint
    /// gives parameters new identifiers, hence the look at paths and shapes before it is refused.
    fn is_the_recorded_model<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        state: &mut StepState,
    ) -> bool {
        if model_map::has_ids(model, &state.ids) {
            return true;
        }
        match map.check_model(model) {
            Ok(()) => {
                state.ids = model_map::ids(model);
                true
            }
            Err(error) => {
                self.lanes.problem(format!(
                    "a step of another model was not recorded, since {error}: use one probe per \
                     model, and watch a model after changing its structure"
                ));
                false
            }
        }
    }

    fn columns_due(&self, step: u64) -> Columns {
        let weights = EverySteps(self.config.weight_norms_every).is_due(step);
        Columns {
            grad_norm: EverySteps(self.config.grad_norms_every).is_due(step),
            weight_norm: weights,
            update_norm: weights,
        }
    }

    /// The map; made and sent, with snapshot 0, when the first update shows the model.
    fn map_of<M: Module>(&self, model: &M, state: &StepState) -> Option<&ModelMap> {
        self.map.get_or_init(|| self.introduce(model, state)).as_ref()
    }

    fn introduce<M: Module>(&self, model: &M, state: &StepState) -> Option<ModelMap> {
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
        let mut weights = self.weights(model, &map, state.steps, state.batches_before)?;
        self.restore_initial_buffers(&map, &mut weights.tensors);
        self.lanes.introduce(map.clone(), weights);
        Some(map)
    }

    /// A mistyped path in `.filter_axis` would go unnoticed.
    fn warn_about_unknown_paths(&self, map: &ModelMap) {
        let overrides = self.config.filter_axes.iter();
        for fixed in overrides.filter(|it| map.layout.block(&it.path).is_none()) {
            let (path, axis) = (&fixed.path, fixed.axis);
            self.lanes.problem(format!(
                "`.filter_axis({path:?}, {axis})` names no parameter of the model and has no \
                 effect: paths are those of the `head` record"
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
