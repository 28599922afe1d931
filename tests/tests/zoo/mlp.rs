//! A perceptron: linear → relu → linear, half squares.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, activation};
use burn::train::RegressionOutput;

use super::layers::{half_squares, linear, steps, tensor};
use super::plain::{self, Weights, map, mean, relu, wide};
use super::specimen::{Part, Specimen};
use super::support::{device, wave_rows};

const PARTS: &[Part] = &[
    Part::linear("hidden.weight", &[3, 4]),
    Part::bias("hidden.bias", "Linear", &[4]),
    Part::linear("output.weight", &[4, 2]),
    Part::bias("output.bias", "Linear", &[2]),
];

/// A row is 3 inputs and 2 targets.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    pub fn new(device: &Device) -> Self {
        Self { hidden: linear(3, 4, 0.1, device), output: linear(4, 2, 1.1, device) }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let inputs = rows.clone().narrow(1, 0, 3);
        let hidden = activation::relu(self.hidden.forward(inputs));
        half_squares(self.output.forward(hidden), rows.narrow(1, 3, 2))
    }
}

steps!(Mlp, Tensor<2>, RegressionOutput);

/// Rows of 3 inputs and 2 targets.
pub fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.4)
}

/// A batch of four rows and one of two.
pub fn batches(device: &Device) -> Vec<Tensor<2>> {
    let rows = rows();
    let batch = |rows: &[[f32; 5]]| tensor(rows.concat(), [rows.len(), 5], device);
    rows.chunks(4).map(batch).collect()
}

fn loss(weights: &Weights) -> f64 {
    mean(rows().iter().map(|row| {
        let hidden = map(&plain::linear(weights, "hidden", &wide(&row[..3])), relu);
        plain::half_squares(&plain::linear(weights, "output", &hidden), &wide(&row[3..]))
    }))
}

#[test]
fn the_surfaces_of_a_perceptron_are_its_loss_at_the_moved_weights() {
    Specimen::of(PARTS, Mlp::new(&device()), batches).assert_sound(loss);
}
