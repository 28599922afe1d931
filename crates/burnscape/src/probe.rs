//! The probe: what a program attaches to its training, and what it closes the run with.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burn::module::Module;
use burn::train::renderer::MetricsRenderer;
use burn::train::{InferenceStep, LearnerModel, SupervisedTraining, TrainStep};

use crate::Result;
use crate::alerts::{AlertAction, AlertRules, OnAlert};
use crate::batches::Batches;
use crate::black_box::BlackBox;
use crate::config::Config;
use crate::curvature::{Gauge, LiveCurvature};
use crate::events::EpochEvents;
use crate::hook::Hook;
use crate::landscape::{Landscape, Recording};
use crate::lines::Lines;
use crate::loss::{BatchLoss, standard_loss};
use crate::measurements::{Level, Measurements};
use crate::model_map::FilterOverride;
use crate::observe::Observer;
use crate::recorder::Recorder;
use crate::schedule::{Schedule, SnapshotSchedule};
use crate::study::{self, Study, ValueOf};
use crate::watched::Watched;

/// Set to `off`, `0` or `false`, this environment variable switches every probe off.
pub const SWITCH: &str = "BURNSCAPE";

/// Watches one training and records it in one run folder.
///
/// Keep it until training is over, then call [`finish`](Self::finish) (or [`close`](Self::close),
/// without a surface). Dropped earlier, it still writes everything recorded so far.
#[must_use = "a dropped probe stops recording; keep it and call `finish` after training"]
pub struct Probe {
    active: Option<Active>,
}

/// A probe that is switched on.
pub(crate) struct Active {
    pub config: Config,
    pub recorder: Recorder,
    pub hook: Arc<Hook>,
}

impl Probe {
    /// Settings for a probe that records into the folder `run`.
    pub fn builder(run: impl AsRef<Path>) -> ProbeBuilder {
        ProbeBuilder { config: Config::new(run.as_ref().to_path_buf()), enabled: true }
    }

    /// A probe that does nothing, with the same types.
    pub fn disabled() -> Self {
        Self { active: None }
    }

    /// The probe of a recording.
    pub(crate) fn of(active: Active) -> Self {
        Self { active: Some(active) }
    }

    pub(crate) fn active(&self) -> Option<&Active> {
        self.active.as_ref()
    }

    /// Whether it records.
    pub fn is_enabled(&self) -> bool {
        self.active.is_some()
    }

    /// The folder it records into; `None` when disabled.
    pub fn run_folder(&self) -> Option<&Path> {
        self.active.as_ref().map(|it| it.recorder.folder.path())
    }

    /// Wraps the model that is going to be trained.
    pub fn watch<M>(&self, model: M) -> Watched<M> {
        Watched::new(model, self.active.as_ref().map(|it| it.hook.clone()))
    }

    /// Watches a hand-written loop: one that steps the optimizer itself, without burn's `Learner`.
    pub fn observe(&self) -> Observer {
        Observer::new(self.active.as_ref().map(|it| it.hook.clone()))
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
    /// [`Recording::problems`]; then it is no longer measured.
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
        let gauge = Gauge::new(gauge, batches)?;
        match self.active {
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
        let Some(active) = &self.active else {
            return training;
        };
        active.recorder.lanes.counters().interrupter.set(training.interrupter());
        training.with_progress_logger(self.progress_logger())
    }

    /// The logger that [`attach`](Self::attach) registers.
    pub fn progress_logger(&self) -> EpochEvents {
        EpochEvents::new(self.active.as_ref().map(|it| it.recorder.lanes.clone()))
    }

    /// A renderer for `training.renderer(…)` that prints plain lines with values.
    pub fn lines(&self) -> Box<dyn MetricsRenderer> {
        let lanes = self.active.as_ref().map(|it| it.recorder.lanes.clone());
        Box::new(Lines::new(lanes))
    }

    /// Ends the run without a surface.
    ///
    /// # Errors
    ///
    /// [`crate::Error::RecorderGone`] if the writer thread has died. Whatever went wrong during recording is
    /// in [`Recording::problems`].
    pub fn close(self) -> Result<Recording> {
        let Some(mut active) = self.active else {
            return Ok(Recording::default());
        };
        let report = active.recorder.stop(active.end_reason())?;
        Ok(Recording::new(active.recorder.folder.path(), report))
    }

    /// Ends the run: the PCA trajectory of the snapshots, and the loss surface around `model` in
    /// the PCA plane and in a filter-normalised random plane, evaluated on `batches`.
    ///
    /// `model` is what burn's `launch` returned. The loss is the one in the output of the model's
    /// own `InferenceStep`, for burn's standard outputs; for any other use
    /// [`finish_with`](Self::finish_with). The batches are a fixed set, read twice to make sure of
    /// it; the mean is over samples. The model is left bit for bit as it was.
    ///
    /// # Errors
    ///
    /// See [`enum@crate::Error`]; what was recorded before stays whole. What went wrong during training
    /// is in [`Landscape::recording`].
    pub fn finish<M, B>(self, model: &Watched<M>, batches: &B) -> Result<Landscape>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        self.finish_by(model, batches, Box::new(|output| standard_loss(output)), "output")
    }

    /// As [`finish`](Self::finish), with the loss read out of the output by `loss_of`.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_with<M, B, F>(
        self,
        model: &Watched<M>,
        batches: &B,
        loss_of: F,
    ) -> Result<Landscape>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
        F: Fn(&M::Output) -> BatchLoss + Sync,
    {
        let loss_of: ValueOf<'_, M::Output> = Box::new(move |output| Some(loss_of(output)));
        self.finish_by(model, batches, loss_of, "closure")
    }

    fn finish_by<M, B>(
        self,
        model: &Watched<M>,
        batches: &B,
        loss_of: ValueOf<'_, M::Output>,
        loss_name: &'static str,
    ) -> Result<Landscape>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        let mut study = self.begin(model, batches, loss_of, loss_name)?;
        match study.default_slices() {
            Ok(()) => study.finish(),
            Err(error) => Err(study.fail(error)),
        }
    }

    /// Ends training and begins a study of its landscape: slices of one's own choice, instead of those of
    /// [`finish`](Self::finish).
    ///
    /// ```no_run
    /// # use burn::{module::Module, train::{ClassificationOutput, InferenceStep}};
    /// # use burnscape::{Direction, Point, Probe, Result, SliceSpec, Watched, accuracy};
    /// # fn after_training<M>(probe: Probe, model: &Watched<M>, batches: &Vec<M::Input>, valid: &Vec<M::Input>)
    /// #     -> Result<()>
    /// # where M: InferenceStep<Output = ClassificationOutput> + Module, M::Input: Clone {
    /// let mut study = probe.study(model, batches)?;
    /// study.measure("accuracy", accuracy).also_on("valid", valid)?;
    /// study.slice(&SliceSpec::pca())?;
    /// study.slice(&SliceSpec::between(Point::Initial, Point::Final).resolution(101, 1))?;
    /// let both = study.initial_and_trained(&SliceSpec::random().seed(7))?;
    /// study.agreement(&both.trained, 8)?;
    /// let landscape = study.finish()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn study<'a, M, B>(self, model: &Watched<M>, batches: &B) -> Result<Study<'a, M>>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        self.begin(model, batches, Box::new(|output| standard_loss(output)), "output")
    }

    /// As [`study`](Self::study), with the loss read out of the output by `loss_of`.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn study_with<'a, M, B, F>(
        self,
        model: &Watched<M>,
        batches: &B,
        loss_of: F,
    ) -> Result<Study<'a, M>>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
        F: Fn(&M::Output) -> BatchLoss + Sync + 'a,
    {
        self.begin(model, batches, Box::new(move |output| Some(loss_of(output))), "closure")
    }

    fn begin<'a, M, B>(
        self,
        model: &Watched<M>,
        batches: &B,
        loss_of: ValueOf<'a, M::Output>,
        loss_name: &'static str,
    ) -> Result<Study<'a, M>>
    where
        M: InferenceStep + Module,
        M::Input: Clone,
        B: Batches<M::Input> + ?Sized,
    {
        match self.active {
            Some(active) => {
                study::after_training(active, model.inner(), batches, loss_of, loss_name)
            }
            None => Ok(Study::disabled()),
        }
    }
}

impl Active {
    pub fn end_reason(&self) -> &'static str {
        let counters = self.recorder.lanes.counters();
        counters
            .ending()
            .map_or_else(|| counters.reason_by_hand(self.hook.steps()), |it| it.reason())
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

    /// Whether Ctrl-C stops a surface that is being measured, instead of the program; what was measured is
    /// kept and can be resumed, and a second Ctrl-C ends the program. Default: yes.
    pub fn stop_on_interrupt(mut self, stops: bool) -> Self {
        self.config.study.stop_on_interrupt = stops;
        self
    }

    /// Stops evaluating surfaces after this time; what was measured is kept, coarse to fine.
    pub fn time_budget(mut self, budget: Duration) -> Self {
        self.config.study.time_budget = Some(budget);
        self
    }

    /// Threads that evaluate surfaces on a CPU. Default: one per core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.config.study.threads = Some(threads);
        self
    }

    /// Steps that may wait for the writer thread before steps are dropped (and counted).
    /// Default 4096.
    pub fn queue_steps(mut self, steps: usize) -> Self {
        self.config.queue_steps = steps;
        self
    }

    /// Names the dimension whose index is a filter, for a parameter of a module of your own:
    /// burnscape cannot know it and takes dimension 0.
    pub fn filter_axis(mut self, path: impl Into<String>, axis: usize) -> Self {
        self.config.filter_axes.push(FilterOverride { path: path.into(), axis });
        self
    }

    /// Does not print the progress of surfaces to standard error, nor where it records if that is not the folder
    /// that was named.
    pub fn quiet(mut self) -> Self {
        self.config.study.show_progress = false;
        self
    }
}
