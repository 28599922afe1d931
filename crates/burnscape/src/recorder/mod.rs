//! The writer thread: takes what training hands over, finds its epoch, and appends it to the run.

mod alarm;
mod beginning;
mod counting;
pub(crate) mod epochs;
pub(crate) mod lanes;
mod live_path;
pub(crate) mod look;
mod losses;
pub(crate) mod own;
mod report;
pub(crate) mod sample;
mod snapshots;
mod steps;
pub(crate) mod taps;
mod training;
mod worker;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use burnscape_trace::{Epoch, Head, Record, Resumed, RunFolder, Snapshot, Writer};

use crate::config::Config;
use crate::frozen::FrozenHistory;
use crate::model_map::{ModelMap, NamedTensor};
use crate::{Error, Result, panics};

pub(crate) use report::Report;
pub(crate) use snapshots::SnapshotLimits;

use epochs::TrainingEvent;
use lanes::{Counters, Lanes, Senders};
use worker::{Inbox, Worker};

/// Losses that may wait for their step.
const LOSS_QUEUE: usize = 16_384;
/// Calls of taps that may wait for the writer thread.
const TAP_QUEUE: usize = 1024;

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

/// Weights that a validation begins with.
#[derive(Debug)]
pub(crate) struct Validated {
    pub weights: Box<WeightsAt>,
    /// Validation batches of this process before it.
    pub valid_before: u64,
    /// Training was asked to stop before: unless it goes on, this is how burn gives back a model whose epoch was cut.
    pub may_be_cut: bool,
}

/// Whoever is shown what is written, on the writer thread; it must not wait for anything.
pub(crate) type Viewer = Box<dyn FnMut(&Record) + Send>;

/// Where an answer goes.
pub(crate) type Reply<T> = Sender<T>;

/// What is never lost on the way to the writer thread.
pub(crate) enum Control {
    /// The model, and snapshot 0: sent at the first update.
    Introduce(Box<(ModelMap, WeightsAt)>),
    /// One of burn's progress events.
    Event(TrainingEvent),
    /// Weights that burn validates: an epoch's, if events confirm it.
    Validated(Validated),
    /// Other blocks are frozen than before, from a step of this process on.
    Frozen { step: u64, frozen: Vec<bool> },
    /// A hand-written loop ends an epoch, after so many validation batches.
    ValidatedThrough(u64),
    /// Weights after a step whose snapshot is due.
    StepSnapshot(Box<WeightsAt>),
    /// The returned model.
    FinalSnapshot(Box<WeightsAt>),
    /// A record made elsewhere.
    Record(Box<Record>),
    /// Something that went wrong elsewhere.
    Problem(String),
    /// The same, for a person to see at once.
    UrgentProblem(String),
    /// Show everything that is written from now on, too; answered with the length of the trace so far.
    #[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only a dashboard asks for it"))]
    Show(Viewer, Reply<u64>),
    /// What is to be said right before the end.
    LastWord(String),
    /// Write all that came before, then answer with the state of the run.
    Sync(Reply<Report>),
    /// Write all that came before and the end of the run, then answer and stop.
    Stop(&'static str, Reply<Report>),
}

impl Control {
    /// Steps and losses that were sent before have to be taken in first.
    fn comes_after_steps(&self) -> bool {
        match self {
            Self::Validated(_)
            | Self::Frozen { .. }
            | Self::Event(TrainingEvent::EpochEnd { .. } | TrainingEvent::End) => true,
            // A metric of a split says behind which step it stands.
            Self::Record(record) => matches!(**record, Record::Metric(_)),
            _ => false,
        }
    }
}

/// What an earlier recording of the same folder left behind.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    pub head: Option<Head>,
    pub epochs: Vec<Epoch>,
    pub snapshots: Vec<Snapshot>,
    pub frozen: FrozenHistory,
    pub recorded: Moment,
    pub slices: u32,
    pub studies: u32,
    pub next_snapshot: u64,
}

impl Earlier {
    /// Where an epoch ended. A process that was killed may have left a checkpoint and not the record of its
    /// epoch: then epochs are taken to be as long as the last one that is known, or, where none is, all that was
    /// recorded to be the epoch.
    fn end_of_epoch(&self, number: u64) -> Moment {
        let known = |below: u64| self.epochs.iter().rev().find(|it| it.epoch < below);
        let Some(last) = known(number.saturating_add(1)) else { return self.recorded };
        let before = known(last.epoch)
            .map_or((0, self.epochs_before(), 0), |it| (it.steps, it.epoch, it.batches));
        let (steps, epoch, batches) = before;
        let (length, missing) = ((last.epoch - epoch.min(last.epoch)).max(1), number - last.epoch);
        let on = |end: u64, start: u64| {
            end.saturating_add((end.saturating_sub(start) / length).saturating_mul(missing))
        };
        Moment { steps: on(last.steps, steps), batches: on(last.batches, batches) }
    }

    /// It ended before its first step.
    fn is_of_no_model(&self) -> bool {
        self.head.as_ref().is_none_or(|head| head.blocks.is_empty())
    }

    /// Epochs that another run has trained, of which this one has the checkpoint only.
    fn epochs_before(&self) -> u64 {
        let first = self.head.as_ref().and_then(|head| head.first_epoch);
        first.map_or(0, |first| first.saturating_sub(1))
    }
}

impl From<Resumed> for Earlier {
    fn from(resumed: Resumed) -> Self {
        let frozen = resumed.head.as_ref().map(|head| FrozenHistory::of(head, resumed.frozen));
        Self {
            frozen: frozen.unwrap_or_default(),
            head: resumed.head,
            epochs: resumed.epochs,
            snapshots: resumed.snapshots,
            recorded: Moment { steps: resumed.steps, batches: resumed.batches },
            slices: resumed.slices,
            studies: resumed.studies,
            next_snapshot: resumed.next_snapshot,
        }
    }
}

/// How the writer thread begins: with a training, or after one.
type NewWorker = fn(&Config, RunFolder, Writer, Option<Earlier>, Instant, Arc<Counters>) -> Worker;

/// The writer thread and the way to it.
pub(crate) struct Recorder {
    pub lanes: Lanes,
    pub folder: RunFolder,
    /// Number of the next slice in the run.
    pub first_slice: u32,
    /// Number of the next study in the run.
    pub first_study: u32,
    /// What an earlier recording of the same folder left behind.
    pub recorded: Moment,
    /// Panics that were heard before it began.
    panics_before: u64,
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
        Self::spawn(config, folder, writer, earlier, started, Worker::new)
    }

    /// Starts the writer thread on a run to whose training nothing is added.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn reopen(
        config: &Config,
        folder: RunFolder,
        writer: Writer,
        earlier: Earlier,
        started: Instant,
    ) -> Result<Self> {
        Self::spawn(config, folder, writer, Some(earlier), started, Worker::reopened)
    }

    fn spawn(
        config: &Config,
        folder: RunFolder,
        writer: Writer,
        earlier: Option<Earlier>,
        started: Instant,
        worker: NewWorker,
    ) -> Result<Self> {
        let (control, control_in) = channel();
        let (steps, steps_in) = sync_channel(config.queue_steps);
        let (losses, losses_in) = sync_channel(LOSS_QUEUE);
        let (looks, looks_in) = sync_channel(config.queue_steps);
        let (taps, taps_in) = sync_channel(TAP_QUEUE);
        let (own, own_in) = sync_channel(own::OWN_QUEUE);
        let (spare, spare_out) = sync_channel(config.queue_steps);
        let (asked, told) = (config.stop_asked.clone(), config.stop_told.clone());
        let counters = Arc::new(Counters::stopped_by(asked, told));
        let senders = Senders { control, steps, losses, looks, taps, own };
        let lanes = Lanes::new(senders, spare_out, counters.clone());
        let inbox = Inbox {
            control: control_in,
            steps: steps_in,
            losses: losses_in,
            looks: looks_in,
            taps: taps_in,
            own: own_in,
            spare,
        };
        let first_slice = earlier.as_ref().map_or(0, |it| it.slices);
        let first_study = earlier.as_ref().map_or(0, |it| it.studies);
        let recorded = earlier.as_ref().map_or(Moment::default(), |it| it.recorded);
        let worker = worker(config, folder.clone(), writer, earlier, started, counters);
        let thread = std::thread::Builder::new()
            .name("burnscape-writer".into())
            .spawn(move || worker.run(&inbox))
            .map_err(|_| Error::RecorderGone { run: folder.path().to_path_buf() })?;
        lanes.set_writer(thread.thread().clone());
        let panics_before = panics::listen();
        let thread = Some(thread);
        Ok(Self { lanes, folder, first_slice, first_study, recorded, panics_before, thread })
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
        self.close_dashboard();
        report.ok_or_else(|| self.gone())
    }

    #[cfg(feature = "tui")]
    fn close_dashboard(&self) {
        if let Some(dashboard) = self.lanes.counters().dashboard.get() {
            dashboard.close();
        }
    }

    #[cfg(not(feature = "tui"))]
    fn close_dashboard(&self) {}

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
            if let Some(text) =
                panics::of_this_thread(self.panics_before).filter(|_| reason == "panicked")
            {
                self.lanes.send(Control::LastWord(text));
            }
            let _ = self.stop(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn earlier(epochs: &[(u64, u64)]) -> Earlier {
        let epoch = |&(epoch, steps): &(u64, u64)| {
            record!(Epoch { epoch, steps, batches: steps.saturating_mul(2) })
        };
        let epochs = epochs.iter().map(epoch).collect();
        Earlier { epochs, recorded: Moment { steps: 17, batches: 34 }, ..Earlier::default() }
    }

    #[test]
    fn an_epoch_whose_record_was_lost_is_as_long_as_the_one_before_it() {
        let at = |epochs: &[(u64, u64)], number| earlier(epochs).end_of_epoch(number).steps;
        assert_eq!(at(&[(1, 10), (2, 20), (3, 30)], 2), 20, "told");
        assert_eq!(at(&[(1, 10), (2, 20)], 5), 50);
        assert_eq!(at(&[(1, 10), (4, 40)], 6), 60);
        assert_eq!(at(&[(1, 10)], 3), 30);
        assert_eq!(at(&[], 1), 17, "nothing better is known");
        assert_eq!(earlier(&[(1, 10)]).end_of_epoch(3).batches, 60);
        let head = Some(record!(Head { first_epoch: Some(5) }));
        let later = Earlier { head, ..earlier(&[(5, 10)]) };
        assert_eq!(later.end_of_epoch(6).steps, 20, "epochs of another run do not count");
        assert_eq!(at(&[(1, u64::MAX)], u64::MAX), u64::MAX);
    }
}
