//! An auto-encoder: a convolution down, two transposed convolutions up, one of them in groups; mean squared error.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::loss::{MseLoss, Reduction};
use burn::tensor::{Device, Tensor, activation};
use burn::train::RegressionOutput;

use super::layers::{conv, conv_transpose, steps, tensor};
use super::plain::{self, Image, Kernel, Weights, mean, wide};
use super::specimen::{Kind, Part, Specimen};
use super::support::{device, waves};

const PARTS: &[Part] = &[
    Part::new("down.weight", "Conv2d", &[4, 2, 3, 3], Kind::Rows),
    Part::bias("down.bias", "Conv2d", &[4]),
    Part::new("up.weight", "ConvTranspose2d", &[4, 3, 3, 3], Kind::GroupedColumns(2)),
    Part::bias("up.bias", "ConvTranspose2d", &[6]),
    Part::new("out.weight", "ConvTranspose2d", &[6, 2, 3, 3], Kind::GroupedColumns(1)),
    Part::bias("out.bias", "ConvTranspose2d", &[2]),
];

/// Channels, height and width of a picture.
const SHAPE: [usize; 3] = [2, 6, 4];

/// convolution of stride 2 → tanh → transposed convolution of stride 2 → tanh → another.
#[derive(Module, Debug)]
struct AutoEncoder {
    down: Conv2d,
    up: ConvTranspose2d,
    out: ConvTranspose2d,
}

impl AutoEncoder {
    fn new(device: &Device) -> Self {
        let down = Conv2dConfig::new([2, 4], [3, 3]).with_stride([2, 2]);
        let down = down.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let up = ConvTranspose2dConfig::new([4, 6], [3, 3]).with_groups(2).with_stride([2, 2]);
        let up = up.with_padding([1, 1]).with_padding_out([1, 1]);
        let out = ConvTranspose2dConfig::new([6, 2], [3, 3]).with_padding([1, 1]);
        Self {
            down: conv(&down, 0.7, device),
            up: conv_transpose(&up, 0.2, device),
            out: conv_transpose(&out, 1.9, device),
        }
    }

    fn output(&self, pictures: Tensor<4>) -> RegressionOutput {
        let code = activation::tanh(self.down.forward(pictures.clone()));
        let found = activation::tanh(self.up.forward(code));
        let (found, targets) = (self.out.forward(found).flatten(1, 3), pictures.flatten(1, 3));
        let loss = MseLoss::new();
        let loss = loss.forward(found.clone(), targets.clone(), Reduction::Mean);
        RegressionOutput::new(loss, found, targets)
    }
}

steps!(AutoEncoder, Tensor<4>, RegressionOutput);

fn pictures() -> Vec<Vec<f32>> {
    (0..5).map(|index| waves(SHAPE.iter().product(), 1.1 * index as f32)).collect()
}

/// A batch of three pictures and one of two.
fn batches(device: &Device) -> Vec<Tensor<4>> {
    let [channels, height, width] = SHAPE;
    let pictures = pictures();
    let batch = |pictures: &[Vec<f32>]| {
        tensor(pictures.concat(), [pictures.len(), channels, height, width], device)
    };
    pictures.chunks(3).map(batch).collect()
}

fn loss(weights: &Weights) -> f64 {
    let halving = Kernel { size: [3, 3], stride: 2, padding: 1, groups: 1 };
    let doubling = Kernel { groups: 2, ..halving };
    let keeping = Kernel { stride: 1, ..halving };
    mean(pictures().iter().map(|picture| {
        let picture = Image { shape: SHAPE, values: wide(picture) };
        let code = plain::conv(weights, "down", halving, &picture).map(|_, value| value.tanh());
        assert_eq!(code.shape, [4, 3, 2]);
        let found = plain::conv_transpose(weights, "up", doubling, 1, &code);
        let found = found.map(|_, value| value.tanh());
        let found = plain::conv_transpose(weights, "out", keeping, 0, &found);
        assert_eq!(found.shape, SHAPE);
        let pairs = found.values.iter().zip(&picture.values);
        mean(pairs.map(|(found, target)| (found - target).powi(2)))
    }))
}

#[test]
fn the_surfaces_of_an_auto_encoder_are_its_loss_at_the_moved_weights() {
    Specimen::of(PARTS, AutoEncoder::new(&device()), batches).assert_sound(loss);
}
