//! Residual networks for the digits, and their plain twins without skip connections: three stages of 8, 16 and 32 channels
//! on 8 × 8, 4 × 4 and 2 × 2 places (He et al. 2016, section 4.2, where images are larger).

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use crate::data::{CLASSES, DigitBatch};

/// Channels of each stage.
const STAGES: [usize; 3] = [8, 16, 32];

/// The network: a convolution, three stages of blocks, and a linear layer on means over places.
#[derive(Module, Debug)]
pub struct ResNet {
    stem: Conv2d,
    norm: BatchNorm,
    blocks: Vec<Block>,
    output: Linear,
}

/// Two convolutions, with what came in added to what they make of it, or without.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
    has_skip: bool,
}

impl ResNet {
    /// A network with random weights, with or without skip connections, of `depth` layers with weights: 2 more than a
    /// multiple of 6.
    ///
    /// # Panics
    ///
    /// If the depth is another one.
    pub fn new(depth: usize, has_skips: bool, device: &Device) -> Self {
        assert!(depth > 2 && (depth - 2).is_multiple_of(6), "8, 14, 20, … layers");
        let mut from = STAGES[0];
        let channels = STAGES.iter().flat_map(|&it| std::iter::repeat_n(it, (depth - 2) / 6));
        let blocks =
            channels.map(|to| Block::new(std::mem::replace(&mut from, to), to, has_skips, device));
        Self {
            blocks: blocks.collect(),
            stem: conv(1, STAGES[0], 1, device),
            norm: BatchNormConfig::new(STAGES[0]).init(device),
            output: LinearConfig::new(STAGES[2], CLASSES).init(device),
        }
    }

    fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        let [samples, _] = images.dims();
        let images = images.reshape([samples, 1, 8, 8]);
        let x = relu(self.norm.forward(self.stem.forward(images)));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let [_, channels, height, width] = x.dims();
        let means = x.reshape([samples, channels, height * width]).mean_dim(2);
        self.output.forward(means.reshape([samples, channels]))
    }

    fn classify(&self, batch: DigitBatch) -> ClassificationOutput {
        let logits = self.forward(batch.images);
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl Block {
    fn new(from: usize, to: usize, has_skip: bool, device: &Device) -> Self {
        Self {
            conv1: conv(from, to, if from == to { 1 } else { 2 }, device),
            norm1: BatchNormConfig::new(to).init(device),
            conv2: conv(to, to, 1, device),
            norm2: BatchNormConfig::new(to).init(device),
            has_skip,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = relu(self.norm1.forward(self.conv1.forward(x.clone())));
        let inner = self.norm2.forward(self.conv2.forward(inner));
        match self.has_skip {
            true => relu(inner.clone() + shortcut(x, inner.dims())),
            false => relu(inner),
        }
    }
}

/// Every second place, and zeros for the channels that come new: a shortcut without weights (He et al. 2016, option A).
fn shortcut(x: Tensor<4>, [samples, channels, height, width]: [usize; 4]) -> Tensor<4> {
    let [_, from, ..] = x.dims();
    if from == channels {
        return x;
    }
    let halves = x.reshape([samples, from, height, 2, width, 2]);
    let kept = halves.slice([0..samples, 0..from, 0..height, 0..1, 0..width, 0..1]);
    let kept = kept.reshape([samples, from, height, width]);
    let zeros = Tensor::zeros([samples, channels - from, height, width], &kept.device());
    Tensor::cat(vec![kept, zeros], 1)
}

fn conv(from: usize, to: usize, stride: usize, device: &Device) -> Conv2d {
    let config = Conv2dConfig::new([from, to], [3, 3]).with_stride([stride, stride]);
    config.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).with_bias(false).init(device)
}

impl TrainStep for ResNet {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for ResNet {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> ClassificationOutput {
        self.classify(batch)
    }
}
