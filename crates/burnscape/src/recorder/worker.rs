//! The writer thread's loop: takes in what was sent, in order, and appends it to the run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use burnscape_trace::{End, Head, Note, Record, RunFolder, Snapshot, Writer, record};

use super::alarm::Alarm;
use super::counting::Counting;
use super::epochs::EpochMap;
use super::lanes::{Counters, Spare};
use super::live_path::LivePath;
use super::look::{LookSample, Looker, Variation};
use super::losses::LossBook;
use super::own::{OwnSample, OwnValues};
use super::report::Report;
use super::sample::{LossSample, StepSample};
use super::snapshots::{self, SnapshotStore};
use super::steps::StepRow;
use super::taps::{TapSample, Taps};
use super::{Control, Earlier, Moment, Reply, Validated, Viewer, WeightsAt};
use crate::config::Config;
use crate::frozen::FrozenHistory;
use crate::model_map::ModelMap;
use crate::{Error, Result};

/// How long the writer thread sleeps when there is nothing to do: training never has to wake it.
const NAP: Duration = Duration::from_millis(20);

/// The receiving ends.
pub(super) struct Inbox {
    pub control: Receiver<Control>,
    pub steps: Receiver<StepSample>,
    pub losses: Receiver<LossSample>,
    pub looks: Receiver<LookSample>,
    pub taps: Receiver<TapSample>,
    pub own: Receiver<OwnSample>,
    pub spare: SyncSender<Spare>,
}

/// The writer thread's own state.
pub(super) struct Worker {
    pub(super) config: Config,
    pub(super) folder: RunFolder,
    pub(super) writer: Writer,
    pub(super) counters: Arc<Counters>,
    pub(super) started: Instant,
    pub(super) earlier: Option<Earlier>,
    /// Counts of this process start here in the run.
    pub(super) base: Moment,
    /// Burn told where training starts, or nobody will.
    pub(super) base_known: bool,
    pub(super) epochs: EpochMap,
    pub(super) head: Option<Head>,
    pub(super) introduction: Option<Box<(ModelMap, WeightsAt)>>,
    pub(super) pending: VecDeque<StepSample>,
    pub(super) losses: LossBook,
    pub(super) row: StepRow,
    pub(super) snapshots: SnapshotStore,
    /// Which blocks were frozen when.
    pub(super) frozen: FrozenHistory,
    /// Changes of that which came before it was known where training starts.
    pub(super) early_frozen: Vec<(u64, Vec<bool>)>,
    /// The model, once it was introduced.
    pub(super) map: Option<ModelMap>,
    live_path: LivePath,
    pub(super) looker: Looker,
    pub(super) taps: Taps,
    pub(super) own: OwnValues,
    pub(super) variation: Variation,
    pub(super) alarm: Alarm,
    /// It was told that clipping is unknown.
    pub(super) clipping_told: bool,
    /// Step snapshots that came before it was known where training starts.
    pub(super) early: Vec<WeightsAt>,
    /// Weights that burn validated and whose epoch is not confirmed yet.
    pub(super) unconfirmed: Option<Validated>,
    pub(super) counting: Counting,
    /// Records that came before there was a head.
    pub(super) early_records: Vec<Record>,
    pub(super) written: Moment,
    pub(super) reported_drops: u64,
    pub(super) last_progress: Option<Instant>,
    pub(super) report: Report,
    /// What is to be said right before the end.
    last_word: Option<String>,
    viewer: Option<Viewer>,
}

impl Worker {
    pub fn new(
        config: &Config,
        folder: RunFolder,
        writer: Writer,
        earlier: Option<Earlier>,
        started: Instant,
        counters: Arc<Counters>,
    ) -> Self {
        let snapshots = match &earlier {
            Some(it) => (it.snapshots.clone(), it.next_snapshot),
            None => (Vec::new(), 0),
        };
        Self {
            config: config.clone(),
            snapshots: SnapshotStore::new(
                folder.clone(),
                config.snapshot_limits,
                snapshots.0,
                snapshots.1,
            ),
            folder,
            writer,
            counters,
            started,
            base: Moment::default(),
            base_known: false,
            epochs: EpochMap::default(),
            head: None,
            introduction: None,
            map: None,
            frozen: FrozenHistory::default(),
            early_frozen: Vec::new(),
            live_path: LivePath::default(),
            looker: Looker::default(),
            taps: Taps::default(),
            own: OwnValues::default(),
            variation: Variation::new(config.measurements.variation_window),
            alarm: Alarm::new(config),
            clipping_told: false,
            pending: VecDeque::new(),
            losses: LossBook::default(),
            row: StepRow::default(),
            early: Vec::new(),
            unconfirmed: None,
            counting: Counting::default(),
            early_records: Vec::new(),
            written: Moment::default(),
            reported_drops: 0,
            last_progress: None,
            report: Report::default(),
            last_word: None,
            viewer: None,
            earlier,
        }
    }

    /// A worker for a run that is complete but for slices: its head and counts are the earlier ones.
    pub fn reopened(
        config: &Config,
        folder: RunFolder,
        writer: Writer,
        earlier: Option<Earlier>,
        started: Instant,
        counters: Arc<Counters>,
    ) -> Self {
        let mut worker = Self::new(config, folder, writer, earlier, started, counters);
        if let Some(earlier) = &worker.earlier {
            worker.head.clone_from(&earlier.head);
            worker.frozen = earlier.frozen.clone();
            worker.written = earlier.recorded;
            worker.counting.validations = earlier.epochs.last().map_or(0, |epoch| epoch.epoch);
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
        let newest = self.pending.back().map(|sample| sample.step);
        while let Ok(control) = inbox.control.try_recv() {
            match control {
                Control::Sync(reply) => {
                    self.take_steps(inbox);
                    self.flush();
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
        let ticked = self.writer.tick();
        self.keep(ticked.map_err(Error::from));
        None
    }

    fn handle(&mut self, control: Control) {
        match control {
            Control::Introduce(introduction) => {
                self.introduction = Some(introduction);
                self.introduce_if_known();
            }
            Control::Event(event) => self.event(&event),
            Control::Frozen { step, frozen } => self.follow_flags(step, frozen),
            Control::ValidatedThrough(batches) => {
                self.counting.observed_through = Some(batches);
            }
            Control::Validated(validated) => self.validated(validated),
            Control::StepSnapshot(weights) if self.head.is_none() => self.early.push(*weights),
            Control::StepSnapshot(weights) => {
                let epoch = self.epochs_complete();
                self.snapshot("step", epoch, *weights);
            }
            Control::FinalSnapshot(weights) => {
                // Training is over: events that have not come by now never will.
                self.resolve_steps(true);
                self.close_last_epoch();
                let epoch = self.epochs_complete();
                self.snapshot("final", epoch, *weights);
            }
            Control::Record(mut record) => {
                match record.as_mut() {
                    Record::Metric(metric) => {
                        metric.step = self.written.steps;
                        // 0: unknown.
                        if metric.epoch > 0 {
                            metric.epoch = self.epochs.in_run(metric.epoch);
                        }
                    }
                    Record::Curvature(curvature) if curvature.reason == "live" => {
                        return self.live_curvature(curvature);
                    }
                    _ => {}
                }
                match self.head.is_some() {
                    true => self.append(&record),
                    false => self.early_records.push(*record),
                }
            }
            Control::Problem(sentence) => self.problem(sentence),
            Control::LastWord(sentence) => self.last_word = Some(sentence),
            Control::UrgentProblem(sentence) => self.urgent_problem(sentence),
            Control::Show(viewer, reply) => {
                self.flush();
                let written = std::fs::metadata(self.folder.trace_path());
                let _ = reply.send(written.map_or(0, |it| it.len()));
                self.viewer = Some(viewer);
            }
            Control::Sync(_) | Control::Stop(..) => {}
        }
    }

    pub(super) fn snapshot(&mut self, reason: &str, epoch: Option<u64>, weights: WeightsAt) {
        self.release(&weights);
        let steps = weights.at.after(self.base).steps;
        match self.snapshots.store(reason, epoch, steps, &weights.tensors) {
            Ok(Some(record)) => self.tell_snapshot(record),
            Ok(None) => {}
            Err(error) => self.file_failed(error),
        }
        if reason != "final" {
            self.tell_live_path();
        }
    }

    /// Files of snapshots that were given up are deleted when the trace on the disk says so.
    fn tell_snapshot(&mut self, record: Snapshot) {
        let given_up = snapshots::given_up_sentence(&record);
        self.append(&Record::Snapshot(record));
        if let Some(sentence) = given_up {
            self.note("info", sentence);
            match self.writer.flush() {
                Ok(()) => {
                    self.snapshots.delete_unneeded().unwrap_or_else(|it| self.file_failed(it));
                }
                Err(error) => self.keep(Err(error.into())),
            }
        }
    }

    /// Where training has gone so far, as far as there is time to find out.
    fn tell_live_path(&mut self) {
        let Some(map) = &self.map else { return };
        let records = self.snapshots.records();
        match self.live_path.update(records, map, &self.folder, self.started.elapsed()) {
            Ok(Some(path)) => self.append(&Record::Trajectory(path)),
            Ok(None) => {}
            Err(error) => {
                let sentence = format!("the path of training is incomplete: {error}");
                self.problem(self.gone().unwrap_or(sentence));
            }
        }
    }

    /// A file of the run could not be written: because the run is gone, or for a reason of its own.
    fn file_failed(&mut self, error: Error) {
        match self.gone() {
            Some(sentence) => self.problem(sentence),
            None => {
                let sentence = self.report.failed(error).filter(|_| self.head.is_some());
                sentence.into_iter().for_each(|it| self.note("warning", it));
            }
        }
    }

    /// Says so if the run folder is not there any more.
    pub(super) fn gone(&self) -> Option<String> {
        let trace = self.folder.trace_path();
        let sentence = format!(
            "{} is gone: the run folder was moved or removed while it was recorded",
            trace.display()
        );
        (!trace.is_file()).then_some(sentence)
    }

    /// Counts a problem; a new one is also told in the trace.
    pub(super) fn problem(&mut self, sentence: String) {
        if self.report.problem(sentence.clone()) {
            self.counters.voice.note(sentence.clone());
            self.note_problem(sentence);
        }
    }

    /// A problem that a person should know of while there is time to do something about it.
    fn urgent_problem(&mut self, sentence: String) {
        if self.report.problem(sentence.clone()) {
            self.counters.voice.alert(sentence.clone(), self.counters.has_dashboard());
            self.note_problem(sentence);
        }
    }

    /// Before there is a head, notes wait for it.
    pub(super) fn note_problem(&mut self, text: String) {
        if self.head.is_some() {
            self.append(&Record::Note(record!(Note { level: "warning".into(), text })));
        }
    }

    pub(super) fn release(&self, weights: &WeightsAt) {
        let waiting = &self.counters.waiting_bytes;
        let left = waiting.load(Ordering::Relaxed);
        waiting.fetch_sub(weights.bytes().min(left), Ordering::Relaxed);
    }

    /// Shows a record to whoever watches inside this process.
    pub(super) fn show(&mut self, record: &Record) {
        if let Some(viewer) = &mut self.viewer {
            viewer(record);
        }
    }

    pub(super) fn append(&mut self, record: &Record) {
        self.show(record);
        let appended = self.writer.append(record);
        self.keep(appended.map_err(Error::from));
    }

    /// A sentence for the trace, and for the terminal if a renderer of ours prints there.
    pub(super) fn note(&mut self, level: &str, text: String) {
        self.counters.voice.note(text.clone());
        self.append(&Record::Note(record!(Note { level: level.into(), text })));
    }

    pub(super) fn flush(&mut self) {
        let flushed = self.writer.flush();
        self.keep(flushed.map_err(Error::from));
    }

    pub(super) fn keep(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.report.failed(error);
        }
    }

    fn end(mut self, reason: &str, inbox: &Inbox) -> Report {
        self.take_steps(inbox);
        self.resolve_steps(true);
        self.close_last_epoch();
        self.take_own(inbox, true);
        self.report_skipped();
        self.report_skipped_own();
        if self.head.is_none() {
            // Above others there need be nothing.
            if self.counters.has_children.load(Ordering::Relaxed) {
                return self.current_report();
            }
            self.begin_without_steps(reason);
        }
        self.write_end(reason);
        if let Some(sentence) = self.gone() {
            self.report.problem(sentence);
        }
        self.counters.voice.tell_at_end();
        self.current_report()
    }

    fn write_end(&mut self, reason: &str) {
        self.say_how_training_ended();
        if let Some(sentence) = self.report.lost_records() {
            self.note("warning", sentence);
        }
        if let Some(text) = self.last_word.take() {
            self.append(&Record::Note(record!(Note { level: "warning".into(), text })));
        }
        self.append(&Record::End(record!(End {
            reason: reason.into(),
            steps: self.written.steps,
            dropped: self.counters.dropped_steps.load(Ordering::Relaxed),
            elapsed_secs: self.started.elapsed().as_secs_f64(),
        })));
    }

    fn say_how_training_ended(&mut self) {
        let told = self.counters.ending().and_then(|ending| ending.sentence());
        told.into_iter().chain(self.counters.unheeded()).for_each(|it| self.note("info", it));
    }

    fn current_report(&self) -> Report {
        let mut report = self.report.clone();
        report.frozen = self.frozen.clone();
        report.snapshots = self.snapshots.records().cloned().collect();
        report.steps = self.written.steps;
        report.dropped_steps = self.counters.dropped_steps.load(Ordering::Relaxed);
        report
    }
}
