//! The whole run: takes records in order and answers what the views ask.

use std::collections::BTreeMap;

use burnscape_trace::{
    Check, ComparedRun, End, EndReason, Epoch, Head, Histogram, Hyperparameters, Item, Note,
    Record, Resume, Snapshot, Step,
};

use super::checks::take_check;
use super::last_step::LastStep;
use super::{
    Alerts, BlackBoxes, BlockQuantity, BlockRow, BlockSeries, Blocks, Curvatures, Landscape,
    Landscapes, Metrics, Pace, Series, Standing, Taps, TrainingProgress,
};

/// Sentences kept; the number of further ones is kept too.
const MAX_NOTES: usize = 100;
/// Hyperparameters kept.
const MAX_HYPERPARAMETERS: usize = 100;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// No step was recorded yet.
    Waiting,
    /// Steps are recorded and no end is: it goes on, or was killed.
    Training,
    /// Training is over and a surface is being evaluated.
    Surface,
    /// It ended as planned.
    Finished,
    /// It was interrupted.
    Interrupted,
    /// It ended without being finished.
    Stopped,
}

impl RunState {
    /// The state that the reason of an end, the last progress and the number of steps tell.
    pub(crate) fn told_by(end: Option<&EndReason>, is_at_surface: bool, steps: u64) -> Self {
        match end {
            Some(EndReason::Finished | EndReason::EarlyStopping) => Self::Finished,
            Some(EndReason::Interrupted) => Self::Interrupted,
            Some(_) => Self::Stopped,
            None if is_at_surface => Self::Surface,
            None if steps == 0 => Self::Waiting,
            None => Self::Training,
        }
    }

    /// The state in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Training => "training",
            Self::Surface => "surface",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Stopped => "stopped",
        }
    }

    /// The run has an end.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Interrupted | Self::Stopped)
    }
}

/// What of the trace could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Damage {
    /// Bytes that were changed after they were written, or are no record.
    pub lost_bytes: u64,
    /// In how many places.
    pub places: u64,
    /// Bytes of a record that was not written to its end.
    pub torn_bytes: u64,
}

impl Damage {
    /// Bytes in the midst of the trace are missing; a torn end is how a killed run looks.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.places > 0
    }
}

/// A run as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Run {
    name: String,
    /// The last head; heads are repeated.
    pub head: Option<Head>,
    /// What the training was set to: JSON texts by name.
    pub hyperparameters: BTreeMap<String, String>,
    /// The parameter blocks as measured last.
    pub blocks: Blocks,
    /// Loss of each step.
    pub step_loss: Series,
    /// Training loss of each epoch, over the steps at its end.
    pub epoch_train_loss: Series,
    /// Validation loss of each epoch, over the steps at its end.
    pub epoch_valid_loss: Series,
    /// Learning rate of each step.
    pub learning_rate: Series,
    /// Norm of the whole gradient, at the steps at which it was measured.
    pub global_grad_norm: Series,
    /// Steps per second lately.
    pub pace: Pace,
    /// Steps per second over the steps.
    pub throughput: Series,
    /// How far training is, and how much is left.
    pub progress: TrainingProgress,
    /// Where the last step stood.
    pub last_step: Option<LastStep>,
    /// The last complete epoch.
    pub last_epoch: Option<Epoch>,
    /// The snapshot that was taken last.
    pub last_snapshot: Option<Snapshot>,
    /// Metrics of the training and values of the program's own.
    pub metrics: Metrics,
    notes: Vec<Note>,
    checks: Vec<Check>,
    standing: Standing,
    further_notes: usize,
    silent_minutes: u64,
    black_boxes: BlackBoxes,
    taps: Taps,
    curvatures: Curvatures,
    landscapes: Landscapes,
    compared: Vec<ComparedRun>,
}

impl Run {
    /// A run of which nothing is known but its name, to be shown above the views.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The name to be shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes an item of a reader or follower.
    pub fn apply_item(&mut self, item: &Item) {
        match item {
            Item::Record { record, .. } => self.apply(record),
            Item::Lost(_) | Item::Torn(_) => self.standing.apply_item(item),
        }
    }

    /// Takes a record.
    pub fn apply(&mut self, record: &Record) {
        self.standing.apply(record);
        match record {
            Record::Head(head) => self.apply_head(head),
            Record::Hyperparameters(told) => self.apply_hyperparameters(told),
            Record::Step(step) => self.apply_step(step),
            Record::Epoch(epoch) => self.apply_epoch(epoch),
            Record::Progress(progress) => self.progress.apply(progress),
            Record::Metric(metric) => self.metrics.apply(metric),
            Record::Activation(seen) => self.taps.apply(seen),
            Record::Histogram(histogram) => self.apply_histogram(histogram),
            Record::Blackbox(black_box) => self.black_boxes.apply(black_box),
            Record::Curvature(curvature) => self.curvatures.apply(curvature),
            Record::Frozen(frozen) => self.blocks.apply_frozen(frozen),
            Record::Snapshot(snapshot) => self.last_snapshot = Some(snapshot.clone()),
            Record::Slice(slice) => self.landscapes.apply_slice(slice),
            Record::Nodes(nodes) => self.landscapes.apply_nodes(nodes),
            Record::Trajectory(path) => self.landscapes.apply_trajectory(path),
            Record::Study(study) => self.landscapes.apply_study(study),
            Record::Plan(plan) => self.landscapes.apply_plan(plan),
            Record::Check(check) => self.apply_check(check),
            Record::Note(note) => self.apply_note(note),
            Record::Runs(told) => self.compared.clone_from(&told.runs),
            Record::Resume(resume) => self.apply_resume(resume),
            _ => {}
        }
    }

    /// Takes a record that a shard measured beside the run: it adds to slices, and says nothing of where the run stands.
    pub fn apply_of_shard(&mut self, record: &Record) {
        let known = |slice: u32| self.landscapes.get(slice);
        match record {
            Record::Slice(slice) if known(slice.slice).is_none() => {
                self.landscapes.apply_slice(slice);
            }
            Record::Nodes(nodes) => self.landscapes.apply_nodes(nodes),
            Record::Trajectory(path) => {
                let slice = path.slice.and_then(known);
                let held = slice.and_then(|slice| slice.trajectory());
                if held.is_none_or(|held| held.loss.len() < path.loss.len()) {
                    self.landscapes.apply_trajectory(path);
                }
            }
            _ => {}
        }
    }

    /// Where the run is.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.standing.state()
    }

    /// The few numbers that every reader tells of a run.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The end, where there is one and nothing follows it.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.standing.end()
    }

    /// Takes for how many seconds nothing was written; `true`: that is another number of minutes.
    pub fn set_silent_secs(&mut self, secs: u64) -> bool {
        std::mem::replace(&mut self.silent_minutes, secs / 60) != secs / 60
    }

    /// Whole minutes for which nothing was written, of a run that has no end: a killed run otherwise looks as
    /// if it trained.
    #[must_use]
    pub fn silent_minutes(&self) -> Option<u64> {
        (self.silent_minutes > 0 && !self.state().is_over()).then_some(self.silent_minutes)
    }

    /// Stands behind words on what is not there: ` yet`, as long as it may still come.
    #[must_use]
    pub fn yet(&self) -> &'static str {
        if self.state().is_over() { "" } else { " yet" }
    }

    /// Loss of the last step, else of the last epoch, where one is recorded.
    #[must_use]
    pub fn last_loss(&self) -> Option<f64> {
        self.standing.last_loss()
    }

    /// Optimizer steps that training took; see [`Standing::steps`].
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.standing.steps()
    }

    /// Snapshots on the path of training.
    #[must_use]
    pub fn snapshots(&self) -> u64 {
        self.standing.snapshots()
    }

    /// Step records lost to a full queue.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.standing.dropped()
    }

    /// How often recording went on after a stop.
    #[must_use]
    pub fn resumes(&self) -> u64 {
        self.standing.resumes()
    }

    /// Records of kinds that this version does not know.
    #[must_use]
    pub fn unknown_records(&self) -> u64 {
        self.standing.unknown_records()
    }

    /// What of the trace could not be read.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.standing.damage()
    }

    /// The alerts.
    #[must_use]
    pub fn alerts(&self) -> &Alerts {
        self.standing.alerts()
    }

    /// The black boxes.
    #[must_use]
    pub fn black_boxes(&self) -> &BlackBoxes {
        &self.black_boxes
    }

    /// The taps.
    #[must_use]
    pub fn taps(&self) -> &Taps {
        &self.taps
    }

    /// How curved the loss was, measured at some moments.
    #[must_use]
    pub fn curvatures(&self) -> &Curvatures {
        &self.curvatures
    }

    /// A parameter block as it was measured last; `None` past the last one.
    #[must_use]
    pub fn block_row(&self, block: usize) -> Option<BlockRow<'_>> {
        self.blocks.row(block, &self.alerts().of_block(block))
    }

    /// A quantity of every block over steps.
    #[must_use]
    pub fn block_series(&self, quantity: BlockQuantity) -> &BlockSeries {
        self.blocks.series(quantity)
    }

    /// The slices, their studies, and the path of training before there are any.
    #[must_use]
    pub fn landscapes(&self) -> &Landscapes {
        &self.landscapes
    }

    /// The runs that it compares; none unless it is a comparison.
    #[must_use]
    pub fn compared(&self) -> &[ComparedRun] {
        &self.compared
    }

    /// Self-checks that did not hold, of the run and of its slices.
    pub fn failed_checks(&self) -> impl Iterator<Item = &Check> {
        let of_slices = self.landscapes.iter().flat_map(Landscape::checks);
        self.checks.iter().chain(of_slices).filter(|check| !check.passed)
    }

    /// Sentences that found no place in [`notes`](Self::notes).
    #[must_use]
    pub fn further_notes(&self) -> usize {
        self.further_notes
    }

    /// Sentences for the reader, oldest first.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    fn apply_head(&mut self, head: &Head) {
        self.blocks.set_layout(&head.blocks);
        self.progress.plan(head.epochs_planned);
        self.head = Some(head.clone());
    }

    fn apply_hyperparameters(&mut self, told: &Hyperparameters) {
        for (name, value) in &told.values {
            let is_known = self.hyperparameters.contains_key(name);
            if is_known || self.hyperparameters.len() < MAX_HYPERPARAMETERS {
                self.hyperparameters.insert(name.clone(), value.clone());
            }
        }
    }

    fn apply_step(&mut self, step: &Step) {
        self.blocks.apply(step);
        if let Some(loss) = step.loss {
            self.step_loss.push(step.step, loss);
        }
        // Gradients may be measured less often than every step.
        let norm = self.blocks.global_grad_norm().filter(|(at, _)| *at == step.step);
        if let Some((_, norm)) = norm {
            self.global_grad_norm.push(step.step, norm);
        }
        self.learning_rate.push(step.step, step.lr);
        self.pace.push(step.step, step.elapsed_secs);
        if let Some(pace) = self.pace.steps_per_sec() {
            self.throughput.push(step.step, pace);
        }
        self.progress.tick(step.elapsed_secs);
        self.last_step = Some(step.into());
    }

    fn apply_histogram(&mut self, histogram: &Histogram) {
        match (&histogram.tap, histogram.block) {
            (Some(tap), _) => self.taps.apply_histogram(tap, histogram),
            (None, Some(block)) => self.blocks.apply_histogram(block, histogram),
            (None, None) => {}
        }
    }

    fn apply_epoch(&mut self, epoch: &Epoch) {
        if let Some(loss) = epoch.train_loss {
            self.epoch_train_loss.push(epoch.steps, loss);
        }
        if let Some(loss) = epoch.valid_loss {
            self.epoch_valid_loss.push(epoch.steps, loss);
        }
        self.progress.tick(epoch.elapsed_secs);
        self.last_epoch = Some(epoch.clone());
    }

    fn apply_check(&mut self, check: &Check) {
        match check.slice {
            Some(slice) => self.landscapes.apply_check(slice, check),
            None => take_check(&mut self.checks, check),
        }
    }

    fn apply_note(&mut self, note: &Note) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note.clone());
        } else {
            self.further_notes += 1;
        }
    }

    /// Recording goes on, perhaps from an earlier checkpoint: what came after it was left behind.
    fn apply_resume(&mut self, resume: &Resume) {
        self.pace = Pace::default();
        self.last_step.take_if(|step| !resume.keeps_step(step.step));
        self.last_snapshot.take_if(|snapshot| !resume.keeps_moment(snapshot.step));
        self.blocks.rewind(resume.steps);
        self.taps.rewind(resume.steps);
        self.curvatures.rewind(resume.steps);
        self.metrics.rewind(resume.steps);
        self.black_boxes.rewind(resume.steps);
        let of_steps = [&mut self.step_loss, &mut self.global_grad_norm, &mut self.learning_rate];
        for series in of_steps.into_iter().chain([&mut self.throughput]) {
            series.rewind(resume.steps);
        }
        // An epoch is counted at its end, which the checkpoint of that epoch includes.
        self.last_epoch.take_if(|epoch| !resume.keeps_moment(epoch.steps));
        for series in [&mut self.epoch_train_loss, &mut self.epoch_valid_loss] {
            series.rewind(resume.steps.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;
    use burnscape_trace::{Dropped, LossCause, Lost, Torn};

    use super::*;

    #[test]
    fn what_was_lost_is_counted_and_a_torn_end_forgotten_when_more_follows() {
        let mut run = Run::default();
        let lost = Lost { offset: 9, bytes: 40, cause: LossCause::Damaged };
        run.apply_item(&Item::Lost(lost));
        run.apply_item(&Item::Torn(Torn { offset: 90, bytes: 7 }));
        assert_eq!(run.damage(), Damage { lost_bytes: 40, places: 1, torn_bytes: 7 });
        run.apply(&Record::Dropped(record!(Dropped { records: 3, after_step: 1 })));
        run.apply(&Record::Dropped(record!(Dropped { records: 2, after_step: 9 })));
        assert_eq!((run.damage().torn_bytes, run.dropped()), (0, 5));
        run.apply(&Record::End(record!(End { dropped: 5 })));
        assert_eq!(run.dropped(), 5);
    }
}
