//! A terminal for programs under test: keys go in, and what a person would see comes out.
#![expect(clippy::missing_panics_doc, reason = "what fails here fails the test")]

use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use burnscape_workbench::hearing;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::waiting::wait_until;

/// A terminal and a program in it.
#[derive(Debug)]
pub struct PseudoTerminal {
    keyboard: Option<File>,
    /// Path of the program's end.
    name: CString,
    /// The program's end, so that its modes can be asked for.
    device: OwnedFd,
    before: Termios,
    seen: Arc<Mutex<Seen>>,
    reader: Option<Reader>,
    /// The program.
    pub child: Child,
}

/// What came out of the program.
struct Seen {
    bytes: Vec<u8>,
    emulator: vt100::Parser,
    /// Bytes in which requests for the status were looked for.
    answered_to: usize,
}

impl Seen {
    /// How often the status was asked for since this was last called, as any terminal is asked.
    fn take_requests(&mut self) -> usize {
        const REQUEST: &[u8] = b"\x1b[5n";
        let mut asked = 0;
        while let Some(at) =
            self.bytes[self.answered_to..].windows(REQUEST.len()).position(|it| it == REQUEST)
        {
            self.answered_to += at + REQUEST.len();
            asked += 1;
        }
        asked
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.emulator.screen().contents())
    }
}

#[derive(Debug)]
struct Reader {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// How to start.
#[derive(Debug)]
pub struct Start<'a> {
    /// The program `in_terminal`.
    pub in_terminal: &'a str,
    /// Program and arguments.
    pub words: &'a [&'a str],
    /// Environment variables beside or instead of an ordinary terminal's.
    pub variables: &'a [(&'a str, &'a str)],
    /// Where standard output goes instead of the terminal.
    pub output: Option<&'a Path>,
    /// Who reads what is written.
    pub drain: Drain,
}

/// Who reads what a program writes to its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// Nobody.
    None,
    /// Somebody, at once.
    AtOnce,
    /// A link that carries so many bytes a second.
    Link {
        /// Bytes a second.
        bytes_per_sec: usize,
    },
}

/// A link carries what it carries of this long at a time.
const BEAT: Duration = Duration::from_millis(20);

impl PseudoTerminal {
    /// Starts a program in a terminal of 100 × 30 cells that has it all: UTF-8, 256 colours.
    pub fn start(start: &Start<'_>) -> Self {
        // A child of a test beside this one must not keep the terminal alive.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("a terminal");
        grantpt(&keyboard).expect("granted");
        unlockpt(&keyboard).expect("unlocked");
        let name = ptsname(&keyboard, Vec::new()).expect("its name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let end = || open(&name, flags, Mode::empty()).expect("its device");
        let device = end();
        let before = tcgetattr(&device).expect("its modes");
        tcsetwinsize(&keyboard, size(100, 30)).expect("its size");
        let output = match start.output {
            Some(path) => Stdio::from(File::create(path).expect("a file for the output")),
            None => Stdio::from(end()),
        };
        let child = command(start).stdin(end()).stderr(end()).stdout(output).spawn();
        let child = child.expect("the program starts");
        let seen =
            Seen { bytes: Vec::new(), emulator: vt100::Parser::new(30, 100, 0), answered_to: 0 };
        let seen = Arc::new(Mutex::new(seen));
        let keyboard = File::from(keyboard);
        let is_drained = start.drain != Drain::None;
        let reader = is_drained.then(|| Reader::start(&keyboard, seen.clone(), start.drain));
        Self { keyboard: Some(keyboard), name, device, before, seen, reader, child }
    }

    /// Types something.
    pub fn type_in(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().expect("a terminal that did not hang up");
        keyboard.write_all(keys.as_bytes()).expect("typed");
    }

    /// Changes the size.
    pub fn resize(&mut self, width: u16, height: u16) {
        let keyboard = self.keyboard.as_ref().expect("a terminal that did not hang up");
        tcsetwinsize(keyboard, size(width, height)).expect("resized");
        self.seen().emulator.screen_mut().set_size(height, width);
    }

    /// Hangs up: the connection is lost, the window closed.
    pub fn hang_up(&mut self) {
        self.stop_reading();
        self.keyboard = None;
    }

    /// What a person sees.
    pub fn screen(&self) -> String {
        screen(&self.seen)
    }

    /// The first row of what a person sees.
    pub fn first_row(&self) -> String {
        self.screen().lines().next().unwrap_or_default().to_owned()
    }

    /// A full-screen program shows itself.
    pub fn is_on_alternate_screen(&self) -> bool {
        self.seen().emulator.screen().alternate_screen()
    }

    /// A cell is shown in reverse.
    pub fn has_reversed_cells(&self) -> bool {
        let seen = self.seen();
        let screen = seen.emulator.screen();
        let (rows, columns) = screen.size();
        let mut cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        cells.any(|(row, column)| screen.cell(row, column).is_some_and(vt100::Cell::inverse))
    }

    /// Every byte that came out.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// Whether lines and keys are treated as they were before the program.
    pub fn has_its_modes_back(&self) -> bool {
        // Termios has no equality of its own.
        let modes = tcgetattr(&self.device).expect("its modes");
        format!("{modes:?}") == format!("{:?}", self.before)
    }

    /// Waits until a text can be seen.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |it| it.screen().contains(text));
    }

    /// Waits until a condition holds.
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        wait_until(|| holds(self), || format!("no {what:?} came in\n{}", self.screen()));
    }

    /// Waits until the program has ended.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let mut status = None;
        let (seen, child) = (self.seen.clone(), &mut self.child);
        let has_ended = || {
            status = child.try_wait().expect("a child");
            status.is_some()
        };
        wait_until(has_ended, || format!("it does not end:\n{}", screen(&seen)));
        self.stop_reading();
        status.expect("it has ended")
    }

    /// Writes beside the program until the terminal takes no more.
    pub fn fill(&self) {
        let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut device = File::from(open(&self.name, flags, Mode::empty()).expect("its device"));
        while device.write(&[b' '; 1024]).is_ok() {}
    }

    /// What every cell shows, with its two colours.
    pub fn cells(&self) -> Vec<(String, vt100::Color, vt100::Color)> {
        let seen = self.seen();
        let screen = seen.emulator.screen();
        let (rows, columns) = screen.size();
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let cell = |(row, column)| {
            let cell = screen.cell(row, column)?;
            // A blank is a blank, whether it was written or erased.
            Some((cell.contents().trim_end().to_owned(), cell.fgcolor(), cell.bgcolor()))
        };
        places.filter_map(cell).collect()
    }

    /// Whether the cursor is shown.
    pub fn shows_cursor(&self) -> bool {
        !self.seen().emulator.screen().hide_cursor()
    }

    /// After how many of the bytes that came out a condition first held of what a person saw, looked at every few bytes
    /// from a number of them on; `None`: it never did.
    pub fn first_seen(&self, from: usize, holds: impl Fn(&str) -> bool) -> Option<usize> {
        const LOOKED_AT_EVERY: usize = 16;
        let bytes = self.bytes();
        let (rows, columns) = self.seen().emulator.screen().size();
        let mut emulator = vt100::Parser::new(rows, columns, 0);
        emulator.process(&bytes[..from]);
        let parts = bytes[from..].chunks(LOOKED_AT_EVERY).scan(from, |end, part| {
            *end += part.len();
            Some((*end, part))
        });
        let mut parts = parts.skip_while(|(_, part)| {
            emulator.process(part);
            !holds(&emulator.screen().contents())
        });
        parts.next().map(|(end, _)| end)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        locked(&self.seen)
    }

    /// Takes what was written so far, then reads no more.
    fn stop_reading(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.ends.store(true, Ordering::Relaxed);
            reader.thread.join().expect("no panic in the reader");
        }
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("no panic in the reader")
}

fn screen(seen: &Mutex<Seen>) -> String {
    locked(seen).emulator.screen().contents()
}

impl Drop for PseudoTerminal {
    fn drop(&mut self) {
        self.stop_reading();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reader {
    fn start(keyboard: &File, seen: Arc<Mutex<Seen>>, drain: Drain) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let (screen, stops) = (keyboard.try_clone().expect("a second end"), ends.clone());
        let thread = std::thread::spawn(move || read(screen, &seen, &stops, drain));
        Self { ends, thread }
    }
}

fn read(mut screen: File, seen: &Mutex<Seen>, ends: &AtomicBool, drain: Drain) {
    let mut part = [0; 4096];
    let most = match drain {
        Drain::Link { bytes_per_sec } => bytes_per_sec * BEAT.as_millis() as usize / 1000,
        Drain::None | Drain::AtOnce => part.len(),
    };
    loop {
        let mut descriptors = [PollFd::new(&screen, PollFlags::IN)];
        let a_moment = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let waits = poll(&mut descriptors, Some(&a_moment)).unwrap_or(0) > 0;
        if !waits && ends.load(Ordering::Relaxed) {
            return;
        }
        if waits {
            let Ok(count @ 1..) = screen.read(&mut part[..most]) else {
                return;
            };
            let mut seen = seen.lock().expect("no panic elsewhere");
            seen.bytes.extend_from_slice(&part[..count]);
            seen.emulator.process(&part[..count]);
            let asked = seen.take_requests();
            drop(seen);
            for _ in 0..asked {
                // Who hung up meanwhile needs no answer.
                let _ = screen.write_all(b"\x1b[0n");
            }
            if matches!(drain, Drain::Link { .. }) {
                // This is the link, and no waiting for anything.
                std::thread::sleep(BEAT);
            }
        }
    }
}

fn command(start: &Start<'_>) -> Command {
    let mut command = hearing(start.in_terminal);
    command.args(start.words).env_remove(burnscape::SWITCH_VARIABLE);
    for unset in ["NO_COLOR", "COLORTERM", "LC_ALL", "LC_CTYPE", "SSH_CONNECTION", "SSH_TTY", "ENV"]
    {
        command.env_remove(unset);
    }
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("PS1", "$ ");
    command.envs(start.variables.iter().copied());
    command
}

fn size(width: u16, height: u16) -> Winsize {
    Winsize { ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 }
}
