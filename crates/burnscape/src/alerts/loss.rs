//! What a loss says when it is held against the losses before it.

use std::collections::VecDeque;

/// Losses that a spike is held against.
const SPIKE_WINDOW: usize = 64;
/// With fewer, nothing is called a spike.
const SPIKE_LEAST: usize = 16;
/// A mean that fell by less than this share has not fallen.
const PLATEAU_SHARE: f64 = 1e-3;

/// The losses of the last steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct LossWatch {
    recent: VecDeque<f64>,
    half: u64,
    /// Sum and count of the first and of the second half of the plateau window.
    halves: [(f64, u64); 2],
}

impl LossWatch {
    /// The largest loss of the window that `loss` is more than `factor` times as large as; a spike is not taken
    /// into the window.
    pub fn spike(&mut self, loss: f64, factor: Option<f64>) -> Option<f64> {
        if !loss.is_finite() {
            return None;
        }
        let largest = self.recent.iter().copied().fold(0.0, f64::max);
        let known = self.recent.len();
        let is_spike = factor.is_some_and(|factor| loss > factor * largest);
        if known >= SPIKE_LEAST && largest > 0.0 && is_spike {
            return Some(largest);
        }
        if known == SPIKE_WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(loss);
        None
    }

    /// Means over the first and the second half of the last `steps` steps, once in so many, if the loss has not
    /// fallen.
    pub fn plateau(&mut self, loss: f64, steps: Option<u64>) -> Option<(f64, f64)> {
        self.half = steps? / 2;
        if !loss.is_finite() {
            self.halves = Default::default();
            return None;
        }
        let filled = usize::from(self.halves[0].1 == self.half);
        self.halves[filled].0 += loss;
        self.halves[filled].1 += 1;
        if self.halves[1].1 < self.half {
            return None;
        }
        let [first, second] = self.halves.map(|(sum, count)| sum / count as f64);
        self.halves = [self.halves[1], (0.0, 0)];
        (second >= first - PLATEAU_SHARE * first.abs()).then_some((first, second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_three_times_the_largest_is_a_spike_and_twice_is_none() {
        let mut watch = LossWatch::default();
        for step in 0..40 {
            let loss = if step % 2 == 0 { 1.0 } else { 2.0 };
            assert_eq!(watch.spike(loss, Some(3.0)), None);
        }
        assert_eq!(watch.spike(4.0, Some(3.0)), None);
        assert_eq!(watch.spike(12.1, Some(3.0)), Some(4.0));
        assert_eq!(watch.spike(12.1, Some(3.0)), Some(4.0), "a spike sets no new measure");
        assert_eq!(watch.spike(f64::NAN, Some(3.0)), None);
    }

    #[test]
    fn a_loss_that_falls_has_no_plateau_and_one_that_stays_has() {
        let mut falls = LossWatch::default();
        assert!((0..100).all(|step| falls.plateau(1.0 / f64::from(step + 1), Some(10)).is_none()));
        let mut stays = LossWatch::default();
        let found: Vec<_> = (0..20).map(|_| stays.plateau(2.0, Some(10))).collect();
        let at: Vec<usize> = (0..20).filter(|&step| found[step].is_some()).collect();
        assert_eq!(at, [9, 14, 19]);
        assert_eq!(found[9], Some((2.0, 2.0)));
    }
}
