//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Policy> {
    let device = device();
    let probe = burnscape::Probe::start(folder.join("run"))?;
    let mut policy = Policy::new(size, &device);
    let mut target = policy.clone();
    let mut optim = AdamWConfig::new().init();
    let mut replay = Replay::new(42);

    for round in 1..=size.epochs {
        let explored = 1.0 / round as f32;
        replay.extend(play(&policy.valid(), explored, round, size));
        for _ in 0..size.steps_per_epoch() {
            let batch = replay.sample(size.batch, &device);
            let (loss, samples) = (td_loss(&policy, &target, &batch), size.batch);
            let grads = GradientsParams::from_grads(loss.backward(), &policy);
            policy = probe.observe().with_loss(&loss, samples).step(
                &mut optim,
                LEARNING_RATE,
                policy,
                grads,
            );
            println!("loss {} over {samples}", loss.into_scalar::<f32>());
        }
        probe.observe().epoch_done(&policy);
        target = policy.clone();
    }

    let (policy, target) = (policy.valid(), target.valid());
    let held: Vec<Batch> = replay.held(size, &device.inner());
    let error = td_loss(&policy, &target, &held[0]).into_scalar::<f32>();
    println!("error {error}");
    policy.clone().save_file(folder.join("policy"))?;
    probe
        .finish_with_loss(&policy, &held, |it, batch| (td_loss(it, &target, &batch), size.batch))?;
    Ok(policy)
}
