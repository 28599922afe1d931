//! The settings of a probe.

use std::sync::Arc;

use burn::tensor::FloatDType;
use burnscape_landscape::layout::Filters;
use burnscape_trace::Plan;

use crate::config::Config;
use crate::config::alerts::{AlertAction, AlertRules, OnAlert};
use crate::config::black_box::BlackBox;
use crate::config::chosen::Chosen;
use crate::config::filters::FilterOverride;
use crate::config::measurements::{Level, Measurements};
use crate::config::schedule::{Schedule, SnapshotSchedule};
use crate::config::snapshots::Rounding;
use crate::config::study::study_setters;

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

    /// Rounds the parameters of snapshots on the path of training to `F16` or `BF16`, which halves their files and the
    /// time of writing them (`F32` does so for a model in f64); a tensor with numbers beyond such a type keeps its own,
    /// and so do buffers and the last snapshot, around which surfaces lie. The trace names the type; how far rounding
    /// may have moved the snapshots is told beside the path. Default: as they are trained.
    pub fn snapshot_dtype(mut self, dtype: FloatDType) -> Self {
        self.config.snapshot_rounding = Some(Rounding(dtype));
        self
    }

    /// Records only the blocks whose paths match one of these patterns, in which `*` stands for any characters and `?`
    /// for one: the others are neither measured, nor in snapshots, nor moved, and a surface has them as the model that
    /// it is measured with does. So `["*.lora.*"]` makes adapters alone the space of every slice, and of a
    /// model of any size the run is as small as they are. Default: all blocks.
    pub fn blocks<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.config.blocks = Chosen::of(patterns);
        self
    }

    /// Keeps the last update of the optimizer, for a slice along it
    /// ([`Direction::LastUpdate`](crate::Direction::LastUpdate)). burn then cannot update weights in place: it
    /// copies them, at every step. Default: not kept.
    pub fn keep_last_update(mut self) -> Self {
        self.config.keep_last_update = true;
        self
    }

    study_setters!();

    /// Measures what a plan says, which an earlier run of the same program has recorded
    /// ([`Landscape::plan`](crate::Landscape::plan), [`Run::plan`](crate::Run::plan)): the same plan and seed give the
    /// same surfaces bit for bit. Without a [budget](Self::budget) it takes as long as it takes.
    pub fn plan(mut self, plan: &Plan) -> Self {
        self.config.plan = Some(plan.clone());
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
}
