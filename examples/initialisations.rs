//! What an initialisation decides: He, Xavier, half of He and one and a half times He, on the same deep perceptron.
//!
//! `cargo run --release --example initialisations` trains it from each of them, on the same batches. Gradients of the first
//! step show how a signal fades or grows from layer to layer; surfaces around the initial and the trained weights, on
//! one scale, show what training begins with and where it ends; all paths are then drawn in one plane.

use std::path::Path;

use anyhow::{Result, ensure};
use burn::nn::Initializer;
use burn::optim::SgdConfig;
use burnscape::geometry::agreement::Measures;
use burnscape::trace::{Record, read_run};
use burnscape::{Error, Landscape, Point, Runs, SliceSpec};
use burnscape_examples::cli::Flags;
use burnscape_examples::deep::DeepMlp;
use burnscape_examples::{data, report};
use clap::Parser;

const EPOCHS: usize = 25;
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f64 = 0.02;

/// Deviations of weights are multiples of 1/√inputs; √2 keeps the size of what rectifiers pass on (He et al. 2015).
const WAYS: [(&str, Initializer); 4] = [
    ("he", he(1.0)),
    ("xavier", Initializer::XavierNormal { gain: 1.0 }),
    ("small", he(0.5)),
    ("large", he(1.5)),
];

const fn he(times: f64) -> Initializer {
    Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2 * times, fan_out_only: false }
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    ensure!(!flags.resume, "these loops write no checkpoints to go on from");
    let folder = flags.folder("initialisations");
    let trained = WAYS.iter().map(|(name, way)| train(&flags, &folder, name, way));
    let trained = trained.collect::<Result<Vec<Landscape>>>()?;
    let folders = report::folders(trained.iter().map(Landscape::run_folder));
    let Some(folders) = folders else { return Ok(()) };

    let device = flags.device()?;
    let batches = data::batches(&data::split().0, 512, &device);
    let nodes = flags.resolution;
    let runs = Runs::open(&folders)?.set(move |run| run.resolution(nodes, nodes));
    runs.left_out().iter().for_each(|why| println!("Left out: {why}"));
    let mut comparison =
        runs.study(folder.join("comparison"), &DeepMlp::new(&WAYS[0].1, &device), &batches)?;
    comparison.joint_plane()?;
    report::print(&comparison.finish()?, !flags.no_dashboard);
    surfaces(&trained);
    gradients(&folders)
}

/// The same seed each time: the same draws, scaled, and the same batches in the same order.
fn train(flags: &Flags, folder: &Path, name: &str, initializer: &Initializer) -> Result<Landscape> {
    println!("{name}: training, then measuring …");
    let device = flags.device()?;
    let (train, _) = data::split();
    let batches = data::batches(&train, 512, &device);
    let loader = data::loader(train, BATCH_SIZE, Some(flags.seed));
    let mut model = DeepMlp::new(initializer, &device);
    let mut optim = SgdConfig::new().init();
    let probe = flags.probe_in(folder, name)?;
    let mut observer = probe.observe();
    for _ in 0..flags.epochs.unwrap_or(EPOCHS) {
        for batch in loader.iter() {
            (model, _) = observer.train_step(&mut optim, LEARNING_RATE, model, batch?);
        }
        observer.epoch_done(&model);
    }
    let mut study = probe.study(&model, &batches)?;
    // Around weights that are NaN there is nothing to measure: those before training are all there is then.
    match study.initial_and_trained(&SliceSpec::random()) {
        Err(diverged @ Error::NonFiniteCentre { .. }) => {
            println!("{name}: it diverged, {diverged}");
            let initial = SliceSpec::random().centre(Point::Initial).name("random initial");
            study.slice(&initial)?;
        }
        measured => drop(measured?),
    }
    Ok(study.finish()?)
}

/// What the random slices around both ends of each training say.
fn surfaces(trained: &[Landscape]) {
    println!(
        "\n{:<8} {:>12} {:>12}   convex nodes of the slice, before and after",
        "", "loss before", "loss after"
    );
    for (landscape, (name, _)) in trained.iter().zip(&WAYS) {
        let slice = |which: &str| landscape.slice(&format!("random {which}"));
        let loss = |which| slice(which).map_or(f64::NAN, |it| it.slice.centre_loss);
        let convex = |which| {
            let convexity =
                slice(which).and_then(|it| Measures::of(&it.surface, &it.gram).convexity);
            100.0 * convexity.unwrap_or(f64::NAN)
        };
        let [before, after] = ["initial", "trained"].map(loss);
        let [flat, end] = ["initial", "trained"].map(convex);
        println!("{name:<8} {before:>12.4} {after:>12.4}   {flat:.0} %, {end:.0} %");
    }
}

/// Norms of the gradients of the first step, weight by weight from input to output.
fn gradients(folders: &[impl AsRef<Path>]) -> Result<()> {
    println!("\nGradient norms of the first step, from input to output:");
    for (folder, (name, _)) in folders.iter().zip(&WAYS) {
        let records = read_run(folder)?.records;
        let blocks = records.iter().find_map(|record| match record {
            Record::Head(head) if !head.blocks.is_empty() => Some(&head.blocks),
            _ => None,
        });
        let first = records.iter().find_map(|record| match record {
            Record::Step(step) => step.columns.get("grad_norm"),
            _ => None,
        });
        let (Some(blocks), Some(first)) = (blocks, first) else { continue };
        let weights =
            blocks.iter().zip(&first.0).filter(|(block, _)| block.path.ends_with("weight"));
        let norms: Vec<f32> = weights.map(|(_, norm)| *norm).collect();
        let shown: Vec<String> = norms.iter().map(|norm| format!("{norm:>8.1e}")).collect();
        println!("{name:<8} {}", shown.join(" "));
    }
    println!(
        "\nHe's keep their size from layer to layer. Where gradients are a thousandth of them, weights hardly move in as many \
         steps; where they are fifty times as large, the first steps throw the weights about. Slices are scaled to the \
         filters: around small weights they reach less far."
    );
    Ok(())
}
