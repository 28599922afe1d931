//! Text classification: sentences of different lengths to their topic, by an encoder of transformers.

mod bare;
mod watched;

use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::module::Module;
use burn::nn::attention::generate_padding_mask;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::transformer::{
    TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput,
};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use super::check::{Expected, Program, Size};
use super::data::{Numbers, device, loader};
use super::silent::silent;
use super::trained::bytes;
use super::{clock, stand_in as burnscape};

pub const PROGRAM: Program = Program {
    name: "text-classification",
    sources: [include_str!("bare.rs"), include_str!("watched.rs")],
    bare: |folder, size| Ok(bytes(&bare::train(folder, size)?)),
    watched: |folder, size| Ok(bytes(&watched::train(folder, size)?)),
    small: Size { epochs: 4, train: 128, valid: 16, batch: 16, side: 8, width: 16 },
    full: Size { epochs: 5, train: 1024, valid: 256, batch: 8, side: 64, width: 64 },
    models: &[Expected::SUPERVISED],
};

#[test]
fn text_classification() {
    PROGRAM.check();
}

const TOPICS: usize = 4;
const WORDS: usize = 32;
const PADDING: usize = 0;

/// Words and a topic.
type Sentence = (Vec<usize>, usize);

/// Shapes `[batch, length]` twice, and `[batch]`.
#[derive(Debug, Clone)]
pub struct TextBatch {
    words: Tensor<2, Int>,
    padding: Tensor<2, Bool>,
    topics: Tensor<1, Int>,
}

struct Texts {
    length: usize,
}

impl Batcher<Sentence, TextBatch> for Texts {
    fn batch(&self, items: Vec<Sentence>, device: &Device) -> TextBatch {
        let topics: Vec<i64> = items.iter().map(|(_, topic)| *topic as i64).collect();
        let topics = TensorData::new(topics, [items.len()]);
        let words = items.into_iter().map(|(words, _)| words).collect();
        let padded = generate_padding_mask(PADDING, words, Some(self.length), device);
        TextBatch {
            words: padded.tensor,
            padding: padded.mask,
            topics: Tensor::from_data(topics, device),
        }
    }
}

/// Half of the words are of the topic.
fn sentences(count: usize, length: usize, seed: u64) -> Vec<Sentence> {
    let mut numbers = Numbers(seed);
    let sentence = |_| {
        let topic = numbers.below(TOPICS);
        let own = (WORDS - 1) / TOPICS;
        let count = 1 + length / 2 + numbers.below(length / 2);
        let word = |_| match numbers.below(2) {
            0 => 1 + topic * own + numbers.below(own),
            _ => 1 + numbers.below(WORDS - 1),
        };
        ((0..count).map(word).collect(), topic)
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

/// Embeddings, an encoder, and a linear layer on what it makes of the first word.
#[derive(Module, Debug)]
pub struct Model {
    words: Embedding,
    places: Embedding,
    encoder: TransformerEncoder,
    output: Linear,
}

impl Model {
    pub fn new(size: &Size, device: &Device) -> Self {
        let encoder = TransformerEncoderConfig::new(size.width, 2 * size.width, 2, 2);
        Self {
            words: EmbeddingConfig::new(WORDS, size.width).init(device),
            places: EmbeddingConfig::new(size.side, size.width).init(device),
            encoder: encoder.with_norm_first(true).init(device),
            output: LinearConfig::new(size.width, TOPICS).init(device),
        }
    }

    fn classify(&self, batch: TextBatch) -> ClassificationOutput {
        clock::pass();
        let [count, length] = batch.words.dims();
        let device = batch.words.device();
        let places = Tensor::<1, Int>::arange(0..length as i64, &device);
        let places = places.reshape([1, length]).repeat_dim(0, count);
        let embedded = self.words.forward(batch.words) + self.places.forward(places);
        let input = TransformerEncoderInput::new(embedded).mask_pad(batch.padding);
        let logits = self.output.forward(self.encoder.forward(input));
        let logits = logits.slice([0..count, 0..1]).reshape([count, TOPICS]);
        let loss = CrossEntropyLossConfig::new().init(&device);
        let loss = loss.forward(logits.clone(), batch.topics.clone());
        ClassificationOutput::new(loss, logits, batch.topics)
    }
}

impl TrainStep for Model {
    type Input = TextBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: TextBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Model {
    type Input = TextBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: TextBatch) -> ClassificationOutput {
        self.classify(batch)
    }
}
