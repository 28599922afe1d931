//! The probe: what a program attaches to its training, and what it closes the run with.

use std::path::{Component, Path};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burn::module::Module;
use burn::train::renderer::MetricsRenderer;
use burn::train::{LearnerModel, SupervisedTraining, TrainStep};
use burnscape_landscape::layout::Filters;
use burnscape_trace::{Plan, TRACE_FILE};

use crate::Result;
use crate::alerts::{AlertAction, AlertRules, OnAlert};
use crate::black_box::BlackBox;
use crate::clock::Clock;
use crate::config::{Config, Existing, check};
use crate::curvature::{Gauge, LiveCurvature};
use crate::events::EpochEvents;
use crate::hook::Hook;
use crate::lines::Lines;
use crate::loss::Loss;
use crate::measurements::{Level, Measurements};
use crate::model_map::FilterOverride;
use crate::observe::Observer;
use crate::recorder::{Moment, Recorder};
use crate::schedule::{Schedule, SnapshotSchedule};
use crate::session::Session;
use crate::study::Budget;
use crate::watched::Watched;

/// Set to `off`, `0` or `false`, this environment variable switches every probe off.
pub const SWITCH: &str = "BURNSCAPE";

/// Watches one training and records it in one run folder.
///
/// Keep it until training is over, then call [`finish`](Self::finish) (or [`close`](Self::close),
/// without a surface). Dropped earlier, it still writes everything recorded so far.
#[must_use = "a dropped probe stops recording; keep it and call `finish` after training"]
pub struct Probe {
    session: Option<Session>,
}

/// A recording in the hands of whoever uses it now.
pub(crate) struct Active {
    pub config: Config,
    pub recorder: Recorder,
    pub hook: Arc<Hook>,
    /// The run had ended before.
    pub is_reopened: bool,
}

impl Probe {
    /// Settings for a probe that records into the folder `run`.
    pub fn builder(run: impl AsRef<Path>) -> ProbeBuilder {
        ProbeBuilder { config: Config::new(run.as_ref().to_path_buf()), enabled: true }
    }

    /// A probe that does nothing, with the same types.
    pub fn disabled() -> Self {
        Self { session: None }
    }

    /// The probe of a recording.
    pub(crate) fn of(active: Active) -> Self {
        Self { session: Some(Session::new(active)) }
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Whether it records.
    pub fn is_enabled(&self) -> bool {
        self.session.is_some()
    }

    /// The folder it records into; `None` when disabled.
    pub fn run_folder(&self) -> Option<&Path> {
        self.session.as_ref().map(|it| it.folder.path())
    }

    /// Wraps the model that is going to be trained.
    pub fn watch<M>(&self, model: M) -> Watched<M> {
        Watched::new(model, self.session.as_ref().map(|it| it.hook.clone()))
    }

    /// Watches a hand-written loop: one that steps the optimizer itself, without burn's `Learner`.
    pub fn observe(&self) -> Observer {
        Observer::new(self.session.as_ref().map(|it| it.hook.clone()))
    }

    /// Tells where outputs of a type keep their loss; said once, it holds for steps, validation, alerts, curvature and
    /// surfaces. burn's own outputs are known. Say it before training; of one type, the last word holds.
    ///
    /// ```no_run
    /// # use burn::tensor::Tensor;
    /// # use burnscape::{BatchLoss, Probe};
    /// struct Forecast {
    ///     loss: Tensor<1>,
    ///     days: Tensor<2>,
    /// }
    ///
    /// let probe = Probe::builder("runs/weather").start()?;
    /// probe.loss_of(|output: &Forecast| BatchLoss {
    ///     mean: output.loss.clone(),
    ///     samples: output.days.dims()[0],
    /// });
    /// # Ok::<(), burnscape::Error>(())
    /// ```
    ///
    /// A mean over tokens or positions is a [`Loss`]. For an output that burn's `LossMetric` reads,
    /// [`adapted_loss`](crate::adapted_loss) does.
    pub fn loss_of<O: 'static, L: Into<Loss>>(
        &self,
        read: impl Fn(&O) -> L + Send + Sync + 'static,
    ) -> &Self {
        if let Some(session) = &self.session {
            session.hook.losses.tell(read);
        }
        self
    }

    /// A probe for another model that is trained together with this one's: generator and critic, actor and critic,
    /// teacher and student. It is a run of its own, in the folder `name` below this one's, with the same settings and
    /// with its own loss, learning rate, path and surface; finish each. `burnscape watch` and the report show it with
    /// this one. An alert that asks one of them to stop asks all.
    ///
    /// Where this probe watches nothing itself, the runs below it stand alone.
    ///
    /// ```no_run
    /// # use burnscape::{Probe, Result};
    /// # fn gan() -> Result<()> {
    /// let probe = Probe::builder("runs/gan").start()?;
    /// let (generator, critic) = (probe.child("generator")?, probe.child("critic")?);
    /// let mut generator_steps = generator.observe();
    /// let mut critic_steps = critic.observe();
    /// # let _ = (&mut generator_steps, &mut critic_steps);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the name is not that of a folder, there is a run of that name already, or it cannot be written.
    pub fn child(&self, name: impl AsRef<str>) -> Result<Self> {
        let Some(session) = &self.session else {
            return Ok(Self::disabled());
        };
        let name = name.as_ref();
        let expected =
            "the name of one folder that runs have no other use for, such as \"generator\"";
        check("child", is_free_name(name), &format!("{name:?}"), expected)?;
        let existing = match session.config.existing {
            Existing::Resume => Existing::Resume,
            Existing::Refuse | Existing::NextFree => Existing::Refuse,
        };
        let run = session.folder.path().join(name);
        let child = Self::record(Config { run, existing, ..session.config.clone() })?;
        session.lanes.counters().has_children.store(true, Ordering::Relaxed);
        Ok(child)
    }

    /// Measures the curvature while `model` trains: the largest eigenvalue of the Hessian of its mean loss over
    /// `batches`, on a schedule, against the learning rate of that moment. It goes to the trace, and an alert tells
    /// when training reaches the edge of stability.
    ///
    /// By default it chooses its schedule itself, so that it takes a twentieth of the time of training. A few hundred
    /// samples are enough; they are to be on the device where the model trains. The model, its normalisation
    /// statistics and burn's random streams stay bit for bit as they are, as long as the model draws nothing with its
    /// flags off.
    ///
    /// ```no_run
    /// # use burn::{module::Module, train::TrainStep};
    /// # use burnscape::{LiveCurvature, Optimizer, Probe, Result};
    /// # fn train<M>(probe: Probe, model: M, batches: Vec<M::Input>) -> Result<()>
    /// # where M: TrainStep + Module + 'static, M::Input: Clone {
    /// let model = probe.watch(model);
    /// let adam = Optimizer::Adam { beta: 0.9, epsilon: 1e-5 };
    /// let model = probe.curvature(model, batches, LiveCurvature::new().optimizer(adam))?;
    /// # let _ = model;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the schedule makes no sense or there are no batches. What goes wrong while training is in
    /// [`Recording::problems`](crate::Recording::problems); then it is no longer measured.
    pub fn curvature<M>(
        &self,
        model: Watched<M>,
        batches: Vec<M::Input>,
        gauge: LiveCurvature,
    ) -> Result<Watched<M>>
    where
        M: TrainStep + Module + 'static,
        M::Input: Clone,
    {
        let losses = self.session.as_ref().map(|it| it.hook.losses.clone()).unwrap_or_default();
        let gauge = Gauge::new(gauge, batches, losses)?;
        match self.session {
            Some(_) => Ok(model.with_gauge(Arc::new(Mutex::new(gauge)))),
            None => Ok(model),
        }
    }

    /// Registers the probe with burn's training: its progress events tell the epoch.
    ///
    /// This sets burn's one progress logger. A program with a logger of its own trains through
    /// [`training`](Self::training), which leaves it alone, or calls
    /// `training.with_progress_logger(probe.progress_logger().beside(mine))` after this.
    pub fn attach<M: LearnerModel>(
        &self,
        training: SupervisedTraining<M>,
    ) -> SupervisedTraining<M> {
        let Some(session) = &self.session else {
            return training;
        };
        session.lanes.counters().interrupter.set(training.interrupter());
        training.with_progress_logger(self.progress_logger())
    }

    /// The logger that [`attach`](Self::attach) registers.
    pub fn progress_logger(&self) -> EpochEvents {
        EpochEvents::new(self.session.as_ref().map(|it| it.lanes.clone()))
    }

    /// A renderer for `training.renderer(…)` that prints plain lines with values.
    pub fn lines(&self) -> Box<dyn MetricsRenderer> {
        let lanes = self.session.as_ref().map(|it| it.lanes.clone());
        Box::new(Lines::new(lanes))
    }
}

impl Active {
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

/// The settings of a [`Probe`]; the defaults are meant to stay.
#[derive(Debug, Clone)]
#[must_use = "call `start` to get a probe"]
pub struct ProbeBuilder {
    pub(crate) config: Config,
    pub(crate) enabled: bool,
}

impl ProbeBuilder {
    /// Switches the probe on or off; off, it is [`Probe::disabled`].
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

/// Whether a run may have a folder of this name below its own.
fn is_free_name(name: &str) -> bool {
    let is_one = Path::new(name).components().eq([Component::Normal(name.as_ref())]);
    let taken = ["snapshots", "directions", "blackbox", TRACE_FILE];
    is_one && !name.starts_with('.') && !taken.contains(&name)
}
