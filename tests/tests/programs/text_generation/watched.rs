//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::lr_scheduler::noam::NoamLrSchedulerConfig;
use burn::module::Module;
use burn::optim::AdamConfig;
use burn::optim::decay::WeightDecayConfig;
use burn::train::metric::{AccuracyMetric, LearningRateMetric, LossMetric, PerplexityMetric};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let probe = burnscape::Probe::start(folder.join("run"))?;
    let model = Model::new(size, &device);
    let (train, valid) = loaders(size);
    let lr = NoamLrSchedulerConfig::new(0.05).with_warmup_steps(20).with_model_size(size.width);
    let optim = AdamConfig::new().with_weight_decay(Some(WeightDecayConfig::new(5e-5)));

    let training = probe
        .training(folder.join("artifacts"), train, valid.clone())
        .metric_train_numeric(LearningRateMetric::new())
        .metrics((AccuracyMetric::new().with_pad_token(PADDING), LossMetric::new()))
        .metric_valid_numeric(PerplexityMetric::new().with_pad_token(PADDING))
        .grads_accumulation(ACCUMULATION)
        .with_default_checkpointers()
        .with_application_logger(None)
        .renderer(silent())
        .num_epochs(size.epochs)
        .summary();
    let lr = lr.init().map_err(anyhow::Error::msg)?;
    let result = training.launch(model, optim.init(), lr);

    result.model.clone().save_file(folder.join("model"))?;
    probe.finish(&result.model, &valid)?;
    Ok(result.model)
}
