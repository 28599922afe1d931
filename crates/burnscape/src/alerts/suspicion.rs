//! When the update of a step is measured although it is not due: gradients raise a suspicion, which the update confirms
//! or not. A learning rate that leaps raises one too: under an adaptive optimizer no gradient tells of it.
//!
//! A suspicion may last as long as training does: where gradients are clipped, or divided away by an adaptive optimizer,
//! large ones mean nothing. So it is looked into at once, and then more and more seldom, unless it grows.

use super::block::{JUMP_SHARE, LONG_SHARE, NORM_WINDOW, OF_GRADIENT};
use crate::config::alerts::AlertRules;

/// A gradient norm is suspicious at so many times the largest of the last steps …
const JUMP: f32 = 10.0;

/// … which is forgotten by this share in a step: half of it in 34.
const KEPT: f32 = 0.98;

/// What has grown by this factor since it was looked into is looked into again.
const GROWTH: f64 = 2.0;

/// Steps after which a lasting suspicion is looked into again at the latest.
const LONGEST_WAIT: u64 = 64;

/// What is suspicious in a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Suspicion {
    /// A gradient is NaN or infinite.
    pub is_broken: bool,
    /// A gradient norm has jumped.
    pub has_jumped: bool,
    /// The update should be measured.
    pub is_raised: bool,
}

/// Watches the gradient norms of one step after the other, on the training thread.
#[derive(Debug, Clone)]
pub(crate) struct Suspicions {
    /// Which blocks are weights, neither biases nor parameters of a normalisation.
    is_weight: Vec<bool>,
    /// The largest norm of each block in the last steps.
    usual: Vec<f32>,
    /// Steps looked at.
    steps: u64,
    long: Patience,
    short: Patience,
}

impl Suspicions {
    /// Of a model, with which of its blocks are weights.
    pub fn new(is_weight: Vec<bool>) -> Self {
        let usual = vec![0.0; is_weight.len()];
        Self { is_weight, usual, steps: 0, long: Patience::default(), short: Patience::default() }
    }

    /// Looks at the gradient norms of a step, NaN where no gradient reached a block, of which there are `missing`.
    /// `rate` is the largest learning rate.
    pub fn look(
        &mut self,
        step: u64,
        norms: &[f32],
        missing: usize,
        rate: f64,
        rules: &AlertRules,
    ) -> Suspicion {
        let (mut odd, mut longest, mut shortest, mut has_jumped) = (0, 0.0_f32, f32::MAX, false);
        for ((&norm, usual), &is_weight) in norms.iter().zip(&mut self.usual).zip(&self.is_weight) {
            if !norm.is_finite() {
                odd += 1;
                continue;
            }
            has_jumped |= norm > JUMP * *usual && *usual > 0.0;
            *usual = norm.max(KEPT * *usual);
            longest = longest.max(norm);
            shortest = if is_weight { shortest.min(norm) } else { shortest };
        }
        // As the rule, which knows a jump only from so many steps before it.
        has_jumped &= self.steps >= NORM_WINDOW as u64;
        self.steps += 1;
        let (longest, shortest) = (f64::from(longest) * rate, f64::from(shortest) * rate);
        let is_long = rules.exploding_step.is_some_and(|limit| longest > limit);
        let is_short = rate > 0.0 && rules.vanishing_step.is_some_and(|limit| shortest < limit);
        let is_raised = (is_long && self.long.is_over(step, longest))
            | (is_short && self.short.is_over(step, 0.0))
            | (has_jumped && rules.exploding_z.is_some());
        Suspicion { is_broken: odd > missing, has_jumped, is_raised }
    }
}

/// Watches the learning rate from step to step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Leaps(Option<f64>);

impl Leaps {
    /// Whether a rate is so much larger than at the step before that its update should be measured.
    pub fn leaps(&mut self, rate: f64) -> bool {
        self.0.replace(rate).is_some_and(|before| rate > GROWTH * before)
    }
}

/// How long a suspicion that lasts waits until it is looked into again.
#[derive(Debug, Clone, Copy, Default)]
struct Patience {
    next: u64,
    wait: u64,
    size: f64,
}

impl Patience {
    /// Whether it is looked into now.
    fn is_over(&mut self, step: u64, size: f64) -> bool {
        if step < self.next && size <= GROWTH * self.size {
            return false;
        }
        // What was quiet for as long again as it was waited for begins anew.
        let is_anew = step >= self.next + self.wait;
        self.wait = if is_anew { 1 } else { (2 * self.wait).clamp(1, LONGEST_WAIT) };
        (self.next, self.size) = (step + self.wait, size);
        true
    }
}

/// Whether an update confirms a suspicion, as far as the step alone tells.
pub(crate) fn is_alarming(update: f32, weight: f32, has_jumped: bool, rules: &AlertRules) -> bool {
    let is_long = rules.exploding_step.is_some_and(|limit| f64::from(update) > limit);
    let share = f64::from(update / weight);
    (is_long && share > LONG_SHARE) || (has_jumped && share > JUMP_SHARE)
}

/// Whether an update is no longer than its gradient makes it.
pub(crate) fn follows(update: f32, gradient: f32, rate: f64) -> bool {
    f64::from(update) <= OF_GRADIENT * rate * f64::from(gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: AlertRules = AlertRules {
        exploding_step: Some(1.0),
        exploding_z: Some(8.0),
        vanishing_step: Some(1e-10),
        ..AlertRules::none()
    };

    /// Steps at which the update is measured, of gradients of one weight and one bias.
    fn raised(norms: impl Iterator<Item = f32>, rate: f64) -> Vec<u64> {
        let mut watch = Suspicions::new(vec![true, false]);
        let mut look = |step, norm| watch.look(step, &[norm, 0.0], 0, rate, &RULES);
        let found = norms.zip(0..).map(|(norm, step)| (step, look(step, norm).is_raised));
        found.filter(|(_, is_raised)| *is_raised).map(|(step, _)| step).collect()
    }

    #[test]
    fn what_lasts_is_looked_into_more_and_more_seldom() {
        let lasting = raised((0..400).map(|_| 5000.0), 1e-3);
        assert_eq!(lasting, [0, 1, 3, 7, 15, 31, 63, 127, 191, 255, 319, 383]);
        let still = raised((0..100).map(|_| 0.0), 1e-3);
        assert_eq!(still, [0, 1, 3, 7, 15, 31, 63]);
    }

    #[test]
    fn what_grows_is_looked_into_at_every_doubling() {
        let grows = raised((0..12).map(|step| 600.0 * 3_f32.powi(step)), 1e-3);
        assert_eq!(grows, (1..12).collect::<Vec<u64>>());
    }

    #[test]
    fn nothing_is_suspicious_in_a_sound_training_whatever_its_scale() {
        for scale in [1e-8, 1.0, 1e8] {
            let norms = (0..500).map(|step| scale * (2.0 + (step as f32 * 0.7).sin()));
            assert_eq!(raised(norms, 1e-3 / f64::from(scale)), [0; 0]);
        }
        assert_eq!(raised((0..50).map(|_| 1e9), 0.0), [0; 0], "nothing moves without a rate");
    }

    #[test]
    fn a_jump_is_looked_into_once() {
        let norm = |at: u64| move |step: u64| if step >= at { 0.2 } else { 0.01 };
        assert_eq!(raised((0..200).map(norm(150)), 0.1), [150]);
        assert_eq!(raised((0..200).map(norm(50)), 0.1), [0; 0], "too little is known");
    }

    #[test]
    fn a_rate_leaps_where_it_more_than_doubles_in_a_step() {
        let leaps = |rates: &[f64]| -> Vec<usize> {
            let mut watch = Leaps::default();
            (0..rates.len()).filter(|&step| watch.leaps(rates[step])).collect()
        };
        assert_eq!(leaps(&[0.1, 0.1, 30.0, 30.0, 0.1, 0.1]), [2]);
        assert_eq!(leaps(&[0.0, 0.0, 1e-3, 0.0]), [2]);
        let warm_up: Vec<f64> = (1..100).map(|step| 1e-7 * f64::from(step)).collect();
        assert_eq!(leaps(&warm_up), [0; 0]);
    }

    #[test]
    fn what_is_not_finite_is_told_from_what_no_gradient_reached() {
        let look = |norms: [f32; 2], missing| {
            Suspicions::new(vec![true; 2]).look(0, &norms, missing, 0.1, &RULES).is_broken
        };
        assert!(look([f32::NAN, 1.0], 0) && look([f32::NAN, f32::INFINITY], 1));
        assert!(!look([f32::NAN, 1.0], 1) && !look([1.0, 1.0], 0));
    }

    #[test]
    fn an_update_is_alarming_if_it_is_long_and_takes_the_weights_along() {
        assert!(is_alarming(2.0, 1.0, false, &RULES) && is_alarming(0.05, 1.0, true, &RULES));
        assert!(!is_alarming(2.0, 1000.0, true, &RULES) && !is_alarming(0.05, 1.0, false, &RULES));
    }
}
