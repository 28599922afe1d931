//! How a user of burn trains it.

use std::path::Path;

use anyhow::Result;
use burn::lr_scheduler::composed::ComposedLrSchedulerConfig;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::module::Module;
use burn::optim::AdamWConfig;
use burn::train::metric::store::{Aggregate, Direction, Split};
use burn::train::metric::{AccuracyMetric, LearningRateMetric, LossMetric, TopKAccuracyMetric};
use burn::train::{Learner, SupervisedTraining};
use burn::train::{MetricEarlyStoppingStrategy, StoppingCondition};

use super::*;

pub fn train(folder: &Path, size: &Size) -> Result<Model> {
    let device = device();
    let model = Model::new(size, &device);
    let (train, valid) = image_loaders(size);
    let steps = size.epochs * size.steps_per_epoch();
    let lr = ComposedLrSchedulerConfig::new()
        .cosine(CosineAnnealingLrSchedulerConfig::new(1.0, steps))
        .linear(LinearLrSchedulerConfig::new(1e-4, 1e-2, steps / 2))
        .init()
        .map_err(anyhow::Error::msg)?;

    let training = SupervisedTraining::new(folder.join("artifacts"), train, valid)
        .metrics((AccuracyMetric::new(), TopKAccuracyMetric::new(2), LossMetric::new()))
        .metric_train_numeric(LearningRateMetric::new())
        .with_default_checkpointers()
        .with_application_logger(None)
        .renderer(silent())
        .early_stopping(MetricEarlyStoppingStrategy::new(
            &LossMetric::new(),
            Aggregate::Mean,
            Direction::Lowest,
            Split::Valid,
            StoppingCondition::NoImprovementSince { n_epochs: 5 },
        ))
        .num_epochs(size.epochs)
        .summary();
    let optim = AdamWConfig::new().with_cautious_weight_decay(true).with_weight_decay(5e-5);
    let result = training.launch(Learner::new(model, optim.init(), lr));

    result.model.clone().save_file(folder.join("model"))?;
    Ok(result.model)
}
