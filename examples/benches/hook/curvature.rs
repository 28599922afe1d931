//! What curvature costs, in gradients over the same batches, and what the live gauge takes of a training.
//!
//! `cargo bench --bench hook -- curvature`. The perceptron of the digits example is trained, then asked;
//! then it is trained again with a gauge that chooses its schedule itself. Costs are ratios within one run.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::optim::AdamConfig;
use burn::tensor::Device;
use burn::train::TrainStep;
use burnscape::trace::{Curvature, Record, read_run};
use burnscape::{LiveCurvature, Probe, SharpnessSpec, Watched};
use burnscape_examples::data::{self, DigitBatch};
use burnscape_examples::mlp::Mlp;
use serde_json::json;

/// Samples that the Hessian is averaged over.
const SAMPLES: usize = 512;
const ROUNDS: usize = 9;
const LR: f64 = 1e-3;
/// Training with the gauge: long enough for many measurements.
const TRAINING: Duration = Duration::from_secs(30);

pub fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let device = Device::flex().autodiff();
    device.seed(1);
    let digits = data::all();
    let batches = data::batches(&digits[..SAMPLES], SAMPLES, &device);
    let training = data::batches(&digits, 64, &device);

    let asked = folder.path().join("asked");
    let probe = Probe::builder(&asked).quiet().start().expect("a probe");
    let model = trained(probe.watch(Mlp::new(&device)), &training, 10);
    let gradient = median((0..ROUNDS).map(|_| gradient_secs(&model, &batches)).collect());
    let mut study = probe.study(&model, &batches).expect("a study");
    // As many products as are asked for, since none is good enough: the difference is that of products alone.
    let mut took = |products: usize| {
        let spec = SharpnessSpec::top(1).tolerance(1e-12).most_products(products);
        let mut once = || study.sharpness(&spec, &batches).expect("a sharpness").record.took_secs;
        median((0..ROUNDS).map(|_| once()).collect())
    };
    let (few, many) = (took(5), took(25));
    let product = (many - few) / 20.0 / gradient;
    study.finish().expect("a landscape");

    let live = folder.path().join("live");
    let (told, share) = live_gauge(&live, &device, &batches, &training);
    let cold = told.first().map_or(f64::NAN, |it| it.gradients as f64);
    let warm = median(told.iter().skip(1).map(|it| it.gradients as f64).collect());
    let steps: Vec<f64> = told.windows(2).map(|it| (it[1].step - it[0].step) as f64).collect();
    println!(
        "\nperceptron of the digits, {SAMPLES} samples; a gradient over them takes {:.2} ms",
        1e3 * gradient
    );
    println!("a product with the Hessian      {product:>6.2} gradients   (aim ≤ 2.1)");
    println!(
        "λ_max to 1 %, from a cold start {cold:>6.0} gradients   (aim ≤ 40; with the search for a step)"
    );
    println!("λ_max to 1 %, from a warm start {warm:>6.0} gradients   (aim ≤ 12)");
    println!(
        "live gauge, its own schedule    {:>6.2} % of training (aim ≤ 5 %): {} measurements, every {:.0} steps",
        100.0 * share,
        told.len(),
        median(steps.clone())
    );
    notes(&live).iter().for_each(|note| println!("  {note}"));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("curvature.json");
    let results = json!({
        "samples": SAMPLES,
        "gradient_secs": gradient,
        "product_in_gradients": product,
        "cold_in_gradients": cold,
        "warm_in_gradients": warm,
        "live_share": share,
        "live_measurements": told.len(),
        "live_every_steps": median(steps),
    });
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

fn trained(model: Watched<Mlp>, batches: &[DigitBatch], epochs: usize) -> Watched<Mlp> {
    let (mut model, mut optim) = (model, AdamConfig::new().init());
    for _ in 0..epochs {
        for batch in batches {
            let output = TrainStep::step(&model, batch.clone());
            model = model.optimize(&mut optim, LR.into(), output.grads);
        }
    }
    model
}

/// One gradient as burn's training takes it.
fn gradient_secs(model: &Mlp, batches: &[DigitBatch]) -> f64 {
    let began = Instant::now();
    for batch in batches {
        let _ = TrainStep::step(model, batch.clone());
    }
    began.elapsed().as_secs_f64()
}

/// What the gauge told, and the share of the time that it took.
fn live_gauge(
    run: &Path,
    device: &Device,
    batches: &[DigitBatch],
    training: &[DigitBatch],
) -> (Vec<Curvature>, f64) {
    let probe = Probe::builder(run).quiet().start().expect("a probe");
    let model = probe.watch(Mlp::new(device));
    let model = probe.curvature(model, batches.to_vec(), LiveCurvature::new());
    let (mut model, mut optim) = (model.expect("a gauge"), AdamConfig::new().init());
    let began = Instant::now();
    while began.elapsed() < TRAINING {
        for batch in training {
            let output = TrainStep::step(&model, batch.clone());
            model = model.optimize(&mut optim, LR.into(), output.grads);
        }
    }
    let secs = began.elapsed().as_secs_f64();
    probe.close().expect("a recording");
    let records = read_run(run).expect("a run").records.into_iter();
    let curvature = |record| match record {
        Record::Curvature(it) => Some(it),
        _ => None,
    };
    let told: Vec<Curvature> = records.filter_map(curvature).collect();
    let took: f64 = told.iter().map(|it| it.took_secs).sum();
    (told, took / (secs - took))
}

fn notes(run: &Path) -> Vec<String> {
    let records = read_run(run).expect("a run").records.into_iter();
    let note = |record| match record {
        Record::Note(note) if note.text.contains("curvature") => Some(note.text),
        _ => None,
    };
    records.filter_map(note).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
