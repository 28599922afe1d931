//! The wrapper around the user's model: everything is delegated, optimizer steps are watched.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Devices, Module, ModuleMapper, ModuleVisitor};
use burn::optim::{GradientsParams, ModuleOptimizer, MultiGradientsParams};
use burn::tensor::Device;
use burn::train::{InferenceStep, TrainOutput, TrainStep};

use super::hook::Hook;
use super::hook::buffers::Statistics;
use crate::channel::samples::Clipping;
use crate::curvature::gauge::GaugeOf;

/// A model that is watched while it trains; made by [`Probe::watch`](crate::Probe::watch).
///
/// It is the model for every purpose: the same parameter paths, so that checkpoints written with
/// and without the probe are interchangeable, the same outputs, so that metrics work unchanged,
/// and `Deref` to the model itself. [`into_inner`](Self::into_inner) gives it back.
#[derive(Clone)]
pub struct Watched<M> {
    inner: M,
    hook: Option<Arc<Hook>>,
    /// Optimizer steps behind these weights.
    version: u64,
    /// What measures the curvature while it trains.
    gauge: Option<GaugeOf<M>>,
}

impl<M> Watched<M> {
    pub(crate) fn new(inner: M, hook: Option<Arc<Hook>>) -> Self {
        let version = hook.as_ref().map_or(0, |hook| hook.steps());
        Self { inner, hook, version, gauge: None }
    }

    /// The model itself.
    pub fn inner(&self) -> &M {
        &self.inner
    }

    /// Gives the model back and stops watching this copy.
    pub fn into_inner(self) -> M {
        self.inner
    }

    /// The same model with a gauge of its curvature.
    pub(crate) fn with_gauge(self, gauge: GaugeOf<M>) -> Self {
        Self { gauge: Some(gauge), ..self }
    }

    fn with(&self, inner: M) -> Self {
        let (hook, gauge) = (self.hook.clone(), self.gauge.clone());
        Self { inner, hook, version: self.version, gauge }
    }

    fn map_inner(self, change: impl FnOnce(M) -> M) -> Self {
        Self { inner: change(self.inner), ..self }
    }
}

impl<M> Deref for Watched<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.inner
    }
}

impl<M: fmt::Debug> fmt::Debug for Watched<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<M: fmt::Display> fmt::Display for Watched<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Written by hand rather than derived: a derive would put a level of its own into every
/// parameter path.
impl<M: Module> Module for Watched<M> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.inner.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        self.map_inner(|inner| inner.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.map_inner(|inner| inner.to_device(device))
    }

    fn train(self) -> Self {
        self.map_inner(M::train)
    }

    /// The model for inference. burn calls this once per epoch, with exactly the weights that the
    /// epoch ended with: that is where the epoch's snapshot comes from.
    fn valid(&self) -> Self {
        let inner = self.inner.valid();
        if let Some(hook) = &self.hook {
            hook.validated(&inner, self.version);
        }
        self.with(inner)
    }

    fn materialize(self) -> Self {
        self.map_inner(M::materialize)
    }

    fn num_params(&self) -> usize {
        self.inner.num_params()
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.inner.visit(visitor);
    }

    fn map<F: ModuleMapper>(self, mapper: &mut F) -> Self {
        self.map_inner(|inner| inner.map(mapper))
    }
}

impl<M: TrainStep + Module> TrainStep for Watched<M> {
    type Input = M::Input;
    type Output = M::Output;

    fn step(&self, item: Self::Input) -> TrainOutput<Self::Output> {
        let Some(hook) = &self.hook else {
            return TrainStep::step(&self.inner, item);
        };
        hook.before_batch(&self.inner);
        let listening = hook.listen();
        let output = TrainStep::step(&self.inner, item);
        hook.after_batch(&output.item, listening);
        output
    }

    /// Measures around the model's own `optimize`, which it may have overridden.
    fn optimize(
        self,
        optim: &mut ModuleOptimizer,
        lr: ModuleLearningRate,
        grads: GradientsParams,
    ) -> Self {
        let Self { inner, hook, gauge, .. } = self;
        let clipping = Clipping::of(optim);
        let measured = hook.as_ref().and_then(|hook| {
            hook.before_update(&inner, &grads, &lr, clipping, Statistics::Merged, gauge.as_ref())
        });
        let inner = inner.optimize(optim, lr, grads);
        if let (Some(hook), Some(measured)) = (&hook, measured) {
            hook.after_update(&inner, measured);
        }
        Self { gauge, ..Self::new(inner, hook) }
    }

    fn optimize_multi(
        self,
        optim: &mut ModuleOptimizer,
        lr: ModuleLearningRate,
        grads: MultiGradientsParams,
    ) -> Self {
        let Self { inner, hook, gauge, .. } = self;
        let clipping = Clipping::of(optim);
        let measured = hook.as_ref().and_then(|hook| {
            hook.before_update(&inner, &grads, &lr, clipping, Statistics::Merged, gauge.as_ref())
        });
        let inner = inner.optimize_multi(optim, lr, grads);
        if let (Some(hook), Some(measured)) = (&hook, measured) {
            hook.after_update(&inner, measured);
        }
        Self { gauge, ..Self::new(inner, hook) }
    }
}

impl<M: InferenceStep> InferenceStep for Watched<M> {
    type Input = M::Input;
    type Output = M::Output;

    fn step(&self, item: Self::Input) -> Self::Output {
        let output = InferenceStep::step(&self.inner, item);
        if let Some(hook) = &self.hook {
            hook.after_validation_batch(&output);
        }
        output
    }
}
