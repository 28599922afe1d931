//! Networks that read a digit as a sequence: recurrent, with attention, and through a table.

use burn::module::Module;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{
    Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, Lstm, LstmConfig,
};
use burn::tensor::{Device, Int, Tensor};
use burn::train::{ClassificationOutput, TrainOutput, TrainStep};
use burnscape_examples::data::{CLASSES, DigitBatch, PIXELS};

/// Rows of an image, and pixels in each.
const ROWS: usize = 8;
const WIDTH: usize = 24;
/// Levels of brightness, at each pixel.
const LEVELS: usize = 17;

fn classified(logits: Tensor<2>, batch: &DigitBatch) -> ClassificationOutput {
    let loss = CrossEntropyLossConfig::new().init(&logits.device());
    let loss = loss.forward(logits.clone(), batch.labels.clone());
    ClassificationOutput::new(loss, logits, batch.labels.clone())
}

fn rows(batch: &DigitBatch) -> Tensor<3> {
    let [count, _] = batch.images.dims();
    batch.images.clone().reshape([count, ROWS, PIXELS / ROWS])
}

/// Reads one row after the other.
#[derive(Module, Debug)]
pub struct Recurrent {
    cells: Lstm,
    head: Linear,
}

impl Recurrent {
    pub fn new(device: &Device) -> Self {
        let cells = LstmConfig::new(PIXELS / ROWS, WIDTH, true).init(device);
        Self { cells, head: LinearConfig::new(WIDTH, CLASSES).init(device) }
    }
}

impl TrainStep for Recurrent {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let (states, _) = self.cells.forward(rows(&batch), None);
        let last: Tensor<2> = states.narrow(1, ROWS - 1, 1).squeeze_dim::<2>(1);
        let output = classified(self.head.forward(last), &batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

/// Lets rows attend to each other.
#[derive(Module, Debug)]
pub struct Attentive {
    entry: Linear,
    attention: MultiHeadAttention,
    norm: LayerNorm,
    head: Linear,
}

impl Attentive {
    pub fn new(device: &Device) -> Self {
        Self {
            entry: LinearConfig::new(PIXELS / ROWS, WIDTH).init(device),
            attention: MultiHeadAttentionConfig::new(WIDTH, 2).init(device),
            norm: LayerNormConfig::new(WIDTH).init(device),
            head: LinearConfig::new(ROWS * WIDTH, CLASSES).init(device),
        }
    }
}

impl TrainStep for Attentive {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let features = self.entry.forward(rows(&batch));
        let context = self.attention.forward(MhaInput::self_attn(features.clone())).context;
        let features = self.norm.forward(features + context);
        let [count, ..] = features.dims();
        let logits = self.head.forward(features.reshape([count, ROWS * WIDTH]));
        let output = classified(logits, &batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

/// Looks every pixel's level up in a table with an entry for each place and level.
#[derive(Module, Debug)]
pub struct Tabular {
    table: Embedding,
    head: Linear,
}

impl Tabular {
    pub fn new(device: &Device) -> Self {
        Self {
            table: EmbeddingConfig::new(PIXELS * LEVELS, WIDTH).init(device),
            head: LinearConfig::new(WIDTH, CLASSES).init(device),
        }
    }
}

impl TrainStep for Tabular {
    type Input = DigitBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: DigitBatch) -> TrainOutput<ClassificationOutput> {
        let device = batch.images.device();
        let place: Tensor<2, Int> = Tensor::arange(0..PIXELS as i64, &device).unsqueeze();
        let level = (batch.images.clone() * (LEVELS - 1) as f32).int();
        let found = self.table.forward(level + place * LEVELS as i64).mean_dim(1);
        let output = classified(self.head.forward(found.squeeze_dim::<2>(1)), &batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}
