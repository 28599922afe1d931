//! A small convolutional network on the digits, with what makes surfaces go wrong elsewhere:
//! BatchNorm, whose statistics must stand still, and dropout, which must be off.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d, Relu,
};
use burn::tensor::{Device, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burnscape::tap;

use crate::data::{CLASSES, DigitBatch};

/// Convolution, BatchNorm, ReLU.
#[derive(Module, Debug)]
struct ConvBlock {
    conv: Conv2d,
    norm: BatchNorm,
    activation: Relu,
}

impl ConvBlock {
    fn new(channels: [usize; 2], device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new(channels, [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            norm: BatchNormConfig::new(channels[1]).init(device),
            activation: Relu::new(),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.activation.forward(self.norm.forward(self.conv.forward(x)))
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct ConvNet {
    blocks: Vec<ConvBlock>,
    pool: AdaptiveAvgPool2d,
    dropout: Dropout,
    output: Linear,
}

/// Channels after the second block, and the side to which images are pooled.
const FEATURES: usize = 16;
const POOLED: usize = 2;

impl ConvNet {
    /// A network with random weights from the device's generator.
    pub fn new(device: &Device) -> Self {
        Self {
            blocks: vec![ConvBlock::new([1, 8], device), ConvBlock::new([8, FEATURES], device)],
            pool: AdaptiveAvgPool2dConfig::new([POOLED, POOLED]).init(),
            dropout: DropoutConfig::new(0.25).init(),
            output: LinearConfig::new(FEATURES * POOLED * POOLED, CLASSES).init(device),
        }
    }

    fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let [batch, _] = images.dims();
        let images = images.reshape([batch, 1, 8, 8]);
        let mut features = images;
        for (block, name) in self.blocks.iter().zip(["blocks.0.relu", "blocks.1.relu"]) {
            features = tap(name, block.forward(features));
        }
        let pooled = self.pool.forward(features).reshape([batch, FEATURES * POOLED * POOLED]);
        self.output.forward(self.dropout.forward(pooled))
    }

    fn classify(&self, batch: DigitBatch) -> ClassificationOutput {
        let logits = self.forward(batch.images);
        let loss = CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for ConvNet {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for ConvNet {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> ClassificationOutput {
        self.classify(batch)
    }
}
