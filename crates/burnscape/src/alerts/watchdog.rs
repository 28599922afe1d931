//! Holds one step after the other against the rules.

use std::collections::BTreeMap;

use burnscape_run::counted;
use burnscape_trace::columns::{GRAD_NORM, UPDATE_NORM, WEIGHT_NORM};
use burnscape_trace::{Activation, Alert, Block, Curvature, Severity, Step, record};

use super::advice::{self, advice};
use super::already_told::{AlreadyTold, Place};
use super::block::{Beyond, BlockWatch, Found, Seen};
use super::loss::LossWatch;
use super::rate::{Pace, RateWatch};
use super::sentences;
use crate::config::alerts::AlertRules;

/// Broken so often in a row, what may happen once is an alert.
const STREAK: u32 = 3;

/// Observations of a tap after which its window tells dead units.
const DEAD_WINDOW: u32 = 10;

/// Share of units that is dead beyond doubt after a single observation.
const PLAINLY_DEAD: f64 = 0.9;

/// So many values are all 0 at once only where nothing comes through.
const SILENT_VALUES: u64 = 256;

/// A gradient that vanishes is at most this share of another block's: layers of sound networks differ by a thousand.
const VANISHING_SHARE: f64 = 1e-5;

/// The rules, and what they remember.
pub(crate) struct Watchdog {
    rules: AlertRules,
    loss: LossWatch,
    rate: RateWatch,
    blocks: Vec<BlockWatch>,
    /// What the step that is judged shows of each block; `None`: no gradient reached it.
    found: Vec<Option<(Seen, Found)>>,
    saturated: BTreeMap<String, u32>,
    told: AlreadyTold,
    alerts: Vec<Alert>,
    /// The last live curvature was at the edge of stability.
    is_on_edge: bool,
}

/// A rule about blocks.
struct BlockRule {
    name: &'static str,
    is_error: bool,
    /// What has to be measured for it.
    column: &'static str,
    broken: fn(&Found) -> Option<Beyond>,
}

const BLOCK_RULES: [BlockRule; 5] = [
    BlockRule {
        name: advice::NON_FINITE_GRADIENT,
        is_error: true,
        column: GRAD_NORM,
        broken: |found| found.broken_gradient,
    },
    BlockRule {
        name: advice::NON_FINITE_WEIGHT,
        is_error: true,
        column: WEIGHT_NORM,
        broken: |found| found.broken_weight,
    },
    BlockRule {
        name: advice::EXPLODING,
        is_error: false,
        column: UPDATE_NORM,
        broken: |found| found.explodes,
    },
    BlockRule {
        name: advice::VANISHING,
        is_error: false,
        column: UPDATE_NORM,
        broken: |found| found.vanishes,
    },
    BlockRule {
        name: advice::RATIO,
        is_error: false,
        column: UPDATE_NORM,
        broken: |found| found.ratio,
    },
];

impl Watchdog {
    /// For a model of this element type, named as burn prints it.
    pub fn new(rules: AlertRules, dtype: &str) -> Self {
        Self {
            rules,
            loss: LossWatch::of_type(dtype),
            rate: RateWatch::default(),
            blocks: Vec::new(),
            found: Vec::new(),
            saturated: BTreeMap::new(),
            told: AlreadyTold::default(),
            alerts: Vec::new(),
            is_on_edge: false,
        }
    }

    /// The alerts that a step raises; nothing is allocated while there are none.
    pub fn judge(&mut self, step: &Step, blocks: &[Block]) -> Vec<Alert> {
        self.judge_loss(step);
        self.look_at_blocks(step, blocks);
        self.judge_blocks(step, blocks);
        std::mem::take(&mut self.alerts)
    }

    /// Whether the next update will tell more of the last step: one was too long, and may have been made by hand.
    pub fn is_in_doubt(&self) -> bool {
        let mut found = self.found.iter().flatten();
        found.any(|(_, found)| found.is_long && found.explodes.is_none())
    }

    fn judge_loss(&mut self, step: &Step) {
        let pace = self.judge_rate(step);
        let Some(loss) = step.loss else { return };
        self.told.keep(advice::NON_FINITE_LOSS, |_| loss.is_finite());
        if self.rules.non_finite && !loss.is_finite() {
            let text = format!("the training loss is {loss} at step {}", step.step);
            let beyond = Beyond { value: loss, threshold: 0.0 };
            self.raise(step, advice::NON_FINITE_LOSS, true, beyond, text);
        }
        self.judge_spike(step, loss);
        match pace {
            Pace::Small => self.loss.forget_course(),
            Pace::Unknown | Pace::Usual => self.judge_course(step, loss),
        }
    }

    fn judge_rate(&mut self, step: &Step) -> Pace {
        let Step { step: number, lr, .. } = *step;
        self.told.keep(advice::NON_FINITE_RATE, |_| lr.is_finite());
        if self.rules.non_finite && !lr.is_finite() {
            let text = format!("the learning rate is {lr} at step {number}");
            let beyond = Beyond { value: lr, threshold: 0.0 };
            self.raise(step, advice::NON_FINITE_RATE, true, beyond, text);
        }
        self.rate.pace(lr)
    }

    fn judge_spike(&mut self, step: &Step, loss: f64) {
        let spike = self.loss.spike(loss, self.rules.loss_spike);
        self.told.keep(advice::SPIKE, |_| spike.is_none());
        let Some(spike) = spike else { return };
        let beyond = Beyond { value: loss, threshold: spike.limit };
        self.raise(step, advice::SPIKE, false, beyond, sentences::spike(loss, step.step, spike));
    }

    fn judge_course(&mut self, step: &Step, loss: f64) {
        let Some(steps) = self.rules.plateau_steps else { return };
        let Some(course) = self.loss.course(loss, steps) else { return };
        self.told.keep(advice::PLATEAU, |_| !course.is_flat);
        if course.is_flat {
            let beyond = Beyond { value: course.after, threshold: course.before };
            self.raise(step, advice::PLATEAU, false, beyond, sentences::plateau(course, steps));
        }
    }

    /// An alert about the loss.
    fn raise(
        &mut self,
        step: &Step,
        rule: &'static str,
        is_error: bool,
        Beyond { value, threshold }: Beyond,
        text: String,
    ) {
        if self.told.is_news(rule, Place::Loss, step.step, self.rules.cool_down) {
            let alert =
                record!(Alert { value, threshold, text, places: 1, ..at(step, rule, is_error) });
            self.alerts.push(alert);
        }
    }

    /// What no gradient reached is not looked at: the optimizer had nothing to do with it.
    fn look_at_blocks(&mut self, step: &Step, blocks: &[Block]) {
        self.blocks.resize_with(blocks.len(), BlockWatch::default);
        self.found.clear();
        for (number, (block, watch)) in blocks.iter().zip(&mut self.blocks).enumerate() {
            let is_reached = !step.missing.contains(&(number as u32));
            let seen = is_reached.then(|| Seen::of(step, number, block));
            self.found.push(seen.map(|seen| (seen, watch.judge(seen, &self.rules))));
        }
        self.drop_what_has_not_vanished(step.loss);
    }

    /// A gradient has vanished where it is next to nothing beside another block's, or where all are and nothing was
    /// learned yet: where the loss has fallen, or is 0, training has come to its end.
    fn drop_what_has_not_vanished(&mut self, loss: Option<f64>) {
        let is_suspected = |it: &(Seen, Found)| it.1.vanishes.is_some();
        if !self.found.iter().flatten().any(is_suspected) {
            return;
        }
        let norms = self.found.iter().flatten().filter_map(|(seen, _)| seen.gradient);
        let largest = norms.fold(0.0, f64::max);
        let has_learned = loss == Some(0.0) || self.loss.has_fallen();
        for (seen, found) in self.found.iter_mut().flatten() {
            let is_beside_another =
                largest > 0.0 && seen.gradient <= Some(VANISHING_SHARE * largest);
            let are_all = found.vanishes.is_some_and(|it| largest < it.threshold);
            let is_stuck = are_all && !has_learned && found.pace == Pace::Usual;
            found.vanishes = found.vanishes.filter(|_| is_beside_another || is_stuck);
        }
    }

    fn judge_blocks(&mut self, step: &Step, blocks: &[Block]) {
        for rule in BLOCK_RULES {
            let is_off = rule.name.starts_with("non-finite") && !self.rules.non_finite;
            if is_off || !step.columns.contains_key(rule.column) {
                continue;
            }
            let broken = |it: &Option<(Seen, Found)>| (rule.broken)(&it.as_ref()?.1);
            let is_kept = |block: u32| {
                let found = self.found.get(block as usize);
                found.is_some_and(|it| it.is_some() && broken(it).is_none())
            };
            self.told.keep(rule.name, |place| matches!(place, Place::Block(it) if is_kept(*it)));
            let numbered = self.found.iter().zip(0..);
            let places = numbered.filter_map(|(found, block)| Some((block, broken(found)?)));
            let mut places: Vec<(u32, Beyond)> = places.collect();
            places.sort_by(|(_, a), (_, b)| b.distance().total_cmp(&a.distance()));
            self.report(step, blocks, &rule, &places);
        }
    }

    /// One alert for all blocks that break a rule in this step, if it is news of any.
    fn report(
        &mut self,
        step: &Step,
        blocks: &[Block],
        rule: &BlockRule,
        places: &[(u32, Beyond)],
    ) {
        let cool_down = self.rules.cool_down;
        let mut is_news =
            |block: u32| self.told.is_news(rule.name, Place::Block(block), step.step, cool_down);
        // Every place is noted, and the first that is news is named.
        let news = places.iter().filter(|(block, _)| is_news(*block));
        let Some((block, beyond)) = news.fold(None, |first, it| first.or(Some(*it))) else {
            return;
        };
        let path = blocks.get(block as usize).map_or("?", |block| block.path.as_str());
        let of = match places.len() {
            1 => format!("`{path}`"),
            count => format!("`{path}` (and of {})", counted(count as u64 - 1, "other block")),
        };
        let Some(Some((seen, _))) = self.found.get(block as usize) else { return };
        let text =
            format!("{} at step {}", sentences::of_block(rule.name, &of, beyond, seen), step.step);
        let Beyond { value, threshold } = beyond;
        let (block, places) = (Some(block), places.len() as u32);
        let alert = at(step, rule.name, rule.is_error);
        self.alerts.push(record!(Alert { block, places, value, threshold, text, ..alert }));
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
        let step = record!(Step { step: found.step, epoch: found.epoch.map(|it| it + 1) });
        let level = Severity::Info;
        Some(record!(Alert {
            value,
            threshold,
            text,
            places: 1,
            level,
            ..at(&step, advice::EDGE, false)
        }))
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
        // The window tells what died in it only once it is full anew.
        let is_silent = seen.zero_share == 1.0 && seen.values >= SILENT_VALUES;
        let (dead, window) = match is_silent {
            true => (seen.units, 1),
            false => (seen.dead_units, seen.window),
        };
        let share = dead as f64 / seen.units as f64;
        let is_plain = share >= PLAINLY_DEAD.max(limit);
        if !is_plain && (window < DEAD_WINDOW || share < limit) {
            return self.keep_tap(advice::DEAD, seen);
        }
        let text = format!(
            "{dead} of {} units behind the tap `{}` are dead at step {}: 0 for every sample of the last {}",
            seen.units,
            seen.tap,
            step.step,
            counted(window.into(), "observation")
        );
        self.raise_tap(seen, step, advice::DEAD, Beyond { value: share, threshold: limit }, text);
    }

    fn judge_saturated(&mut self, seen: &Activation, step: &Step) {
        let Some(limit) = self.rules.saturated else { return };
        let share = seen.saturated_share;
        let streak = self.saturated.entry(seen.tap.clone()).or_default();
        *streak = if share > limit { *streak + 1 } else { 0 };
        if *streak < STREAK {
            return self.keep_tap(advice::SATURATED, seen);
        }
        let text = format!(
            "{:.0} % of the values behind the tap `{}` are at their bounds at step {}",
            100.0 * share,
            seen.tap,
            step.step
        );
        let beyond = Beyond { value: share, threshold: limit };
        self.raise_tap(seen, step, advice::SATURATED, beyond, text);
    }

    fn keep_tap(&mut self, rule: &'static str, seen: &Activation) {
        self.told.keep(rule, |place| matches!(place, Place::Tap(tap) if *tap == seen.tap));
    }

    fn raise_tap(
        &mut self,
        seen: &Activation,
        step: &Step,
        rule: &'static str,
        Beyond { value, threshold }: Beyond,
        text: String,
    ) {
        let place = Place::Tap(seen.tap.clone());
        if self.told.is_news(rule, place, step.step, self.rules.cool_down) {
            let tap = Some(seen.tap.clone());
            let alert =
                record!(Alert { tap, value, threshold, text, places: 1, ..at(step, rule, false) });
            self.alerts.push(alert);
        }
    }
}

fn at(step: &Step, rule: &str, is_error: bool) -> Alert {
    record!(Alert {
        rule: rule.into(),
        level: if is_error { Severity::Error } else { Severity::Warning },
        step: step.step,
        epoch: step.epoch,
        iteration: step.iteration,
        advice: advice(rule).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use burnscape_trace::F32s;
    use burnscape_trace::columns::LR;

    use super::*;

    fn blocks() -> Vec<Block> {
        let block =
            |path: &str, role: &str| record!(Block { path: path.to_string(), role: role.into() });
        vec![
            block("fc1.weight", "weight"),
            block("fc1.bias", "bias"),
            block("fc2.weight", "weight"),
        ]
    }

    fn step(number: u64, norms: [f32; 3]) -> Step {
        let columns = [(GRAD_NORM.to_string(), F32s(norms.to_vec()))].into();
        record!(Step { step: number, lr: 0.1, loss: Some(1.0), columns })
    }

    /// A step in which the update was measured as well.
    fn moved(number: u64, norms: [f32; 3], weights: [f32; 3], updates: [f32; 3]) -> Step {
        let mut step = step(number, norms);
        step.columns.insert(WEIGHT_NORM.to_string(), F32s(weights.to_vec()));
        step.columns.insert(UPDATE_NORM.to_string(), F32s(updates.to_vec()));
        step
    }

    fn told(dog: &mut Watchdog, step: &Step) -> Vec<(String, u64, Option<u32>, u32)> {
        let alerts = dog.judge(step, &blocks());
        alerts.into_iter().map(|it| (it.rule.to_string(), it.step, it.block, it.places)).collect()
    }

    fn dog() -> Watchdog {
        Watchdog::new(AlertRules::default(), "f32")
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
        let weight = told(&mut dog, &moved(152, [1.0; 3], [1.0, f32::NAN, 1.0], [1e-3; 3]));
        assert_eq!(weight, [("non-finite-weight".to_string(), 152, Some(1), 1)]);
    }

    #[test]
    fn of_several_updates_that_explode_the_longest_is_named_with_its_numbers() {
        let step = moved(3, [11.0, 9.0, 30.0], [1.0; 3], [1.1, 0.9, 3.0]);
        let alerts = dog().judge(&step, &blocks());
        let [alert] = &alerts[..] else { panic!("{alerts:?}") };
        assert_eq!(
            (alert.rule.as_str(), alert.block, alert.places),
            ("exploding-gradient", Some(2), 2)
        );
        assert_eq!((alert.value, alert.threshold), (3.0, 1.0));
        let expected = "the update of `fc2.weight` (and of 1 other block) explodes: it is 3 long (more than 1), with \
                        weights of norm 1, a gradient of norm 30 and a learning rate of 0.1, at step 3";
        assert_eq!(alert.text, expected);
        assert!(alert.advice.contains("1211.5063"));
    }

    #[test]
    fn blocks_with_rates_of_their_own_are_judged_by_these() {
        let rates = |mut step: Step, rates: [f32; 3]| {
            step.columns.insert(LR.to_string(), F32s(rates.to_vec()));
            record!(Step { lr: 1e-6, ..step })
        };
        let still = moved(0, [1e-3; 3], [1.0; 3], [0.0; 3]);
        assert!(told(&mut dog(), &rates(still.clone(), [0.0; 3])).is_empty());
        let long = moved(0, [1.2, 1.0, 56.5], [1.0; 3], [60.0, 1e-6, 2825.0]);
        assert_eq!(told(&mut dog(), &rates(long, [50.0, 1e-6, 50.0]))[0].2, Some(2));
    }

    #[test]
    fn what_got_no_gradient_is_not_judged() {
        let mut dog = dog();
        let ratios = [1e-3, 1e-3, 0.0];
        for number in 0..9 {
            let idle = moved(20 * number, [1.0, 1.0, f32::NAN], [1.0; 3], ratios);
            assert!(told(&mut dog, &record!(Step { missing: vec![2].into(), ..idle })).is_empty());
        }
    }

    #[test]
    fn a_gradient_vanishes_beside_that_of_another_layer() {
        let at = |number, norms| moved(number, norms, [1.0; 3], [0.0, 0.1, 0.0]);
        let tiny = told(&mut dog(), &at(0, [1e-12, 1.0, 1.0]));
        assert_eq!(tiny, [("vanishing-gradient".to_string(), 0, Some(0), 1)]);
        let mut dog = dog();
        assert!(told(&mut dog, &at(0, [1.0, 1.0, 0.0])).is_empty());
        assert!(told(&mut dog, &at(1, [1.0, 1.0, 0.0])).is_empty());
        assert_eq!(told(&mut dog, &at(2, [1.0, 1.0, 0.0]))[0].2, Some(2));
    }

    #[test]
    fn where_all_gradients_are_gone_training_is_stuck_or_through() {
        let gone = |number, loss| {
            record!(Step { loss: Some(loss), ..moved(number, [1e-12; 3], [1.0; 3], [0.0; 3]) })
        };
        let run = |losses: &[f64]| -> Vec<u64> {
            let mut dog = dog();
            let steps = losses.iter().zip(0..).map(|(&loss, number)| gone(number, loss));
            let told = steps
                .flat_map(|step| told(&mut dog, &step))
                .filter(|it| it.0 == "vanishing-gradient");
            told.map(|it| it.1).collect()
        };
        assert_eq!(run(&[2.0; 40]), [1], "the first step may be that of a warm-up");
        assert_eq!(run(&[0.0; 40]), [0; 0], "nothing is left to be learned");
        let mut falls = dog();
        for number in 0..100 {
            let rate = moved(number, [0.1; 3], [1.0; 3], [1e-2; 3]);
            let loss = Some(-3.0 - number as f64);
            assert!(told(&mut falls, &record!(Step { loss, ..rate })).is_empty());
        }
        assert!((100..150).all(|number| told(&mut falls, &gone(number, -102.0)).is_empty()));
    }

    #[test]
    fn a_warm_up_and_the_end_of_a_cosine_are_silent() {
        let mut dog = dog();
        for number in 0..1000_u64 {
            let t = number as f64 / 1000.0;
            let lr = 1e-7 * (number + 1) as f64;
            let lr = if t < 0.3 {
                lr
            } else {
                3e-5 * (0.5 + 0.5 * (std::f64::consts::PI * (t - 0.3) / 0.7).cos())
            };
            let norms = [0.5, 0.2, 0.7];
            let updates = norms.map(|it: f32| if lr < 1e-8 { 0.0 } else { it * lr as f32 });
            let step = record!(Step {
                lr,
                loss: Some(2.0 - t),
                ..moved(number, norms, [1.0; 3], updates)
            });
            assert!(told(&mut dog, &step).is_empty(), "step {number}");
        }
    }

    #[test]
    fn the_loss_is_told_with_its_numbers() {
        let mut dog = dog();
        let at = |number: u64, loss| record!(Step { loss: Some(loss), ..step(number, [1.0; 3]) });
        let usual = |number: u64| 5e-7 + 1e-8 * (number % 3) as f64;
        assert!((0..40).all(|number| told(&mut dog, &at(number, usual(number))).is_empty()));
        let alerts = dog.judge(&at(40, 1e-3), &blocks());
        let [alert] = &alerts[..] else { panic!("{alerts:?}") };
        assert!(
            alert.text.contains("leaps to 0.001 at step 40: it was 5.1e-7 before"),
            "{}",
            alert.text
        );
        assert_eq!(alert.value, 1e-3);
        let broken = dog.judge(&at(41, f64::NAN), &blocks());
        assert_eq!(broken[0].rule, "non-finite-loss");
    }

    #[test]
    fn a_rate_that_is_no_number_is_told_once_and_before_what_follows_from_it() {
        for broken in [f64::NAN, f64::INFINITY] {
            let mut dog = dog();
            let mut at = |number, lr, loss| {
                let loss = Some(loss);
                dog.judge(&record!(Step { lr, loss, ..step(number, [1.0; 3]) }), &blocks())
            };
            assert!((0..20).all(|number| at(number, 0.1, 1.0).is_empty()));
            let [alert] = &at(20, broken, 1.0)[..] else { panic!("one alert") };
            let said = (alert.rule.as_str(), alert.level.as_str(), alert.text.as_str());
            let text = format!("the learning rate is {broken} at step 20");
            assert_eq!(said, ("non-finite-rate", "error", text.as_str()));
            let after = at(21, broken, f64::NAN);
            assert_eq!(
                after.iter().map(|it| it.rule.as_str()).collect::<Vec<_>>(),
                ["non-finite-loss"]
            );
            assert!(at(22, 0.1, 1.0).is_empty());
        }
    }

    #[test]
    fn dead_and_saturated_units_are_told_by_tap() {
        let seen = |dead: u64, window: u32, saturated: f64| {
            record!(Activation {
                tap: "fc1.relu".to_string(),
                units: 10,
                dead_units: dead,
                window,
                saturated_share: saturated,
            })
        };
        let rules = |dog: &mut Watchdog, seen: &Activation| -> Vec<String> {
            let alerts = dog.judge_activation(seen, &Step::default());
            alerts.into_iter().map(|alert| alert.rule.to_string()).collect()
        };
        assert_eq!(rules(&mut dog(), &seen(10, 1, f64::NAN)), ["dead-units"]);
        assert!(rules(&mut dog(), &seen(6, 9, f64::NAN)).is_empty());
        assert_eq!(rules(&mut dog(), &seen(6, 10, f64::NAN)), ["dead-units"]);
        let silent =
            |values| record!(Activation { values, zero_share: 1.0, ..seen(1, 10, f64::NAN) });
        assert_eq!(rules(&mut dog(), &silent(320)), ["dead-units"], "whatever came through before");
        assert!(rules(&mut dog(), &silent(10)).is_empty(), "a single sample");
        let mut dog = dog();
        assert!(rules(&mut dog, &seen(0, 1, 0.95)).is_empty());
        assert!(rules(&mut dog, &seen(0, 2, 0.95)).is_empty());
        assert_eq!(rules(&mut dog, &seen(0, 3, 0.95)), ["saturated-units"]);
    }
}
