//! What a model of a hundred million parameters costs: memory at its peak, and the hook's share of a step.
//!
//! `cargo bench --bench hook -- large`. Every row is a process of its own, so that none finds memory that another one
//! has used; within it the system forgets the peak of training before what comes after is measured. Ten snapshots take
//! 4 GB on the disk, which are deleted at the end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::AdamConfig;
use burn::tensor::{Device, Distribution, Tensor};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{Probe, ProbeBuilder, Run, SliceSpec};
use clap::ValueEnum;
use serde_json::{Value, json};

/// Six layers of 4096 × 4096: 100 million parameters.
const WIDTH: usize = 4096;
const LAYERS: usize = 6;
const BATCH: usize = 16;
/// With the initial model they make ten snapshots.
const STEPS: usize = 9;
/// Nodes along each axis of a surface.
const SIDE: usize = 7;
/// What a row may take of the memory of its bare counterpart.
const MOST: f64 = 2.5;

/// In these variables the process of a row finds what it is to do, and where.
const ROW: &str = "BURNSCAPE_BENCH_LARGE";
const FOLDER: &str = "BURNSCAPE_BENCH_LARGE_RUN";

#[derive(Clone, Copy, ValueEnum)]
enum Row {
    Training,
    Inference,
    WatchedTraining,
    WatchedTrainingAndFinish,
    SurfaceLater,
}

/// What a process tells of itself.
struct Told {
    training_peak: f64,
    step_secs: f64,
    peak: f64,
    secs: f64,
}

impl Default for Told {
    fn default() -> Self {
        Self { training_peak: f64::NAN, step_secs: f64::NAN, peak: f64::NAN, secs: f64::NAN }
    }
}

impl Told {
    fn line(&self) -> String {
        json!([self.training_peak, self.step_secs, self.peak, self.secs]).to_string()
    }

    fn of(line: &str) -> Option<Self> {
        let values: Vec<Value> = serde_json::from_str(line).ok()?;
        let values: Vec<f64> = values.iter().map(|it| it.as_f64().unwrap_or(f64::NAN)).collect();
        let [training_peak, step_secs, peak, secs] = values[..] else { return None };
        Some(Self { training_peak, step_secs, peak, secs })
    }
}

/// Does what a row asks this process to do; `false` if it is none of these.
pub fn measure_inside() -> bool {
    let Ok(row) = std::env::var(ROW) else { return false };
    let row = Row::from_str(&row, true).expect("a row");
    let run = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    println!("{}", row.measure(&run).line());
    true
}

pub fn measure() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let run = folder.path().join("run");
    let [bare, inference, watched, finish, later] = [
        Row::Training,
        Row::Inference,
        Row::WatchedTraining,
        Row::WatchedTrainingAndFinish,
        Row::SurfaceLater,
    ]
    .map(|row| in_a_process(row, &run));
    let parameters = LAYERS * (WIDTH * WIDTH + WIDTH);
    println!(
        "\n{:.0} million parameters, {:.0} MB, Adam",
        parameters as f64 / 1e6,
        parameters as f64 * 4e-6
    );
    println!("{:<44} {:>12} {:>10} {:>10}", "", "peak memory", "of bare", "seconds");
    let rows = [
        ("training, bare (a step)", bare.training_peak, 1.0, bare.step_secs),
        (
            "training, nothing due (a step)",
            watched.training_peak,
            watched.training_peak / bare.training_peak,
            watched.step_secs,
        ),
        (
            "training, a snapshot at every step (a step)",
            finish.training_peak,
            finish.training_peak / bare.training_peak,
            finish.step_secs,
        ),
        ("inference, bare (a batch)", inference.peak, 1.0, inference.secs),
        (
            "finish: PCA of ten, two surfaces of 7 × 7",
            finish.peak,
            finish.peak / inference.peak,
            finish.secs,
        ),
        ("a random surface of 7 × 7, later", later.peak, later.peak / inference.peak, later.secs),
    ];
    for (name, peak, ratio, secs) in rows {
        let mark = if ratio > MOST { "  too much" } else { "" };
        println!("{name:<44} {:>9.0} MB {ratio:>8.2} × {secs:>8.2} s{mark}", peak / 1e6);
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.json");
    let row = |(name, peak, ratio, secs): (&str, f64, f64, f64)| json!({ "what": name, "peak_bytes": peak, "of_bare": ratio, "secs": secs });
    let results = json!({ "parameters": parameters, "rows": rows.map(row) });
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

fn in_a_process(row: Row, run: &Path) -> Told {
    let name = row.to_possible_value().expect("a name");
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    let output = command.env(ROW, name.get_name()).env(FOLDER, run).output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let failed = || String::from_utf8_lossy(&output.stderr).into_owned();
    Told::of(last).unwrap_or_else(|| panic!("{}: {}", name.get_name(), failed()))
}

impl Row {
    fn measure(self, run: &Path) -> Told {
        match self {
            Self::Training => {
                let (_, step_secs) = train(None);
                Told { training_peak: peak_bytes(), step_secs, ..Told::default() }
            }
            Self::Inference => inference(),
            Self::WatchedTraining => {
                let probe = started(&run.with_extension("bare"), |it| it.snapshot_every_epochs(1));
                let (_, step_secs) = train(Some(&probe));
                let training_peak = peak_bytes();
                probe.close().expect("an end");
                Told { training_peak, step_secs, ..Told::default() }
            }
            Self::WatchedTrainingAndFinish => {
                let probe = started(run, |it| it.snapshot_every_steps(1));
                let (model, step_secs) = train(Some(&probe));
                let training_peak = peak_bytes();
                forget_peak();
                let begun = Instant::now();
                let landscape = probe.finish(&model, &batches()).expect("a landscape");
                assert_eq!(landscape.problems(), [""; 0]);
                let secs = begun.elapsed().as_secs_f64();
                Told { training_peak, step_secs, peak: peak_bytes(), secs }
            }
            Self::SurfaceLater => {
                // As a user has it who has kept his model: the same seed gives the same weights.
                let model = train(None).0.valid();
                forget_peak();
                let begun = Instant::now();
                let opened = Run::open(run).expect("a run").quiet();
                let mut study = opened.study(&model, &batches()).expect("a study");
                study.slice(&SliceSpec::random().seed(5).resolution(SIDE, SIDE)).expect("a slice");
                study.finish().expect("an end");
                Told { peak: peak_bytes(), secs: begun.elapsed().as_secs_f64(), ..Told::default() }
            }
        }
    }
}

fn started(run: &Path, settings: impl Fn(ProbeBuilder) -> ProbeBuilder) -> Probe {
    let builder = Probe::builder(run).quiet().exact().resolution(SIDE, SIDE).agreement(0);
    settings(builder).start().expect("a probe")
}

fn batches() -> Vec<Tensor<2>> {
    vec![Tensor::random([BATCH, WIDTH], Distribution::Default, &Device::flex())]
}

fn inference() -> Told {
    let model = Deep::new(&Device::flex());
    let batches = batches();
    let begun = Instant::now();
    let output = InferenceStep::step(&model, batches[0].clone());
    let _ = output.loss.into_scalar::<f32>();
    Told { peak: peak_bytes(), secs: begun.elapsed().as_secs_f64(), ..Told::default() }
}

/// The trained model, and the median seconds of a step.
fn train(probe: Option<&Probe>) -> (Deep, f64) {
    let device = Device::flex().autodiff();
    device.seed(1);
    let model = Deep::new(&device);
    match probe {
        Some(probe) => {
            let (model, secs) = steps(probe.watch(model), &device);
            (model.into_inner(), secs)
        }
        None => steps(model, &device),
    }
}

fn steps<M: TrainStep<Input = Tensor<2>> + Module>(mut model: M, device: &Device) -> (M, f64) {
    let mut optim = AdamConfig::new().init();
    let mut secs = Vec::new();
    for _ in 0..STEPS {
        let inputs = Tensor::random([BATCH, WIDTH], Distribution::Default, device);
        let begun = Instant::now();
        let output = TrainStep::step(&model, inputs);
        model = model.optimize(&mut optim, 1e-4.into(), output.grads);
        secs.push(begun.elapsed().as_secs_f64());
    }
    secs.sort_unstable_by(f64::total_cmp);
    (model, secs[STEPS / 2])
}

/// Bytes that this process has taken at most; NaN where the system does not tell.
fn peak_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|it| it.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |it| 1024.0 * it)
}

/// From now on the peak is that of what comes.
fn forget_peak() {
    // 5: see proc_pid_clear_refs(5).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Layers of one width, with a tanh behind each.
#[derive(Module, Debug)]
struct Deep {
    layers: Vec<Linear>,
}

impl Deep {
    fn new(device: &Device) -> Self {
        let layer = |_| LinearConfig::new(WIDTH, WIDTH).init(device);
        Self { layers: (0..LAYERS).map(layer).collect() }
    }

    fn regress(&self, inputs: Tensor<2>) -> RegressionOutput {
        let output = self.layers.iter().fold(inputs, |it, layer| layer.forward(it).tanh());
        let targets = Tensor::ones(output.shape(), &output.device());
        let loss = (output.clone() - targets.clone()).square().mean();
        RegressionOutput::new(loss, output, targets)
    }
}

impl TrainStep for Deep {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, inputs: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.regress(inputs);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Deep {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, inputs: Tensor<2>) -> RegressionOutput {
        self.regress(inputs)
    }
}
