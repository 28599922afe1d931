//! Are two minima connected? Two trainings from different weights, and two that part from one parent.
//!
//! `cargo run --release --example connected` trains all of them, and measures the loss between their ends: on the straight
//! line (Frankle et al. 2020), on that line once the hidden units of one are swapped to meet those of the other
//! (Ainsworth et al. 2023), and on a bent path that is trained to stay low (Garipov et al. 2018).

use anyhow::{Context, Result, ensure};
use burn::optim::AdamConfig;
use burnscape::{BentPathSpec, ComparedRun, Comparison, Point, Probe, Recording, Runs};
use burnscape_examples::cli::Flags;
use burnscape_examples::mlp::Mlp;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 20;
/// Of the parent, before its children part.
const COMMON_EPOCHS: usize = 2;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 1e-3;
/// Steps for the bend of a path, for each epoch of a training.
const BEND_STEPS: usize = 100;

fn main() -> Result<()> {
    let flags = Flags::parse();
    ensure!(!flags.resume, "these loops write no checkpoints to go on from");
    let folder = flags.folder("connected");
    let epochs = flags.epochs.unwrap_or(EPOCHS);
    let train = |name: &str, model, seed, epochs| {
        train(flags.probe_in(&folder, name)?, name, model, seed, epochs)
    };
    let device = flags.device()?;
    let (first, second) = (Mlp::new(&device), Mlp::new(&device));
    let parent = Mlp::new(&device);
    let (_, parent) = train("parent", parent, flags.seed, COMMON_EPOCHS)?;
    let plan = [
        ("seed-1", first, flags.seed),
        ("seed-2", second, flags.seed),
        // The same weights, other batches.
        ("child-1", parent.clone(), flags.seed + 1),
        ("child-2", parent, flags.seed + 2),
    ];
    let trained = plan.map(|(name, model, seed)| train(name, model, seed, epochs));
    let trained = trained.into_iter().collect::<Result<Vec<_>>>()?;
    let folders = report::folders(trained.iter().map(|(run, _)| run.run_folder()));
    let Some(folders) = folders else { return Ok(()) };

    let (train, valid) = data::split();
    let batches = data::batches(&train, 128, &device);
    let nodes = flags.resolution;
    let runs = Runs::open(&folders)?.set(move |run| run.resolution(nodes, nodes));
    let ends: Vec<Point> = runs.iter().map(ComparedRun::last).collect();
    let [first, second, child, other] = &ends[..] else { anyhow::bail!("{:?}", runs.left_out()) };
    let mut comparison = runs.study(folder.join("comparison"), &trained[0].1, &batches)?;
    comparison.study().also_on("valid", &data::batches(&valid, 120, &device))?;

    let apart = height(&mut comparison, first, second)?;
    let swapped = comparison.align(first, second)?;
    let aligned = height(&mut comparison, first, &swapped.point)?;
    let siblings = height(&mut comparison, child, other)?;
    let spec = BentPathSpec::new().steps(BEND_STEPS * epochs);
    let path = comparison.connect_with(first, second, &batches, &spec)?;
    comparison.through(first, second, child)?;
    report::print(&comparison.finish()?, !flags.no_dashboard);

    let bent = path.curve.first().context("the path was stopped before it was measured")?;
    println!("\nHow high the training loss climbs above the straight connection of the ends:");
    println!("{:<58} {apart:>8.4}", "two seeds, straight line");
    println!("{:<58} {aligned:>8.4}", "the same, units of one swapped to meet those of the other");
    println!("{:<58} {:>8.4}", "the same, bent path", bent.1.height);
    println!("{:<58} {siblings:>8.4}", "two children of one parent, straight line");
    println!(
        "\nThe largest loss on the bent path is {:.4}, on the straight line {:.4}. Minima that a line keeps apart are often \
         connected by a bend: a barrier tells about the line, not about the landscape.",
        path.highest(),
        path.highest_on_line()
    );
    Ok(())
}

fn height(comparison: &mut Comparison<'_, Mlp>, a: &Point, b: &Point) -> Result<f64> {
    Ok(comparison.barrier(a, b)?.lowest())
}

fn train(
    probe: Probe,
    name: &str,
    mut model: Mlp,
    seed: u64,
    epochs: usize,
) -> Result<(Recording, Mlp)> {
    println!("{name}: training …");
    let loader = data::loader(data::split().0, BATCH_SIZE, Some(seed));
    let mut optim = AdamConfig::new().init();
    let mut observer = probe.observe();
    for _ in 0..epochs {
        for batch in loader.iter() {
            (model, _) = observer.train_step(&mut optim, LEARNING_RATE, model, batch?);
        }
        observer.epoch_done(&model);
    }
    Ok((probe.close()?, model))
}
