//! What benches of training steps share: networks, ways of watching, and the step.

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

const BATCH: usize = 64;

/// A network with its optimizer and its batch: makes so many steps.
pub type Training = Box<dyn FnMut(usize)>;

/// A network that is trained on one batch.
pub struct Network {
    pub name: &'static str,
    begin: fn(&Device, Option<&Probe>) -> Training,
}

impl Network {
    /// A training of it, watched if there is a probe.
    pub fn begin(&self, device: &Device, probe: Option<&Probe>) -> Training {
        (self.begin)(device, probe)
    }
}

/// The network that the field measures.
pub const BIG_MLP: Network = Network {
    name: "784-128-10",
    begin: |device, probe| begin(BigMlp::new(device), noise_batch(device), probe),
};

/// The convolutional network of the examples.
pub const CONVNET: Network = Network {
    name: "convnet",
    begin: |device, probe| begin(ConvNet::new(device), digit_batch(device), probe),
};

/// The perceptron of the examples.
pub const DIGITS: Network = Network {
    name: "digits",
    begin: |device, probe| begin(Mlp::new(device), digit_batch(device), probe),
};

/// A step and an update that do nothing: what watching adds is the hook itself.
pub const EMPTY_STEP: Network =
    Network { name: "empty step", begin: |device, probe| begin(Nothing::new(device), (), probe) };

fn begin<M>(model: M, batch: <M as TrainStep>::Input, probe: Option<&Probe>) -> Training
where
    M: LearnerModel,
    <M as TrainStep>::Input: Clone + 'static,
{
    match probe {
        Some(probe) => training(probe.watch(model), batch),
        None => training(model, batch),
    }
}

fn training<M>(model: M, batch: <M as TrainStep>::Input) -> Training
where
    M: LearnerModel,
    <M as TrainStep>::Input: Clone + 'static,
{
    let mut learner = Learner::new(model, AdamConfig::new().init(), 1e-4);
    learner.lr_step();
    Box::new(move |steps| {
        for _ in 0..steps {
            // One step as burn's own loop makes it.
            let output = learner.train_step(batch.clone());
            learner.optimizer_step(output.grads);
        }
    })
}

/// A way of watching.
pub struct Watching {
    pub name: &'static str,
    pub settings: fn(ProbeBuilder) -> ProbeBuilder,
    /// After so many steps everything that is due now and then is due again.
    pub period: usize,
}

pub const NOTHING_DUE: Watching = Watching {
    name: "nothing due",
    settings: |it| it.measurements(Measurements::all(Schedule::Never)),
    period: 1,
};

/// Every way whose cost is measured.
pub const WAYS: [Watching; 5] = [
    Watching {
        name: "light",
        settings: |it| it.level(Level::Light).activations(Schedule::Never),
        period: 20,
    },
    Watching {
        name: "standard",
        settings: |it| it.level(Level::Standard).activations(Schedule::Never),
        period: 100,
    },
    Watching { name: "full", settings: |it| it.level(Level::Full), period: 100 },
    Watching {
        name: "taps every 10th step",
        settings: |it| it.measurements(only_taps()),
        period: 10,
    },
    NOTHING_DUE,
];

fn only_taps() -> Measurements {
    Measurements { activations: Schedule::Every(10), ..Measurements::all(Schedule::Never) }
}

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
