//! The writer thread: takes what training hands over, finds its epoch, and appends it to the run.

pub(crate) mod epochs;
pub(crate) mod lanes;
mod report;
pub(crate) mod sample;
mod snapshots;
mod steps;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use burnscape_trace::{
    Dropped, End, Epoch, Head, Note, Progress, Record, Resume, Resumed, RunFolder, Snapshot, Writer,
};

use crate::config::Config;
use crate::model_map::{ModelMap, NamedTensor};
use crate::{Error, Result, head};

pub(crate) use report::Report;

use epochs::{EpochMap, TrainingEvent};
use lanes::{Counters, Lanes, Spare};
use sample::{LossSample, StepSample};
use snapshots::SnapshotStore;
use steps::{LossBook, StepRow};

/// How long the writer thread sleeps when there is nothing to do: training never has to wake it.
const NAP: Duration = Duration::from_millis(20);
/// Progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Losses that may wait for their step.
const LOSS_QUEUE: usize = 16_384;
/// Steps that may wait for burn's events before they are written without an epoch.
const MAX_PENDING_STEPS: usize = 20_000;

/// A moment in the run, in optimizer steps and `TrainStep::step` calls before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub steps: u64,
    pub batches: u64,
}

impl Moment {
    fn after(self, earlier: Moment) -> Moment {
        Moment { steps: self.steps + earlier.steps, batches: self.batches + earlier.batches }
    }
}

/// All tensors of the model at a moment of this process.
#[derive(Debug)]
pub(crate) struct WeightsAt {
    pub at: Moment,
    pub tensors: Vec<NamedTensor>,
}

impl WeightsAt {
    pub fn bytes(&self) -> u64 {
        let lens = self.tensors.iter().map(|it| it.data.as_bytes().len());
        lens.sum::<usize>() as u64
    }
}

/// Where an answer goes.
pub(crate) type Reply<T> = Sender<T>;

/// What is never lost on the way to the writer thread.
pub(crate) enum Control {
    /// The model, and snapshot 0: sent at the first update.
    Introduce(Box<(ModelMap, WeightsAt)>),
    /// One of burn's progress events.
    Event(TrainingEvent),
    /// Weights that burn validates: an epoch's, if events confirm it.
    Validated(Box<WeightsAt>),
    /// Weights after a step whose snapshot is due.
    StepSnapshot(Box<WeightsAt>),
    /// The returned model.
    FinalSnapshot(Box<WeightsAt>),
    /// A record made elsewhere.
    Record(Box<Record>),
    /// Something that went wrong elsewhere.
    Problem(String),
    /// Write all that came before, then answer with the state of the run.
    Sync(Reply<Report>),
    /// Write all that came before and the end of the run, then answer and stop.
    Stop(&'static str, Reply<Report>),
}

/// What an earlier recording of the same folder left behind.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    pub head: Option<Head>,
    pub epochs: Vec<Epoch>,
    pub snapshots: Vec<Snapshot>,
    pub recorded: Moment,
    pub slices: u32,
    pub next_snapshot: u64,
}

impl From<Resumed> for Earlier {
    fn from(resumed: Resumed) -> Self {
        Self {
            head: resumed.head,
            epochs: resumed.epochs,
            snapshots: resumed.snapshots,
            recorded: Moment { steps: resumed.steps, batches: resumed.batches },
            slices: resumed.slices,
            next_snapshot: resumed.next_snapshot,
        }
    }
}

/// The writer thread and the way to it.
pub(crate) struct Recorder {
    pub lanes: Lanes,
    pub folder: RunFolder,
    /// Number of the next slice in the run.
    pub first_slice: u32,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the writer thread.
    ///
    /// # Errors
    ///
    /// [`Error::RecorderGone`] if the system starts no thread.
    pub fn start(
        config: &Config,
        folder: RunFolder,
        writer: Writer,
        earlier: Option<Earlier>,
        started: Instant,
    ) -> Result<Self> {
        let (control, control_in) = channel();
        let (steps, steps_in) = sync_channel(config.queue_steps);
        let (losses, losses_in) = sync_channel(LOSS_QUEUE);
        let (spare, spare_out) = sync_channel(config.queue_steps);
        let counters = Arc::new(Counters::default());
        let lanes = Lanes::new(control, steps, losses, spare_out, counters.clone());
        let inbox = Inbox { control: control_in, steps: steps_in, losses: losses_in, spare };
        let first_slice = earlier.as_ref().map_or(0, |it| it.slices);
        let worker = Worker::new(config, folder.clone(), writer, earlier, started, counters);
        let thread = std::thread::Builder::new()
            .name("burnscape-writer".into())
            .spawn(move || worker.run(&inbox))
            .map_err(|_| Error::RecorderGone { run: folder.path().to_path_buf() })?;
        lanes.set_writer(thread.thread().clone());
        Ok(Self { lanes, folder, first_slice, thread: Some(thread) })
    }

    /// Waits until everything handed over so far is in the file.
    ///
    /// # Errors
    ///
    /// [`Error::RecorderGone`] if the writer thread has died.
    pub fn sync(&self) -> Result<Report> {
        self.lanes.ask(Control::Sync).ok_or_else(|| self.gone())
    }

    /// Writes the end of the run and stops the writer thread.
    ///
    /// # Errors
    ///
    /// [`Error::RecorderGone`] if the writer thread has died.
    pub fn stop(&mut self, reason: &'static str) -> Result<Report> {
        let Some(thread) = self.thread.take() else {
            return Err(self.gone());
        };
        let report = self.lanes.ask(|reply| Control::Stop(reason, reply));
        let _ = thread.join();
        report.ok_or_else(|| self.gone())
    }

    fn gone(&self) -> Error {
        Error::RecorderGone { run: self.folder.path().to_path_buf() }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let reason = match std::thread::panicking() {
                true => "panicked",
                false => "dropped",
            };
            let _ = self.stop(reason);
        }
    }
}

/// The receiving ends.
struct Inbox {
    control: Receiver<Control>,
    steps: Receiver<StepSample>,
    losses: Receiver<LossSample>,
    spare: SyncSender<Spare>,
}

/// The writer thread's own state.
struct Worker {
    config: Config,
    folder: RunFolder,
    writer: Writer,
    counters: Arc<Counters>,
    started: Instant,
    earlier: Option<Earlier>,
    /// Counts of this process start here in the run.
    base: Moment,
    /// Burn told where training starts, or nobody will.
    base_known: bool,
    epochs: EpochMap,
    head: Option<Head>,
    introduction: Option<Box<(ModelMap, WeightsAt)>>,
    pending: std::collections::VecDeque<StepSample>,
    losses: LossBook,
    row: StepRow,
    snapshots: SnapshotStore,
    /// Weights that burn validated and whose epoch is not confirmed yet.
    validated: Option<Box<WeightsAt>>,
    /// Epochs counted by validations, without burn's events.
    validations: u64,
    batches_at_validation: u64,
    written: Moment,
    reported_drops: u64,
    last_progress: Option<Instant>,
    report: Report,
}

impl Worker {
    fn new(
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
            snapshots: SnapshotStore::new(folder.clone(), snapshots.0, snapshots.1),
            folder,
            writer,
            counters,
            started,
            base: Moment::default(),
            base_known: false,
            epochs: EpochMap::default(),
            head: None,
            introduction: None,
            pending: std::collections::VecDeque::new(),
            losses: LossBook::default(),
            row: StepRow::default(),
            validated: None,
            validations: 0,
            batches_at_validation: 0,
            written: Moment::default(),
            reported_drops: 0,
            last_progress: None,
            report: Report::default(),
            earlier,
        }
    }

    fn run(mut self, inbox: &Inbox) {
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
        while let Ok(control) = inbox.control.try_recv() {
            match control {
                Control::Sync(reply) => {
                    self.take_steps(inbox);
                    self.flush();
                    let _ = reply.send(self.current_report());
                }
                Control::Stop(reason, reply) => return Some((reason, reply)),
                control => {
                    self.handle(control);
                }
            }
        }
        self.take_steps(inbox);
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
            Control::Validated(weights) => self.validated(weights),
            Control::StepSnapshot(weights) => {
                let epoch = self.epochs_complete();
                self.snapshot("step", epoch, *weights);
            }
            Control::FinalSnapshot(weights) => {
                let epoch = self.epochs_complete();
                self.snapshot("final", epoch, *weights);
            }
            Control::Record(mut record) => {
                if let Record::Metric(metric) = record.as_mut() {
                    metric.step = self.written.steps;
                }
                self.append(&record);
            }
            Control::Problem(sentence) => self.report.problem(sentence),
            Control::Sync(_) | Control::Stop(..) => {}
        }
    }

    // ---- the beginning -------------------------------------------------------------------

    fn is_attached(&self) -> bool {
        self.counters.attached.load(Ordering::Acquire)
    }

    /// Writes head and snapshot 0 as soon as it is known at which epoch training starts.
    fn introduce_if_known(&mut self) {
        if self.head.is_some() || (self.is_attached() && !self.base_known) {
            return;
        }
        self.introduce();
    }

    fn introduce(&mut self) {
        let Some(introduction) = self.introduction.take() else {
            return;
        };
        if !self.base_known {
            self.base = self.earlier.as_ref().map_or(self.base, |it| it.recorded);
        }
        let (map, weights) = *introduction;
        let head = self.make_head(&map);
        self.check_same_model(&head);
        self.append(&Record::Head(head.clone()));
        self.head = Some(head);
        self.go_back();
        self.warn_about_aliases(&map);
        self.say_what_snapshots_weigh(weights.bytes());
        let epoch = self.first_epoch().map(|first| first - 1);
        let reason = if self.earlier.is_some() { "resume" } else { "initial" };
        self.snapshot(reason, epoch, weights);
    }

    fn make_head(&self, map: &ModelMap) -> Head {
        let mut head = head::describe(map, &self.config);
        if let Some(earlier) = self.earlier.as_ref().and_then(|it| it.head.as_ref()) {
            head.run_id.clone_from(&earlier.run_id);
            head.started_unix_secs = earlier.started_unix_secs;
        }
        head.epochs_planned = (self.epochs.total_epochs > 0).then_some(self.epochs.total_epochs);
        head.first_epoch = self.first_epoch();
        head
    }

    fn first_epoch(&self) -> Option<u64> {
        self.base_known.then(|| self.epochs.first_epoch())
    }

    fn check_same_model(&mut self, head: &Head) {
        let earlier = self.earlier.as_ref().and_then(|it| it.head.as_ref());
        if earlier.is_some_and(|earlier| earlier.blocks != head.blocks) {
            self.report.problem(
                "the resumed run was recorded with another model: its blocks differ, earlier \
                 steps and snapshots do not fit; record this model in a folder of its own"
                    .to_string(),
            );
        }
    }

    /// The writer has told that recording goes on; if it does so from an earlier point, such as
    /// the checkpoint of an epoch, this leaves the rest of the old path behind.
    fn go_back(&mut self) {
        let recorded = self.earlier.as_ref().map(|it| it.recorded);
        if recorded.is_none_or(|recorded| recorded == self.base) {
            return;
        }
        self.append(&Record::Resume(Resume {
            resumed_unix_secs: head::unix_secs(),
            steps: self.base.steps,
            batches: self.base.batches,
            truncated_bytes: 0,
        }));
        self.snapshots.abandon_after(self.base.steps);
    }

    fn warn_about_aliases(&mut self, map: &ModelMap) {
        for (first, second) in &map.aliases {
            self.note(
                "warning",
                format!(
                    "`{second}` is the same parameter as `{first}`: burn's optimizer takes its \
                     gradient at the first path only, and it is counted once"
                ),
            );
        }
    }

    fn say_what_snapshots_weigh(&mut self, bytes: u64) {
        let planned = match self.config.snapshots {
            crate::SnapshotSchedule::EveryEpochs(every) => self
                .first_epoch()
                .map(|first| (self.epochs.total_epochs + 1).saturating_sub(first) / every + 1),
            crate::SnapshotSchedule::EverySteps(_) => None,
        };
        let room = fs4::available_space(self.folder.path()).ok();
        let (level, sentence) = snapshots::room_sentence(bytes, planned, room);
        if level == "warning" {
            log::warn!("burnscape: {sentence}");
        }
        self.note(level, sentence);
    }

    // ---- burn's events -------------------------------------------------------------------

    fn event(&mut self, event: &TrainingEvent) {
        self.epochs.apply(event);
        match *event {
            TrainingEvent::Start { first_epoch, .. } => self.set_base(first_epoch),
            TrainingEvent::EpochEnd { epoch } => self.epoch_complete(epoch),
            TrainingEvent::SplitStart { train: true, .. } => self.losses.forget_validation(),
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
            let before = earlier.epochs.iter().rev();
            let before = before.clone().find(|it| it.epoch + 1 == first_epoch);
            self.base = match before {
                Some(epoch) => Moment { steps: epoch.steps, batches: epoch.batches },
                None if first_epoch <= 1 => Moment::default(),
                None => earlier.recorded,
            };
        }
        self.introduce_if_known();
    }

    fn epoch_complete(&mut self, epoch: u64) {
        self.resolve_steps(false);
        let Some((before, through)) = self.epochs.batches_of(epoch) else {
            return;
        };
        let weights = self.validated.take();
        let weights = weights.filter(|it| it.at.batches == through);
        if let Some(weights) = weights {
            self.write_epoch(epoch, before, weights);
        }
    }

    fn write_epoch(&mut self, epoch: u64, before: u64, weights: Box<WeightsAt>) {
        let at = weights.at.after(self.base);
        let record = Epoch {
            epoch,
            steps: at.steps,
            batches: at.batches,
            elapsed_secs: self.started.elapsed().as_secs_f64(),
            train_loss: self.losses.mean_of(before, weights.at.batches),
            valid_loss: self.losses.take_validation_mean(),
        };
        self.append(&Record::Epoch(record));
        match self.config.snapshots.is_due_after_epoch(epoch) {
            true => self.snapshot("epoch", Some(epoch), *weights),
            false => self.release(&weights),
        }
    }

    fn validated(&mut self, weights: Box<WeightsAt>) {
        if self.is_attached() {
            if let Some(unconfirmed) = self.validated.replace(weights) {
                self.release(&unconfirmed);
            }
            return;
        }
        self.resolve_steps(false);
        self.validations += 1;
        let before = std::mem::replace(&mut self.batches_at_validation, weights.at.batches);
        self.write_epoch(self.validations, before, weights);
    }

    fn epochs_complete(&self) -> Option<u64> {
        match self.is_attached() {
            true => self.base_known.then(|| self.epochs.complete_epochs()),
            false => Some(self.validations),
        }
    }

    fn progress(&mut self) {
        let due = self.last_progress.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
        if !due || self.head.is_none() {
            return;
        }
        self.last_progress = Some(Instant::now());
        let split = if self.epochs.is_training() { "train" } else { "valid" };
        self.append(&Record::Progress(Progress {
            split: split.to_string(),
            epoch: self.epochs.current_epoch(),
            done: self.epochs.done_items,
            total: self.epochs.split_items,
            eta_secs: None,
        }));
    }

    // ---- steps ---------------------------------------------------------------------------

    fn take_steps(&mut self, inbox: &Inbox) {
        let known = self.pending.len();
        self.pending.extend(inbox.steps.try_iter());
        // Losses are sent before their step: read after the steps, none is missed.
        for sample in inbox.losses.try_iter() {
            self.losses.add(sample);
        }
        if self.pending.len() > known || known > 0 {
            self.resolve_steps(self.pending.len() > MAX_PENDING_STEPS);
        }
        for spare in self.row.spares.drain(..) {
            let _ = inbox.spare.try_send(spare);
        }
        self.report_drops();
    }

    /// Writes the steps whose epoch is known; all of them if `force`.
    fn resolve_steps(&mut self, force: bool) {
        if force {
            self.introduce();
        }
        if self.head.is_none() {
            return;
        }
        while let Some(sample) = self.pending.front() {
            let place = self.place(sample.batches, force);
            if place.is_none() && !force && self.is_attached() {
                return;
            }
            if let Some(sample) = self.pending.pop_front() {
                self.write_step(sample, place);
            }
        }
    }

    fn place(&self, batches: u64, force: bool) -> Option<epochs::Place> {
        if !self.is_attached() {
            return Some(epochs::Place {
                epoch: self.validations + 1,
                iteration: batches.saturating_sub(self.batches_at_validation),
            });
        }
        let place = self.epochs.place(batches);
        match force {
            true => place.or_else(|| self.epochs.last_place(batches)),
            false => place,
        }
    }

    fn write_step(&mut self, sample: StepSample, place: Option<epochs::Place>) {
        let loss =
            self.losses.mean_of(sample.batches - u64::from(sample.accumulated), sample.batches);
        let blocks = self.head.as_ref().map_or(0, |head| head.blocks.len());
        let row = self.row.fill(sample, blocks, self.base, place, loss);
        let appended = self.writer.append(row);
        if appended.is_ok()
            && let Record::Step(step) = row
        {
            self.written = Moment { steps: step.step + 1, batches: step.batches };
            self.report.last_loss = step.loss.or(self.report.last_loss);
        }
        self.keep(appended.map_err(Error::from));
    }

    fn report_drops(&mut self) {
        let dropped = self.counters.dropped_steps.load(Ordering::Relaxed);
        if dropped == self.reported_drops || self.head.is_none() {
            return;
        }
        let records = dropped - std::mem::replace(&mut self.reported_drops, dropped);
        let after_step = self.written.steps;
        self.append(&Record::Dropped(Dropped { records, after_step }));
    }

    // ---- snapshots -----------------------------------------------------------------------

    fn snapshot(&mut self, reason: &str, epoch: Option<u64>, weights: WeightsAt) {
        self.release(&weights);
        let steps = weights.at.after(self.base).steps;
        match self.snapshots.store(reason, epoch, steps, &weights.tensors) {
            Ok(record) => self.append(&Record::Snapshot(record)),
            Err(error) => self.keep(Err(error)),
        }
    }

    fn release(&self, weights: &WeightsAt) {
        let waiting = &self.counters.waiting_bytes;
        let left = waiting.load(Ordering::Relaxed);
        waiting.fetch_sub(weights.bytes().min(left), Ordering::Relaxed);
    }

    // ---- writing -------------------------------------------------------------------------

    fn append(&mut self, record: &Record) {
        let appended = self.writer.append(record);
        self.keep(appended.map_err(Error::from));
    }

    fn note(&mut self, level: &str, text: String) {
        self.append(&Record::Note(Note { level: level.to_string(), text }));
    }

    fn flush(&mut self) {
        let flushed = self.writer.flush();
        self.keep(flushed.map_err(Error::from));
    }

    fn keep(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.report.problem(error.to_string());
        }
    }

    // ---- the end -------------------------------------------------------------------------

    fn end(mut self, reason: &str, inbox: &Inbox) -> Report {
        self.take_steps(inbox);
        self.resolve_steps(true);
        let end = End {
            reason: reason.to_string(),
            steps: self.written.steps,
            dropped: self.counters.dropped_steps.load(Ordering::Relaxed),
            elapsed_secs: self.started.elapsed().as_secs_f64(),
        };
        let mut report = self.current_report();
        if self.head.is_none() {
            report.problem("no optimizer step was seen, so there is nothing in the run".into());
            return report;
        }
        if let Err(error) = self.writer.finish(end) {
            report.problem(error.to_string());
        }
        report
    }

    fn current_report(&self) -> Report {
        let mut report = self.report.clone();
        report.snapshots = self.snapshots.records().to_vec();
        report.steps = self.written.steps;
        report.dropped_steps = self.counters.dropped_steps.load(Ordering::Relaxed);
        report
    }
}
