//! What comparing runs costs: swapping units beside an epoch of training, one plane for four runs beside reading them.
//!
//! `cargo bench --bench hook -- comparing`. Two perceptrons of 1.1 million parameters are trained for some steps, from which
//! an epoch of 60,000 samples is reckoned, and aligned with the proof on 1,024 samples. Then joint principal components
//! of four runs of 50 snapshots each take turns with merely reading their files, and medians are compared: from the
//! disk, where the system lets go of files in its cache, and from that cache.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::SgdConfig;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burnscape::geometry::pca::{PcaOptions, Weigh, joint_pca};
use burnscape::{ComparedRun, Probe, Run, Runs};
use serde_json::json;

use super::pca::{evict, median, read_whole, secs, snapshot_files};

const PIXELS: usize = 784;
const CLASSES: usize = 10;
const BATCH_SIZE: usize = 64;
/// As in MNIST.
const SAMPLES_PER_EPOCH: usize = 60_000;
const STEPS: usize = 100;
const RUNS: usize = 4;
const SNAPSHOTS: usize = 50;
const ROUNDS: usize = 5;

pub fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let runs: Vec<PathBuf> = (0..RUNS).map(|it| folder.path().join(it.to_string())).collect();
    let step_secs: Vec<f64> = runs.iter().zip(1..).map(|(run, seed)| record(run, seed)).collect();
    let epoch_secs = median(step_secs) * (SAMPLES_PER_EPOCH / BATCH_SIZE) as f64;
    let (parameters, align_secs, rounds) = align(&runs[..2], &folder.path().join("comparison"));
    println!("\ntwo perceptrons of {parameters} parameters");
    println!("an epoch of {SAMPLES_PER_EPOCH} samples {epoch_secs:>7.2} s");
    println!(
        "swapping units, proved    {align_secs:>7.2} s in {rounds} rounds: {:.3} × the epoch",
        align_secs / epoch_secs
    );
    let files: Vec<PathBuf> = runs.iter().flat_map(|run| snapshot_files(run, SNAPSHOTS)).collect();
    let cold = joint(&runs, &files, evict);
    let cached = joint(&runs, &files, |_| ());
    println!(
        "\n{RUNS} runs of {SNAPSHOTS} snapshots of {parameters} parameters, medians of {ROUNDS}"
    );
    for (name, [read, joint]) in [("from the disk", cold), ("from the cache", cached)] {
        println!(
            "{name:<15} reading {read:>7.3} s, joint components {joint:>7.3} s: {:.2} × reading",
            joint / read
        );
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("comparing.json");
    let results = json!({
        "parameters": parameters,
        "epoch_secs": epoch_secs,
        "align_secs": align_secs,
        "joint_from_disk_secs": cold,
        "joint_from_cache_secs": cached,
    });
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

/// Trains for some steps, with a snapshot every second one; the median seconds of a step.
fn record(run: &Path, seed: u64) -> f64 {
    let device = Device::flex().autodiff();
    device.seed(seed);
    let every = (STEPS / (SNAPSHOTS - 1)) as u64;
    let probe = Probe::builder(run).quiet().snapshot_every_steps(every).start().expect("a probe");
    let (mut model, mut optim) = (Perceptron::new(&device), SgdConfig::new().init());
    let mut observer = probe.observe();
    let mut all = Vec::new();
    for _ in 0..every as usize * (SNAPSHOTS - 1) {
        let batch = Images::drawn(BATCH_SIZE, &device);
        let begun = Instant::now();
        (model, _) = observer.train_step(&mut optim, 0.05, model, batch);
        all.push(begun.elapsed().as_secs_f64());
    }
    probe.close().expect("an end");
    median(all)
}

/// Parameters, seconds that an alignment takes, and its rounds.
fn align(runs: &[PathBuf], comparison: &Path) -> (usize, f64, usize) {
    let device = Device::flex().autodiff();
    let model = Perceptron::new(&device);
    let runs = Runs::open(runs).expect("runs").set(Run::quiet);
    let batches = vec![Images::drawn(512, &device), Images::drawn(512, &device)];
    let mut comparison = runs.study(comparison, &model, &batches).expect("a comparison");
    let ends: Vec<_> = comparison.runs().iter().map(ComparedRun::last).collect();
    let begun = Instant::now();
    let aligned = comparison.align(&ends[0], &ends[1]).expect("the same function");
    let secs = begun.elapsed().as_secs_f64();
    comparison.finish().expect("an end");
    (model.num_params(), secs, aligned.matching.rounds)
}

/// Median seconds of reading all files, and of the joint components, each after `before`.
fn joint(runs: &[PathBuf], files: &[PathBuf], before: impl Fn(&[PathBuf])) -> [f64; 2] {
    let open = |run: &PathBuf| Run::open(run).and_then(|run| run.snapshots()).expect("a run");
    let mut all = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        before(files);
        all[0].push(secs(|| files.iter().for_each(|file| read_whole(file))));
        before(files);
        all[1].push(secs(|| {
            let mut matrices: Vec<_> = runs.iter().map(open).collect();
            joint_pca(&mut matrices, Weigh::Runs, &PcaOptions::default()).expect("components");
        }));
    }
    all.map(median)
}

#[derive(Debug, Clone)]
struct Images {
    pixels: Tensor<2>,
    labels: Tensor<1, Int>,
}

impl Images {
    /// Noise, brighter where its label says.
    fn drawn(samples: usize, device: &Device) -> Self {
        let labels: Vec<i64> = (0..samples).map(|it| (it % CLASSES) as i64).collect();
        let labels = Tensor::<1, Int>::from_ints(labels.as_slice(), device);
        let bright: Tensor<2> = labels.clone().one_hot::<2>(CLASSES).float();
        let bright = bright.repeat_dim(1, PIXELS.div_ceil(CLASSES)).slice([0..samples, 0..PIXELS]);
        let noise = Tensor::random([samples, PIXELS], Distribution::Default, device);
        Self { pixels: noise + bright, labels }
    }
}

/// 784-640-640-256-10: 1.1 million parameters.
#[derive(Module, Debug)]
struct Perceptron {
    layers: Vec<Linear>,
}

impl Perceptron {
    fn new(device: &Device) -> Self {
        let sizes = [PIXELS, 640, 640, 256, CLASSES];
        let layer = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(device);
        Self { layers: sizes.windows(2).map(layer).collect() }
    }

    fn classify(&self, batch: Images) -> ClassificationOutput {
        let (hidden, last) = self.layers.split_at(self.layers.len() - 1);
        let features = hidden.iter().fold(batch.pixels, |x, layer| relu(layer.forward(x)));
        let logits = last[0].forward(features);
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for Perceptron {
    type Input = Images;
    type Output = ClassificationOutput;

    fn step(&self, batch: Images) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Perceptron {
    type Input = Images;
    type Output = ClassificationOutput;

    fn step(&self, batch: Images) -> ClassificationOutput {
        self.classify(batch)
    }
}
