//! What a loss says when it is held against the losses before it.
//!
//! Location and scale come from the losses themselves, so that a verdict on L is also the one on a·L + b, a > 0: neither
//! sign nor unit of a loss means anything. The one exception is a loss of exactly 0, below which few losses go.

use std::collections::VecDeque;

use super::robust::{median, noise, rounding};

/// Losses that a spike is held against.
const SPIKE_WINDOW: usize = 64;

/// With fewer, nothing is called a spike.
const SPIKE_LEAST: usize = 16;

/// Equal losses tell no scale: after so many, any rise is a spike, and before that one of several times the loss.
const SPIKE_LEAST_EQUAL: usize = 32;

/// The largest of 64 normal values lies about so many deviations above their median.
const NORMAL_SPREAD: f64 = 2.4;

/// Steps over which the rarest losses so far are remembered, once or twice.
const RARE_STEPS: u32 = 512;

/// Parts of each half of a plateau's window, of whose means the median is taken.
const PARTS: usize = 16;

/// Standard error of a median of normal values beside that of their mean: √(π/2).
const OF_MEDIAN: f64 = 1.2533;

/// Roundings by which a mean over a batch may be off: its sum has many terms.
const ROUNDINGS: f64 = 64.0;

/// The losses of the last steps.
#[derive(Debug, Clone)]
pub(crate) struct LossWatch {
    recent: VecDeque<f64>,
    /// Median of the first losses.
    begun: Option<f64>,
    rare: Rare,
    halves: Halves,
    /// Relative error of a loss.
    rounding: f64,
}

impl Default for LossWatch {
    fn default() -> Self {
        Self {
            recent: VecDeque::new(),
            begun: None,
            rare: Rare::default(),
            halves: Halves::default(),
            rounding: ROUNDINGS * rounding("f32"),
        }
    }
}

/// A loss far above those before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spike {
    /// The median of the window.
    pub usual: f64,
    /// What the loss exceeds.
    pub limit: f64,
}

/// A window of steps, of which the first half is held against the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Course {
    pub before: f64,
    pub after: f64,
    /// It has not fallen by more than chance explains.
    pub is_flat: bool,
}

impl LossWatch {
    /// For a model of this element type, named as burn prints it.
    pub fn of_type(dtype: &str) -> Self {
        Self { rounding: ROUNDINGS * rounding(dtype), ..Self::default() }
    }

    /// Whether `loss` lies `factor` times as far above the median of the last losses as the largest of them, as noise
    /// explains, or as the rarest of the last steps, whichever is farthest. A spike is not taken into the window.
    pub fn spike(&mut self, loss: f64, factor: Option<f64>) -> Option<Spike> {
        if !loss.is_finite() {
            return None;
        }
        self.rare.step();
        let spike = factor.and_then(|factor| self.judge(loss, factor));
        if spike.is_none() {
            if self.recent.len() == SPIKE_WINDOW {
                self.recent.pop_front();
            }
            self.recent.push_back(loss);
        }
        if self.begun.is_none() && self.recent.len() == SPIKE_LEAST {
            self.begun = Some(self.usual());
        }
        spike
    }

    /// The median of the window.
    fn usual(&self) -> f64 {
        median(&mut self.recent.iter().copied().collect::<Vec<f64>>())
    }

    /// Whether training has learned anything yet: the loss has fallen by more than noise since its first steps.
    pub fn has_fallen(&self) -> bool {
        let by_chance = || 2.0 * noise(self.recent.iter().copied());
        self.begun.is_some_and(|begun| {
            begun - self.usual() > by_chance().max(self.rounding * begun.abs())
        })
    }

    /// Only a loss above all others of the window is looked at more closely.
    fn judge(&mut self, loss: f64, factor: f64) -> Option<Spike> {
        let known = self.recent.len();
        let largest = self.recent.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if known < SPIKE_LEAST || loss <= largest {
            return None;
        }
        let usual = self.usual();
        let noise = noise(self.recent.iter().copied());
        let rarest = self.rare.take((loss - usual) / noise) * noise;
        let spread = (largest - usual).max(NORMAL_SPREAD * noise).max(rarest);
        let rounded = self.rounding * usual.abs().max(largest.abs());
        let limit = usual + (factor * spread).max(rounded);
        let has_scale =
            spread > 0.0 || known >= SPIKE_LEAST_EQUAL || loss - usual > factor * usual.abs();
        (has_scale && loss > limit).then_some(Spike { usual, limit })
    }

    /// Holds the two halves of the last `steps` steps against each other, once in half as many.
    pub fn course(&mut self, loss: f64, steps: u64) -> Option<Course> {
        let half = usize::try_from(steps / 2).ok()?;
        if !loss.is_finite() {
            self.forget_course();
            return None;
        }
        self.halves.take(loss, half);
        self.halves.course(half, self.rounding)
    }

    /// A window of steps that are not to be compared is left.
    pub fn forget_course(&mut self) {
        self.halves = Halves::default();
    }
}

/// The largest excess of a loss, in deviations of the noise of its time, over the last steps.
#[derive(Debug, Clone, Default)]
struct Rare {
    steps: u32,
    now: f64,
    before: f64,
}

impl Rare {
    fn step(&mut self) {
        self.steps += 1;
        if self.steps == RARE_STEPS {
            *self = Self { before: self.now, ..Self::default() };
        }
    }

    /// The largest so far, before this one is taken.
    fn take(&mut self, excess: f64) -> f64 {
        let largest = self.now.max(self.before);
        if excess.is_finite() {
            self.now = self.now.max(excess);
        }
        largest
    }
}

/// Means over the parts of the two halves of a window.
#[derive(Debug, Clone, Default)]
struct Halves {
    means: Vec<f64>,
    /// Losses of the half that is being filled.
    filled: usize,
    sum: f64,
    count: usize,
}

impl Halves {
    fn take(&mut self, loss: f64, half: usize) {
        self.sum += loss;
        self.count += 1;
        self.filled += 1;
        let parts = half.min(PARTS);
        let ends = half * (self.means.len() % parts + 1) / parts;
        if self.filled == ends {
            self.means.push(self.sum / self.count as f64);
            (self.sum, self.count) = (0.0, 0);
        }
        if self.filled == half {
            self.filled = 0;
        }
    }

    /// Of a full window, whose first half is then let go.
    fn course(&mut self, half: usize, rounding: f64) -> Option<Course> {
        let parts = half.min(PARTS);
        if self.means.len() < 2 * parts {
            return None;
        }
        let noise = if parts > 1 { noise(self.means.iter().copied()) } else { 0.0 };
        let is_zero = self.means.iter().all(|&mean| mean == 0.0);
        let mut second = self.means.split_off(parts);
        let mut first = std::mem::replace(&mut self.means, second.clone());
        let (before, after) = (median(&mut first), median(&mut second));
        let by_chance = OF_MEDIAN * noise * (2.0 / parts as f64).sqrt() + rounding * before.abs();
        Some(Course { before, after, is_flat: !is_zero && before - after <= by_chance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps at which the losses of a run spike.
    fn spikes(losses: &[f64]) -> Vec<usize> {
        spikes_of(LossWatch::default(), losses)
    }

    fn spikes_of(mut watch: LossWatch, losses: &[f64]) -> Vec<usize> {
        let steps = 0..losses.len();
        steps.filter(|&step| watch.spike(losses[step], Some(3.0)).is_some()).collect()
    }

    /// Steps at which a window of `steps` is flat.
    fn plateaus(losses: &[f64], steps: u64) -> Vec<usize> {
        plateaus_of(LossWatch::default(), losses, steps)
    }

    fn plateaus_of(mut watch: LossWatch, losses: &[f64], window: u64) -> Vec<usize> {
        let mut is_flat = |step| watch.course(losses[step], window).is_some_and(|it| it.is_flat);
        (0..losses.len()).filter(|&step| is_flat(step)).collect()
    }

    fn repeated(value: f64, count: usize, then: &[f64]) -> Vec<f64> {
        [vec![value; count], then.to_vec()].concat()
    }

    #[test]
    fn a_loss_of_any_sign_spikes_where_it_leaves_what_is_usual() {
        assert_eq!(spikes(&repeated(-5.0, 32, &[1000.0])), [32]);
        assert_eq!(spikes(&repeated(-5.0, 31, &[0.001, 0.01])), [0; 0]);
        for zeros in [20, 32, 64, 200] {
            assert_eq!(spikes(&repeated(0.0, zeros, &[5.0])), [zeros]);
        }
    }

    #[test]
    fn a_loss_three_times_as_far_out_as_the_largest_is_a_spike_and_twice_is_none() {
        let alternating: Vec<f64> = (0..40).map(|step| 1.0 + f64::from(step % 2)).collect();
        // Median 1.5, largest 2, steps of 1: noise 1.05, of whose 2.4 the limit is three times, 1.5 + 7.5.
        assert_eq!(spikes(&[&alternating[..], &[8.9]].concat()), [0; 0]);
        let mut watch = LossWatch::default();
        assert!(alternating.iter().all(|&loss| watch.spike(loss, Some(3.0)).is_none()));
        let spike = watch.spike(12.1, Some(3.0)).expect("a spike");
        assert_eq!(spike.usual, 1.5);
        assert!((spike.limit - (1.5 + 3.0 * 2.4 * 1.4826 / 2_f64.sqrt())).abs() < 1e-12);
        assert_eq!(watch.spike(f64::NAN, Some(3.0)), None);
        assert_eq!(watch.spike(1e9, None), None);
    }

    #[test]
    fn the_last_place_of_a_float_is_no_spike() {
        let loss = f64::from(std::f32::consts::LN_2);
        let next = f64::from(std::f32::consts::LN_2.next_up());
        assert_eq!(spikes(&repeated(loss, 100, &[next])), [0; 0]);
        let mut halves = LossWatch::of_type("bf16");
        assert!((0..100).all(|_| halves.spike(2.296875, Some(3.0)).is_none()));
        assert_eq!(halves.spike(2.3125, Some(3.0)), None);
    }

    #[test]
    fn what_is_rare_in_a_run_is_told_once_and_not_at_every_turn() {
        // Every 150th loss is a hundred times as far out as noise is.
        let loss =
            |step: usize| (step * 7 % 11) as f64 + if step % 150 == 149 { 500.0 } else { 0.0 };
        let losses: Vec<f64> = (0..5000).map(loss).collect();
        assert_eq!(spikes(&losses), [149]);
    }

    #[test]
    fn a_loss_that_falls_has_no_plateau_and_one_that_stays_has() {
        let falls: Vec<f64> = (0..100).map(|step| 1.0 / f64::from(step + 1)).collect();
        assert_eq!(plateaus(&falls, 10), [0; 0]);
        assert_eq!(plateaus(&[2.0; 20], 10), [9, 14, 19]);
        assert_eq!(plateaus(&[0.0; 20], 20), [0; 0], "there is nothing below 0");
        assert_eq!(plateaus(&repeated(2.0, 6, &[1.0; 6]), 2), [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]);
        let mut watch = LossWatch::default();
        let course = (0..20).filter_map(|_| watch.course(2.0, 20)).next();
        assert_eq!(course, Some(Course { before: 2.0, after: 2.0, is_flat: true }));
    }

    /// Losses of a training drawn at random: they fall, scatter, have heavy tails, spike or stay.
    fn drawn(draw: &mut impl FnMut() -> f64) -> Vec<f64> {
        let (fall, scatter, tail) = (3.0 * draw(), draw().powi(2), draw() > 0.5);
        let (spike, stays) = ((draw() * 800.0) as usize, (draw() * 1600.0) as usize);
        let mut last = 0.0;
        let loss = |step: usize| {
            let noise = draw() + draw() + draw() - 1.5;
            let noise = if tail { noise / (0.05 + draw()) } else { noise };
            let leap = if step == spike { 40.0 * draw() } else { 0.0 };
            last = if step > stays {
                last
            } else {
                fall * 0.99_f64.powi(step as i32) + scatter * noise
            };
            last + leap
        };
        (0..800).map(loss).collect()
    }

    #[test]
    fn neither_sign_nor_unit_of_a_loss_means_anything() {
        let mut state = 7_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (mut spiked, mut stayed) = (0, 0);
        for run in 0..300 {
            let losses = drawn(&mut draw);
            let (factor, shift) = (10_f64.powf(12.0 * draw() - 6.0), 20.0 * draw() - 10.0);
            let mapped: Vec<f64> = losses.iter().map(|loss| factor * (loss + shift)).collect();
            // In f64, where a shift hides nothing.
            let watch = || LossWatch::of_type("f64");
            let (before, after) = (spikes_of(watch(), &losses), spikes_of(watch(), &mapped));
            assert_eq!(before, after, "spikes of run {run}: {factor} (L + {shift})");
            let [flat, flat_after] = [&losses, &mapped].map(|it| plateaus_of(watch(), it, 200));
            assert_eq!(flat, flat_after, "plateaus of run {run}: {factor} (L + {shift})");
            (spiked, stayed) = (spiked + before.len().min(1), stayed + flat.len().min(1));
        }
        assert!(spiked > 100 && stayed > 100, "{spiked} runs spike, {stayed} stay");
    }

    #[test]
    fn a_loss_has_fallen_once_it_is_clearly_below_its_beginning() {
        let fallen = |losses: &[f64]| {
            let mut watch = LossWatch::default();
            for &loss in losses {
                let _ = watch.spike(loss, None);
            }
            watch.has_fallen()
        };
        assert!(!fallen(&[2.0; 99]) && !fallen(&[2.0]));
        assert!(fallen(&repeated(-2.0, 20, &[-7.0; 40])));
        let noisy: Vec<f64> = (0..99).map(|step| f64::from(step * 7 % 11)).collect();
        assert!(!fallen(&noisy));
    }

    #[test]
    fn a_fall_that_noise_nearly_hides_is_seen_and_a_spike_hides_none() {
        let noise = |step: usize| (step * 7919 % 1009) as f64 / 1009.0 - 0.5;
        // Noise of 0.29 around a fall of 0.2 in a thousand steps: sixteen means of it scatter by 0.04.
        let slow = |step: usize| 3.0 - 2e-4 * step as f64 + noise(step);
        let falls: Vec<f64> = (0..8000).map(slow).collect();
        assert_eq!(plateaus(&falls, 2000), [0; 0]);
        let mut with_spike = falls;
        with_spike[1500] = 1e6;
        assert_eq!(plateaus(&with_spike, 2000), [0; 0]);
        let flat: Vec<f64> = (0..4000).map(noise).collect();
        assert_eq!(plateaus(&flat, 2000), [1999, 2999, 3999]);
    }
}
