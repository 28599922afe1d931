//! The handwritten digits: 1,797 images of 8 × 8 pixels, embedded in the program.
//!
//! "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998), UCI Machine Learning
//! Repository, CC BY 4.0; see `examples/data/README.md`.

use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::tensor::{Device, Int, Tensor, TensorData};

const CSV: &str = include_str!("../data/digits.csv");

/// Pixels of an image.
pub const PIXELS: usize = 64;
/// Kinds of digits.
pub const CLASSES: usize = 10;
/// Every so manieth digit is kept for validation.
const VALIDATION_EVERY: usize = 5;

/// One image and what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Digit {
    /// Brightness row by row, 0 to 1.
    pub pixels: [f32; PIXELS],
    /// 0 to 9.
    pub label: u8,
}

/// A batch of digits.
#[derive(Debug, Clone)]
pub struct DigitBatch {
    /// Brightness, shape `[batch, 64]`.
    pub images: Tensor<2>,
    /// Labels, shape `[batch]`.
    pub labels: Tensor<1, Int>,
}

/// All digits, in the order of the file.
///
/// # Panics
///
/// If the embedded file is damaged.
pub fn all() -> Vec<Digit> {
    CSV.lines().map(parse).collect()
}

fn parse(line: &str) -> Digit {
    let mut numbers = line.split(',').map(|field| field.trim().parse::<u8>());
    let mut next = || numbers.next().expect("65 fields").expect("a number");
    Digit { pixels: std::array::from_fn(|_| f32::from(next()) / 16.0), label: next() }
}

/// The digits split into four fifths for training and one fifth for validation.
pub fn split() -> (Vec<Digit>, Vec<Digit>) {
    let numbered = all().into_iter().enumerate();
    let (valid, train): (Vec<_>, Vec<_>) =
        numbered.partition(|(number, _)| number % VALIDATION_EVERY == 0);
    let digits = |part: Vec<(usize, Digit)>| part.into_iter().map(|(_, digit)| digit).collect();
    (digits(train), digits(valid))
}

/// Puts digits together into tensors.
#[derive(Debug, Clone, Copy, Default)]
pub struct DigitBatcher;

impl Batcher<Digit, DigitBatch> for DigitBatcher {
    fn batch(&self, items: Vec<Digit>, device: &Device) -> DigitBatch {
        let pixels: Vec<f32> = items.iter().flat_map(|digit| digit.pixels).collect();
        let labels: Vec<i64> = items.iter().map(|digit| i64::from(digit.label)).collect();
        let images = TensorData::new(pixels, [items.len(), PIXELS]);
        let labels = TensorData::new(labels, [items.len()]);
        DigitBatch {
            images: Tensor::from_data(images, device),
            labels: Tensor::from_data(labels, device),
        }
    }
}

/// A loader over digits; with a seed it shuffles.
pub fn loader(
    digits: Vec<Digit>,
    batch_size: usize,
    shuffle_seed: Option<u64>,
) -> Arc<dyn DataLoader<DigitBatch>> {
    let builder = DataLoaderBuilder::new(DigitBatcher).batch_size(batch_size);
    let builder = match shuffle_seed {
        Some(seed) => builder.shuffle(seed),
        None => builder,
    };
    builder.build(InMemDataset::new(digits))
}

/// Digits as a fixed list of batches, for `probe.finish`.
pub fn batches(digits: &[Digit], batch_size: usize, device: &Device) -> Vec<DigitBatch> {
    let chunks = digits.chunks(batch_size);
    chunks.map(|chunk| DigitBatcher.batch(chunk.to_vec(), device)).collect()
}
