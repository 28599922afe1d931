//! What surfaces are like unless a slice says otherwise, with the reasons.

use std::time::Duration;

use crate::Result;
use crate::config::check;

/// Settings of a study; [`crate::ProbeBuilder`] and [`crate::Run`] document each.
#[derive(Debug, Clone)]
pub(crate) struct StudySettings {
    pub seed: u64,
    /// 49 nodes halve well: 24 · 12 · 6 · 3 · 1 steps from the centre.
    pub resolution: [usize; 2],
    /// Half the width of a random plane, in units of the filter-normalised directions (Li et al.
    /// 2018 use 1).
    pub random_range: f64,
    /// Room around the trajectory, as a share of its extent.
    pub margin: f64,
    /// Adaptive evaluation within this share of the range of losses; `None`: every node.
    pub tolerance: Option<f64>,
    /// Random planes that the one shown is compared with: four more say whether it is typical, and cost
    /// 81 nodes each beside its 2401.
    pub agreement: usize,
    pub time_budget: Option<Duration>,
    pub threads: Option<usize>,
    pub show_progress: bool,
    pub stop_on_interrupt: bool,
}

impl Default for StudySettings {
    fn default() -> Self {
        Self {
            seed: 0,
            resolution: [49, 49],
            random_range: 1.0,
            margin: 0.2,
            tolerance: None,
            agreement: 4,
            time_budget: None,
            threads: None,
            show_progress: true,
            stop_on_interrupt: true,
        }
    }
}

impl StudySettings {
    /// Refuses what cannot work.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Setting`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        check_resolution(self.resolution)?;
        check("threads", self.threads != Some(0), &0, "1 or more")?;
        let range = self.random_range;
        check("random_range", range.is_finite() && range > 0.0, &range, "a positive number")?;
        let margin = self.margin;
        check("margin", margin.is_finite() && margin >= 0.0, &margin, "0 or a positive number")?;
        check_tolerance(self.tolerance)
    }

    /// Threads that evaluate surfaces: all cores unless set.
    pub fn worker_threads(&self) -> usize {
        let available = std::thread::available_parallelism();
        self.threads.unwrap_or(available.map_or(1, usize::from))
    }
}

/// Refuses axes that are too short.
pub(super) fn check_resolution(resolution: [usize; 2]) -> Result<()> {
    let smallest = resolution[0].min(resolution[1]);
    check("resolution", smallest >= 3, &smallest, "at least 3 nodes per axis (49 halve well)")
}

/// Refuses tolerances that are no share; 0 says exact.
pub(super) fn check_tolerance(tolerance: Option<f64>) -> Result<()> {
    let share = tolerance.unwrap_or(0.0);
    let expected = "a share of the range of losses, 0 or more and below 1, such as 0.01";
    check("adaptive", (0.0..1.0).contains(&share), &share, expected)
}
