//! Perceptrons with one hidden layer on 1,000 samples: small products, and large ones.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::SgdConfig;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burnscape::Probe;
use serde_json::{Value, json};

use super::timed;

const SAMPLES: usize = 1000;
const NODES_PER_AXIS: usize = 49;

/// Trains 784-hidden-10 for two steps and times a plane around it.
pub fn row(hidden: usize, device: &Device) -> Value {
    let training = device.clone().autodiff();
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).quiet().snapshot_every_steps(1);
    let probe = builder.resolution(NODES_PER_AXIS, NODES_PER_AXIS).start().expect("a probe");
    let mut model = probe.watch(Mlp::new(hidden, &training));
    let mut optim = SgdConfig::new().init();
    for _ in 0..2 {
        let output = TrainStep::step(&model, noise(&training));
        model = model.optimize(&mut optim, 0.1.into(), output.grads);
    }
    let mut row = timed::compare(probe, &model.valid(), &vec![noise(device)]);
    let node_flops = 2.0 * SAMPLES as f64 * (784 * hidden + hidden * 10) as f64;
    let flops = node_flops * (NODES_PER_AXIS * NODES_PER_AXIS) as f64;
    row["network"] = json!(format!("784-{hidden}-10"));
    row["samples"] = json!(SAMPLES);
    row["gflops"] = json!(flops / row["secs"].as_f64().unwrap_or(f64::NAN) / 1e9);
    row
}

#[derive(Debug, Clone)]
pub struct Noise {
    images: Tensor<2>,
    labels: Tensor<1, Int>,
}

fn noise(device: &Device) -> Noise {
    let labels: Vec<i64> = (0..SAMPLES as i64).map(|it| it % 10).collect();
    Noise {
        images: Tensor::random([SAMPLES, 784], Distribution::Default, device),
        labels: Tensor::from_ints(labels.as_slice(), device),
    }
}

#[derive(Module, Debug)]
pub struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Mlp {
    fn new(hidden: usize, device: &Device) -> Self {
        Self {
            fc1: LinearConfig::new(784, hidden).init(device),
            fc2: LinearConfig::new(hidden, 10).init(device),
        }
    }

    fn classify(&self, batch: Noise) -> ClassificationOutput {
        let logits = self.fc2.forward(relu(self.fc1.forward(batch.images)));
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for Mlp {
    type Input = Noise;
    type Output = ClassificationOutput;

    fn step(&self, batch: Noise) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Mlp {
    type Input = Noise;
    type Output = ClassificationOutput;

    fn step(&self, batch: Noise) -> ClassificationOutput {
        self.classify(batch)
    }
}
