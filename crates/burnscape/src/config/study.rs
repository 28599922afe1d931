//! What surfaces are like unless a slice says otherwise, with the reasons.

use std::time::Duration;

use burn::config::Config;
use burnscape_run::MAX_NODES;

use super::check::check;
use crate::Result;

/// The least that `finish` may take: nobody minds it, and small models are measured whole in less.
const LEAST_BUDGET: Duration = Duration::from_secs(20);

/// How many times longer training may have been.
const SHARE_OF_TRAINING: u32 = 4;

/// What the surfaces of a study are like, unless a slice says otherwise, and how long measuring them may take.
///
/// [`ProbeBuilder::study_config`](crate::ProbeBuilder::study_config) and
/// [`Run::study_config`](crate::Run::study_config) take it. As all of burn's configurations it can be saved beside a model.
///
/// ```
/// use burn::config::Config;
/// use burnscape::StudyConfig;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("study.json");
/// let config = StudyConfig::new().with_seed(7).with_resolution([25, 25]);
/// config.save(&file).unwrap();
/// assert_eq!(StudyConfig::load(&file).unwrap(), config);
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct StudyConfig {
    /// Seed of random directions; never touches burn's random streams.
    #[config(default = 0)]
    pub seed: u64,
    /// Nodes per axis. 49 halve well: 24 · 12 · 6 · 3 · 1 steps from the centre.
    #[config(default = "[49, 49]")]
    pub resolution: [usize; 2],
    /// Half the width of a random plane, in units of the filter-normalised directions (Li et al. 2018 use 1).
    #[config(default = 1.0)]
    pub random_range: f64,
    /// Room around the path of training, as a share of its extent.
    #[config(default = 0.2)]
    pub margin: f64,
    /// Measures nodes only where interpolation is not known to come within this share of the range of losses; `None`:
    /// every node.
    pub tolerance: Option<f64>,
    /// Random planes that the one shown is compared with: four more say whether it is typical, and cost 81 nodes each
    /// beside its 2401.
    #[config(default = 4)]
    pub agreement: usize,
    /// How long measuring may take in all, in seconds. `None`: `finish` takes a share of the time of training, a study of
    /// one's own as long as it takes.
    pub budget_secs: Option<f64>,
    /// As long as it takes, whatever the budget says.
    #[config(default = false)]
    pub is_exact: bool,
    /// Samples that losses are means over at least; `None`: all, or as many as there is time for.
    pub samples: Option<usize>,
    /// What the batches are called that losses are means over, such as `digits valid`: where outputs hold no targets, this
    /// tells whether two runs were measured on the same samples.
    pub batches_name: Option<String>,
    /// Threads that evaluate surfaces on a CPU; `None`: one per core.
    pub threads: Option<usize>,
    /// Prints the progress of surfaces to standard error.
    #[config(default = true)]
    pub show_progress: bool,
    /// Ctrl-C stops a surface that is being measured instead of the program.
    #[config(default = true)]
    pub stop_on_interrupt: bool,
}

impl Default for StudyConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Setters of a type that has a `config`, one for each field of a [`StudyConfig`].
macro_rules! study_setters {
    () => {
        /// Everything about surfaces at once.
        pub fn study_config(mut self, config: $crate::StudyConfig) -> Self {
            self.config.study = config;
            self
        }

        /// Seed of random directions; never touches burn's random streams. Default 0, or that of the run.
        pub fn seed(mut self, seed: u64) -> Self {
            self.config.study.seed = seed;
            self
        }

        /// Nodes per axis of the surfaces, α and β. Default 49 × 49.
        pub fn resolution(mut self, x: usize, y: usize) -> Self {
            self.config.study.resolution = [x, y];
            self
        }

        /// Half the width of random planes, in units of their directions. Default 1.
        pub fn random_range(mut self, half_width: f64) -> Self {
            self.config.study.random_range = half_width;
            self
        }

        /// Room around the trajectory, as a share of its extent. Default 0.2.
        pub fn margin(mut self, share: f64) -> Self {
            self.config.study.margin = share;
            self
        }

        /// Measures nodes only where interpolation is not known to come within this share of the range of
        /// losses (0.01: a hundredth); other nodes are interpolated and flagged. Default: every node is measured.
        pub fn adaptive(mut self, tolerance: f64) -> Self {
            self.config.study.tolerance = Some(tolerance);
            self
        }

        /// Further random planes that the default random plane is compared with, on a coarse grid, to say whether
        /// it is typical; 0: none. Default 4.
        pub fn agreement(mut self, planes: usize) -> Self {
            self.config.study.agreement = planes;
            self
        }

        /// Whether Ctrl-C stops a surface that is being measured, or a training that was
        /// [launched](crate::Training::launch) through the probe, instead of the program; what was measured is kept and
        /// can be resumed, and a second Ctrl-C ends the program. Default: yes.
        pub fn stop_on_interrupt(mut self, stops: bool) -> Self {
            self.config.study.stop_on_interrupt = stops;
            self
        }

        /// How long measuring may take, reading and checks included; it ends no more than one node later.
        ///
        /// [`Probe::finish`](crate::Probe::finish) takes fewer samples where that is not enough for every node on all of
        /// them, then interpolates nodes, then measures a coarse grid. This is decided once, from how long the first
        /// nodes take, and recorded as a plan. Default there: 20 s, or a quarter of the time since the probe was started
        /// if that is longer.
        ///
        /// A study of one's own has as long as it takes unless this is set: then slices are measured coarse to fine until
        /// it is spent, and [`resume`](crate::Study::resume) goes on, each time with all of it.
        pub fn budget(mut self, budget: std::time::Duration) -> Self {
            self.config.study.budget_secs = Some(budget.as_secs_f64());
            self.config.study.is_exact = false;
            self
        }

        /// As [`budget`](Self::budget).
        #[deprecated(since = "0.2.0", note = "call `budget`, which is the same")]
        pub fn time_budget(self, budget: std::time::Duration) -> Self {
            self.budget(budget)
        }

        /// Measures every node on all samples, however long that takes.
        pub fn exact(mut self) -> Self {
            self.config.study.exact();
            self.config.plan = None;
            self
        }

        /// Samples that losses are means over: as many whole batches, spread evenly among all, as hold so many. Default:
        /// all of them, or what the [budget](Self::budget) allows.
        pub fn samples(mut self, samples: usize) -> Self {
            self.config.study.samples = Some(samples);
            self
        }

        /// Names the batches that losses are means over, such as `"digits valid"`. Runs are compared where they were measured
        /// on the same samples: a hash of the targets tells that, where a model's output is one of burn's; else this does.
        pub fn batches_named(mut self, name: impl Into<String>) -> Self {
            self.config.study.batches_name = Some(name.into());
            self
        }

        /// Threads that evaluate surfaces on a CPU. Default: one per core.
        pub fn threads(mut self, threads: usize) -> Self {
            self.config.study.threads = Some(threads);
            self
        }

        /// Parameters up to which a study holds centre and directions in memory, some six vectors as long as the
        /// parameters. Of a larger model random directions are drawn again from their seed at every node, and others
        /// are read from the run folder, block by block: a surface then needs the model, one copy of it that is moved,
        /// and one block. To the bit the losses are the same. Default 2²⁶, 256 MiB a vector.
        pub fn hold_vectors_of(mut self, parameters: usize) -> Self {
            self.config.most_held = parameters;
            self
        }

        /// The clock that budgets are kept by, for tests.
        #[doc(hidden)]
        pub fn clock(
            mut self,
            tells: impl Fn() -> std::time::Duration + Send + Sync + 'static,
        ) -> Self {
            self.config.clock = $crate::config::clock::Clock::given(std::sync::Arc::new(tells));
            self
        }

        /// Names the groups of a transposed convolution by the path of its weight. burn shows them only where there is a
        /// bias, by its length; without one burnscape takes one group, and says so where a picture depends on it. What
        /// was drawn before stays as it is.
        pub fn filter_groups(mut self, path: impl Into<String>, groups: usize) -> Self {
            self.config
                .filter_axes
                .push($crate::config::filters::FilterOverride::groups(path, groups));
            self
        }

        /// Prints neither the progress of surfaces to standard error, nor where a probe records if that is not the
        /// folder that was named.
        pub fn quiet(mut self) -> Self {
            self.config.study.show_progress = false;
            self
        }
    };
}

pub(crate) use study_setters;

impl StudyConfig {
    /// Refuses what cannot work.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Setting`] naming the setting.
    pub(crate) fn validate(&self) -> Result<()> {
        check_resolution(&self.resolution)?;
        check("threads", self.threads != Some(0), &0, "1 or more")?;
        let range = self.random_range;
        check("random_range", range.is_finite() && range > 0.0, &range, "a positive number")?;
        let margin = self.margin;
        check("margin", margin.is_finite() && margin >= 0.0, &margin, "0 or a positive number")?;
        check("samples", self.samples != Some(0), &0, "1 or more")?;
        let secs = self.budget_secs.unwrap_or(0.0);
        let is_time = Duration::try_from_secs_f64(secs).is_ok();
        check("budget_secs", is_time, &secs, "0 or a positive number of seconds")?;
        check_tolerance(self.tolerance)
    }

    /// Everything, on all samples, as long as it takes.
    pub(crate) fn exact(&mut self) {
        self.is_exact = true;
        (self.budget_secs, self.samples, self.tolerance) = (None, None, None);
    }

    /// How long measuring may take; `None`: as long as it takes.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let secs = self.budget_secs.filter(|_| !self.is_exact)?;
        Duration::try_from_secs_f64(secs).ok()
    }

    /// What `finish` may take after a training of this length, unless it was said.
    pub(crate) fn begin_finish(&mut self, training: Duration) {
        if self.budget_secs.is_none() && !self.is_exact {
            let budget = LEAST_BUDGET.max(training / SHARE_OF_TRAINING);
            self.budget_secs = Some(budget.as_secs_f64());
        }
    }

    /// Threads that evaluate surfaces: all cores unless set.
    pub(crate) fn worker_threads(&self) -> usize {
        let available = std::thread::available_parallelism();
        self.threads.unwrap_or(available.map_or(1, usize::from))
    }
}

/// Refuses axes that are too short, and more nodes than anything draws.
pub(crate) fn check_resolution(axes: &[usize]) -> Result<()> {
    let smallest = axes.iter().copied().min().unwrap_or(0);
    check("resolution", smallest >= 3, &smallest, "at least 3 nodes per axis (49 halve well)")?;
    let nodes = axes.iter().fold(1, |all: u64, &axis| all.saturating_mul(axis as u64));
    // As the sentence says.
    const { assert!(MAX_NODES == 4_000_000) };
    let expected = "at most 4 million nodes in a slice, which is what viewers draw";
    check("resolution", nodes <= MAX_NODES, &format!("{nodes} nodes"), expected)
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
        let budget = |mut config: StudyConfig, training| {
            config.begin_finish(secs(training));
            config.limit()
        };
        let usual = StudyConfig::new();
        assert_eq!(usual.limit(), None, "a study of one's own takes as long as it takes");
        for (training, expected) in [(0, 20), (2, 20), (80, 20), (84, 21), (3600, 900)] {
            assert_eq!(budget(usual.clone(), training), Some(secs(expected)));
        }
        let told = StudyConfig { budget_secs: Some(3.0), ..usual.clone() };
        assert_eq!(budget(told, 3600), Some(secs(3)));
        let mut exact = StudyConfig { samples: Some(9), tolerance: Some(0.1), ..usual };
        exact.exact();
        assert_eq!((exact.samples, exact.tolerance), (None, None));
        assert_eq!(budget(exact, 3600), None);
    }
}
