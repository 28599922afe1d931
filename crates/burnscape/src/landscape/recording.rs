//! How the recording itself went.

use std::path::{Path, PathBuf};

use crate::channel::report::Report;

/// How the recording itself went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    pub(super) run: Option<PathBuf>,
    pub(super) steps: u64,
    pub(super) snapshots: usize,
    pub(super) dropped_steps: u64,
    pub(super) problems: Vec<String>,
    pub(super) last_loss: Option<f64>,
}

impl Recording {
    pub(crate) fn new(run: &Path, report: Report) -> Self {
        Self {
            run: Some(run.to_path_buf()),
            steps: report.steps,
            snapshots: report.snapshots.len(),
            dropped_steps: report.dropped_steps,
            problems: report.problems,
            last_loss: report.last_loss,
        }
    }

    /// The run folder; `None` from a disabled probe.
    pub fn run_folder(&self) -> Option<&Path> {
        self.run.as_deref()
    }

    /// Optimizer steps recorded.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Snapshots in the run.
    pub fn snapshots(&self) -> usize {
        self.snapshots
    }

    /// Step records that were lost because the disk could not follow.
    pub fn dropped_steps(&self) -> u64 {
        self.dropped_steps
    }

    /// Training loss of the last recorded step.
    pub fn last_loss(&self) -> Option<f64> {
        self.last_loss
    }

    /// What went wrong while recording, as sentences; empty if nothing did.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
