//! Where a model's output keeps its loss.

use std::any::Any;

use burn::tensor::Tensor;
use burn::train::{
    ClassificationOutput, MultiLabelClassificationOutput, RegressionOutput, SequenceOutput,
};

/// The loss of one batch: its mean over samples, and how many samples that were.
#[derive(Debug, Clone)]
pub struct BatchLoss {
    /// Mean loss of the batch, shape `[1]` (a longer vector is averaged).
    pub mean: Tensor<1>,
    /// Samples in the batch, the weight of its mean.
    pub samples: usize,
}

/// The share of a batch's samples whose largest logit is that of their class, for
/// [`Study::measure`](crate::Study::measure).
pub fn accuracy(output: &ClassificationOutput) -> BatchLoss {
    let (logits, targets) = (output.output.clone(), output.targets.clone());
    let samples = targets.dims()[0];
    let is_right = logits.argmax(1).reshape([samples]).equal(targets);
    BatchLoss { mean: is_right.float().mean(), samples }
}

/// The loss in one of burn's standard outputs; `None` for a type that burn does not define.
///
/// Outputs are recognised at run time, so that a watched model may have any output at all.
pub(crate) fn standard_loss(output: &dyn Any) -> Option<BatchLoss> {
    let of = |loss: &Tensor<1>, samples| {
        let mean = loss.clone();
        Some(BatchLoss { mean, samples })
    };
    if let Some(it) = output.downcast_ref::<ClassificationOutput>() {
        return of(&it.loss, it.targets.dims()[0]);
    }
    if let Some(it) = output.downcast_ref::<RegressionOutput>() {
        return of(&it.loss, it.targets.dims()[0]);
    }
    if let Some(it) = output.downcast_ref::<MultiLabelClassificationOutput>() {
        return of(&it.loss, it.targets.dims()[0]);
    }
    let it = output.downcast_ref::<SequenceOutput>()?;
    of(&it.loss, it.targets.dims()[0])
}

/// The loss as one number, still on its device and off the autodiff graph, shape `[1]`.
pub(crate) fn mean_on_device(loss: &BatchLoss) -> Tensor<1> {
    let loss = loss.mean.clone().inner();
    match loss.dims() {
        [1] => loss,
        _ => loss.mean(),
    }
}
