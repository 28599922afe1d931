//! What the principal components of many snapshots cost, beside merely reading their files.
//!
//! `cargo bench --bench hook -- pca`. A network of 1.1 million parameters is recorded for 200
//! snapshots; reading, scores and directions then take turns, and medians are compared: from the disk, where
//! the system lets go of files in its cache, and from that cache. Memory is that of a process of its own. Then the same
//! for 20,000 snapshots of two parameters, where files are opened more than read.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Distribution, Tensor};
use burn::train::{RegressionOutput, TrainOutput, TrainStep};
use burnscape::geometry::pca::{PcaOptions, pca, scores};
use burnscape::{Probe, Run};
use serde_json::json;

const SNAPSHOTS: usize = 200;
/// Of the model with two parameters.
const MANY_SNAPSHOTS: usize = 20_000;
const ROUNDS: usize = 5;
/// In this variable the process that measures its memory finds the run.
const RUN: &str = "BURNSCAPE_BENCH_RUN";

/// The run that this process is to measure its memory with, if it is the one that does.
pub fn run_to_measure() -> Option<PathBuf> {
    std::env::var_os(RUN).map(PathBuf::from)
}

pub fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let params = record(&run);
    let files = snapshot_files(&run, SNAPSHOTS);
    let cold = rounds(&run, &files, evict);
    let cached = rounds(&run, &files, |_| ());
    let peak = peak_memory(&run);
    println!("\n{SNAPSHOTS} snapshots of {params} parameters, {ROUNDS} rounds, medians");
    println!("{:<22} {:>9} {:>9} {:>17} {:>17}", "", "reading", "scores", "with directions", "");
    for (name, secs) in [("from the disk", cold), ("from the cache", cached)] {
        let [read, scores, directions] = secs;
        println!(
            "{name:<22} {read:>7.3} s {scores:>7.3} s {directions:>15.3} s   {:.2} × and {:.2} × reading",
            scores / read,
            directions / read
        );
    }
    println!("peak memory           {:>7.0} MB", peak / 1e6);
    let many = many(&folder.path().join("many"));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pca.json");
    let results = json!({
        "snapshots": SNAPSHOTS,
        "parameters": params,
        "from_disk_secs": cold,
        "from_cache_secs": cached,
        "peak_bytes": peak,
        "many_snapshots": MANY_SNAPSHOTS,
        "many_secs": many,
    });
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

/// The same for many snapshots of few parameters, from the cache.
fn many(run: &Path) -> [f64; 3] {
    record_many(run);
    let files = snapshot_files(run, MANY_SNAPSHOTS);
    let secs = rounds(run, &files, |_| ());
    let [read, scores, directions] = secs;
    println!("\n{MANY_SNAPSHOTS} snapshots of 2 parameters, {ROUNDS} rounds, medians");
    println!(
        "{:<22} {read:>7.3} s {scores:>7.3} s {directions:>15.3} s   {:.2} × and {:.2} × reading",
        "from the cache",
        scores / read,
        directions / read
    );
    secs
}

fn record_many(run: &Path) {
    let device = Device::flex().autodiff();
    let builder = Probe::builder(run).quiet().snapshot_every_steps(1).keep_all_snapshots();
    let probe = builder.start().expect("a probe");
    let mut model = LinearConfig::new(1, 1).init(&device);
    let (mut observer, mut optim) = (probe.observe(), SgdConfig::new().init());
    for step in 1..MANY_SNAPSHOTS {
        let angle = step as f32 * 1e-3;
        let inputs = Tensor::<2>::from_floats([[angle.cos()]], &device);
        let loss = (model.forward(inputs) - angle.sin()).square().mean();
        observer.loss(&loss, 1);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = observer.step(&mut optim, 0.1, model, grads);
    }
    let recording = probe.close().expect("an end");
    assert_eq!(recording.problems(), [""; 0]);
}

/// Median seconds of reading, of scores, and of scores and directions, each after `before`.
fn rounds(run: &Path, files: &[PathBuf], before: impl Fn(&[PathBuf])) -> [f64; 3] {
    let mut all = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        before(files);
        all[0].push(secs(|| files.iter().for_each(|file| read_whole(file))));
        before(files);
        all[1].push(secs(|| drop(scores(&mut open(run), &PcaOptions::default()).expect("scores"))));
        before(files);
        all[2]
            .push(secs(|| drop(pca(&mut open(run), &PcaOptions::default()).expect("components"))));
    }
    all.map(median)
}

/// Asks the system to forget what it has of these files in memory.
pub fn evict(files: &[PathBuf]) {
    #[cfg(target_os = "linux")]
    for file in files {
        let file = std::fs::File::open(file).expect("a snapshot");
        file.sync_all().expect("a snapshot");
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = files;
}

/// Trains for a while with a snapshot after each step; gives the number of parameters.
fn record(run: &Path) -> usize {
    let device = Device::flex().autodiff();
    device.seed(1);
    let probe = Probe::builder(run).quiet().snapshot_every_steps(1).start().expect("a probe");
    let mut model = probe.watch(Wide::new(&device));
    let params = model.num_params();
    let mut optim = SgdConfig::new().init();
    // Snapshot 0 is the first.
    for _ in 1..SNAPSHOTS {
        let inputs = Tensor::random([8, 784], Distribution::Default, &device);
        let output = TrainStep::step(&model, inputs);
        model = model.optimize(&mut optim, 0.5.into(), output.grads);
    }
    let recording = probe.close().expect("an end");
    assert_eq!(recording.problems(), [""; 0]);
    params
}

pub fn snapshot_files(run: &Path, count: usize) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(run.join("snapshots")).expect("snapshots");
    let files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(files.len(), count);
    files
}

pub fn read_whole(file: &Path) {
    let mut buffer = vec![0; 1 << 20];
    let mut file = std::fs::File::open(file).expect("a snapshot");
    while file.read(&mut buffer).expect("a snapshot") > 0 {}
}

fn open(run: &Path) -> burnscape::SnapshotMatrix<'static> {
    Run::open(run).and_then(|run| run.snapshots()).expect("a run")
}

pub fn secs(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

pub fn median(mut secs: Vec<f64>) -> f64 {
    secs.sort_unstable_by(f64::total_cmp);
    secs[secs.len() / 2]
}

/// Bytes that a process takes at most which does nothing but this analysis; NaN where the system does not tell.
fn peak_memory(run: &Path) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).env(RUN, run).output().expect("this program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or(f64::NAN)
}

pub fn print_peak_memory(run: &Path) {
    pca(&mut open(run), &PcaOptions::default()).expect("components");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|it| it.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    println!("{}", kilobytes.map_or(f64::NAN, |it| 1024.0 * it));
}

/// 784-1024-300: 1.1 million parameters.
#[derive(Module, Debug)]
struct Wide {
    first: Linear,
    second: Linear,
}

impl Wide {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(784, 1024).init(device),
            second: LinearConfig::new(1024, 300).init(device),
        }
    }
}

impl TrainStep for Wide {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, inputs: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.second.forward(self.first.forward(inputs).tanh());
        let targets = Tensor::ones(output.shape(), &output.device());
        let loss = (output.clone() - targets.clone()).square().mean();
        let gradients = loss.backward();
        TrainOutput::new(self, gradients, RegressionOutput::new(loss, output, targets))
    }
}
