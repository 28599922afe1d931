//! Steps that wait for their epochs, with what was measured of them, on their way into the trace.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use burnscape_trace::columns::{self, Combine};
use burnscape_trace::{Alert, Dropped, Histogram, Record, Step, record};

use super::alarm::Alarm;
use super::epoch_map::Place;
use super::inbox::Inbox;
use super::journal::Journal;
use super::losses::{LossBook, Weighting};
use super::recorded_model::RecordedModel;
use super::steps::StepRow;
use super::taps::Taps;
use crate::Error;
use crate::channel::counters::Counters;
use crate::channel::message::Moment;
use crate::channel::samples::{Clipping, Split, StepSample};
use crate::config::Config;
use crate::measure::statistics::StatisticsReader;
use crate::measure::statistics::variation::Variation;

/// What belongs into the records of steps, and those that are not written yet.
pub(super) struct WaitingSteps {
    pub pending: VecDeque<StepSample>,
    pub losses: LossBook,
    pub looker: StatisticsReader,
    taps: Taps,
    variation: Variation,
    row: StepRow,
    /// Where the last step that was written ended.
    pub written: Moment,
    reported_drops: u64,
    is_clipping_told: bool,
    keeps_activation_histograms: bool,
}

impl WaitingSteps {
    pub fn new(config: &Config) -> Self {
        Self {
            pending: VecDeque::new(),
            losses: LossBook::default(),
            looker: StatisticsReader::default(),
            taps: Taps::default(),
            variation: Variation::new(config.measurements.variation_window),
            row: StepRow::default(),
            written: Moment::default(),
            reported_drops: 0,
            is_clipping_told: false,
            keeps_activation_histograms: config.measurements.activation_histograms,
        }
    }

    /// Takes in what has come. Losses are sent before their step: read after the steps, none is missed.
    pub fn take(&mut self, inbox: &Inbox, counters: &Counters) {
        self.pending.extend(inbox.steps.try_iter());
        inbox.losses.try_iter().for_each(|sample| self.losses.add(sample));
        counters.losses_aside.take().into_iter().for_each(|sample| self.losses.add(sample));
        // Reads the tensors that were handed over, and lets go of them.
        for sample in inbox.looks.try_iter() {
            let entries = sample.handles.entries() as u64;
            self.looker.look(sample);
            counters.waiting_entries.fetch_sub(entries, Ordering::Relaxed);
        }
        let histograms = self.keeps_activation_histograms;
        inbox.taps.try_iter().for_each(|sample| self.taps.hear(&sample, histograms));
    }

    /// Gives buffers of written steps back to training.
    pub fn give_back(&mut self, inbox: &Inbox) {
        for spare in self.row.spares.drain(..) {
            let _ = inbox.spare.try_send(spare);
        }
    }

    /// Makes the record of a step; gives what was found besides.
    pub fn fill(
        &mut self,
        sample: StepSample,
        place: Option<Place>,
        weighting: Weighting,
        base: Moment,
        blocks: usize,
    ) -> Vec<Histogram> {
        let before = sample.batches - u64::from(sample.accumulated);
        let mean = self.losses.mean_of(Split::Train, before, sample.batches, weighting);
        let found = self.looker.take(sample.step);
        self.row.fill(sample, blocks, base, place, mean.map(|mean| mean.loss));
        self.row.add(found, &mut self.variation)
    }

    /// Appends the record that was made.
    pub fn append(&mut self, journal: &mut Journal, counters: &Counters) {
        journal.show(self.row.record());
        let appended = journal.writer.append(self.row.record());
        if let (true, Some(step)) = (appended.is_ok(), self.row.step()) {
            self.written = Moment { steps: step.step + 1, batches: step.batches };
            journal.report.last_loss = step.loss.or(journal.report.last_loss);
            tell_last_values(counters, step);
        }
        journal.keep(appended.map_err(Error::from));
    }

    /// Holds the step whose record was made, and what taps heard until batch `batch`, against the rules.
    pub fn judge(
        &mut self,
        batch: u64,
        model: &RecordedModel,
        alarm: &mut Alarm,
        journal: &mut Journal,
        counters: &Counters,
    ) -> Vec<Alert> {
        let Some(step) = self.row.step() else { return Vec::new() };
        let mut alerts = alarm.judge(step, model.head.as_ref());
        if model.defers_reads() && alarm.is_suspicious(step) {
            counters.update_asked.store(true, Ordering::Relaxed);
        }
        for (activation, histograms) in self.taps.through(batch, step.step, step.batches) {
            alerts.extend(alarm.judge_activation(&activation, step));
            journal.append(&Record::Activation(activation));
            histograms.into_iter().for_each(|it| journal.append(&Record::Histogram(it)));
        }
        alarm.remember(step);
        alerts
    }

    pub fn tell_unknown_clipping(&mut self, clipping: Clipping, journal: &mut Journal) {
        if clipping == Clipping::Unknown && !std::mem::replace(&mut self.is_clipping_told, true) {
            let text = "a group of the optimizer clips gradients, and burn does not tell how: what it cuts is \
                        unknown, and `grad_norm` is what it received";
            journal.note("info", text);
        }
    }

    /// Tells how many steps found no room since this was told last.
    pub fn report_drops(&mut self, journal: &mut Journal, counters: &Counters) {
        let dropped = counters.dropped_steps.load(Ordering::Relaxed);
        if dropped == self.reported_drops {
            return;
        }
        let records = dropped - std::mem::replace(&mut self.reported_drops, dropped);
        let after_step = self.written.steps;
        journal.append(&Record::Dropped(record!(Dropped { records, after_step })));
    }
}

/// Tells how much was not looked at because the writer thread could not follow.
pub(super) fn report_skipped(journal: &mut Journal, counters: &Counters) {
    let skipped = counters.skipped_looks.load(Ordering::Relaxed);
    if skipped > 0 {
        let text = format!(
            "{skipped} measurements and taps were left out because the writer thread could not follow: \
             measure less often"
        );
        journal.note("warning", text);
    }
}

/// For renderers: the learning rate and ‖g‖ over all blocks.
fn tell_last_values(counters: &Counters, step: &Step) {
    counters.last_lr.store(step.lr.to_bits(), Ordering::Relaxed);
    if let Some(norms) = step.columns.get(columns::GRAD_NORM) {
        let missing = |block: usize| step.missing.contains(&(block as u32));
        let present = norms.iter().enumerate().filter(|(block, _)| !missing(*block));
        let norm = Combine::of(columns::GRAD_NORM).fold(present.map(|(_, it)| f64::from(*it)));
        counters.last_grad_norm.store(norm.unwrap_or(0.0).to_bits(), Ordering::Relaxed);
    }
}
