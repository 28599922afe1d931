//! What a watched step allocates, beside a bare one, in the steady state and in all threads.
//!
//! `cargo bench --bench allocations`. The first row is the hook itself, around an update
//! that does nothing, with the writer thread behind it. A real step adds what burn allocates for what it is asked:
//! to read a loss, to walk through lists of modules, to hold the result of every norm; it frees it at once.

use std::alloc::System;
use std::path::Path;
use std::time::Duration;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::Device;
use burn::train::{Learner, LearnerModel, TrainStep};
use burnscape::{Measurements, Probe, Schedule};
use burnscape_examples::data;
use burnscape_examples::mlp::Mlp;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough for buffers to have come back from the writer thread.
const WARM_UP: usize = 2000;
const STEPS: usize = 2000;

fn main() {
    let device = Device::flex().autodiff();
    device.seed(1);
    let bare = per_step(Mlp::new(&device), &device);
    let nothing = Measurements::all(Schedule::Never);
    let norms = Measurements { gradient_norms: Schedule::Every(1), ..nothing };
    let hook = hook_alone(&device);
    println!("{:<16} {hook:>8.2} in a step in which nothing is due", "the hook alone");
    let mut rows = vec![json!({ "watching": "the hook alone", "added": hook })];
    for (name, measurements) in
        [("nothing due", nothing), ("gradient norms", norms), ("light", Measurements::default())]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let builder = Probe::builder(folder.path().join("run")).quiet().measurements(measurements);
        let probe = builder.start().expect("a probe");
        let watched = per_step(probe.watch(Mlp::new(&device)), &device);
        probe.close().expect("closed");
        println!(
            "{name:<16} {:>8.2} more than a bare step, which allocates {bare:.2} times",
            watched - bare
        );
        rows.push(json!({ "watching": name, "added": watched - bare, "bare": bare }));
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations.json");
    std::fs::write(&file, format!("{:#}\n", json!(rows))).expect("a writable target folder");
    println!("written to {}", file.display());
}

/// Allocations of the hook and the writer thread for each step, with nothing due and nothing updated.
fn hook_alone(device: &Device) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).quiet();
    let nothing = Measurements::all(Schedule::Never);
    let probe = builder.measurements(nothing).queue_steps(1 << 16).start().expect("a probe");
    let mut observer = probe.observe();
    let mut model = Some(LinearConfig::new(8, 8).init(device));
    // A learning rate is a list: made before, so that it does not count.
    let mut rates = vec![ModuleLearningRate::from(0.1); WARM_UP + STEPS];
    let mut steps = |count: usize| {
        for lr in rates.split_off(rates.len() - count) {
            let grads = GradientsParams::new();
            model = model.take().map(|it: Linear| observer.update(lr, it, grads, |it, _| it));
        }
        // The writer thread catches up.
        std::thread::sleep(Duration::from_millis(200));
    };
    steps(WARM_UP);
    let region = Region::new(GLOBAL);
    steps(STEPS);
    let change = region.change();
    probe.close().expect("closed");
    (change.allocations + change.reallocations) as f64 / STEPS as f64
}

/// Allocations and reallocations for each step.
fn per_step<M>(model: M, device: &Device) -> f64
where
    M: LearnerModel + TrainStep<Input = data::DigitBatch>,
{
    let batch = data::batches(&data::all(), 64, device).swap_remove(0);
    let mut learner = Learner::new(model, AdamConfig::new().init(), 1e-4);
    learner.lr_step();
    let mut steps = |count: usize| {
        for _ in 0..count {
            let output = learner.train_step(batch.clone());
            learner.optimizer_step(output.grads);
        }
    };
    steps(WARM_UP);
    let region = Region::new(GLOBAL);
    steps(STEPS);
    let change = region.change();
    (change.allocations + change.reallocations) as f64 / STEPS as f64
}
