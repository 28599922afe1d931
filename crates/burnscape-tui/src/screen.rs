//! The terminal while it is ours, as the whole process knows it: there is one, a panic anywhere gives it back
//! before its message, and what is written never waits.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crate::keys::Keys;
use crate::mouse;
use crate::printed::Printed;
use crate::replies::Reply;
use crate::tty::{Modes, Tty};

/// The alternate screen, empty, without a cursor.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[0m\x1b[2J";
/// The screen as it was, with the cursor. GNU screen has no alternate one unless it is told to (`altscreen on`): erased,
/// it leaves no half of a picture around what comes next.
const GIVE_BACK: &[u8] = b"\x1b[0m\x1b[H\x1b[2J\x1b[?1049l\x1b[?25h";
/// A terminal that has not taken the last bytes by then does not get them.
const LAST_BYTES: Duration = Duration::from_millis(500);
/// An answer that has not come by then is left to whoever has the terminal next.
const LAST_ANSWER: Duration = Duration::from_millis(500);
/// A panic waits no longer for whoever writes.
const PANIC_WAIT: Duration = Duration::from_millis(200);

static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// The terminal, and what it has not taken yet.
#[derive(Debug)]
pub(crate) struct Screen {
    tty: Arc<Tty>,
    /// The modes to go back to, while it is ours.
    before: Option<Modes>,
    pending: Vec<u8>,
    /// A panic gave it back: it is not taken again.
    is_lost: bool,
    /// Where what this process prints goes while the terminal is ours; `None`: to the terminal.
    print_file: Option<PathBuf>,
    printed: Option<Printed>,
    has_mouse: bool,
    /// It was asked for its status and has not answered: the answer must not be left to the shell.
    awaits_answer: bool,
}

/// Takes the place of the one that draws; `false`: somebody draws already.
pub(crate) fn claim(tty: Arc<Tty>, print_file: Option<PathBuf>, has_mouse: bool) -> bool {
    HOOK.call_once(give_back_before_panics);
    let mut slot = lock();
    let is_free = slot.is_none();
    if is_free {
        *slot = Some(Screen {
            tty,
            before: None,
            pending: Vec::new(),
            is_lost: false,
            print_file,
            printed: None,
            has_mouse,
            awaits_answer: false,
        });
    }
    is_free
}

/// Whether somebody draws.
pub(crate) fn is_claimed() -> bool {
    lock().is_some()
}

/// Gives the terminal back if it is ours, and lets others draw.
pub(crate) fn release() {
    if let Some(mut screen) = lock().take() {
        screen.give_back();
    }
}

/// The terminal is gone: what is printed goes into its file from now on, if it does now.
pub(crate) fn print_to_file_for_good() {
    if let Some(screen) = lock().as_mut() {
        screen.printed = None;
    }
}

/// Does something with the screen; an error if a panic gave it back meanwhile.
pub(crate) fn with<T>(act: impl FnOnce(&mut Screen) -> io::Result<T>) -> io::Result<T> {
    match lock().as_mut() {
        Some(screen) if !screen.is_lost => act(screen),
        _ => Err(io::ErrorKind::NotConnected.into()),
    }
}

fn lock() -> MutexGuard<'static, Option<Screen>> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Screen {
    pub(crate) fn is_taken(&self) -> bool {
        self.before.is_some()
    }

    /// Takes the terminal, or takes it again after a shell had it.
    pub(crate) fn take(&mut self) -> io::Result<()> {
        let now = self.tty.make_raw()?;
        // A shell that continues us may do so after we found ourselves in the foreground: keys may be ours already.
        if self.before.is_none() {
            self.tty.forget_keys();
        }
        // After a stop the shell may not have restored its modes, and ours are no modes to go back to.
        self.before.get_or_insert(now);
        self.pending.clear();
        if self.printed.is_none() {
            self.printed = self.print_file.as_deref().and_then(Printed::divert);
        }
        self.write(TAKE)?;
        if self.has_mouse { self.write(mouse::LISTEN) } else { Ok(()) }
    }

    /// Tells whether the terminal is to answer still.
    pub(crate) fn set_awaits_answer(&mut self, awaits: bool) {
        self.awaits_answer = awaits;
    }

    /// Somebody else has the terminal: nothing is written and nothing restored.
    pub(crate) fn leave_to_others(&mut self) {
        self.before = None;
        self.pending.clear();
    }

    /// Gives the terminal back, as far as it takes the bytes for that, with what was printed meanwhile.
    pub(crate) fn give_back(&mut self) {
        let printed = self.printed.take().map(Printed::give_back);
        if let Some(before) = self.before.take() {
            if self.has_mouse {
                self.pending.extend_from_slice(mouse::STOP_LISTENING);
            }
            self.say(GIVE_BACK);
            self.wait_for_answer();
            // From the background this would stop the process; whoever has the terminal has modes of its own.
            if self.tty.is_foreground() {
                self.tty.restore(&before);
            }
            self.say(printed.unwrap_or_default().as_bytes());
        }
    }

    /// Takes the answer that is still to come, for a while: in a shell it would be typed text.
    fn wait_for_answer(&mut self) {
        let until = Instant::now() + LAST_ANSWER;
        let mut keys = Keys::default();
        // From the background, reading would stop the process.
        while std::mem::take(&mut self.awaits_answer) && self.tty.is_foreground() {
            let left = until.saturating_duration_since(Instant::now());
            let waited = if left.is_zero() {
                Err(io::ErrorKind::TimedOut.into())
            } else {
                self.tty.wait(false, left)
            };
            if waited.and_then(|()| self.tty.take_events(&mut keys)).is_err() {
                return;
            }
            self.awaits_answer = !keys.take_replies().contains(&Reply::Status);
        }
    }

    /// Hands bytes over; what the terminal does not take now waits.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        self.push()
    }

    /// Writes what waits, as far as the terminal takes it.
    pub(crate) fn push(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            match self.tty.write_some(&self.pending)? {
                0 => break,
                written => drop(self.pending.drain(..written)),
            }
        }
        Ok(())
    }

    /// The terminal has taken everything.
    pub(crate) fn is_clear(&self) -> bool {
        self.pending.is_empty()
    }

    /// Writes something that must not be torn, for a while; errors are of no use here.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let until = Instant::now() + LAST_BYTES;
        let mut result = self.write(bytes);
        while result.is_ok() && !self.is_clear() && Instant::now() < until {
            let waited = self.tty.wait(true, until.saturating_duration_since(Instant::now()));
            result = waited.and_then(|()| self.push());
        }
        self.pending.clear();
    }
}

/// A message on the alternate screen would vanish with it.
fn give_back_before_panics() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back_for_good();
        previous(panic);
    }));
}

/// Whoever panics may be the one who writes, so this does not wait for long.
fn give_back_for_good() {
    let until = Instant::now() + PANIC_WAIT;
    loop {
        let mut slot = match SCREEN.try_lock() {
            Ok(slot) => slot,
            Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::yield_now();
                continue;
            }
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(screen) = slot.as_mut() {
            screen.give_back();
            screen.is_lost = true;
        }
        return;
    }
}
