//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let probe = burnscape::Probe::start(folder.join("run"))?;
    let mut model = Model::new(size, &device);
    let clipping = GradientClippingConfig::Norm(1.0);
    let mut optim = AdamConfig::new().with_grad_clipping(Some(clipping)).init();
    let (train, valid) = loaders(size, &device);

    for epoch in 1..=size.epochs {
        for batch in train.iter() {
            let batch = batch?;
            let loss = model.loss(&batch);
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            model = probe.observe().with_loss(&loss, batch.next.dims()[0]).step(
                &mut optim,
                LEARNING_RATE,
                model,
                grads,
            );
        }
        let evaluated = model.valid();
        for batch in valid.iter() {
            let loss = evaluated.loss(&batch?).into_scalar::<f32>();
            println!("epoch {epoch}: validation loss {loss}");
        }
        probe.observe().epoch_done(&model);
    }

    model.clone().save_file(folder.join("model"))?;
    probe.finish_with_loss(&model, &valid, |it, batch| (it.loss(&batch), batch.next.dims()[0]))?;
    Ok(model)
}
