//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::train::metric::LossMetric;
use burn::train::{Learner, SupervisedTraining};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let model = Model::new(size, &device);
    let (train, valid) = loaders(size);
    let training = SupervisedTraining::new(folder.join("artifacts"), train, valid)
        .metric_train_numeric(LossMetric::new())
        .metric_valid_numeric(LossMetric::new())
        .with_default_checkpointers()
        .with_application_logger(None)
        .renderer(silent())
        .num_epochs(size.epochs)
        .summary();
    let result = training.launch(Learner::new(model, AdamConfig::new().init(), 1e-3));

    result.model.clone().save_file(folder.join("model"))?;
    Ok(result.model)
}
