//! A multilayer perceptron learns to read digits, and burnscape watches.
//!
//! `cargo run --release --example digits` trains for some seconds, then draws the loss surface
//! around the weights it found, with the path that training took. Lines marked `burnscape` are the
//! whole diff to a program that trains with burn's `Learner`.

use anyhow::Result;
use burn::optim::AdamConfig;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burnscape_examples::cli::{self, Flags};
use burnscape_examples::mlp::Mlp;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 20;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 1e-3;

fn main() -> Result<()> {
    let flags = Flags::parse();
    let device = flags.device()?;
    let (train, valid) = data::split();
    let batches = data::batches(&train, 256, &device);

    let probe = flags.probe("digits")?; // burnscape
    let artifacts = cli::artifacts(&probe, "digits");
    let (train, valid) =
        (data::loader(train, BATCH_SIZE, Some(flags.seed)), data::loader(valid, BATCH_SIZE, None));
    let mut training = probe
        .training(&artifacts, train, valid) // burnscape: in place of `SupervisedTraining::new`
        .metrics((LossMetric::new(), AccuracyMetric::new()))
        .with_default_checkpointers()
        .num_epochs(flags.epochs.unwrap_or(EPOCHS))
        .renderer(flags.renderer(&probe)); // burnscape: `probe.dashboard()` or `probe.lines()`
    if let Some(epoch) = flags.checkpoint(&artifacts)? {
        training = training.checkpoint(epoch);
    }

    let model = Mlp::new(&device);
    let result = training.launch(model, AdamConfig::new().init(), LEARNING_RATE); // burnscape: without a `Learner`

    let landscape = probe.finish(&result.model, &batches)?; // burnscape
    report::print(&landscape, !flags.no_dashboard);
    Ok(())
}
