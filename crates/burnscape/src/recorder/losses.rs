//! The losses that came in, and their means over a step or an epoch.

use std::collections::VecDeque;

use crate::channel::samples::{LossSample, LossWeights, Split};
use crate::model::loss::Unit;

/// Losses of a split that are kept one by one: steps and burn's events lag behind them. What is older is summed up.
const KEPT_LOSSES: usize = 1 << 17;

/// Which batches count how much in a mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weighting {
    /// By what their losses are means over: their samples, unless another unit was told.
    Counted,
    /// As burn's `LossMetric` does, by the entries of their loss tensors: equally where that is a mean already.
    Burn,
}

/// A mean over some batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mean {
    pub loss: f64,
    /// What the batches counted by, as a trace names it.
    pub weighted_by: &'static str,
}

/// The losses that came in, by the batch they belong to.
#[derive(Debug, Default)]
pub(crate) struct LossBook {
    train: Losses,
    valid: Losses,
}

impl LossBook {
    pub fn add(&mut self, sample: LossSample) {
        let LossSample { split, batch, loss, weights } = sample;
        // NaN if the device cannot be read.
        let loss = loss.read().unwrap_or(f64::NAN);
        self.of_mut(split).push(batch, OneLoss { loss, weights });
    }

    /// The last batch of the split whose loss came; 0: none.
    pub fn last_batch(&self, split: Split) -> u64 {
        self.of(split).last_batch
    }

    /// Mean loss of the batches `before < b <= through`; `None` without any.
    pub fn mean_of(
        &self,
        split: Split,
        before: u64,
        through: u64,
        weighting: Weighting,
    ) -> Option<Mean> {
        self.of(split).sum_of(before, through).mean(weighting)
    }

    /// An epoch begins after so many batches: what came before it is not asked for any more.
    pub fn begin_epoch(&mut self, split: Split, before: u64) {
        self.of_mut(split).begin_epoch(before);
    }

    fn of(&self, split: Split) -> &Losses {
        match split {
            Split::Train => &self.train,
            Split::Valid => &self.valid,
        }
    }

    fn of_mut(&mut self, split: Split) -> &mut Losses {
        match split {
            Split::Train => &mut self.train,
            Split::Valid => &mut self.valid,
        }
    }
}

/// The loss of one batch.
#[derive(Debug, Clone, Copy)]
struct OneLoss {
    loss: f64,
    weights: LossWeights,
}

/// Sums of losses for both ways to weigh them: which one holds is known only once burn's events come, or do not.
#[derive(Debug, Clone, Copy)]
struct Sum {
    by_count: f64,
    count: f64,
    by_entry: f64,
    entries: f64,
    unit: Unit,
    /// Every loss was one number.
    is_single: bool,
    /// Every loss had an entry for each thing that it is counted by.
    is_whole: bool,
}

impl Sum {
    const NONE: Self = Self {
        by_count: 0.0,
        count: 0.0,
        by_entry: 0.0,
        entries: 0.0,
        unit: Unit::Samples,
        is_single: true,
        is_whole: true,
    };

    fn with(self, OneLoss { loss, weights }: OneLoss) -> Self {
        let (count, entries) = (f64::from(weights.count), f64::from(weights.entries));
        Self {
            by_count: self.by_count + loss * count,
            count: self.count + count,
            by_entry: self.by_entry + loss * entries,
            entries: self.entries + entries,
            unit: weights.unit,
            is_single: self.is_single && weights.entries == 1,
            is_whole: self.is_whole && weights.entries == weights.count,
        }
    }

    fn mean(self, weighting: Weighting) -> Option<Mean> {
        let weighted_by = match weighting {
            Weighting::Burn if self.is_single => Unit::Batches.name(),
            Weighting::Burn if !self.is_whole => "entries",
            _ => self.unit.name(),
        };
        let (sum, weight) = match weighting {
            Weighting::Counted => (self.by_count, self.count),
            Weighting::Burn => (self.by_entry, self.entries),
        };
        (weight > 0.0).then(|| Mean { loss: sum / weight, weighted_by })
    }
}

/// Losses of one split, found by the numbers of their batches.
#[derive(Debug)]
struct Losses {
    /// Those of consecutive batches; `None`: it has not come, or has none.
    recent: VecDeque<Option<OneLoss>>,
    /// Batches before the first of these.
    before: u64,
    /// The last batch whose loss came.
    last_batch: u64,
    /// Batches before the epoch that goes on.
    epoch_before: u64,
    /// What of this epoch is not kept one by one any more.
    earlier: Sum,
    /// The last batch of these.
    earlier_through: u64,
}

impl Default for Losses {
    fn default() -> Self {
        Self {
            recent: VecDeque::new(),
            before: 0,
            last_batch: 0,
            epoch_before: 0,
            earlier: Sum::NONE,
            earlier_through: 0,
        }
    }
}

impl Losses {
    /// Batches of several devices come in any order within one step.
    fn push(&mut self, batch: u64, loss: OneLoss) {
        self.last_batch = self.last_batch.max(batch);
        if batch <= self.before {
            return self.sum_up(batch, loss);
        }
        while self.before + (KEPT_LOSSES as u64) < batch {
            self.sum_up_oldest();
        }
        let index = (batch - 1 - self.before) as usize;
        if index >= self.recent.len() {
            self.recent.resize(index + 1, None);
        }
        self.recent[index] = Some(loss);
    }

    fn sum_up_oldest(&mut self) {
        self.before += 1;
        if let Some(Some(loss)) = self.recent.pop_front() {
            self.sum_up(self.before, loss);
        }
    }

    fn sum_up(&mut self, batch: u64, loss: OneLoss) {
        if batch > self.epoch_before {
            self.earlier = self.earlier.with(loss);
            self.earlier_through = self.earlier_through.max(batch);
        }
    }

    fn begin_epoch(&mut self, before: u64) {
        self.epoch_before = before;
        if self.earlier_through <= before {
            self.earlier = Sum::NONE;
        }
    }

    /// Costs as much as there are batches between, however many wait.
    fn sum_of(&self, before: u64, through: u64) -> Sum {
        let is_of_epoch = before <= self.epoch_before && self.earlier_through <= through;
        let earlier = if is_of_epoch { self.earlier } else { Sum::NONE };
        let index =
            |batch: u64| (batch.saturating_sub(self.before)).min(self.recent.len() as u64) as usize;
        let inside = self.recent.range(index(before)..index(through.max(before)));
        inside.flatten().fold(earlier, |sum, &loss| sum.with(loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::loss::Value;

    fn sample(split: Split, batch: u64, loss: f64, weights: LossWeights) -> LossSample {
        LossSample { split, batch, loss: Value::Host(loss), weights }
    }

    fn one(batch: u64, loss: f64) -> LossSample {
        sample(Split::Train, batch, loss, LossWeights::new(Unit::Samples, 1, 1))
    }

    fn mean(weighting: Weighting, batches: &[(f64, Unit, usize, usize)]) -> Mean {
        let mut book = LossBook::default();
        for (&(loss, unit, count, entries), batch) in batches.iter().zip(1..) {
            book.add(sample(Split::Train, batch, loss, LossWeights::new(unit, count, entries)));
        }
        book.mean_of(Split::Train, 0, batches.len() as u64, weighting).expect("a mean")
    }

    #[test]
    fn batches_count_by_their_samples_or_as_burn_counts_them() {
        let batches = [(1.0, 4), (1.0, 4), (4.0, 2)];
        let of = |unit| batches.map(|(loss, count)| (loss, unit, count, 1));
        let weighed = |loss, weighted_by| Mean { loss, weighted_by };
        // (4·1 + 4·1 + 2·4) / 10
        assert_eq!(mean(Weighting::Counted, &of(Unit::Samples)), weighed(1.6, "samples"));
        assert_eq!(mean(Weighting::Counted, &of(Unit::Tokens)), weighed(1.6, "tokens"));
        assert_eq!(mean(Weighting::Burn, &of(Unit::Tokens)), weighed(2.0, "batches"));
        let vectors = batches.map(|(loss, count)| (loss, Unit::Samples, count, count));
        assert_eq!(mean(Weighting::Burn, &vectors), weighed(1.6, "samples"));
        // As if there were two losses to a sample: (8·1 + 8·1 + 4·4) / 20.
        let doubled = batches.map(|(loss, count)| (loss, Unit::Samples, count, 2 * count));
        assert_eq!(mean(Weighting::Burn, &doubled), weighed(1.6, "entries"));
    }

    #[test]
    fn a_long_epoch_averages_all_of_its_batches_and_none_of_others() {
        const BATCHES: u64 = 1_100_000;
        /// Batches of the next epoch that come in before the end of this one is told.
        const LAG: u64 = 8;
        let mut book = LossBook::default();
        for batch in 1..=3 * BATCHES + LAG {
            let loss = batch as f64 - if batch % 2 == 0 { 0.5 } else { 0.0 };
            book.add(one(batch, loss));
            if batch > BATCHES && batch % BATCHES == LAG {
                let (before, through) = (batch - LAG - BATCHES, batch - LAG);
                let found = book.mean_of(Split::Train, before, through, Weighting::Burn);
                let found = found.expect("a mean").loss;
                // Mean of n + 1 … n + N, of which every second is smaller by a half.
                let expected = before as f64 + (BATCHES + 1) as f64 / 2.0 - 0.25;
                assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
                book.begin_epoch(Split::Train, through);
            }
        }
        assert!(book.train.recent.len() <= KEPT_LOSSES);
        assert_eq!(book.mean_of(Split::Valid, 0, BATCHES, Weighting::Burn), None);
    }

    #[test]
    fn a_step_averages_its_own_batches_in_any_order() {
        let mut book = LossBook::default();
        for batch in [2, 1, 3, 5, 4, 9] {
            book.add(one(batch, batch as f64));
        }
        let loss = |before, through| {
            book.mean_of(Split::Train, before, through, Weighting::Counted).map(|mean| mean.loss)
        };
        assert_eq!(loss(3, 5), Some(4.5));
        assert_eq!(loss(0, 3), Some(2.0));
        assert_eq!(loss(5, 8), None, "batches without a loss");
        assert_eq!(loss(5, 9), Some(9.0));
        assert_eq!(book.last_batch(Split::Train), 9);
    }

    #[test]
    fn a_gap_of_any_length_is_no_matter() {
        let mut book = LossBook::default();
        let far = 10 * KEPT_LOSSES as u64;
        for batch in [1, far, 2, far - 1] {
            book.add(one(batch, batch as f64));
        }
        let mean = book.mean_of(Split::Train, 0, far, Weighting::Counted).expect("a mean");
        assert_eq!(mean.loss, (3 + far + far - 1) as f64 / 4.0);
    }
}
