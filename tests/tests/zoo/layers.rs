//! burn's layers with weights that are known numbers, and both of burn's steps for any model.

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn::train::{ClassificationOutput, RegressionOutput};

use super::support::waves;

/// Gives a model with a method `output(&self, input)` both of burn's steps; what follows is added
/// to `TrainStep`.
macro_rules! steps {
    ($model:ty, $input:ty, $output:ty $(, $more:item)*) => {
        impl burn::train::TrainStep for $model {
            type Input = $input;
            type Output = $output;

            fn step(&self, input: $input) -> burn::train::TrainOutput<$output> {
                let output = self.output(input);
                burn::train::TrainOutput::new(self, output.loss.backward(), output)
            }

            $($more)*
        }

        impl burn::train::InferenceStep for $model {
            type Input = $input;
            type Output = $output;

            fn step(&self, input: $input) -> $output {
                self.output(input)
            }
        }
    };
}
pub(crate) use steps;

/// A float tensor with these values.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A tensor of whole numbers with these values.
pub fn whole<const D: usize>(
    values: impl IntoIterator<Item = usize>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    let values: Vec<i32> = values.into_iter().map(|value| value as i32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A parameter whose values are waves.
pub fn waving<const D: usize>(shape: [usize; D], phase: f32, device: &Device) -> Param<Tensor<D>> {
    let values = waves(shape.iter().product(), phase);
    Param::from_tensor(tensor(values, shape, device))
}

/// Numbers between 0.6 and 1.4, for the scales of a normalisation.
pub fn scales(count: usize, phase: f32, device: &Device) -> Param<Tensor<1>> {
    let values = waves(count, phase).into_iter().map(|wave| 1.0 + 0.5 * wave);
    Param::from_tensor(tensor(values.collect(), [count], device))
}

/// A linear layer.
pub fn linear(inputs: usize, outputs: usize, phase: f32, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(inputs, outputs).init(device);
    layer.weight = waving([inputs, outputs], phase, device);
    layer.bias = Some(waving([outputs], phase + 0.5, device));
    layer
}

/// A convolution as configured.
pub fn conv(config: &Conv2dConfig, phase: f32, device: &Device) -> Conv2d {
    let mut layer = config.init(device);
    layer.weight = waving(layer.weight.dims(), phase, device);
    layer.bias = Some(waving([config.channels[1]], phase + 0.5, device));
    layer
}

/// A transposed convolution as configured.
pub fn conv_transpose(
    config: &ConvTranspose2dConfig,
    phase: f32,
    device: &Device,
) -> ConvTranspose2d {
    let mut layer = config.init(device);
    layer.weight = waving(layer.weight.dims(), phase, device);
    layer.bias = Some(waving([config.channels[1]], phase + 0.5, device));
    layer
}

/// A BatchNorm with scales and shifts of its own.
pub fn batch_norm(channels: usize, phase: f32, device: &Device) -> BatchNorm {
    let mut layer = BatchNormConfig::new(channels).init(device);
    layer.gamma = scales(channels, phase, device);
    layer.beta = waving([channels], phase + 0.5, device);
    layer
}

/// Mean over samples of half the squared distance from the target.
pub fn half_squares(found: Tensor<2>, targets: Tensor<2>) -> RegressionOutput {
    let squares = (found.clone() - targets.clone()).powi_scalar(2);
    let loss = squares.sum_dim(1).mean() * 0.5;
    RegressionOutput::new(loss, found, targets)
}

/// Mean over samples of the cross entropy.
pub fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>) -> ClassificationOutput {
    let loss = CrossEntropyLossConfig::new().init(&logits.device());
    let loss = loss.forward(logits.clone(), labels.clone());
    ClassificationOutput::new(loss, logits, labels)
}
