//! A residual network as on CIFAR-10 (He et al. 2016, section 4.2): three stages of 16, 32 and 64 channels
//! with 3, 3 and 2 blocks, on 256 images of 32 × 32 that have something to be learnt in them.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::AdamConfig;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burnscape::Probe;
use serde_json::{Value, json};

use super::timed;

const SAMPLES: usize = 256;
const BATCHES: usize = 2;
const SIDE: usize = 32;
const CLASSES: usize = 10;
const NODES_PER_AXIS: usize = 21;
/// Enough for the loss to fall far below that of guessing.
const STEPS: usize = 24;
/// Channels and blocks of each stage.
const STAGES: [(usize, usize); 3] = [(16, 3), (32, 3), (64, 2)];

/// Trains the network for some steps and times a plane around it.
pub fn row(device: &Device) -> Value {
    let training = device.clone().autodiff();
    let folder = tempfile::tempdir().expect("a folder");
    let builder = Probe::builder(folder.path().join("run")).quiet().snapshot_every_steps(8);
    let probe = builder.resolution(NODES_PER_AXIS, NODES_PER_AXIS).start().expect("a probe");
    let mut model = probe.watch(ResNet::new(&training));
    let mut optim = AdamConfig::new().init();
    let batches = images(&training);
    for step in 0..STEPS {
        let output = TrainStep::step(&model, batches[step % BATCHES].clone());
        model = model.optimize(&mut optim, 0.003.into(), output.grads);
    }
    let batches = batches.iter().map(Images::inner).collect();
    let mut row = timed::compare(probe, &model.valid(), &batches);
    let flops = 2.0 * multiplications() * (SAMPLES * NODES_PER_AXIS * NODES_PER_AXIS) as f64;
    row["network"] = json!("resnet 18");
    row["samples"] = json!(SAMPLES);
    row["gflops"] = json!(flops / row["secs"].as_f64().unwrap_or(f64::NAN) / 1e9);
    row
}

/// Multiplications per image in all convolutions.
fn multiplications() -> f64 {
    let of = |from: usize, to: usize, kernel: usize, side: usize| from * to * kernel * side * side;
    let mut all = of(3, STAGES[0].0, 9, SIDE);
    let (mut from, mut side) = (STAGES[0].0, SIDE);
    for (stage, (channels, blocks)) in STAGES.into_iter().enumerate() {
        for block in 0..blocks {
            if stage > 0 && block == 0 {
                side /= 2;
                all += of(from, channels, 1, side);
            }
            all += of(from, channels, 9, side) + of(channels, channels, 9, side);
            from = channels;
        }
    }
    all as f64
}

#[derive(Debug, Clone)]
pub struct Images {
    pixels: Tensor<4>,
    labels: Tensor<1, Int>,
}

impl Images {
    fn inner(&self) -> Self {
        Self { pixels: self.pixels.clone().inner(), labels: self.labels.clone().inner() }
    }
}

/// One pattern for each class, under noise.
fn images(device: &Device) -> Vec<Images> {
    let normal = Distribution::Normal(0.0, 1.0);
    let patterns = Tensor::<4>::random([CLASSES, 3, SIDE, SIDE], normal, device);
    let of_batch = SAMPLES / BATCHES;
    let batch = |start: usize| {
        let labels: Vec<i64> = (start..start + of_batch).map(|it| (it % CLASSES) as i64).collect();
        let labels = Tensor::<1, Int>::from_ints(labels.as_slice(), device);
        let noise = Tensor::<4>::random([of_batch, 3, SIDE, SIDE], normal, device);
        Images { pixels: patterns.clone().select(0, labels.clone()) + noise * 2.0, labels }
    };
    (0..BATCHES).map(|it| batch(it * of_batch)).collect()
}

fn conv(from: usize, to: usize, side: usize, stride: usize, device: &Device) -> Conv2d {
    let padding = PaddingConfig2d::Explicit(side / 2, side / 2, side / 2, side / 2);
    let config = Conv2dConfig::new([from, to], [side, side]).with_padding(padding);
    config.with_stride([stride, stride]).with_bias(false).init(device)
}

/// Two convolutions beside a shortcut.
#[derive(Module, Debug)]
struct Block {
    first: Conv2d,
    first_norm: BatchNorm,
    second: Conv2d,
    second_norm: BatchNorm,
    shortcut: Option<Conv2d>,
}

impl Block {
    fn new(from: usize, to: usize, device: &Device) -> Self {
        let stride = if from == to { 1 } else { 2 };
        Self {
            first: conv(from, to, 3, stride, device),
            first_norm: BatchNormConfig::new(to).init(device),
            second: conv(to, to, 3, 1, device),
            second_norm: BatchNormConfig::new(to).init(device),
            shortcut: (from != to).then(|| conv(from, to, 1, stride, device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.shortcut {
            Some(conv) => conv.forward(x.clone()),
            None => x.clone(),
        };
        let x = relu(self.first_norm.forward(self.first.forward(x)));
        relu(self.second_norm.forward(self.second.forward(x)) + shortcut)
    }
}

#[derive(Module, Debug)]
pub struct ResNet {
    stem: Conv2d,
    stem_norm: BatchNorm,
    blocks: Vec<Block>,
    output: Linear,
}

impl ResNet {
    fn new(device: &Device) -> Self {
        let mut from = STAGES[0].0;
        let mut block = |channels| {
            let block = Block::new(from, channels, device);
            from = channels;
            block
        };
        let channels = STAGES.iter().flat_map(|&(it, blocks)| std::iter::repeat_n(it, blocks));
        let blocks = channels.map(&mut block).collect();
        Self {
            stem: conv(3, STAGES[0].0, 3, 1, device),
            stem_norm: BatchNormConfig::new(STAGES[0].0).init(device),
            blocks,
            output: LinearConfig::new(STAGES[2].0, CLASSES).init(device),
        }
    }

    fn classify(&self, batch: Images) -> ClassificationOutput {
        let x = relu(self.stem_norm.forward(self.stem.forward(batch.pixels)));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let [samples, channels, ..] = x.dims();
        let pooled = x.reshape([samples, channels, SIDE * SIDE / 16]).mean_dim(2);
        let logits = self.output.forward(pooled.reshape([samples, channels]));
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

impl TrainStep for ResNet {
    type Input = Images;
    type Output = ClassificationOutput;

    fn step(&self, batch: Images) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for ResNet {
    type Input = Images;
    type Output = ClassificationOutput;

    fn step(&self, batch: Images) -> ClassificationOutput {
        self.classify(batch)
    }
}
