//! A block of a transformer over tokens: embedding, attention with two heads, LayerNorm.

use burn::module::Module;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Int, Tensor, activation};
use burn::train::ClassificationOutput;

use super::layers::{cross_entropy, linear, scales, steps, waving, whole};
use super::plain::{self, Weights, add, map, mean, relu};
use super::specimen::{Kind, Part, Specimen};
use super::support::device;

const TOKENS: usize = 7;
const LENGTH: usize = 5;
const WIDTH: usize = 4;
const HEADS: usize = 2;

const PARTS: &[Part] = &[
    Part::new("table.weight", "Embedding", &[TOKENS, WIDTH], Kind::Rows),
    Part::linear("attention.query.weight", &[WIDTH, WIDTH]),
    Part::bias("attention.query.bias", "Linear", &[WIDTH]),
    Part::linear("attention.key.weight", &[WIDTH, WIDTH]),
    Part::bias("attention.key.bias", "Linear", &[WIDTH]),
    Part::linear("attention.value.weight", &[WIDTH, WIDTH]),
    Part::bias("attention.value.bias", "Linear", &[WIDTH]),
    Part::linear("attention.output.weight", &[WIDTH, WIDTH]),
    Part::bias("attention.output.bias", "Linear", &[WIDTH]),
    Part::norm("norm.gamma", "LayerNorm", &[WIDTH]),
    Part::norm("norm.beta", "LayerNorm", &[WIDTH]),
    Part::linear("inner.weight", &[WIDTH, 6]),
    Part::bias("inner.bias", "Linear", &[6]),
    Part::linear("head.weight", &[6, 3]),
    Part::bias("head.bias", "Linear", &[3]),
];

/// Sentences of tokens with one of three labels.
#[derive(Debug, Clone)]
struct Sentences {
    tokens: Tensor<2, Int>,
    labels: Tensor<1, Int>,
}

/// Embedding → attention, added → LayerNorm → linear → relu → mean over tokens → linear.
///
/// The attention keeps burn's default dropout, which the surface has to switch off.
#[derive(Module, Debug)]
struct Transformer {
    table: Embedding,
    attention: MultiHeadAttention,
    norm: LayerNorm,
    inner: Linear,
    head: Linear,
}

impl Transformer {
    fn new(device: &Device) -> Self {
        let mut table = EmbeddingConfig::new(TOKENS, WIDTH).init(device);
        table.weight = waving([TOKENS, WIDTH], 0.6, device);
        let mut norm = LayerNormConfig::new(WIDTH).init(device);
        norm.gamma = scales(WIDTH, 0.3, device);
        norm.beta = Some(waving([WIDTH], 1.8, device));
        let mut attention = MultiHeadAttentionConfig::new(WIDTH, HEADS).init(device);
        attention.query = linear(WIDTH, WIDTH, 0.2, device);
        attention.key = linear(WIDTH, WIDTH, 1.2, device);
        attention.value = linear(WIDTH, WIDTH, 2.2, device);
        attention.output = linear(WIDTH, WIDTH, 3.3, device);
        let inner = linear(WIDTH, 6, 0.9, device);
        Self { table, attention, norm, inner, head: linear(6, 3, 0.4, device) }
    }

    fn output(&self, sentences: Sentences) -> ClassificationOutput {
        let rows = self.table.forward(sentences.tokens);
        let mixed = self.attention.forward(MhaInput::self_attn(rows.clone())).context;
        let rows = self.norm.forward(rows + mixed);
        let rows = activation::relu(self.inner.forward(rows));
        let whole = rows.mean_dim(1).squeeze_dim::<2>(1);
        cross_entropy(self.head.forward(whole), sentences.labels)
    }
}

steps!(Transformer, Sentences, ClassificationOutput);

/// Tokens and labels of six sentences, which use every token.
fn samples() -> Vec<([usize; LENGTH], usize)> {
    let token = |sentence: usize, place: usize| (3 * sentence + place * place + 1) % TOKENS;
    let sample =
        |sentence: usize| (std::array::from_fn(|place| token(sentence, place)), sentence % 3);
    (0..6).map(sample).collect()
}

/// A batch of four sentences and one of two.
fn batches(device: &Device) -> Vec<Sentences> {
    let samples = samples();
    let batch = |samples: &[([usize; LENGTH], usize)]| {
        let tokens = samples.iter().flat_map(|(tokens, _)| *tokens);
        let labels = samples.iter().map(|(_, label)| *label);
        Sentences {
            tokens: whole(tokens, [samples.len(), LENGTH], device),
            labels: whole(labels, [samples.len()], device),
        }
    };
    samples.chunks(4).map(batch).collect()
}

fn logits(weights: &Weights, tokens: &[usize]) -> Vec<f64> {
    let row = |&token: &usize| plain::embedding(weights, "table", WIDTH, token);
    let rows: Vec<Vec<f64>> = tokens.iter().map(row).collect();
    let mixed = plain::attention(weights, "attention", HEADS, &rows);
    let inner = |(row, mixed): (&Vec<f64>, &Vec<f64>)| {
        let row = plain::layer_norm(weights, "norm", &add(row, mixed));
        map(&plain::linear(weights, "inner", &row), relu)
    };
    let rows: Vec<Vec<f64>> = rows.iter().zip(&mixed).map(inner).collect();
    let whole: Vec<f64> = (0..6).map(|at| mean(rows.iter().map(|row| row[at]))).collect();
    plain::linear(weights, "head", &whole)
}

fn loss(weights: &Weights) -> f64 {
    let samples = samples();
    let of = |(tokens, label): &([usize; LENGTH], usize)| {
        plain::cross_entropy(&logits(weights, tokens), *label)
    };
    mean(samples.iter().map(of))
}

#[test]
fn the_surfaces_of_an_attention_block_are_its_loss_at_the_moved_weights_without_dropout() {
    let transformer = Transformer::new(&device());
    assert!(transformer.attention.dropout.prob > 0.0, "there is dropout to switch off");
    Specimen::of(PARTS, transformer, batches).assert_sound(loss);
}

/// The same number added to all scores of a row changes none of their shares.
#[test]
fn a_key_bias_has_no_part_in_the_plane_of_training() {
    let model = Specimen::of(PARTS, Transformer::new(&device()), batches);
    for shares in &model.run.slice("pca").shares {
        for (part, share) in PARTS.iter().zip(shares.iter()) {
            assert_eq!(*share < 1e-9, part.path == "attention.key.bias", "{}", part.path);
        }
    }
}
