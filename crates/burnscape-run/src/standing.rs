//! Where a run stands: the few numbers that every reader tells of it, by one rule each, whatever its length.

use std::collections::BTreeSet;

use burnscape_trace::{Dropped, End, Epoch, Head, Item, Record, Resume, Snapshot, Split, Step};

use super::{Alerts, Damage, RunState};

/// Where a run stands. Memory grows by a few bytes with every epoch and snapshot, and not with steps.
///
/// What a [`Resume`] leaves behind does not count, and an end is one only while nothing follows it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    started_unix_secs: Option<f64>,
    planned_epochs: Option<u64>,
    steps: u64,
    batches: u64,
    clock: Clock,
    last_step: Option<StepMark>,
    step_loss: Option<(u64, f64)>,
    epochs: Vec<EpochMark>,
    snapshots: Vec<SnapshotMark>,
    alerts: Alerts,
    is_at_surface: bool,
    end: Option<End>,
    dropped: u64,
    resumes: u64,
    resumed_unix_secs: Option<f64>,
    unknown: u64,
    damage: Damage,
    is_told: bool,
}

/// Seconds of recording, of all processes that had a part in what holds.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    /// Until the last step or epoch.
    training_secs: f64,
    /// Since then.
    after_secs: f64,
    /// Of this process, until the last record that tells them.
    own_secs: f64,
}

impl Clock {
    /// The process has trained for so long.
    fn train(&mut self, own_secs: f64) {
        self.training_secs += self.passed(own_secs);
        self.after_secs = 0.0;
    }

    /// The process has recorded for so long.
    fn tick(&mut self, own_secs: f64) {
        self.after_secs += self.passed(own_secs);
    }

    /// Seconds since it was told last.
    fn passed(&mut self, own_secs: f64) -> f64 {
        (own_secs - std::mem::replace(&mut self.own_secs, own_secs)).max(0.0)
    }

    /// Another process goes on where training had taken so long.
    fn go_on(&mut self, training_secs: f64, goes_back: bool) {
        let after_secs = if goes_back { 0.0 } else { self.after_secs };
        *self = Self { training_secs, after_secs, own_secs: 0.0 };
    }
}

/// What is kept of the last step.
#[derive(Debug, Clone, Copy)]
struct StepMark {
    step: u64,
    epoch: Option<u64>,
}

/// What is kept of a snapshot.
#[derive(Debug, Clone, Copy)]
struct SnapshotMark {
    index: u64,
    steps: u64,
}

/// What is kept of a complete epoch.
#[derive(Debug, Clone, Copy)]
struct EpochMark {
    epoch: u64,
    steps: u64,
    train_loss: Option<f64>,
    /// Seconds of training until its end.
    training_secs: f64,
}

impl Standing {
    /// Takes an item of a reader or follower.
    pub fn apply_item(&mut self, item: &Item) {
        self.is_told = true;
        match item {
            Item::Record { record, .. } => self.apply(record),
            Item::Lost(lost) => {
                self.damage.lost_bytes += lost.bytes;
                self.damage.places += 1;
            }
            Item::Torn(torn) => self.damage.torn_bytes = torn.bytes,
        }
    }

    /// Takes a record.
    pub fn apply(&mut self, record: &Record) {
        self.is_told = true;
        // What a record follows was no end, and no torn one.
        self.damage.torn_bytes = 0;
        self.end = None;
        match record {
            Record::Head(head) => self.apply_head(head),
            Record::Step(step) => self.apply_step(step),
            Record::Epoch(epoch) => self.apply_epoch(epoch),
            Record::Snapshot(snapshot) => self.apply_snapshot(snapshot),
            Record::Progress(progress) => self.is_at_surface = progress.split == Split::Surface,
            Record::Alert(alert) => self.alerts.apply(alert),
            Record::Dropped(Dropped { records, .. }) => {
                self.dropped = self.dropped.saturating_add(*records);
            }
            Record::Resume(resume) => self.apply_resume(resume),
            Record::End(end) => self.apply_end(end),
            Record::Unknown { .. } => self.unknown += 1,
            _ => {}
        }
    }

    /// Where the run is.
    #[must_use]
    pub fn state(&self) -> RunState {
        let reason = self.end.as_ref().map(|end| &end.reason);
        RunState::told_by(reason, self.is_at_surface, self.steps)
    }

    /// The trace is empty: not even the beginning of a record is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_told
    }

    /// When its first recording began, in seconds since 1970-01-01 UTC; `None` before a head.
    #[must_use]
    pub fn started_unix_secs(&self) -> Option<f64> {
        self.started_unix_secs
    }

    /// Epochs planned, where known.
    #[must_use]
    pub fn planned_epochs(&self) -> Option<u64> {
        self.planned_epochs
    }

    /// Optimizer steps that training took, whether their records are there, were dropped or were thinned out: as many
    /// as the last step, epoch, snapshot or end tells.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Calls of `TrainStep::step`, counted like [`steps`](Self::steps).
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// Seconds of training until the last step or epoch, over all processes that trained. Where training went on from an
    /// earlier point, what it left behind does not count, as far as epochs tell how long it took until there.
    #[must_use]
    pub fn training_secs(&self) -> f64 {
        self.clock.training_secs
    }

    /// The same, and the seconds that were recorded since, in which surfaces are measured.
    #[must_use]
    pub fn elapsed_secs(&self) -> f64 {
        self.clock.training_secs + self.clock.after_secs
    }

    /// The epoch that training is in or ended with, counted from 1; `None` where no record told it.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        let of_step = self.last_step.and_then(|step| step.epoch);
        of_step.max(self.epochs.last().map(|mark| mark.epoch))
    }

    /// The last complete epoch, counted from 1; 0 before the first.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.epochs.last().map_or(0, |mark| mark.epoch)
    }

    /// Loss of the last step that has one, else of the last epoch that has one.
    #[must_use]
    pub fn last_loss(&self) -> Option<f64> {
        let of_epoch = || self.epochs.iter().rev().find_map(|mark| mark.train_loss);
        self.step_loss.map(|(_, loss)| loss).or_else(of_epoch)
    }

    /// Snapshots on the path of training, without those that were given up for later ones.
    #[must_use]
    pub fn snapshots(&self) -> u64 {
        self.snapshots.len() as u64
    }

    /// The alerts.
    #[must_use]
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// The end, where there is one and nothing follows it.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Step records lost to a full queue: as many as were told one by one, or as the end tells, where that is more.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How often recording went on after a stop: processes, of which one may tell later from which checkpoint it goes on.
    #[must_use]
    pub fn resumes(&self) -> u64 {
        self.resumes
    }

    /// Records of kinds that this version does not know.
    #[must_use]
    pub fn unknown_records(&self) -> u64 {
        self.unknown
    }

    /// What of the trace could not be read.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.damage
    }

    fn reached(&mut self, steps: u64, batches: u64) {
        self.steps = self.steps.max(steps);
        self.batches = self.batches.max(batches);
    }

    fn apply_head(&mut self, head: &Head) {
        self.started_unix_secs.get_or_insert(head.started_unix_secs);
        self.planned_epochs = head.epochs_planned.or(self.planned_epochs);
    }

    fn apply_step(&mut self, step: &Step) {
        self.reached(step.step.saturating_add(1), step.batches);
        self.clock.train(step.elapsed_secs);
        self.last_step = Some(StepMark { step: step.step, epoch: step.epoch });
        self.step_loss = step.loss.map(|loss| (step.step, loss)).or(self.step_loss);
    }

    fn apply_epoch(&mut self, epoch: &Epoch) {
        self.reached(epoch.steps, epoch.batches);
        self.clock.train(epoch.elapsed_secs);
        let Epoch { epoch, steps, train_loss, .. } = *epoch;
        let training_secs = self.clock.training_secs;
        self.epochs.push(EpochMark { epoch, steps, train_loss, training_secs });
    }

    fn apply_snapshot(&mut self, snapshot: &Snapshot) {
        self.reached(snapshot.step, 0);
        if !snapshot.given_up.is_empty() {
            let given_up: BTreeSet<u64> = snapshot.given_up.iter().copied().collect();
            self.snapshots.retain(|mark| !given_up.contains(&mark.index));
        }
        self.snapshots.push(SnapshotMark { index: snapshot.index, steps: snapshot.step });
    }

    fn apply_resume(&mut self, resume: &Resume) {
        let known = self.resumed_unix_secs.replace(resume.resumed_unix_secs);
        self.resumes += u64::from(known != Some(resume.resumed_unix_secs));
        let goes_back = resume.steps < self.steps;
        (self.steps, self.batches) = (resume.steps, resume.batches);
        self.last_step.take_if(|mark| !resume.keeps_step(mark.step));
        self.step_loss.take_if(|(step, _)| !resume.keeps_step(*step));
        self.epochs.retain(|mark| resume.keeps_moment(mark.steps));
        let training_secs = match goes_back {
            true => self.epochs.last().map_or(0.0, |mark| mark.training_secs),
            false => self.clock.training_secs,
        };
        self.clock.go_on(training_secs, goes_back);
        self.snapshots.retain(|mark| resume.keeps_moment(mark.steps));
        self.alerts.rewind(resume.steps);
    }

    fn apply_end(&mut self, end: &End) {
        self.reached(end.steps, 0);
        self.clock.tick(end.elapsed_secs);
        self.dropped = self.dropped.max(end.dropped);
        self.end = Some(end.clone());
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;
    use burnscape_trace::{Alert, LossCause, Lost, Progress, Torn};

    use super::*;
    use crate::{LeftBehind, Run};

    fn after(records: &[Record]) -> Standing {
        let mut standing = Standing::default();
        records.iter().for_each(|record| standing.apply(record));
        standing
    }

    fn step(step: u64, loss: Option<f64>) -> Record {
        Record::Step(record!(Step { step, epoch: Some(step / 4), loss }))
    }

    fn epoch(epoch: u64, steps: u64, train_loss: f64) -> Record {
        let train_loss = Some(train_loss);
        Record::Epoch(record!(Epoch { epoch, steps, train_loss }))
    }

    fn resume(steps: u64) -> Record {
        Record::Resume(record!(Resume { steps }))
    }

    fn resume_at(resumed_unix_secs: f64, steps: u64) -> Record {
        Record::Resume(record!(Resume { resumed_unix_secs, steps }))
    }

    #[test]
    fn a_process_that_learns_later_from_which_checkpoint_it_goes_on_resumes_once() {
        let told = [step(0, None), resume_at(1.5, 9), resume_at(1.5, 4), step(4, None)];
        assert_eq!((after(&told).resumes(), after(&told).steps()), (1, 5));
        let again = [&told[..], &[resume_at(2.5, 5), resume_at(2.5, 4)]].concat();
        assert_eq!(after(&again).resumes(), 2);
    }

    fn epoch_at(epoch: u64, elapsed_secs: f64) -> Record {
        Record::Epoch(record!(Epoch { epoch, steps: 4 * epoch, elapsed_secs }))
    }

    fn end_at(elapsed_secs: f64) -> Record {
        Record::End(record!(End { reason: "finished".into(), elapsed_secs }))
    }

    #[test]
    fn seconds_are_those_of_all_processes_that_had_a_part() {
        let secs = |records: &[Record]| {
            let standing = after(records);
            (standing.training_secs(), standing.elapsed_secs())
        };
        let mut records = vec![epoch_at(1, 2.0), epoch_at(2, 3.0), end_at(5.0)];
        assert_eq!(secs(&records), (3.0, 5.0));
        // Surfaces, by another process.
        records.extend([resume_at(1.0, 8), end_at(7.0)]);
        assert_eq!(secs(&records), (3.0, 12.0));
        // Back to the checkpoint of the first epoch.
        records.extend([resume_at(2.0, 8), resume_at(2.0, 4), epoch_at(2, 0.5)]);
        assert_eq!(secs(&records), (2.5, 2.5));
        records.push(end_at(0.75));
        assert_eq!(secs(&records), (2.5, 2.75));
    }

    /// The path that is kept, by how long each of its epochs took, is what training took.
    #[test]
    fn training_took_as_long_as_the_epochs_that_are_kept() {
        let mut state = 5;
        for _ in 0..200 {
            let (mut records, mut kept) = (Vec::new(), Vec::new());
            for process in 0..1 + below(&mut state, 5) {
                kept.truncate(below(&mut state, kept.len() as u64 + 1) as usize);
                let steps = 4 * kept.len() as u64;
                records.push(resume_at(process as f64, steps));
                let mut own = 0.0;
                for _ in 0..below(&mut state, 4) {
                    let took = 1.0 + below(&mut state, 8) as f64;
                    own += took;
                    kept.push(took);
                    records.push(epoch_at(kept.len() as u64, own));
                }
            }
            let found = after(&records).training_secs();
            assert_eq!(found, kept.iter().sum::<f64>(), "{records:?}");
        }
    }

    #[test]
    fn the_state_follows_the_records() {
        let ended = |reason: &str| Record::End(record!(End { reason: reason.into() }));
        let surface = Record::Progress(record!(Progress { split: "surface".into() }));
        let told = [
            (step(0, None), RunState::Training),
            (surface, RunState::Surface),
            (ended("finished"), RunState::Finished),
            (ended("early-stopping"), RunState::Finished),
            (ended("interrupted"), RunState::Interrupted),
            (resume(1), RunState::Surface),
            (ended("dropped"), RunState::Stopped),
            (ended("a word of a newer version"), RunState::Stopped),
        ];
        let mut standing = Standing::default();
        assert_eq!(standing.state(), RunState::Waiting);
        for (record, state) in told {
            standing.apply(&record);
            assert_eq!(standing.state(), state, "after {record:?}");
        }
    }

    #[test]
    fn the_last_loss_is_that_of_the_last_step_that_has_one_else_that_of_the_last_epoch() {
        let of_epochs = [step(0, None), epoch(1, 1, 9.0), step(1, None), epoch(2, 2, 8.0)];
        assert_eq!(after(&of_epochs).last_loss(), Some(8.0));
        let of_steps = [step(0, Some(3.0)), step(1, None), epoch(1, 2, 9.0)];
        assert_eq!(after(&of_steps).last_loss(), Some(3.0));
        let left_behind = [epoch(1, 2, 9.0), step(2, Some(3.0)), epoch(2, 3, 8.0), resume(2)];
        assert_eq!(after(&left_behind).last_loss(), Some(9.0));
    }

    #[test]
    fn a_damaged_place_is_damage_and_a_torn_end_is_not() {
        let mut standing = Standing::default();
        standing.apply_item(&Item::Torn(Torn { offset: 90, bytes: 7 }));
        assert!(!standing.damage().is_damaged());
        standing.apply_item(&Item::Lost(Lost { offset: 9, bytes: 40, cause: LossCause::Damaged }));
        assert!(standing.damage().is_damaged());
    }

    /// Pseudo-random numbers below `bound`.
    fn below(state: &mut u64, bound: u64) -> u64 {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % bound
    }

    fn any_record(state: &mut u64) -> Record {
        let at = below(state, 12);
        match below(state, 6) {
            0 => resume(at),
            1 => epoch(at / 4, at, at as f64),
            2 => Record::Snapshot(record!(Snapshot { step: at })),
            3 => Record::Alert(record!(Alert { step: at })),
            _ => step(at, (!at.is_multiple_of(3)).then_some(at as f64)),
        }
    }

    /// What is counted in passing, by this and by the whole model, is what is counted of those records alone that
    /// hold, once a step follows.
    #[test]
    fn what_a_resume_leaves_behind_does_not_count() {
        let mut state = 11;
        for _ in 0..500 {
            let mut records: Vec<Record> = (0..25).map(|_| any_record(&mut state)).collect();
            records.push(step(12, Some(0.5)));
            let mut left_behind = LeftBehind::default();
            let mut passing = Run::default();
            for (offset, record) in records.iter().enumerate() {
                passing.apply(record);
                if let Record::Resume(resume) = record {
                    left_behind.note(offset as u64, resume);
                }
            }
            let numbered = records.iter().enumerate();
            let held: Vec<Record> = numbered
                .filter(|(offset, record)| left_behind.holds(*offset as u64, record))
                .map(|(_, record)| record.clone())
                .collect();
            let numbers = |it: &Standing| {
                let counts = (it.steps(), it.epochs(), it.snapshots(), it.alerts().len());
                (counts, it.epoch(), it.last_loss(), it.resumes())
            };
            assert_eq!(numbers(passing.standing()), numbers(&after(&held)), "{records:?}");
        }
    }
}
