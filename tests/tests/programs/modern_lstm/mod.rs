//! A modern LSTM: cells of one's own with normalised gates, stacked and in both directions, trained by hand to tell the
//! next number of a sequence. The model has no steps of burn's.

mod bare;
mod watched;

use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::module::Module;
use burn::nn::loss::{MseLoss, Reduction};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use super::check::{Expected, Program, Size};
use super::data::{Numbers, device, loader};
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "modern-lstm",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 5, train: 128, valid: 16, batch: 16, side: 5, width: 8 },
    full: Size { epochs: 10, train: 3072, valid: 512, batch: 32, side: 10, width: 32 },
    models: &[Expected::BY_HAND],
};

#[test]
fn modern_lstm() {
    PROGRAM.check();
}

const LEARNING_RATE: f64 = 1e-3;

/// Numbers, and the one that follows.
type Sequence = (Vec<f32>, f32);

/// Shapes `[batch, length, 1]` and `[batch, 1]`.
#[derive(Debug, Clone)]
pub struct SequenceBatch {
    numbers: Tensor<3>,
    pub next: Tensor<2>,
}

struct Sequences;

impl Batcher<Sequence, SequenceBatch> for Sequences {
    fn batch(&self, items: Vec<Sequence>, device: &Device) -> SequenceBatch {
        let (count, length) = (items.len(), items[0].0.len());
        let next: Vec<f32> = items.iter().map(|(_, next)| *next).collect();
        let numbers: Vec<f32> = items.into_iter().flat_map(|(numbers, _)| numbers).collect();
        let numbers = TensorData::new(numbers, [count, length, 1]);
        SequenceBatch {
            numbers: Tensor::from_data(numbers, device),
            next: Tensor::from_data(TensorData::new(next, [count, 1]), device),
        }
    }
}

/// Each number is half of the sum of the two before, with noise.
fn sequences(count: usize, length: usize, seed: u64) -> Vec<Sequence> {
    let mut random = Numbers(seed);
    let sequence = |_| {
        let mut numbers = vec![random.signed(), random.signed()];
        while numbers.len() <= length {
            let sum: f32 = numbers.iter().rev().take(2).sum();
            numbers.push(0.5 * sum + 0.05 * random.signed());
        }
        let next = numbers.pop().expect("a number");
        (numbers, next)
    };
    (0..count).map(sequence).collect()
}

type Loader = Arc<dyn DataLoader<SequenceBatch>>;

/// Sequences to train on, shuffled, where the model trains, and to validate on.
fn loaders(size: &Size, device: &Device) -> (Loader, Loader) {
    let load = |count, seed, shuffle| {
        loader(Sequences, sequences(count, size.side, seed), size.batch, shuffle)
    };
    let train = load(size.train, 1, Some(42)).to_device(device);
    (train, load(size.valid, 2, None).to_device(&device.clone().inner()))
}

/// A cell whose gates and state are normalised.
#[derive(Module, Debug)]
pub struct Cell {
    input: Linear,
    hidden: Linear,
    of_input: LayerNorm,
    of_hidden: LayerNorm,
    of_cell: LayerNorm,
    dropout: Dropout,
}

impl Cell {
    fn new(inputs: usize, width: usize, device: &Device) -> Self {
        let norm = |width| LayerNormConfig::new(width).init(device);
        Self {
            input: LinearConfig::new(inputs, 4 * width).init(device),
            hidden: LinearConfig::new(width, 4 * width).init(device),
            of_input: norm(4 * width),
            of_hidden: norm(4 * width),
            of_cell: norm(width),
            dropout: DropoutConfig::new(0.1).init(),
        }
    }

    /// Hidden states, each of shape `[batch, width]`.
    fn forward(&self, steps: &[Tensor<2>]) -> Vec<Tensor<2>> {
        let [count, _] = steps[0].dims();
        let [_, gates] = self.hidden.weight.dims();
        let zeros = || Tensor::<2>::zeros([count, gates / 4], &steps[0].device());
        let (mut hidden, mut cell) = (zeros(), zeros());
        let mut states = Vec::new();
        for step in steps {
            let gates = self.of_input.forward(self.input.forward(step.clone()))
                + self.of_hidden.forward(self.hidden.forward(hidden));
            let [enter, forget, new, leave]: [Tensor<2>; 4] =
                gates.chunk(4, 1).try_into().expect("four gates");
            cell = sigmoid(forget) * cell + sigmoid(enter) * new.tanh();
            hidden = sigmoid(leave) * self.of_cell.forward(cell.clone()).tanh();
            hidden = self.dropout.forward(hidden);
            states.push(hidden.clone());
        }
        states
    }
}

/// Two layers of cells in each direction, and a linear layer on the last states.
#[derive(Module, Debug)]
pub struct Model {
    forwards: Vec<Cell>,
    backwards: Vec<Cell>,
    output: Linear,
}

impl Model {
    pub fn new(size: &Size, device: &Device) -> Self {
        let layers =
            || vec![Cell::new(1, size.width, device), Cell::new(size.width, size.width, device)];
        Self {
            forwards: layers(),
            backwards: layers(),
            output: LinearConfig::new(2 * size.width, 1).init(device),
        }
    }

    /// The mean square of what it is off by.
    pub fn loss(&self, batch: &SequenceBatch) -> Tensor<1> {
        clock::pass();
        let [count, length, _] = batch.numbers.dims();
        let step = |at| batch.numbers.clone().slice([0..count, at..at + 1]).reshape([count, 1]);
        let steps: Vec<Tensor<2>> = (0..length).map(step).collect();
        let reversed: Vec<Tensor<2>> = steps.iter().rev().cloned().collect();
        let last = |cells: &[Cell], steps: Vec<Tensor<2>>| {
            let states = cells.iter().fold(steps, |steps, cell| cell.forward(&steps));
            states.last().expect("a state").clone()
        };
        let states = vec![last(&self.forwards, steps), last(&self.backwards, reversed)];
        let output = self.output.forward(Tensor::cat(states, 1));
        MseLoss::new().forward(output, batch.next.clone(), Reduction::Mean)
    }
}
