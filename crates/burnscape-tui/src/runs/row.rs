//! A row of the list: what is known of a run at a moment.

use std::path::PathBuf;

use ratatui::style::Color;

use crate::model::RunState;
use crate::palette::{BAD, GOOD, MUTED, WARNING};
use crate::views::silence;

/// Where a run is, or why that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowState {
    Run(RunState),
    /// The folder vanished while it was watched.
    Gone,
    /// It is no trace, or of a newer format.
    Unreadable,
}

/// A run in a line, at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) state: RowState,
    /// Since the file was written to.
    pub(crate) silent_minutes: u64,
    pub(crate) is_damaged: bool,
    pub(crate) epoch: Option<u64>,
    pub(crate) planned_epochs: Option<u64>,
    pub(crate) steps: u64,
    pub(crate) last_loss: Option<f64>,
    /// The course of the loss in a few values, as far as it was read.
    pub(crate) losses: Vec<f64>,
    /// The lowest validation loss, as far as it was read.
    pub(crate) best_valid_loss: Option<f64>,
    /// Of the last step that was read.
    pub(crate) learning_rate: Option<f64>,
    pub(crate) alerts: u64,
    pub(crate) errors: u64,
    /// All of the trace was read: before, there may be more alerts, and damage.
    pub(crate) is_whole: bool,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) started_unix_secs: Option<f64>,
    /// What is wrong, in full.
    pub(crate) sentence: Option<String>,
}

impl Row {
    /// The state in words: a run without an end that was not written to for long is silent, whatever it was at.
    pub(crate) fn state_words(&self) -> String {
        let state = match self.state {
            RowState::Gone => "gone".to_owned(),
            RowState::Unreadable => "unreadable".to_owned(),
            RowState::Run(_) if self.is_silent() => silence(self.silent_minutes),
            RowState::Run(state) => state.word().to_owned(),
        };
        if self.is_damaged { state + ", damaged" } else { state }
    }

    /// The colour of the state.
    pub(crate) fn state_colour(&self) -> Color {
        match self.state {
            _ if self.is_damaged => BAD,
            RowState::Gone | RowState::Unreadable => BAD,
            RowState::Run(_) if self.is_silent() => WARNING,
            RowState::Run(RunState::Waiting) => MUTED,
            RowState::Run(RunState::Interrupted | RunState::Stopped) => WARNING,
            RowState::Run(_) => GOOD,
        }
    }

    /// The word under which it is counted.
    pub(crate) fn counted_as(&self) -> &'static str {
        match self.state {
            RowState::Gone => "gone",
            RowState::Unreadable => "unreadable",
            RowState::Run(_) if self.is_silent() => "silent",
            RowState::Run(state) => state.word(),
        }
    }

    fn is_silent(&self) -> bool {
        matches!(self.state, RowState::Run(state) if !state.is_over()) && self.silent_minutes > 0
    }
}
