//! The dashboard in the terminal of the training: what it shows, asks and leaves behind.

use std::os::unix::process::ExitStatusExt;

use burnscape_tests::waiting::wait_until;
use rustix::process::{Pid, Signal, kill_process};

use super::support::{ENDLESS, Training};

fn kill(process: u32, signal: Signal) {
    let pid = Pid::from_raw(process as i32).expect("a process");
    kill_process(pid, signal).expect("a signal");
}

#[test]
fn it_shows_training_and_the_surfaces_and_leaves_how_the_run_ended() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "20", "--rest-after", "60", "--finish", "9"]);
    terminal.wait_for("train epoch");
    assert!(terminal.is_on_alternate_screen());
    assert!(terminal.first_row().starts_with("run  training"), "{}", terminal.first_row());
    terminal.type_in("4");
    training.go_on();
    terminal.wait_until("a surface", |it| {
        it.first_row().starts_with("run  surface") || !it.is_on_alternate_screen()
    });
    assert!(terminal.wait_for_end().success());
    training.assert_finished(20);
    assert!(!terminal.is_on_alternate_screen());
    assert!(terminal.has_its_modes_back());
    let left = terminal.screen();
    for part in ["Learner Summary", "burnscape: finished after 200 steps", "pca: lowest"] {
        assert!(left.contains(part), "{part} in\n{left}");
    }
    let again = format!("burnscape watch {}", training.run().display());
    assert!(left.replace('\n', "").contains(&again), "{again} in\n{left}");
}

#[test]
fn a_detached_training_goes_on_without_it() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "60", "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    terminal.type_in("q");
    terminal.wait_for("Leave? Training is running.");
    terminal.type_in("c");
    terminal.wait_until("no question", |it| !it.screen().contains("Leave?"));
    terminal.type_in("qd");
    terminal.wait_for("training goes on without the dashboard; look again with `burnscape watch");
    assert!(!terminal.is_on_alternate_screen());
    assert!(terminal.has_its_modes_back());
    training.go_on();
    assert!(terminal.wait_for_end().success());
    training.assert_finished(60);
    let lines = std::fs::read_to_string(training.output()).expect("the output");
    assert!(lines.contains("epoch 60/60"), "lines take its place: {lines}");
}

#[test]
fn s_stops_training_after_a_step_as_burn_does() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", ENDLESS, "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    terminal.type_in("qs");
    training.go_on();
    assert!(terminal.wait_for_end().success());
    assert_eq!(training.end().reason, "interrupted");
    assert!(terminal.screen().contains("interrupted after"), "{}", terminal.screen());
    assert!(terminal.has_its_modes_back());
}

#[test]
fn control_c_asks_and_control_c_again_stops() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", ENDLESS, "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    terminal.type_in("\x03");
    terminal.wait_for("again Ctrl-C");
    terminal.type_in("\x03");
    training.go_on();
    assert!(terminal.wait_for_end().success());
    assert_eq!(training.end().reason, "interrupted");
}

#[test]
fn a_storm_of_sizes_ends_in_a_frame_of_the_last_one() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", ENDLESS, "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    // A linear congruence: any sizes will do, the smallest among them.
    let mut state = 1_u32;
    for _ in 0..300 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        terminal.resize((state >> 8) as u16 % 250 + 1, (state >> 20) as u16 % 90 + 1);
    }
    terminal.resize(1, 1);
    terminal.resize(90, 25);
    terminal.type_in("R");
    terminal.wait_until("a frame of 90 columns and 25 rows", |it| {
        let screen = it.screen();
        let rows: Vec<&str> = screen.lines().collect();
        let has_keys = rows.len() == 25 && rows[24].starts_with("q quit");
        // The tabs end at the right edge, and their number is the last in any width.
        let tabs = rows.first().map_or("", |row| row.trim_end());
        has_keys && (88..=90).contains(&tabs.chars().count()) && it.first_row().contains(" 5")
    });
    terminal.type_in("qs");
    training.go_on();
    assert!(terminal.wait_for_end().success());
}

#[test]
fn a_panic_is_read_on_the_screen_that_was_there_before() {
    let training = Training::new();
    let arguments = ["--epochs", ENDLESS, "--rest-after", "60", "--panic-after", "100"];
    let mut terminal = training.start(&arguments);
    terminal.wait_for("train epoch");
    training.go_on();
    assert!(!terminal.wait_for_end().success());
    assert!(!terminal.is_on_alternate_screen());
    assert!(terminal.has_its_modes_back());
    let left = terminal.screen();
    assert!(left.contains("the test asks for a panic"), "{left}");
    let begins = left.lines().any(|line| line.starts_with("thread '"));
    assert!(begins, "lines begin at the left:\n{left}");
}

#[test]
fn what_the_program_prints_does_not_tear_the_dashboard_and_is_left_on_the_terminal() {
    let training = Training::new();
    let arguments = ["--epochs", ENDLESS, "--rest-after", "60", "--chat-after", "60"];
    let mut terminal = super::support::start(&training.words(&arguments), &[], None, true);
    let printed = training.run().join("printed.txt");
    let is_printed = || std::fs::read_to_string(&printed).is_ok_and(|it| it.contains("a line of"));
    terminal.wait_until("the line in its file", |_| is_printed());
    terminal.wait_for("a line of the user's");
    terminal.wait_for("train epoch");
    let screen = terminal.screen();
    let places = ["the program printed", "a line of the user's"].map(|words| screen.find(words));
    assert!(places.is_sorted() && places[0].is_some(), "in a pane of its own:\n{screen}");
    terminal.type_in("qs");
    training.go_on();
    assert!(terminal.wait_for_end().success());
    assert!(!terminal.is_on_alternate_screen());
    let left = terminal.screen();
    let line = left.find("a line of the user's").unwrap_or_else(|| panic!("{left}"));
    let end = left.find("burnscape: interrupted after").unwrap_or_else(|| panic!("{left}"));
    assert!(line < end, "{left}");
    let begins = left.lines().any(|line| line.starts_with("a line of the user's"));
    assert!(begins, "lines begin at the left:\n{left}");
}

#[test]
fn after_the_dashboard_was_left_lines_are_printed_as_ever() {
    let training = Training::new();
    let arguments = ["--epochs", "30", "--rest-after", "60", "--chat-after", "100"];
    let mut terminal = super::support::start(&training.words(&arguments), &[], None, true);
    terminal.wait_for("train epoch");
    terminal.type_in("qd");
    terminal.wait_for("training goes on without the dashboard");
    assert!(!training.run().join("printed.txt").exists(), "nothing was printed meanwhile");
    training.go_on();
    assert!(terminal.wait_for_end().success());
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(bytes.contains("a line of the user's"), "{bytes}");
}

#[test]
fn a_signal_that_ends_the_process_finds_the_terminal_given_back() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", ENDLESS, "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    kill(terminal.child.id(), Signal::TERM);
    assert_eq!(terminal.wait_for_end().signal(), Some(Signal::TERM.as_raw()));
    assert!(!terminal.is_on_alternate_screen());
    assert!(terminal.has_its_modes_back());
}

/// The first one asks training to stop, which rests and cannot; a further one ends the program.
#[test]
fn interrupts_from_elsewhere_end_it_with_the_terminal_given_back() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", ENDLESS, "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    let pid = terminal.child.id();
    kill(pid, Signal::INT);
    let has_ended = || {
        let has_ended = terminal.child.try_wait().expect("a state").is_some();
        if !has_ended {
            kill(pid, Signal::INT);
        }
        has_ended
    };
    wait_until(has_ended, || "it goes on".to_owned());
    assert_eq!(terminal.wait_for_end().signal(), Some(Signal::INT.as_raw()));
    assert!(!terminal.is_on_alternate_screen());
    assert!(terminal.has_its_modes_back());
}

#[test]
fn a_hang_up_signal_detaches() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "40", "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    kill(terminal.child.id(), Signal::HUP);
    terminal.wait_until("the screen from before", |it| !it.is_on_alternate_screen());
    assert!(terminal.has_its_modes_back());
    training.go_on();
    assert!(terminal.wait_for_end().success());
    training.assert_finished(40);
}

#[test]
fn a_second_dashboard_is_refused_with_a_sentence_and_lines_take_its_place() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "3", "--second-dashboard"]);
    assert!(terminal.wait_for_end().success());
    training.assert_finished(3);
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    let sentence = "no dashboard, another dashboard of this process has the terminal";
    assert!(bytes.contains(sentence), "{bytes}");
    let lines = std::fs::read_to_string(training.output()).expect("the output");
    assert!(lines.contains("epoch 3/3   Accuracy"), "{lines}");
}
