//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{AdamConfig, GradientsParams};
use burn::train::ClassificationOutput;

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let mut model = Model::new(size, &device);
    let decay = WeightDecayConfig::new(5e-5);
    let mut optim = AdamConfig::new().with_weight_decay(Some(decay)).init();
    let (train, valid) = image_loaders(size);
    let (train, valid) = (train.to_device(&device), valid.to_device(&device.inner()));

    for epoch in 1..=size.epochs {
        for batch in train.iter() {
            let batch = batch?;
            let output = model.classify(batch.images, batch.targets);
            let samples = output.targets.dims()[0];
            let grads = GradientsParams::from_grads(output.loss.backward(), &model);
            let loss = output.loss;
            model = optim.step(1e-3, model, grads);
            println!("epoch {epoch}: loss {} over {samples}", loss.into_scalar::<f32>());
        }
        let evaluated = model.valid();
        for batch in valid.iter() {
            let batch = batch?;
            let output = evaluated.classify(batch.images, batch.targets);
            println!("epoch {epoch}: accuracy {}", accuracy(output));
        }
    }

    model.clone().save_file(folder.join("model"))?;
    Ok(model)
}

fn accuracy(output: ClassificationOutput) -> f32 {
    let [samples] = output.targets.dims();
    let predictions = output.output.argmax(1).reshape([samples]);
    predictions.equal(output.targets).float().mean().into_scalar::<f32>()
}
