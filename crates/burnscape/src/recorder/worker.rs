//! The writer thread's loop: takes in what was sent, in order, and appends it to the run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use burnscape_run::TrainingProgress;
use burnscape_trace::Record;

use super::alarm::Alarm;
use super::earlier::Earlier;
use super::epochs::Epochs;
use super::inbox::Inbox;
use super::journal::Journal;
use super::own::{self, OwnValues};
use super::recorded_model::RecordedModel;
use super::snapshot_taker::SnapshotTaker;
use super::snapshots::SnapshotStore;
use super::start::Start;
use super::waiting_steps::{self, WaitingSteps};
use crate::channel::counters::Counters;
use crate::channel::message::{Control, Reply, WeightsAt};
use crate::channel::report::Report;
use crate::config::Config;

/// How long the writer thread sleeps when there is nothing to do: training never has to wake it.
const NAP: Duration = Duration::from_millis(20);

/// The writer thread's own state: parts, each of which owns what it alone changes.
pub(super) struct Worker {
    pub(super) config: Config,
    pub(super) counters: Arc<Counters>,
    pub(super) journal: Journal,
    pub(super) start: Start,
    pub(super) model: RecordedModel,
    pub(super) epochs: Epochs,
    pub(super) steps: WaitingSteps,
    pub(super) snapshots: SnapshotTaker,
    pub(super) alarm: Alarm,
    own: OwnValues,
    pub(super) last_progress: Option<Instant>,
    /// How fast training comes on, for the time that is left.
    pub(super) pace: TrainingProgress,
}

impl Worker {
    pub fn new(
        config: &Config,
        journal: Journal,
        earlier: Option<Earlier>,
        counters: Arc<Counters>,
    ) -> Self {
        let (kept, next) = earlier
            .as_ref()
            .map_or_else(Default::default, |it| (it.snapshots.clone(), it.next_snapshot));
        let store = SnapshotStore::new(journal.folder.clone(), config.snapshot_limits, kept, next)
            .rounded(config.snapshot_rounding);
        Self {
            config: config.clone(),
            start: Start::behind(earlier),
            model: RecordedModel::default(),
            epochs: Epochs::new(counters.clone()),
            steps: WaitingSteps::new(config),
            snapshots: SnapshotTaker::new(store, counters.clone()),
            alarm: Alarm::new(config, counters.clone()),
            own: OwnValues::default(),
            last_progress: None,
            pace: TrainingProgress::default(),
            journal,
            counters,
        }
    }

    /// A worker for a run that is complete but for slices: its head and counts are the earlier ones.
    pub fn reopened(
        config: &Config,
        journal: Journal,
        earlier: Option<Earlier>,
        counters: Arc<Counters>,
    ) -> Self {
        let mut worker = Self::new(config, journal, earlier, counters);
        if let Some(earlier) = &worker.start.earlier {
            worker.model.head.clone_from(&earlier.head);
            worker.model.frozen = earlier.frozen.clone();
            worker.steps.written = earlier.recorded;
            let epochs = earlier.epochs.last().map_or(0, |epoch| epoch.epoch);
            worker.epochs.counting.validations = epochs;
        }
        if worker.model.head.is_some() {
            worker.journal.begin(None);
        }
        worker
    }

    pub fn run(mut self, inbox: &Inbox) {
        loop {
            match self.drain(inbox) {
                Some((reason, reply)) => {
                    let _ = reply.send(self.end(reason, inbox));
                    return;
                }
                None => std::thread::park_timeout(NAP),
            }
        }
    }

    /// Takes in all there is; a request to stop ends it.
    fn drain(&mut self, inbox: &Inbox) -> Option<(&'static str, Reply<Report>)> {
        let newest = self.steps.pending.back().map(|sample| sample.step);
        while let Ok(control) = inbox.control.try_recv() {
            match control {
                Control::Sync(reply) => {
                    self.take_steps(inbox);
                    self.journal.flush();
                    let _ = reply.send(self.current_report());
                }
                Control::Stop(reason, reply) => return Some((reason, reply)),
                control => {
                    if control.comes_after_steps() {
                        self.take_steps(inbox);
                    }
                    self.handle(control);
                }
            }
        }
        self.give_up_after_patience(newest);
        self.take_steps(inbox);
        self.counters.voice.tell_if_free();
        self.journal.tick();
        None
    }

    fn handle(&mut self, control: Control) {
        match control {
            Control::Introduce(introduction) => {
                self.model.introduction = Some(introduction);
                self.introduce_if_known();
            }
            Control::Event(event) => self.event(&event),
            Control::Frozen { step, frozen } => self.follow_flags(step, frozen),
            Control::ValidatedThrough(batches) => {
                self.epochs.counting.observed_through = Some(batches);
            }
            Control::Validated(validated) => self.validated(validated),
            Control::StepSnapshot(weights) => self.step_snapshot(*weights),
            Control::FinalSnapshot(weights) => self.final_snapshot(&weights),
            Control::Record(record) => self.take_record(*record),
            Control::Problem(sentence) => self.journal.problem(sentence),
            Control::LastWord(sentence) => self.journal.say_last(sentence),
            Control::UrgentProblem(sentence) => self.journal.urgent_problem(sentence),
            Control::Show(viewer, reply) => self.journal.show_to(viewer, &reply),
            Control::Sync(_) | Control::Stop(..) => {}
        }
    }

    fn step_snapshot(&mut self, weights: WeightsAt) {
        match self.model.head.is_some() {
            true => self.snapshot("step", self.epochs_complete(), &weights),
            false => self.snapshots.early.push(weights),
        }
    }

    /// Training is over: events that have not come by now never will.
    fn final_snapshot(&mut self, weights: &WeightsAt) {
        self.resolve_steps(true);
        self.close_last_epoch();
        self.snapshot("final", self.epochs_complete(), weights);
    }

    /// A record that was made elsewhere, placed in the run.
    fn take_record(&mut self, mut record: Record) {
        if let Record::Metric(metric) = &mut record {
            metric.step = self.steps.written.steps;
            // 0: unknown.
            if metric.epoch > 0 {
                metric.epoch = self.epochs.map.in_run(metric.epoch);
            }
        }
        match record {
            Record::Curvature(mut curvature) if curvature.reason == "live" => {
                curvature.step += self.start.base.steps;
                curvature.epoch = self.epochs_complete();
                self.alarm.live_curvature(curvature, &mut self.journal);
            }
            record => self.journal.append_behind_head(record),
        }
    }

    pub(super) fn snapshot(&mut self, reason: &str, epoch: Option<u64>, weights: &WeightsAt) {
        let steps = self.start.in_run(weights.at).steps;
        let map = self.model.map.as_ref();
        self.snapshots.take(reason, epoch, steps, weights, map, &mut self.journal);
    }

    /// Takes in steps and what belongs to them, and writes those whose epoch is known.
    pub(super) fn take_steps(&mut self, inbox: &Inbox) {
        self.steps.take(inbox, &self.counters);
        if !self.steps.pending.is_empty() {
            self.resolve_steps(false);
        }
        self.steps.give_back(inbox);
        self.take_own(inbox, false);
        if self.model.head.is_some() {
            self.steps.report_drops(&mut self.journal, &self.counters);
        }
    }

    /// Takes in values of the program's own, and writes those whose epoch is known; all of them if `force`.
    fn take_own(&mut self, inbox: &Inbox, force: bool) {
        self.own.take(inbox, &self.counters);
        if self.model.head.is_some() {
            self.own.write(&mut self.journal, &self.epochs, self.start.base, force);
        }
    }

    fn end(mut self, reason: &str, inbox: &Inbox) -> Report {
        self.take_steps(inbox);
        self.resolve_steps(true);
        self.close_last_epoch();
        self.take_own(inbox, true);
        waiting_steps::report_skipped(&mut self.journal, &self.counters);
        own::report_skipped(&mut self.journal, &self.counters);
        if self.model.head.is_none() {
            // Above others there need be nothing.
            if self.counters.has_children.load(Ordering::Relaxed) {
                return self.current_report();
            }
            self.begin_without_steps(reason);
        }
        self.journal.end(reason, self.steps.written.steps);
        self.counters.voice.tell_at_end();
        self.current_report()
    }

    fn current_report(&self) -> Report {
        let mut report = self.journal.report.clone();
        report.frozen = self.model.frozen.clone();
        report.snapshots = self.snapshots.store.records().cloned().collect();
        report.steps = self.steps.written.steps;
        report.dropped_steps = self.counters.dropped_steps.load(Ordering::Relaxed);
        report
    }
}
