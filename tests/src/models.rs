//! Models that a hook could get wrong.

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleMapper, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burnscape_examples::data::{CLASSES, DigitBatch, PIXELS};
use burnscape_examples::mlp::Mlp;

/// A model on the digits, as all of ours are.
pub trait DigitModel:
    TrainStep<Input = DigitBatch, Output = ClassificationOutput>
    + InferenceStep<Input = DigitBatch, Output = ClassificationOutput>
    + Module
    + std::fmt::Display
    + 'static
{
}

impl<M> DigitModel for M where
    M: TrainStep<Input = DigitBatch, Output = ClassificationOutput>
        + InferenceStep<Input = DigitBatch, Output = ClassificationOutput>
        + Module
        + std::fmt::Display
        + 'static
{
}

fn classify(logits: Tensor<2>, batch: DigitBatch) -> ClassificationOutput {
    let loss = CrossEntropyLossConfig::new()
        .init(&logits.device())
        .forward(logits.clone(), batch.labels.clone());
    ClassificationOutput::new(loss, logits, batch.labels)
}

macro_rules! digit_steps {
    ($model:ty) => {
        impl InferenceStep for $model {
            type Input = DigitBatch;
            type Output = ClassificationOutput;

            fn step(&self, batch: DigitBatch) -> ClassificationOutput {
                let logits = self.forward(batch.images.clone());
                classify(logits, batch)
            }
        }
    };
}

/// Clips its weights to ±[`CLIP`] after every update, in an `optimize` of its own.
#[derive(Module, Debug)]
pub struct Clipping {
    mlp: Mlp,
}

/// The bound of [`Clipping`].
pub const CLIP: f32 = 0.05;

impl Clipping {
    /// A clipping perceptron.
    pub fn new(device: &Device) -> Self {
        Self { mlp: Mlp::new(device) }
    }
}

impl TrainStep for Clipping {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        TrainStep::step(&self.mlp, batch)
    }

    fn optimize(
        self,
        optim: &mut ModuleOptimizer,
        lr: ModuleLearningRate,
        grads: GradientsParams,
    ) -> Self {
        optim.step(lr, self, grads).map(&mut Clip)
    }
}

impl InferenceStep for Clipping {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> ClassificationOutput {
        InferenceStep::step(&self.mlp, batch)
    }
}

struct Clip;

impl ModuleMapper for Clip {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weights| {
            let clipped = weights.inner().clamp(-CLIP, CLIP);
            Tensor::from_inner(clipped).require_grad()
        })
    }
}

/// Has a layer that no forward pass uses, so that its weights stay lazy until somebody reads
/// them, and dropout, which draws from the same random stream.
#[derive(Module, Debug)]
pub struct Lazy {
    unused: Linear,
    hidden: Linear,
    dropout: Dropout,
    output: Linear,
}

impl Lazy {
    /// A model with a lazy, unused layer.
    pub fn new(device: &Device) -> Self {
        Self {
            unused: LinearConfig::new(7, 5).init(device),
            hidden: LinearConfig::new(PIXELS, 24).init(device),
            dropout: DropoutConfig::new(0.3).init(),
            output: LinearConfig::new(24, CLASSES).init(device),
        }
    }

    fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let hidden = self.hidden.forward(images).tanh();
        self.output.forward(self.dropout.forward(hidden))
    }
}

impl TrainStep for Lazy {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let output = classify(self.forward(batch.images.clone()), batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

digit_steps!(Lazy);

/// Nested structs, `Vec`, `Option`, a frozen layer and BatchNorm.
#[derive(Module, Debug)]
pub struct Nested {
    stem: Linear,
    norm: BatchNorm,
    layers: Vec<Layer>,
    output: Linear,
}

/// A layer with an optional gate.
#[derive(Module, Debug)]
pub struct Layer {
    linear: Linear,
    gate: Option<Linear>,
}

impl Nested {
    /// A model whose `stem` is frozen.
    pub fn new(device: &Device) -> Self {
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let layer = |gate| Layer { linear: linear(16, 16), gate };
        Self {
            stem: linear(PIXELS, 16).no_grad(),
            norm: BatchNormConfig::new(16).init(device),
            layers: vec![layer(None), layer(Some(linear(16, 16)))],
            output: linear(16, CLASSES),
        }
    }

    fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let [batch, _] = images.dims();
        let stem = self.stem.forward(images).reshape([batch, 16, 1]);
        let mut x = self.norm.forward(stem).reshape([batch, 16]);
        for layer in &self.layers {
            let y = layer.linear.forward(x.clone()).tanh();
            x = match &layer.gate {
                Some(gate) => y * burn::tensor::activation::sigmoid(gate.forward(x)),
                None => y,
            };
        }
        self.output.forward(x)
    }
}

impl TrainStep for Nested {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let output = classify(self.forward(batch.images.clone()), batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

digit_steps!(Nested);
