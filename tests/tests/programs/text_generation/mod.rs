//! Text generation: the next word of sentences of different lengths, by transformers that do not look ahead; gradients
//! are accumulated over several batches.

mod bare;
mod watched;

use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::module::Module;
use burn::nn::attention::{generate_autoregressive_mask, generate_padding_mask};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::transformer::{
    TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput,
};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use burn::train::{InferenceStep, SequenceOutput, TrainOutput, TrainStep};

use super::check::{Expected, Program, Size};
use super::data::{Numbers, device, loader};
use super::silent::silent;
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "text-generation",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 4, train: 160, valid: 24, batch: 8, side: 8, width: 16 },
    full: Size { epochs: 5, train: 1024, valid: 128, batch: 6, side: 64, width: 64 },
    models: &[Expected {
        steps: |size| size.epochs * size.steps_per_epoch().div_ceil(ACCUMULATION),
        unit: "positions",
        ..Expected::SUPERVISED
    }],
};

#[test]
fn text_generation() {
    PROGRAM.check();
}

const WORDS: usize = 24;
const PADDING: usize = 0;
/// Batches of an update.
const ACCUMULATION: usize = 3;

/// All of shape `[batch, length]`.
#[derive(Debug, Clone)]
pub struct TextBatch {
    words: Tensor<2, Int>,
    next: Tensor<2, Int>,
    padding: Tensor<2, Bool>,
}

struct Texts {
    length: usize,
}

impl Batcher<Vec<usize>, TextBatch> for Texts {
    fn batch(&self, items: Vec<Vec<usize>>, device: &Device) -> TextBatch {
        let count = items.len();
        let padded = generate_padding_mask(PADDING, items, Some(self.length + 1), device);
        let length = padded.tensor.dims()[1] - 1;
        TextBatch {
            words: padded.tensor.clone().slice([0..count, 0..length]),
            next: padded.tensor.slice([0..count, 1..length + 1]),
            padding: padded.mask.slice([0..count, 0..length]),
        }
    }
}

/// Each word follows from the one before, three times of four.
fn sentences(count: usize, length: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut numbers = Numbers(seed);
    let sentence = |_| {
        let count = 2 + length / 2 + numbers.below(length / 2);
        let mut word = 1 + numbers.below(WORDS - 1);
        let next = |_| {
            word = match numbers.below(4) {
                0 => 1 + numbers.below(WORDS - 1),
                _ => 1 + (5 * word) % (WORDS - 1),
            };
            word
        };
        (0..count).map(next).collect()
    };
    (0..count).map(sentence).collect()
}

/// Sentences to train on, shuffled, and to validate on.
fn loaders(size: &Size) -> (Arc<dyn DataLoader<TextBatch>>, Arc<dyn DataLoader<TextBatch>>) {
    let texts = || Texts { length: size.side };
    let train = sentences(size.train, size.side, 1);
    let valid = sentences(size.valid, size.side, 2);
    let train = loader(texts(), train, size.batch, Some(42));
    (train, loader(texts(), valid, size.batch, None))
}

/// Embeddings, transformers, and a linear layer on what they make of each word.
#[derive(Module, Debug)]
pub struct Model {
    words: Embedding,
    places: Embedding,
    transformer: TransformerEncoder,
    output: Linear,
}

impl Model {
    pub fn new(size: &Size, device: &Device) -> Self {
        let transformer = TransformerEncoderConfig::new(size.width, 2 * size.width, 2, 2);
        Self {
            words: EmbeddingConfig::new(WORDS, size.width).init(device),
            places: EmbeddingConfig::new(size.side, size.width).init(device),
            transformer: transformer.with_norm_first(true).init(device),
            output: LinearConfig::new(size.width, WORDS).init(device),
        }
    }

    fn predict(&self, batch: TextBatch) -> SequenceOutput {
        clock::pass();
        let [count, length] = batch.words.dims();
        let device = batch.words.device();
        let places = Tensor::<1, Int>::arange(0..length as i64, &device);
        let places = places.reshape([1, length]).repeat_dim(0, count);
        let embedded = self.words.forward(batch.words) + self.places.forward(places);
        let input = TransformerEncoderInput::new(embedded)
            .mask_pad(batch.padding)
            .mask_attn(generate_autoregressive_mask(count, length, &device));
        let logits = self.output.forward(self.transformer.forward(input));
        let loss = CrossEntropyLossConfig::new().with_pad_tokens(Some(vec![PADDING])).init(&device);
        let flat = logits.clone().reshape([count * length, WORDS]);
        let loss = loss.forward(flat, batch.next.clone().reshape([count * length]));
        SequenceOutput::new(loss, logits, None, batch.next)
    }
}

impl TrainStep for Model {
    type Input = TextBatch;
    type Output = SequenceOutput;

    fn step(&self, batch: TextBatch) -> TrainOutput<SequenceOutput> {
        let output = self.predict(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Model {
    type Input = TextBatch;
    type Output = SequenceOutput;

    fn step(&self, batch: TextBatch) -> SequenceOutput {
        self.predict(batch)
    }
}
