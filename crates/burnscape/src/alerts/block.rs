//! What is wrong with one parameter block in one step: a pure function of what was measured of it so far.
//!
//! What the optimizer does decides. A gradient alone says little: clipping cuts it, an adaptive optimizer divides it away,
//! and its unit is that of the loss. So the update is judged, in itself and against the weights that it moves.

use std::collections::VecDeque;

use burnscape_trace::columns::{GRAD_NORM, LR, UPDATE_NORM, WEIGHT_NORM};
use burnscape_trace::{Block, Step};

use super::rate::{Pace, RateWatch};
use crate::config::alerts::AlertRules;

/// Steps that the logarithm of a gradient norm is compared with.
pub(super) const NORM_WINDOW: usize = 100;

/// A gradient norm that jumps is at least so many times the largest of the window …
const JUMP: f64 = 10.0;

/// … its update so many times the largest of the last ones, per learning rate …
const UPDATE_JUMP: f64 = 3.0;

/// … and this share of the weights. About 1e-3 is usual.
pub(super) const JUMP_SHARE: f64 = 1e-2;

/// Updates that a jump is held against.
const UPDATE_WINDOW: usize = 8;

/// An optimizer explains an update up to so many times the largest of the last ones, per learning rate. What is longer,
/// and longer than its gradient makes it, was done by somebody else: weights were clipped, reset, or loaded.
const OF_SAME_OPTIMIZER: f64 = 10.0;

/// An update that follows its gradient is at most so many times as long, per learning rate: 1.9 with Nesterov's momentum.
pub(super) const OF_GRADIENT: f64 = 2.0;

/// An update that explodes is at least this share of the weights: however long, less than that takes nothing away.
pub(super) const LONG_SHARE: f64 = 0.5;

/// Broken so often in a row, what may happen once is an alert …
const STREAK: u32 = 3;

/// … over so many steps, or at each of them: measurements that a suspicion asked for lie close together, and meet the
/// longest updates.
const STREAK_STEPS: u64 = 10;

/// An update that vanishes is shorter than this many times `vanishing_step` of the weights.
const STILL_SHARE: f64 = 1e3;

/// Without a gradient, weights move by what is left of momentum and by weight decay: less than this share of the
/// learning rate, in units of themselves.
const DECAY_SHARE: f64 = 0.1;

/// One block in one step. Norms are `None` where they were not measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub step: u64,
    pub gradient: Option<f64>,
    pub weight: Option<f64>,
    pub update: Option<f64>,
    pub rate: f64,
    /// No bias and no parameter of a normalisation.
    pub is_weight: bool,
    /// A table of which a step reaches some rows.
    pub is_table: bool,
}

impl Seen {
    /// Of a block by its number. Where blocks have learning rates of their own, the step tells them.
    pub fn of(step: &Step, number: usize, block: &Block) -> Self {
        let value = |column| Some(f64::from(*step.columns.get(column)?.get(number)?));
        Self {
            step: step.step,
            gradient: value(GRAD_NORM),
            weight: value(WEIGHT_NORM),
            update: value(UPDATE_NORM),
            rate: value(LR).unwrap_or(step.lr),
            is_weight: block.role == "weight",
            is_table: block.container == "Embedding",
        }
    }
}

/// A value, and what it breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beyond {
    pub value: f64,
    /// 0 for a value that is not finite.
    pub threshold: f64,
}

impl Beyond {
    fn not_finite(norm: Option<f64>) -> Option<Self> {
        let value = norm.filter(|norm| !norm.is_finite())?;
        Some(Self { value, threshold: 0.0 })
    }

    /// How far the value lies beyond, on a logarithmic scale; all values that are not finite are alike.
    pub fn distance(self) -> f64 {
        if self.threshold == 0.0 { 0.0 } else { (self.value / self.threshold).ln().abs() }
    }
}

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Found {
    /// Norm of a gradient that is not finite.
    pub broken_gradient: Option<Beyond>,
    /// Norm of weights that are not finite.
    pub broken_weight: Option<Beyond>,
    /// Length of an update that is too long.
    pub explodes: Option<Beyond>,
    /// It is too long, whoever made it.
    pub is_long: bool,
    /// Norm of a gradient that moves nothing.
    pub vanishes: Option<Beyond>,
    /// Update over weight, out of range for the third time.
    pub ratio: Option<Beyond>,
    /// What the schedule wants of the block.
    pub pace: Pace,
}

/// What is remembered of a block.
#[derive(Debug, Clone, Default)]
pub(super) struct BlockWatch {
    log_norms: VecDeque<f64>,
    /// Lengths of updates, over their learning rates.
    updates: VecDeque<f64>,
    rate: RateWatch,
    zeros: u32,
    off_ratio: Streak,
    /// A gradient norm has jumped, and no update was measured since.
    has_jumped: bool,
    /// The last update was longer than it should be.
    was_long: bool,
    /// An update was once as long as it should be.
    has_moved: bool,
}

impl BlockWatch {
    /// A step in which a gradient reached the block.
    pub fn judge(&mut self, seen: Seen, rules: &AlertRules) -> Found {
        let mut found = Found {
            broken_gradient: Beyond::not_finite(seen.gradient),
            broken_weight: Beyond::not_finite(seen.weight),
            ..Found::default()
        };
        if let Some(norm) = seen.gradient.filter(|norm| norm.is_finite()) {
            self.zeros = if norm == 0.0 { self.zeros + 1 } else { 0 };
            self.has_jumped |= self.jumps(norm, rules.exploding_z);
        }
        if let (Some(weight), Some(update)) = (seen.weight, seen.update) {
            found.pace = self.rate.pace(seen.rate);
            found.explodes = self.explodes(update, weight, seen, rules);
            found.is_long = self.was_long;
            found.vanishes = self.vanishes(update, weight, seen, rules);
            found.ratio = self.ratio(update, weight, found.pace, seen, rules);
        }
        found
    }

    /// Whether a norm lies far above those before it.
    fn jumps(&mut self, norm: f64, z: Option<f64>) -> bool {
        if norm == 0.0 {
            return false;
        }
        let (log, known) = (norm.ln(), &mut self.log_norms);
        let is_jump = z.is_some_and(|z| known.len() == NORM_WINDOW && is_far_above(log, known, z));
        if known.len() == NORM_WINDOW {
            known.pop_front();
        }
        known.push_back(log);
        is_jump
    }

    /// Too long in itself, or after a jump of the gradient and much longer than those before it.
    fn explodes(
        &mut self,
        update: f64,
        weight: f64,
        seen: Seen,
        rules: &AlertRules,
    ) -> Option<Beyond> {
        let usual = self.updates.iter().copied().fold(0.0, f64::max) * seen.rate;
        let long = rules.exploding_step.map(|limit| limit.max(LONG_SHARE * weight));
        let was_long = std::mem::replace(&mut self.was_long, long.is_some_and(|it| update > it));
        let is_by_optimizer = was_long || is_explained(update, usual, seen);
        if !self.was_long || is_by_optimizer {
            self.remember(update, seen.rate);
        }
        let jump = (UPDATE_JUMP * usual).max(JUMP_SHARE * weight);
        let jump = std::mem::take(&mut self.has_jumped).then_some(jump);
        let limits = long.into_iter().chain(jump).filter(|_| is_by_optimizer);
        limits
            .reduce(f64::min)
            .filter(|&it| update > it)
            .map(|threshold| Beyond { value: update, threshold })
    }

    fn remember(&mut self, update: f64, rate: f64) {
        if rate > 0.0 && update.is_finite() {
            if self.updates.len() == UPDATE_WINDOW {
                self.updates.pop_front();
            }
            self.updates.push_back(update / rate);
        }
    }

    /// A gradient so small, or exactly 0 so often, that nothing moves.
    fn vanishes(&self, update: f64, weight: f64, seen: Seen, rules: &AlertRules) -> Option<Beyond> {
        let (limit, norm) = (rules.vanishing_step?, seen.gradient?);
        if !seen.is_weight || seen.rate == 0.0 {
            return None;
        }
        let is_still = update <= limit && update <= STILL_SHARE * limit * weight;
        let is_short = match norm == 0.0 {
            true => {
                self.zeros >= STREAK && (is_still || update <= DECAY_SHARE * seen.rate * weight)
            }
            false => norm * seen.rate < limit && is_still,
        };
        is_short.then_some(Beyond { value: norm, threshold: limit / seen.rate })
    }

    /// Out of range for the third time in a row. An update is too short only if it never was longer: where gradients
    /// shrink, training comes to its end.
    fn ratio(
        &mut self,
        update: f64,
        weight: f64,
        pace: Pace,
        seen: Seen,
        rules: &AlertRules,
    ) -> Option<Beyond> {
        let (lowest, highest) = rules.update_ratio.filter(|_| seen.is_weight && weight != 0.0)?;
        let value = update / weight;
        self.has_moved |= value >= lowest;
        let is_meant =
            seen.is_table || seen.rate == 0.0 || (update == 0.0 && seen.gradient.is_none());
        let is_low = value < lowest && pace == Pace::Usual && !self.has_moved && !is_meant;
        let threshold = if is_low { lowest } else { highest };
        let is_off = self.off_ratio.lasts(seen.step, is_low || value > highest);
        is_off.then_some(Beyond { value, threshold })
    }
}

/// Whether an optimizer may have made this update, as far as one step tells: by its gradient, or because it made ones like
/// it before.
fn is_explained(update: f64, usual: f64, seen: Seen) -> bool {
    let follows =
        |gradient: f64| !gradient.is_finite() || update <= OF_GRADIENT * seen.rate * gradient;
    let is_like_others = update <= OF_SAME_OPTIMIZER * usual;
    !update.is_finite() || is_like_others || seen.gradient.is_none_or(follows)
}

/// Measurements in a row that break a rule.
#[derive(Debug, Clone, Copy, Default)]
struct Streak {
    count: u32,
    first: u64,
}

impl Streak {
    /// Whether it is long enough.
    fn lasts(&mut self, step: u64, is_broken: bool) -> bool {
        if !is_broken {
            self.count = 0;
            return false;
        }
        if self.count == 0 {
            self.first = step;
        }
        self.count += 1;
        let steps = step.saturating_sub(self.first);
        self.count >= STREAK && (steps >= STREAK_STEPS || steps < u64::from(self.count))
    }
}

/// Whether a logarithm lies `z` deviations above the mean of others, and ten times the largest.
fn is_far_above(log: f64, known: &VecDeque<f64>, z: f64) -> bool {
    let largest = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if log <= largest + JUMP.ln() {
        return false;
    }
    let count = known.len() as f64;
    let mean = known.iter().sum::<f64>() / count;
    let square = known.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
    log > mean + z * (square / (count - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: AlertRules = AlertRules {
        exploding_step: Some(1.0),
        exploding_z: Some(8.0),
        vanishing_step: Some(1e-10),
        update_ratio: Some((1e-5, 1e-1)),
        ..AlertRules::none()
    };

    fn seen(gradient: f64, weight: f64, update: f64, rate: f64) -> Seen {
        let [gradient, weight, update] = [gradient, weight, update].map(Some);
        Seen { step: 0, gradient, weight, update, rate, is_weight: true, is_table: false }
    }

    /// What one step after the other shows.
    fn found(steps: impl IntoIterator<Item = Seen>) -> Vec<Found> {
        let mut watch = BlockWatch::default();
        let numbered = steps.into_iter().zip(0..);
        numbered.map(|(seen, step)| watch.judge(Seen { step, ..seen }, &RULES)).collect()
    }

    fn explodes(steps: impl IntoIterator<Item = Seen>) -> Vec<usize> {
        let found = found(steps).into_iter().enumerate();
        found.filter(|(_, it)| it.explodes.is_some()).map(|(step, _)| step).collect()
    }

    #[test]
    fn an_update_explodes_that_is_long_and_takes_the_weights_along() {
        let at = |weight, update| explodes([seen(1.0, weight, update, 1.0)]);
        assert_eq!([at(1.0, 1.5), at(0.0, 1.1), at(2.0, 1.01)], [[0], [0], [0]]);
        assert_eq!(at(100.0, 9.0), [0; 0], "a wide layer under an adaptive optimizer");
        assert_eq!(at(1e-3, 0.9), [0; 0], "short in itself");
        assert_eq!(at(1.0, f64::INFINITY), [0]);
        let beyond = found([seen(3.0, 4.0, 3.0, 1.0)])[0].explodes;
        assert_eq!(beyond, Some(Beyond { value: 3.0, threshold: 2.0 }));
    }

    #[test]
    fn however_large_a_gradient_is_without_its_update_it_is_none() {
        assert_eq!(explodes([seen(5000.0, 1.0, 1e-3, 1e-3)]), [0; 0], "clipped, or divided away");
        let unmeasured = Seen { weight: None, update: None, ..seen(1e9, 1.0, 1.0, 1.0) };
        assert_eq!(explodes([unmeasured; 3]), [0; 0]);
    }

    #[test]
    fn weights_that_somebody_sets_do_not_explode_and_an_optimizer_that_goes_on_does() {
        let quiet = vec![seen(0.5, 1.0, 1e-3, 1e-3); 20];
        let then = |last: &[Seen]| explodes([quiet.clone(), last.to_vec()].concat());
        let set = seen(0.5, 1.0, 1.4, 1e-3);
        assert_eq!(then(&[set, quiet[0], set, quiet[0]]), [0; 0]);
        assert_eq!(explodes([set, quiet[0]]), [0; 0], "a critic is clipped at its first step");
        assert_eq!(then(&[set, set]), [21], "nobody sets weights twice in a row");
        assert_eq!(then(&[seen(0.5, 1.0, 3.0, 3.0)]), [20], "as before, at a wild rate");
        assert_eq!(then(&[seen(1400.0, 1.0, 1.4, 1e-3)]), [20], "as its gradient");
    }

    /// A hundred quiet steps, in every tenth of which the update is measured, then one with these norms.
    fn after_quiet(gradient: f64, update: f64) -> Vec<usize> {
        let quiet = (0..100).map(|step| {
            let norm = if step % 2 == 0 { 0.001 } else { 0.002 };
            let all = seen(norm, 1.0, norm, 1.0);
            if step % 10 == 0 { all } else { Seen { weight: None, update: None, ..all } }
        });
        explodes(quiet.chain([seen(gradient, 1.0, update, 1.0)]))
    }

    #[test]
    fn a_jump_of_the_gradient_is_told_where_the_update_jumps_too() {
        assert_eq!(after_quiet(0.5, 0.5), [100]);
        assert_eq!(after_quiet(0.5, 0.0015), [0; 0], "clipped");
        assert_eq!(after_quiet(0.019, 0.019), [0; 0], "below ten times the largest");
        let mut far = vec![seen(1.0, 1e6, 1.0, 1.0); 100];
        far.push(seen(1e4, 1e6, 100.0, 1.0));
        assert_eq!(explodes(far), [0; 0], "a ten-thousandth of the weights");
    }

    fn vanishes(steps: &[Seen]) -> Vec<usize> {
        let found = found(steps.iter().copied()).into_iter().enumerate();
        found.filter(|(_, it)| it.vanishes.is_some()).map(|(step, _)| step).collect()
    }

    #[test]
    fn a_gradient_vanishes_where_it_moves_nothing() {
        assert_eq!(vanishes(&[seen(1e-12, 1.0, 0.0, 0.1)]), [0]);
        assert_eq!(vanishes(&[seen(1e-4, 1.0, 1e-7, 1e-7)]), [0; 0], "Adam at a small rate");
        assert_eq!(vanishes(&[seen(1e-12, 1.0, 1e-3, 1e-3)]), [0; 0], "the sign of it is enough");
        assert_eq!(
            vanishes(&[seen(1e-12, 1e-12, 1e-13, 0.1)]),
            [0; 0],
            "weights as small as it is"
        );
        assert_eq!(vanishes(&[seen(1e-12, 1.0, 0.0, 0.0)]), [0; 0], "no rate");
        let bias = Seen { is_weight: false, ..seen(0.0, 1.0, 0.0, 0.1) };
        assert_eq!(vanishes(&[bias; 9]), [0; 0], "before a BatchNorm it has none, as it should");
    }

    #[test]
    fn a_gradient_of_exactly_0_vanishes_at_the_third_step_whatever_momentum_and_decay_do() {
        let zero = |update| seen(0.0, 1.0, update, 0.1);
        assert_eq!(vanishes(&[zero(0.0); 4]), [2, 3]);
        assert_eq!(vanishes(&[zero(1e-4); 4]), [2, 3], "weight decay of 1e-3");
        let momentum: Vec<Seen> =
            (0..40).map(|step| zero(0.7 * 0.1 * 0.9_f64.powi(step))).collect();
        // 0.07 · 0.9ᵗ falls below a tenth of the rate at t = 19.
        assert_eq!(vanishes(&momentum)[0], 19);
    }

    fn off_ratio(steps: &[Seen]) -> Vec<usize> {
        let found = found(steps.iter().copied()).into_iter().enumerate();
        found.filter(|(_, it)| it.ratio.is_some()).map(|(step, _)| step).collect()
    }

    #[test]
    fn a_ratio_is_off_at_the_third_measurement_and_only_for_weights() {
        assert_eq!(off_ratio(&[seen(1.0, 1.0, 0.5, 0.1); 4]), [2, 3]);
        let bias = Seen { is_weight: false, ..seen(1.0, 1.0, 0.5, 0.1) };
        assert_eq!(off_ratio(&[bias; 4]), [0; 0]);
        assert_eq!(off_ratio(&[seen(1.0, 0.0, 0.5, 0.1); 4]), [0; 0], "no weight yet");
        // The first measurement may be the beginning of a warm-up.
        assert_eq!(off_ratio(&[seen(1.0, 1.0, 1e-7, 1e-7); 5]), [3, 4]);
    }

    #[test]
    fn the_longest_updates_of_a_few_steps_are_no_streak() {
        let at = |step, update| Seen { step, ..seen(1.0, 1.0, update, 0.1) };
        let off = |steps: &[u64]| {
            let mut watch = BlockWatch::default();
            let found = steps.iter().map(|&step| watch.judge(at(step, 0.2), &RULES));
            found.filter(|it| it.ratio.is_some()).count()
        };
        assert_eq!(
            [off(&[2, 4, 6]), off(&[2, 3, 4]), off(&[0, 20, 40]), off(&[0, 1, 3, 7, 15])],
            [0, 1, 1, 1]
        );
        let table = Seen { is_table: true, ..seen(1.0, 1.0, 1e-7, 0.1) };
        assert_eq!(off_ratio(&[table; 9]), [0; 0], "a table moves by the rows that are read");
    }

    #[test]
    fn small_updates_are_none_of_a_warm_up_or_the_end_of_a_schedule_or_of_training() {
        let warm_up: Vec<Seen> = (1..90)
            .map(|step| 1e-9 * f64::from(step))
            .map(|rate| seen(1.0, 1.0, rate, rate))
            .collect();
        assert_eq!(off_ratio(&warm_up), [0; 0]);
        let fades = |share: f64| -> Vec<Seen> {
            (0..400)
                .map(|step| 0.97_f64.powi(step))
                .map(|left| seen(left, 1.0, 1e-3 * left, share))
                .collect()
        };
        assert_eq!(
            off_ratio(&fades(1e-3)),
            [0; 0],
            "gradients shrink as training comes to its end"
        );
    }
}
