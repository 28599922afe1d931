//! A recording in the hands of a study.

use std::sync::Arc;

use crate::Error;
use crate::channel::message::Moment;
use crate::config::Config;
use crate::landscape::recording::Recording;
use crate::observe::hook::Hook;
use crate::recorder::Recorder;

/// A recording in the hands of whoever uses it now.
pub(crate) struct ActiveRecording {
    pub config: Config,
    pub recorder: Recorder,
    pub hook: Arc<Hook>,
    /// The run had ended before.
    pub is_reopened: bool,
}

impl ActiveRecording {
    /// Where training ended, in counts of this process or, after the end of the run, of the run.
    pub fn moment(&self) -> Moment {
        if self.is_reopened { self.recorder.recorded } else { self.hook.moment() }
    }

    pub fn end_reason(&self) -> &'static str {
        let counters = self.hook.counters();
        let told = counters.ending().map(|ending| ending.reason());
        told.unwrap_or_else(|| counters.reason_by_hand(self.hook.steps()))
    }
}

/// A study that could not begin: how the recording went, and why.
pub(crate) type Failed = Box<(Recording, Error)>;

/// Why a study could not begin, with what went wrong before.
#[expect(clippy::boxed_local, reason = "it comes boxed out of a `Result`")]
pub(crate) fn error_of(failed: Failed) -> Error {
    let (recording, error) = *failed;
    error.after(recording.problems())
}

/// Ends the run of a study that could not begin.
pub(crate) fn failed(mut active: ActiveRecording, error: Error) -> Failed {
    active.recorder.handle.problem(error.to_string());
    let run = active.recorder.folder.path().to_path_buf();
    match active.recorder.stop("failed") {
        Ok(report) => (Recording::new(&run, report), error).into(),
        Err(_) => (Recording::default(), error).into(),
    }
}
