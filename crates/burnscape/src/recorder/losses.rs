//! The losses that came in, and their means over a step or an epoch.

use std::collections::VecDeque;

use super::sample::{LossSample, Split};

/// Losses of a split that are kept one by one: steps and burn's events lag behind them. What is older is summed up.
const KEPT_LOSSES: usize = 1 << 17;
/// Batches of several devices come in any order within one step; they are never further apart.
const DISORDER: u64 = 64;

/// Which batches count how much in a mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weighting {
    /// By their samples.
    Samples,
    /// As burn's `LossMetric` does, by the entries of their loss tensors: equally where that is a mean already.
    Burn,
}

/// A mean over some batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mean {
    pub loss: f64,
    /// All batches counted the same, whatever is in them.
    pub is_by_batch: bool,
}

/// The losses that came in, by the batch they belong to.
#[derive(Debug, Default)]
pub(crate) struct LossBook {
    train: Losses,
    valid: Losses,
}

impl LossBook {
    pub fn add(&mut self, sample: LossSample, weighting: Weighting) {
        let weight = match weighting {
            Weighting::Samples => sample.samples,
            Weighting::Burn => sample.entries,
        };
        let (batch, loss) = (sample.batch, sample.loss.read());
        let is_by_batch = weighting == Weighting::Burn && weight == 1;
        let sum =
            Sum { weighted: loss * f64::from(weight), weight: f64::from(weight), is_by_batch };
        self.of(sample.split).push(batch, sum);
    }

    /// Mean loss of the batches `before < b <= through`; `None` without any.
    pub fn mean_of(&mut self, split: Split, before: u64, through: u64) -> Option<Mean> {
        self.of(split).mean_of(before, through)
    }

    /// An epoch begins after so many batches: what came before it is not asked for any more.
    pub fn begin_epoch(&mut self, split: Split, before: u64) {
        self.of(split).begin_epoch(before);
    }

    fn of(&mut self, split: Split) -> &mut Losses {
        match split {
            Split::Train => &mut self.train,
            Split::Valid => &mut self.valid,
        }
    }
}

/// A weighted sum of losses.
#[derive(Debug, Clone, Copy)]
struct Sum {
    weighted: f64,
    weight: f64,
    is_by_batch: bool,
}

impl Sum {
    const NONE: Self = Self { weighted: 0.0, weight: 0.0, is_by_batch: true };

    fn with(self, other: Self) -> Self {
        Self {
            weighted: self.weighted + other.weighted,
            weight: self.weight + other.weight,
            is_by_batch: self.is_by_batch && other.is_by_batch,
        }
    }

    fn mean(self) -> Option<Mean> {
        let Self { weighted, weight, is_by_batch } = self;
        (weight > 0.0).then(|| Mean { loss: weighted / weight, is_by_batch })
    }
}

/// Losses of one split with their batches, the newest last.
#[derive(Debug)]
struct Losses {
    recent: VecDeque<(u64, Sum)>,
    /// Batches before the epoch that goes on.
    epoch_before: u64,
    /// What of this epoch is not kept one by one any more.
    earlier: Sum,
    /// The last batch of these.
    earlier_through: u64,
}

impl Default for Losses {
    fn default() -> Self {
        Self { recent: VecDeque::new(), epoch_before: 0, earlier: Sum::NONE, earlier_through: 0 }
    }
}

impl Losses {
    fn push(&mut self, batch: u64, sum: Sum) {
        if self.recent.len() == KEPT_LOSSES {
            self.sum_up_oldest();
        }
        self.recent.push_back((batch, sum));
    }

    fn sum_up_oldest(&mut self) {
        let Some((batch, sum)) = self.recent.pop_front() else { return };
        if batch > self.epoch_before {
            self.earlier = self.earlier.with(sum);
            self.earlier_through = self.earlier_through.max(batch);
        }
    }

    fn begin_epoch(&mut self, before: u64) {
        self.epoch_before = before;
        if self.earlier_through <= before {
            self.earlier = Sum::NONE;
        }
    }

    fn mean_of(&self, before: u64, through: u64) -> Option<Mean> {
        let is_of_epoch = before <= self.epoch_before && self.earlier_through <= through;
        let earlier = if is_of_epoch { self.earlier } else { Sum::NONE };
        let newest_first = self.recent.iter().rev();
        let near = newest_first.take_while(|(batch, _)| batch + DISORDER > before);
        let inside = near.filter(|(batch, _)| (before + 1..=through).contains(batch));
        inside.fold(earlier, |sum, (_, it)| sum.with(*it)).mean()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Loss;
    use super::*;

    fn sample(split: Split, batch: u64, loss: f64, samples: u32, entries: u32) -> LossSample {
        LossSample { split, batch, loss: Loss::Host(loss), samples, entries }
    }

    fn mean(weighting: Weighting, batches: &[(f64, u32, u32)]) -> Mean {
        let mut book = LossBook::default();
        for (&(loss, samples, entries), batch) in batches.iter().zip(1..) {
            book.add(sample(Split::Train, batch, loss, samples, entries), weighting);
        }
        book.mean_of(Split::Train, 0, batches.len() as u64).expect("a mean")
    }

    #[test]
    fn batches_count_by_their_samples_or_as_burn_counts_them() {
        let batches = [(1.0, 4, 1), (1.0, 4, 1), (4.0, 2, 1)];
        let by_sample = mean(Weighting::Samples, &batches);
        assert_eq!(by_sample, Mean { loss: 1.6, is_by_batch: false });
        assert_eq!(mean(Weighting::Burn, &batches), Mean { loss: 2.0, is_by_batch: true });
        let vectors = batches.map(|(loss, samples, _)| (loss, samples, samples));
        assert_eq!(mean(Weighting::Burn, &vectors), by_sample);
    }

    #[test]
    fn a_long_epoch_averages_all_of_its_batches_and_none_of_others() {
        const BATCHES: u64 = 1_100_000;
        /// Batches of the next epoch that come in before the end of this one is told.
        const LAG: u64 = 8;
        let mut book = LossBook::default();
        for batch in 1..=3 * BATCHES + LAG {
            let loss = batch as f64 - if batch % 2 == 0 { 0.5 } else { 0.0 };
            book.add(sample(Split::Train, batch, loss, 1, 1), Weighting::Burn);
            if batch > BATCHES && batch % BATCHES == LAG {
                let (before, through) = (batch - LAG - BATCHES, batch - LAG);
                let found = book.mean_of(Split::Train, before, through).expect("a mean");
                // Mean of n + 1 … n + N, of which every second is smaller by a half.
                let expected = before as f64 + (BATCHES + 1) as f64 / 2.0 - 0.25;
                assert!((found.loss - expected).abs() < 1e-6, "{found:?} instead of {expected}");
                book.begin_epoch(Split::Train, through);
            }
        }
        assert_eq!(book.mean_of(Split::Valid, 0, BATCHES), None);
    }

    #[test]
    fn a_step_averages_its_own_batches_in_any_order() {
        let mut book = LossBook::default();
        for batch in [2, 1, 3, 5, 4] {
            book.add(sample(Split::Train, batch, batch as f64, 1, 1), Weighting::Burn);
        }
        let loss = |book: &mut LossBook, before, through| {
            book.mean_of(Split::Train, before, through).map(|mean| mean.loss)
        };
        assert_eq!(loss(&mut book, 3, 5), Some(4.5));
        assert_eq!(loss(&mut book, 0, 3), Some(2.0));
        assert_eq!(loss(&mut book, 5, 7), None);
    }
}
