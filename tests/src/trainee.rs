//! A training in a process of its own: what to train, how it is watched, and what came out.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use burn::data::dataloader::DataLoader;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{AdamConfig, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Tensor};
use burn::train::logger::TrainingProgressLogger;
use burn::train::metric::store::{Aggregate, Direction, Split};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::renderer::MetricsRenderer;
use burn::train::{
    ClassificationOutput, ExecutionStrategy, Interrupter, Learner, MetricEarlyStoppingStrategy,
    MultiDeviceOptim, StoppingCondition, SupervisedTraining,
};
use burnscape::{
    BatchLoss, BlackBox, LiveCurvature, Measurements, Probe, Run, Schedule, Stopper, Watched,
};
use burnscape_examples::convnet::ConvNet;
use burnscape_examples::data::{self, Digit, DigitBatch};
use burnscape_examples::mlp::Mlp;
use burnscape_workbench::hearing;
use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::devices::cpu_devices;
use crate::models::{Clipping, DigitModel, Lazy, Nested};
use crate::waiting::wait_patiently_until;

/// Digits that a trainee trains on: enough for several batches, quick in a debug build.
pub const TRAIN_DIGITS: usize = 300;
/// Digits that it validates on.
pub const VALID_DIGITS: usize = 70;
/// Digits per batch; the last batch of an epoch is short.
pub const BATCH_SIZE: usize = 32;
/// The file that lets a resting training go on.
pub const GO_ON: &str = "go-on";

/// What to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelKind {
    /// The perceptron of `examples/digits`.
    Mlp,
    /// The network of `examples/convnet`: BatchNorm and dropout.
    Convnet,
    /// Overrides `optimize`.
    Clipping,
    /// Has parameters that stay lazy.
    Lazy,
    /// Nested structs, `Vec`, `Option`, frozen, BatchNorm.
    Nested,
}

/// How it is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Watch {
    /// The bare model, burnscape nowhere.
    Bare,
    /// `Probe::disabled()`.
    Disabled,
    /// The default settings.
    Default,
    /// Everything at every step, a snapshot at every step.
    Busiest,
    /// The curvature before every step.
    Curvature,
    /// Through `Probe::training`, with everything at every step.
    Training,
}

/// The command line of the trainee.
#[derive(Debug, Clone, Parser)]
pub struct Flags {
    /// What to train
    #[arg(long, value_enum)]
    pub model: ModelKind,
    /// How it is watched
    #[arg(long, value_enum)]
    pub watch: Watch,
    /// Folder for the run and for burn's artifacts
    #[arg(long)]
    pub dir: PathBuf,
    /// Name of the run folder in it
    #[arg(long, default_value = "run")]
    pub run: String,
    /// Epochs to train until
    #[arg(long, default_value_t = 2)]
    pub epochs: usize,
    /// burn's checkpoint to go on from
    #[arg(long)]
    pub checkpoint: Option<usize>,
    /// Go on in the run folder
    #[arg(long)]
    pub resume: bool,
    /// Gradient accumulation
    #[arg(long)]
    pub accumulate: Option<usize>,
    /// Interrupt after so many training batches
    #[arg(long)]
    pub interrupt_after: Option<usize>,
    /// Stop early when validation has not improved for so many epochs; the learning rate is so
    /// high that it does not
    #[arg(long)]
    pub patience: Option<usize>,
    /// Train on flex and ndarray together, optimizing on the first
    #[arg(long)]
    pub two_devices: bool,
    /// With --two-devices: optimize a part of the parameters on each
    #[arg(long, requires = "two_devices")]
    pub sharded: bool,
    /// Leave norms on the device until the writer thread reads them
    #[arg(long)]
    pub deferred: bool,
    /// Give the digits in the same order in every epoch
    #[arg(long)]
    pub unshuffled: bool,
    /// Learning rate
    #[arg(long, default_value_t = 1e-3)]
    pub lr: f64,
    /// With --watch training: burn's own renderer
    #[arg(long)]
    pub burns_renderer: bool,
    /// A renderer that has the terminal for itself, as burn's does
    #[arg(long)]
    pub screen: bool,
    /// Say on standard error what probes say there
    #[arg(long)]
    pub aloud: bool,
    /// Do not register with burn's training
    #[arg(long)]
    pub unattached: bool,
    /// Finish with surfaces of so many nodes per axis
    #[arg(long)]
    pub finish: Option<usize>,
    /// Run a shell script after every training batch, whose number is its $1
    #[arg(long)]
    pub after_batch: Option<String>,
    /// Rest after so many training batches, until there is a file `go-on` in --dir
    #[arg(long)]
    pub rest_after: Option<usize>,
    /// With --finish: rest in the surfaces after the loss of so many batches was read, until there is that file
    #[arg(long)]
    pub rest_in_surface: Option<usize>,
    /// Show training in this terminal
    #[arg(long)]
    pub dashboard: bool,
    /// With --dashboard: begin a second recording with one, too
    #[arg(long)]
    pub second_dashboard: bool,
    /// Print a line after so many training batches
    #[arg(long)]
    pub chat_after: Option<usize>,
    /// Panic after so many training batches
    #[arg(long)]
    pub panic_after: Option<usize>,
    /// Load this checkpoint instead of training
    #[arg(long)]
    pub load: Option<PathBuf>,
    /// With --finish or --go-on: stop the surfaces after the loss of so many batches was read
    #[arg(long)]
    pub stop_after: Option<usize>,
    /// Measure what is missing of the surfaces of a recorded run instead of training
    #[arg(long)]
    pub go_on: bool,
    /// Threads for the surfaces
    #[arg(long)]
    pub threads: Option<usize>,
}

/// What came out, as JSON on the last line of standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Paths of all float tensors, in visiting order.
    pub paths: Vec<String>,
    /// CRC-32 of the bytes of each.
    pub checksums: Vec<u32>,
    /// Largest absolute parameter.
    pub largest: f32,
    /// Sentences of the landscape, if there is one.
    pub summary: Vec<String>,
    /// What went wrong while recording.
    pub problems: Vec<String>,
}

/// Runs the trainee program with these arguments and reads what came out.
///
/// # Errors
///
/// If the process fails or prints no outcome.
pub fn run(program: &str, arguments: &[&str]) -> Result<Outcome> {
    let output = start(program, arguments).output()?;
    outcome(&output)
}

/// The command of a trainee, with burnscape's switch cleared.
pub fn start(program: &str, arguments: &[&str]) -> Command {
    let mut command = hearing(program);
    command.args(arguments).env_remove(burnscape::SWITCH_VARIABLE);
    command
}

/// The outcome that a finished process printed.
///
/// # Errors
///
/// If the process failed or printed none.
pub fn outcome(output: &Output) -> Result<Outcome> {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{}: {errors}", output.status);
    let last = text.lines().rev().find(|line| line.starts_with('{'));
    let last = last.with_context(|| format!("no outcome in {text:?} {errors:?}"))?;
    Ok(serde_json::from_str(last)?)
}

/// What the program does.
///
/// # Errors
///
/// If the probe cannot start or finish.
pub fn main(flags: &Flags) -> Result<Outcome> {
    let device = Device::flex().autodiff();
    device.seed(7);
    match flags.model {
        ModelKind::Mlp => with_model(flags, Mlp::new(&device)),
        ModelKind::Convnet => with_model(flags, ConvNet::new(&device)),
        ModelKind::Clipping => with_model(flags, Clipping::new(&device)),
        ModelKind::Lazy => with_model(flags, Lazy::new(&device)),
        ModelKind::Nested => with_model(flags, Nested::new(&device)),
    }
}

fn with_model<M: DigitModel>(flags: &Flags, model: M) -> Result<Outcome> {
    if let Some(file) = &flags.load {
        return Ok(outcome_of(&model.load_file(file)));
    }
    if flags.go_on {
        return go_on(flags, &model);
    }
    let probe = probe(flags)?;
    let second = flags.second_dashboard.then(|| second_probe(flags)).transpose()?;
    let outcome = train_and_finish(flags, model, probe);
    drop(second);
    outcome
}

/// A recording beside the one of the training, whose dashboard comes first.
fn second_probe(flags: &Flags) -> Result<Probe> {
    let probe = Probe::builder(flags.dir.join("second")).quiet().start()?;
    anyhow::ensure!(probe.open_dashboard(), "the first dashboard opens");
    Ok(probe)
}

fn train_and_finish<M: DigitModel>(flags: &Flags, model: M, probe: Probe) -> Result<Outcome> {
    match flags.watch {
        Watch::Bare => Ok(outcome_of(&train(flags, model, &Probe::disabled()))),
        Watch::Training => {
            let trained = train_by_probe(flags, model, &probe);
            finish(flags, probe.watch(trained), probe)
        }
        _ => finish(flags, train(flags, watched(flags, &probe, model)?, &probe), probe),
    }
}

fn watched<M: DigitModel>(flags: &Flags, probe: &Probe, model: M) -> Result<Watched<M>> {
    let model = probe.watch(model);
    Ok(match flags.watch {
        Watch::Curvature => {
            let batches = data::batches(&digits().0, 64, &Device::flex().autodiff());
            probe.curvature(model, batches, LiveCurvature::new().every_steps(1))?
        }
        _ => model,
    })
}

fn probe(flags: &Flags) -> Result<Probe> {
    let builder = Probe::builder(flags.dir.join(&flags.run)).exact();
    let builder = if flags.aloud { builder } else { builder.quiet() };
    let builder = match flags.resume {
        true => builder.resume(),
        false => builder,
    };
    let builder = match flags.deferred {
        true => builder.deferred_reads(true),
        false => builder,
    };
    let nodes = flags.finish.unwrap_or(3);
    let builder = builder.resolution(nodes, nodes);
    let builder = match flags.threads {
        Some(threads) => builder.threads(threads),
        None => builder,
    };
    let builder = match flags.watch {
        Watch::Busiest | Watch::Training => builder
            .measurements(Measurements::all(Schedule::Every(1)))
            .black_box(BlackBox::new().weights())
            .keep_last_update()
            .snapshot_every_steps(1),
        _ => builder,
    };
    Ok(match flags.watch {
        Watch::Bare | Watch::Disabled => Probe::disabled(),
        Watch::Default | Watch::Busiest | Watch::Curvature | Watch::Training => builder.start()?,
    })
}

fn finish<M: DigitModel>(flags: &Flags, model: Watched<M>, probe: Probe) -> Result<Outcome> {
    let mut outcome = outcome_of(model.inner());
    if flags.finish.is_none() {
        outcome.problems = probe.close()?.problems().to_vec();
        return Ok(outcome);
    }
    if let Some(losses) = flags.rest_in_surface {
        rest_in_surface(&probe, losses, flags.dir.clone());
    }
    let landscape = match flags.stop_after {
        Some(_) => {
            let brake = Brake::new(flags);
            let mut study = probe.study_with(&model, &batches(), |output| brake.read(output))?;
            brake.may_stop(&study.stopper());
            study.default_slices()?;
            study.finish()?
        }
        None => probe.finish_strict(&model, &batches())?,
    };
    outcome.summary = landscape.summary();
    outcome.problems = landscape.recording().problems().to_vec();
    anyhow::ensure!(outcome_of(model.inner()).checksums == outcome.checksums);
    Ok(outcome)
}

/// After so many losses nobody gets another one until a test lets training go on.
fn rest_in_surface(probe: &Probe, losses: usize, dir: PathBuf) {
    let left = AtomicUsize::new(losses);
    probe.loss_of(move |output: &ClassificationOutput| {
        let one_less = |left: usize| left.checked_sub(1);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err() {
            rest(&dir);
        }
        BatchLoss { mean: output.loss.clone(), samples: output.targets.dims()[0] }
    });
}

fn rest(dir: &Path) {
    let go_on = dir.join(GO_ON);
    wait_patiently_until(|| go_on.exists(), || "nobody lets training go on".to_owned());
}

/// Measures what is missing of the surfaces of a recorded run.
fn go_on<M: DigitModel>(flags: &Flags, model: &M) -> Result<Outcome> {
    let run = Run::open(flags.dir.join(&flags.run))?.quiet();
    let brake = Brake::new(flags);
    let mut study = run.study_with(model, &batches(), |output| brake.read(output))?;
    brake.may_stop(&study.stopper());
    study.resume()?;
    let landscape = study.finish()?;
    Ok(Outcome { summary: landscape.summary(), ..outcome_of(model) })
}

/// What surfaces are measured on.
fn batches() -> Vec<DigitBatch> {
    data::batches(&digits().0, 64, &Device::flex())
}

/// Stops surfaces where a test asks for it.
struct Brake {
    left: AtomicUsize,
    stopper: OnceLock<Stopper>,
}

impl Brake {
    fn new(flags: &Flags) -> Self {
        let left = AtomicUsize::new(flags.stop_after.unwrap_or(usize::MAX));
        Self { left, stopper: OnceLock::new() }
    }

    fn may_stop(&self, stopper: &Stopper) {
        let _ = self.stopper.set(stopper.clone());
    }

    fn read(&self, output: &ClassificationOutput) -> BatchLoss {
        if let Some(stopper) = self.stopper.get()
            && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            stopper.stop();
        }
        BatchLoss { mean: output.loss.clone(), samples: output.targets.dims()[0] }
    }
}

/// The digits to train on and to validate on.
pub fn digits() -> (Vec<Digit>, Vec<Digit>) {
    let (mut train, mut valid) = data::split();
    train.truncate(TRAIN_DIGITS);
    valid.truncate(VALID_DIGITS);
    (train, valid)
}

/// The settings of one and the same training, for burn's builder and for ours.
macro_rules! configured {
    ($training:expr, $flags:expr) => {{
        let (mut training, flags) = ($training, $flags);
        training = training
            .metrics((LossMetric::new(), AccuracyMetric::new()))
            .with_default_checkpointers()
            .with_application_logger(None)
            .num_epochs(flags.epochs)
            .summary();
        if let Some(checkpoint) = flags.checkpoint {
            training = training.checkpoint(checkpoint);
        }
        if let Some(accumulate) = flags.accumulate {
            training = training.grads_accumulation(accumulate);
        }
        if let Some(n_epochs) = flags.patience {
            training = training.early_stopping(MetricEarlyStoppingStrategy::new(
                &LossMetric::new(),
                Aggregate::Mean,
                Direction::Lowest,
                Split::Valid,
                StoppingCondition::NoImprovementSince { n_epochs },
            ));
        }
        if flags.two_devices {
            training = training.with_training_strategy(on_two_devices(flags.sharded).into());
        }
        training
    }};
}

type Loader = Arc<dyn DataLoader<DigitBatch>>;

fn loaders(flags: &Flags) -> (Loader, Loader) {
    let (train, valid) = digits();
    let train = data::loader(train, BATCH_SIZE, (!flags.unshuffled).then_some(3));
    (train, data::loader(valid, BATCH_SIZE, None))
}

/// One and the same training for bare and watched models.
fn train<M: DigitModel>(flags: &Flags, model: M, probe: &Probe) -> M {
    let (train, valid) = loaders(flags);
    let training = SupervisedTraining::new(flags.dir.join("burn"), train, valid);
    let training = configured!(training, flags).renderer(renderer(flags, probe));
    let training = if flags.dashboard { probe.attach(training) } else { training };
    let spy = Spy::new(flags, training.interrupter());
    let training = match flags.unattached {
        true => training.with_progress_logger(spy),
        false => training.with_progress_logger(probe.progress_logger().beside(spy)),
    };
    let (optim, lr) = optimizer(flags);
    training.launch(Learner::new(model, optim, lr)).model
}

/// The same through the probe's own builder.
fn train_by_probe<M: DigitModel>(flags: &Flags, model: M, probe: &Probe) -> M {
    let (train, valid) = loaders(flags);
    let training = probe.training(flags.dir.join("burn"), train, valid);
    let training = match flags.burns_renderer {
        true => configured!(training, flags),
        false => configured!(training, flags).renderer(renderer(flags, probe)),
    };
    let spy = Spy::new(flags, training.interrupter());
    let (optim, lr) = optimizer(flags);
    training.with_progress_logger(spy).launch(model, optim, lr).model
}

fn optimizer(flags: &Flags) -> (ModuleOptimizer, f64) {
    match flags.patience {
        Some(_) => (SgdConfig::new().init(), 0.0),
        None => (AdamConfig::new().init(), flags.lr),
    }
}

fn renderer(flags: &Flags, probe: &Probe) -> Box<dyn MetricsRenderer> {
    match flags.dashboard {
        true => probe.dashboard(),
        #[cfg(unix)]
        false if flags.screen => Box::new(crate::screen::Screen::open()),
        false => Probe::disabled().lines(),
    }
}

fn on_two_devices(sharded: bool) -> ExecutionStrategy {
    let devices = cpu_devices();
    assert_eq!(devices.len(), 2, "--two-devices wants the feature `ndarray`");
    let optim = match sharded {
        true => MultiDeviceOptim::OptimSharded,
        false => MultiDeviceOptim::OptimMainDevice,
    };
    ExecutionStrategy::multi(devices, optim)
}

/// Interrupts training where a test asks for it, and makes it rest.
struct Spy {
    flags: Flags,
    interrupter: Interrupter,
    batches: usize,
    is_train: bool,
}

impl Spy {
    fn new(flags: &Flags, interrupter: Interrupter) -> Self {
        Self { flags: flags.clone(), interrupter, batches: 0, is_train: false }
    }

    /// What the code of a user does at any time.
    fn misbehave(&self) {
        let is_now = |batch: Option<usize>| batch == Some(self.batches);
        if is_now(self.flags.chat_after) {
            println!("a line of the user's");
        }
        assert!(!is_now(self.flags.panic_after), "the test asks for a panic");
        if let Some(script) = &self.flags.after_batch {
            let batch = self.batches.to_string();
            let status = Command::new("sh").args(["-c", script, "sh", &batch]).status();
            assert!(status.is_ok_and(|it| it.success()), "{script} after batch {batch}");
        }
        if is_now(self.flags.rest_after) {
            rest(&self.flags.dir);
        }
    }
}

impl TrainingProgressLogger for Spy {
    fn start(&mut self, _: usize, _: usize, _: Option<usize>, _: Option<&str>) {}

    fn update_epoch(&mut self, _epoch: usize) {}

    fn start_split(&mut self, split: &str, _total_items: usize) {
        self.is_train = split == "train";
    }

    fn update_split(&mut self, _items_processed: usize) {
        self.batches += usize::from(self.is_train);
        if self.is_train && Some(self.batches) == self.flags.interrupt_after {
            self.interrupter.stop(Some("the test asks for it"));
        }
        if self.is_train {
            self.misbehave();
        }
    }

    fn end_split(&mut self) {}

    fn end(&mut self) {}

    fn log_event_training(&mut self, _event: String) {}
}

fn outcome_of<M: Module>(model: &M) -> Outcome {
    let mut weights = Weights::default();
    model.valid().visit(&mut weights);
    Outcome {
        paths: weights.paths,
        checksums: weights.checksums,
        largest: weights.largest,
        summary: Vec::new(),
        problems: Vec::new(),
    }
}

#[derive(Default)]
struct Weights {
    path: Vec<String>,
    paths: Vec<String>,
    checksums: Vec<u32>,
    largest: f32,
}

impl ModuleVisitor for Weights {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.paths.push(self.path.join("."));
        self.checksums.push(crc32fast::hash(tensor.to_data().as_bytes()));
        self.largest = self.largest.max(tensor.abs().max().into_scalar::<f32>());
    }
}
