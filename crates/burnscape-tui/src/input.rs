//! Keys on a thread of their own, and the news that the terminal is gone.
//!
//! When an SSH connection drops or a tmux pane is killed, a read from the terminal returns "0
//! bytes" or an error for ever; crossterm 0.29 then loops inside `event::poll` at full speed. So
//! the terminal is asked for a hang-up first, and crossterm reads only while there is none.

use std::io;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};

/// What the thread tells.
#[derive(Debug)]
pub(crate) enum Input {
    /// A key was pressed, or the terminal has another size.
    Event(Event),
    /// The terminal is gone, or cannot be read from: there is nobody to draw for.
    Gone,
}

/// How long to wait for a key before looking for resizes and hang-ups again.
const WAIT: Duration = Duration::from_millis(100);

/// Starts the thread; it ends when the terminal is gone or nobody listens any more.
pub(crate) fn spawn(sender: SyncSender<Input>) -> io::Result<()> {
    let tty = tty::Tty::open()?;
    let name = "burnscape-input".to_owned();
    thread::Builder::new().name(name).spawn(move || {
        while let Ok(true) = forward(&tty, &sender) {}
        let _ = sender.send(Input::Gone);
    })?;
    Ok(())
}

/// Waits for events and passes them on; `false`: nobody listens.
fn forward(tty: &tty::Tty, sender: &SyncSender<Input>) -> io::Result<bool> {
    tty.wait(WAIT)?;
    while event::poll(Duration::ZERO)? {
        if sender.send(Input::Event(event::read()?)).is_err() {
            return Ok(false);
        }
        tty.wait(Duration::ZERO)?;
    }
    Ok(true)
}

#[cfg(unix)]
mod tty {
    //! The terminal that crossterm reads: standard input if it is one, else `/dev/tty`.

    use std::fs::File;
    use std::io::{self, IsTerminal};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    pub(super) enum Tty {
        Stdin(io::Stdin),
        Device(File),
    }

    impl Tty {
        pub(super) fn open() -> io::Result<Self> {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                Ok(Self::Stdin(stdin))
            } else {
                File::open("/dev/tty").map(Self::Device)
            }
        }

        /// Waits until there is something to read, at most so long; an error: the terminal is gone.
        pub(super) fn wait(&self, longest: Duration) -> io::Result<()> {
            let mut descriptors = [PollFd::from_borrowed_fd(self.descriptor(), PollFlags::IN)];
            let longest = Timespec::try_from(longest).map_err(io::Error::other)?;
            match poll(&mut descriptors, Some(&longest)) {
                // A signal, such as a resize, is no reason to give up.
                Err(Errno::INTR) => return Ok(()),
                other => other?,
            };
            let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
            if descriptors[0].revents().intersects(gone) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Ok(())
        }

        fn descriptor(&self) -> BorrowedFd<'_> {
            match self {
                Self::Stdin(stdin) => stdin.as_fd(),
                Self::Device(file) => file.as_fd(),
            }
        }
    }
}

#[cfg(not(unix))]
mod tty {
    //! Elsewhere crossterm waits by itself.

    use std::io;
    use std::time::Duration;

    use ratatui::crossterm::event;

    pub(super) struct Tty;

    impl Tty {
        pub(super) fn open() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) fn wait(&self, longest: Duration) -> io::Result<()> {
            event::poll(longest).map(|_| ())
        }
    }
}
