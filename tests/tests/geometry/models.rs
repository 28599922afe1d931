//! Models small enough to be written down twice: here in burn, and in plain arithmetic.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData, activation};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{BatchLoss, Probe, Watched};

use super::support::{device, sgd, step, training_batch, waves};

/// Gives a model with a method `output` both of burn's steps.
macro_rules! regression_steps {
    ($model:ty) => {
        impl TrainStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
                let output = self.output(rows);
                TrainOutput::new(self, output.loss.backward(), output)
            }
        }

        impl InferenceStep for $model {
            type Input = Tensor<2>;
            type Output = RegressionOutput;

            fn step(&self, rows: Tensor<2>) -> RegressionOutput {
                self.output(rows)
            }
        }
    };
}

/// A parameter with these values.
pub fn param<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

/// A linear layer whose weights are known numbers.
pub fn linear(inputs: usize, outputs: usize, phase: f32) -> Linear {
    let device = device();
    let mut layer = LinearConfig::new(inputs, outputs).init(&device);
    layer.weight = param(waves(inputs * outputs, phase), [inputs, outputs], &device);
    layer.bias = Some(param(waves(outputs, phase + 0.5), [outputs], &device));
    layer
}

/// Mean over samples of half the squared distance from the target, as a standard output.
fn half_squares(found: Tensor<2>, targets: Tensor<2>) -> RegressionOutput {
    let squares = (found.clone() - targets.clone()).powi_scalar(2);
    let loss = squares.sum_dim(1).mean() * 0.5;
    RegressionOutput::new(loss, found, targets)
}

/// A point in the plane that goes wherever its training batch is, with a learning rate of 1.
///
/// Its own loss is the mean over samples of ½‖point − sample‖²; its output is the point itself, one
/// row per sample, so that `finish_with` can see any function of it.
#[derive(Module, Debug)]
pub struct Walker {
    pub point: Param<Tensor<2>>,
}

impl Walker {
    pub fn at(point: &[f32]) -> Self {
        let shape = [1, point.len()];
        Self { point: param(point.to_vec(), shape, &device()) }
    }

    fn output(&self, samples: Tensor<2>) -> RegressionOutput {
        let [count, _] = samples.dims();
        half_squares(self.point.val().repeat_dim(0, count), samples)
    }
}

regression_steps!(Walker);

/// Walks along the path, one optimizer step and one epoch per point after the first.
pub fn walk<const D: usize>(probe: &Probe, path: &[[f32; D]]) -> Watched<Walker> {
    let mut walker = probe.watch(Walker::at(&path[0]));
    for point in &path[1..] {
        walker = step(walker, &mut sgd(), 1.0, training_batch(&[*point]));
        let _ = walker.valid();
    }
    walker.valid()
}

/// A loss of `finish_with` that is any function of the output's first row.
pub fn height<F: Fn(&[f32]) -> f32>(of: F) -> impl Fn(&RegressionOutput) -> BatchLoss {
    move |output: &RegressionOutput| {
        let [samples, columns] = output.output.dims();
        let first = output.output.clone().slice([0..1, 0..columns]);
        let first: Vec<f32> = first.into_data().try_to_vec().expect("f32");
        BatchLoss { mean: Tensor::from_floats([of(&first)], &output.output.device()), samples }
    }
}

/// Parameters of [`Quadratic`].
pub const QUADRATIC_DIMS: usize = 8;

/// A symmetric matrix with a negative eigenvalue; every entry is exact in f32.
pub fn hessian(i: usize, j: usize) -> f32 {
    match i.abs_diff(j) {
        0 if i == 7 => -0.75,
        0 => 1.0 + 0.5 * i as f32,
        1 => 0.25,
        3 => -0.125,
        _ => 0.0,
    }
}

/// Mean over samples of ½(θ − s)ᵀH(θ − s), over a weight [2, 3] and a bias [2].
#[derive(Module, Debug)]
pub struct Quadratic {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Quadratic {
    pub fn new() -> Self {
        let device = device();
        Self {
            weight: param(waves(6, 0.3), [2, 3], &device),
            bias: param(waves(2, 2.0), [2], &device),
        }
    }

    fn output(&self, samples: Tensor<2>) -> RegressionOutput {
        let [count, dims] = samples.dims();
        let weight: Tensor<1> = self.weight.val().reshape([6]);
        let point = Tensor::cat(vec![weight, self.bias.val()], 0);
        let point: Tensor<2> = point.reshape([1, 8]).repeat_dim(0, count);
        let matrix = (0..dims * dims).map(|place| hessian(place / dims, place % dims));
        let matrix = TensorData::new(matrix.collect::<Vec<_>>(), [dims, dims]);
        let matrix = Tensor::<2>::from_data(matrix, &samples.device());
        let away = point.clone() - samples.clone();
        let loss = (away.clone().matmul(matrix) * away).sum_dim(1).mean() * 0.5;
        RegressionOutput::new(loss, point, samples)
    }
}

regression_steps!(Quadratic);

/// linear → relu → linear; a row is 3 inputs and 2 targets.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    pub fn new() -> Self {
        Self { hidden: linear(3, 4, 0.1), output: linear(4, 2, 1.1) }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let inputs = rows.clone().slice([0..count, 0..3]);
        let targets = rows.slice([0..count, 3..5]);
        let hidden = activation::relu(self.hidden.forward(inputs));
        half_squares(self.output.forward(hidden), targets)
    }
}

regression_steps!(Mlp);

/// convolution → BatchNorm → relu → dropout → linear; a row is a 4 × 4 image and a target.
#[derive(Module, Debug)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
    dropout: Dropout,
    output: Linear,
}

impl ConvNorm {
    pub fn new() -> Self {
        Self::with_dropout(0.25)
    }

    pub fn with_dropout(probability: f64) -> Self {
        let device = device();
        let mut conv = Conv2dConfig::new([1, 2], [3, 3]).init(&device);
        conv.weight = param(waves(18, 0.7), [2, 1, 3, 3], &device);
        conv.bias = Some(param(waves(2, 0.2), [2], &device));
        Self {
            conv,
            norm: BatchNormConfig::new(2).init(&device),
            dropout: DropoutConfig::new(probability).init(),
            output: linear(8, 1, 0.4),
        }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let images = rows.clone().slice([0..count, 0..16]);
        let targets = rows.slice([0..count, 16..17]);
        let features = self.conv.forward(images.reshape([count, 1, 4, 4]));
        let features = activation::relu(self.norm.forward(features));
        let features = self.dropout.forward(features.reshape([count, 8]));
        half_squares(self.output.forward(features), targets)
    }
}

regression_steps!(ConvNorm);
