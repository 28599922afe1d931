//! The settings of a probe, with their reasons.

use std::path::PathBuf;
use std::time::Duration;

use crate::model_map::FilterOverride;
use crate::schedule::SnapshotSchedule;
use crate::{Error, Result};

/// What happens when the run folder already holds a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// An error: nothing is ever overwritten.
    Refuse,
    /// Go on recording in it.
    Resume,
    /// Take the next free number: `runs/digits-2`.
    NextFree,
}

/// All settings; [`crate::ProbeBuilder`] documents each.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub run: PathBuf,
    pub existing: Existing,
    /// Gradient norms cost about 1 % of a step of a small network: every step.
    pub grad_norms_every: u64,
    /// Weight and update norms read the weights twice: every tenth step.
    pub weight_norms_every: u64,
    /// `None`: on every device but the CPU, where reading a number costs nothing.
    pub deferred_reads: Option<bool>,
    pub snapshots: SnapshotSchedule,
    /// Steps that may wait for the writer thread: a few seconds of a fast training.
    pub queue_steps: usize,
    pub seed: u64,
    /// 49 nodes halve well: 24 · 12 · 6 · 3 · 1 steps from the centre.
    pub resolution: [usize; 2],
    /// Half the width of the random plane, in units of the filter-normalised directions (Li et
    /// al. 2018 use 1).
    pub random_range: f64,
    /// Room around the trajectory, as a share of its extent.
    pub margin: f64,
    pub time_budget: Option<Duration>,
    pub threads: Option<usize>,
    pub filter_axes: Vec<FilterOverride>,
    pub show_progress: bool,
}

impl Config {
    pub fn new(run: PathBuf) -> Self {
        Self {
            run,
            existing: Existing::Refuse,
            grad_norms_every: 1,
            weight_norms_every: 10,
            deferred_reads: None,
            snapshots: SnapshotSchedule::EveryEpochs(1),
            queue_steps: 4096,
            seed: 0,
            resolution: [49, 49],
            random_range: 1.0,
            margin: 0.2,
            time_budget: None,
            threads: None,
            filter_axes: Vec::new(),
            show_progress: true,
        }
    }

    /// Refuses what cannot work, in one place.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        let has_name = !self.run.as_os_str().is_empty();
        check("run folder", has_name, &"\"\"", "the path of a folder, such as \"runs/digits\"")?;
        let smallest = self.resolution[0].min(self.resolution[1]);
        check("resolution", smallest >= 3, &smallest, "at least 3 nodes per axis (49 halve well)")?;
        let every = match self.snapshots {
            SnapshotSchedule::EveryEpochs(every) | SnapshotSchedule::EverySteps(every) => every,
        };
        check("snapshots", every > 0, &every, "every 1 or more")?;
        check("queue_steps", self.queue_steps > 0, &self.queue_steps, "1 or more")?;
        check("threads", self.threads != Some(0), &0, "1 or more")?;
        let range = self.random_range;
        check("random_range", range.is_finite() && range > 0.0, &range, "a positive number")?;
        let margin = self.margin;
        check("margin", margin.is_finite() && margin >= 0.0, &margin, "0 or a positive number")
    }

    /// Threads that evaluate the surface: all cores unless set.
    pub fn worker_threads(&self) -> usize {
        let available = std::thread::available_parallelism();
        self.threads.unwrap_or(available.map_or(1, usize::from))
    }
}

fn check(
    setting: &'static str,
    holds: bool,
    found: &dyn std::fmt::Display,
    expected: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Setting { setting, found: found.to_string(), expected })
}
