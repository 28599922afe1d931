//! Weights that are kept: those of epochs, and of steps whose snapshot is due.

use std::sync::atomic::Ordering;

use burn::module::Module;

use super::Hook;
use super::buffers::Statistics;
use crate::channel::message::{Control, Moment, WeightsAt};
use crate::model::map::{self, ModelMap};
use crate::model::tensors::NamedTensor;
use crate::observe::identity::Identity;

impl Hook {
    /// A hand-written loop has validated the weights of an epoch.
    pub fn epoch_observed<M: Module>(&self, model: &M) {
        let through = self.validation_batches.load(Ordering::Acquire);
        self.handle.send(Control::ValidatedThrough(through));
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
            Identity::Other(error) => return self.tell_other(&error, steps),
        }
        state.validated_at = Some(batches);
        let may_be_cut = self.handle.counters().is_interrupted();
        let valid_before = self.validation_batches.load(Ordering::Acquire);
        state.validations += 1;
        state.batches_at_validation = batches;
        self.validations.store(state.validations, Ordering::Release);
        let at = Moment { steps: state.steps, batches };
        if let Some(weights) = self.weights(at, map::read_tensors(model, map)) {
            state.recorded.saw(&weights.tensors, map, steps);
            self.handle.validated(weights, valid_before, may_be_cut);
        }
    }

    pub(super) fn snapshot_after_step<M: Module>(
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
            self.handle.step_snapshot(weights);
        }
    }

    /// Tensors with their moment, or a problem.
    pub(super) fn weights(
        &self,
        at: Moment,
        tensors: crate::Result<Vec<NamedTensor>>,
    ) -> Option<WeightsAt> {
        match tensors {
            Ok(tensors) => Some(WeightsAt { at, tensors }),
            Err(error) => {
                self.handle.problem(error.to_string());
                None
            }
        }
    }
}
