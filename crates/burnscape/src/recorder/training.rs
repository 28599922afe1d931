//! Training as it goes on: burn's events, the steps that wait for them, the epochs they end.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use burnscape_trace::{Epoch, Progress, Record, record};

use super::epoch_map::Place;
use super::losses::Mean;
use super::worker::Worker;
use crate::channel::event::TrainingEvent;
use crate::channel::message::WeightsAt;
use crate::channel::samples::{Split, StepSample};

/// Progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl Worker {
    pub(super) fn event(&mut self, event: &TrainingEvent) {
        let planned = self.epochs.map.total_epochs;
        self.epochs.map.apply(event);
        match *event {
            TrainingEvent::Start { first_epoch, .. } => {
                self.start.at_epoch(first_epoch);
                self.introduce_if_known();
                if self.epochs.map.total_epochs != planned {
                    self.tell_phase(first_epoch);
                }
            }
            TrainingEvent::SplitStart { train: true, .. } => {
                let before = self.epochs.map.batches_before_split();
                self.steps.losses.begin_epoch(Split::Train, before);
            }
            TrainingEvent::SplitStart { train: false, .. } => {
                let before = self.epochs.map.validation_batches().0;
                self.steps.losses.begin_epoch(Split::Valid, before);
            }
            TrainingEvent::EpochEnd { epoch } => {
                if self.epochs.counts_by_events() {
                    self.epoch_complete(self.epochs.map.in_run(epoch));
                }
                self.counters.epoch_values.tell(epoch, self.counters.last_values());
            }
            TrainingEvent::Unheard => return self.logger_went_unheard(),
            _ => {}
        }
        self.progress();
    }

    /// Another training on the same probe goes on in the same run.
    fn tell_phase(&mut self, first_epoch: u64) {
        let Some(head) = self.model.head.as_mut().filter(|_| self.steps.written.steps > 0) else {
            return;
        };
        head.epochs_planned = Some(self.epochs.map.total_epochs);
        let head = self.model.frozen.as_begun(head.clone());
        self.journal.append(&Record::Head(head));
        let (in_run, step) = (self.epochs.map.in_run(first_epoch), self.steps.written.steps);
        if in_run != first_epoch {
            let text = format!(
                "another training begins after step {step} and goes on in this run: its epoch {first_epoch} is epoch \
                 {in_run} here"
            );
            self.journal.note("info", text);
        }
    }

    fn epoch_complete(&mut self, epoch: u64) {
        self.resolve_steps(false);
        let Some((before, through)) = self.epochs.map.batches_of(epoch) else {
            return;
        };
        if self.was_of_second(before) {
            return;
        }
        let weights = self.epochs.unconfirmed.take().map(|it| it.weights);
        let is_confirmed = weights.as_ref().is_some_and(|it| it.at.batches == through);
        let steps = match &weights {
            Some(weights) if is_confirmed => self.start.in_run(weights.at).steps,
            _ => self.steps.written.steps,
        };
        self.epochs.counting.batches_before = through;
        self.write_epoch(epoch, steps, (before, through), self.epochs.map.validation_batches());
        if let Some(weights) = weights {
            self.keep_epoch_weights(epoch, &weights, is_confirmed);
        }
    }

    /// All steps of an epoch after so many batches were those of a second model, which is not recorded.
    fn was_of_second(&self, before: u64) -> bool {
        let has_steps = self.steps.written.batches > self.start.base.batches + before;
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
            batches: self.start.base.batches + trained.1,
            elapsed_secs: self.journal.elapsed_secs(),
            train_loss: train.map(|mean| mean.loss),
            valid_loss: valid.map(|mean| mean.loss),
            weighted_by: weighted_by.into(),
        });
        self.journal.append(&Record::Epoch(record));
    }

    /// The mean over an epoch, after which the next one begins.
    fn epoch_loss(&mut self, split: Split, (before, through): (u64, u64)) -> Option<Mean> {
        let mean = self.steps.losses.mean_of(split, before, through, self.epochs.weighting());
        self.steps.losses.begin_epoch(split, through);
        mean
    }

    pub(super) fn keep_epoch_weights(
        &mut self,
        epoch: u64,
        weights: &WeightsAt,
        is_confirmed: bool,
    ) {
        match is_confirmed && self.config.snapshots.is_due_after_epoch(epoch) {
            true => self.snapshot("epoch", Some(epoch), weights),
            false => self.snapshots.release(weights),
        }
    }

    pub(super) fn epochs_complete(&self) -> Option<u64> {
        match self.epochs.counts_by_events() {
            true => self.start.is_known.then(|| self.epochs.map.complete_epochs()),
            false => Some(self.epochs.by_validations()),
        }
    }

    fn progress(&mut self) {
        let due = self.last_progress.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
        if !due || self.model.head.is_none() {
            return;
        }
        self.last_progress = Some(Instant::now());
        let (map, now) = (&self.epochs.map, self.journal.elapsed_secs());
        let split = if map.is_training() { "train" } else { "valid" };
        let progress = record!(Progress {
            split: split.into(),
            epoch: map.current_epoch(),
            done: map.done_items,
            total: map.split_items,
            eta_secs: None,
        });
        self.pace.plan((map.total_epochs > 0).then_some(map.total_epochs));
        let progress = self.pace.with_time_left(progress, now);
        self.journal.append(&Record::Progress(progress));
    }

    /// Writes the steps whose epoch is known; all of them if `force`.
    pub(super) fn resolve_steps(&mut self, force: bool) {
        if force {
            self.give_up_silent_events();
            self.introduce();
        }
        if self.model.head.is_none() {
            return;
        }
        while let Some(sample) = self.steps.pending.front() {
            let place = self.epochs.place(sample, force);
            if place.is_none() && !force && self.epochs.counts_by_events() {
                return;
            }
            let (batches, valid) = (sample.batches, sample.validation_batches);
            if self.epochs.goes_on_with(batches) {
                self.close_epoch(valid);
            }
            if let Some(sample) = self.steps.pending.pop_front() {
                self.write_step(sample, place);
            }
        }
    }

    fn write_step(&mut self, mut sample: StepSample, place: Option<Place>) {
        let (of_process, batch) = (sample.step, sample.batches);
        let (clipping, boxed) = (sample.clipping, sample.boxed.take());
        let (weighting, blocks) = (self.epochs.weighting(), self.model.blocks());
        let histograms = self.steps.fill(sample, place, weighting, self.start.base, blocks);
        let Self { steps, model, alarm, journal, counters, .. } = self;
        steps.append(journal, counters);
        histograms.into_iter().for_each(|it| journal.append(&Record::Histogram(it)));
        steps.tell_unknown_clipping(clipping, journal);
        let alerts = steps.judge(batch, model, alarm, journal, counters);
        alarm.raise(alerts, of_process, boxed, journal);
    }
}
