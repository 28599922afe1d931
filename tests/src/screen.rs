//! A renderer that has the terminal for itself, as burn's has: raw, on the second screen, until it is dropped.

use std::io::{Write, stdout};
use std::os::fd::OwnedFd;

use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::MetricDefinition;
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// What is on the screen when it opens, and when it closes.
pub const OPENED: &str = "the screen is open";
/// What it leaves on the terminal.
pub const CLOSED: &str = "the screen is closed";

/// The screen.
pub struct Screen {
    terminal: OwnedFd,
    before: Termios,
}

impl Screen {
    /// Takes the terminal that is standard error.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn open() -> Self {
        let terminal = rustix::io::dup(std::io::stderr()).expect("standard error");
        let before = tcgetattr(&terminal).expect("a terminal");
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw).expect("raw");
        say(&format!("\x1b[?1049h{OPENED}"));
        Self { terminal, before }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Before the mode, which tells others that the terminal is free.
        say(&format!("\x1b[?1049l{CLOSED}\r\n"));
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn say(text: &str) {
    let mut out = stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl TrainingProgressLogger for Screen {
    fn start(&mut self, _: usize, _: usize, _: Option<usize>, _: Option<&str>) {}
    fn update_epoch(&mut self, _: usize) {}
    fn start_split(&mut self, _: &str, _: usize) {}
    fn update_split(&mut self, _: usize) {}
    fn end_split(&mut self) {}
    fn end(&mut self) {}
    fn log_event_training(&mut self, _: String) {}
}

impl EvaluationProgressLogger for Screen {
    fn start_global_progress(&mut self, _: usize) {}
    fn start_test(&mut self, _: &str, _: usize) {}
    fn update_test_progress(&mut self, _: usize) {}
    fn end_test(&mut self) {}
    fn end_global_progress(&mut self) {}
    fn log_event_evaluation(&mut self, _: String) {}
}

impl MetricsRendererTraining for Screen {
    fn update_train(&mut self, _: MetricState) {}
    fn update_valid(&mut self, _: MetricState) {}
}

impl MetricsRendererEvaluation for Screen {
    fn update_test(&mut self, _: EvaluationName, _: MetricState) {}
}

impl MetricsRenderer for Screen {
    fn manual_close(&mut self) {}
    fn register_metric(&mut self, _: MetricDefinition) {}
}
