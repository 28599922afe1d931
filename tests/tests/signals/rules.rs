//! What the optimizer does decides: alarms over optimizers, clippings, schedules and groups, and losses of any sign and
//! unit.

use burn::grad_clipping::{GradientClipping, GradientClippingConfig};
use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::lr_scheduler::noam::NoamLrSchedulerConfig;
use burn::module::{Module, Param, ParamGroup};
use burn::nn::{Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdamConfig, AdamWConfig, GradientsParams, LionConfig, ModuleOptimizer, RmsPropConfig, SgdConfig,
};
use burn::tensor::Tensor;
use burnscape::trace::columns::{UPDATE_NORM, WEIGHT_NORM};
use burnscape::trace::{Alert, Step};
use burnscape::{AlertRules, Measurements, ProbeBuilder, Schedule};
use burnscape_tests::weights::{Dice, drawn};

use super::support::{Run, close, flex};

/// A loss that is a multiple of one weight.
#[derive(Module, Debug)]
struct Slope {
    weight: Param<Tensor<2>>,
}

impl Slope {
    fn new() -> Self {
        Self { weight: Param::from_tensor(Tensor::from_floats([[1.0]], &flex())) }
    }
}

/// Trains on `slope · w` at one rate; gives the alerts.
fn slid(slope: f64, mut optim: ModuleOptimizer, rate: f64, steps: usize) -> Vec<Alert> {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let (mut observer, mut model) = (probe.observe(), Slope::new());
    for _ in 0..steps {
        let loss = (model.weight.val() * slope).sum();
        observer.loss(&loss, 1);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = observer.step(&mut optim, rate, model, grads);
    }
    close(probe);
    run.alerts()
}

fn rules(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.rule.as_str()).collect()
}

fn clipped(clipping: GradientClippingConfig) -> ModuleOptimizer {
    SgdConfig::new().with_gradient_clipping(Some(clipping)).init()
}

#[test]
fn a_steep_loss_explodes_only_where_nothing_holds_its_steps_back() {
    let held_back = [
        clipped(GradientClippingConfig::Norm(1.0)),
        clipped(GradientClippingConfig::Value(1.0)),
        AdamConfig::new().init(),
    ];
    for optim in held_back {
        assert_eq!(slid(5000.0, optim, 1e-3, 100), [], "every update is 1e-3");
    }
    let free = slid(5000.0, SgdConfig::new().init(), 1e-3, 100);
    assert_eq!((rules(&free), free[0].step), (vec!["exploding-gradient"], 0));
    assert!(free[0].text.contains("is 5 long"), "{}", free[0].text);
}

#[test]
fn a_small_gradient_vanishes_only_where_it_moves_nothing() {
    let alerts = slid(1e-4, AdamConfig::new().init(), 1e-7, 100);
    assert!(!rules(&alerts).contains(&"vanishing-gradient"), "{alerts:?}");
}

/// Two layers, of which one may have a rate of its own, and one that no loss uses.
#[derive(Module, Debug)]
struct Layers {
    lower: Linear,
    upper: Linear,
    unused: Linear,
}

impl Layers {
    fn new() -> Self {
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&flex());
        drawn(Self { lower: linear(4, 8), upper: linear(8, 2), unused: linear(3, 3) }, 3)
    }

    /// Squared distance from a plane of the inputs, all of them in every step.
    fn loss(&self) -> Tensor<1> {
        let inputs: Vec<f32> = (0..64).map(|i| ((i * 37 % 64) as f32 / 32.0) - 1.0).collect();
        let inputs = Tensor::<1>::from_floats(inputs.as_slice(), &flex()).reshape([16, 4]);
        let found = self.upper.forward(self.lower.forward(inputs.clone()).tanh());
        let wanted = inputs.narrow(1, 0, 2) * 0.8;
        (found - wanted).powi_scalar(2).mean()
    }
}

/// Trains the two layers; `change` changes the model before each step.
fn trained(
    builder: ProbeBuilder,
    mut optim: ModuleOptimizer,
    mut rate: impl FnMut(usize) -> ModuleLearningRate,
    change: impl Fn(usize, Layers) -> Layers,
    steps: usize,
) {
    let probe = builder.start().expect("a probe");
    let (mut observer, mut model) = (probe.observe(), Layers::new());
    for step in 0..steps {
        model = change(step, model);
        let loss = model.loss();
        observer.loss(&loss, 16);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = observer.step(&mut optim, rate(step), model, grads);
    }
    close(probe);
}

#[test]
fn a_group_that_explodes_is_told_though_the_base_rate_is_tiny() {
    let run = Run::new();
    let group = ParamGroup::from_predicate("upper");
    let mut rates = ModuleLrScheduler::new(1e-6).with_group(group, 50.0);
    trained(run.builder(), SgdConfig::new().init(), |_| rates.step(), |_, model| model, 3);
    let alerts = run.alerts();
    let explodes =
        alerts.iter().find(|alert| alert.rule == "exploding-gradient").expect("an alert");
    assert_eq!(explodes.step, 0);
    assert!(run.path_of(explodes.block).starts_with("upper."), "{explodes:?}");
    let update = &run.steps()[0].columns[UPDATE_NORM];
    assert!(update.iter().any(|&norm| f64::from(norm) == explodes.value), "{explodes:?}");
}

/// Every optimizer with a rate that suits it.
fn optimizers() -> Vec<(&'static str, ModuleOptimizer, f64)> {
    let momentum = SgdConfig::new().with_momentum(Some(MomentumConfig::new()));
    vec![
        ("SGD", SgdConfig::new().init(), 0.1),
        ("momentum", momentum.init(), 0.02),
        ("Adam", AdamConfig::new().init(), 3e-3),
        ("AdamW", AdamWConfig::new().with_weight_decay(0.05).init(), 3e-3),
        ("RMSprop", RmsPropConfig::new().with_momentum(0.0).init(), 1e-3),
        ("Lion", LionConfig::new().init(), 3e-4),
    ]
}

fn with_clipping(optim: ModuleOptimizer, clipping: usize) -> ModuleOptimizer {
    match clipping {
        0 => optim,
        1 => optim.with_grad_clipping(GradientClipping::Norm(0.1)),
        _ => optim.with_grad_clipping(GradientClipping::Value(0.05)),
    }
}

const STEPS: usize = 120;

/// A multiple of the rate at a share of the training.
type Share = fn(f64) -> f64;

/// Multiples of the rate over the course of a training.
const SCHEDULES: [(&str, Share); 6] = [
    ("constant", |_| 1.0),
    ("cosine to 0", |t| 0.5 * (1.0 + (std::f64::consts::PI * t).cos())),
    ("warm-up from next to nothing", |t| 1e-7 + t),
    ("exponential", |t| 1e-4_f64.powf(t)),
    ("up and down", |t| if t < 0.5 { 2.0 * t } else { 2.0 - 2.0 * t }),
    ("0 for a while", |t| if t < 0.2 { 0.0 } else { 1.0 }),
];

#[test]
fn sound_trainings_are_silent_whatever_the_optimizer_clipping_schedule_and_groups() {
    for (number, (name, optim, rate)) in optimizers().into_iter().enumerate() {
        for (place, (schedule, share)) in SCHEDULES.into_iter().enumerate() {
            // Each pair of optimizer and schedule meets one clipping and one share of the group.
            let optim = with_clipping(optim.clone(), (number + place) % 3);
            let of_group = [1.0, 0.0, 0.1][(number + 2 * place) % 3];
            let group = ParamGroup::from_predicate("lower");
            let run = Run::new();
            let rates = |step: usize| {
                let rate = rate * share(step as f64 / STEPS as f64);
                ModuleLrScheduler::new(rate).with_group(group.clone(), rate * of_group).step()
            };
            trained(run.builder(), optim, rates, |_, model| model, STEPS);
            assert_eq!(run.alerts(), [], "{name}, {schedule}, group at {of_group}");
        }
    }
}

#[test]
fn noam_is_silent_though_its_first_rate_moves_nothing() {
    let run = Run::new();
    let config = NoamLrSchedulerConfig::new(1e-6).with_warmup_steps(4000).with_model_size(512);
    let mut rates = config.init().expect("noam");
    trained(run.builder(), SgdConfig::new().init(), |_| rates.step(), |_, model| model, STEPS);
    assert_eq!(run.alerts(), []);
}

#[test]
fn every_optimizer_explodes_at_a_thousand_times_its_rate() {
    for (name, optim, rate) in optimizers() {
        let run = Run::new();
        let rate = |step: usize| (rate * if step < 60 { 1.0 } else { 1e4 }).into();
        trained(run.builder(), optim, rate, |_, model| model, 70);
        let alerts = run.alerts();
        let first = alerts.first().unwrap_or_else(|| panic!("{name} is silent"));
        assert!(
            first.step >= 60 && rules(&alerts).contains(&"exploding-gradient"),
            "{name}: {alerts:?}"
        );
    }
}

#[test]
fn parts_that_are_frozen_at_random_are_silent() {
    for seed in 0..8_u64 {
        let run = Run::new();
        let bit = move |step: usize, part: u64| {
            let mixed = (step as u64 / 5 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ part;
            mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 62 & 1 == 1
        };
        let change = move |step: usize, model: Layers| {
            let lower = ParamGroup::from_predicate("lower");
            let model = model.set_require_grad_group(lower, bit(step, 1));
            model.set_require_grad_group(
                ParamGroup::from_predicate("upper"),
                bit(step, 2) || !bit(step, 1),
            )
        };
        trained(run.builder(), AdamConfig::new().init(), |_| 3e-3.into(), change, STEPS);
        assert_eq!(run.alerts(), [], "seed {seed}");
    }
}

#[test]
fn periods_meet_every_optimizer_that_has_its_turn() {
    let run = Run::new();
    let change = |step: usize, model: Layers| {
        let lower = ParamGroup::from_predicate("lower");
        let model = model.set_require_grad_group(lower, step.is_multiple_of(2));
        model.set_require_grad_group(ParamGroup::from_predicate("upper"), step % 2 == 1)
    };
    trained(run.builder(), AdamConfig::new().init(), |_| 3e-3.into(), change, STEPS);
    assert_eq!(run.alerts(), []);
    let steps = run.steps();
    let measured = steps.iter().filter(|step| step.columns.contains_key(UPDATE_NORM));
    let turns: std::collections::BTreeSet<u64> = measured.map(|step| step.step % 2).collect();
    assert_eq!(turns.into_iter().collect::<Vec<u64>>(), [0, 1]);
}

/// Tells a loop these losses, of steps that move nothing; gives the alerts.
fn told(losses: &[f64], rules: AlertRules) -> Vec<Alert> {
    let run = Run::new();
    let probe = run.builder().alerts(rules).start().expect("a probe");
    let (mut observer, mut model) = (probe.observe(), Slope::new());
    let mut optim = SgdConfig::new().init();
    for &loss in losses {
        observer.loss(&Tensor::from_floats([loss as f32], &flex()), 1);
        let grads = GradientsParams::from_grads(model.weight.val().sum().backward(), &model);
        model = observer.step(&mut optim, 1e-3, model, grads);
    }
    close(probe);
    run.alerts()
}

fn repeated(loss: f64, count: usize, then: &[f64]) -> Vec<f64> {
    [vec![loss; count], then.to_vec()].concat()
}

#[test]
fn losses_of_any_sign_and_unit_spike_where_they_leave_what_is_usual() {
    let spikes = |losses: &[f64]| rules(&told(losses, AlertRules::default())).len();
    // Every power of two and every shift that f32 represents without loss.
    for (factor, shift) in [(1.0, 0.0), (0.25, 0.0), (1024.0, 0.0), (1.0, 64.0), (8.0, -512.0)] {
        let map = |losses: Vec<f64>| losses.into_iter().map(|loss| factor * loss + shift).collect();
        let (leaps, settles): (Vec<f64>, Vec<f64>) =
            (map(repeated(-5.0, 32, &[1000.0])), map(repeated(-5.0, 31, &[0.001, 0.01])));
        assert_eq!((spikes(&leaps), spikes(&settles)), (1, 0), "{factor} L + {shift}");
    }
    assert_eq!(spikes(&repeated(0.0, 20, &[5.0])), 1);
}

#[test]
fn a_loss_of_exactly_0_has_no_plateau_and_any_other_that_stays_has() {
    let rules_of = AlertRules { plateau_steps: Some(20), ..AlertRules::default() };
    assert_eq!(told(&[0.0; 20], rules_of), []);
    assert_eq!(rules(&told(&[2.0; 20], rules_of)), ["plateau"]);
}

#[test]
fn a_tiny_loss_is_told_in_full() {
    let losses = repeated(5e-7, 40, &[1e-3]);
    let alerts = told(&losses, AlertRules::default());
    assert!(alerts[0].text.contains("it was 5e-7 before"), "{}", alerts[0].text);
    let rules_of = AlertRules { plateau_steps: Some(20), ..AlertRules::default() };
    let plateau = told(&[5e-7; 20], rules_of);
    assert!(plateau[0].text.contains("5e-7 over the first half"), "{}", plateau[0].text);
}

/// A training drawn at random: which optimizer, clipping, schedule, group, rate and unit of the loss.
struct Drawn {
    optim: ModuleOptimizer,
    rates: Box<dyn Fn(usize) -> f64>,
    of_group: f64,
    unit: f64,
}

impl Drawn {
    /// Rates are up to a hundred thousand times what suits.
    fn new(dice: &mut Dice) -> Self {
        let (_, optim, rate) = optimizers().swap_remove(dice.roll(6));
        let rate = rate * dice.magnitude(-2.0, 5.0);
        let limit = dice.magnitude(-3.0, 1.0) as f32;
        let optim = match dice.roll(3) {
            0 => optim,
            1 => optim.with_grad_clipping(GradientClipping::Norm(limit)),
            _ => optim.with_grad_clipping(GradientClipping::Value(limit)),
        };
        let (_, share) = SCHEDULES[dice.roll(SCHEDULES.len())];
        let rates = Box::new(move |step: usize| rate * share(step as f64 / STEPS as f64));
        let of_group = [1.0, 0.0, dice.magnitude(-3.0, 2.0)][dice.roll(3)];
        Self { optim, rates, of_group, unit: dice.magnitude(-4.0, 4.0) }
    }

    /// Trains; gives the steps and those that are told to explode.
    fn explodes(&self, measurements: Measurements) -> (Vec<Step>, Vec<u64>) {
        let rules = AlertRules { exploding_step: Some(1.0), cool_down: 0, ..AlertRules::none() };
        let run = Run::new();
        let builder = run.builder().measurements(measurements).alerts(rules);
        let (probe, mut optim) = (builder.start().expect("a probe"), self.optim.clone());
        let (mut observer, mut model) = (probe.observe(), Layers::new());
        for step in 0..STEPS {
            let loss = model.loss() * self.unit;
            observer.loss(&loss, 16);
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            let rate = (self.rates)(step);
            let group = ParamGroup::from_predicate("lower");
            let rate = ModuleLrScheduler::new(rate).with_group(group, rate * self.of_group).step();
            model = observer.step(&mut optim, rate, model, grads);
        }
        close(probe);
        (run.steps(), run.alerts().into_iter().map(|alert| alert.step).collect())
    }
}

/// Whether an update was longer than 1, and than half of its weights.
fn is_long(step: &Step) -> bool {
    let [updates, weights] = [UPDATE_NORM, WEIGHT_NORM].map(|name| step.columns[name].iter());
    updates.zip(weights).any(|(&update, &weight)| update > 1.0_f32.max(0.5 * weight))
}

/// The last of the first `count` neighbours.
fn end_of_streak(steps: &[u64], count: usize) -> Option<u64> {
    let mut streaks = steps.windows(count).filter(|it| it[count - 1] - it[0] < count as u64);
    streaks.next().map(|streak| streak[count - 1])
}

/// Whether what is told is true, and told by the end of a streak at the latest.
fn assert_told(told: &[u64], long: &[u64], streak: usize, what: &str) {
    assert!(told.iter().all(|step| long.contains(step)), "{what}: {told:?} of {long:?}");
    if let Some(end) = end_of_streak(long, streak) {
        assert!(told.first().is_some_and(|&first| first <= end), "{what}: {told:?} of {long:?}");
    }
}

#[test]
fn drawn_trainings_explode_where_their_updates_are_long_and_nowhere_else() {
    /// An update that nothing explains may have been made by hand: the next one tells.
    const IN_A_ROW: usize = 2;
    /// The period of updates that are measured in any case, and one more for what nothing explains.
    const PERIOD: usize = 21;
    let (mut dice, mut long_ones, mut sound_ones) = (Dice(11), 0, 0);
    for number in 0..60 {
        let drawn = Drawn::new(&mut dice);
        let every = Measurements { weight_norms: Schedule::Every(1), ..Measurements::default() };
        let (steps, told) = drawn.explodes(every);
        let long = steps.iter().filter(|it| is_long(it)).map(|it| it.step);
        let long: Vec<u64> = long.collect();
        assert_told(&told, &long, IN_A_ROW, &format!("training {number}, every update measured"));
        let (_, told) = drawn.explodes(Measurements::default());
        assert_told(&told, &long, PERIOD, &format!("training {number}"));
        long_ones += usize::from(end_of_streak(&long, PERIOD).is_some());
        sound_ones += usize::from(long.is_empty());
    }
    assert!(long_ones > 5 && sound_ones > 10, "{long_ones} explode, {sound_ones} are sound");
}

#[test]
fn a_single_step_at_a_wild_rate_is_told_whenever_it_comes() {
    for at in [61, 75, 99] {
        for (name, optim, rate) in optimizers() {
            let run = Run::new();
            let rates = |step: usize| (rate * if step == at { 3e4 } else { 1.0 }).into();
            trained(run.builder(), optim, rates, |_, model| model, at + 1);
            let alerts = run.alerts();
            let told = alerts.iter().find(|alert| alert.rule == "exploding-gradient");
            assert_eq!(told.map(|alert| alert.step), Some(at as u64), "{name}: {alerts:?}");
        }
    }
}

#[test]
fn two_optimizers_in_turn_are_both_measured_and_neither_is_told_to_be_idle() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let (mut observer, mut model) = (probe.observe(), Layers::new());
    let (mut of_lower, mut of_upper) = (AdamConfig::new().init(), SgdConfig::new().init());
    for step in 0..STEPS {
        let loss = model.loss();
        observer.loss(&loss, 16);
        let mut grads = loss.backward();
        let (part, optim, rate) = match step % 2 {
            0 => (&model.lower, &mut of_lower, 3e-3),
            _ => (&model.upper, &mut of_upper, 0.1),
        };
        let grads = GradientsParams::from_module(&mut grads, part);
        model = observer.step(optim, rate, model, grads);
    }
    close(probe);
    assert_eq!(run.alerts(), []);
    let moved = |step: &Step, of: &str| {
        let blocks = run.head().blocks;
        let norms = step.columns[UPDATE_NORM].iter().zip(blocks);
        norms.filter(|(_, block)| block.path.starts_with(of)).any(|(&norm, _)| norm > 0.0)
    };
    let steps = run.steps();
    let measured = || steps.iter().filter(|step| step.columns.contains_key(UPDATE_NORM));
    for (turn, part, other) in [(0, "lower.", "upper."), (1, "upper.", "lower.")] {
        let of_turn: Vec<&Step> = measured().filter(|step| step.step % 2 == turn).collect();
        assert!(of_turn.len() > 1, "{} of {part}", of_turn.len());
        assert!(of_turn.iter().all(|step| moved(step, part) && !moved(step, other)), "{part}");
    }
}
