//! Training as it goes on: burn's events, the steps that wait for them, the epochs they end.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use burnscape_trace::{Dropped, Epoch, Progress, Record, Step, record};

use super::epochs::{Place, TrainingEvent};
use super::lanes::Counters;
use super::losses::{Mean, Weighting};
use super::sample::{Clipping, Split, StepSample};
use super::worker::{Inbox, Worker};
use super::{Moment, WeightsAt};
use crate::Error;

/// Progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl Worker {
    pub(super) fn event(&mut self, event: &TrainingEvent) {
        let planned = self.epochs.total_epochs;
        self.epochs.apply(event);
        match *event {
            TrainingEvent::Start { first_epoch, .. } => {
                self.set_base(first_epoch);
                if self.epochs.total_epochs != planned {
                    self.tell_phase(first_epoch);
                }
            }
            TrainingEvent::SplitStart { train: true, .. } => {
                let before = self.epochs.batches_before_split();
                self.losses.begin_epoch(Split::Train, before);
            }
            TrainingEvent::SplitStart { train: false, .. } => {
                let before = self.epochs.validation_batches().0;
                self.losses.begin_epoch(Split::Valid, before);
            }
            TrainingEvent::EpochEnd { epoch } if self.counts_by_events() => {
                self.epoch_complete(self.epochs.in_run(epoch));
            }
            TrainingEvent::Unheard => return self.logger_went_unheard(),
            _ => {}
        }
        self.progress();
    }

    /// Training starts at `first_epoch`: counts go on from the end of the epoch before it.
    fn set_base(&mut self, first_epoch: u64) {
        if self.base_known {
            return;
        }
        self.base_known = true;
        if let Some(earlier) = &self.earlier {
            self.base = match first_epoch {
                ..=1 => Moment::default(),
                _ => earlier.end_of_epoch(first_epoch - 1),
            };
        }
        self.introduce_if_known();
    }

    /// Another training on the same probe goes on in the same run.
    fn tell_phase(&mut self, first_epoch: u64) {
        let Some(head) = self.head.as_mut().filter(|_| self.written.steps > 0) else { return };
        head.epochs_planned = Some(self.epochs.total_epochs);
        let head = self.frozen.as_begun(head.clone());
        self.append(&Record::Head(head));
        let (in_run, step) = (self.epochs.in_run(first_epoch), self.written.steps);
        if in_run != first_epoch {
            let text = format!(
                "another training begins after step {step} and goes on in this run: its epoch {first_epoch} is epoch \
                 {in_run} here"
            );
            self.note("info", text);
        }
    }

    fn epoch_complete(&mut self, epoch: u64) {
        self.resolve_steps(false);
        let Some((before, through)) = self.epochs.batches_of(epoch) else {
            return;
        };
        if self.was_of_second(before) {
            return;
        }
        let weights = self.unconfirmed.take().map(|it| it.weights);
        let is_confirmed = weights.as_ref().is_some_and(|it| it.at.batches == through);
        let steps = match &weights {
            Some(weights) if is_confirmed => weights.at.after(self.base).steps,
            _ => self.written.steps,
        };
        self.counting.batches_before = through;
        self.write_epoch(epoch, steps, (before, through), self.epochs.validation_batches());
        if let Some(weights) = weights {
            self.keep_epoch_weights(epoch, *weights, is_confirmed);
        }
    }

    /// All steps of an epoch after so many batches were those of a second model, which is not recorded.
    fn was_of_second(&self, before: u64) -> bool {
        let has_steps = self.written.batches > self.base.batches + before;
        !has_steps && self.counters.is_second.load(Ordering::Acquire)
    }

    /// An epoch that trained on some batches `(before, through]` and validated on others.
    pub(super) fn write_epoch(
        &mut self,
        epoch: u64,
        steps: u64,
        trained: (u64, u64),
        validated: (u64, u64),
    ) {
        let train = self.epoch_loss(Split::Train, trained);
        let valid = self.epoch_loss(Split::Valid, validated);
        let weighted_by = train.or(valid).map_or("", |mean| mean.weighted_by);
        let record = record!(Epoch {
            epoch,
            steps,
            batches: self.base.batches + trained.1,
            elapsed_secs: self.started.elapsed().as_secs_f64(),
            train_loss: train.map(|mean| mean.loss),
            valid_loss: valid.map(|mean| mean.loss),
            weighted_by: weighted_by.into(),
        });
        self.append(&Record::Epoch(record));
    }

    /// The mean over an epoch, after which the next one begins.
    fn epoch_loss(&mut self, split: Split, (before, through): (u64, u64)) -> Option<Mean> {
        let mean = self.losses.mean_of(split, before, through, self.weighting());
        self.losses.begin_epoch(split, through);
        mean
    }

    /// What batches count by in means: as in burn's own metric, where its events show that it trains.
    fn weighting(&self) -> Weighting {
        if self.counts_by_events() { Weighting::Burn } else { Weighting::Counted }
    }

    pub(super) fn keep_epoch_weights(
        &mut self,
        epoch: u64,
        weights: WeightsAt,
        is_confirmed: bool,
    ) {
        match is_confirmed && self.config.snapshots.is_due_after_epoch(epoch) {
            true => self.snapshot("epoch", Some(epoch), weights),
            false => self.release(&weights),
        }
    }

    pub(super) fn epochs_complete(&self) -> Option<u64> {
        match self.counts_by_events() {
            true => self.base_known.then(|| self.epochs.complete_epochs()),
            false => Some(self.epochs_by_validations()),
        }
    }

    fn progress(&mut self) {
        let due = self.last_progress.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
        if !due || self.head.is_none() {
            return;
        }
        self.last_progress = Some(Instant::now());
        let split = if self.epochs.is_training() { "train" } else { "valid" };
        self.append(&Record::Progress(record!(Progress {
            split: split.into(),
            epoch: self.epochs.current_epoch(),
            done: self.epochs.done_items,
            total: self.epochs.split_items,
            eta_secs: None,
        })));
    }

    pub(super) fn take_steps(&mut self, inbox: &Inbox) {
        let known = self.pending.len();
        self.pending.extend(inbox.steps.try_iter());
        // Losses are sent before their step: read after the steps, none is missed.
        self.take_losses(inbox);
        self.take_looks(inbox);
        if self.pending.len() > known || known > 0 {
            self.resolve_steps(false);
        }
        for spare in self.row.spares.drain(..) {
            let _ = inbox.spare.try_send(spare);
        }
        self.take_own(inbox, false);
        self.report_drops();
    }

    fn take_losses(&mut self, inbox: &Inbox) {
        inbox.losses.try_iter().for_each(|sample| self.losses.add(sample));
        self.counters.losses_aside.take().into_iter().for_each(|sample| self.losses.add(sample));
    }

    /// Writes the steps whose epoch is known; all of them if `force`.
    pub(super) fn resolve_steps(&mut self, force: bool) {
        if force {
            self.give_up_silent_events();
            self.introduce();
        }
        if self.head.is_none() {
            return;
        }
        while let Some(sample) = self.pending.front() {
            let place = self.place(sample, force);
            if place.is_none() && !force && self.counts_by_events() {
                return;
            }
            let (batches, valid) = (sample.batches, sample.validation_batches);
            if self.goes_on_with(batches) {
                self.close_epoch(valid);
            }
            if let Some(sample) = self.pending.pop_front() {
                self.write_step(sample, place);
            }
        }
    }

    fn place(&self, sample: &StepSample, force: bool) -> Option<Place> {
        let batches = sample.batches;
        if !self.counts_by_events() {
            return Some(Place {
                epoch: self.epochs.first_epoch() + sample.validations,
                iteration: batches - sample.batches_at_validation,
            });
        }
        let place = self.epochs.place(batches);
        match force {
            true => place.or_else(|| self.epochs.last_place(batches)),
            false => place,
        }
    }

    fn write_step(&mut self, mut sample: StepSample, place: Option<Place>) {
        let before = sample.batches - u64::from(sample.accumulated);
        let mean = self.losses.mean_of(Split::Train, before, sample.batches, self.weighting());
        let loss = mean.map(|mean| mean.loss);
        let blocks = self.head.as_ref().map_or(0, |head| head.blocks.len());
        let (of_process, batch) = (sample.step, sample.batches);
        let found = self.looker.take(of_process);
        let (clipping, boxed) = (sample.clipping, sample.boxed.take());
        let mut row = std::mem::take(&mut self.row);
        row.fill(sample, blocks, self.base, place, loss);
        let histograms = row.add(found, &mut self.variation);
        self.show(row.record());
        let appended = self.writer.append(row.record());
        if let (true, Some(step)) = (appended.is_ok(), row.step()) {
            self.written = Moment { steps: step.step + 1, batches: step.batches };
            self.report.last_loss = step.loss.or(self.report.last_loss);
            tell_last_values(&self.counters, step);
        }
        self.keep(appended.map_err(Error::from));
        histograms.into_iter().for_each(|it| self.append(&Record::Histogram(it)));
        self.tell_unknown_clipping(clipping);
        if let Some(step) = row.step() {
            let mut alerts = self.alarm.judge(step, self.head.as_ref());
            if self.map.as_ref().is_some_and(|map| map.defers_reads)
                && self.alarm.is_suspicious(step)
            {
                self.counters.update_asked.store(true, Ordering::Relaxed);
            }
            for (activation, histograms) in self.taps.through(batch, step.step, step.batches) {
                alerts.extend(self.alarm.judge_activation(&activation, step));
                self.append(&Record::Activation(activation));
                histograms.into_iter().for_each(|it| self.append(&Record::Histogram(it)));
            }
            self.alarm.remember(step);
            self.raise(alerts, of_process, boxed);
        }
        self.row = row;
    }

    /// Reads the tensors that were handed over, and lets go of them.
    fn take_looks(&mut self, inbox: &Inbox) {
        for sample in inbox.looks.try_iter() {
            let entries = sample.handles.entries() as u64;
            self.looker.look(sample);
            self.counters.waiting_entries.fetch_sub(entries, Ordering::Relaxed);
        }
        let histograms = self.config.measurements.activation_histograms;
        inbox.taps.try_iter().for_each(|sample| self.taps.hear(&sample, histograms));
    }

    fn tell_unknown_clipping(&mut self, clipping: Clipping) {
        if clipping == Clipping::Unknown && !self.clipping_told {
            self.clipping_told = true;
            let text = "a group of the optimizer clips gradients, and burn does not tell how: what it cuts is \
                        unknown, and `grad_norm` is what it received";
            self.note("info", text.to_string());
        }
    }

    /// Tells how much was not looked at because the writer thread could not follow.
    pub(super) fn report_skipped(&mut self) {
        let skipped = self.counters.skipped_looks.load(Ordering::Relaxed);
        if skipped > 0 {
            self.note(
                "warning",
                format!(
                    "{skipped} measurements and taps were left out because the writer thread could not follow: \
                     measure less often"
                ),
            );
        }
    }

    fn report_drops(&mut self) {
        let dropped = self.counters.dropped_steps.load(Ordering::Relaxed);
        if dropped == self.reported_drops || self.head.is_none() {
            return;
        }
        let records = dropped - std::mem::replace(&mut self.reported_drops, dropped);
        let after_step = self.written.steps;
        self.append(&Record::Dropped(record!(Dropped { records, after_step })));
    }
}

/// For renderers: the learning rate and ‖g‖ over all blocks.
fn tell_last_values(counters: &Counters, step: &Step) {
    counters.last_lr.store(step.lr.to_bits(), Ordering::Relaxed);
    if let Some(norms) = step.columns.get("grad_norm") {
        let missing = |block: usize| step.missing.contains(&(block as u32));
        let present = norms.iter().enumerate().filter(|(block, _)| !missing(*block));
        let squares: f64 = present.map(|(_, norm)| f64::from(*norm).powi(2)).sum();
        counters.last_grad_norm.store(squares.sqrt().to_bits(), Ordering::Relaxed);
    }
}
