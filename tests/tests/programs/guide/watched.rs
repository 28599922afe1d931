//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::train::metric::{AccuracyMetric, LossMetric};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let probe = burnscape::Probe::start(folder.join("run"))?;
    let (train, valid) = image_loaders(size);
    let training = probe
        .training(folder.join("artifacts"), train, valid.clone())
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .with_default_checkpointers()
        .with_application_logger(None)
        .renderer(silent())
        .num_epochs(size.epochs)
        .summary();

    let model = Model::new(size, &device);
    let result = training.launch(model, AdamConfig::new().init(), 1e-3);

    result.model.clone().save_file(folder.join("model"))?;
    probe.finish(&result.model, &valid)?;
    Ok(result.model)
}
