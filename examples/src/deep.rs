//! A deep and narrow perceptron on the digits, which an initialisation can break: 64, eight times 32 → 10.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::Device;
use burn::tensor::activation::relu;
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use crate::data::{CLASSES, DigitBatch, PIXELS};

/// Units of a hidden layer, and how many there are.
const WIDTH: usize = 32;
const HIDDEN: usize = 8;

/// The network.
#[derive(Module, Debug)]
pub struct DeepMlp {
    hidden: Vec<Linear>,
    output: Linear,
}

impl DeepMlp {
    /// A network whose weights `initializer` draws; biases are 0.
    pub fn new(initializer: &Initializer, device: &Device) -> Self {
        let layer = |inputs, outputs| {
            let weights = LinearConfig::new(inputs, outputs).with_initializer(initializer.clone());
            let bias = Initializer::Zeros.init([outputs], device);
            Linear { bias: Some(bias), ..weights.with_bias(false).init(device) }
        };
        let inputs = (0..HIDDEN).map(|place| if place == 0 { PIXELS } else { WIDTH });
        let hidden = inputs.map(|inputs| layer(inputs, WIDTH)).collect();
        Self { hidden, output: layer(WIDTH, CLASSES) }
    }

    fn classify(&self, batch: DigitBatch) -> ClassificationOutput {
        let features = self.hidden.iter().fold(batch.images, |x, layer| relu(layer.forward(x)));
        let logits = self.output.forward(features);
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for DeepMlp {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for DeepMlp {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> ClassificationOutput {
        self.classify(batch)
    }
}
