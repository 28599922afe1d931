//! One training on the digits, of which everything can be chosen and anything be spoilt.

use burn::data::dataloader::batcher::Batcher;
use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::module::{Module, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::activation::{relu, sigmoid, softmax};
use burn::tensor::{Device, Tensor};
use burnscape::{ProbeBuilder, tap};
use burnscape_examples::data::{self, CLASSES, Digit, DigitBatch, DigitBatcher, PIXELS};

/// Linear layers with something between them.
#[derive(Module, Debug)]
pub struct Net {
    pub layers: Vec<Linear>,
    /// Logarithm of the spread of what a regression leaves over.
    pub log_spread: Param<Tensor<1>>,
    /// Used by no loss.
    pub unused: Linear,
}

/// What stands between layers.
#[derive(Debug, Clone, Copy)]
pub enum Activation {
    Identity,
    Relu,
    Sigmoid,
    Tanh,
}

/// What the network is trained for.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    CrossEntropy,
    /// −log of the probability, which may be 0.
    NaiveLog,
    /// Squared distance from one-hot labels.
    Squares,
    /// Absolute distance from them.
    Absolute,
    /// The same under a normal distribution whose spread is learned: negative where it fits.
    Likelihood,
    /// One minus margin, where that is positive: exactly 0 once everything is learned.
    Hinge,
}

/// A learning rate for every step.
#[derive(Clone)]
pub enum Rates {
    Of(fn(u64) -> f64),
    Burn(ModuleLrScheduler),
}

impl Rates {
    fn at(&mut self, step: u64) -> ModuleLearningRate {
        match self {
            Self::Of(rate) => rate(step).into(),
            Self::Burn(scheduler) => scheduler.step(),
        }
    }
}

/// Everything about a training.
#[derive(Clone)]
pub struct Training {
    pub hidden: Vec<usize>,
    pub activation: Activation,
    pub kind: Kind,
    /// The loss is this many times what it would be, and so much more.
    pub unit: (f64, f64),
    pub optimizer: ModuleOptimizer,
    pub rates: Rates,
    /// 0: all digits in every step.
    pub batch: usize,
    pub steps: u64,
    /// Changes the model before a step.
    pub change: fn(u64, Net) -> Net,
    /// Changes the model after an update, as a part of it.
    pub after: Option<fn(u64, Net) -> Net>,
    /// Changes the batch of a step.
    pub spoil: fn(u64, DigitBatch) -> DigitBatch,
    /// Changes the loss of a step.
    pub distort: fn(u64, &Net, Tensor<1>) -> Tensor<1>,
}

impl Training {
    pub fn with(optimizer: ModuleOptimizer, rates: impl Into<ModuleLrScheduler>) -> Self {
        Self {
            hidden: vec![48, 32],
            activation: Activation::Relu,
            kind: Kind::CrossEntropy,
            unit: (1.0, 0.0),
            optimizer,
            rates: Rates::Burn(rates.into()),
            batch: 32,
            steps: 1000,
            change: |_, net| net,
            after: None,
            spoil: |_, batch| batch,
            distort: |_, _, loss| loss,
        }
    }

    /// Trains, watched by a probe.
    pub fn run(&self, builder: ProbeBuilder, seed: u64) {
        let device = Device::flex().autodiff();
        device.seed(seed);
        let probe = builder.start().expect("a probe");
        let mut observer = probe.observe();
        let mut digits = Digits::new(self.batch, seed, &device);
        let (mut optimizer, mut rates) = (self.optimizer.clone(), self.rates.clone());
        let mut net = self.net(&device);
        for step in 0..self.steps {
            net = (self.change)(step, net);
            let batch = (self.spoil)(step, digits.next());
            let samples = batch.labels.dims()[0];
            let loss = observer.forward(|| self.loss(&net, batch));
            let loss = (self.distort)(step, &net, loss);
            observer.loss(&loss, samples);
            let grads = GradientsParams::from_grads(loss.backward(), &net);
            let rate = rates.at(step);
            net = match self.after {
                None => observer.step(&mut optimizer, rate, net, grads),
                Some(after) => observer.update(rate.clone(), net, grads, |net, grads| {
                    after(step, optimizer.step(rate, net, grads))
                }),
            };
        }
        probe.close().expect("closed");
    }

    fn net(&self, device: &Device) -> Net {
        let widths = [&[PIXELS], &self.hidden[..], &[CLASSES]].concat();
        let layer = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(device);
        Net {
            layers: widths.windows(2).map(layer).collect(),
            log_spread: Param::from_tensor(Tensor::zeros([1], device)),
            unused: LinearConfig::new(4, 4).init(device),
        }
    }

    fn forward(&self, net: &Net, images: Tensor<2>) -> Tensor<2> {
        let (last, hidden) = net.layers.split_last().expect("a layer");
        let pass = |features: Tensor<2>, (number, layer): (usize, &Linear)| {
            let features = layer.forward(features);
            let features = match self.activation {
                Activation::Identity => features,
                Activation::Relu => relu(features),
                Activation::Sigmoid => sigmoid(features),
                Activation::Tanh => features.tanh(),
            };
            tap(&format!("layers.{number}"), features)
        };
        last.forward(hidden.iter().enumerate().fold(images, pass))
    }

    fn loss(&self, net: &Net, batch: DigitBatch) -> Tensor<1> {
        let found = self.forward(net, batch.images);
        let wanted: Tensor<2> = batch.labels.clone().one_hot::<2>(CLASSES).float();
        let loss = match self.kind {
            Kind::CrossEntropy => {
                let loss = CrossEntropyLossConfig::new().init(&found.device());
                loss.forward(found, batch.labels)
            }
            Kind::NaiveLog => -(softmax(found, 1).log() * wanted).sum_dim(1).mean(),
            Kind::Squares => (found - wanted).powi_scalar(2).sum_dim(1).mean() * 0.5,
            Kind::Absolute => (found - wanted).abs().sum_dim(1).mean(),
            Kind::Likelihood => {
                let (squares, spread) =
                    ((found - wanted).powi_scalar(2).mean(), net.log_spread.val());
                squares * (spread.clone() * -2.0).exp() * 0.5 + spread
            }
            Kind::Hinge => {
                let right = (found.clone() * wanted.clone()).sum_dim(1);
                (relu(found - right + 1.0) * (-wanted + 1.0)).sum_dim(1).mean()
            }
        };
        loss * self.unit.0 + self.unit.1
    }
}

/// Batches of digits drawn with replacement, or all of them every time.
struct Digits {
    digits: Vec<Digit>,
    batch: usize,
    state: u64,
    device: Device,
    all: DigitBatch,
}

impl Digits {
    fn new(batch: usize, seed: u64, device: &Device) -> Self {
        let (digits, _) = data::split();
        let few = if batch == 0 { 400 } else { 1 };
        let all = DigitBatcher.batch(digits[..few].to_vec(), device);
        Self { digits, batch, state: seed, device: device.clone(), all }
    }

    fn next(&mut self) -> DigitBatch {
        if self.batch == 0 {
            return self.all.clone();
        }
        let drawn = (0..self.batch).map(|_| self.draw()).collect::<Vec<usize>>();
        let digits = drawn.into_iter().map(|digit| self.digits[digit].clone()).collect();
        DigitBatcher.batch(digits, &self.device)
    }

    /// A linear congruential generator (Knuth, MMIX).
    fn draw(&mut self) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % self.digits.len()
    }
}
