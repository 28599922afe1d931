//! A shell between the terminal and the training: stopped, continued, started in the background.

use burnscape_tests::pseudo_terminal::PseudoTerminal;
use burnscape_tests::waiting::wait_until;
use rustix::process::{Pid, Signal, kill_process};

use super::support::{ENDLESS, Training, WATCHER, recorded_run, start};

/// A stop that came twice once in some hundred times would be seen.
const STOPS: u32 = 20;

/// A shell that keeps jobs, at its first prompt.
fn shell() -> PseudoTerminal {
    let terminal = start(&["sh", "-i"], &[], None, true);
    terminal.wait_for("$");
    terminal
}

/// Ends a shell that has the terminal again: what is typed before may still go to the program that leaves.
fn leave(mut shell: PseudoTerminal) {
    shell.wait_until("a prompt", |it| it.screen().trim_end().ends_with("\n$"));
    shell.type_in("exit\r");
    assert!(shell.wait_for_end().success());
}

fn wait_for_dashboard(terminal: &PseudoTerminal) {
    terminal.wait_until("the dashboard", |it| {
        it.is_on_alternate_screen() && it.screen().contains("train epoch")
    });
}

/// The shell has the terminal again.
fn wait_for_stop(terminal: &PseudoTerminal) {
    terminal.wait_until("the shell", |it| {
        !it.is_on_alternate_screen() && it.screen().contains("Stopped")
    });
}

/// A command line; none of its words needs quotes. Its output goes elsewhere.
fn line(training: &Training, arguments: &[&str]) -> String {
    format!("{} >{}", training.words(arguments).join(" "), training.output().display())
}

#[test]
fn a_dashboard_that_is_stopped_gives_the_shell_its_terminal_and_comes_back() {
    let training = Training::new();
    let mut terminal = shell();
    terminal.type_in(&line(&training, &["--epochs", ENDLESS, "--rest-after", "100"]));
    terminal.type_in("\r");
    terminal.wait_for("train epoch");
    terminal.type_in("\x1a");
    wait_for_stop(&terminal);
    terminal.type_in("echo still $((40 + 2)) here\r");
    terminal.wait_for("still 42 here");
    terminal.type_in("fg\r");
    wait_for_dashboard(&terminal);
    terminal.type_in("qs");
    training.go_on();
    terminal.wait_for("interrupted after");
    leave(terminal);
    assert_eq!(training.end().reason, "interrupted");
}

/// Whichever of its threads the system lets take the signal, and however late: while it trains, it is rarely the one
/// that draws.
#[test]
fn a_dashboard_is_stopped_once_each_time_it_is_asked() {
    let training = Training::new();
    let mut terminal = shell();
    terminal.type_in(&line(&training, &["--epochs", ENDLESS]));
    terminal.type_in("\r");
    for round in 0..STOPS {
        wait_for_dashboard(&terminal);
        terminal.type_in("\x1a");
        wait_for_stop(&terminal);
        terminal.type_in(&format!("clear; echo round $(({round} + 100))\r"));
        terminal.wait_for(&format!("round {}", round + 100));
        terminal.type_in("fg\r");
    }
    wait_for_dashboard(&terminal);
    terminal.type_in("qs");
    terminal.wait_for("interrupted after");
    leave(terminal);
}

#[test]
fn a_dashboard_that_goes_on_in_the_background_leaves_the_terminal_alone() {
    let training = Training::new();
    let mut terminal = shell();
    terminal.type_in(&line(&training, &["--epochs", "60", "--rest-after", "100"]));
    terminal.type_in("\r");
    terminal.wait_for("train epoch");
    terminal.type_in("\x1a");
    terminal.wait_for("Stopped");
    terminal.type_in("bg\r");
    training.go_on();
    terminal.type_in("wait; echo and $((40 + 2)) done\r");
    terminal.wait_for("and 42 done");
    assert!(!terminal.is_on_alternate_screen());
    training.assert_finished(60);
}

#[test]
fn a_training_in_the_background_is_not_stopped_and_prints_lines() {
    let training = Training::new();
    let mut terminal = shell();
    terminal.type_in(&line(&training, &["--epochs", "3"]));
    terminal.type_in(" &\r");
    terminal.wait_for("no dashboard, this process is in the background");
    terminal.type_in("wait; echo and $((40 + 2)) done\r");
    terminal.wait_for("and 42 done");
    training.assert_finished(3);
    let lines = std::fs::read_to_string(training.output()).expect("the output");
    assert!(lines.contains("epoch 3/3   Accuracy"), "{lines}");
}

#[test]
fn watching_can_be_stopped_and_continued_and_begun_in_the_background() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "2"]);
    assert!(terminal.wait_for_end().success());
    let mut terminal = shell();
    terminal.type_in(&format!("{WATCHER} {} &\r", training.run().display()));
    terminal.type_in("echo still $((40 + 2)) here\r");
    terminal.wait_for("still 42 here");
    terminal.type_in("fg\r");
    terminal.wait_for("run  finished");
    terminal.type_in("\x1a");
    wait_for_stop(&terminal);
    terminal.type_in("fg\r");
    terminal.wait_for("run  finished");
    terminal.type_in("q");
    terminal.wait_until("the shell", |it| !it.is_on_alternate_screen());
    leave(terminal);
}

/// The processes that a process started.
fn children(process: u32) -> Vec<i32> {
    let listed = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    listed.unwrap_or_default().split_whitespace().filter_map(|it| it.parse().ok()).collect()
}

/// The program that runs the viewer is killed, as `cargo run` may be: the shell has its terminal again.
#[test]
fn a_viewer_whose_parent_is_killed_ends_and_gives_the_terminal_back() {
    let terminal = &mut shell();
    terminal.type_in(&format!("sh -c '{WATCHER} {}; true'\r", recorded_run().display()));
    terminal.wait_for("tour  finished");
    let parent = children(terminal.child.id())[0];
    let viewer = children(parent as u32)[0];
    kill_process(Pid::from_raw(parent).expect("a process"), Signal::KILL).expect("a signal");
    wait_until(|| !is_running(viewer), || "the viewer goes on".to_owned());
    terminal.wait_until("the shell", |it| !it.is_on_alternate_screen() && it.shows_cursor());
}

/// The shell itself is killed, and its terminal hangs up with it.
#[test]
fn a_viewer_whose_session_ends_leaves_nothing_running() {
    let mut terminal = shell();
    terminal.type_in(&format!("{WATCHER} {}\r", recorded_run().display()));
    terminal.wait_for("tour  finished");
    let viewer = children(terminal.child.id())[0];
    let session = Pid::from_child(&terminal.child);
    kill_process(session, Signal::KILL).expect("a signal");
    terminal.wait_for_end();
    wait_until(|| !is_running(viewer), || "the viewer goes on".to_owned());
}

/// Whether a process is there and no mere entry that nobody has asked for.
fn is_running(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z")
}

#[test]
fn a_viewer_that_is_stopped_from_outside_gives_the_terminal_back_first() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "2"]);
    assert!(terminal.wait_for_end().success());
    let mut terminal = shell();
    terminal.type_in(&format!("{WATCHER} {}\r", training.run().display()));
    terminal.wait_for("run  finished");
    let viewer = children(terminal.child.id())[0];
    kill_process(Pid::from_raw(viewer).expect("a process"), Signal::TSTP).expect("a signal");
    wait_for_stop(&terminal);
    terminal.type_in("fg\r");
    terminal.wait_for("run  finished");
    terminal.type_in("q");
    terminal.wait_until("the shell", |it| !it.is_on_alternate_screen());
    leave(terminal);
}
