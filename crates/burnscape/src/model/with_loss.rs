//! A model together with its loss, for models that have no `InferenceStep` of their own.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::Device;
use burn::train::InferenceStep;

use super::loss::Loss;

/// A model together with the loss of a batch: an `InferenceStep` for a model that has none, for
/// [`Probe::study`](crate::Probe::study) and [`Run::study`](crate::Run::study). It is the model for every purpose, with the
/// same parameter paths.
///
/// [`Probe::finish_with_loss`](crate::Probe::finish_with_loss) makes one by itself.
///
/// # Examples
///
/// ```no_run
/// use burn::nn::Linear;
/// use burn::tensor::Tensor;
/// use burnscape::{BatchLoss, Probe, SliceSpec, WithLoss};
///
/// fn after_training(probe: &Probe, model: Linear, batches: &[Tensor<2>]) -> burnscape::Result<()> {
///     let model = WithLoss::new(model, |model, batch: Tensor<2>| {
///         let samples = batch.dims()[0];
///         BatchLoss { mean: (model.forward(batch.clone()) - batch).square().mean(), samples }
///     });
///     let mut study = probe.study(&model, batches)?;
///     study.slice(&SliceSpec::random())?;
///     study.finish()?;
///     Ok(())
/// }
/// ```
pub struct WithLoss<M, I, R> {
    model: M,
    loss_of: Arc<R>,
    /// Of which batches it takes.
    batches: PhantomData<fn(I)>,
}

impl<M, I, R> WithLoss<M, I, R> {
    /// A model, and the loss of a batch under it.
    pub fn new<L: Into<Loss>>(model: M, loss_of: R) -> Self
    where
        R: Fn(&M, I) -> L,
    {
        Self { model, loss_of: Arc::new(loss_of), batches: PhantomData }
    }

    /// The model itself.
    pub fn model(&self) -> &M {
        &self.model
    }

    fn with(&self, model: M) -> Self {
        Self { model, loss_of: self.loss_of.clone(), batches: PhantomData }
    }

    fn map_model(self, change: impl FnOnce(M) -> M) -> Self {
        Self { model: change(self.model), ..self }
    }
}

impl<M: Clone, I, R> Clone for WithLoss<M, I, R> {
    fn clone(&self) -> Self {
        self.with(self.model.clone())
    }
}

impl<M: fmt::Debug, I, R> fmt::Debug for WithLoss<M, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.model.fmt(f)
    }
}

impl<M: ModuleDisplay, I, R> ModuleDisplayDefault for WithLoss<M, I, R> {
    fn content(&self, content: Content) -> Option<Content> {
        self.model.content(content)
    }
}

impl<M: ModuleDisplay, I, R> ModuleDisplay for WithLoss<M, I, R> {}

/// Written by hand rather than derived: a derive would put a level of its own into every parameter path.
impl<M: Module, I, R: Send + Sync> Module for WithLoss<M, I, R> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.model.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        self.map_model(|model| model.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.map_model(|model| model.to_device(device))
    }

    fn train(self) -> Self {
        self.map_model(M::train)
    }

    fn valid(&self) -> Self {
        self.with(self.model.valid())
    }

    fn materialize(self) -> Self {
        self.map_model(M::materialize)
    }

    fn num_params(&self) -> usize {
        self.model.num_params()
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.model.visit(visitor);
    }

    fn map<F: ModuleMapper>(self, mapper: &mut F) -> Self {
        self.map_model(|model| model.map(mapper))
    }
}

impl<M, I, R, L> InferenceStep for WithLoss<M, I, R>
where
    I: Send + 'static,
    R: Fn(&M, I) -> L,
    L: Into<Loss>,
{
    type Input = I;
    type Output = Loss;

    fn step(&self, batch: I) -> Loss {
        (self.loss_of)(&self.model, batch).into()
    }
}
