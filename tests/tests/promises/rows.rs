//! Rows of numbers as a data set for burn's loaders, and what may happen while they are read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::{Dataset, DatasetError, InMemDataset};
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::Interrupter;

/// Two numbers a row.
pub type Row = [f32; 2];

/// Called with the number of each batch, from 1, before it is put together.
type Before = Arc<dyn Fn(u64) + Send + Sync>;

/// Puts rows together into tensors `[batch, 2]`.
#[derive(Clone)]
pub struct Rows {
    made: Arc<AtomicU64>,
    before: Before,
}

impl Rows {
    /// Calls `before` with the number of each batch.
    pub fn and(before: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self { made: Arc::default(), before: Arc::new(before) }
    }
}

impl Batcher<Row, Tensor<2>> for Rows {
    fn batch(&self, rows: Vec<Row>, device: &Device) -> Tensor<2> {
        (self.before)(self.made.fetch_add(1, Ordering::Relaxed) + 1);
        let values: Vec<f32> = rows.iter().flatten().copied().collect();
        Tensor::from_data(TensorData::new(values, [rows.len(), 2]), device)
    }
}

/// Row `i` is `(i, 2i) / 8`, so that batches differ.
fn numbers(rows: usize) -> Vec<Row> {
    (0..rows).map(|row| [row as f32 / 8.0, row as f32 / 4.0]).collect()
}

/// Rows in batches of two, in their order.
pub fn loader(rows: usize) -> Arc<dyn DataLoader<Tensor<2>>> {
    loader_by(Rows::and(|_| {}), rows)
}

/// The same, by a batcher of the caller's.
pub fn loader_by(batcher: Rows, rows: usize) -> Arc<dyn DataLoader<Tensor<2>>> {
    DataLoaderBuilder::new(batcher).batch_size(2).build(InMemDataset::new(numbers(rows)))
}

/// Rows of which one cannot be read.
pub fn broken_loader(rows: usize, broken: usize) -> Arc<dyn DataLoader<Tensor<2>>> {
    let batcher = Rows::and(|_| {});
    DataLoaderBuilder::new(batcher).batch_size(2).build(Broken { rows, broken })
}

struct Broken {
    rows: usize,
    broken: usize,
}

impl Dataset<Row> for Broken {
    fn get(&self, index: usize) -> Result<Row, DatasetError> {
        match index == self.broken {
            true => Err(DatasetError::new(std::io::Error::other("the test breaks a row"))),
            false => Ok(numbers(self.rows)[index]),
        }
    }

    fn len(&self) -> usize {
        self.rows
    }
}

/// An interrupter that is there only after the loader that uses it.
pub type Later = Arc<OnceLock<Interrupter>>;

/// A batcher that interrupts training before it gives this batch.
pub fn interrupting(batch: u64) -> (Rows, Later) {
    let later = Later::default();
    let interrupter = later.clone();
    let rows = Rows::and(move |number| {
        if number == batch {
            interrupter.get().expect("an interrupter").stop(Some("the test asks for it"));
        }
    });
    (rows, later)
}

/// A batcher that goes on behind this batch only when somebody has stopped training, and gives up after a while.
pub fn waiting_for_a_stop(batch: u64) -> (Rows, Later) {
    let later = Later::default();
    let interrupter = later.clone();
    let rows = Rows::and(move |number| {
        let is_stopped = || interrupter.get().is_some_and(Interrupter::should_stop);
        if number == batch {
            (0..10_000_000).take_while(|_| !is_stopped()).for_each(|_| std::thread::yield_now());
        }
    });
    (rows, later)
}
