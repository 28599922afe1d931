//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::lr_scheduler::noam::NoamLrSchedulerConfig;
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::optim::decay::WeightDecayConfig;
use burn::train::metric::{AccuracyMetric, LearningRateMetric, LossMetric};
use burn::train::{Learner, SupervisedTraining};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let model = Model::new(size, &device);
    let (train, valid) = loaders(size);
    let lr = NoamLrSchedulerConfig::new(0.05).with_warmup_steps(20).with_model_size(size.width);
    let optim = AdamConfig::new().with_weight_decay(Some(WeightDecayConfig::new(5e-5)));

    let training = SupervisedTraining::new(folder.join("artifacts"), train, valid)
        .metric_train_numeric(LearningRateMetric::new())
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .with_default_checkpointers()
        .with_application_logger(None)
        .renderer(silent())
        .num_epochs(size.epochs)
        .summary();
    let lr = lr.init().map_err(anyhow::Error::msg)?;
    let result = training.launch(Learner::new(model, optim.init(), lr));

    result.model.clone().save_file(folder.join("model"))?;
    Ok(result.model)
}
