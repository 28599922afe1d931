//! The fixed set of batches that a surface is evaluated on.

use std::sync::Arc;

use burn::data::dataloader::DataLoader;

/// A source of the batches that [`Probe::finish`](crate::Probe::finish) evaluates the loss on.
///
/// The source is read twice: both passes have to give the same data, else the surface would be
/// the noise of the data rather than the shape of the loss. Never pass the loader that training
/// used: reading a loader advances its shuffling.
pub trait Batches<I> {
    /// All batches, in order.
    ///
    /// # Errors
    ///
    /// What the source says, as a sentence.
    fn collect(&self) -> Result<Vec<I>, String>;
}

impl<I: Clone> Batches<I> for [I] {
    fn collect(&self) -> Result<Vec<I>, String> {
        Ok(self.to_vec())
    }
}

impl<I: Clone> Batches<I> for Vec<I> {
    fn collect(&self) -> Result<Vec<I>, String> {
        Ok(self.clone())
    }
}

impl<I: Clone, const N: usize> Batches<I> for [I; N] {
    fn collect(&self) -> Result<Vec<I>, String> {
        Ok(self.to_vec())
    }
}

impl<I> Batches<I> for Arc<dyn DataLoader<I>> {
    fn collect(&self) -> Result<Vec<I>, String> {
        self.iter().collect::<Result<Vec<I>, _>>().map_err(|error| error.to_string())
    }
}

/// Batches made by a function, called once per pass.
#[derive(Debug, Clone, Copy)]
pub struct BatchesFrom<F>(pub F);

impl<I, F: Fn() -> Vec<I>> Batches<I> for BatchesFrom<F> {
    fn collect(&self) -> Result<Vec<I>, String> {
        Ok((self.0)())
    }
}
