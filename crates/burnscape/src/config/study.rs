//! What surfaces are like unless a slice says otherwise, with the reasons.

use std::time::Duration;

use burnscape_trace::Plan;

use super::check::check;
use super::clock::Clock;
use crate::Result;

/// The least that `finish` may take: nobody minds it, and small models are measured whole in less.
const LEAST_BUDGET: Duration = Duration::from_secs(20);

/// How many times longer training may have been.
const SHARE_OF_TRAINING: u32 = 4;

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
    pub budget: Budget,
    /// Samples that losses are means over at least; `None`: all, or as many as there is time for.
    pub samples: Option<usize>,
    /// What the default slices measure, whatever time that takes.
    pub plan: Option<Plan>,
    pub clock: Clock,
    pub threads: Option<usize>,
    pub show_progress: bool,
    pub stop_on_interrupt: bool,
}

/// How long measuring may take in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// `finish` takes a share of the time of training; a study of one's own as long as it takes.
    OfFinish,
    /// As long as it takes.
    Unlimited,
    Of(Duration),
}

impl Budget {
    /// What there is in the end; `None`: as long as it takes.
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::Of(limit) => Some(limit),
            Self::OfFinish | Self::Unlimited => None,
        }
    }
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
            budget: Budget::OfFinish,
            samples: None,
            plan: None,
            clock: Clock::default(),
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
        check("samples", self.samples != Some(0), &0, "1 or more")?;
        check_tolerance(self.plan.as_ref().and_then(|plan| plan.tolerance))?;
        check_tolerance(self.tolerance)
    }

    /// Everything, on all samples, as long as it takes.
    pub fn exact(&mut self) {
        self.budget = Budget::Unlimited;
        (self.samples, self.tolerance, self.plan) = (None, None, None);
    }

    /// What `finish` may take after a training of this length, unless it was said, or told what to measure.
    pub fn begin_finish(&mut self, training: Duration) {
        if self.budget == Budget::OfFinish && self.plan.is_none() {
            self.budget = Budget::Of(LEAST_BUDGET.max(training / SHARE_OF_TRAINING));
        }
    }

    /// Threads that evaluate surfaces: all cores unless set.
    pub fn worker_threads(&self) -> usize {
        let available = std::thread::available_parallelism();
        self.threads.unwrap_or(available.map_or(1, usize::from))
    }
}

/// Refuses axes that are too short.
pub(crate) fn check_resolution(resolution: [usize; 2]) -> Result<()> {
    let smallest = resolution[0].min(resolution[1]);
    check("resolution", smallest >= 3, &smallest, "at least 3 nodes per axis (49 halve well)")
}

/// Refuses tolerances that are no share; 0 says exact.
pub(crate) fn check_tolerance(tolerance: Option<f64>) -> Result<()> {
    let share = tolerance.unwrap_or(0.0);
    let expected = "a share of the range of losses, 0 or more and below 1, such as 0.01";
    check("adaptive", (0.0..1.0).contains(&share), &share, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_takes_twenty_seconds_or_a_quarter_of_the_training_unless_told_otherwise() {
        let secs = Duration::from_secs;
        let budget = |mut settings: StudySettings, training| {
            settings.begin_finish(secs(training));
            settings.budget.limit()
        };
        let usual = StudySettings::default();
        assert_eq!(usual.budget.limit(), None, "a study of one's own takes as long as it takes");
        for (training, expected) in [(0, 20), (2, 20), (80, 20), (84, 21), (3600, 900)] {
            assert_eq!(budget(usual.clone(), training), Some(secs(expected)));
        }
        let told = StudySettings { budget: Budget::Of(secs(3)), ..usual.clone() };
        assert_eq!(budget(told, 3600), Some(secs(3)));
        let planned = StudySettings { plan: Some(Plan::default()), ..usual.clone() };
        assert_eq!(budget(planned, 3600), None);
        let mut exact = StudySettings { samples: Some(9), tolerance: Some(0.1), ..usual };
        exact.exact();
        assert_eq!((exact.samples, exact.tolerance), (None, None));
        assert_eq!(budget(exact, 3600), None);
    }
}
