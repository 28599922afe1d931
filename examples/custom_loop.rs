//! A training loop of one's own, without burn's `Learner`, watched.
//!
//! `cargo run --release --example custom_loop`. The loop is that of burn's book: forward pass, loss, gradients,
//! optimizer step, validation after each epoch. Lines marked `burnscape` are all that watching adds.

use anyhow::Result;
use burn::data::dataloader::DataLoader;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::Tensor;
use burnscape::Observer;
use burnscape_examples::cli::Flags;
use burnscape_examples::data::{self, DigitBatch};
use burnscape_examples::mlp::Mlp;
use burnscape_examples::report;
use clap::Parser;

const EPOCHS: usize = 10;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 1e-3;

fn main() -> Result<()> {
    let flags = Flags::parse();
    anyhow::ensure!(!flags.resume, "this loop writes no checkpoints to go on from");
    let device = flags.device()?;
    let (train, valid) = data::split();
    let batches = data::batches(&train, 256, &device);
    let train = data::loader(train, BATCH_SIZE, Some(flags.seed));
    let valid = data::loader(valid, BATCH_SIZE, None);
    let mut model = Mlp::new(&device);
    let mut optim = AdamConfig::new().init();

    let probe = flags.probe("custom_loop")?; // burnscape
    let mut observer = probe.observe(); // burnscape
    let on_screen = flags.dashboard && probe.open_dashboard(); // burnscape
    'training: for epoch in 1..=flags.epochs.unwrap_or(EPOCHS) {
        for batch in train.iter() {
            let batch = batch?;
            let samples = batch.labels.dims()[0];
            let loss = observer.forward(|| loss_of(&model, batch)); // burnscape listens to taps
            observer.loss(&loss, samples); // burnscape
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            model = observer.step(&mut optim, LEARNING_RATE, model, grads); // burnscape
            if observer.should_stop() {
                break 'training; // burnscape: the dashboard's reader, or an answer to an alert
            }
        }
        let mean = validate(&model, valid.as_ref(), &observer)?;
        observer.epoch_done(&model); // burnscape
        if !on_screen {
            println!("epoch {epoch:>2}   validation loss {mean:.4}");
        }
    }

    let model = probe.watch(model.valid()); // burnscape
    let landscape = probe.finish(&model, &batches)?; // burnscape
    report::print(&landscape, !flags.no_dashboard);
    Ok(())
}

fn loss_of(model: &Mlp, batch: DigitBatch) -> Tensor<1> {
    model.classify(batch).loss
}

/// The mean validation loss over batches.
fn validate(model: &Mlp, batches: &dyn DataLoader<DigitBatch>, observer: &Observer) -> Result<f64> {
    let model = model.valid();
    let (mut sum, mut count) = (0.0, 0);
    for batch in batches.iter() {
        let batch = batch?;
        let samples = batch.labels.dims()[0];
        let loss = loss_of(&model, batch);
        observer.validation_loss(&loss, samples); // burnscape
        sum += loss.into_scalar::<f64>();
        count += 1;
    }
    Ok(sum / f64::from(count.max(1)))
}
