//! What looks wrong in a step, on the training thread: it has more measured, and may open a black box.

use std::sync::atomic::Ordering;

use burn::module::Module;
use burnscape_landscape::layout::Role;

use super::Hook;
use super::buffers::Statistics;
use super::state::StepState;
use super::update::Measured;
use crate::alerts::suspicion::{Suspicion, Suspicions, follows, is_alarming};
use crate::channel::samples::BoxedTensors;
use crate::measure::{self, Columns, GradientSource, KeptWeights, StepValues, handles};
use crate::model::map::ModelMap;
use crate::model::tensors::NamedTensor;

impl Hook {
    /// What is suspicious about this step.
    pub(super) fn suspicion(
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
    pub(super) fn suspicion_of_gradients(
        &self,
        map: &ModelMap,
        values: &StepValues,
        columns: Columns,
        base: f64,
        state: &mut StepState,
        step: u64,
    ) -> Suspicion {
        if map.defers_reads {
            let is_raised = self.handle.counters().update_asked.swap(false, Ordering::Relaxed);
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
    pub(super) fn loss_spikes(&self, state: &mut StepState, batches: u32) -> bool {
        if !self.config.black_box.weights || batches == 0 {
            return false;
        }
        let loss = f64::from_bits(self.loss_sum.swap(0, Ordering::AcqRel)) / f64::from(batches);
        !loss.is_finite() || state.losses.spike(loss, self.config.alerts.loss_spike).is_some()
    }

    pub(super) fn may_box(&self, state: &StepState, step: u64) -> bool {
        let calm = self.config.alerts.cool_down;
        let is_calm = state.last_box.is_none_or(|last| step - last > calm);
        self.config.black_box.weights && is_calm && state.boxes < self.config.black_box.most
    }

    /// Notes that this step raises an alert, as far as it can be told here.
    pub(super) fn note_alert(&self, state: &mut StepState, step: u64, is_boxed: bool) {
        state.last_box = Some(step);
        state.boxes += usize::from(is_boxed);
        self.handle.counters().alerted_after.store(step + 1, Ordering::Relaxed);
    }

    /// Looks whether the update that was measured is alarming. A black box that was opened on a mere suspicion is let go
    /// otherwise.
    pub(super) fn try_suspicion(&self, map: &ModelMap, measured: &mut Measured) {
        let (is_alarm, follows_gradient) = self.judge_update(map, measured);
        if !is_alarm && measured.is_box_on_trial {
            measured.boxed = None;
        }
        let Some(mut state) = self.state() else { return };
        let was_in_doubt = std::mem::replace(&mut state.is_in_doubt, is_alarm && !follows_gradient);
        if is_alarm && (follows_gradient || was_in_doubt) {
            self.note_alert(&mut state, measured.step, measured.boxed.is_some());
        }
    }

    /// Whether the update of some block is alarming, and whether its gradient explains it.
    fn judge_update(&self, map: &ModelMap, measured: &Measured) -> (bool, bool) {
        let (rules, numbers) = (&self.config.alerts, &measured.numbers);
        let (blocks, values) = (map.layout.blocks().len(), &numbers.values);
        let moves = values.first(blocks).iter().zip(values.weights_and_updates(blocks));
        let rate = |block: usize| measured.lrs.get(block).map_or(measured.lr, |&it| f64::from(it));
        let (mut is_alarm, mut follows_gradient) = (false, !numbers.columns.grad_norm);
        for (block, (&gradient, (weight, update))) in moves.enumerate() {
            if is_alarming(update, weight, numbers.suspicion.has_jumped, rules) {
                is_alarm = true;
                follows_gradient |= follows(update, gradient, rate(block));
            }
        }
        (is_alarm, follows_gradient)
    }

    pub(super) fn boxed<M: Module, G: GradientSource>(
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
}
