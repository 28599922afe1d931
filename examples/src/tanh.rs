//! A small tanh network that learns the digits by squares: 64 → 32 → 32 → 10, smooth, so that its curvature is.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};

use crate::data::{CLASSES, DigitBatch, PIXELS};

/// The network.
#[derive(Module, Debug)]
pub struct TanhMlp {
    layers: Vec<Linear>,
}

impl TanhMlp {
    /// A network with random weights from the device's generator.
    pub fn new(device: &Device) -> Self {
        let layer = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        Self { layers: vec![layer(PIXELS, 32), layer(32, 32), layer(32, CLASSES)] }
    }

    /// Half the mean over samples of squared distances from one-hot labels.
    fn squares(&self, batch: DigitBatch) -> RegressionOutput {
        let mut features = batch.images;
        for (number, layer) in self.layers.iter().enumerate() {
            features = layer.forward(features);
            if number + 1 < self.layers.len() {
                features = features.tanh();
            }
        }
        let targets: Tensor<2> = batch.labels.one_hot::<2>(CLASSES).float();
        let squares = (features.clone() - targets.clone()).powi_scalar(2);
        RegressionOutput::new(squares.sum_dim(1).mean() * 0.5, features, targets)
    }
}

impl TrainStep for TanhMlp {
    type Input = DigitBatch;
    type Output = RegressionOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<RegressionOutput> {
        let output = self.squares(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for TanhMlp {
    type Input = DigitBatch;
    type Output = RegressionOutput;

    fn step(&self, batch: DigitBatch) -> RegressionOutput {
        self.squares(batch)
    }
}
