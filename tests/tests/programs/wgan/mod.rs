//! A Wasserstein GAN: a generator with batch normalisation against a critic whose weights are clipped after each of its
//! steps; two models, two optimizers, one loop.

mod bare;
mod watched;

use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::module::{Module, ModuleMapper, Param};
use burn::nn::{BatchNorm, BatchNormConfig, LeakyRelu, LeakyReluConfig, Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor};

use super::check::{Expected, Program, Size};
use super::data::{Image, ImageBatcher, Numbers, device, images, loader};
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "wgan",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| {
        let (generator, critic) = bare::train(folder, size)?;
        Ok([bytes(&generator), bytes(&critic)].concat())
    },
    watched: |folder, size| {
        let (generator, critic) = watched::train(folder, size)?;
        Ok([bytes(&generator), bytes(&critic)].concat())
    },
    small: Size { epochs: 4, train: 480, valid: 32, batch: 16, side: 6, width: 16 },
    full: Size { epochs: 20, train: 4096, valid: 512, batch: 64, side: 28, width: 128 },
    models: &[
        Expected {
            steps: |size| size.epochs * (size.steps_per_epoch() / CRITIC_STEPS),
            passes: 2,
            ..Expected::BY_HAND
        },
        Expected { run: "critic", passes: 3, ..Expected::BY_HAND },
    ],
};

#[test]
fn wgan() {
    PROGRAM.check();
}

const LEARNING_RATE: f64 = 5e-4;
/// Steps of the critic for one of the generator.
const CRITIC_STEPS: usize = 5;
/// Weights of the critic stay within this.
const CLIP: f32 = 0.05;
const LATENT: usize = 8;

/// Images in rows, shape `[batch, pixels]`.
struct Rows;

impl Batcher<Image, Tensor<2>> for Rows {
    fn batch(&self, items: Vec<Image>, device: &Device) -> Tensor<2> {
        ImageBatcher.batch(items, device).images.flatten(1, 2)
    }
}

/// Images to train on, shuffled.
fn real(size: &Size, device: &Device) -> Arc<dyn DataLoader<Tensor<2>>> {
    loader(Rows, images(size.train, size.side, 1), size.batch, Some(42)).to_device(device)
}

/// Images and noise that are always the same, to see how far it is.
fn fixed(size: &Size, device: &Device) -> Vec<(Tensor<2>, Tensor<2>)> {
    let mut numbers = Numbers(3);
    let images = images(size.valid, size.side, 2);
    let pairs = images.chunks(size.batch).map(|images| {
        let noise: Vec<f32> = (0..images.len() * LATENT).map(|_| numbers.signed()).collect();
        let noise = Tensor::<1>::from_floats(noise.as_slice(), device);
        (Rows.batch(images.to_vec(), device), noise.reshape([images.len(), LATENT]))
    });
    pairs.collect()
}

fn noise(size: &Size, device: &Device) -> Tensor<2> {
    Tensor::random([size.batch, LATENT], Distribution::Normal(0.0, 1.0), device)
}

/// Noise to images.
#[derive(Module, Debug)]
pub struct Generator {
    input: Linear,
    norm: BatchNorm,
    output: Linear,
    activation: LeakyRelu,
}

impl Generator {
    pub fn new(size: &Size, device: &Device) -> Self {
        Self {
            input: LinearConfig::new(LATENT, size.width).init(device),
            norm: BatchNormConfig::new(size.width).init(device),
            output: LinearConfig::new(size.width, size.side * size.side).init(device),
            activation: LeakyReluConfig::new().with_negative_slope(0.2).init(),
        }
    }

    fn forward(&self, noise: Tensor<2>) -> Tensor<2> {
        clock::pass();
        let hidden = self.norm.forward(self.input.forward(noise));
        self.output.forward(self.activation.forward(hidden)).tanh()
    }
}

/// Images to how real they look.
#[derive(Module, Debug)]
pub struct Critic {
    input: Linear,
    output: Linear,
    activation: LeakyRelu,
}

impl Critic {
    pub fn new(size: &Size, device: &Device) -> Self {
        Self {
            input: LinearConfig::new(size.side * size.side, size.width).init(device),
            output: LinearConfig::new(size.width, 1).init(device),
            activation: LeakyReluConfig::new().with_negative_slope(0.2).init(),
        }
    }

    fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        clock::pass();
        self.output.forward(self.activation.forward(self.input.forward(images)))
    }
}

/// What the critic brings down.
fn critic_loss(
    critic: &Critic,
    generator: &Generator,
    real: Tensor<2>,
    noise: Tensor<2>,
) -> Tensor<1> {
    let made = generator.forward(noise).detach();
    critic.forward(made).mean() - critic.forward(real).mean()
}

/// What the generator brings down.
fn generator_loss(generator: &Generator, critic: &Critic, noise: Tensor<2>) -> Tensor<1> {
    -critic.forward(generator.forward(noise)).mean()
}

/// Keeps weights within [`CLIP`].
struct Clip;

impl ModuleMapper for Clip {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weights| Tensor::from_inner(weights.inner().clamp(-CLIP, CLIP)).require_grad())
    }
}
