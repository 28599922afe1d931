//! Recurrent networks: an LSTM and both kinds of GRU, each gate made of two linear layers.

use burn::module::Module;
use burn::nn::{GateController, Gru, GruConfig, Linear, Lstm, LstmConfig};
use burn::tensor::{Device, Tensor};
use burn::train::RegressionOutput;

use super::layers::{half_squares, linear, steps, tensor};
use super::plain::{self, Reset, Weights, gru_step, lstm_step, mean, wide};
use super::specimen::{Part, Specimen};
use super::support::{device, waves};

const LENGTH: usize = 4;
const INPUTS: usize = 2;
const HIDDEN: usize = 3;
const TARGETS: usize = 2;

/// The four tensors of a gate.
macro_rules! gate {
    ($gate:literal) => {
        [
            Part::linear(concat!($gate, ".input_transform.weight"), &[INPUTS, HIDDEN]),
            Part::bias(concat!($gate, ".input_transform.bias"), "Linear", &[HIDDEN]),
            Part::linear(concat!($gate, ".hidden_transform.weight"), &[HIDDEN, HIDDEN]),
            Part::bias(concat!($gate, ".hidden_transform.bias"), "Linear", &[HIDDEN]),
        ]
    };
}

const HEAD: [Part; 2] = [
    Part::linear("head.weight", &[HIDDEN, TARGETS]),
    Part::bias("head.bias", "Linear", &[TARGETS]),
];

fn lstm_parts() -> Vec<Part> {
    let gates = [
        gate!("cells.input_gate"),
        gate!("cells.forget_gate"),
        gate!("cells.output_gate"),
        gate!("cells.cell_gate"),
    ];
    [gates.as_flattened(), &HEAD].concat()
}

fn gru_parts() -> Vec<Part> {
    let gates = [gate!("cells.update_gate"), gate!("cells.reset_gate"), gate!("cells.new_gate")];
    [gates.as_flattened(), &HEAD].concat()
}

/// Sequences, and what is to be said at their end.
#[derive(Debug, Clone)]
struct Series {
    inputs: Tensor<3>,
    targets: Tensor<2>,
}

fn gate(phase: f32, device: &Device) -> GateController {
    let initializer = burn::nn::Initializer::Zeros;
    let mut gate = GateController::new(INPUTS, HIDDEN, true, initializer, device);
    gate.input_transform = linear(INPUTS, HIDDEN, phase, device);
    gate.hidden_transform = linear(HIDDEN, HIDDEN, phase + 0.8, device);
    gate
}

/// The hidden state after the last input.
fn last(states: Tensor<3>) -> Tensor<2> {
    states.narrow(1, LENGTH - 1, 1).squeeze_dim::<2>(1)
}

#[derive(Module, Debug)]
struct LongMemory {
    cells: Lstm,
    head: Linear,
}

impl LongMemory {
    fn new(device: &Device) -> Self {
        let mut cells = LstmConfig::new(INPUTS, HIDDEN, true).init(device);
        cells.input_gate = gate(0.1, device);
        cells.forget_gate = Some(gate(1.3, device));
        cells.output_gate = gate(2.4, device);
        cells.cell_gate = gate(3.8, device);
        Self { cells, head: linear(HIDDEN, TARGETS, 0.4, device) }
    }

    fn output(&self, series: Series) -> RegressionOutput {
        let (states, _) = self.cells.forward(series.inputs, None);
        half_squares(self.head.forward(last(states)), series.targets)
    }
}

steps!(LongMemory, Series, RegressionOutput);

#[derive(Module, Debug)]
struct Gated {
    cells: Gru,
    head: Linear,
}

impl Gated {
    fn new(reset: Reset, device: &Device) -> Self {
        let config = GruConfig::new(INPUTS, HIDDEN, true);
        let mut cells = config.with_reset_after(reset == Reset::After).init(device);
        cells.update_gate = gate(0.1, device);
        cells.reset_gate = gate(1.3, device);
        cells.new_gate = gate(2.4, device);
        Self { cells, head: linear(HIDDEN, TARGETS, 0.4, device) }
    }

    fn output(&self, series: Series) -> RegressionOutput {
        let states = self.cells.forward(series.inputs, None);
        half_squares(self.head.forward(last(states)), series.targets)
    }
}

steps!(Gated, Series, RegressionOutput);

/// Inputs, step by step, and targets of five sequences.
fn samples() -> Vec<(Vec<f32>, Vec<f32>)> {
    let sample = |index: usize| {
        let phase = 0.7 * index as f32;
        (waves(LENGTH * INPUTS, phase), waves(TARGETS, phase + 0.3))
    };
    (0..5).map(sample).collect()
}

/// A batch of three sequences and one of two.
fn batches(device: &Device) -> Vec<Series> {
    let samples = samples();
    let batch = |samples: &[(Vec<f32>, Vec<f32>)]| {
        let inputs = samples.iter().flat_map(|(inputs, _)| inputs.clone()).collect();
        let targets = samples.iter().flat_map(|(_, targets)| targets.clone()).collect();
        Series {
            inputs: tensor(inputs, [samples.len(), LENGTH, INPUTS], device),
            targets: tensor(targets, [samples.len(), TARGETS], device),
        }
    };
    samples.chunks(3).map(batch).collect()
}

/// The mean loss where `run` gives the last hidden state of a sequence.
fn loss(weights: &Weights, run: impl Fn(&mut dyn Iterator<Item = Vec<f64>>) -> Vec<f64>) -> f64 {
    mean(samples().iter().map(|(inputs, targets)| {
        let hidden = run(&mut inputs.chunks(INPUTS).map(wide));
        plain::half_squares(&plain::linear(weights, "head", &hidden), &wide(targets))
    }))
}

fn lstm_loss(weights: &Weights) -> f64 {
    loss(weights, |inputs| {
        let start = [vec![0.0; HIDDEN], vec![0.0; HIDDEN]];
        let [_cell, hidden] = inputs.fold(start, |[cell, hidden], input| {
            lstm_step(weights, "cells", &input, [&cell, &hidden])
        });
        hidden
    })
}

fn gru_loss(weights: &Weights, reset: Reset) -> f64 {
    loss(weights, |inputs| {
        inputs.fold(vec![0.0; HIDDEN], |hidden, input| {
            gru_step(weights, "cells", reset, &input, &hidden)
        })
    })
}

#[test]
fn the_surfaces_of_an_lstm_are_its_loss_at_the_moved_weights() {
    Specimen::of(&lstm_parts(), LongMemory::new(&device()), batches).assert_sound(lstm_loss);
}

#[test]
fn the_surfaces_of_a_gru_are_its_loss_at_the_moved_weights_wherever_its_reset_gate_acts() {
    for reset in [Reset::After, Reset::Before] {
        let gru = Specimen::of(&gru_parts(), Gated::new(reset, &device()), batches);
        gru.assert_sound(|weights| gru_loss(weights, reset));
    }
}
