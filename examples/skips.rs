//! What skip connections do to the loss surface (Li et al. 2018, figure 1), on a scale that two cores draw.
//!
//! `cargo run --release --example skips` trains residual networks of 20 and 38 layers on the digits, and the same
//! networks without their skip connections, each from three seeds. Random slices around all of them, measured in the
//! same way, stand side by side in a comparison, with numbers and how sure they are: convex nodes, minima, sharpness.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::module::Module;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::train::InferenceStep;
use burnscape::{Probe, SharpnessSpec, SideBySide, Sides, SliceSpec};
use burnscape_examples::cli::Flags;
use burnscape_examples::resnet::ResNet;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 25;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 0.05;
/// Digits that surfaces and sharpness are measured on.
const SAMPLES: usize = 256;
/// Nodes per axis, unless fewer are asked for: there are many surfaces.
const NODES: usize = 21;

/// The flags of all examples, and two of its own.
#[derive(Debug, Parser)]
struct Own {
    #[command(flatten)]
    flags: Flags,
    /// Layers of the networks: 8, 14, 20, …
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "20,38")]
    depths: Vec<usize>,
    /// Trainings of each network
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,
}

fn main() -> Result<()> {
    let Own { flags, depths, seeds } = Own::parse();
    ensure!(!flags.resume, "these loops write no checkpoints to go on from");
    let folder = flags.folder("skips");
    let mut trained = Vec::new();
    for depth in depths {
        for (kind, has_skips) in [("skips", true), ("plain", false)] {
            for seed in flags.seed..flags.seed + seeds {
                let name = format!("{kind}-{depth}-seed-{seed}");
                println!("{name}: training, then measuring …");
                let own = Flags { seed, ..flags.clone() };
                let probe = own.probe_in(&folder, &name)?;
                trained.push(train(&own, probe, (depth, has_skips), flags.seed)?);
            }
        }
    }
    let runs = report::folders(trained.iter().map(Option::as_deref));
    runs.map_or(Ok(()), |runs| compare(&runs, 2 * seeds as usize, &folder.join("comparison")))
}

/// Gives the run, once a slice and the sharpness at the end of it are measured.
fn train(
    flags: &Flags,
    probe: Probe,
    (depth, has_skips): (usize, bool),
    directions: u64,
) -> Result<Option<PathBuf>> {
    let device = flags.device()?;
    let (train, valid) = data::split();
    let some = data::batches(&train[..SAMPLES], SAMPLES / 2, &device);
    let valid = data::batches(&valid, BATCH_SIZE, &device);
    let epochs = flags.epochs.unwrap_or(EPOCHS);
    let steps = epochs * train.len().div_ceil(BATCH_SIZE);
    let loader = data::loader(train, BATCH_SIZE, Some(flags.seed));
    let cosine = CosineAnnealingLrSchedulerConfig::new(LEARNING_RATE, steps.max(1)).init();
    let (mut optim, mut rate) = (optimizer(), cosine.map_err(anyhow::Error::msg)?);
    let mut model = ResNet::new(depth, has_skips, &device);
    let mut observer = probe.observe();
    for _ in 0..epochs {
        for batch in loader.iter() {
            (model, _) = observer.train_step(&mut optim, rate.step(), model, batch?);
        }
        let trained = model.valid();
        for batch in &valid {
            let output = InferenceStep::step(&trained, batch.clone());
            observer.validation_loss(&output.loss, output.targets.dims()[0]);
        }
        observer.epoch_done(&model);
    }
    let mut study = probe.study(&model, &some)?;
    // Of all networks along the same draws, scaled to the filters of each.
    let nodes = flags.resolution.min(NODES);
    study.slice(&SliceSpec::random().seed(directions).resolution(nodes, nodes))?;
    study.sharpness(&SharpnessSpec::top(1).per_block(false).measures(false), &some)?;
    Ok(study.finish()?.run_folder().map(Path::to_path_buf))
}

fn optimizer() -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let decay = WeightDecayConfig::new(5e-4);
    SgdConfig::new().with_momentum(Some(momentum)).with_weight_decay(Some(decay)).init()
}

/// Runs that differ in their seeds are one side; what all were measured by the same way is compared. What skip connections
/// do is asked of networks of one depth, which were trained one after the other.
fn compare(runs: &[PathBuf], of_one_depth: usize, comparison: &Path) -> Result<()> {
    for runs in runs.chunks(of_one_depth.max(2)) {
        tell(&SideBySide::of(runs, &Sides::ByName)?);
    }
    println!("One random plane of each network, and few seeds, show cases and no law.");
    let all = SideBySide::of(runs, &Sides::ByName)?;
    let run = all.write(comparison)?;
    println!("Look: cargo run --release --bin burnscape -- watch {}", run.path().display());
    Ok(())
}

fn tell(beside: &SideBySide) {
    beside.remarks().iter().for_each(|it| println!("{it}"));
    let names: String = beside.sides().iter().map(|side| format!("  {:<36}", side.name)).collect();
    println!("\n{:<34}{}", "means (95 % of resampled seeds)", names.trim_end());
    for row in beside.rows(beside.pictures().first()) {
        let cells = row.sides.iter().map(|side| format!("  {:<36}", side.in_words()));
        println!("{:<34}{}", row.label, cells.collect::<String>().trim_end());
    }
    println!();
    beside.sentences().iter().for_each(|it| println!("{it}"));
    println!();
}
