//! What crosses from the training thread to the writer thread on every step.

use burn::grad_clipping::GradientClipping;
use burn::optim::ModuleOptimizer;
use burn::tensor::Tensor;

use super::message::Moment;
use crate::measure::{Columns, Values};
use crate::model::loss::{Unit, Value};
use crate::model::tensors::NamedTensor;

/// A value, and where training stood.
#[derive(Debug)]
pub(crate) struct OwnSample {
    pub name: String,
    pub value: f64,
    pub at: Moment,
    /// Validations before it.
    pub validations: u64,
}

/// One optimizer step, before its epoch is known.
#[derive(Debug)]
pub(crate) struct StepSample {
    pub step: u64,
    /// `TrainStep::step` calls in the run so far.
    pub batches: u64,
    pub accumulated: u32,
    /// Validations before this step, and the batches before the last of them: without burn's
    /// events they tell the epoch.
    pub validations: u64,
    pub batches_at_validation: u64,
    /// Validation batches before this step.
    pub validation_batches: u64,
    pub elapsed_secs: f64,
    pub lr: f64,
    /// Quantities in the order of [`Column`], each one value per block, those not due left out.
    pub values: Values,
    pub columns: Columns,
    /// Blocks that no gradient reached.
    pub missing: Vec<u32>,
    pub clipping: Clipping,
    /// Weights and gradient, for the black box.
    pub boxed: Option<Box<BoxedTensors>>,
}

/// What the optimizer cuts off gradients, as far as burn tells it: the setting of its first group.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Clipping {
    #[default]
    None,
    /// The norm of every parameter's gradient to this.
    Norm(f32),
    /// Every entry to ± this.
    Value(f32),
    /// Some group clips, and burn does not tell how.
    Unknown,
}

impl Clipping {
    pub fn of(optim: &ModuleOptimizer) -> Self {
        match optim.grad_clipping() {
            Some(GradientClipping::Norm(limit)) => Self::Norm(*limit),
            Some(GradientClipping::Value(limit)) => Self::Value(*limit),
            None if optim.has_gradient_clipping() => Self::Unknown,
            None => Self::None,
        }
    }
}

/// Where training stood around the step of an alert.
#[derive(Debug)]
pub(crate) struct BoxedTensors {
    /// Weights before the update of the step before.
    pub previous: Option<Vec<NamedTensor>>,
    pub before: Vec<NamedTensor>,
    pub after: Option<Vec<NamedTensor>>,
    pub gradient: Vec<NamedTensor>,
}

/// The loss of one batch.
#[derive(Debug)]
pub(crate) struct LossSample {
    pub split: Split,
    /// Running number of the batch in this process and split, from 1.
    pub batch: u64,
    pub loss: Value,
    pub weights: LossWeights,
}

/// What a batch counts in a mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LossWeights {
    /// What its loss is a mean over, and how many of these.
    pub unit: Unit,
    pub count: u32,
    /// Entries of its loss tensor.
    pub entries: u32,
}

impl LossWeights {
    /// A batch of nothing counts as if it were one.
    pub fn new(unit: Unit, count: usize, entries: usize) -> Self {
        let [count, entries] =
            [count, entries].map(|it| u32::try_from(it).unwrap_or(u32::MAX).max(1));
        Self { unit, count, entries }
    }
}

/// What a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    Train,
    Valid,
}

/// Values that passed a tap in one call, off the graph.
#[derive(Debug)]
pub(crate) struct TapSample {
    pub tap: String,
    /// Running number of the training batch in this process, from 1.
    pub batch: u64,
    pub samples: usize,
    /// Length of dimension 1; what follows belongs to the unit.
    pub units: usize,
    pub values: Tensor<1>,
}
