//! `burnscape watch` in a terminal to which things happen.

use std::os::unix::process::ExitStatusExt;

use burnscape_tests::pseudo_terminal::PseudoTerminal;
use rustix::process::{Pid, Signal, kill_process};

use super::support::{Training, WATCHER, start};

/// A run that is over.
fn recorded() -> Training {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "2"]);
    assert!(terminal.wait_for_end().success());
    training
}

fn watched(training: &Training, variables: &[(&str, &str)], is_drained: bool) -> PseudoTerminal {
    let run = training.run();
    let run = run.to_str().expect("a UTF-8 path");
    start(&[WATCHER, run], variables, None, is_drained)
}

#[test]
fn it_shows_a_run_until_q_and_gives_the_terminal_back() {
    let training = recorded();
    for quit in ["q", "\x03"] {
        let mut terminal = watched(&training, &[], true);
        terminal.wait_for("run  finished");
        terminal.resize(60, 12);
        terminal.wait_until("a frame of 60 columns", |it| it.first_row().trim_end().ends_with('5'));
        terminal.type_in(quit);
        assert!(terminal.wait_for_end().success());
        assert!(!terminal.is_on_alternate_screen() && terminal.has_its_modes_back());
    }
}

#[test]
fn a_terminal_that_hangs_up_is_an_ordinary_end() {
    let training = recorded();
    for is_drained in [true, false] {
        let mut terminal = watched(&training, &[], is_drained);
        terminal.wait_until("raw modes", |it| !it.has_its_modes_back());
        if is_drained {
            terminal.wait_for("run  finished");
        }
        terminal.hang_up();
        let status = terminal.wait_for_end();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn a_terminal_that_takes_nothing_can_be_left() {
    let training = recorded();
    let mut terminal = watched(&training, &[], false);
    terminal.wait_until("raw modes", |it| !it.has_its_modes_back());
    terminal.type_in("q");
    assert!(terminal.wait_for_end().success());
    assert!(terminal.has_its_modes_back());
}

#[test]
fn a_signal_that_ends_it_finds_the_terminal_given_back() {
    let training = recorded();
    let mut terminal = watched(&training, &[], true);
    terminal.wait_for("run  finished");
    let pid = Pid::from_raw(terminal.child.id() as i32).expect("a process");
    kill_process(pid, Signal::TERM).expect("a signal");
    assert_eq!(terminal.wait_for_end().signal(), Some(Signal::TERM.as_raw()));
    assert!(!terminal.is_on_alternate_screen() && terminal.has_its_modes_back());
}

#[test]
fn the_environment_is_respected() {
    let training = recorded();
    let plain = [("NO_COLOR", "1"), ("LC_ALL", "C")];
    let mut terminal = watched(&training, &plain, true);
    terminal.wait_for("run  finished");
    assert!(terminal.has_reversed_cells(), "the selected view is marked");
    terminal.type_in("q");
    assert!(terminal.wait_for_end().success());
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(bytes.is_ascii() && !text.contains("38;") && !text.contains("48;"), "{text}");
}

/// Whoever kills a viewer finds the terminal as it was, and the shell is told by which signal it ended.
#[test]
fn a_signal_that_ends_the_viewer_finds_the_terminal_given_back() {
    let training = recorded();
    for signal in [Signal::INT, Signal::QUIT, Signal::TERM] {
        let mut terminal = watched(&training, &[], true);
        terminal.wait_for("run  finished");
        kill_process(Pid::from_child(&terminal.child), signal).expect("a signal");
        assert_eq!(terminal.wait_for_end().signal(), Some(signal.as_raw()));
        assert!(!terminal.is_on_alternate_screen() && terminal.has_its_modes_back());
        let bytes = terminal.bytes();
        let shows_cursor = |code: &[u8]| bytes.windows(code.len()).rposition(|it| it == code);
        assert!(shows_cursor(b"\x1b[?25h") > shows_cursor(b"\x1b[?25l"), "{signal:?}");
    }
}
