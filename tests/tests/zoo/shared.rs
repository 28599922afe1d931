//! Shared parameters: one layer used twice, and one parameter under two names.

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::nn::Linear;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, activation};
use burn::train::RegressionOutput;

use super::layers::{half_squares, linear, steps};
use super::mlp::{batches, rows};
use super::plain::{self, Weights, map, matrix, mean, wide};
use super::specimen::{Part, Specimen};
use super::support::device;

/// linear → a layer with tanh, twice → linear; a row is 3 inputs and 2 targets.
#[derive(Module, Debug)]
struct Repeating {
    stem: Linear,
    again: Linear,
    output: Linear,
}

const REPEATING: &[Part] = &[
    Part::linear("stem.weight", &[3, 4]),
    Part::bias("stem.bias", "Linear", &[4]),
    Part::linear("again.weight", &[4, 4]),
    Part::bias("again.bias", "Linear", &[4]),
    Part::linear("output.weight", &[4, 2]),
    Part::bias("output.bias", "Linear", &[2]),
];

impl Repeating {
    fn new(device: &Device) -> Self {
        Self {
            stem: linear(3, 4, 0.1, device),
            again: linear(4, 4, 1.7, device),
            output: linear(4, 2, 1.1, device),
        }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let mut hidden = self.stem.forward(rows.clone().narrow(1, 0, 3));
        for _ in 0..2 {
            hidden = activation::tanh(self.again.forward(hidden));
        }
        half_squares(self.output.forward(hidden), rows.narrow(1, 3, 2))
    }
}

steps!(Repeating, Tensor<2>, RegressionOutput);

/// As [`Repeating`], but the two layers are two, with a bias each and one weight for both.
///
/// burn's optimizer moves the first name only; with `ties` the model ties the second again.
#[derive(Module, Debug)]
struct Tied {
    stem: Linear,
    first: Linear,
    second: Linear,
    output: Linear,
    ties: bool,
}

const TIED: &[Part] = &[
    Part::linear("stem.weight", &[3, 4]),
    Part::bias("stem.bias", "Linear", &[4]),
    Part::linear("first.weight", &[4, 4]),
    Part::bias("first.bias", "Linear", &[4]),
    Part::bias("second.bias", "Linear", &[4]),
    Part::linear("output.weight", &[4, 2]),
    Part::bias("output.bias", "Linear", &[2]),
];

impl Tied {
    fn new(ties: bool, device: &Device) -> Self {
        let first = linear(4, 4, 1.7, device);
        let mut second = linear(4, 4, 2.9, device);
        second.weight = first.weight.clone();
        let stem = linear(3, 4, 0.1, device);
        Self { stem, first, second, output: linear(4, 2, 1.1, device), ties }
    }

    fn tied(mut self) -> Self {
        if self.ties {
            self.second.weight = self.first.weight.clone();
        }
        self
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let mut hidden = self.stem.forward(rows.clone().narrow(1, 0, 3));
        for layer in [&self.first, &self.second] {
            hidden = activation::tanh(layer.forward(hidden));
        }
        half_squares(self.output.forward(hidden), rows.narrow(1, 3, 2))
    }
}

steps!(
    Tied,
    Tensor<2>,
    RegressionOutput,
    fn optimize(
        self,
        optim: &mut ModuleOptimizer,
        lr: ModuleLearningRate,
        grads: GradientsParams,
    ) -> Self {
        optim.step(lr, self, grads).tied()
    }
);

/// Two layers with tanh between `stem` and `output`, given the paths of their weights and biases.
fn loss(weights: &Weights, layers: [[&str; 2]; 2]) -> f64 {
    mean(rows().iter().map(|row| {
        let mut hidden = plain::linear(weights, "stem", &wide(&row[..3]));
        for [weight, bias] in layers {
            hidden = map(&matrix(&hidden, &weights[weight], &weights[bias]), f64::tanh);
        }
        plain::half_squares(&plain::linear(weights, "output", &hidden), &wide(&row[3..]))
    }))
}

#[test]
fn a_layer_that_is_used_twice_is_one_block_and_moves_in_both_places() {
    let model = Specimen::of(REPEATING, Repeating::new(&device()), batches);
    model.assert_sound(|weights| loss(weights, [["again.weight", "again.bias"]; 2]));
    assert!(model.run.head().buffers.is_empty());
}

#[test]
fn a_parameter_under_two_names_is_one_block_and_moves_under_both_where_the_model_ties_them() {
    let model = Specimen::of(TIED, Tied::new(true, &device()), batches);
    let last = model.last();
    assert_eq!(last["first.weight"], last["second.weight"]);
    let layers = [["first.weight", "first.bias"], ["first.weight", "second.bias"]];
    model.assert_sound(|weights| loss(weights, layers));
    for step in model.run.steps() {
        assert_eq!(step.columns["grad_norm"].len(), TIED.len(), "counted once");
    }
}

#[test]
fn a_second_name_that_burns_optimizer_leaves_behind_keeps_its_own_values() {
    let model = Specimen::of(TIED, Tied::new(false, &device()), batches);
    let (first, last) = (model.first(), model.last());
    assert_ne!(last["first.weight"], last["second.weight"]);
    assert_eq!(first["second.weight"], last["second.weight"]);
    let layers = [["first.weight", "first.bias"], ["second.weight", "second.bias"]];
    model.assert_sound(|weights| loss(weights, layers));
}
