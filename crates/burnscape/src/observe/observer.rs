//! Watching a hand-written loop: one that steps the optimizer itself, without burn's `Learner`.

use std::sync::{Arc, Mutex};

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use burn::train::{TrainOutput, TrainStep};

use super::hook::Hook;
use super::hook::buffers::Statistics;
use crate::Result;
use crate::channel::samples::{Clipping, TapSample};
use crate::curvature::gauge::{Gauge, GaugeOf, LiveCurvature};
use crate::model::loss::Loss;

/// Watches the steps of a hand-written loop; made by [`Probe::observe`](crate::Probe::observe).
///
/// The model stays as it is, without a wrapper. A clone watches the same training, so that whatever owns one may be
/// cloned, as burn clones the policies of agents.
///
/// # Examples
///
/// ```no_run
/// use burn::module::Module;
/// use burn::optim::{GradientsParams, ModuleOptimizer};
/// use burn::tensor::Tensor;
/// use burnscape::Probe;
///
/// fn train<M: Module>(
///     mut model: M,
///     mut optim: ModuleOptimizer,
///     batches: &[Tensor<2>],
///     loss_of: impl Fn(&M, &Tensor<2>) -> Tensor<1>,
/// ) -> burnscape::Result<M> {
///     let probe = Probe::builder("runs/mine").start()?;
///     let mut observer = probe.observe();
///     for epoch in 1..=10 {
///         for batch in batches {
///             let loss = observer.forward(|| loss_of(&model, batch));
///             observer.loss(&loss, batch.dims()[0]);
///             let grads = GradientsParams::from_grads(loss.backward(), &model);
///             model = observer.step(&mut optim, 1e-3, model, grads);
///         }
///         observer.epoch_done(&model);
///         if observer.should_stop() {
///             break;
///         }
///     }
///     probe.close()?;
///     Ok(model)
/// }
/// ```
pub struct Observer {
    hook: Option<Arc<Hook>>,
    heard: Vec<TapSample>,
    /// A batch was told since the last step.
    told: bool,
}

/// What this one heard belongs to its own next batch.
impl Clone for Observer {
    fn clone(&self) -> Self {
        Self::new(self.hook.clone())
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("is_enabled", &self.hook.is_some()).finish_non_exhaustive()
    }
}

impl Observer {
    pub(crate) fn new(hook: Option<Arc<Hook>>) -> Self {
        Self { hook, heard: Vec::new(), told: false }
    }

    /// Runs a forward pass whose [taps](crate::tap()) are listened to, if activations are due in this step.
    pub fn forward<T>(&mut self, pass: impl FnOnce() -> T) -> T {
        let listening = self.hook.as_ref().and_then(|hook| hook.listen());
        let output = pass();
        self.heard.extend(listening.map(crate::observe::tap::Listening::end).unwrap_or_default());
        output
    }

    /// Tells the loss of a training batch, the mean over `samples`; call it once for each batch, before the step
    /// that it belongs to. In means over a step or an epoch it counts by its samples.
    pub fn loss(&mut self, mean: &Tensor<1>, samples: usize) {
        self.told = true;
        if let Some(hook) = &self.hook {
            let loss = Loss::over_samples(mean.clone(), samples);
            hook.count_batch(Some(loss), std::mem::take(&mut self.heard));
        }
    }

    /// The same in the line of the step that belongs to it. What is observed is the probe's, so that an observer may
    /// be made for every step:
    ///
    /// ```no_run
    /// # use burn::module::Module;
    /// # use burn::optim::{GradientsParams, ModuleOptimizer};
    /// # use burn::tensor::Tensor;
    /// # fn train<M: Module>(probe: burnscape::Probe, mut model: M, mut optim: ModuleOptimizer,
    /// #     batches: &[Tensor<2>], loss_of: impl Fn(&M, &Tensor<2>) -> Tensor<1>) {
    /// for batch in batches {
    ///     let loss = loss_of(&model, batch);
    ///     let grads = GradientsParams::from_grads(loss.backward(), &model);
    ///     model = probe.observe().with_loss(&loss, batch.dims()[0]).step(&mut optim, 1e-3, model, grads);
    /// }
    /// # }
    /// ```
    #[must_use = "it records the step"]
    pub fn with_loss(mut self, mean: &Tensor<1>, samples: usize) -> Self {
        self.loss(mean, samples);
        self
    }

    /// Tells the loss of a validation batch.
    pub fn validation_loss(&self, mean: &Tensor<1>, samples: usize) {
        if let Some(hook) = &self.hook {
            hook.count_validation_batch(Some(Loss::over_samples(mean.clone(), samples)));
        }
    }

    /// As [`Probe::curvature`](crate::Probe::curvature), for a hand-written loop: a gauge that the loop asks before each
    /// step. The loss and its gradient are those of the model's `TrainStep`.
    ///
    /// # Errors
    ///
    /// As [`Probe::curvature`](crate::Probe::curvature).
    pub fn curvature<M>(
        &self,
        batches: Vec<M::Input>,
        settings: LiveCurvature,
    ) -> Result<CurvatureGauge<M>>
    where
        M: TrainStep + Module + 'static,
        M::Input: Clone,
    {
        let losses = self.hook.as_ref().map(|hook| hook.losses.clone()).unwrap_or_default();
        let gauge: GaugeOf<M> = Arc::new(Mutex::new(Gauge::new(settings, batches, losses)?));
        Ok(CurvatureGauge { hook: self.hook.clone(), gauge, mark: None })
    }

    /// Trains on one batch, and records the step: forward and backward pass as the model's own
    /// [`TrainStep`] makes them, its loss, and the update of its `optimize`. Gives the updated model, and what the
    /// training step gave.
    ///
    /// ```no_run
    /// # use burn::module::Module;
    /// # use burn::optim::ModuleOptimizer;
    /// # use burn::train::{RegressionOutput, TrainStep};
    /// # fn train<M: TrainStep<Output = RegressionOutput> + Module>(
    /// #     probe: burnscape::Probe, mut model: M, mut optim: ModuleOptimizer, batches: Vec<M::Input>) {
    /// let mut observer = probe.observe();
    /// for batch in batches {
    ///     let output;
    ///     (model, output) = observer.train_step(&mut optim, 1e-3, model, batch);
    ///     println!("loss {}", output.loss);
    /// }
    /// # }
    /// ```
    #[must_use = "it gives the updated model"]
    pub fn train_step<M: TrainStep + Module>(
        &mut self,
        optim: &mut ModuleOptimizer,
        lr: impl Into<ModuleLearningRate>,
        model: M,
        batch: M::Input,
    ) -> (M, M::Output) {
        let hook = self.hook.clone();
        if let Some(hook) = &hook {
            hook.before_batch(&model);
        }
        let TrainOutput { grads, item } = self.forward(|| TrainStep::step(&model, batch));
        if let Some(hook) = &hook {
            self.told = true;
            hook.count_batch(hook.loss_of(&item), std::mem::take(&mut self.heard));
        }
        let (lr, clipping) = (lr.into(), Clipping::of(optim));
        let update = |model: M, grads| model.optimize(optim, lr.clone(), grads);
        (self.around(&lr, clipping, model, grads, update), item)
    }

    /// Steps the optimizer, and records the step.
    #[must_use = "it gives the updated model"]
    pub fn step<M: Module>(
        &mut self,
        optim: &mut ModuleOptimizer,
        lr: impl Into<ModuleLearningRate>,
        model: M,
        grads: GradientsParams,
    ) -> M {
        let (lr, clipping) = (lr.into(), Clipping::of(optim));
        self.around(&lr, clipping, model, grads, |model, grads| {
            optim.step(lr.clone(), model, grads)
        })
    }

    /// Records a step that `update` makes: an optimizer of one's own, gradients that are changed first (what is
    /// recorded is what is given here), or weights that are changed after the step, such as those of a critic that are
    /// clipped: all of it belongs to the update that is measured. What it clips of gradients is not known.
    #[must_use = "it gives the updated model"]
    pub fn update<M: Module>(
        &mut self,
        lr: impl Into<ModuleLearningRate>,
        model: M,
        grads: GradientsParams,
        update: impl FnOnce(M, GradientsParams) -> M,
    ) -> M {
        self.around(&lr.into(), Clipping::None, model, grads, update)
    }

    fn around<M: Module>(
        &mut self,
        lr: &ModuleLearningRate,
        clipping: Clipping,
        model: M,
        grads: GradientsParams,
        update: impl FnOnce(M, GradientsParams) -> M,
    ) -> M {
        let hook = self.hook.as_ref();
        if let Some(hook) = hook.filter(|_| !self.told) {
            hook.count_batch(None, std::mem::take(&mut self.heard));
        }
        self.told = false;
        let statistics = Statistics::AsTheyAre;
        let measured = hook
            .and_then(|hook| hook.before_update(&model, &grads, lr, clipping, statistics, None));
        let model = update(model, grads);
        if let (Some(hook), Some(measured)) = (hook, measured) {
            hook.after_update(&model, measured);
        }
        model
    }

    /// An epoch is over: its mean losses and, if due, a snapshot of these weights are recorded. Call it after the
    /// losses of its validation were told, if there is one.
    ///
    /// The model is read as it stands, and as a file saved at this moment would hold it: statistics of BatchNorm, which
    /// burn merges lazily, are one update behind until a forward pass or `valid()` of the loop merges them.
    pub fn epoch_done<M: Module>(&self, model: &M) {
        if let Some(hook) = &self.hook {
            hook.epoch_observed(model);
        }
    }

    /// Whether an answer to an alert ([`on_alert`](crate::ProbeBuilder::on_alert)), or the reader of the dashboard,
    /// asks training to stop.
    pub fn should_stop(&self) -> bool {
        self.hook.as_ref().is_some_and(|hook| hook.stop_asked())
    }
}

/// Measures the curvature in a hand-written loop; made by [`Observer::curvature`].
pub struct CurvatureGauge<M> {
    hook: Option<Arc<Hook>>,
    gauge: GaugeOf<M>,
    /// Tells epochs apart.
    mark: Option<u64>,
}

impl<M> std::fmt::Debug for CurvatureGauge<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_enabled = self.hook.is_some();
        f.debug_struct("CurvatureGauge").field("is_enabled", &is_enabled).finish_non_exhaustive()
    }
}

impl<M: Module> CurvatureGauge<M> {
    /// Measures, if it is due before the step that comes with this learning rate. Call it before every step.
    pub fn before_step(&mut self, model: &M, lr: f64) {
        if let Some(hook) = &self.hook {
            hook.gauge_by_hand(model, lr, &self.gauge, &mut self.mark);
        }
    }
}
