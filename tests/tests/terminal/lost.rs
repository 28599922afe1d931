//! A terminal that goes away, or that takes nothing: training does not notice.

use super::support::{Training, threads};

const DRAWS: &str = "burnscape-scree";

#[test]
fn training_outlives_its_terminal_and_no_thread_is_left_spinning() {
    let training = Training::new();
    let arguments = ["--epochs", "60", "--rest-after", "100", "--chat-after", "300"];
    // Standard output is the terminal as well: a line printed into nothing must not end training.
    let mut terminal = super::support::start(&training.words(&arguments), &[], None, true);
    terminal.wait_for("train epoch");
    let process = terminal.child.id();
    assert!(threads(process).iter().any(|it| it == DRAWS), "{:?}", threads(process));
    terminal.hang_up();
    terminal.wait_until("no thread that draws", |_| !threads(process).iter().any(|it| it == DRAWS));
    assert!(terminal.child.try_wait().expect("a child").is_none(), "training goes on");
    training.go_on();
    assert!(terminal.wait_for_end().success());
    training.assert_finished(60);
}

#[test]
fn a_terminal_that_takes_nothing_holds_nobody_up() {
    let training = Training::new();
    let mut terminal = training.start_with(&["--epochs", "60", "--rest-after", "100"], &[], false);
    let process = terminal.child.id();
    terminal.wait_until("a thread that draws", |_| threads(process).iter().any(|it| it == DRAWS));
    terminal.fill();
    training.go_on();
    assert!(terminal.wait_for_end().success());
    training.assert_finished(60);
    assert!(terminal.has_its_modes_back());
}

#[test]
fn a_hang_up_of_a_terminal_that_takes_nothing_is_one_all_the_same() {
    let training = Training::new();
    let mut terminal = training.start_with(&["--epochs", "60", "--rest-after", "100"], &[], false);
    let process = terminal.child.id();
    terminal.wait_until("a thread that draws", |_| threads(process).iter().any(|it| it == DRAWS));
    terminal.fill();
    terminal.hang_up();
    training.go_on();
    assert!(terminal.wait_for_end().success());
    training.assert_finished(60);
}

#[test]
fn a_surface_that_is_stopped_from_the_dashboard_is_kept_and_the_run_ends() {
    let training = Training::new();
    let arguments = ["--epochs", "4", "--finish", "401", "--threads", "1"];
    let mut terminal = training.start(&arguments);
    terminal.wait_until("a surface", |it| it.first_row().starts_with("run  surface"));
    terminal.type_in("q");
    terminal.wait_for("The surface is being measured.");
    terminal.type_in("s");
    assert!(terminal.wait_for_end().success());
    training.assert_finished(4);
    let notes = training.notes();
    assert!(notes.iter().any(|it| it.contains("by the key q")), "{notes:?}");
}
