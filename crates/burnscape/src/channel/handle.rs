//! The ways from training to the writer thread: steps may be lost when it lags, all else may not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;

use burnscape_trace::Record;

use super::counters::Counters;
use super::epoch_values::LastValues;
use super::event::TrainingEvent;
use super::message::{Control, Reply, Validated, WeightsAt};
use super::samples::{LossSample, OwnSample, StepSample, TapSample};
use crate::measure::StepValues;
use crate::measure::statistics::sample::StatisticsSample;
use crate::model::map::ModelMap;

/// Weights that may wait for the disk, in bytes; further snapshots are skipped, and said so.
const MAX_WAITING_BYTES: u64 = 2 << 30;

/// Entries of gradients and weights that may wait to be looked at, unless a single step has more: 256 MiB of f32.
const MAX_WAITING_ENTRIES: u64 = 64 << 20;

/// Said of the first step that comes after the end of the run.
const LATE_STEP: &str = "training goes on after its run has ended, so that its steps are no longer recorded: keep the probe \
                         (`let probe = …`) until training is over, and start another one for a training after `finish` or \
                         `close`";

/// Buffers of a written step, on their way back.
pub(crate) type Spare = (Vec<f32>, Vec<u32>);

/// The sending side, shared by the hook and by burn's event thread.
#[derive(Clone)]
pub(crate) struct RecorderHandle(Arc<Shared>);

struct Shared {
    control: Sender<Control>,
    steps: SyncSender<StepSample>,
    losses: SyncSender<LossSample>,
    looks: SyncSender<StatisticsSample>,
    taps: SyncSender<TapSample>,
    own: SyncSender<OwnSample>,
    spare: Mutex<Receiver<Spare>>,
    writer: OnceLock<Thread>,
    counters: Arc<Counters>,
    /// A step came after the end of the run, and that was said.
    has_told_late_step: AtomicBool,
}

/// The sending ends.
pub(crate) struct Senders {
    pub control: Sender<Control>,
    pub steps: SyncSender<StepSample>,
    pub losses: SyncSender<LossSample>,
    pub looks: SyncSender<StatisticsSample>,
    pub taps: SyncSender<TapSample>,
    pub own: SyncSender<OwnSample>,
}

impl RecorderHandle {
    pub fn new(senders: Senders, spare: Receiver<Spare>, counters: Arc<Counters>) -> Self {
        let Senders { control, steps, losses, looks, taps, own } = senders;
        let (spare, writer) = (Mutex::new(spare), OnceLock::new());
        let has_told_late_step = AtomicBool::new(false);
        Self(Arc::new(Shared {
            control,
            steps,
            losses,
            looks,
            taps,
            own,
            spare,
            writer,
            counters,
            has_told_late_step,
        }))
    }

    /// Whether a dashboard has the terminal, so that nobody else may print there.
    pub fn has_dashboard(&self) -> bool {
        self.0.counters.has_dashboard()
    }

    /// Waits until the reader of the dashboard has left, if there is one.
    pub fn wait_for_reader(&self) {
        #[cfg(feature = "tui")]
        if let Some(dashboard) = self.0.counters.dashboard.get() {
            dashboard.wait_until_left();
        }
    }

    /// Gives the terminal back, where a dashboard has it.
    #[cfg(feature = "tui")]
    pub fn close_dashboard(&self) {
        if let Some(dashboard) = self.0.counters.dashboard.get() {
            dashboard.close();
        }
    }

    /// Text to be left on the terminal when the dashboard closes.
    pub fn say_at_end(&self, text: String) {
        #[cfg(feature = "tui")]
        if let Some(dashboard) = self.0.counters.dashboard.get() {
            dashboard.say_at_end(text);
        }
        #[cfg(not(feature = "tui"))]
        let _ = text;
    }

    /// What both sides count.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Names the thread to wake when somebody waits for an answer.
    pub fn set_writer(&self, thread: Thread) {
        let _ = self.0.writer.set(thread);
    }

    /// Those of the last step that was written, once there is one.
    pub fn last_values(&self) -> Option<LastValues> {
        self.0.counters.last_values()
    }

    /// Hands a step over, or counts it as dropped; never waits.
    pub fn step(&self, sample: StepSample) {
        match self.0.steps.try_send(sample) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.0.counters.dropped_steps.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(_)) => self.tell_late_step(),
        }
    }

    /// Nobody would find out otherwise why steps are missing.
    #[cold]
    fn tell_late_step(&self) {
        if !self.0.has_told_late_step.swap(true, Ordering::Relaxed) {
            self.0.counters.voice.alert(LATE_STEP.to_string(), self.has_dashboard());
        }
    }

    /// Hands a loss over; never waits. The mean of an epoch needs every one: what finds no room is kept aside, and the
    /// writer thread is woken.
    pub fn loss(&self, sample: LossSample) {
        let aside = &self.0.counters.losses_aside;
        let sent = match aside.is_empty() {
            true => self.0.losses.try_send(sample),
            // Later ones stay behind earlier ones.
            false => Err(TrySendError::Full(sample)),
        };
        if let Err(TrySendError::Full(sample)) = sent {
            if !aside.keep(sample) {
                self.0.counters.skipped_looks.fetch_add(1, Ordering::Relaxed);
            }
            self.wake();
        }
    }

    /// Hands the tensors of a step over to be looked at, and wakes the writer thread, so that it lets go of
    /// them soon; what finds no room is counted.
    pub fn look(&self, sample: StatisticsSample) {
        let entries = sample.handles.entries() as u64;
        let waiting = &self.0.counters.waiting_entries;
        let has_room =
            waiting.load(Ordering::Relaxed) + entries <= MAX_WAITING_ENTRIES.max(entries);
        waiting.fetch_add(entries, Ordering::Relaxed);
        if !has_room || self.0.looks.try_send(sample).is_err() {
            waiting.fetch_sub(entries, Ordering::Relaxed);
            self.0.counters.skipped_looks.fetch_add(1, Ordering::Relaxed);
        }
        self.wake();
    }

    /// Hands what a tap heard over; what finds no room is counted.
    pub fn tap(&self, sample: TapSample) {
        if self.0.taps.try_send(sample).is_err() {
            self.0.counters.skipped_looks.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hands a value of the program's own over; what finds no room is counted.
    pub fn own(&self, sample: OwnSample) {
        if self.0.own.try_send(sample).is_err() {
            self.0.counters.skipped_own.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wakes the writer thread.
    pub fn wake(&self) {
        if let Some(writer) = self.0.writer.get() {
            writer.unpark();
        }
    }

    /// Empty buffers, those of an earlier step if one came back.
    pub fn spare_values(&self) -> StepValues {
        let spare = self.0.spare.try_lock().ok();
        let spare = spare.and_then(|spare| spare.try_recv().ok());
        let (host, missing) = spare.unwrap_or_default();
        StepValues::reuse(host, missing)
    }

    pub fn event(&self, event: TrainingEvent) {
        if let TrainingEvent::SplitStart { train: true, .. } = event {
            self.0.counters.train_splits.fetch_add(1, Ordering::Relaxed);
        }
        self.send(Control::Event(event));
    }

    pub fn introduce(&self, map: ModelMap, initial: WeightsAt) {
        self.send(Control::Introduce(Box::new((map, initial))));
    }

    /// Weights that are validated, after so many batches of other validations.
    pub fn validated(&self, weights: WeightsAt, valid_before: u64, may_be_cut: bool) {
        self.send_weights(weights, |weights| {
            Control::Validated(Validated { weights, valid_before, may_be_cut })
        });
    }

    pub fn step_snapshot(&self, weights: WeightsAt) {
        self.send_weights(weights, Control::StepSnapshot);
    }

    pub fn record(&self, record: Record) {
        self.send(Control::Record(Box::new(record)));
    }

    pub fn problem(&self, sentence: String) {
        self.send(Control::Problem(sentence));
    }

    /// Asks the writer thread and waits for its answer; `None` if it has died.
    pub fn ask<T>(&self, question: impl FnOnce(Reply<T>) -> Control) -> Option<T> {
        let (reply, answer) = std::sync::mpsc::channel();
        self.send(question(reply));
        self.wake();
        answer.recv().ok()
    }

    fn send_weights(&self, weights: WeightsAt, wrap: impl FnOnce(Box<WeightsAt>) -> Control) {
        let bytes = weights.bytes();
        let waiting = &self.0.counters.waiting_bytes;
        if waiting.load(Ordering::Relaxed) + bytes > MAX_WAITING_BYTES {
            let steps = weights.at.steps;
            return self.problem(format!(
                "the disk is too slow for the snapshots: the one after step {steps} was skipped; take fewer"
            ));
        }
        waiting.fetch_add(bytes, Ordering::Relaxed);
        self.send(wrap(Box::new(weights)));
    }

    /// Sends anything; nothing is lost while the writer thread lives.
    pub fn send(&self, control: Control) {
        let _ = self.0.control.send(control);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, sync_channel};

    use super::*;
    use crate::channel::samples::Clipping;
    use crate::channel::voice::{Voice, paper::Paper};
    use crate::measure::{Columns, Values};

    /// What holds the other ends.
    pub(crate) struct Ends {
        _control: Receiver<Control>,
        steps: Receiver<StepSample>,
    }

    impl RecorderHandle {
        /// A handle whose other ends nobody reads.
        pub(crate) fn without_writer() -> (Self, Ends) {
            Self::told_by(Voice::default())
        }

        fn told_by(voice: Voice) -> (Self, Ends) {
            let (control, control_in) = channel();
            let (steps, steps_in) = sync_channel(1);
            let (losses, looks) = (sync_channel(1).0, sync_channel(1).0);
            let (taps, own) = (sync_channel(1).0, sync_channel(1).0);
            let senders = Senders { control, steps, losses, looks, taps, own };
            let counters = Arc::new(Counters::told_by(voice));
            let handle = Self::new(senders, sync_channel(1).1, counters);
            (handle, Ends { _control: control_in, steps: steps_in })
        }
    }

    fn sample(step: u64) -> StepSample {
        StepSample {
            step,
            batches: step + 1,
            accumulated: 1,
            validations: 0,
            batches_at_validation: 0,
            validation_batches: 0,
            elapsed_secs: 0.0,
            lr: 0.1,
            values: Values::Host(Vec::new()),
            columns: Columns::default(),
            missing: Vec::new(),
            clipping: Clipping::None,
            boxed: None,
        }
    }

    #[test]
    fn steps_that_come_after_the_end_of_the_run_are_told_once_and_not_as_dropped() {
        let paper = Paper::default();
        let (handle, ends) = RecorderHandle::told_by(Voice::new(paper.clone()));
        let dropped = || handle.counters().dropped_steps.load(Ordering::Relaxed);
        (0..3).for_each(|step| handle.step(sample(step)));
        assert_eq!((dropped(), paper.lines().len()), (2, 0), "a full queue");
        drop(ends.steps);
        (3..6).for_each(|step| handle.step(sample(step)));
        let [told] = &paper.lines()[..] else { panic!("one line") };
        assert!(told.contains("after its run has ended") && told.contains("keep the probe"));
        assert_eq!(dropped(), 2);
    }
}
