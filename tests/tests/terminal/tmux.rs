//! The same inside tmux, where it is installed.

use std::path::Path;
use std::process::{Command, Output};

use burnscape_tests::waiting::wait_until;
use burnscape_workbench::tmux;

use super::support::{ENDLESS, Training, WATCHER, recorded_run};

/// A tmux server of its own, ended with the test.
struct Tmux {
    program: &'static str,
    name: String,
}

impl Tmux {
    /// `None` where there is no tmux.
    fn start(name: &str) -> Option<Self> {
        let tmux =
            Self { program: tmux()?, name: format!("burnscape-{name}-{}", std::process::id()) };
        let started = tmux.tell(&["new-session", "-d", "-x", "100", "-y", "30", "sh"]);
        assert!(started.status.success(), "{started:?}");
        Some(tmux)
    }

    fn tell(&self, words: &[&str]) -> Output {
        let mut command = Command::new(self.program);
        command.args(["-L", &self.name, "-f", "/dev/null"]).args(words);
        command.env("LANG", "C.UTF-8").env_remove("LC_ALL").env_remove("TMUX");
        command.output().expect("tmux runs")
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.tell(&["capture-pane", "-p"]).stdout).into_owned()
    }

    fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let holds = || holds(&self.screen());
        wait_until(holds, || format!("no {what:?} came in\n{}", self.screen()));
    }

    fn train(&self, training: &Training, arguments: &[&str]) {
        let line = training.words(arguments).join(" ");
        let line = format!("{line} >{}", training.output().display());
        self.tell(&["send-keys", &line, "Enter"]);
        self.wait_for("train epoch");
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.tell(&["kill-server"]);
    }
}

#[test]
fn in_tmux_it_starts_follows_the_size_stops_and_leaves_its_last_words() {
    let Some(tmux) = Tmux::start("stays") else { return };
    let training = Training::new();
    tmux.train(&training, &["--epochs", ENDLESS, "--rest-after", "60"]);
    tmux.tell(&["resize-window", "-x", "60", "-y", "20"]);
    // Cut to the width, the line of keys is the last of twenty.
    tmux.wait_until("a frame of 20 rows", |screen| {
        screen.lines().nth(19).is_some_and(|row| row.starts_with("q quit"))
    });
    tmux.tell(&["send-keys", "C-z"]);
    tmux.wait_for("Stopped");
    tmux.tell(&["send-keys", "fg", "Enter"]);
    tmux.wait_for("train epoch");
    tmux.tell(&["send-keys", "q"]);
    tmux.wait_for("Leave?");
    tmux.tell(&["send-keys", "s"]);
    training.go_on();
    tmux.wait_for("interrupted after");
    assert_eq!(training.end().reason, "interrupted");
}

#[test]
fn in_tmux_the_viewer_has_colours_answers_keys_and_gives_the_terminal_back() {
    let Some(tmux) = Tmux::start("watches") else { return };
    let line = format!("{WATCHER} {}", recorded_run().display());
    tmux.tell(&["send-keys", &line, "Enter"]);
    tmux.wait_for("tour  finished");
    tmux.tell(&["send-keys", "4"]);
    tmux.wait_for("1 pca");
    let coloured = tmux.tell(&["capture-pane", "-p", "-e"]);
    assert!(
        String::from_utf8_lossy(&coloured.stdout).contains("8;5;"),
        "256 colours: {coloured:?}"
    );
    tmux.tell(&["send-keys", "m"]);
    tmux.wait_for("turn 30°");
    tmux.tell(&["send-keys", "Right"]);
    tmux.wait_until("a turn", |screen| !screen.contains("turn 30°") && screen.contains("turn "));
    tmux.tell(&["send-keys", "q"]);
    let told =
        || tmux.tell(&["display-message", "-p", "#{alternate_on}#{cursor_flag}#{mouse_any_flag}"]);
    let is_back = || String::from_utf8_lossy(&told().stdout).trim() == "010";
    wait_until(is_back, || format!("{:?}", told()));
    assert!(!tmux.screen().contains("tour  finished"), "{}", tmux.screen());
}

#[test]
fn a_pane_that_is_killed_leaves_training_alone() {
    let Some(tmux) = Tmux::start("goes") else { return };
    let training = Training::new();
    tmux.train(&training, &["--epochs", "60", "--rest-after", "60"]);
    tmux.tell(&["kill-server"]);
    training.go_on();
    wait_for_outcome(&training.output());
    training.assert_finished(60);
}

/// The process is nobody's child here: it has ended when it has told its outcome.
fn wait_for_outcome(output: &Path) {
    let told = || std::fs::read_to_string(output).unwrap_or_default();
    wait_until(|| told().contains("{\"paths\""), || "training does not end".to_owned());
}
