//! Single keys in a real terminal: a second process of this program has one of its own to listen on.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Stdio};

use burnscape_tui::KeyWatch;
use burnscape_workbench::hearing;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OutputModes, Termios, tcgetattr};

const ROLE: &str = "BURNSCAPE_TEST_TERMINAL";
/// Who waited for this long for a key has lost the one who types.
const LONGEST: Timespec = Timespec { tv_sec: 120, tv_nsec: 0 };

/// What the listening process says; not a word for people.
const LISTENING: &str = "<listening>";
const DEAF: &str = "<deaf>";
const NOT_ASKED: &str = "<other key>";
const ASKED: &str = "<asked>";

/// The process that listens, run by the tests below with a terminal as its standard input.
#[test]
#[ignore = "started by the other tests"]
fn listener() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    if role == "own" {
        setsid().unwrap();
        ioctl_tiocsctty(std::io::stdin()).unwrap();
    }
    let Some(keys) = KeyWatch::start() else {
        return say(DEAF);
    };
    say(LISTENING);
    while wait_for_a_key() && !keys.quit_requested() {
        say(NOT_ASKED);
    }
    assert!(keys.quit_requested(), "asked once is asked for good");
    say(ASKED);
}

/// Whether one came, or something did that ends the waiting.
fn wait_for_a_key() -> bool {
    let stdin = std::io::stdin();
    poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&LONGEST)).unwrap() > 0
}

fn say(word: &str) {
    let mut stdout = std::io::stdout();
    stdout.write_all(word.as_bytes()).unwrap();
    stdout.flush().unwrap();
}

/// Both ends of a terminal, and the process that listens at one of them.
struct Terminal {
    /// The end of the one who types.
    keyboard: File,
    modes_of: OwnedFd,
    before: Termios,
    child: Child,
    output: ChildStdout,
    said: String,
}

impl Terminal {
    /// Starts a listener in a terminal: its `own`, or one that belongs to nobody.
    fn start(role: &str) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let end = || open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let modes_of = end();
        let before = tcgetattr(&modes_of).unwrap();
        let program = std::env::current_exe().unwrap();
        let mut child = hearing(program.to_str().unwrap())
            .args(["listener", "--exact", "--ignored", "--nocapture"])
            .env(ROLE, role)
            .stdin(end())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        Self { keyboard: keyboard.into(), modes_of, before, child, output, said: String::new() }
    }

    /// Waits until the listener has said a word.
    fn wait_for(&mut self, word: &str) {
        while !self.said.contains(word) {
            let mut part = [0; 256];
            let count = self.output.read(&mut part).unwrap();
            assert!(count > 0, "{word} was not said, but {}", self.said);
            self.said += &String::from_utf8_lossy(&part[..count]);
        }
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
    }

    /// What came back to the one who types, of the keys that the listener has had.
    fn echoed(&mut self) -> Vec<u8> {
        let mut echoed = [0; 256];
        let mut descriptors = [PollFd::new(&self.keyboard, PollFlags::IN)];
        if poll(&mut descriptors, Some(&Timespec::default())).unwrap() == 0 {
            return Vec::new();
        }
        let count = self.keyboard.read(&mut echoed).unwrap();
        echoed[..count].to_vec()
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.modes_of).unwrap()
    }

    fn is_as_before(&self) -> bool {
        // Termios has no equality of its own.
        format!("{:?}", self.modes()) == format!("{:?}", self.before)
    }
}

#[test]
fn q_is_heard_without_echo_and_the_terminal_is_given_back() {
    for quit in [b"q", b"Q"] {
        let mut terminal = Terminal::start("own");
        terminal.wait_for(LISTENING);
        for (count, key) in b"xyz \r\x1b[A".iter().enumerate() {
            terminal.type_in(&[*key]);
            terminal.wait_for(&NOT_ASKED.repeat(count + 1));
        }
        terminal.type_in(quit);
        terminal.wait_for(ASKED);
        assert_eq!(terminal.echoed(), b"", "keys are not echoed");
        assert!(terminal.child.wait().unwrap().success());
        assert!(terminal.is_as_before());
    }
}

#[test]
fn keys_come_singly_while_signals_and_line_ends_stay() {
    let mut terminal = Terminal::start("own");
    terminal.wait_for(LISTENING);
    let modes = terminal.modes();
    assert!(!modes.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO));
    assert!(modes.local_modes.contains(LocalModes::ISIG));
    assert_eq!(
        modes.output_modes.contains(OutputModes::OPOST),
        terminal.before.output_modes.contains(OutputModes::OPOST)
    );
    terminal.type_in(b"q");
    terminal.wait_for(ASKED);
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn control_c_ends_the_process_as_ever() {
    const SIGINT: i32 = 2;
    let mut terminal = Terminal::start("own");
    terminal.wait_for(LISTENING);
    terminal.type_in(b"\x03");
    assert_eq!(terminal.child.wait().unwrap().signal(), Some(SIGINT));
}

#[test]
fn a_terminal_that_is_not_ours_is_left_alone() {
    let mut terminal = Terminal::start("foreign");
    terminal.wait_for(DEAF);
    assert!(terminal.child.wait().unwrap().success());
    assert!(terminal.is_as_before());
}
