//! What surfaces cost: their arithmetic as a share of the machine's own matrix-product peak.
//!
//! `cargo bench -p burnscape-examples --bench surfaces`. The peak is measured in the same run, before
//! and after: single precision, all cores, through the same backend.

use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::SgdConfig;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burnscape::Probe;
use serde_json::{Value, json};

const SAMPLES: usize = 1000;
const NODES_PER_AXIS: usize = 49;
const PEAK_SIZE: usize = 2048;

fn main() {
    let device = Device::flex();
    device.seed(1);
    let before = matrix_product_flops(&device);
    let rows: Vec<Value> = [20, 512].map(|hidden| surface(hidden, &device)).into();
    let peak = before.max(matrix_product_flops(&device));
    let rows: Vec<Value> = rows.into_iter().map(|row| with_share(row, peak)).collect();
    print_table(&rows, peak);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("surfaces.json");
    let results = json!({ "peak_gflops": peak / 1e9, "surfaces": rows });
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

/// Best of several products of two large square matrices, in floating-point operations a second.
fn matrix_product_flops(device: &Device) -> f64 {
    let matrix = || Tensor::<2>::random([PEAK_SIZE, PEAK_SIZE], Distribution::Default, device);
    let (a, b) = (matrix(), matrix());
    let work = 2.0 * (PEAK_SIZE as f64).powi(3);
    let time = || {
        let start = Instant::now();
        std::hint::black_box(a.clone().matmul(b.clone()));
        work / start.elapsed().as_secs_f64()
    };
    (0..8).map(|_| time()).fold(0.0, f64::max)
}

/// Trains 784-hidden-10 for two steps and times the exact surfaces around it.
fn surface(hidden: usize, device: &Device) -> Value {
    let training = device.clone().autodiff();
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).quiet().snapshot_every_steps(1);
    let probe = builder.resolution(NODES_PER_AXIS, NODES_PER_AXIS).start().expect("a probe");
    let mut model = probe.watch(Mlp::new(hidden, &training));
    let mut optim = SgdConfig::new().init();
    for _ in 0..2 {
        let output = TrainStep::step(&model, noise(&training));
        model = model.optimize(&mut optim, 0.1.into(), output.grads);
    }
    let landscape = probe.finish(&model.valid(), &[noise(device)]).expect("a landscape");
    let secs: Vec<f64> = landscape.slices().iter().map(|it| it.took.as_secs_f64()).collect();
    let nodes = NODES_PER_AXIS * NODES_PER_AXIS;
    let node_flops = 2.0 * SAMPLES as f64 * (784 * hidden + hidden * 10) as f64;
    json!({
        "network": format!("784-{hidden}-10"),
        "nodes": nodes,
        "samples": SAMPLES,
        "pca_secs": secs[0],
        "random_secs": secs[1],
        "gflops": node_flops * nodes as f64 / secs[0].min(secs[1]) / 1e9,
    })
}

fn with_share(mut row: Value, peak: f64) -> Value {
    row["share_of_peak"] = json!(row["gflops"].as_f64().unwrap_or(0.0) * 1e9 / peak);
    row
}

fn print_table(rows: &[Value], peak: f64) {
    println!("\nmatrix-product peak: {:.0} GFLOP/s", peak / 1e9);
    println!(
        "{:<12} {:>8} {:>10} {:>10} {:>14}",
        "network", "nodes", "pca", "random", "share of peak"
    );
    for row in rows {
        println!(
            "{:<12} {:>8} {:>8.2} s {:>8.2} s {:>14.2}",
            row["network"].as_str().unwrap_or_default(),
            row["nodes"],
            row["pca_secs"].as_f64().unwrap_or(f64::NAN),
            row["random_secs"].as_f64().unwrap_or(f64::NAN),
            row["share_of_peak"].as_f64().unwrap_or(f64::NAN),
        );
    }
}

#[derive(Debug, Clone)]
struct Noise {
    images: Tensor<2>,
    labels: Tensor<1, Int>,
}

fn noise(device: &Device) -> Noise {
    let labels: Vec<i64> = (0..SAMPLES as i64).map(|it| it % 10).collect();
    Noise {
        images: Tensor::random([SAMPLES, 784], Distribution::Default, device),
        labels: Tensor::from_ints(labels.as_slice(), device),
    }
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Mlp {
    fn new(hidden: usize, device: &Device) -> Self {
        Self {
            fc1: LinearConfig::new(784, hidden).init(device),
            fc2: LinearConfig::new(hidden, 10).init(device),
        }
    }

    fn classify(&self, batch: Noise) -> ClassificationOutput {
        let logits = self.fc2.forward(relu(self.fc1.forward(batch.images)));
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for Mlp {
    type Input = Noise;
    type Output = ClassificationOutput;

    fn step(&self, batch: Noise) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Mlp {
    type Input = Noise;
    type Output = ClassificationOutput;

    fn step(&self, batch: Noise) -> ClassificationOutput {
        self.classify(batch)
    }
}
