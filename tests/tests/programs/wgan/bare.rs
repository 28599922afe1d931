//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use burn::optim::{GradientsParams, RmsPropConfig};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<(Generator, Critic)> {
    let device = device();
    let mut generator = Generator::new(size, &device);
    let mut critic = Critic::new(size, &device);
    let rms_prop = RmsPropConfig::new().with_momentum(0.0);
    let (mut optim_generator, mut optim_critic) = (rms_prop.init(), rms_prop.init());
    let (train, fixed) = (real(size, &device), fixed(size, &device.clone().inner()));

    for epoch in 1..=size.epochs {
        for (number, real) in train.iter().enumerate() {
            let (real, noise) = (real?, noise(size, &device));
            let loss = critic_loss(&critic, &generator, real, noise);
            let grads = GradientsParams::from_grads(loss.backward(), &critic);
            critic = optim_critic.step(LEARNING_RATE, critic, grads).map(&mut Clip);

            if (number + 1) % CRITIC_STEPS == 0 {
                let noise = super::noise(size, &device);
                let loss = generator_loss(&generator, &critic, noise);
                let grads = GradientsParams::from_grads(loss.backward(), &generator);
                generator = optim_generator.step(LEARNING_RATE, generator, grads);
            }
        }
        println!("epoch {epoch} is over");
    }

    let (generator, critic) = (generator.valid(), critic.valid());
    for (real, noise) in &fixed {
        let loss = critic_loss(&critic, &generator, real.clone(), noise.clone());
        println!("distance {}", -loss.into_scalar::<f32>());
    }
    generator.clone().save_file(folder.join("generator"))?;
    Ok((generator, critic))
}
