//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::train::metric::LossMetric;

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let probe = burnscape::Probe::start(folder.join("run"))?;
    let model = Model::new(size, &device);
    let (train, valid) = loaders(size);
    let training = probe
        .training(folder.join("artifacts"), train, valid.clone())
        .metric_train_numeric(LossMetric::new())
        .metric_valid_numeric(LossMetric::new())
        .with_default_checkpointers()
        .with_application_logger(None)
        .renderer(silent())
        .num_epochs(size.epochs)
        .summary();
    let result = training.launch(model, AdamConfig::new().init(), 1e-3);

    result.model.clone().save_file(folder.join("model"))?;
    probe.finish(&result.model, &valid)?;
    Ok(result.model)
}
