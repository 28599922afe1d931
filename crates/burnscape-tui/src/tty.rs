//! The terminal device: opened a second time, so that nothing about it ever waits.
//!
//! Standard output may be a file or a pipe, its lock may be held by a `println!` that waits, and when an SSH
//! connection drops a library that reads standard input may loop for ever. So the device is opened once more,
//! non-blocking: writes take what the terminal takes, reads give what there is, and a hang-up is an error.

use std::io;

/// Size of a terminal that cannot be asked: the VT100's.
pub(crate) const DEFAULT_SIZE: (u16, u16) = (80, 24);

/// The terminal is gone: nobody is there to draw for.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    // EIO has no kind of its own.
    const EIO: i32 = 5;
    let kinds =
        [io::ErrorKind::BrokenPipe, io::ErrorKind::NotConnected, io::ErrorKind::UnexpectedEof];
    kinds.contains(&error.kind()) || (cfg!(unix) && error.raw_os_error() == Some(EIO))
}

#[cfg(unix)]
pub(crate) use device::{Modes, Stream, Streams, Tty, leave_dead_terminal};

#[cfg(not(unix))]
pub(crate) use console::{Modes, Stream, Streams, Tty, leave_dead_terminal};

#[cfg(unix)]
mod device {
    //! `/dev/tty`, as `termios(3)` has it.

    use std::fs::{File, OpenOptions};
    use std::io::{self, IsTerminal, Read, Write};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::OpenOptionsExt;
    use std::time::Duration;

    use ratatui::crossterm::event::Event;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::OFlags;
    use rustix::io::{Errno, fcntl_dupfd_cloexec};
    use rustix::process::getpgrp;
    use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdin, stdout};
    use rustix::termios::{
        OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcgetwinsize,
        tcsetattr,
    };

    use crate::keys::Keys;

    /// Bytes of keys taken at a time.
    const TAKEN: usize = 1024;

    /// How the terminal treats lines and keys.
    #[derive(Debug, Clone)]
    pub(crate) struct Modes(Termios);

    #[derive(Debug)]
    pub(crate) struct Tty(File);

    impl Tty {
        /// The terminal that controls this process, else the one that standard output is.
        pub(crate) fn open() -> io::Result<Self> {
            match open("/dev/tty") {
                Err(_) if io::stdout().is_terminal() => open("/dev/fd/1").map(Self),
                opened => opened.map(Self),
            }
        }

        /// Whether this process may use it; a terminal that controls nobody may be used by all.
        pub(crate) fn is_foreground(&self) -> bool {
            tcgetpgrp(&self.0).map_or(true, |foreground| foreground == getpgrp())
        }

        /// Columns and rows; `None` where the terminal does not know.
        pub(crate) fn size(&self) -> Option<(u16, u16)> {
            let size = tcgetwinsize(&self.0).ok()?;
            (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
        }

        /// Keys come at once, without echo, and none is a signal; gives the modes before.
        pub(crate) fn make_raw(&self) -> io::Result<Modes> {
            let before = tcgetattr(&self.0)?;
            let mut raw = before.clone();
            raw.make_raw();
            // `Now`: the other actions wait until the terminal has taken all output.
            tcsetattr(&self.0, OptionalActions::Now, &raw)?;
            Ok(Modes(before))
        }

        /// What was typed and not read: the `q` of a word asks for nothing.
        pub(crate) fn forget_keys(&self) {
            let _ = tcflush(&self.0, QueueSelector::IFlush);
        }

        /// Errors are of no use: the terminal may be gone.
        pub(crate) fn restore(&self, Modes(before): &Modes) {
            let _ = tcsetattr(&self.0, OptionalActions::Now, before);
        }

        /// Writes what the terminal takes now; gives how many bytes that were.
        pub(crate) fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
            match (&self.0).write(bytes) {
                Err(error) if may_try_again(&error) => Ok(0),
                written => written,
            }
        }

        /// Waits for keys, or, if `for_output`, until the terminal takes more; at most so long. An error: the
        /// terminal is gone.
        pub(crate) fn wait(&self, for_output: bool, longest: Duration) -> io::Result<()> {
            let output = if for_output { PollFlags::OUT } else { PollFlags::empty() };
            let mut descriptors =
                [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN | output)];
            let longest = Timespec::try_from(longest).map_err(io::Error::other)?;
            match poll(&mut descriptors, Some(&longest)) {
                // A signal, such as a resize, is no reason to give up.
                Err(Errno::INTR) => return Ok(()),
                other => other?,
            };
            match is_hung_up(descriptors[0].revents()) {
                true => Err(io::ErrorKind::BrokenPipe.into()),
                false => Ok(()),
            }
        }

        /// The keys that were typed; never waits. An error: the terminal is gone.
        pub(crate) fn take_events(&self, keys: &mut Keys) -> io::Result<Vec<Event>> {
            let mut taken = [0; TAKEN];
            match (&self.0).read(&mut taken) {
                // A terminal that is there says that there is nothing, not that it ended.
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => Ok(keys.take(&taken[..count])),
                Err(error) if may_try_again(&error) => Ok(keys.rest()),
                Err(error) => Err(error),
            }
        }
    }

    fn open(path: &str) -> io::Result<File> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        OpenOptions::new().read(true).write(true).custom_flags(flags.bits() as i32).open(path)
    }

    fn may_try_again(error: &io::Error) -> bool {
        [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&error.kind())
    }

    fn is_hung_up(events: PollFlags) -> bool {
        events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
    }

    /// A stream that a program prints to.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Stream {
        Output,
        Error,
    }

    impl Stream {
        /// Those that lead to the terminal that controls this process.
        pub(crate) fn that_lead_to_the_terminal() -> Vec<Self> {
            // Only of that one a process is told who has it.
            let streams = [(Self::Output, tcgetpgrp(stdout())), (Self::Error, tcgetpgrp(stderr()))];
            let led = streams.into_iter().filter(|(_, has)| has.is_ok());
            led.map(|(stream, _)| stream).collect()
        }

        fn lead_to(self, place: impl AsFd) {
            // It can fail only where the process has no room for descriptors.
            let _ = match self {
                Self::Output => dup2_stdout(place),
                Self::Error => dup2_stderr(place),
            };
        }
    }

    /// Streams that lead elsewhere, and where they led.
    #[derive(Debug)]
    pub(crate) struct Streams(Vec<(Stream, OwnedFd)>);

    impl Streams {
        pub(crate) fn divert(streams: &[Stream], to: &File) -> io::Result<Self> {
            let before = |stream: &Stream| -> io::Result<(Stream, OwnedFd)> {
                let led = match stream {
                    Stream::Output => fcntl_dupfd_cloexec(stdout(), 3)?,
                    Stream::Error => fcntl_dupfd_cloexec(stderr(), 3)?,
                };
                Ok((*stream, led))
            };
            let before = streams.iter().map(before).collect::<io::Result<_>>()?;
            streams.iter().for_each(|stream| stream.lead_to(to));
            Ok(Self(before))
        }

        pub(crate) fn give_back(self) {
            self.0.into_iter().for_each(|(stream, led)| stream.lead_to(led));
        }
    }

    /// Puts `/dev/null` in the place of standard streams whose terminal hung up: a `println!` that cannot be
    /// written panics, and training would die with the terminal.
    pub(crate) fn leave_dead_terminal() {
        let Ok(nowhere) = OpenOptions::new().read(true).write(true).open("/dev/null") else {
            return;
        };
        if is_dead(stdin()) {
            let _ = dup2_stdin(&nowhere);
        }
        if is_dead(stdout()) {
            let _ = dup2_stdout(&nowhere);
        }
        if is_dead(stderr()) {
            let _ = dup2_stderr(&nowhere);
        }
    }

    /// A terminal that hung up is a character device that says so when asked.
    fn is_dead(stream: impl AsFd) -> bool {
        let mut descriptors = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::OUT)];
        let asked = poll(&mut descriptors, Some(&Timespec::default()));
        let is_device = rustix::fs::fstat(stream.as_fd()).is_ok_and(|it| {
            rustix::fs::FileType::from_raw_mode(it.st_mode) == rustix::fs::FileType::CharacterDevice
        });
        asked.is_ok() && is_device && is_hung_up(descriptors[0].revents())
    }
}

#[cfg(not(unix))]
mod console {
    //! Elsewhere the terminal is standard output, and crossterm reads.

    use std::io::{self, IsTerminal, Write};
    use std::time::Duration;

    use ratatui::crossterm::event::{self, Event};
    use ratatui::crossterm::terminal;

    use crate::keys::Keys;

    #[derive(Debug, Clone)]
    pub(crate) struct Modes;

    #[derive(Debug)]
    pub(crate) struct Tty;

    impl Tty {
        pub(crate) fn open() -> io::Result<Self> {
            let is_terminal = io::stdout().is_terminal();
            is_terminal.then_some(Self).ok_or_else(|| io::ErrorKind::NotConnected.into())
        }

        pub(crate) fn is_foreground(&self) -> bool {
            true
        }

        pub(crate) fn size(&self) -> Option<(u16, u16)> {
            terminal::size().ok()
        }

        pub(crate) fn make_raw(&self) -> io::Result<Modes> {
            terminal::enable_raw_mode().map(|()| Modes)
        }

        pub(crate) fn forget_keys(&self) {}

        pub(crate) fn restore(&self, _: &Modes) {
            let _ = terminal::disable_raw_mode();
        }

        pub(crate) fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
            let mut stdout = io::stdout();
            stdout.write_all(bytes)?;
            stdout.flush().map(|()| bytes.len())
        }

        pub(crate) fn wait(&self, _: bool, longest: Duration) -> io::Result<()> {
            event::poll(longest).map(|_| ())
        }

        pub(crate) fn take_events(&self, _: &mut Keys) -> io::Result<Vec<Event>> {
            let mut events = Vec::new();
            while event::poll(Duration::ZERO)? {
                events.push(event::read()?);
            }
            Ok(events)
        }
    }

    /// Elsewhere streams stay where they lead.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Stream {}

    impl Stream {
        pub(crate) fn that_lead_to_the_terminal() -> Vec<Self> {
            Vec::new()
        }
    }

    #[derive(Debug)]
    pub(crate) struct Streams;

    impl Streams {
        pub(crate) fn divert(_: &[Stream], _: &std::fs::File) -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn give_back(self) {}
    }

    pub(crate) fn leave_dead_terminal() {}
}
