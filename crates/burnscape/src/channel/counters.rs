//! What training and writer thread know of each other without sending it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use burn::train::Interrupter;

use super::ending::Ending;
use super::epoch_values::{EpochValues, LastValues};
use super::listeners::{Listeners, Teller};
use super::samples::LossSample;
use super::voice::Voice;

/// Losses that may wait beside their queue; further ones are left out, and said so.
const MAX_LOSSES_ASIDE: usize = 1 << 20;

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
    pub dashboard: std::sync::OnceLock<burnscape_tui::Dashboard>,
    /// burn's own way to stop.
    pub interrupter: Interrupters,
    /// Learning rate and global gradient norm of the last step written, as the bits of an f64.
    pub last_lr: AtomicU64,
    pub last_grad_norm: AtomicU64,
    /// The same of the last step of each epoch.
    pub epoch_values: EpochValues,
}

impl Counters {
    /// With a request to stop that several runs may share, and whether it was told.
    pub fn stopped_by(stop_asked: Arc<AtomicBool>, stop_told: Arc<AtomicBool>) -> Self {
        Self { stop_asked, stop_told, ..Self::default() }
    }

    #[cfg(test)]
    pub fn told_by(voice: Voice) -> Self {
        Self { voice, ..Self::default() }
    }

    /// Whether a dashboard has the terminal, so that nobody else may print there.
    pub fn has_dashboard(&self) -> bool {
        #[cfg(feature = "tui")]
        return self.dashboard.get().is_some_and(burnscape_tui::Dashboard::is_open);
        #[cfg(not(feature = "tui"))]
        false
    }

    /// So many bytes of weights do not wait for the disk any more.
    pub fn let_go_of_weights(&self, bytes: u64) {
        let left = self.waiting_bytes.load(Ordering::Relaxed);
        self.waiting_bytes.fetch_sub(bytes.min(left), Ordering::Relaxed);
    }

    /// Learning rate and global gradient norm of the last step that was written, once there is one.
    pub fn last_values(&self) -> Option<LastValues> {
        let read = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        let (lr, grad_norm) = (read(&self.last_lr), read(&self.last_grad_norm));
        (lr > 0.0).then_some(LastValues { lr, grad_norm })
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
    pub fn is_empty(&self) -> bool {
        !self.is_used.load(Ordering::Acquire)
    }

    /// Whether there was room for it.
    pub fn keep(&self, sample: LossSample) -> bool {
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
