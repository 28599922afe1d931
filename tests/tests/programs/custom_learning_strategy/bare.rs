//! How a user of burn trains it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, SupervisedTraining};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let model = Model::new(size, &device);
    let (train, valid) = image_loaders(size);
    let strategy = Arc::new(MyStrategy { device });
    let training = SupervisedTraining::new(folder.join("artifacts"), train, valid)
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .with_training_strategy(TrainingStrategy::Custom(strategy))
        .with_application_logger(None)
        .renderer(silent())
        .num_epochs(size.epochs)
        .summary();
    let result = training.launch(Learner::new(model, AdamConfig::new().init(), 1e-3));

    result.model.clone().save_file(folder.join("model"))?;
    Ok(result.model)
}
