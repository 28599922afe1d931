//! The fixed set of batches that a surface is evaluated on, and how it is read from where it comes from.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use burn::data::dataloader::{BatchDataLoader, DataLoader, MultiThreadDataLoader};
use burn::tensor::Device;

use crate::Result;
use crate::panics::panicked;

/// Samples that are read of a loader at most: more make every node dearer, and hardly any surer.
const MOST_SAMPLES: usize = 2048;

/// Parts of a loader that they are read in at most.
const MOST_PARTS: usize = 32;

/// A source of the batches that [`Probe::finish`](crate::Probe::finish) evaluates the loss on: batches in a slice, a
/// vector or an array, a function that makes them, or a loader.
///
/// Batches are taken as they are. Of a **loader**, some two thousand samples are read at most, from places all over it that
/// the seed tells, and only once: whatever it shuffles or draws, all nodes see the same. Its own state advances as
/// burn's `slice` makes it advance, so that nothing is read of it before training has ended.
pub trait Batches<I> {
    /// All batches, in order.
    ///
    /// # Errors
    ///
    /// What the source says, as a sentence.
    fn collect(&self) -> Result<Vec<I>, String>;

    /// The batches that losses are measured on. A source that may give something else each time is read twice.
    ///
    /// # Errors
    ///
    /// What the source says, as a sentence.
    #[doc(hidden)]
    fn read(&self, place: &Place) -> Result<Reading<I>, String> {
        let _ = place;
        let (batches, again) = (self.collect()?, Some(self.collect()?));
        Ok(Reading { batches, again, loader: None })
    }
}

/// Where batches are to be evaluated, and which of a loader.
#[derive(Debug)]
pub struct Place {
    pub(crate) device: Device,
    pub(crate) seed: u64,
}

/// What was read of a source.
#[derive(Debug)]
pub struct Reading<I> {
    pub(crate) batches: Vec<I>,
    /// The same from a second pass, where it may differ.
    pub(crate) again: Option<Vec<I>>,
    pub(crate) loader: Option<OfLoader>,
}

/// How much of a loader was read, in its own items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfLoader {
    pub items: usize,
    pub available: usize,
    pub parts: usize,
}

impl OfLoader {
    pub fn in_words(self) -> String {
        let Self { items, available, parts } = self;
        match parts {
            1 => format!("all {items} items of the loader are used"),
            _ => format!("{items} of {available} items of the loader are used, in {parts} parts"),
        }
    }
}

impl<I> Reading<I> {
    /// Batches that are what they are.
    fn once(batches: Vec<I>) -> Self {
        Self { batches, again: None, loader: None }
    }
}

impl<I: Clone> Batches<I> for [I] {
    fn collect(&self) -> Result<Vec<I>, String> {
        Ok(self.to_vec())
    }

    fn read(&self, _: &Place) -> Result<Reading<I>, String> {
        Ok(Reading::once(self.to_vec()))
    }
}

impl<I: Clone> Batches<I> for Vec<I> {
    fn collect(&self) -> Result<Vec<I>, String> {
        Ok(self.clone())
    }

    fn read(&self, _: &Place) -> Result<Reading<I>, String> {
        Ok(Reading::once(self.clone()))
    }
}

impl<I: Clone, const N: usize> Batches<I> for [I; N] {
    fn collect(&self) -> Result<Vec<I>, String> {
        Ok(self.to_vec())
    }

    fn read(&self, _: &Place) -> Result<Reading<I>, String> {
        Ok(Reading::once(self.to_vec()))
    }
}

impl<I, L: DataLoader<I> + ?Sized> Batches<I> for Arc<L> {
    fn collect(&self) -> Result<Vec<I>, String> {
        all_of(&**self)
    }

    fn read(&self, place: &Place) -> Result<Reading<I>, String> {
        sample(&**self, place)
    }
}

impl<I> Batches<I> for dyn DataLoader<I> + '_ {
    fn collect(&self) -> Result<Vec<I>, String> {
        all_of(self)
    }

    fn read(&self, place: &Place) -> Result<Reading<I>, String> {
        sample(self, place)
    }
}

impl<T, I> Batches<I> for BatchDataLoader<T, I>
where
    Self: DataLoader<I>,
{
    fn collect(&self) -> Result<Vec<I>, String> {
        all_of(self)
    }

    fn read(&self, place: &Place) -> Result<Reading<I>, String> {
        sample(self, place)
    }
}

impl<T, I> Batches<I> for MultiThreadDataLoader<T, I>
where
    Self: DataLoader<I>,
{
    fn collect(&self) -> Result<Vec<I>, String> {
        all_of(self)
    }

    fn read(&self, place: &Place) -> Result<Reading<I>, String> {
        sample(self, place)
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

fn all_of<I>(loader: &(impl DataLoader<I> + ?Sized)) -> Result<Vec<I>, String> {
    loader.iter().collect::<Result<Vec<I>, _>>().map_err(|error| error.to_string())
}

/// Reads parts of a loader, each once, to where the model is: a loader of training gives batches that know gradients.
fn sample<I>(loader: &(impl DataLoader<I> + ?Sized), place: &Place) -> Result<Reading<I>, String> {
    let available = loader.num_items();
    let parts = parts(available, place.seed);
    let mut batches = Vec::new();
    for &(start, end) in &parts {
        let part = || all_of(&*loader.slice(start, end).to_device(&place.device));
        let read = catch_unwind(AssertUnwindSafe(part));
        let part = read.map_err(|panic| panicked("`DataLoader::slice`", panic).to_string())?;
        batches.extend(part?);
    }
    let items = parts.iter().map(|(start, end)| end - start).sum();
    let loader = Some(OfLoader { items, available, parts: parts.len() });
    Ok(Reading { batches, again: None, loader })
}

/// All items, or so many parts of equal length, one from a place of its own in each stretch of equal length: however
/// the items are sorted, all stretches are represented.
fn parts(items: usize, seed: u64) -> Vec<(usize, usize)> {
    if items <= MOST_SAMPLES {
        return vec![(0, items)];
    }
    let length = MOST_SAMPLES / MOST_PARTS;
    let mut random = SplitMix(seed);
    let part = |number: usize| {
        let (first, next) = (number * items / MOST_PARTS, (number + 1) * items / MOST_PARTS);
        let places = (next - first - length + 1) as u64;
        let start = first + (random.next() % places) as usize;
        (start, start + length)
    };
    (0..MOST_PARTS).map(part).collect()
}

/// `SplitMix64` (Steele, Lea and Flood 2014): enough for a few places, and never burn's random streams.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_are_those_of_the_published_generator() {
        // The first outputs of SplitMix64 for the seed 1234567, as Rosetta Code lists them.
        let mut random = SplitMix(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([random.next(), random.next()], expected);
    }

    #[test]
    fn parts_are_disjoint_of_one_length_and_all_over_the_loader() {
        for items in [2049, 2050, 4096, 5000, 60_000, 1_234_567] {
            for seed in 0..20 {
                let parts = parts(items, seed);
                assert_eq!(parts.len(), MOST_PARTS);
                assert!(parts.iter().all(|(start, end)| end - start == 64), "{items} {seed}");
                assert!(parts.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{items} {seed}");
                for (number, (start, end)) in parts.into_iter().enumerate() {
                    assert!(start >= number * items / MOST_PARTS);
                    assert!(end <= (number + 1) * items / MOST_PARTS, "{items} {seed} {number}");
                }
            }
        }
        assert_ne!(parts(60_000, 0), parts(60_000, 1));
        assert_eq!(parts(60_000, 7), parts(60_000, 7));
        assert_eq!(parts(2048, 3), [(0, 2048)]);
        assert_eq!(parts(0, 3), [(0, 0)]);
    }
}

/// What becomes of batches that differ from pass to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnChange {
    /// There is no study.
    Refuse,
    /// The first pass holds, and the difference is told.
    Tell,
}
