//! What counts epochs: burn's events, or, where they do not come, the validations of the model.
//!
//! Nothing that burn keeps only one of may be needed for the truth. Another progress logger may have replaced ours, a
//! learning strategy may pass no events on: then steps are written all the same, and each validation ends an epoch.

use super::epochs::OpenEpoch;
use super::worker::Worker;
use crate::channel::message::Validated;
use crate::channel::samples::Split;

/// Steps that may wait for the events of their batches. burn's queue of events holds one, so that events are behind
/// training by a few batches, and by one for each device.
const PATIENCE_STEPS: usize = 256;

impl Worker {
    /// A logger of ours is gone that burn never told anything.
    pub(super) fn logger_went_unheard(&mut self) {
        if self.counters.listeners.is_empty() {
            self.give_up_events();
        }
    }

    /// Events are known not to come any more.
    fn give_up_events(&mut self) {
        if self.epochs.counting.has_given_up {
            return;
        }
        self.epochs.counting.has_given_up = true;
        self.epochs.counting.is_to_be_told = true;
        self.introduce_if_known();
        self.tell_what_counts();
        if let Some(validated) = self.epochs.unconfirmed.take() {
            self.open_epoch(validated);
        }
    }

    /// Training is over: events of its batches that have not come by now never will.
    pub(super) fn give_up_silent_events(&mut self) {
        if !self.steps.pending.is_empty() && self.epochs.waits_for_first_event() {
            self.give_up_events();
        }
    }

    /// Steps that were known before all that training had sent until then was taken in have waited long enough.
    pub(super) fn give_up_after_patience(&mut self, newest: Option<u64>) {
        if self.steps.pending.len() <= PATIENCE_STEPS || !self.epochs.counts_by_events() {
            return;
        }
        let known = self.steps.pending.iter().take_while(|it| Some(it.step) <= newest);
        if known.count() > PATIENCE_STEPS {
            self.give_up_events();
        }
    }

    pub(super) fn tell_what_counts(&mut self) {
        if self.model.head.is_some() && std::mem::take(&mut self.epochs.counting.is_to_be_told) {
            let text = "burn's progress events do not come, so epochs are counted from validations: train through \
                        `probe.training(…)`, or register `probe.progress_logger().beside(yours)`";
            self.journal.note("info", text);
        }
    }

    /// burn validates the model, or a hand-written loop ends an epoch.
    pub(super) fn validated(&mut self, validated: Validated) {
        if self.epochs.waits_for_first_event() {
            // Behind the last batch of an epoch, the events of all batches but the last are there.
            self.give_up_events();
        }
        self.epochs.counting.validations += 1;
        if self.epochs.counts_by_events() {
            if let Some(unconfirmed) = self.epochs.unconfirmed.replace(validated) {
                self.snapshots.release(&unconfirmed.weights);
            }
            return;
        }
        self.resolve_steps(false);
        self.close_epoch(validated.valid_before);
        self.open_epoch(validated);
        if let Some(through) = self.epochs.counting.observed_through.take() {
            self.close_observed_epoch(through);
        }
    }

    fn open_epoch(&mut self, validated: Validated) {
        let Validated { weights, valid_before, may_be_cut } = validated;
        let (number, end) = (self.epochs.by_validations(), weights.at);
        let before = std::mem::replace(&mut self.epochs.counting.batches_before, end.batches);
        let perhaps = match may_be_cut {
            true => Some(weights),
            false => {
                self.keep_epoch_weights(number, &weights, true);
                None
            }
        };
        self.epochs.counting.open = Some(OpenEpoch { number, before, end, valid_before, perhaps });
    }

    /// Training goes on behind so many validation batches: they are those of the open epoch.
    pub(super) fn close_epoch(&mut self, valid_through: u64) {
        let Some(epoch) = self.epochs.counting.open.take() else { return };
        let steps = self.start.in_run(epoch.end).steps;
        let validated = (epoch.valid_before, valid_through);
        self.write_epoch(epoch.number, steps, (epoch.before, epoch.end.batches), validated);
        if let Some(weights) = epoch.perhaps {
            self.keep_epoch_weights(epoch.number, &weights, true);
        }
    }

    /// A hand-written loop ends an epoch when its validation is over.
    fn close_observed_epoch(&mut self, valid_through: u64) {
        let valid_before =
            std::mem::replace(&mut self.epochs.counting.observed_before, valid_through);
        if let Some(epoch) = &mut self.epochs.counting.open {
            epoch.valid_before = valid_before;
        }
        self.close_epoch(valid_through);
    }

    /// Training does not go on: what was cut is no epoch.
    pub(super) fn close_last_epoch(&mut self) {
        let cut = self.epochs.counting.open.as_mut().and_then(|epoch| epoch.perhaps.take());
        match cut {
            Some(weights) => {
                self.epochs.counting.open = None;
                self.epochs.counting.validations -= 1;
                self.snapshots.release(&weights);
            }
            None => self.close_epoch(self.steps.losses.last_batch(Split::Valid)),
        }
    }
}
