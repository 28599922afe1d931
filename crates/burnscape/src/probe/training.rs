//! A training of burn's that is watched: its own builder, in which everything of the user's has its place and ours
//! stands beside it, in whatever order the calls come.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::data::dataloader::DataLoader;
use burn::lr_scheduler::LrSchedulerRecord;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::train::checkpoint::{Checkpointer, CheckpointingStrategy};
use burn::train::logger::{MetricLogger, TrainingProgressLogger};
use burn::train::metric::store::EventStoreClient;
use burn::train::metric::{Adaptor, Metric, Numeric};
use burn::train::renderer::MetricsRenderer;
use burn::train::{
    ApplicationLoggerInstaller, EarlyStoppingStrategy, InferenceStep, Interrupter, Learner,
    LearnerModel, LearningResult, MetricRegistration, SupervisedTraining, TextMetricRegistration,
    TrainStep, TrainingStrategy,
};

use super::Probe;
use crate::channel::ending::Ending;
use crate::channel::event::TrainingEvent;
use crate::channel::handle::RecorderHandle;
use crate::observe::hook::Hook;
use crate::observe::renderer::Beside;
use crate::observe::watched::Watched;
use crate::study::stop::TrainingWatch;

impl Probe {
    /// A training that is watched, in place of `SupervisedTraining::new`: the same builder, for the same three
    /// arguments. The model is given to [`launch`](Training::launch), as it is.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use burn::data::dataloader::DataLoader;
    /// use burn::optim::AdamConfig;
    /// use burn::train::{InferenceStep, LearnerModel, TrainStep};
    /// use burnscape::Probe;
    ///
    /// fn train<M: LearnerModel>(
    ///     model: M,
    ///     train: Arc<dyn DataLoader<<M as TrainStep>::Input>>,
    ///     valid: Arc<dyn DataLoader<<M as InferenceStep>::Input>>,
    /// ) -> burnscape::Result<M> {
    ///     let probe = Probe::start("runs/digits")?;
    ///     let training = probe.training("artifacts", train, valid).num_epochs(20);
    ///     let result = training.launch(model, AdamConfig::new().init(), 1e-3);
    ///     probe.close()?;
    ///     Ok(result.model)
    /// }
    /// ```
    ///
    /// # Arguments
    ///
    /// As burn's: `artifacts` is the folder for checkpoints and logs, `train` and `valid` load the two splits. `valid` is
    /// kept for [`surface`](Self::surface).
    pub fn training<M: LearnerModel>(
        &self,
        artifacts: impl AsRef<Path>,
        train: Arc<dyn DataLoader<<M as TrainStep>::Input>>,
        valid: Arc<dyn DataLoader<<M as InferenceStep>::Input>>,
    ) -> Training<M> {
        let link = self.session().map(|it| (it.hook.clone(), it.handle.clone()));
        if let Some(session) = self.session() {
            session.keep_too(valid.clone());
        }
        Training {
            burns: SupervisedTraining::new(artifacts, train, valid),
            link,
            renderer: None,
            num_epochs: 1,
            checkpoint: None,
            stopped_early_after: Arc::default(),
            stops_on_interrupt: self.session().is_some_and(|it| it.config.study.stop_on_interrupt),
        }
    }
}

/// Configures and launches a supervised training that is watched; made by [`Probe::training`].
///
/// It has the methods of burn's `SupervisedTraining`, and each does what it does there. Nothing of the user's is
/// replaced: progress loggers and metric loggers are burn's alone, a renderer is handed every call, early stopping,
/// summary and checkpoints see what they see without a probe.
#[must_use = "call `launch` to train"]
pub struct Training<M: LearnerModel> {
    burns: SupervisedTraining<Watched<M>>,
    /// `None` where the probe is disabled.
    link: Option<(Arc<Hook>, RecorderHandle)>,
    renderer: Option<Box<dyn MetricsRenderer>>,
    num_epochs: usize,
    checkpoint: Option<usize>,
    /// Epoch after which early stopping ended training; 0: it did not.
    stopped_early_after: Arc<AtomicU64>,
    /// Ctrl-C stops it, instead of the program.
    stops_on_interrupt: bool,
}

impl<M: LearnerModel> Training<M> {
    fn map(
        self,
        change: impl FnOnce(SupervisedTraining<Watched<M>>) -> SupervisedTraining<Watched<M>>,
    ) -> Self {
        Self { burns: change(self.burns), ..self }
    }

    /// Trains in another way than on one device.
    ///
    /// A strategy of one's own is generic over the model (`impl<M: LearnerModel> SupervisedLearningStrategy<M> for
    /// Mine`): it gets the watched model, through which steps are seen. Where it passes no progress events on,
    /// epochs are counted from the validations of the model.
    pub fn with_training_strategy(self, strategy: TrainingStrategy<Watched<M>>) -> Self {
        self.map(|it| it.with_training_strategy(strategy))
    }

    /// Logs metrics with `logger` instead of burn's files; further ones come beside it.
    pub fn with_metric_logger<ML: MetricLogger + 'static>(self, logger: ML) -> Self {
        self.map(|it| it.with_metric_logger(logger))
    }

    /// Also tells `logger` how training progresses; burn keeps the last one that was given.
    pub fn with_progress_logger<PL: TrainingProgressLogger + 'static>(self, logger: PL) -> Self {
        self.map(|it| it.with_progress_logger(logger))
    }

    /// Decides which checkpoints are kept.
    pub fn with_checkpointing_strategy<CS: CheckpointingStrategy + 'static>(
        self,
        strategy: CS,
    ) -> Self {
        self.map(|it| it.with_checkpointing_strategy(strategy))
    }

    /// Shows training with `renderer` instead of burn's.
    pub fn renderer(self, renderer: Box<dyn MetricsRenderer>) -> Self {
        Self { renderer: Some(renderer), ..self }
    }

    /// Registers numeric metrics for both splits; their values per epoch are recorded, whatever renders them.
    pub fn metrics<Me: MetricRegistration<Watched<M>>>(self, metrics: Me) -> Self {
        self.map(|it| it.metrics(metrics))
    }

    /// Registers metrics that are text for both splits.
    pub fn metrics_text<Me: TextMetricRegistration<Watched<M>>>(self, metrics: Me) -> Self {
        self.map(|it| it.metrics_text(metrics))
    }

    /// Registers a metric of the training split.
    pub fn metric_train<Me: Metric + 'static>(self, metric: Me) -> Self
    where
        <M as TrainStep>::Output: Adaptor<Me::Input>,
    {
        self.map(|it| it.metric_train(metric))
    }

    /// Registers a metric of the validation split.
    pub fn metric_valid<Me: Metric + 'static>(self, metric: Me) -> Self
    where
        <M as InferenceStep>::Output: Adaptor<Me::Input>,
    {
        self.map(|it| it.metric_valid(metric))
    }

    /// Registers a numeric metric of the training split.
    pub fn metric_train_numeric<Me: Metric + Numeric + 'static>(self, metric: Me) -> Self
    where
        <M as TrainStep>::Output: Adaptor<Me::Input>,
    {
        self.map(|it| it.metric_train_numeric(metric))
    }

    /// Registers a numeric metric of the validation split.
    pub fn metric_valid_numeric<Me: Metric + Numeric + 'static>(self, metric: Me) -> Self
    where
        <M as InferenceStep>::Output: Adaptor<Me::Input>,
    {
        self.map(|it| it.metric_valid_numeric(metric))
    }

    /// Sums the gradients of so many batches for each update.
    ///
    /// # Panics
    ///
    /// If `accumulation` is 0.
    pub fn grads_accumulation(self, accumulation: usize) -> Self {
        self.map(|it| it.grads_accumulation(accumulation))
    }

    /// Computes activations anew in the backward pass instead of keeping them, where burn can.
    pub fn gradient_checkpointing(self) -> Self {
        self.map(SupervisedTraining::gradient_checkpointing)
    }

    /// Epochs to train for. Default 1.
    pub fn num_epochs(self, num_epochs: usize) -> Self {
        Self { num_epochs, ..self }.map(|it| it.num_epochs(num_epochs))
    }

    /// Goes on from the checkpoint of this epoch; [`resume`](crate::ProbeBuilder::resume) goes on in its run folder.
    pub fn checkpoint(self, checkpoint: usize) -> Self {
        Self { checkpoint: Some(checkpoint), ..self }.map(|it| it.checkpoint(checkpoint))
    }

    /// A handle that can interrupt training.
    pub fn interrupter(&self) -> Interrupter {
        self.burns.interrupter()
    }

    /// Takes `interrupter` as the handle that can interrupt training.
    pub fn with_interrupter(self, interrupter: Interrupter) -> Self {
        self.map(|it| it.with_interrupter(interrupter))
    }

    /// Ends training before its last epoch when `strategy` says so.
    pub fn early_stopping<S>(self, strategy: S) -> Self
    where
        S: EarlyStoppingStrategy + Clone + Send + Sync + 'static,
    {
        let stopped_after = self.stopped_early_after.clone();
        self.map(|it| it.early_stopping(ToldStopping { strategy, stopped_after }))
    }

    /// Keeps the log of the application with `logger` instead of in `experiment.log`; `None`: as the program itself
    /// does.
    pub fn with_application_logger(
        self,
        logger: Option<Box<dyn ApplicationLoggerInstaller>>,
    ) -> Self {
        self.map(|it| it.with_application_logger(logger))
    }

    /// Saves checkpoints of model, optimizer and learning rate among the artifacts.
    pub fn with_default_checkpointers(self) -> Self {
        self.map(SupervisedTraining::with_default_checkpointers)
    }

    /// Saves checkpoints of model, optimizer and learning rate in ways of one's own.
    pub fn with_custom_checkpointers<CM, CO, CL>(self, model: CM, optimizer: CO, lr: CL) -> Self
    where
        CM: Checkpointer<ModuleRecord> + 'static,
        CO: Checkpointer<OptimizerRecord> + 'static,
        CL: Checkpointer<LrSchedulerRecord> + 'static,
    {
        self.map(|it| it.with_custom_checkpointers(model, optimizer, lr))
    }

    /// Has the renderer show a summary at the end.
    pub fn summary(self) -> Self {
        self.map(SupervisedTraining::summary)
    }

    /// A name for this training, for renderers and loggers.
    pub fn label(self, label: &str) -> Self {
        self.map(|it| it.label(label))
    }

    /// Trains `model`, watched; optimizer and learning rate are those that burn's `Learner::new` takes. Gives burn's
    /// result, with the model as it was given.
    ///
    /// While it trains, Ctrl-C stops it after the batch, as burn's interrupter does, and the run ends as interrupted; a
    /// second one ends the program. A handler that the program has set for the signal before is left alone, and then
    /// is the only one; [`stop_on_interrupt`](crate::ProbeBuilder::stop_on_interrupt)`(false)` switches ours off.
    ///
    /// A second training through the same probe goes on in the same run, with its steps and epochs counted on.
    pub fn launch(
        self,
        model: M,
        optim: ModuleOptimizer,
        lr_scheduler: impl Into<ModuleLrScheduler>,
    ) -> LearningResult<M> {
        let hook = self.link.as_ref().map(|(hook, _)| hook.clone());
        self.launch_watched(Watched::new(model, hook), optim, lr_scheduler)
    }

    /// The same with a model that is watched already, such as one whose curvature is measured
    /// ([`Probe::curvature`](crate::Probe::curvature)).
    pub fn launch_watched(
        self,
        model: Watched<M>,
        optim: ModuleOptimizer,
        lr_scheduler: impl Into<ModuleLrScheduler>,
    ) -> LearningResult<M> {
        let learner = Learner::new(model, optim, lr_scheduler);
        let watch = self.link.as_ref().map(|(_, handle)| self.watch(handle));
        let listens = self.listen_to_interrupts();
        let result = self.with_renderers().launch(learner);
        drop(listens);
        if let Some(watch) = watch {
            watch.ended(&result);
        }
        let LearningResult { model, renderer, interrupted, error } = result;
        LearningResult { model: model.into_inner(), renderer, interrupted, error }
    }

    /// Until the training ends. Burn's `Learner` as it is knows of no Ctrl-C.
    fn listen_to_interrupts(&self) -> Option<TrainingWatch> {
        let (_, handle) = self.link.as_ref().filter(|_| self.stops_on_interrupt)?;
        TrainingWatch::start(self.burns.interrupter(), handle.clone())
    }

    /// Tells the recorder what is known before burn tells it.
    fn watch(&self, handle: &RecorderHandle) -> Watch {
        let counters = handle.counters();
        counters.interrupter.set(self.burns.interrupter());
        counters.set_ending(None);
        handle.event(TrainingEvent::Start {
            total_epochs: self.num_epochs as u64,
            first_epoch: self.checkpoint.unwrap_or(0) as u64 + 1,
        });
        Watch {
            handle: handle.clone(),
            planned: self.num_epochs as u64,
            stopped_early_after: self.stopped_early_after.clone(),
        }
    }

    /// burn's training with the renderers in place.
    fn with_renderers(self) -> SupervisedTraining<Watched<M>> {
        let Self { burns, link, renderer, checkpoint, .. } = self;
        match (link, renderer) {
            (Some((_, handle)), renderer) => {
                let beside = Beside::new(renderer, burns.interrupter(), checkpoint, handle);
                burns.renderer(Box::new(beside))
            }
            (None, Some(renderer)) => burns.renderer(renderer),
            (None, None) => burns,
        }
    }
}

/// What is needed to say how a training ended.
struct Watch {
    handle: RecorderHandle,
    planned: u64,
    stopped_early_after: Arc<AtomicU64>,
}

impl Watch {
    /// Completes what the events told, if they came, by burn's result.
    fn ended<M>(&self, result: &LearningResult<M>) {
        let counters = self.handle.counters();
        let mut ending = counters
            .ending()
            .unwrap_or_else(|| Ending { planned: self.planned, ..Ending::default() });
        let stopped_after = self.stopped_early_after.load(Ordering::Relaxed);
        ending.stopped_early_after = (stopped_after > 0).then_some(stopped_after);
        if let Some(interruption) = &result.interrupted {
            ending.interrupted = Some(interruption.reason.clone());
        }
        if let Some(error) = &result.error {
            ending.error = Some(error.to_string());
        }
        counters.set_ending(ending);
    }
}

/// An early stopping strategy of the user's, of which it is known when it stopped training.
#[derive(Clone)]
struct ToldStopping<S> {
    strategy: S,
    stopped_after: Arc<AtomicU64>,
}

impl<S: EarlyStoppingStrategy> EarlyStoppingStrategy for ToldStopping<S> {
    fn should_stop(&mut self, epoch: usize, store: &EventStoreClient) -> bool {
        let stops = self.strategy.should_stop(epoch, store);
        if stops {
            self.stopped_after.store(epoch as u64, Ordering::Relaxed);
        }
        stops
    }
}
