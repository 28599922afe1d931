//! The writer thread: takes what training hands over, finds its epoch, and appends it to the run.

mod alarm;
mod beginning;
mod counting;
pub(crate) mod earlier;
mod epoch_map;
mod epochs;
pub(crate) mod head;
mod inbox;
mod journal;
mod live_path;
mod losses;
mod own;
mod recorded_model;
mod snapshot_taker;
mod snapshots;
mod start;
mod steps;
mod taps;
mod training;
mod waiting_steps;
mod worker;

use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use burnscape_trace::{RunFolder, Writer};

use crate::channel::counters::Counters;
use crate::channel::handle::{RecorderHandle, Senders};
use crate::channel::message::{Control, Moment};
use crate::channel::report::Report;
use crate::config::Config;
use crate::{Error, Result, panics};
use earlier::Earlier;
use inbox::Inbox;
use journal::Journal;
use worker::Worker;

/// Losses that may wait for their step.
const LOSS_QUEUE: usize = 16_384;

/// Calls of taps that may wait for the writer thread.
const TAP_QUEUE: usize = 1024;

/// How the writer thread begins: with a training, or after one.
type NewWorker = fn(&Config, Journal, Option<Earlier>, Arc<Counters>) -> Worker;

/// The writer thread and the way to it.
pub(crate) struct Recorder {
    pub handle: RecorderHandle,
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
        let handle = RecorderHandle::new(senders, spare_out, counters.clone());
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
        let journal = Journal::new(folder.clone(), writer, started, counters.clone());
        let worker = worker(config, journal, earlier, counters);
        let thread = std::thread::Builder::new()
            .name("burnscape-writer".into())
            .spawn(move || worker.run(&inbox))
            .map_err(|_| Error::RecorderGone { run: folder.path().to_path_buf() })?;
        handle.set_writer(thread.thread().clone());
        let panics_before = panics::listen();
        let thread = Some(thread);
        Ok(Self { handle, folder, first_slice, first_study, recorded, panics_before, thread })
    }

    /// Waits until everything handed over so far is in the file.
    ///
    /// # Errors
    ///
    /// [`Error::RecorderGone`] if the writer thread has died.
    pub fn sync(&self) -> Result<Report> {
        self.handle.ask(Control::Sync).ok_or_else(|| self.gone())
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
        let report = self.handle.ask(|reply| Control::Stop(reason, reply));
        let _ = thread.join();
        self.close_dashboard();
        report.ok_or_else(|| self.gone())
    }

    #[cfg(feature = "tui")]
    fn close_dashboard(&self) {
        if let Some(dashboard) = self.handle.counters().dashboard.get() {
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
                self.handle.send(Control::LastWord(text));
            }
            let _ = self.stop(reason);
        }
    }
}
