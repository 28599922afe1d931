//! Which model is recorded: the first that takes a step, and no other.

use std::sync::atomic::Ordering;

use burn::module::Module;
use burnscape_landscape::layout::Filters;
use burnscape_run::counted;

use super::Hook;
use super::state::StepState;
use crate::Error;
use crate::channel::message::{Control, Moment};
use crate::model::map::{self, ModelMap, Slot};
use crate::model::tensors::NamedTensor;
use crate::observe::identity::Identity;

impl Hook {
    /// Whether a step of this model is one to be recorded.
    pub(super) fn records<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        state: &mut StepState,
    ) -> bool {
        if is_replica(model, map, state) {
            return false;
        }
        let is_recorded = self.is_the_recorded_model(model, map, state);
        if !is_recorded {
            self.leave_out_step(state);
        }
        is_recorded
    }

    /// Whether the model is still the one whose blocks are named in the trace; what is not is told.
    pub(super) fn is_the_recorded_model<M: Module>(
        &self,
        model: &M,
        map: &ModelMap,
        state: &mut StepState,
    ) -> bool {
        let steps = state.steps;
        match state.recorded.identify(model, map, steps) {
            Identity::Recorded => {
                self.handle.counters().is_second.store(false, Ordering::Release);
                true
            }
            Identity::Second => {
                self.tell_second();
                false
            }
            Identity::Other(error) => {
                self.tell_other(&error, steps);
                false
            }
        }
    }

    /// Batches of a second model are no part of the next step of the recorded one.
    pub(super) fn leave_out_step(&self, state: &mut StepState) {
        state.batches_before = self.batches.load(Ordering::Acquire);
        self.loss_sum.store(0, Ordering::Release);
    }

    /// Told once, and at once: what is trained now is lost.
    #[cold]
    pub(super) fn tell_other(&self, error: &Error, steps: u64) {
        if self.told_other.swap(true, Ordering::Relaxed) {
            return;
        }
        let differs = match error {
            Error::OtherModel { path, found, recorded } => {
                format!("`{path}` is {found} in it and {recorded} in the run")
            }
            error => error.to_string(),
        };
        self.handle.send(Control::UrgentProblem(format!(
            "a model of another structure comes after {} of the recorded one, and is not recorded: {differs}. A second model needs a \
             probe of its own, `probe.child(\"second\")?`; one that grows or gets adapters begins another run then, with \
             another probe",
            counted(steps, "step")
        )));
    }

    #[cold]
    pub(super) fn tell_second(&self) {
        self.handle.counters().is_second.store(true, Ordering::Release);
        if !self.told_second.swap(true, Ordering::Relaxed) {
            let told = "a second model of the same structure is trained through this probe, such as the other one of a \
                        pair or that of a second fold; it is not recorded: give each model a probe of its own, \
                        `probe.child(\"second\")?`";
            self.handle.send(Control::UrgentProblem(told.to_string()));
        }
    }

    /// Whether this is a model whose steps were not recorded, beside the recorded one.
    pub fn is_second<M: Module>(&self, model: &M) -> bool {
        let (Some(map), Some(state)) = (self.map(), self.state()) else { return false };
        state.recorded.is_second(model, map)
    }

    /// The map; made and sent, with snapshot 0, when the first update shows the model.
    pub(super) fn map_of<M: Module>(&self, model: &M, state: &mut StepState) -> Option<&ModelMap> {
        self.map.get_or_init(|| self.introduce(model, state)).as_ref()
    }

    pub(super) fn introduce<M: Module>(
        &self,
        model: &M,
        state: &mut StepState,
    ) -> Option<ModelMap> {
        let mut map = match ModelMap::of(model, &self.config.filter_axes, &self.config.blocks) {
            Ok(map) => map,
            Err(error) => {
                self.handle.problem(error.to_string());
                if let Ok(mut refusal) = self.refusal.lock() {
                    *refusal = Some(error);
                }
                return None;
            }
        };
        self.warn_about_unknown_paths(&map);
        for pattern in map.chosen.idle(&map.paths()) {
            self.handle.problem(format!(
                "the pattern `{pattern}` of `.blocks` matches no parameter of the model: paths are whole ones, such as \
                 `{}`",
                map.paths()[0]
            ));
        }
        map.defers_reads = self.config.deferred_reads.unwrap_or(map.defers_reads);
        self.reads_at_once.store(!map.defers_reads, Ordering::Relaxed);
        let at = Moment { steps: state.steps, batches: state.batches_before };
        let mut weights = self.weights(at, map::read_tensors(model, &map))?;
        self.restore_initial_buffers(&map, &mut weights.tensors);
        state.recorded.saw(&weights.tensors, &map, state.steps);
        self.handle.introduce(map.clone(), weights);
        Some(map)
    }

    /// A mistyped path in `.filter_axis` or `.filter_groups` would go unnoticed.
    pub(super) fn warn_about_unknown_paths(&self, map: &ModelMap) {
        let overrides = self.config.filter_axes.iter();
        for fixed in overrides.filter(|it| map.layout.block(&it.path).is_none()) {
            let (path, call) = (&fixed.path, in_words(fixed.filters));
            self.handle.problem(format!(
                "`{}({path:?}, {})` names no parameter of the model and has no effect: paths are those of the \
                 `head` record",
                call.0, call.1
            ));
        }
    }

    /// Puts back the buffers of before the first forward pass, which has changed them.
    pub(super) fn restore_initial_buffers(&self, map: &ModelMap, tensors: &mut [NamedTensor]) {
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
