//! Where do SGD, momentum, Adam and AdamW go from the same weights?
//!
//! `cargo run --release --example optimizers` trains the perceptron of `digits` with each of them, on the same batches in
//! the same order, then draws all four paths on one surface: that of the plane in which they move most. Lines between
//! their ends say whether they ended in one basin.

use std::path::Path;

use anyhow::{Result, ensure};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};
use burnscape::{ComparedRun, Comparison, JointPlane, Recording, Runs, accuracy};
use burnscape_examples::cli::Flags;
use burnscape_examples::mlp::Mlp;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 15;
const BATCH_SIZE: usize = 64;

/// One of the trainings.
struct Way {
    name: &'static str,
    optimizer: fn() -> ModuleOptimizer,
    lr: f64,
}

const WAYS: [Way; 4] = [
    Way { name: "sgd", optimizer: || SgdConfig::new().init(), lr: 0.1 },
    Way {
        name: "momentum",
        optimizer: || SgdConfig::new().with_momentum(momentum()).init(),
        lr: 0.02,
    },
    Way { name: "adam", optimizer: || AdamConfig::new().init(), lr: 1e-3 },
    Way { name: "adamw", optimizer: || AdamWConfig::new().with_weight_decay(0.5).init(), lr: 1e-3 },
];

/// As PyTorch has it.
fn momentum() -> Option<MomentumConfig> {
    Some(MomentumConfig::new().with_momentum(0.9).with_dampening(0.0))
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    ensure!(!flags.resume, "these loops write no checkpoints to go on from");
    let folder = flags.folder("optimizers");
    let recordings = WAYS.iter().map(|way| train(&flags, &folder, way));
    let recordings = recordings.collect::<Result<Vec<_>>>()?;
    let folders = report::folders(recordings.iter().map(Recording::run_folder));
    let Some(folders) = folders else { return Ok(()) };

    let device = flags.device()?;
    let (train, valid) = data::split();
    let (batches, valid) =
        (data::batches(&train, 512, &device), data::batches(&valid, 120, &device));
    let nodes = flags.resolution;
    let runs = Runs::open(&folders)?.set(move |run| run.resolution(nodes, nodes));
    let mut comparison = runs.study(folder.join("comparison"), &Mlp::new(&device), &batches)?;
    comparison.study().measure("accuracy", accuracy).also_on("valid", &valid)?;
    let plane = comparison.joint_plane()?;
    let barriers = barriers(&mut comparison)?;
    let names: Vec<_> = comparison.runs().iter().map(|run| run.name().to_string()).collect();
    report::print(&comparison.finish()?, !flags.no_dashboard);
    table(&names, &plane, &barriers);
    Ok(())
}

/// The same seed each time: the same weights, and the same batches in the same order.
fn train(flags: &Flags, folder: &Path, way: &Way) -> Result<Recording> {
    println!("{}: training …", way.name);
    let device = flags.device()?;
    let loader = data::loader(data::split().0, BATCH_SIZE, Some(flags.seed));
    let mut model = Mlp::new(&device);
    let mut optim = (way.optimizer)();
    let probe = flags.probe_in(folder, way.name)?;
    let mut observer = probe.observe();
    for _ in 0..flags.epochs.unwrap_or(EPOCHS) {
        for batch in loader.iter() {
            (model, _) = observer.train_step(&mut optim, way.lr, model, batch?);
        }
        observer.epoch_done(&model);
    }
    Ok(probe.close()?)
}

/// How high the loss climbs on the line from each end to those before it.
fn barriers(comparison: &mut Comparison<'_, Mlp>) -> Result<Vec<Vec<f64>>> {
    let ends: Vec<_> = comparison.runs().iter().map(ComparedRun::last).collect();
    let mut barriers = Vec::new();
    for (number, from) in ends.iter().enumerate() {
        let heights = ends[..number].iter().map(|to| Ok(comparison.barrier(from, to)?.lowest()));
        barriers.push(heights.collect::<Result<Vec<f64>>>()?);
    }
    Ok(barriers)
}

fn table(names: &[String], plane: &JointPlane, barriers: &[Vec<f64>]) {
    println!("\n{:<10} {:>8} {:>9}   barriers", "optimizer", "loss", "in plane");
    let path = &plane.surface.trajectory;
    for (number, run) in path.runs().into_iter().enumerate() {
        let loss = path.loss.get(run.end - 1).copied().unwrap_or(f64::NAN);
        let held = 100.0 * plane.joint.runs[number].held;
        let heights = barriers[number].iter().zip(names);
        let heights = heights.map(|(height, to)| format!("{height:.3} to {to}"));
        let heights = heights.collect::<Vec<_>>().join(", ");
        println!("{:<10} {loss:>8.4} {held:>7.0} %   {heights}", names[number]);
    }
    let highest = barriers.iter().flatten().copied().fold(0.0, f64::max);
    println!(
        "\nFrom one beginning, the highest barrier between two ends is {highest:.3}. A path that seems to cross a ridge of the \
         picture may go around it in directions that are not drawn. One seed shows a case, not a law: try others with --seed."
    );
}
