//! MNIST: convolutions with batch normalisation, a schedule of the learning rate, early stopping, several metrics.

mod bare;
mod watched;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Gelu, Linear, LinearConfig, PaddingConfig2d,
};
use burn::tensor::{Device, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use super::check::{Expected, Program, Size};
use super::data::{CLASSES, ImageBatch, device, image_loaders};
use super::silent::silent;
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "mnist",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 4, train: 480, valid: 32, batch: 32, side: 8, width: 16 },
    full: Size { epochs: 3, train: 4096, valid: 1024, batch: 64, side: 28, width: 16 },
    models: &[Expected::SUPERVISED],
};

#[test]
fn mnist() {
    PROGRAM.check();
}

/// A convolution, normalised, and a pool.
#[derive(Module, Debug)]
pub struct Block {
    conv: Conv2d,
    norm: BatchNorm,
    activation: Gelu,
    pool: MaxPool2d,
}

impl Block {
    fn new(channels: [usize; 2], device: &Device) -> Self {
        let conv = Conv2dConfig::new(channels, [3, 3]).with_padding(PaddingConfig2d::Same);
        Self {
            conv: conv.init(device),
            norm: BatchNormConfig::new(channels[1]).init(device),
            activation: Gelu::new(),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = self.norm.forward(self.conv.forward(input));
        self.pool.forward(self.activation.forward(x))
    }
}

/// Two blocks and two linear layers.
#[derive(Module, Debug)]
pub struct Model {
    block1: Block,
    block2: Block,
    dropout: Dropout,
    linear1: Linear,
    linear2: Linear,
    activation: Gelu,
}

impl Model {
    pub fn new(size: &Size, device: &Device) -> Self {
        let pooled = size.side / 4;
        Self {
            block1: Block::new([1, size.width / 2], device),
            block2: Block::new([size.width / 2, size.width], device),
            dropout: DropoutConfig::new(0.25).init(),
            linear1: LinearConfig::new(size.width * pooled * pooled, size.width).init(device),
            linear2: LinearConfig::new(size.width, CLASSES).init(device),
            activation: Gelu::new(),
        }
    }

    fn classify(&self, batch: ImageBatch) -> ClassificationOutput {
        clock::pass();
        let x = self.block1.forward(batch.images.unsqueeze_dim::<4>(1));
        let x = self.dropout.forward(self.block2.forward(x)).flatten::<2>(1, 3);
        let logits = self.linear2.forward(self.activation.forward(self.linear1.forward(x)));
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.targets.clone());
        ClassificationOutput::new(loss, logits, batch.targets)
    }
}

impl TrainStep for Model {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Model {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> ClassificationOutput {
        self.classify(batch)
    }
}
