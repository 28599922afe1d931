//! Frozen parts: a layer, the scales of a BatchNorm that keeps counting, one layer of several.

use burn::module::Module;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::{Device, Tensor, activation};
use burn::train::RegressionOutput;

use super::layers::{batch_norm, half_squares, linear, steps};
use super::mlp::{batches, rows};
use super::plain::{self, Image, Weights, map, mean, wide};
use super::specimen::{Part, Specimen};
use super::support::device;

const PARTS: &[Part] = &[
    Part::linear("stem.weight", &[3, 4]).frozen(),
    Part::bias("stem.bias", "Linear", &[4]).frozen(),
    Part::norm("norm.gamma", "BatchNorm", &[4]).frozen(),
    Part::norm("norm.beta", "BatchNorm", &[4]).frozen(),
    Part::linear("layers.0.weight", &[4, 4]),
    Part::bias("layers.0.bias", "Linear", &[4]),
    Part::linear("layers.1.weight", &[4, 4]).frozen(),
    Part::bias("layers.1.bias", "Linear", &[4]).frozen(),
    Part::linear("output.weight", &[4, 2]),
    Part::bias("output.bias", "Linear", &[2]),
];

/// linear → BatchNorm → two layers with tanh → linear; a row is 3 inputs and 2 targets.
#[derive(Module, Debug)]
struct Frozen {
    stem: Linear,
    norm: BatchNorm,
    layers: Vec<Linear>,
    output: Linear,
}

impl Frozen {
    fn new(device: &Device) -> Self {
        Self {
            stem: linear(3, 4, 0.1, device).no_grad(),
            norm: batch_norm(4, 0.6, device).no_grad(),
            layers: vec![linear(4, 4, 1.7, device), linear(4, 4, 2.9, device).no_grad()],
            output: linear(4, 2, 1.1, device),
        }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let inputs = rows.clone().narrow(1, 0, 3);
        let mut hidden = self.norm.forward(self.stem.forward(inputs));
        for layer in &self.layers {
            hidden = activation::tanh(layer.forward(hidden));
        }
        half_squares(self.output.forward(hidden), rows.narrow(1, 3, 2))
    }
}

steps!(Frozen, Tensor<2>, RegressionOutput);

fn loss(weights: &Weights) -> f64 {
    mean(rows().iter().map(|row| {
        let values = plain::linear(weights, "stem", &wide(&row[..3]));
        let stem = Image { shape: [4, 1, 1], values };
        let mut hidden = plain::batch_norm(weights, "norm", &stem).values;
        for layer in ["layers.0", "layers.1"] {
            hidden = map(&plain::linear(weights, layer, &hidden), f64::tanh);
        }
        plain::half_squares(&plain::linear(weights, "output", &hidden), &wide(&row[3..]))
    }))
}

#[test]
fn the_surfaces_of_a_partly_frozen_model_move_nothing_that_is_frozen() {
    let model = Specimen::of(PARTS, Frozen::new(&device()), batches);
    model.assert_sound(loss);
    let (first, last) = (model.first(), model.last());
    for part in PARTS {
        assert_eq!(first[part.path] == last[part.path], part.frozen, "{}", part.path);
    }
    let buffers: Vec<String> = model.run.head().buffers.into_iter().map(|it| it.path).collect();
    assert_eq!(buffers, ["norm.running_mean", "norm.running_var"]);
    assert_ne!(first["norm.running_mean"], last["norm.running_mean"], "statistics moved");
}
