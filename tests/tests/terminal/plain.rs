//! Terminals that can little, and what is asked for in the environment.

use super::support::{ENDLESS, Training};

/// Everything that a training wrote to its terminal, after every view was shown.
fn written(variables: &[(&str, &str)]) -> (Vec<u8>, bool) {
    let training = Training::new();
    let arguments = ["--epochs", ENDLESS, "--rest-after", "60"];
    let mut terminal = training.start_with(&arguments, variables, true);
    terminal.wait_for("train epoch");
    for view in ["2", "3", "4", "5", "1"] {
        let before = terminal.screen();
        terminal.type_in(view);
        terminal.wait_until("another view", |it| it.screen() != before);
    }
    let has_highlights = terminal.has_reversed_cells();
    terminal.type_in("qs");
    training.go_on();
    assert!(terminal.wait_for_end().success());
    assert_eq!(training.end().reason, "interrupted");
    (terminal.bytes(), has_highlights)
}

fn has_braille(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).chars().any(|it| ('\u{2800}'..='\u{28ff}').contains(&it))
}

#[test]
fn an_ordinary_terminal_gets_colours_and_braille() {
    let (bytes, has_highlights) = written(&[]);
    let text = String::from_utf8_lossy(&bytes);
    assert!(has_braille(&bytes) && text.contains("38;5;") && has_highlights);
}

#[test]
fn no_color_means_no_colour_and_highlights_are_seen_all_the_same() {
    let (bytes, has_highlights) = written(&[("NO_COLOR", "1")]);
    let text = String::from_utf8_lossy(&bytes);
    let is_plain = !text.contains("38;") && !text.contains("48;");
    assert!(is_plain, "no colour is set");
    assert!(has_highlights, "the selected view is marked");
}

#[test]
fn the_console_of_linux_gets_no_braille() {
    let (bytes, has_highlights) = written(&[("TERM", "linux")]);
    assert!(!has_braille(&bytes));
    assert!(has_highlights);
}

#[test]
fn a_locale_without_utf_8_gets_ascii() {
    for variables in [[("LANG", "C"), ("LC_ALL", "C")], [("LANG", "C"), ("LC_CTYPE", "POSIX")]] {
        let (bytes, _) = written(&variables);
        let others: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii()).collect();
        assert!(others.is_empty(), "{}", String::from_utf8_lossy(&others));
    }
}

#[test]
fn a_dumb_terminal_gets_lines_with_values() {
    let training = Training::new();
    let arguments = training.words(&["--epochs", "3"]);
    let mut terminal = super::support::start(&arguments, &[("TERM", "dumb")], None, true);
    assert!(terminal.wait_for_end().success());
    training.assert_finished(3);
    let bytes = terminal.bytes();
    assert!(!bytes.contains(&0x1b), "no escape sequence");
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("no dashboard, the terminal cannot move its cursor"), "{text}");
    assert!(text.contains("epoch 3/3   Accuracy"), "{text}");
}

/// Epochs of a few milliseconds, which the writer thread is behind of: each line has the norm of its own last step.
#[test]
fn the_line_of_an_epoch_has_the_gradient_norm_of_its_last_step() {
    const EPOCHS: u64 = 5;
    let training = Training::new();
    let epochs = EPOCHS.to_string();
    let arguments = training.words(&["--epochs", &epochs]);
    let mut terminal = super::support::start(&arguments, &[("TERM", "dumb")], None, true);
    assert!(terminal.wait_for_end().success());
    let text = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    let told: Vec<&str> = text.lines().filter(|line| line.starts_with("epoch ")).collect();
    let expected: Vec<String> = (1..=EPOCHS).map(|epoch| training.last_norm(epoch)).collect();
    assert_eq!(told.len(), expected.len(), "{text}");
    for (line, norm) in told.iter().zip(&expected) {
        assert!(line.contains(&format!("‖g‖ {norm} ")), "{norm} in {line}: {text}");
    }
    assert!(expected.windows(2).all(|pair| pair[0] != pair[1]), "{expected:?}");
}

#[test]
fn output_that_goes_elsewhere_gets_nothing_of_the_picture() {
    let training = Training::new();
    let mut terminal = training.start(&["--epochs", "20", "--rest-after", "60"]);
    terminal.wait_for("train epoch");
    training.go_on();
    assert!(terminal.wait_for_end().success());
    let output = std::fs::read(training.output()).expect("the output");
    assert!(!output.contains(&0x1b) && output.starts_with(b"{"), "the outcome alone");
    let left = training.times_left();
    assert!(left.iter().skip(1).all(Option::is_some), "after the first one it is known: {left:?}");
}
