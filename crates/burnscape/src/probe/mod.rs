//! The probe: what a program attaches to its training, and what it closes the run with.

pub(crate) mod builder;
#[cfg(feature = "tui")]
pub(crate) mod dashboard;
pub(crate) mod finish;
pub(crate) mod own_values;
pub(crate) mod session;
pub(crate) mod start;
pub(crate) mod trained;
pub(crate) mod training;

use std::path::{Component, Path};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use burn::module::Module;
use burn::train::renderer::MetricsRenderer;
use burn::train::{LearnerModel, SupervisedTraining, TrainStep};
use burnscape_trace::TRACE_FILE;

use crate::Result;
use crate::config::check::check;
use crate::config::{Config, Existing};
use crate::curvature::gauge::{Gauge, LiveCurvature};
use crate::model::loss::Loss;
use crate::observe::events::ProgressEvents;
use crate::observe::lines::Lines;
use crate::observe::observer::Observer;
use crate::observe::watched::Watched;
use crate::study::active_recording::ActiveRecording;
use builder::ProbeBuilder;
use session::Session;

/// Set to `off`, `0` or `false`, this environment variable switches every probe off.
pub const SWITCH_VARIABLE: &str = "BURNSCAPE";

/// Watches one training and records it in one run folder.
///
/// Keep it until training is over, then call [`finish`](Self::finish) (or [`close`](Self::close),
/// without a surface). Dropped earlier, it still writes everything recorded so far.
#[must_use = "a dropped probe stops recording; keep it and call `finish` after training"]
pub struct Probe {
    session: Option<Session>,
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
    pub(crate) fn of(active: ActiveRecording) -> Self {
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

    /// Watches a hand-written loop: one that steps the optimizer itself, without burn's `Learner`. The run ends with the
    /// probe: keep it as long as training goes on, not the observer alone.
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
        session.handle.counters().has_children.store(true, Ordering::Relaxed);
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
    /// # use burnscape::{LiveCurvature, OptimizerKind, Probe, Result};
    /// # fn train<M>(probe: Probe, model: M, batches: Vec<M::Input>) -> Result<()>
    /// # where M: TrainStep + Module + 'static, M::Input: Clone {
    /// let model = probe.watch(model);
    /// let adam = OptimizerKind::Adam { beta: 0.9, epsilon: 1e-5 };
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
        session.handle.counters().interrupter.set(training.interrupter());
        training.with_progress_logger(self.progress_logger())
    }

    /// The logger that [`attach`](Self::attach) registers.
    pub fn progress_logger(&self) -> ProgressEvents {
        ProgressEvents::new(self.session.as_ref().map(|it| it.handle.clone()))
    }

    /// A renderer for `training.renderer(…)` that prints plain lines with values.
    pub fn lines(&self) -> Box<dyn MetricsRenderer> {
        let handle = self.session.as_ref().map(|it| it.handle.clone());
        Box::new(Lines::new(handle))
    }
}

/// Whether a run may have a folder of this name below its own.
fn is_free_name(name: &str) -> bool {
    let is_one = Path::new(name).components().eq([Component::Normal(name.as_ref())]);
    let taken = ["snapshots", "directions", "blackbox", TRACE_FILE];
    is_one && !name.starts_with('.') && !taken.contains(&name)
}
