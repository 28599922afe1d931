//! A convolutional network with BatchNorm and dropout on the digits, watched.
//!
//! The surface is the loss with dropout off and BatchNorm's statistics as training left them: both
//! are seen to by burnscape, and the model is left as it was.

use anyhow::Result;
use burn::optim::AdamConfig;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, SupervisedTraining};
use burnscape_examples::cli::{self, Flags};
use burnscape_examples::convnet::ConvNet;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 8;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 3e-3;

fn main() -> Result<()> {
    let flags = Flags::parse();
    let device = flags.device()?;
    let (train, valid) = data::split();
    // The surface is measured on the validation digits: a fifth of the work.
    let batches = data::batches(&valid, 120, &device);

    let probe = flags.probe("convnet")?; // burnscape
    let artifacts = cli::artifacts(&probe, "convnet");
    let mut training = SupervisedTraining::new(
        &artifacts,
        data::loader(train, BATCH_SIZE, Some(flags.seed)),
        data::loader(valid, BATCH_SIZE, None),
    )
    .metrics((LossMetric::new(), AccuracyMetric::new()))
    .with_default_checkpointers()
    .num_epochs(flags.epochs.unwrap_or(EPOCHS))
    .renderer(flags.renderer(&probe)); // burnscape: `probe.dashboard()` or `probe.lines()`
    if let Some(epoch) = flags.checkpoint(&artifacts)? {
        training = training.checkpoint(epoch);
    }
    let training = probe.attach(training); // burnscape

    let model = probe.watch(ConvNet::new(&device)); // burnscape
    let learner = Learner::new(model, AdamConfig::new().init(), LEARNING_RATE);
    let result = training.launch(learner);

    let landscape = probe.finish(&result.model, &batches)?; // burnscape
    report::print(&landscape, !flags.no_dashboard);
    Ok(())
}
