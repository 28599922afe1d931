//! What crosses from the training thread to the writer thread on every step.

use burn::tensor::Tensor;

/// Numbers that were measured: already in host memory, or still on their device, so that training
/// does not wait for the transfer.
#[derive(Debug)]
pub(crate) enum Values {
    /// In host memory.
    Host(Vec<f32>),
    /// Squared norms on the device, read by the writer thread.
    SquaresOnDevice(Box<Tensor<1>>),
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
    pub elapsed_secs: f64,
    pub lr: f64,
    /// Quantities in the order of [`Column`], each one value per block, those not due left out.
    pub values: Values,
    pub columns: Columns,
    /// Blocks that no gradient reached.
    pub missing: Vec<u32>,
}

/// Which quantities a sample holds, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub grad_norm: bool,
    pub weight_norm: bool,
    pub update_norm: bool,
}

impl Columns {
    /// Names of the quantities that are present, in the order of their values.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.grad_norm, "grad_norm"),
            (self.weight_norm, "weight_norm"),
            (self.update_norm, "update_norm"),
        ]
        .into_iter()
        .filter_map(|(present, name)| present.then_some(name))
    }
}

/// The loss of one batch.
#[derive(Debug)]
pub(crate) struct LossSample {
    pub split: Split,
    /// Running number of the batch in this process and split, from 1.
    pub batch: u64,
    pub loss: Loss,
}

/// What a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    Train,
    Valid,
}

/// A loss, in host memory or still on its device.
#[derive(Debug)]
pub(crate) enum Loss {
    Host(f64),
    OnDevice(Box<Tensor<1>>),
}

impl Loss {
    /// The number; NaN if the device cannot be read.
    pub fn read(self) -> f64 {
        match self {
            Self::Host(loss) => loss,
            Self::OnDevice(loss) => loss.try_into_scalar::<f64>().unwrap_or(f64::NAN),
        }
    }
}
