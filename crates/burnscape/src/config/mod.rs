//! The settings of a probe, with their reasons.

pub(crate) mod alerts;
pub(crate) mod black_box;
pub(crate) mod check;
pub(crate) mod chosen;
pub(crate) mod clock;
pub(crate) mod filters;
pub(crate) mod measurements;
pub(crate) mod schedule;
pub(crate) mod shard;
pub(crate) mod snapshots;
pub(crate) mod study;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burnscape_trace::Plan;

use crate::Result;
use alerts::{AlertRules, OnAlert};
use black_box::BlackBox;
use check::check;
use chosen::Chosen;
use clock::Clock;
use filters::FilterOverride;
use measurements::Measurements;
use schedule::SnapshotSchedule;
use shard::Shard;
use snapshots::{Rounding, SnapshotLimits};
use study::{StudyConfig, check_tolerance};

/// What happens when the run folder already holds a run; nothing is ever overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// An error.
    Refuse,
    /// Go on recording in it.
    Resume,
    /// Take the next free number: `runs/digits-2`.
    NextFree,
}

/// 256 MiB a vector; a study holds about six of them.
const MOST_HELD: usize = 1 << 26;

/// All settings; [`crate::ProbeBuilder`] documents each.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub run: PathBuf,
    pub existing: Existing,
    pub measurements: Measurements,
    pub alerts: AlertRules,
    pub on_alert: Option<OnAlert>,
    pub black_box: BlackBox,
    /// `None`: on every device but the CPU, where reading a number costs nothing.
    pub deferred_reads: Option<bool>,
    pub snapshots: SnapshotSchedule,
    /// `None`: all are kept.
    pub snapshot_limits: Option<SnapshotLimits>,
    /// `None`: as they are trained.
    pub snapshot_rounding: Option<Rounding>,
    /// Blocks that are recorded.
    pub blocks: Chosen,
    /// Steps that may wait for the writer thread: a few seconds of a fast training.
    pub queue_steps: usize,
    pub filter_axes: Vec<FilterOverride>,
    pub keep_last_update: bool,
    /// Parameters up to which vectors as long as they are held in memory.
    pub most_held: usize,
    pub study: StudyConfig,
    /// What the default slices measure, whatever time that takes.
    pub plan: Option<Plan>,
    /// The share of every slice that this process measures; `None`: all of it, unless the environment says otherwise.
    pub shard: Option<Shard>,
    /// What budgets of time are kept by.
    pub clock: Clock,
    /// Training is asked to stop: one word for all models that are trained together.
    pub stop_asked: Arc<AtomicBool>,
    /// A loop that trains them was told so.
    pub stop_told: Arc<AtomicBool>,
}

impl Config {
    pub fn new(run: PathBuf) -> Self {
        Self {
            run,
            existing: Existing::NextFree,
            measurements: Measurements::default(),
            alerts: AlertRules::default(),
            on_alert: None,
            black_box: BlackBox::default(),
            deferred_reads: None,
            snapshots: SnapshotSchedule::EveryEpochs(1),
            snapshot_limits: Some(SnapshotLimits::default()),
            snapshot_rounding: None,
            blocks: Chosen::default(),
            queue_steps: 4096,
            filter_axes: Vec::new(),
            keep_last_update: false,
            most_held: MOST_HELD,
            study: StudyConfig::new(),
            plan: None,
            shard: None,
            clock: Clock::default(),
            stop_asked: Arc::default(),
            stop_told: Arc::default(),
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
        let every = match self.snapshots {
            SnapshotSchedule::EveryEpochs(every) | SnapshotSchedule::EverySteps(every) => every,
        };
        check("snapshots", every > 0, &every, "every 1 or more")?;
        check("queue_steps", self.queue_steps > 0, &self.queue_steps, "1 or more")?;
        let can_round = self.snapshot_rounding.is_none_or(|it| it.dtype().is_some());
        check("snapshot_dtype", can_round, &"f64", "f16, bf16 or f32")?;
        self.alerts.validate()?;
        check_tolerance(self.plan.as_ref().and_then(|plan| plan.tolerance))?;
        self.study.validate()
    }
}
