//! Simple regression: eight numbers of a house to its price, by one hidden layer.

mod bare;
mod watched;

use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::module::Module;
use burn::nn::loss::{MseLoss, Reduction};
use burn::nn::{Linear, LinearConfig, Relu};
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};

use super::check::{Expected, Program, Size};
use super::data::{Numbers, device, loader};
use super::silent::silent;
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "simple-regression",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 10, train: 1024, valid: 256, batch: 64, side: FEATURES, width: 16 },
    full: Size { epochs: 100, train: 16384, valid: 4096, batch: 256, side: FEATURES, width: 64 },
    models: &[Expected::SUPERVISED],
};

#[test]
fn simple_regression() {
    PROGRAM.check();
}

const FEATURES: usize = 8;

/// Numbers of a house, and its price.
type House = ([f32; FEATURES], f32);

/// Shapes `[batch, features]` and `[batch]`.
#[derive(Debug, Clone)]
pub struct HouseBatch {
    inputs: Tensor<2>,
    targets: Tensor<1>,
}

struct Houses;

impl Batcher<House, HouseBatch> for Houses {
    fn batch(&self, items: Vec<House>, device: &Device) -> HouseBatch {
        let inputs: Vec<f32> = items.iter().flat_map(|(numbers, _)| *numbers).collect();
        let prices: Vec<f32> = items.iter().map(|(_, price)| *price).collect();
        let inputs = TensorData::new(inputs, [items.len(), FEATURES]);
        HouseBatch {
            inputs: Tensor::from_data(inputs, device),
            targets: Tensor::from_data(TensorData::new(prices, [items.len()]), device),
        }
    }
}

fn houses(count: usize, seed: u64) -> Vec<House> {
    let mut numbers = Numbers(seed);
    let house = |_| {
        let it: [f32; FEATURES] = std::array::from_fn(|_| numbers.signed());
        let price = it[0] * it[1] + (2.0 * it[2]).sin() + 0.5 * it[3] - it[4].abs() + 2.0;
        (it, price + 0.1 * numbers.signed())
    };
    (0..count).map(house).collect()
}

/// Houses to train on, shuffled, and to validate on.
fn loaders(size: &Size) -> (Arc<dyn DataLoader<HouseBatch>>, Arc<dyn DataLoader<HouseBatch>>) {
    let train = loader(Houses, houses(size.train, 1), size.batch, Some(42));
    (train, loader(Houses, houses(size.valid, 2), size.batch, None))
}

/// One hidden layer.
#[derive(Module, Debug)]
pub struct Model {
    input: Linear,
    output: Linear,
    activation: Relu,
}

impl Model {
    pub fn new(size: &Size, device: &Device) -> Self {
        Self {
            input: LinearConfig::new(FEATURES, size.width).init(device),
            output: LinearConfig::new(size.width, 1).init(device),
            activation: Relu::new(),
        }
    }

    fn regress(&self, batch: HouseBatch) -> RegressionOutput {
        clock::pass();
        let output = self.activation.forward(self.input.forward(batch.inputs));
        let output = self.output.forward(output);
        let targets = batch.targets.unsqueeze_dim::<2>(1);
        let loss = MseLoss::new().forward(output.clone(), targets.clone(), Reduction::Mean);
        RegressionOutput::new(loss, output, targets)
    }
}

impl TrainStep for Model {
    type Input = HouseBatch;
    type Output = RegressionOutput;

    fn step(&self, batch: HouseBatch) -> TrainOutput<RegressionOutput> {
        let output = self.regress(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Model {
    type Input = HouseBatch;
    type Output = RegressionOutput;

    fn step(&self, batch: HouseBatch) -> RegressionOutput {
        self.regress(batch)
    }
}
