//! The settings of a probe.

use std::sync::Arc;
use std::time::Duration;

use burnscape_landscape::layout::Filters;
use burnscape_trace::Plan;

use crate::config::Config;
use crate::config::alerts::{AlertAction, AlertRules, OnAlert};
use crate::config::black_box::BlackBox;
use crate::config::clock::Clock;
use crate::config::filters::FilterOverride;
use crate::config::measurements::{Level, Measurements};
use crate::config::schedule::{Schedule, SnapshotSchedule};
use crate::config::study::Budget;

/// The settings of a [`Probe`](crate::Probe); the defaults are meant to stay.
#[derive(Debug, Clone)]
#[must_use = "call `start` to get a probe"]
pub struct ProbeBuilder {
    pub(crate) config: Config,
    pub(crate) enabled: bool,
}

impl ProbeBuilder {
    /// Switches the probe on or off; off, it is [`Probe::disabled`](crate::Probe::disabled).
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// How much is measured. Default: [`Level::Light`].
    pub fn level(self, level: Level) -> Self {
        self.measurements(Measurements::of(level))
    }

    /// A schedule for every measurement. Default: those of [`Level::Light`].
    pub fn measurements(mut self, measurements: Measurements) -> Self {
        self.config.measurements = measurements;
        self
    }

    /// Gradient norms per block every `steps` optimizer steps; 0: never. Default 1. Alerts about gradients need
    /// them at every step.
    pub fn grad_norms_every(mut self, steps: u64) -> Self {
        self.config.measurements.gradient_norms = Schedule::Every(steps);
        self
    }

    /// Weight and update norms per block every `steps` optimizer steps; 0: never. Default 20.
    pub fn weight_norms_every(mut self, steps: u64) -> Self {
        self.config.measurements.weight_norms = Schedule::Every(steps);
        self
    }

    /// Activations behind [taps](crate::tap()), all in the same steps. Default: every 50th step.
    pub fn activations(mut self, schedule: Schedule) -> Self {
        self.config.measurements.activations = schedule;
        self
    }

    /// Thresholds of the alerts; [`AlertRules::none`] switches them off.
    pub fn alerts(mut self, rules: AlertRules) -> Self {
        self.config.alerts = rules;
        self
    }

    /// Answers an alert: it is in the trace and in `log::warn!` already. It is called on the writer thread, some
    /// milliseconds after its step, and may stop training.
    ///
    /// ```no_run
    /// use burnscape::{AlertAction, Probe};
    ///
    /// let probe = Probe::builder("runs/digits").on_alert(|alert| match alert.level.as_str() {
    ///     "error" => AlertAction::Stop,
    ///     _ => AlertAction::Continue,
    /// });
    /// # let _ = probe;
    /// ```
    pub fn on_alert(
        mut self,
        answer: impl Fn(&burnscape_trace::Alert) -> AlertAction + Send + Sync + 'static,
    ) -> Self {
        self.config.on_alert = Some(OnAlert(Arc::new(answer)));
        self
    }

    /// What is kept of the steps before an alert. Default: the last 32 steps, without weights.
    pub fn black_box(mut self, black_box: BlackBox) -> Self {
        self.config.black_box = black_box;
        self
    }

    /// Whether norms and losses stay on the device until the writer thread reads them, so that
    /// training does not wait for the transfer. Default: on every device but the CPU. Deferred
    /// norms are computed in the element type of the device: squares that leave its range make
    /// them infinite or zero, while those read at once are right at any size.
    pub fn deferred_reads(mut self, deferred: bool) -> Self {
        self.config.deferred_reads = Some(deferred);
        self
    }

    /// A snapshot after every `epochs`-th epoch. Default 1.
    pub fn snapshot_every_epochs(mut self, epochs: u64) -> Self {
        self.config.snapshots = SnapshotSchedule::EveryEpochs(epochs);
        self
    }

    /// A snapshot after every `steps`-th optimizer step, instead of after epochs.
    pub fn snapshot_every_steps(mut self, steps: u64) -> Self {
        self.config.snapshots = SnapshotSchedule::EverySteps(steps);
        self
    }

    /// Keeps every snapshot that is due. By default a run keeps at most 513, and 8 GiB: beyond, every second one is
    /// given up and every second one that is due is taken from then on, as often as it takes. The first and the last
    /// stay, and the trace says which have gone.
    pub fn keep_all_snapshots(mut self) -> Self {
        self.config.snapshot_limits = None;
        self
    }

    /// Keeps the last update of the optimizer, for a slice along it
    /// ([`Direction::LastUpdate`](crate::Direction::LastUpdate)). burn then cannot update weights in place: it
    /// copies them, at every step. Default: not kept.
    pub fn keep_last_update(mut self) -> Self {
        self.config.keep_last_update = true;
        self
    }

    /// Seed of the random directions; never touches burn's random streams. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.study.seed = seed;
        self
    }

    /// Nodes per axis of the surfaces, α and β. Default 49 × 49.
    pub fn resolution(mut self, x: usize, y: usize) -> Self {
        self.config.study.resolution = [x, y];
        self
    }

    /// Half the width of the random plane, in units of its directions. Default 1.
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

    /// Further random planes that `finish` compares the random plane with, on a coarse grid, to say whether
    /// it is typical; 0: none. Default 4.
    pub fn agreement(mut self, planes: usize) -> Self {
        self.config.study.agreement = planes;
        self
    }

    /// Whether Ctrl-C stops a surface that is being measured, or a training that was
    /// [launched](crate::Training::launch) through the probe, instead of the program; what was measured is kept and can
    /// be resumed, and a second Ctrl-C ends the program. Default: yes.
    pub fn stop_on_interrupt(mut self, stops: bool) -> Self {
        self.config.study.stop_on_interrupt = stops;
        self
    }

    /// How long [`finish`](crate::Probe::finish) may take, reading and checks included; it ends no more than one node
    /// later. Where that is not enough for every node on all samples, it takes fewer samples, then interpolates nodes,
    /// then measures a coarse grid. This is decided once, from how long the first nodes take, and recorded as a plan.
    /// Default: 20 s, or a quarter of the time since the probe was started if that is longer.
    ///
    /// A [study](crate::Probe::study) of one's own has as long as it takes unless this is set: then slices are measured
    /// coarse to fine until it is spent, and [`resume`](crate::Study::resume) goes on.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.config.study.budget = Budget::Of(budget);
        self
    }

    /// As [`budget`](Self::budget).
    #[deprecated(since = "0.2.0", note = "call `budget`, which is the same")]
    pub fn time_budget(self, budget: Duration) -> Self {
        self.budget(budget)
    }

    /// Measures every node on all samples, however long that takes.
    pub fn exact(mut self) -> Self {
        self.config.study.exact();
        self
    }

    /// Samples that losses are means over: as many whole batches, spread evenly among all, as hold so many. Default: all
    /// of them, or what the [budget](Self::budget) allows.
    pub fn samples(mut self, samples: usize) -> Self {
        self.config.study.samples = Some(samples);
        self
    }

    /// Measures what a plan says, which an earlier run of the same program has recorded
    /// ([`Landscape::plan`](crate::Landscape::plan), [`Run::plan`](crate::Run::plan)): the same plan and seed give the
    /// same surfaces bit for bit. Without a [budget](Self::budget) it takes as long as it takes.
    pub fn plan(mut self, plan: &Plan) -> Self {
        self.config.study.plan = Some(plan.clone());
        self
    }

    /// The clock that budgets are kept by, for tests.
    #[doc(hidden)]
    pub fn clock(mut self, tells: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.config.study.clock = Clock::given(Arc::new(tells));
        self
    }

    /// Threads that evaluate surfaces on a CPU. Default: one per core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.config.study.threads = Some(threads);
        self
    }

    /// Steps, and as many closer looks at them, that may wait for the writer thread before further ones are dropped
    /// (and counted). Default 4096.
    pub fn queue_steps(mut self, steps: usize) -> Self {
        self.config.queue_steps = steps;
        self
    }

    /// Names the dimension whose index is a filter, for a parameter of a module of your own:
    /// burnscape cannot know it and takes dimension 0.
    pub fn filter_axis(mut self, path: impl Into<String>, axis: usize) -> Self {
        let filters = Filters::Axis(axis);
        self.config.filter_axes.push(FilterOverride { path: path.into(), filters });
        self
    }

    /// Names the groups of a transposed convolution by the path of its weight. burn shows them only where there is a
    /// bias, by its length; without one burnscape takes one group, and says so where a picture depends on it.
    pub fn filter_groups(mut self, path: impl Into<String>, groups: usize) -> Self {
        let filters = Filters::GroupedAxis1 { groups };
        self.config.filter_axes.push(FilterOverride { path: path.into(), filters });
        self
    }

    /// Does not print the progress of surfaces to standard error, nor where it records if that is not the folder
    /// that was named.
    pub fn quiet(mut self) -> Self {
        self.config.study.show_progress = false;
        self
    }
}
