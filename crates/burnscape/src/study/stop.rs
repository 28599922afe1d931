//! Ways to stop a surface early: a request from the program, Ctrl-C, a key, the time budget. Ctrl-C stops a training
//! that is launched through a probe, too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use burn::train::Interrupter;
use signal_hook::SigId;
use signal_hook::consts::SIGINT;

use crate::channel::handle::RecorderHandle;
use crate::config::clock::Deadline;

/// Asks a running evaluation to stop after the nodes in progress; clones ask the same one.
///
/// What was measured is kept, and [`Study::resume`](crate::Study::resume) goes on from there.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<AtomicBool>);

impl Stopper {
    /// Asks it to stop. It stays asked.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why an evaluation ended before all nodes were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    Asked,
    Interrupted,
    Key,
    TimeBudget,
}

impl StopReason {
    /// As the end of "the surface was stopped …".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Asked => "because the program asked",
            Self::Interrupted => "by Ctrl-C",
            Self::Key => "by the key q",
            Self::TimeBudget => "by the time budget",
        }
    }
}

/// Listens, while it lives, for whatever may stop an evaluation.
pub(crate) struct StopWatch {
    stopper: Stopper,
    handle: RecorderHandle,
    deadline: Deadline,
    interrupt: Option<&'static Interrupt>,
    #[cfg(feature = "tui")]
    keys: Option<Mutex<burnscape_tui::KeyWatch>>,
    key_seen: AtomicBool,
}

impl StopWatch {
    /// Starts to listen; keys only where progress is shown on a terminal.
    pub fn start(
        stopper: &Stopper,
        handle: &RecorderHandle,
        deadline: Deadline,
        to_interrupt: bool,
        to_keys: bool,
    ) -> Self {
        #[cfg(not(feature = "tui"))]
        let _ = to_keys;
        Self {
            stopper: stopper.clone(),
            handle: handle.clone(),
            deadline,
            interrupt: to_interrupt.then(Interrupt::arm).flatten(),
            #[cfg(feature = "tui")]
            keys: to_keys.then(burnscape_tui::KeyWatch::start).flatten().map(Into::into),
            key_seen: AtomicBool::new(false),
        }
    }

    /// Whether `q` stops the evaluation.
    pub fn listens_to_keys(&self) -> bool {
        #[cfg(feature = "tui")]
        return self.keys.is_some();
        #[cfg(not(feature = "tui"))]
        false
    }

    /// Why to stop, if there is a reason; asked before every node.
    pub fn reason(&self) -> Option<StopReason> {
        if self.stopper.is_asked() {
            return Some(StopReason::Asked);
        }
        if self.interrupt.is_some_and(Interrupt::came) {
            return Some(StopReason::Interrupted);
        }
        let asked_on_dashboard = &self.handle.counters().study_stop_asked;
        if self.key_was_typed() || asked_on_dashboard.load(Ordering::Relaxed) {
            return Some(StopReason::Key);
        }
        self.deadline.has_passed().then_some(StopReason::TimeBudget)
    }

    #[cfg(feature = "tui")]
    fn key_was_typed(&self) -> bool {
        // Whoever finds another worker looking leaves it to that one.
        let keys = self.keys.as_ref().and_then(|keys| keys.try_lock().ok());
        if keys.is_some_and(|keys| keys.quit_requested()) {
            self.key_seen.store(true, Ordering::Relaxed);
        }
        self.key_seen.load(Ordering::Relaxed)
    }

    #[cfg(not(feature = "tui"))]
    fn key_was_typed(&self) -> bool {
        self.key_seen.load(Ordering::Relaxed)
    }
}

impl Drop for StopWatch {
    fn drop(&mut self) {
        if let Some(interrupt) = self.interrupt {
            interrupt.disarm();
        }
    }
}

/// How soon burn's interrupter is told of a Ctrl-C.
const NAP: Duration = Duration::from_millis(20);

/// While it lives, the first Ctrl-C interrupts burn's training, and a second one ends the program.
pub(crate) struct TrainingWatch {
    interrupt: &'static Interrupt,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TrainingWatch {
    /// Starts to listen; `None` where the program handles Ctrl-C itself, where it is ignored, as in scripts that run in
    /// the background, or where the system has no such signal.
    pub fn start(interrupter: Interrupter, handle: RecorderHandle) -> Option<Self> {
        let interrupt = Interrupt::arm_alone()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let listens = is_over.clone();
        let thread = std::thread::Builder::new().name("burnscape-interrupt".into()).spawn(move || {
            while !listens.load(Ordering::Acquire) {
                if interrupt.came() {
                    interrupter.stop(Some("Ctrl-C"));
                    let sentence = "Ctrl-C: training stops after this batch, and a second one ends the program";
                    handle.counters().voice.alert(sentence.to_string(), handle.has_dashboard());
                    return;
                }
                std::thread::park_timeout(NAP);
            }
        });
        Some(Self { interrupt, is_over, thread: thread.ok() })
    }
}

impl Drop for TrainingWatch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        self.interrupt.disarm();
    }
}

/// The first Ctrl-C of an evaluation stops it, a second one ends the program as it always did.
///
/// Outside an evaluation Ctrl-C does what it did before: whatever the program's own handler does, or, without
/// one, its end.
#[derive(Debug)]
struct Interrupt {
    came: Arc<AtomicBool>,
    /// Ctrl-C ends the program.
    ends: Arc<AtomicBool>,
    /// It came since the dashboard last asked.
    #[cfg(feature = "tui")]
    again: Arc<AtomicBool>,
    /// The program has no handler of its own.
    is_alone: bool,
    /// Who listens at present.
    listeners: Mutex<usize>,
    /// A dashboard has the terminal: it is to be given back before Ctrl-C ends the program.
    is_held: AtomicBool,
    /// What makes a second Ctrl-C end the program at once.
    arming: Mutex<Option<SigId>>,
}

impl Interrupt {
    /// Listens from now on; `None` where the system has no such signal, or it is ignored.
    fn arm() -> Option<&'static Self> {
        Self::of_process().inspect(|it| it.begin())
    }

    /// The same, where the program has no handler of its own.
    fn arm_alone() -> Option<&'static Self> {
        Self::of_process().filter(|it| it.is_alone).inspect(|it| it.begin())
    }

    fn of_process() -> Option<&'static Self> {
        static INTERRUPT: OnceLock<Option<Interrupt>> = OnceLock::new();
        let is_ignored = || is_in_mask("SigIgn:");
        let register = || if is_ignored() { None } else { Self::register().ok() };
        INTERRUPT.get_or_init(register).as_ref()
    }

    fn begin(&self) {
        let mut listeners = self.listeners();
        if *listeners == 0 {
            self.came.store(false, Ordering::Relaxed);
            self.ends.store(false, Ordering::Relaxed);
        }
        *listeners += 1;
    }

    fn listeners(&self) -> MutexGuard<'_, usize> {
        lock(&self.listeners)
    }

    fn register() -> std::io::Result<Self> {
        use signal_hook::flag;
        let interrupt = Self {
            came: Arc::default(),
            ends: Arc::new(AtomicBool::new(true)),
            #[cfg(feature = "tui")]
            again: Arc::default(),
            is_alone: !is_in_mask("SigCgt:"),
            listeners: Mutex::new(0),
            is_held: AtomicBool::new(false),
            arming: Mutex::new(None),
        };
        if interrupt.is_alone {
            // Runs first: a second signal finds what the first has set.
            flag::register_conditional_default(SIGINT, interrupt.ends.clone())?;
        }
        flag::register(SIGINT, interrupt.came.clone())?;
        #[cfg(feature = "tui")]
        flag::register(SIGINT, interrupt.again.clone())?;
        *lock(&interrupt.arming) = Some(flag::register(SIGINT, interrupt.ends.clone())?);
        Ok(interrupt)
    }

    fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    fn disarm(&self) {
        let mut listeners = self.listeners();
        *listeners = listeners.saturating_sub(1);
        if *listeners == 0 {
            self.ends.store(!self.is_held.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

#[cfg(feature = "tui")]
impl Interrupt {
    /// While a dashboard has the terminal, no Ctrl-C ends the program by itself.
    fn hold(&self) {
        self.is_held.store(true, Ordering::Relaxed);
        self.ends.store(false, Ordering::Relaxed);
        if let Some(arming) = lock(&self.arming).take() {
            signal_hook::low_level::unregister(arming);
        }
    }

    /// It is as without a dashboard again.
    fn release(&self) {
        self.is_held.store(false, Ordering::Relaxed);
        let arming = signal_hook::flag::register(SIGINT, self.ends.clone());
        *lock(&self.arming) = arming.ok();
        if *self.listeners() == 0 {
            self.ends.store(true, Ordering::Relaxed);
        }
    }
}

/// While a dashboard has the terminal, Ctrl-C from elsewhere does what it does without one, and the terminal is given back
/// before it ends the program.
#[cfg(feature = "tui")]
pub(crate) fn watch_beside_dashboard(handle: RecorderHandle) {
    let Some(interrupt) = Interrupt::of_process().filter(|it| it.is_alone) else { return };
    let watch = move || {
        interrupt.hold();
        let mut is_second = false;
        while handle.has_dashboard() {
            let is_heard = *interrupt.listeners() > 0;
            is_second &= is_heard;
            if interrupt.again.swap(false, Ordering::Relaxed) {
                if is_second || !is_heard {
                    handle.close_dashboard();
                    let _ = signal_hook::low_level::emulate_default_handler(SIGINT);
                }
                is_second = true;
            }
            std::thread::park_timeout(NAP);
        }
        interrupt.release();
    };
    // Without a thread it is as it was.
    let _ = std::thread::Builder::new().name("burnscape-interrupt".into()).spawn(watch);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether SIGINT is in one of the masks that the system tells of this process: `SigCgt:` those that are caught,
/// `SigIgn:` those that are ignored. Where it does not tell, it is in none.
fn is_in_mask(name: &str) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix(name));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGINT - 1)) != 0)
}
