//! What watching costs: the time of a training step, bare and watched, as ratios within one run.
//!
//! `cargo bench -p burnscape-examples --bench overhead`. Bare and watched steps alternate in short
//! rounds, so that a machine that slows down slows both; the median of the rounds' ratios is what
//! counts. The idle hook is timed on a model that does nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn::train::{
    ClassificationOutput, InferenceStep, Learner, LearnerModel, TrainOutput, TrainStep,
};
use burnscape::{Level, Measurements, Probe, ProbeBuilder, Schedule, tap};
use burnscape_examples::convnet::ConvNet;
use burnscape_examples::data::{self, DigitBatch};
use burnscape_examples::mlp::Mlp;
use serde_json::{Value, json};

const BATCH: usize = 64;
const ROUNDS: usize = 301;
const WARM_UP_ROUNDS: usize = 20;
/// Long enough for the clock, short enough to alternate often.
const ROUND: Duration = Duration::from_millis(10);

fn main() {
    if terminal::is_inside() {
        return terminal::measure();
    }
    let device = Device::flex().autodiff();
    device.seed(1);
    let mut rows = Vec::new();
    for (name, builder) in settings() {
        let big = || BigMlp::new(&device);
        rows.push(compare("784-128-10", name, big, &noise_batch(&device), builder));
        let convnet = || ConvNet::new(&device);
        rows.push(compare("convnet", name, convnet, &digit_batch(&device), builder));
        let digits = || Mlp::new(&device);
        rows.push(compare("digits", name, digits, &digit_batch(&device), builder));
    }
    let idle = idle_hook(&device);
    let undrained = terminal::undrained();
    print_table(&rows, &idle);
    println!("dashboard on a terminal that takes nothing / none: {}", undrained["ratio"]);
    write_json(&json!({ "steps": rows, "idle_hook": idle, "undrained_terminal": undrained }));
}

type Settings = fn(ProbeBuilder) -> ProbeBuilder;

fn settings() -> [(&'static str, Settings); 5] {
    [
        ("light", |it| it.level(Level::Light).activations(Schedule::Never)),
        ("standard", |it| it.level(Level::Standard).activations(Schedule::Never)),
        ("full", |it| it.level(Level::Full)),
        ("taps every 10th step", |it| it.measurements(only_taps())),
        ("nothing due", |it| it.measurements(Measurements::all(Schedule::Never))),
    ]
}

fn only_taps() -> Measurements {
    Measurements { activations: Schedule::Every(10), ..Measurements::all(Schedule::Never) }
}

/// Median ratio of watched to bare steps.
fn compare<M: LearnerModel, F: Fn() -> M>(
    model_name: &str,
    watching: &str,
    model: F,
    batch: &<M as TrainStep>::Input,
    settings: Settings,
) -> Value
where
    <M as TrainStep>::Input: Clone,
{
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).quiet();
    let probe = settings(builder).start().expect("a probe");
    let mut bare = learner(model());
    let mut watched = learner(probe.watch(model()));
    let (mut ratios, mut bare_micros) = alternate(&mut bare, &mut watched, batch);
    let recording = probe.close().expect("closed");
    assert_eq!(recording.problems(), [] as [String; 0]);
    json!({
        "model": model_name,
        "watching": watching,
        "ratio": median(&mut ratios),
        "ratio_quartiles": [quantile(&mut ratios, 0.25), quantile(&mut ratios, 0.75)],
        "bare_step_us": median(&mut bare_micros),
        "steps": recording.steps(),
        "dropped": recording.dropped_steps(),
    })
}

/// Ratios of the second to the first, round by round, and microseconds of a step of the first.
fn alternate<A, B>(
    first: &mut Learner<A>,
    second: &mut Learner<B>,
    batch: &<A as TrainStep>::Input,
) -> (Vec<f64>, Vec<f64>)
where
    A: LearnerModel,
    B: LearnerModel + TrainStep<Input = <A as TrainStep>::Input>,
    <A as TrainStep>::Input: Clone,
{
    let steps = steps_per_round(first, batch);
    let mut ratios = Vec::new();
    let mut micros = Vec::new();
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        // Who goes first alternates too.
        let (one, other) = if round % 2 == 0 {
            let one = run(first, batch, steps);
            (one, run(second, batch, steps))
        } else {
            let other = run(second, batch, steps);
            (run(first, batch, steps), other)
        };
        if round >= WARM_UP_ROUNDS {
            ratios.push(other / one);
            micros.push(one / steps as f64 * 1e6);
        }
    }
    (ratios, micros)
}

fn learner<M: LearnerModel>(model: M) -> Learner<M> {
    let mut learner = Learner::new(model, AdamConfig::new().init(), 1e-4);
    learner.lr_step();
    learner
}

/// One step as burn's own loop makes it.
fn step<M: LearnerModel>(learner: &mut Learner<M>, batch: &<M as TrainStep>::Input)
where
    <M as TrainStep>::Input: Clone,
{
    let output = learner.train_step(batch.clone());
    learner.optimizer_step(output.grads);
}

fn steps_per_round<M: LearnerModel>(
    learner: &mut Learner<M>,
    batch: &<M as TrainStep>::Input,
) -> usize
where
    <M as TrainStep>::Input: Clone,
{
    let trial = 50;
    run(learner, batch, trial);
    let each = run(learner, batch, trial) / trial as f64;
    (ROUND.as_secs_f64() / each).ceil() as usize
}

/// Seconds for so many steps.
fn run<M: LearnerModel>(
    learner: &mut Learner<M>,
    batch: &<M as TrainStep>::Input,
    steps: usize,
) -> f64
where
    <M as TrainStep>::Input: Clone,
{
    let start = Instant::now();
    for _ in 0..steps {
        step(learner, batch);
    }
    start.elapsed().as_secs_f64()
}

/// Nanoseconds that the hook adds to a step in which nothing is due, next to what a step of the
/// bare model that does nothing takes.
fn idle_hook(device: &Device) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).grad_norms_every(0);
    let probe = builder.weight_norms_every(0).queue_steps(1 << 16).start().expect("a probe");
    let mut bare = learner(Nothing::new(device));
    let mut idle = learner(probe.watch(Nothing::new(device)));
    let mut disabled = learner(Probe::disabled().watch(Nothing::new(device)));
    let steps = 2000;
    let mut nanos = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let each = [
            run(&mut bare, &(), steps),
            run(&mut idle, &(), steps),
            run(&mut disabled, &(), steps),
        ];
        for (nanos, secs) in nanos.iter_mut().zip(each) {
            nanos.push(secs / steps as f64 * 1e9);
        }
        // The writer thread catches up outside the measured time.
        std::thread::sleep(Duration::from_millis(30));
    }
    let [bare, idle, disabled] = nanos.map(|mut it| median(&mut it));
    json!({
        "idle_ns": idle - bare,
        "disabled_ns": disabled - bare,
        "empty_step_ns": bare,
    })
}

fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

fn print_table(rows: &[Value], idle: &Value) {
    println!("\nstep time, watched / bare: median of {ROUNDS} alternating rounds");
    println!(
        "{:<12} {:<28} {:>7}  {:>17}  {:>12}",
        "model", "watching", "ratio", "quartiles", "bare step"
    );
    for row in rows {
        println!(
            "{:<12} {:<28} {:>7.3}  {:>8.3} {:>8.3}  {:>9.0} µs",
            row["model"].as_str().unwrap_or_default(),
            row["watching"].as_str().unwrap_or_default(),
            row["ratio"].as_f64().unwrap_or(f64::NAN),
            row["ratio_quartiles"][0].as_f64().unwrap_or(f64::NAN),
            row["ratio_quartiles"][1].as_f64().unwrap_or(f64::NAN),
            row["bare_step_us"].as_f64().unwrap_or(f64::NAN),
        );
    }
    println!(
        "\nhook in a step with nothing due: {:.0} ns; disabled probe: {:.0} ns",
        idle["idle_ns"].as_f64().unwrap_or(f64::NAN),
        idle["disabled_ns"].as_f64().unwrap_or(f64::NAN),
    );
}

fn write_json(results: &Value) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("overhead.json");
    std::fs::write(&file, format!("{results:#}\n")).expect("a writable target folder");
    println!("written to {}", file.display());
}

// ---- terminal ----------------------------------------------------------------------------

#[cfg(unix)]
mod terminal {
    use std::process::{Command, Stdio};

    use rustix::fs::{Mode, OFlags, open};
    use rustix::process::{ioctl_tiocsctty, setsid};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    const ROLE: &str = "BURNSCAPE_BENCH_TERMINAL";

    /// This is the process that has a terminal of its own.
    pub fn is_inside() -> bool {
        std::env::var_os(ROLE).is_some()
    }

    /// What a dashboard costs whose terminal nobody reads: watched steps with it, as a ratio to watched steps
    /// without it.
    pub fn undrained() -> Value {
        let unread = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&unread).expect("granted");
        unlockpt(&unread).expect("unlocked");
        let name = ptsname(&unread, Vec::new()).expect("its name");
        let end = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its device");
        let output = Command::new(std::env::current_exe().expect("this program"))
            .env(ROLE, "inside")
            .env("TERM", "xterm-256color")
            .stdin(end)
            .stderr(Stdio::inherit())
            .output()
            .expect("it measures");
        serde_json::from_slice(&output.stdout).expect("a ratio")
    }

    pub fn measure() {
        setsid().expect("a session of its own");
        ioctl_tiocsctty(std::io::stdin()).expect("a controlling terminal");
        let device = Device::flex().autodiff();
        device.seed(1);
        let folder = tempfile::tempdir().expect("a folder");
        let probe = |run: &str| Probe::builder(folder.path().join(run)).quiet().start();
        let (plain, shown) = (probe("plain").expect("a probe"), probe("shown").expect("a probe"));
        assert!(shown.open_dashboard());
        let mut without = learner(plain.watch(Mlp::new(&device)));
        let mut with = learner(shown.watch(Mlp::new(&device)));
        let (mut ratios, mut micros) = alternate(&mut without, &mut with, &digit_batch(&device));
        println!(
            "{}",
            json!({
                "model": "digits",
                "ratio": median(&mut ratios),
                "ratio_quartiles": [quantile(&mut ratios, 0.25), quantile(&mut ratios, 0.75)],
                "step_without_us": median(&mut micros),
            })
        );
    }
}

#[cfg(not(unix))]
mod terminal {
    use super::Value;

    pub fn is_inside() -> bool {
        false
    }

    pub fn measure() {}

    pub fn undrained() -> Value {
        Value::Null
    }
}

// ---- models ------------------------------------------------------------------------------

fn digit_batch(device: &Device) -> DigitBatch {
    data::batches(&data::all(), BATCH, device).swap_remove(0)
}

#[derive(Debug, Clone)]
struct Noise {
    images: Tensor<2>,
    labels: Tensor<1, Int>,
}

fn noise_batch(device: &Device) -> Noise {
    let labels: Vec<i64> = (0..BATCH as i64).map(|it| it % 10).collect();
    Noise {
        images: Tensor::random([BATCH, 784], Distribution::Default, device),
        labels: Tensor::from_ints(labels.as_slice(), device),
    }
}

/// The network that the field measures: 784-128-10.
#[derive(Module, Debug)]
struct BigMlp {
    fc1: Linear,
    fc2: Linear,
}

impl BigMlp {
    fn new(device: &Device) -> Self {
        Self {
            fc1: LinearConfig::new(784, 128).init(device),
            fc2: LinearConfig::new(128, 10).init(device),
        }
    }

    fn classify(&self, batch: Noise) -> ClassificationOutput {
        let hidden = tap("fc1.relu", relu(self.fc1.forward(batch.images)));
        let logits = self.fc2.forward(hidden);
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for BigMlp {
    type Input = Noise;
    type Output = ClassificationOutput;

    fn step(&self, batch: Noise) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for BigMlp {
    type Input = Noise;
    type Output = ClassificationOutput;

    fn step(&self, batch: Noise) -> ClassificationOutput {
        self.classify(batch)
    }
}

/// A model whose step and update do nothing.
#[derive(Module, Debug)]
struct Nothing {
    weight: Param<Tensor<1>>,
}

impl Nothing {
    fn new(device: &Device) -> Self {
        let weight = Param::from_tensor(Tensor::from_floats([1.0], device));
        Self { weight }
    }

    fn output(&self) -> ClassificationOutput {
        let loss = self.weight.val().inner();
        let device = loss.device();
        ClassificationOutput::new(loss, Tensor::zeros([1, 1], &device), Tensor::zeros([1], &device))
    }
}

impl TrainStep for Nothing {
    type Input = ();
    type Output = ClassificationOutput;

    fn step(&self, (): ()) -> TrainOutput<ClassificationOutput> {
        TrainOutput { grads: GradientsParams::new(), item: self.output() }
    }

    fn optimize(
        self,
        _optim: &mut ModuleOptimizer,
        _lr: ModuleLearningRate,
        _grads: GradientsParams,
    ) -> Self {
        self
    }
}

impl InferenceStep for Nothing {
    type Input = ();
    type Output = ClassificationOutput;

    fn step(&self, (): ()) -> ClassificationOutput {
        self.output()
    }
}
