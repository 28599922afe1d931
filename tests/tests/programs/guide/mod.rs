//! The guide: a small convolutional network on images of ten kinds, trained by burn's `Learner` with its metrics,
//! checkpoints and summary.

mod bare;
mod watched;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig, Relu};
use burn::tensor::{Device, Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use super::check::{Expected, Program, Size};
use super::data::{CLASSES, ImageBatch, device, image_loaders};
use super::silent::silent;
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "guide",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 4, train: 512, valid: 64, batch: 64, side: 8, width: 16 },
    full: Size { epochs: 3, train: 8192, valid: 2048, batch: 64, side: 28, width: 512 },
    models: &[Expected::SUPERVISED],
};

#[test]
fn guide() {
    PROGRAM.check();
}

/// Two convolutions, a pool and two linear layers.
#[derive(Module, Debug)]
pub struct Model {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: AdaptiveAvgPool2d,
    dropout: Dropout,
    linear1: Linear,
    linear2: Linear,
    activation: Relu,
}

impl Model {
    pub fn new(size: &Size, device: &Device) -> Self {
        let pooled = size.side / 2;
        Self {
            conv1: Conv2dConfig::new([1, 8], [3, 3]).init(device),
            conv2: Conv2dConfig::new([8, 16], [3, 3]).init(device),
            pool: AdaptiveAvgPool2dConfig::new([pooled, pooled]).init(),
            dropout: DropoutConfig::new(0.5).init(),
            linear1: LinearConfig::new(16 * pooled * pooled, size.width).init(device),
            linear2: LinearConfig::new(size.width, CLASSES).init(device),
            activation: Relu::new(),
        }
    }

    /// Logits, shape `[batch, classes]`.
    pub fn forward(&self, images: Tensor<3>) -> Tensor<2> {
        clock::pass();
        let images = images.unsqueeze_dim::<4>(1);
        let x = self.dropout.forward(self.conv1.forward(images));
        let x = self.dropout.forward(self.conv2.forward(x));
        let x = self.pool.forward(self.activation.forward(x)).flatten::<2>(1, 3);
        let x = self.dropout.forward(self.linear1.forward(x));
        self.linear2.forward(self.activation.forward(x))
    }

    pub fn classify(&self, images: Tensor<3>, targets: Tensor<1, Int>) -> ClassificationOutput {
        let logits = self.forward(images);
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), targets.clone());
        ClassificationOutput::new(loss, logits, targets)
    }
}

impl TrainStep for Model {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch.images, batch.targets);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Model {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> ClassificationOutput {
        self.classify(batch.images, batch.targets)
    }
}
