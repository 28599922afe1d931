//! Alerts reach a person: at once, or when the screen of another renderer is closed.

use burnscape_tests::screen::{CLOSED, OPENED};

use super::support::{TRAINEE, Training, start};

/// A learning rate at which everything explodes.
const TOO_HIGH: &str = "1e6";

fn words<'a>(training: &'a Training, more: &[&'a str]) -> Vec<&'a str> {
    let dir = training.folder.path().to_str().expect("a UTF-8 path");
    let always = ["--dir", dir, "--model", "mlp", "--watch", "training", "--lr", TOO_HIGH];
    [&[TRAINEE], &always[..], more].concat()
}

/// Where a text begins in what was written.
fn place(text: &str, part: &str) -> usize {
    text.find(part).unwrap_or_else(|| panic!("{part} in {text}"))
}

#[test]
fn an_alert_is_on_the_terminal_while_training_goes_on() {
    let training = Training::new();
    let words = words(&training, &["--burns-renderer", "--epochs", "3", "--rest-after", "25"]);
    let mut terminal = start(&words, &[], None, true);
    terminal
        .wait_until("an alert", |it| String::from_utf8_lossy(&it.bytes()).contains("burnscape: "));
    assert_eq!(terminal.child.try_wait().expect("a state"), None, "it still trains");
    training.go_on();
    assert!(terminal.wait_for_end().success());
}

#[test]
fn an_alert_waits_for_a_screen_of_the_users_to_be_closed() {
    let training = Training::new();
    let words = words(&training, &["--screen", "--epochs", "2"]);
    let mut terminal = start(&words, &[], None, true);
    assert!(terminal.wait_for_end().success());
    let text = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    let (opened, closed) = (place(&text, OPENED), place(&text, CLOSED));
    let told = place(&text, "burnscape: ");
    assert!(opened < closed && closed < told, "{text}");
    let told: Vec<&str> = text.lines().filter_map(|it| it.strip_prefix("burnscape: ")).collect();
    assert_eq!(told.len(), alerts(&training), "each once: {text}");
    let is_short = |line: &&str| {
        (line.starts_with("step ") || line.starts_with("error at step ")) && line.len() < 120
    };
    assert!(told.iter().all(is_short), "in a line each: {text}");
    let mut helps: Vec<&str> = text.lines().filter(|it| it.contains("what helps: ")).collect();
    let all = helps.len();
    helps.sort_unstable();
    helps.dedup();
    assert!(all > 0 && helps.len() == all, "each advice once: {text}");
}

fn alerts(training: &Training) -> usize {
    let trace = burnscape::trace::read_run(training.run()).expect("a readable run");
    let alert = |record: &&burnscape::trace::Record| record.kind() == "alert";
    trace.records.iter().filter(alert).count()
}
