//! The ways from training to the writer thread: steps may be lost when it lags, all else may not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;

use burn::train::Interrupter;
use burnscape_trace::Record;

use super::counting::Listeners;
use super::epochs::TrainingEvent;
use super::look::LookSample;
use super::own::OwnSample;
use super::sample::{LossSample, StepSample};
use super::taps::TapSample;
use super::{Control, Reply, Validated, WeightsAt};
use crate::ending::Ending;
use crate::events::Teller;
use crate::measure::StepValues;
use crate::model_map::ModelMap;
use crate::voice::Voice;

/// Weights that may wait for the disk, in bytes; further snapshots are skipped, and said so.
const MAX_WAITING_BYTES: u64 = 2 << 30;

/// Losses that may wait beside their queue; further ones are left out, and said so.
const MAX_LOSSES_ASIDE: usize = 1 << 20;

/// Entries of gradients and weights that may wait to be looked at, unless a single step has more: 256 MiB of f32.
const MAX_WAITING_ENTRIES: u64 = 64 << 20;

/// Buffers of a written step, on their way back.
pub(crate) type Spare = (Vec<f32>, Vec<u32>);

/// The sending side, shared by the hook and by burn's event thread.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<Shared>);

struct Shared {
    control: Sender<Control>,
    steps: SyncSender<StepSample>,
    losses: SyncSender<LossSample>,
    looks: SyncSender<LookSample>,
    taps: SyncSender<TapSample>,
    own: SyncSender<OwnSample>,
    spare: Mutex<Receiver<Spare>>,
    writer: OnceLock<Thread>,
    counters: Arc<Counters>,
}

/// What both sides count.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Step samples that found the queue full.
    pub dropped_steps: AtomicU64,
    /// Weights on their way to the disk, in bytes.
    pub waiting_bytes: AtomicU64,
    /// Who passes burn's progress events on.
    pub listeners: Listeners,
    /// Which of them tells them to the recorder.
    pub teller: Teller,
    /// How training ended, once burn told it.
    ending: Mutex<Option<Ending>>,
    /// What is told to a person.
    pub voice: Voice,
    /// A renderer of ours is calling the one of the user's.
    pub is_beside: AtomicBool,
    /// Steps after which a loop of this run was told to stop, and one more; 0: it was not.
    pub stopped_at: AtomicU64,
    /// Closer looks and taps that found no room.
    pub skipped_looks: AtomicU64,
    /// Values of the program's own that found no room.
    pub skipped_own: AtomicU64,
    /// Entries of tensors on their way to the writer thread to be looked at.
    pub waiting_entries: AtomicU64,
    /// Steps of this process before the last alert, and one more; 0 without one.
    pub alerted_after: AtomicU64,
    /// The writer thread wants the update of the next step measured, where only it sees gradient norms.
    pub update_asked: AtomicBool,
    pub losses_aside: LossesAside,
    /// Training splits that burn told the beginning of.
    pub train_splits: AtomicU64,
    /// An alert of this run, or of one that is trained with it, asks training to stop.
    pub stop_asked: Arc<AtomicBool>,
    /// A loop was told so, of this run or of one that is trained with it.
    pub stop_told: Arc<AtomicBool>,
    /// The last step was one of a second model, which is not recorded.
    pub is_second: AtomicBool,
    /// Other runs are trained below this one.
    pub has_children: AtomicBool,
    /// The reader of the dashboard asks the study to stop.
    pub study_stop_asked: AtomicBool,
    /// The dashboard in this terminal.
    #[cfg(feature = "tui")]
    pub dashboard: OnceLock<burnscape_tui::Dashboard>,
    /// burn's own way to stop.
    pub interrupter: Interrupters,
    /// Learning rate and global gradient norm of the last step written, as the bits of an f64.
    pub last_lr: AtomicU64,
    pub last_grad_norm: AtomicU64,
}

impl Counters {
    /// With a request to stop that several runs may share, and whether it was told.
    pub fn stopped_by(stop_asked: Arc<AtomicBool>, stop_told: Arc<AtomicBool>) -> Self {
        Self { stop_asked, stop_told, ..Self::default() }
    }

    /// Whether a dashboard has the terminal, so that nobody else may print there.
    pub fn has_dashboard(&self) -> bool {
        #[cfg(feature = "tui")]
        return self.dashboard.get().is_some_and(burnscape_tui::Dashboard::is_open);
        #[cfg(not(feature = "tui"))]
        false
    }

    pub fn ending(&self) -> Option<Ending> {
        self.ending.lock().ok()?.clone()
    }

    pub fn set_ending(&self, ending: impl Into<Option<Ending>>) {
        if let Ok(mut slot) = self.ending.lock() {
            *slot = ending.into();
        }
    }

    /// How a training ended that burn told nothing about, after so many steps: a loop that asked and was told to stop
    /// took no step since.
    pub fn reason_by_hand(&self, steps: u64) -> &'static str {
        let stopped = match self.stopped_at.load(Ordering::Acquire) {
            0 => self.stop_told.load(Ordering::Acquire),
            after => after == steps + 1,
        };
        match stopped || self.is_interrupted() {
            true => "interrupted",
            false => "finished",
        }
    }

    /// Whether burn's training was asked to stop, and knows of it.
    pub fn is_interrupted(&self) -> bool {
        self.interrupter.get().is_some_and(|it| it.should_stop())
    }

    /// An answer to an alert was to stop training, and nothing could.
    pub fn unheeded(&self) -> Option<String> {
        let asked = self.stop_asked.load(Ordering::Acquire);
        let may_stop = self.interrupter.get().is_some();
        let was_told = self.stop_told.load(Ordering::Acquire);
        (asked && !may_stop && !was_told).then(|| {
            "training was asked to stop, and nothing could stop it: train through `probe.training(…)`, or ask \
             `Observer::should_stop` in a loop of your own"
                .to_string()
        })
    }
}

/// Losses that found no room in their queue.
#[derive(Debug, Default)]
pub(crate) struct LossesAside {
    losses: Mutex<Vec<LossSample>>,
    is_used: AtomicBool,
}

impl LossesAside {
    fn is_empty(&self) -> bool {
        !self.is_used.load(Ordering::Acquire)
    }

    /// Whether there was room for it.
    fn keep(&self, sample: LossSample) -> bool {
        let Ok(mut losses) = self.losses.lock() else { return false };
        self.is_used.store(true, Ordering::Release);
        let has_room = losses.len() < MAX_LOSSES_ASIDE;
        if has_room {
            losses.push(sample);
        }
        has_room
    }

    /// Takes them all.
    pub fn take(&self) -> Vec<LossSample> {
        if self.is_empty() {
            return Vec::new();
        }
        let Ok(mut losses) = self.losses.lock() else { return Vec::new() };
        self.is_used.store(false, Ordering::Release);
        std::mem::take(&mut losses)
    }
}

/// burn's interrupter, once a training was attached.
#[derive(Default)]
pub(crate) struct Interrupters(Mutex<Option<Interrupter>>);

impl std::fmt::Debug for Interrupters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupters(..)")
    }
}

impl Interrupters {
    pub fn set(&self, interrupter: Interrupter) {
        if let Ok(mut slot) = self.0.lock() {
            *slot = Some(interrupter);
        }
    }

    pub fn get(&self) -> Option<Interrupter> {
        self.0.lock().ok()?.clone()
    }
}

/// The sending ends.
pub(crate) struct Senders {
    pub control: Sender<Control>,
    pub steps: SyncSender<StepSample>,
    pub losses: SyncSender<LossSample>,
    pub looks: SyncSender<LookSample>,
    pub taps: SyncSender<TapSample>,
    pub own: SyncSender<OwnSample>,
}

impl Lanes {
    pub fn new(senders: Senders, spare: Receiver<Spare>, counters: Arc<Counters>) -> Self {
        let Senders { control, steps, losses, looks, taps, own } = senders;
        let (spare, writer) = (Mutex::new(spare), OnceLock::new());
        Self(Arc::new(Shared { control, steps, losses, looks, taps, own, spare, writer, counters }))
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

    /// Learning rate and global gradient norm of the last step that was written, once there is one.
    pub fn last_values(&self) -> Option<(f64, f64)> {
        let read = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        let counters = &self.0.counters;
        let lr = read(&counters.last_lr);
        (lr > 0.0).then(|| (lr, read(&counters.last_grad_norm)))
    }

    /// Hands a step over, or counts it as dropped; never waits.
    pub fn step(&self, sample: StepSample) {
        if self.0.steps.try_send(sample).is_err() {
            self.0.counters.dropped_steps.fetch_add(1, Ordering::Relaxed);
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
    pub fn look(&self, sample: LookSample) {
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
