//! What skip connections do to the loss surface (Li et al. 2018, figure 1), on a scale that two cores draw.
//!
//! `cargo run --release --example skips` trains residual networks of 20 and 38 layers on the digits, and the same
//! networks without their skip connections, each from three seeds. Random slices around all of them, measured in the
//! same way, are counted out: convex nodes, minima, how sharp the loss is.

use anyhow::{Result, ensure};
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burnscape::geometry::agreement::Measures;
use burnscape::geometry::statistics::{Interval, mean};
use burnscape::geometry::topology::{Doubts, MergeTree};
use burnscape::{SharpnessSpec, SliceSpec};
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

/// What came of one training.
struct Outcome {
    folder: Option<std::path::PathBuf>,
    /// Loss, share of convex nodes, distance at which the loss doubles, minima, λ_max.
    measures: [f64; 5],
}

fn main() -> Result<()> {
    let Own { flags, depths, seeds } = Own::parse();
    ensure!(!flags.resume, "these loops write no checkpoints to go on from");
    let mut folders = Vec::new();
    let mut rows = Vec::new();
    for depth in depths {
        for has_skips in [true, false] {
            let name = format!("{}-{depth}", if has_skips { "skips" } else { "plain" });
            let trained = (0..seeds).map(|seed| train(&flags, &name, (depth, has_skips), seed));
            let trained = trained.collect::<Result<Vec<Outcome>>>()?;
            rows.push((name, trained.iter().map(|it| it.measures).collect::<Vec<_>>()));
            folders.extend(trained.into_iter().map(|it| it.folder));
        }
    }
    let folders = report::folders(folders.iter().map(Option::as_deref));
    let Some(folders) = folders else { return Ok(()) };
    table(&rows);
    let folders: Vec<_> = folders.iter().map(|it| it.display().to_string()).collect();
    println!(
        "\nSide by side: cargo run --release --bin burnscape -- compare {}",
        folders.join(" ")
    );
    Ok(())
}

fn train(flags: &Flags, name: &str, network: (usize, bool), seed: u64) -> Result<Outcome> {
    println!("{name}, seed {seed}: training, then measuring …");
    let seeded = Flags { seed: flags.seed + seed, ..flags.clone() };
    let device = seeded.device()?;
    let (train, _) = data::split();
    let some = data::batches(&train[..SAMPLES], SAMPLES / 2, &device);
    let loader = data::loader(train.clone(), BATCH_SIZE, Some(seeded.seed));
    let epochs = flags.epochs.unwrap_or(EPOCHS);
    let steps = epochs * train.len().div_ceil(BATCH_SIZE);
    let cosine = CosineAnnealingLrSchedulerConfig::new(LEARNING_RATE, steps.max(1)).init();
    let mut rate = cosine.map_err(anyhow::Error::msg)?;
    let mut optim = optimizer();
    let mut model = ResNet::new(network.0, network.1, &device);
    let probe = seeded.probe_in(&flags.folder("skips"), &format!("{name}-seed-{seed}"))?;
    let mut observer = probe.observe();
    for _ in 0..epochs {
        for batch in loader.iter() {
            (model, _) = observer.train_step(&mut optim, rate.step(), model, batch?);
        }
        observer.epoch_done(&model);
    }
    let mut study = probe.study(&model, &some)?;
    // The same draws for all: that of the first seed.
    let nodes = flags.resolution.min(NODES);
    let slice = study.slice(&SliceSpec::random().seed(flags.seed).resolution(nodes, nodes))?;
    let spec = SharpnessSpec::top(1).per_block(false).measures(false);
    let sharpness = study.sharpness(&spec, &some)?;
    let shape = Measures::of(&slice.surface, &slice.gram);
    let minima = MergeTree::of(&slice.surface, Doubts::default()).minima();
    let measures = [
        Some(slice.slice.centre_loss),
        shape.convexity,
        shape.doubling_radius,
        Some(minima as f64),
        Some(sharpness.lambda_max()),
    ];
    let measures = measures.map(|it| it.unwrap_or(f64::NAN));
    Ok(Outcome { folder: study.finish()?.run_folder().map(Into::into), measures })
}

fn optimizer() -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let decay = WeightDecayConfig::new(5e-4);
    SgdConfig::new().with_momentum(Some(momentum)).with_weight_decay(Some(decay)).init()
}

/// Means over seeds with the lowest and highest mean that resampled seeds give in 95 of 100 cases.
fn table(rows: &[(String, Vec<[f64; 5]>)]) {
    let titles = ["loss", "convex", "doubles at", "minima", "λ_max"];
    println!("\n{:<10}{}", "network", titles.map(|it| format!("{it:>26}")).concat());
    for (name, seeds) in rows {
        let cells = (0..titles.len()).map(|column| {
            let values: Vec<f64> = seeds.iter().map(|it| it[column]).collect();
            let cell = match mean(&values) {
                Some(Interval { value, low, high, .. }) => {
                    format!("{value:.3} [{low:.3}, {high:.3}]")
                }
                None => values.iter().map(|it| format!("{it:.3}")).collect::<Vec<_>>().join(" "),
            };
            format!("{cell:>26}")
        });
        println!("{name:<10}{}", cells.collect::<String>());
    }
    println!(
        "\nThe share of nodes where a slice is convex, and its minima, show what the pictures show; one random plane of each \
         network and few seeds show cases, no law. λ_max changes when weights are rescaled: compare it with care."
    );
}
