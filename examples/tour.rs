//! Everything that burnscape records, in one run: what `examples/runs/tour` holds, to be looked at before burn is built.
//!
//! `cargo run --release --example tour` trains the perceptron of `digits` by plain gradient descent, with steps so long
//! that they overshoot along the sharpest direction. Lines marked `burnscape` ask for more than `digits` does.

use anyhow::Result;
use burn::optim::SgdConfig;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, SupervisedTraining};
use burnscape::{Level, LiveCurvature, OptimizerKind, Schedule, SharpnessSpec};
use burnscape_examples::cli::{self, Flags};
use burnscape_examples::mlp::Mlp;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 20;
const BATCH_SIZE: usize = 256;
const LEARNING_RATE: f64 = 0.5;

fn main() -> Result<()> {
    let flags = Flags::parse();
    anyhow::ensure!(!flags.resume, "this program writes no checkpoints to go on from");
    let device = flags.device()?;
    let (train, valid) = data::split();
    let batches = data::batches(&train, 256, &device);
    let descent = OptimizerKind::GradientDescent;

    let taps = Schedule::Every(5); // the other measurements of the level come less often
    let probe = flags.probe_builder("tour").level(Level::Full).activations(taps).start()?; // burnscape
    let training = SupervisedTraining::new(
        cli::artifacts(&probe, "tour"),
        data::loader(train, BATCH_SIZE, Some(flags.seed)),
        data::loader(valid, BATCH_SIZE, None),
    )
    .metrics((LossMetric::new(), AccuracyMetric::new()))
    .num_epochs(flags.epochs.unwrap_or(EPOCHS))
    .renderer(flags.renderer(&probe));
    let training = probe.attach(training);

    let gauge = LiveCurvature::new().every_steps(2).optimizer(descent); // burnscape
    let model = probe.curvature(probe.watch(Mlp::new(&device)), batches.clone(), gauge)?; // burnscape
    let learner = Learner::new(model, SgdConfig::new().init(), LEARNING_RATE);
    let result = training.launch(learner);

    let mut study = probe.study(&result.model, &batches)?;
    study.default_slices()?;
    let spec = SharpnessSpec::new().density(8, 40).optimizer(descent); // burnscape
    study.sharpness(&spec, &batches)?; // burnscape
    report::print(&study.finish()?, !flags.no_dashboard);
    Ok(())
}
