//! Holds one step after the other against the rules.

use std::collections::{BTreeMap, VecDeque};

use burnscape_trace::columns::{GRAD_NORM, UPDATE_NORM, WEIGHT_NORM};
use burnscape_trace::{Activation, Alert, Block, Curvature, Step};

use super::advice::{self, advice};
use super::{AlertRules, LossWatch};

/// Steps that the logarithm of a gradient norm is compared with.
const NORM_WINDOW: usize = 100;
/// A jump is at least so many times the largest of the window.
const JUMP: f64 = 10.0;
/// Broken so often in a row, what may happen once is an alert.
const STREAK: u32 = 3;
/// Observations of a tap after which its window tells dead units.
const DEAD_WINDOW: u32 = 10;
/// Share of units that is dead beyond doubt after a single observation.
const PLAINLY_DEAD: f64 = 0.9;

/// Where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    Loss,
    Block(u32),
    Tap(String),
}

/// The rules, and what they remember.
pub(crate) struct Watchdog {
    rules: AlertRules,
    loss: LossWatch,
    blocks: Vec<BlockWatch>,
    saturated: BTreeMap<String, u32>,
    /// When each rule was broken last at each place.
    broken: BTreeMap<(&'static str, Where), u64>,
    alerts: Vec<Alert>,
    /// The last live curvature was at the edge of stability.
    is_on_edge: bool,
}

/// What is remembered of a block.
#[derive(Debug, Clone, Default)]
struct BlockWatch {
    log_norms: VecDeque<f64>,
    zeros: u32,
    off_ratio: u32,
}

/// One broken rule with the places where it is, the worst first.
struct Broken {
    rule: &'static str,
    is_error: bool,
    threshold: f64,
    /// Block and value.
    places: Vec<(u32, f64)>,
}

impl Watchdog {
    pub fn new(rules: AlertRules) -> Self {
        Self {
            rules,
            loss: LossWatch::default(),
            blocks: Vec::new(),
            saturated: BTreeMap::new(),
            broken: BTreeMap::new(),
            alerts: Vec::new(),
            is_on_edge: false,
        }
    }

    /// The alerts that a step raises; nothing is allocated while there are none.
    pub fn judge(&mut self, step: &Step, blocks: &[Block]) -> Vec<Alert> {
        self.blocks.resize_with(blocks.len(), BlockWatch::default);
        self.judge_loss(step);
        self.judge_gradients(step, blocks);
        self.judge_weights(step, blocks);
        std::mem::take(&mut self.alerts)
    }

    fn judge_loss(&mut self, step: &Step) {
        let Some(loss) = step.loss else { return };
        if self.rules.non_finite && !loss.is_finite() {
            let text = format!("the training loss is {loss} at step {}", step.step);
            self.raise(step, advice::NON_FINITE_LOSS, true, loss, 0.0, text);
        }
        if let Some(largest) = self.loss.spike(loss, self.rules.loss_spike) {
            let text = format!(
                "the training loss is {loss:.4} at step {}, {:.1} times the largest of the last 64 steps",
                step.step,
                loss / largest
            );
            let threshold = self.rules.loss_spike.unwrap_or(1.0) * largest;
            self.raise(step, advice::SPIKE, false, loss, threshold, text);
        }
        let steps = self.rules.plateau_steps;
        if let Some((before, after)) = self.loss.plateau(loss, steps) {
            let text = format!(
                "the training loss has not fallen over the last {} steps: {before:.6} on average over the first \
                 half, {after:.6} over the second",
                steps.unwrap_or(0)
            );
            self.raise(step, advice::PLATEAU, false, after, before, text);
        }
    }

    /// An alert about the loss.
    fn raise(
        &mut self,
        step: &Step,
        rule: &'static str,
        is_error: bool,
        value: f64,
        threshold: f64,
        text: String,
    ) {
        if self.is_new(rule, Where::Loss, step.step) {
            let alert = Alert { value, threshold, text, places: 1, ..at(step, rule, is_error) };
            self.alerts.push(alert);
        }
    }

    fn judge_gradients(&mut self, step: &Step, blocks: &[Block]) {
        let Some(norms) = step.columns.get(GRAD_NORM) else {
            return;
        };
        let (mut broken, mut long, mut short) = (vec![], vec![], vec![]);
        for (block, &norm) in norms.iter().enumerate().take(blocks.len()) {
            if step.missing.contains(&(block as u32)) {
                continue;
            }
            let (place, norm) = (block as u32, f64::from(norm));
            let watch = &mut self.blocks[block];
            watch.zeros = if norm == 0.0 { watch.zeros + 1 } else { 0 };
            if !norm.is_finite() {
                broken.push((place, norm));
                continue;
            }
            let is_long = self.rules.exploding_step.is_some_and(|limit| norm * step.lr > limit);
            if watch.jumps(norm, self.rules.exploding_z) || is_long {
                long.push((place, norm));
            }
            let is_weight = blocks[block].role == "weight";
            let is_short = self.rules.vanishing_step.is_some_and(|limit| norm * step.lr < limit);
            if is_weight && is_short && step.lr != 0.0 && (norm != 0.0 || watch.zeros >= STREAK) {
                short.push((place, norm));
            }
        }
        long.sort_by(|a, b| b.1.total_cmp(&a.1));
        short.sort_by(|a, b| a.1.total_cmp(&b.1));
        let of_step = |limit: Option<f64>| limit.unwrap_or(f64::NAN) / step.lr;
        let (exploding, vanishing) =
            (of_step(self.rules.exploding_step), of_step(self.rules.vanishing_step));
        let found = [
            (advice::NON_FINITE_GRADIENT, true, 0.0, broken),
            (advice::EXPLODING, false, exploding, long),
            (advice::VANISHING, false, vanishing, short),
        ];
        for (rule, is_error, threshold, places) in found {
            if rule != advice::NON_FINITE_GRADIENT || self.rules.non_finite {
                self.report(step, blocks, Broken { rule, is_error, threshold, places });
            }
        }
    }

    fn judge_weights(&mut self, step: &Step, blocks: &[Block]) {
        let Some(weights) = step.columns.get(WEIGHT_NORM) else {
            return;
        };
        let norms = weights.iter().zip(0..).map(|(&norm, block)| (block, f64::from(norm)));
        let broken: Vec<(u32, f64)> = norms.filter(|(_, norm)| !norm.is_finite()).collect();
        if self.rules.non_finite {
            let rule = advice::NON_FINITE_WEIGHT;
            self.report(
                step,
                blocks,
                Broken { rule, is_error: true, threshold: 0.0, places: broken },
            );
        }
        let (Some((lowest, highest)), Some(updates)) =
            (self.rules.update_ratio, step.columns.get(UPDATE_NORM))
        else {
            return;
        };
        let mut off = Vec::new();
        for (block, (weight, update)) in weights.iter().zip(updates.iter()).enumerate() {
            let is_weight = blocks.get(block).is_some_and(|it| it.role == "weight" && !it.frozen);
            let ratio = f64::from(*update) / f64::from(*weight);
            let is_off = is_weight && *weight != 0.0 && (ratio < lowest || ratio > highest);
            let watch = &mut self.blocks[block];
            watch.off_ratio = if is_off { watch.off_ratio + 1 } else { 0 };
            if watch.off_ratio >= STREAK {
                off.push((block as u32, ratio));
            }
        }
        let distance = |ratio: f64| (ratio / (lowest * highest).sqrt()).ln().abs();
        off.sort_by(|a, b| distance(b.1).total_cmp(&distance(a.1)));
        let is_high = off.first().is_some_and(|(_, ratio)| *ratio > highest);
        let threshold = if is_high { highest } else { lowest };
        self.report(
            step,
            blocks,
            Broken { rule: advice::RATIO, is_error: false, threshold, places: off },
        );
    }

    /// Whether training has come to the edge of stability: told once, until it was clearly below.
    pub fn judge_curvature(&mut self, found: &Curvature) -> Option<Alert> {
        let (share, limit) = (self.rules.edge_of_stability?, found.stability_limit?);
        let value = found.largest.first()? * found.lr;
        let was_on_edge = self.is_on_edge;
        let threshold = share * limit;
        self.is_on_edge = value >= if was_on_edge { 0.9 * threshold } else { threshold };
        if was_on_edge || !self.is_on_edge {
            return None;
        }
        let text = format!(
            "training is at the edge of stability at step {}: the largest curvature times the learning rate is {value:.3}, \
             and steps overshoot from {limit:.3} on",
            found.step
        );
        let step =
            Step { step: found.step, epoch: found.epoch.map(|it| it + 1), ..Step::default() };
        let level = "info".to_string();
        Some(Alert { value, threshold, text, places: 1, level, ..at(&step, advice::EDGE, false) })
    }

    /// What a tap saw.
    pub fn judge_activation(&mut self, seen: &Activation, step: &Step) -> Vec<Alert> {
        self.judge_dead(seen, step);
        self.judge_saturated(seen, step);
        std::mem::take(&mut self.alerts)
    }

    fn judge_dead(&mut self, seen: &Activation, step: &Step) {
        let Some(limit) = self.rules.dead_units.filter(|_| seen.units > 1) else {
            return;
        };
        let share = seen.dead_units as f64 / seen.units as f64;
        let is_plain = share >= PLAINLY_DEAD.max(limit);
        if !is_plain && (seen.window < DEAD_WINDOW || share < limit) {
            return;
        }
        let text = format!(
            "{} of {} units behind the tap `{}` are dead at step {}: 0 for every sample of the last {} \
             observation(s)",
            seen.dead_units, seen.units, seen.tap, step.step, seen.window
        );
        self.raise_tap(seen, step, advice::DEAD, share, limit, text);
    }

    fn judge_saturated(&mut self, seen: &Activation, step: &Step) {
        let Some(limit) = self.rules.saturated else { return };
        let is_saturated = seen.saturated_share > limit;
        let streak = self.saturated.entry(seen.tap.clone()).or_default();
        *streak = if is_saturated { *streak + 1 } else { 0 };
        if *streak < STREAK {
            return;
        }
        let text = format!(
            "{:.0} % of the values behind the tap `{}` are at their bounds at step {}",
            100.0 * seen.saturated_share,
            seen.tap,
            step.step
        );
        self.raise_tap(seen, step, advice::SATURATED, seen.saturated_share, limit, text);
    }

    fn raise_tap(
        &mut self,
        seen: &Activation,
        step: &Step,
        rule: &'static str,
        value: f64,
        threshold: f64,
        text: String,
    ) {
        if self.is_new(rule, Where::Tap(seen.tap.clone()), step.step) {
            let tap = Some(seen.tap.clone());
            let alert = Alert { tap, value, threshold, text, places: 1, ..at(step, rule, false) };
            self.alerts.push(alert);
        }
    }

    /// One alert for all blocks that break a rule in this step, if any did not break it before.
    fn report(&mut self, step: &Step, blocks: &[Block], broken: Broken) {
        let Broken { rule, is_error, threshold, places } = broken;
        let mut fresh = None;
        for &(block, value) in &places {
            if self.is_new(rule, Where::Block(block), step.step) && fresh.is_none() {
                fresh = Some((block, value));
            }
        }
        let Some((block, value)) = fresh else { return };
        let path = blocks.get(block as usize).map_or("?", |block| block.path.as_str());
        let others = match places.len() {
            1 => String::new(),
            count => format!(" (and of {} other block(s))", count - 1),
        };
        let what = sentence(rule, value, threshold);
        let text = format!("the {what} of `{path}`{others} at step {}", step.step);
        let places = places.len() as u32;
        let block = Some(block);
        self.alerts.push(Alert {
            block,
            places,
            value,
            threshold,
            text,
            ..at(step, rule, is_error)
        });
    }

    /// Notes that a rule is broken; whether it was kept long enough before to be told.
    fn is_new(&mut self, rule: &'static str, place: Where, step: u64) -> bool {
        let before = self.broken.insert((rule, place), step);
        before.is_none_or(|before| step.saturating_sub(before) > self.rules.cool_down)
    }
}

impl BlockWatch {
    /// Whether a norm lies far above those before it; a jump is not taken into the window.
    fn jumps(&mut self, norm: f64, z: Option<f64>) -> bool {
        if norm == 0.0 {
            return false;
        }
        let log = norm.ln();
        let known = &self.log_norms;
        let full = known.len() == NORM_WINDOW;
        if let (Some(z), true) = (z, full) {
            let mean = known.iter().sum::<f64>() / NORM_WINDOW as f64;
            let square = known.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
            let deviation = (square / (NORM_WINDOW - 1) as f64).sqrt();
            let largest = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if log > mean + z * deviation && log > largest + JUMP.ln() {
                return true;
            }
        }
        if full {
            self.log_norms.pop_front();
        }
        self.log_norms.push_back(log);
        false
    }
}

/// "gradient norm is …", to be followed by "of `path`".
fn sentence(rule: &str, value: f64, threshold: f64) -> String {
    match rule {
        advice::NON_FINITE_GRADIENT => "gradient is NaN or infinite: that".to_string(),
        advice::NON_FINITE_WEIGHT => "weight is NaN or infinite: that".to_string(),
        advice::EXPLODING => {
            format!(
                "gradient norm explodes, {value:.3e} (a step of length 1 is {threshold:.3e}): that"
            )
        }
        advice::VANISHING => {
            format!("gradient norm vanishes, {value:.3e} (below {threshold:.3e}): that")
        }
        _ => format!("ratio of update to weight is {value:.3e}, beyond {threshold:.0e}: that"),
    }
}

fn at(step: &Step, rule: &str, is_error: bool) -> Alert {
    Alert {
        rule: rule.to_string(),
        level: if is_error { "error" } else { "warning" }.to_string(),
        step: step.step,
        epoch: step.epoch,
        iteration: step.iteration,
        advice: advice(rule).to_string(),
        ..Alert::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burnscape_trace::F32s;

    fn blocks() -> Vec<Block> {
        let block = |path: &str, role: &str| Block {
            path: path.to_string(),
            role: role.to_string(),
            ..Block::default()
        };
        vec![
            block("fc1.weight", "weight"),
            block("fc1.bias", "bias"),
            block("fc2.weight", "weight"),
        ]
    }

    fn step(number: u64, norms: [f32; 3]) -> Step {
        let columns = [(GRAD_NORM.to_string(), F32s(norms.to_vec()))].into();
        Step { step: number, lr: 0.1, loss: Some(1.0), columns, ..Step::default() }
    }

    fn told(dog: &mut Watchdog, step: &Step) -> Vec<(String, u64, Option<u32>, u32)> {
        let alerts = dog.judge(step, &blocks());
        alerts.into_iter().map(|it| (it.rule, it.step, it.block, it.places)).collect()
    }

    fn dog() -> Watchdog {
        Watchdog::new(AlertRules::default())
    }

    #[test]
    fn a_gradient_that_is_not_a_number_is_told_once_with_its_block() {
        let mut dog = dog();
        assert!(told(&mut dog, &step(0, [1.0, 1.0, 1.0])).is_empty());
        let broken = told(&mut dog, &step(1, [1.0, f32::NAN, f32::INFINITY]));
        assert_eq!(broken, [("non-finite-gradient".to_string(), 1, Some(1), 2)]);
        assert!(
            (2..50).all(|number| told(&mut dog, &step(number, [1.0, f32::NAN, 1.0])).is_empty())
        );
        let third = told(&mut dog, &step(50, [f32::NAN, 1.0, 1.0]));
        assert_eq!(third[0].2, Some(0), "another block is news");
        assert!((51..151).all(|number| told(&mut dog, &step(number, [1.0; 3])).is_empty()));
        assert_eq!(
            told(&mut dog, &step(151, [f32::NAN, 1.0, 1.0])).len(),
            1,
            "after the cool-down"
        );
    }

    #[test]
    fn a_step_longer_than_one_explodes_and_the_worst_block_is_named() {
        let alerts = dog().judge(&step(3, [11.0, 9.0, 30.0]), &blocks());
        let [alert] = &alerts[..] else { panic!("{alerts:?}") };
        assert_eq!(
            (alert.rule.as_str(), alert.block, alert.places),
            ("exploding-gradient", Some(2), 2)
        );
        assert_eq!((alert.value, alert.threshold), (30.0, 10.0));
        assert!(alert.text.contains("`fc2.weight`") && alert.advice.contains("1211.5063"));
    }

    #[test]
    fn without_a_learning_rate_no_step_is_too_long_or_too_short() {
        let step = Step { lr: 0.0, ..step(0, [1e6, 1e-20, 1.0]) };
        assert!(told(&mut dog(), &step).is_empty());
    }

    #[test]
    fn a_norm_far_above_the_last_hundred_explodes_though_the_step_is_short() {
        let mut dog = dog();
        for number in 0..100 {
            let norm = if number % 2 == 0 { 0.001 } else { 0.002 };
            assert!(told(&mut dog, &step(number, [norm; 3])).is_empty());
        }
        assert!(told(&mut dog, &step(100, [0.019, 0.001, 0.001])).is_empty(), "below ten times");
        assert_eq!(told(&mut dog, &step(101, [0.5, 0.001, 0.001]))[0].2, Some(0));
    }

    #[test]
    fn a_tiny_gradient_vanishes_at_once_and_a_zero_one_at_the_third_step() {
        let mut dog = dog();
        let tiny = told(&mut dog, &step(0, [1e-12, 1.0, 0.0]));
        assert_eq!(tiny, [("vanishing-gradient".to_string(), 0, Some(0), 1)]);
        assert!(told(&mut dog, &step(1, [1.0, 1.0, 0.0])).is_empty());
        assert_eq!(told(&mut dog, &step(2, [1.0, 1.0, 0.0]))[0].2, Some(2));
        let unreached = Step { missing: vec![2].into(), ..step(3, [1.0, 1.0, f32::NAN]) };
        assert!(told(&mut dog, &unreached).is_empty());
    }

    #[test]
    fn a_bias_may_have_no_gradient_as_one_before_a_batch_norm_has() {
        let mut dog = dog();
        assert!((0..9).all(|number| told(&mut dog, &step(number, [1.0, 1e-12, 1.0])).is_empty()));
    }

    #[test]
    fn a_ratio_is_off_at_the_third_measurement_and_only_for_weights() {
        let mut dog = dog();
        let at = |number: u64, weights: [f32; 3], updates: [f32; 3]| {
            let mut step = step(number, [1.0; 3]);
            step.columns.insert(WEIGHT_NORM.to_string(), F32s(weights.to_vec()));
            step.columns.insert(UPDATE_NORM.to_string(), F32s(updates.to_vec()));
            step
        };
        let off = [2.0, 1.0, 0.0];
        assert!(told(&mut dog, &at(0, off, [1.0, 1.0, 1.0])).is_empty());
        assert!(told(&mut dog, &at(1, off, [1.0, 1.0, 1.0])).is_empty());
        let third = told(&mut dog, &at(2, off, [1.0, 1.0, 1.0]));
        assert_eq!(third, [("update-ratio".to_string(), 2, Some(0), 1)]);
        let broken = told(&mut dog, &at(3, [1.0, f32::NAN, 1.0], [1e-3; 3]));
        assert_eq!(broken, [("non-finite-weight".to_string(), 3, Some(1), 1)]);
    }

    #[test]
    fn dead_and_saturated_units_are_told_by_tap() {
        let seen = |dead: u64, window: u32, saturated: f64| Activation {
            tap: "fc1.relu".to_string(),
            units: 10,
            dead_units: dead,
            window,
            saturated_share: saturated,
            ..Activation::default()
        };
        let rules = |dog: &mut Watchdog, seen: &Activation| -> Vec<String> {
            let alerts = dog.judge_activation(seen, &Step::default());
            alerts.into_iter().map(|alert| alert.rule).collect()
        };
        assert_eq!(rules(&mut dog(), &seen(10, 1, f64::NAN)), ["dead-units"]);
        assert!(rules(&mut dog(), &seen(6, 9, f64::NAN)).is_empty());
        assert_eq!(rules(&mut dog(), &seen(6, 10, f64::NAN)), ["dead-units"]);
        let mut dog = dog();
        assert!(rules(&mut dog, &seen(0, 1, 0.95)).is_empty());
        assert!(rules(&mut dog, &seen(0, 2, 0.95)).is_empty());
        assert_eq!(rules(&mut dog, &seen(0, 3, 0.95)), ["saturated-units"]);
    }
}
