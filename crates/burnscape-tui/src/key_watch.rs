//! Single keys for a program that computes in a terminal: `q` asks it to stop early.

use crate::screen;

/// Listens for `q` while a program computes and prints in an ordinary terminal.
///
/// Keys arrive one by one and are not echoed; everything else about the terminal stays: Ctrl-C and
/// Ctrl-Z are signals, and lines end as always. Dropping it gives the terminal back. A signal that
/// ends the process at once does not: shells then restore the terminal themselves.
///
/// # Examples
///
/// ```
/// use burnscape_tui::KeyWatch;
///
/// let keys = KeyWatch::start();
/// for node in 0..100 {
///     if keys.as_ref().is_some_and(KeyWatch::quit_requested) {
///         break;
///     }
///     // … evaluate the node …
/// #   let _ = node;
/// }
/// ```
#[derive(Debug)]
pub struct KeyWatch {
    keys: terminal::Keys,
}

impl KeyWatch {
    /// Begins to listen on standard input; what was typed before does not count. `None`: it is no
    /// terminal, this process is in the background, a dashboard of this process has the keys, or this is no
    /// Unix.
    #[must_use]
    pub fn start() -> Option<Self> {
        if screen::is_claimed() {
            return None;
        }
        terminal::Keys::start().map(|keys| Self { keys })
    }

    /// Whether `q` or `Q` was typed since the start. Other keys are read and forgotten. Never waits.
    #[must_use]
    pub fn quit_requested(&self) -> bool {
        self.keys.quit_requested()
    }
}

#[cfg(unix)]
mod terminal {
    //! Standard input, as `termios(3)` has it.

    use std::io::{IsTerminal, Stdin, stdin};
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::read;
    use rustix::process::getpgrp;
    use rustix::termios::{
        LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
        tcgetpgrp, tcsetattr,
    };

    /// Keys taken at a time; more are taken the next time.
    const KEYS: usize = 64;

    #[derive(Debug)]
    pub(super) struct Keys {
        stdin: Stdin,
        before: Termios,
        quit: AtomicBool,
    }

    impl Keys {
        pub(super) fn start() -> Option<Self> {
            let stdin = stdin();
            if !stdin.is_terminal() || !is_in_foreground(&stdin) {
                return None;
            }
            let before = tcgetattr(&stdin).ok()?;
            // `Now`: the other actions wait until the terminal has taken all output.
            tcsetattr(&stdin, OptionalActions::Now, &key_by_key(&before)).ok()?;
            // The `q` of a word that was typed during training asks for nothing.
            let _ = tcflush(&stdin, QueueSelector::IFlush);
            Some(Self { stdin, before, quit: AtomicBool::new(false) })
        }

        pub(super) fn quit_requested(&self) -> bool {
            if is_in_foreground(&self.stdin) && self.take_keys().iter().any(is_quit) {
                self.quit.store(true, Ordering::Relaxed);
            }
            self.quit.load(Ordering::Relaxed)
        }

        /// Keys that wait; none where the terminal is gone.
        fn take_keys(&self) -> Vec<u8> {
            let mut keys = [0; KEYS];
            let mut descriptors = [PollFd::new(&self.stdin, PollFlags::IN)];
            let ready = poll(&mut descriptors, Some(&Timespec::default())).is_ok();
            if !ready || !descriptors[0].revents().contains(PollFlags::IN) {
                return Vec::new();
            }
            let count = read(&self.stdin, &mut keys).unwrap_or(0);
            keys[..count].to_vec()
        }
    }

    impl Drop for Keys {
        fn drop(&mut self) {
            // From the background this would stop the process; the shell has its own modes by then.
            if is_in_foreground(&self.stdin) {
                let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
            }
        }
    }

    /// Reading from a terminal that belongs to another process group stops the reader.
    fn is_in_foreground(stdin: &Stdin) -> bool {
        tcgetpgrp(stdin).is_ok_and(|foreground| foreground == getpgrp())
    }

    /// Neither whole lines nor echo; reads never wait, so that another reader cannot hold us up.
    fn key_by_key(before: &Termios) -> Termios {
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        modes
    }

    fn is_quit(key: &u8) -> bool {
        matches!(key, b'q' | b'Q')
    }
}

#[cfg(not(unix))]
mod terminal {
    //! Elsewhere there are no such modes.

    #[derive(Debug)]
    pub(super) struct Keys;

    impl Keys {
        pub(super) fn start() -> Option<Self> {
            None
        }

        pub(super) fn quit_requested(&self) -> bool {
            false
        }
    }
}
