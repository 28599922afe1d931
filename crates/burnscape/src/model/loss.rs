//! The loss of a batch: where a model's output keeps it, and what it is a mean over.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::{Arc, OnceLock};

use burn::data::dataloader::Progress;
use burn::tensor::{DType, ExecutionError, Tensor};
use burn::train::metric::{Adaptor, LossInput, LossMetric, Metric, MetricMetadata, Numeric};
use burn::train::{
    ClassificationOutput, ItemLazy, MultiLabelClassificationOutput, RegressionOutput,
    SequenceOutput,
};

/// The loss of one batch: its mean over samples, and how many samples that were.
///
/// A loss that is a mean over something else is a [`Loss`].
#[derive(Debug, Clone)]
pub struct BatchLoss {
    /// Mean loss of the batch, shape `[1]` (a longer vector is averaged).
    pub mean: Tensor<1>,
    /// Samples in the batch, the weight of its mean.
    pub samples: usize,
}

/// What the loss of a batch is a mean over: what batches are weighed by, and what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    #[default]
    Samples,
    Tokens,
    Positions,
    Batches,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Tokens => "tokens",
            Self::Positions => "positions",
            Self::Batches => "batches",
        }
    }

    /// As a trace holds it beside surfaces and curvature: nothing for samples.
    pub fn recorded(self) -> String {
        if self == Self::Samples { String::new() } else { self.name().to_string() }
    }
}

/// The loss of one batch, and what it is a mean over.
///
/// # Examples
///
/// ```no_run
/// use burn::tensor::Tensor;
/// use burnscape::{Loss, Probe};
///
/// struct Translation {
///     loss: Tensor<1>,
///     tokens: usize,
/// }
///
/// let probe = Probe::builder("runs/translation").start()?;
/// probe.loss_of(|output: &Translation| Loss::over_tokens(output.loss.clone(), output.tokens));
/// # Ok::<(), burnscape::Error>(())
/// ```
#[derive(Clone)]
pub struct Loss {
    mean: Mean,
    pub(crate) count: usize,
    pub(crate) unit: Unit,
}

/// Where the number is.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a box would be one more allocation at every step")]
enum Mean {
    Tensor(Tensor<1>),
    /// What burn's own metric reads; its tensor is private.
    Adapted(Arc<LossInput>),
}

/// The mean of a batch on its way to us: in host memory, or still on its device.
pub(crate) enum Value {
    Host(f64),
    OnDevice(Box<Tensor<1>>),
    Adapted(Arc<LossInput>),
}

impl Loss {
    /// The mean over so many samples, shape `[1]` (a longer vector is averaged).
    pub fn over_samples(mean: Tensor<1>, samples: usize) -> Self {
        Self { mean: Mean::Tensor(mean), count: samples, unit: Unit::Samples }
    }

    /// The mean over so many tokens, padding left out.
    pub fn over_tokens(mean: Tensor<1>, tokens: usize) -> Self {
        Self { mean: Mean::Tensor(mean), count: tokens, unit: Unit::Tokens }
    }

    /// A loss whose batches are weighed by so many positions, padding included. Where there is padding it is not exactly
    /// a mean, which pictures of it say.
    pub fn over_positions(loss: Tensor<1>, positions: usize) -> Self {
        Self { mean: Mean::Tensor(loss), count: positions, unit: Unit::Positions }
    }

    /// The loss of a batch of unknown size: every batch weighs the same.
    pub fn of_batch(loss: Tensor<1>) -> Self {
        Self { mean: Mean::Tensor(loss), count: 1, unit: Unit::Batches }
    }

    /// Entries of its tensor: what burn's own metric counts a batch by.
    pub(crate) fn entries(&self) -> usize {
        match &self.mean {
            Mean::Tensor(mean) => mean.dims()[0],
            Mean::Adapted(_) => 1,
        }
    }

    /// The mean, read now if `at_once`, else still where it is; NaN if the device cannot be read.
    pub(crate) fn value(self, at_once: bool) -> Value {
        match self.mean {
            _ if at_once => Value::Host(self.read().unwrap_or(f64::NAN)),
            Mean::Tensor(mean) => Value::OnDevice(Box::new(as_number(mean))),
            Mean::Adapted(input) => Value::Adapted(input),
        }
    }

    /// The mean, read now.
    ///
    /// # Errors
    ///
    /// What the device says.
    pub(crate) fn read(self) -> Result<f64, String> {
        match self.mean {
            Mean::Tensor(mean) => read_number(as_number(mean)),
            Mean::Adapted(input) => read_adapted(&input),
        }
    }
}

impl From<BatchLoss> for Loss {
    fn from(loss: BatchLoss) -> Self {
        Self::over_samples(loss.mean, loss.samples)
    }
}

/// A mean, shape `[1]`, and how many samples it is over.
impl From<(Tensor<1>, usize)> for Loss {
    fn from((mean, samples): (Tensor<1>, usize)) -> Self {
        Self::over_samples(mean, samples)
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = (self.count, self.unit);
        f.debug_struct("Loss").field("count", &count).field("unit", &unit).finish_non_exhaustive()
    }
}

/// So that a model's output may be nothing but its loss.
impl ItemLazy for Loss {
    fn sync(self) -> Result<Self, ExecutionError> {
        match self.mean {
            Mean::Tensor(mean) => {
                mean.device().flush()?;
                Ok(Self { mean: Mean::Tensor(mean.without_autodiff()), ..self })
            }
            Mean::Adapted(_) => Ok(self),
        }
    }
}

impl Value {
    /// As f32, where it is on its device: transfers want numbers of one type.
    pub fn narrowed(self) -> Self {
        match self {
            Self::OnDevice(mean) => Self::OnDevice(Box::new(mean.cast(DType::F32))),
            elsewhere => elsewhere,
        }
    }

    /// The number.
    ///
    /// # Errors
    ///
    /// What the device says.
    pub fn read(self) -> Result<f64, String> {
        match self {
            Self::Host(mean) => Ok(mean),
            Self::OnDevice(mean) => read_number(*mean),
            Self::Adapted(input) => read_adapted(&input),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Host(mean) => return write!(f, "Host({mean})"),
            Self::OnDevice(_) => "OnDevice",
            Self::Adapted(_) => "Adapted",
        };
        f.debug_tuple(place).finish()
    }
}

/// A loss as one number, still on its device and off the autodiff graph, shape `[1]`.
fn as_number(loss: Tensor<1>) -> Tensor<1> {
    let loss = loss.inner();
    match loss.dims() {
        [1] => loss,
        _ => loss.mean(),
    }
}

fn read_number(loss: Tensor<1>) -> Result<f64, String> {
    loss.try_into_scalar::<f64>().map_err(|error| error.to_string())
}

/// The loss of an output as burn's own metric reads it, for [`Probe::loss_of`](crate::Probe::loss_of):
/// `probe.loss_of(burnscape::adapted_loss::<MyOutput>)`.
///
/// burn does not tell how many samples that is: every batch weighs the same.
pub fn adapted_loss<O: Adaptor<LossInput>>(output: &O) -> Loss {
    Loss { mean: Mean::Adapted(Arc::new(output.adapt())), count: 1, unit: Unit::Batches }
}

/// Reads a loss through [`LossMetric`].
fn read_adapted(input: &LossInput) -> Result<f64, String> {
    let mut metric = LossMetric::new();
    // The metric looks at none of it.
    let metadata =
        MetricMetadata { progress: Progress::new(0, 0, None), iteration: None, lr: None };
    metric.update(input, &metadata).map_err(|error| error.to_string())?;
    Ok(metric.value().map_or(f64::NAN, |entry| entry.current()))
}

/// The share of a batch's samples whose largest logit is that of their class, for
/// [`Study::measure`](crate::Study::measure).
pub fn accuracy(output: &ClassificationOutput) -> BatchLoss {
    let (logits, targets) = (output.output.clone(), output.targets.clone());
    let samples = targets.dims()[0];
    let is_right = logits.argmax(1).reshape([samples]).equal(targets);
    BatchLoss { mean: is_right.float().mean(), samples }
}

/// Where the outputs of a program keep their losses, as it told: by their type. Read without a lock.
#[derive(Default)]
pub(crate) struct Losses {
    first: OnceLock<Box<ToldLoss>>,
}

/// Reads the loss out of an output of its type.
type ReadLoss = Box<dyn Fn(&dyn Any) -> Option<Loss> + Send + Sync>;

struct ToldLoss {
    of: TypeId,
    read: ReadLoss,
    next: OnceLock<Box<ToldLoss>>,
}

impl Losses {
    /// Takes what a program tells; the last one of a type holds.
    pub fn tell<O: 'static, L: Into<Loss>>(&self, read: impl Fn(&O) -> L + Send + Sync + 'static) {
        let read = move |output: &dyn Any| output.downcast_ref::<O>().map(|it| read(it).into());
        let (of, next) = (TypeId::of::<O>(), OnceLock::new());
        let mut told = Box::new(ToldLoss { of, read: Box::new(read), next });
        let mut place = &self.first;
        while let Err(back) = place.set(told) {
            told = back;
            if let Some(taken) = place.get() {
                place = &taken.next;
            }
        }
    }

    /// The loss in an output of whatever type, as it was told, or where burn's standard outputs keep it.
    pub fn of(&self, output: &dyn Any) -> Option<Loss> {
        match self.told(output.type_id()) {
            Some(told) => (told.read)(output),
            None => standard_loss(output),
        }
    }

    /// Whether a program told where outputs of this type keep their loss.
    pub fn knows(&self, output: TypeId) -> bool {
        self.told(output).is_some()
    }

    fn told(&self, output: TypeId) -> Option<&ToldLoss> {
        let first = self.first.get().map(Box::as_ref);
        let all = std::iter::successors(first, |told| told.next.get().map(Box::as_ref));
        all.filter(|told| told.of == output).last()
    }
}

/// The loss in one of burn's standard outputs, or in one that is nothing else; `None` for any other type.
///
/// Outputs are recognised at run time, so that a watched model may have any output at all.
fn standard_loss(output: &dyn Any) -> Option<Loss> {
    let of = |loss: &Tensor<1>, samples| Some(Loss::over_samples(loss.clone(), samples));
    if let Some(it) = output.downcast_ref::<ClassificationOutput>() {
        return of(&it.loss, it.targets.dims()[0]);
    }
    if let Some(it) = output.downcast_ref::<RegressionOutput>() {
        return of(&it.loss, it.targets.dims()[0]);
    }
    if let Some(it) = output.downcast_ref::<MultiLabelClassificationOutput>() {
        return of(&it.loss, it.targets.dims()[0]);
    }
    if let Some(it) = output.downcast_ref::<SequenceOutput>() {
        let [sequences, length] = it.targets.dims();
        return Some(Loss::over_positions(it.loss.clone(), sequences * length));
    }
    output.downcast_ref::<Loss>().cloned()
}
