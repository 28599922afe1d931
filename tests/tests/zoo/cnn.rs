//! A convolutional network: BatchNorm, a grouped convolution, two kinds of pooling, cross entropy.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, Linear, PaddingConfig2d};
use burn::tensor::{Device, Int, Tensor, activation};
use burn::train::ClassificationOutput;

use super::layers::{batch_norm, conv, cross_entropy, linear, steps, tensor, whole};
use super::plain::{self, Image, Kernel, Weights, mean, relu, wide};
use super::specimen::{Kind, Part, Specimen};
use super::support::{device, waves};

const PARTS: &[Part] = &[
    Part::new("first.weight", "Conv2d", &[4, 2, 3, 3], Kind::Rows),
    Part::bias("first.bias", "Conv2d", &[4]),
    Part::norm("norm.gamma", "BatchNorm", &[4]),
    Part::norm("norm.beta", "BatchNorm", &[4]),
    Part::new("grouped.weight", "Conv2d", &[6, 2, 2, 2], Kind::Rows),
    Part::bias("grouped.bias", "Conv2d", &[6]),
    Part::linear("head.weight", &[6, 3]),
    Part::bias("head.bias", "Linear", &[3]),
];

/// Channels, height and width of a picture.
const SHAPE: [usize; 3] = [2, 6, 4];

/// Pictures of two channels with one of three labels.
#[derive(Debug, Clone)]
pub struct Pictures {
    pixels: Tensor<4>,
    labels: Tensor<1, Int>,
}

/// convolution → BatchNorm → relu → max pooling → grouped convolution → relu → mean → linear.
#[derive(Module, Debug)]
pub struct Cnn {
    first: Conv2d,
    norm: BatchNorm,
    largest: MaxPool2d,
    grouped: Conv2d,
    mean: AvgPool2d,
    head: Linear,
}

impl Cnn {
    pub fn new(device: &Device) -> Self {
        let first = Conv2dConfig::new([2, 4], [3, 3]);
        let first = first.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let grouped = Conv2dConfig::new([4, 6], [2, 2]).with_groups(2);
        Self {
            first: conv(&first, 0.7, device),
            norm: batch_norm(4, 0.3, device),
            largest: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            grouped: conv(&grouped, 1.3, device),
            mean: AvgPool2dConfig::new([2, 1]).with_strides([2, 1]).init(),
            head: linear(6, 3, 0.4, device),
        }
    }

    fn output(&self, pictures: Pictures) -> ClassificationOutput {
        let features = self.norm.forward(self.first.forward(pictures.pixels));
        let features = self.largest.forward(activation::relu(features));
        let features = activation::relu(self.grouped.forward(features));
        let features: Tensor<2> = self.mean.forward(features).flatten(1, 3);
        cross_entropy(self.head.forward(features), pictures.labels)
    }
}

steps!(Cnn, Pictures, ClassificationOutput);

/// Pixels and labels of seven pictures.
fn samples() -> Vec<(Vec<f32>, usize)> {
    let sample = |index: usize| (waves(SHAPE.iter().product(), 0.8 * index as f32), index % 3);
    (0..7).map(sample).collect()
}

/// A batch of four pictures and one of three.
pub fn batches(device: &Device) -> Vec<Pictures> {
    let [channels, height, width] = SHAPE;
    let samples = samples();
    let batch = |samples: &[(Vec<f32>, usize)]| {
        let pixels = samples.iter().flat_map(|(pixels, _)| pixels.clone()).collect();
        let labels = samples.iter().map(|(_, label)| *label);
        Pictures {
            pixels: tensor(pixels, [samples.len(), channels, height, width], device),
            labels: whole(labels, [samples.len()], device),
        }
    };
    samples.chunks(4).map(batch).collect()
}

fn logits(weights: &Weights, pixels: &[f32]) -> Vec<f64> {
    let picture = Image { shape: SHAPE, values: wide(pixels) };
    let first = Kernel { size: [3, 3], stride: 1, padding: 1, groups: 1 };
    let features = plain::conv(weights, "first", first, &picture);
    let features = plain::batch_norm(weights, "norm", &features).map(|_, value| relu(value));
    let largest = |window: &[f64]| window.iter().fold(f64::MIN, |a, b| a.max(*b));
    let grouped = Kernel { size: [2, 2], stride: 1, padding: 0, groups: 2 };
    let features = plain::conv(weights, "grouped", grouped, &features.pooled([2, 2], largest));
    let features = features.map(|_, value| relu(value));
    let features = features.pooled([2, 1], |window| mean(window.iter().copied()));
    assert_eq!(features.shape, [6, 1, 1]);
    plain::linear(weights, "head", &features.values)
}

fn loss(weights: &Weights) -> f64 {
    let samples = samples();
    let of = |(pixels, label): &(Vec<f32>, usize)| {
        plain::cross_entropy(&logits(weights, pixels), *label)
    };
    mean(samples.iter().map(of))
}

#[test]
fn the_surfaces_of_a_convolutional_network_are_its_loss_at_the_moved_weights() {
    let cnn = Specimen::of(PARTS, Cnn::new(&device()), batches);
    let last = cnn.last();
    assert!(last["norm.running_mean"].iter().all(|&mean| mean != 0.0), "statistics moved");
    assert!(last["norm.running_var"].iter().all(|&variance| variance != 1.0));
    cnn.assert_sound(loss);
    assert_eq!(cnn.run.slice("random").batchnorm, "centre");
}
