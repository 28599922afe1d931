//! Synthetic data: images, rows and sequences that can be learnt, drawn by a generator of their own.

use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::check::Size;

/// `SplitMix64` (Steele, Lea and Flood 2014): never burn's random streams.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Between −1 and 1.
    pub fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Where everything trains.
pub fn device() -> Device {
    let device = Device::flex().autodiff();
    device.seed(42);
    device
}

/// Kinds of images.
pub const CLASSES: usize = 10;

/// A square image, and what it shows.
#[derive(Debug, Clone)]
pub struct Image {
    pub pixels: Vec<f32>,
    pub label: usize,
}

/// Waves, each class of which has a direction and a length of its own, and noise; one label of ten says nothing.
pub fn images(count: usize, side: usize, seed: u64) -> Vec<Image> {
    let mut numbers = Numbers(seed);
    let image = |_| {
        let shown = numbers.below(CLASSES);
        let label = if numbers.below(10) == 0 { numbers.below(CLASSES) } else { shown };
        let (angle, length) = (0.314 * shown as f32, 1.0 + 0.25 * (shown % 3) as f32);
        let phase = 0.4 * numbers.signed();
        let pixel = |place: usize| {
            let (x, y) = ((place % side) as f32, (place / side) as f32);
            let along = (x * angle.cos() + y * angle.sin()) * 8.0 / side as f32;
            (along * length + phase).sin() + 0.5 * numbers.signed()
        };
        Image { pixels: (0..side * side).map(pixel).collect(), label }
    };
    (0..count).map(image).collect()
}

/// Images in a batch, shape `[batch, side, side]`, and their labels, shape `[batch]`.
#[derive(Debug, Clone)]
pub struct ImageBatch {
    pub images: Tensor<3>,
    pub targets: Tensor<1, Int>,
}

#[derive(Debug, Clone)]
pub struct ImageBatcher;

impl Batcher<Image, ImageBatch> for ImageBatcher {
    fn batch(&self, items: Vec<Image>, device: &Device) -> ImageBatch {
        let side = items[0].pixels.len().isqrt();
        let pixels: Vec<f32> = items.iter().flat_map(|it| it.pixels.iter().copied()).collect();
        let labels: Vec<i64> = items.iter().map(|it| it.label as i64).collect();
        let images = TensorData::new(pixels, [items.len(), side, side]);
        let targets = TensorData::new(labels, [items.len()]);
        ImageBatch {
            images: Tensor::from_data(images, device),
            targets: Tensor::from_data(targets, device),
        }
    }
}

/// A loader with one worker; with a seed it shuffles.
pub fn loader<I, O>(
    batcher: impl Batcher<I, O> + 'static,
    items: Vec<I>,
    batch_size: usize,
    shuffle: Option<u64>,
) -> Arc<dyn DataLoader<O>>
where
    I: Send + Sync + Clone + std::fmt::Debug + 'static,
    O: Send + Clone + std::fmt::Debug + 'static,
{
    let builder = DataLoaderBuilder::new(batcher).batch_size(batch_size).num_workers(1);
    let builder = match shuffle {
        Some(seed) => builder.shuffle(seed),
        None => builder,
    };
    builder.build(InMemDataset::new(items))
}

/// Images to train on and to validate on, both shuffled.
pub fn image_loaders(
    size: &Size,
) -> (Arc<dyn DataLoader<ImageBatch>>, Arc<dyn DataLoader<ImageBatch>>) {
    let load = |images, seed| loader(ImageBatcher, images, size.batch, Some(seed));
    let train = load(images(size.train, size.side, 1), 42);
    (train, load(images(size.valid, size.side, 2), 43))
}
