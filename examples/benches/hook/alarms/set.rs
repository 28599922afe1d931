//! The labelled set: healthy trainings of many kinds, and one fault planted in each of the others.

use std::f64::consts::PI;

use burn::grad_clipping::{GradientClipping, GradientClippingConfig};
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::exponential::ExponentialLrSchedulerConfig;
use burn::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::lr_scheduler::noam::NoamLrSchedulerConfig;
use burn::lr_scheduler::step::StepLrSchedulerConfig;
use burn::module::{Module, Param, ParamGroup};
use burn::nn::{Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdaGradConfig, AdafactorConfig, AdamConfig, AdamWConfig, AdanConfig, LambConfig, LionConfig,
    ModuleOptimizer, MuonConfig, RmsPropConfig, SgdConfig,
};
use burn::tensor::{Device, Distribution, Int, Tensor};
use burn::train::TrainStep;
use burnscape::ProbeBuilder;
use burnscape_examples::convnet::ConvNet;
use burnscape_examples::data::{self, DigitBatch};
use burnscape_examples::descent::descend;
use burnscape_examples::mlp::Mlp;
use burnscape_examples::tanh::TanhMlp;

use super::sequences::{Attentive, Recurrent, Tabular};
use super::training::{Activation, Kind, Net, Rates, Training};
use super::{Label, Labelled};

/// The step at which a fault is planted that is not there from the start: none at which anything but gradients is due.
const FAULT: u64 = 413;

pub fn all() -> Vec<Labelled> {
    let healthy = [
        optimizers(),
        schedules(),
        clippings(),
        losses(),
        shapes(),
        parts(),
        by_hand(),
        examples(),
    ];
    let broken =
        [not_finite(), exploding(), vanishing(), spikes(), plateaus(), ratios(), units(), edges()];
    healthy.into_iter().chain(broken).flatten().collect()
}

fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

fn momentum() -> ModuleOptimizer {
    SgdConfig::new().with_momentum(Some(MomentumConfig::new())).init()
}

fn adam() -> ModuleOptimizer {
    AdamConfig::new().init()
}

fn healthy(name: impl Into<String>, training: Training) -> Labelled {
    labelled(name, Label::default(), training)
}

fn broken(name: impl Into<String>, from: u64, expected: &[&str], training: Training) -> Labelled {
    let expected: Vec<String> = expected.iter().map(|rule| (*rule).to_string()).collect();
    let allowed = consequences(&expected);
    labelled(name, Label { expected, allowed, from }, training)
}

fn labelled(name: impl Into<String>, label: Label, training: Training) -> Labelled {
    Labelled {
        name: name.into(),
        label,
        train: Box::new(move |builder, seed| training.run(builder, seed)),
    }
}

/// What a fault may bring along.
fn consequences(expected: &[String]) -> Vec<String> {
    let of = |rule: &str| -> &[&str] {
        match rule {
            "loss-spike" => &["exploding-gradient"],
            "plateau" | "vanishing-gradient" => &[
                "plateau",
                "vanishing-gradient",
                "update-ratio",
                "dead-units",
                "saturated-units",
                "loss-spike",
            ],
            "update-ratio" | "dead-units" | "saturated-units" => &[
                "plateau",
                "vanishing-gradient",
                "update-ratio",
                "dead-units",
                "saturated-units",
                "exploding-gradient",
                "loss-spike",
                "non-finite-loss",
                "non-finite-gradient",
                "non-finite-weight",
            ],
            "edge-of-stability" => &["loss-spike"],
            _ => &[
                "non-finite-loss",
                "non-finite-gradient",
                "non-finite-weight",
                "exploding-gradient",
                "loss-spike",
                "update-ratio",
                "dead-units",
                "saturated-units",
                "vanishing-gradient",
                "plateau",
            ],
        }
    };
    expected.iter().flat_map(|rule| of(rule)).map(|rule| (*rule).to_string()).collect()
}

fn optimizers() -> Vec<Labelled> {
    let nesterov = MomentumConfig::new().with_nesterov(true).with_dampening(0.0);
    let nesterov = SgdConfig::new().with_momentum(Some(nesterov)).init();
    let muon =
        adam().with_group(ParamGroup::from_predicate("weight"), MuonConfig::new().build(), None);
    let amsgrad = AdamConfig::new().with_amsgrad(true).init();
    let relative = AdafactorConfig::new().init();
    let all: [(&str, ModuleOptimizer, f64); 17] = [
        ("SGD", sgd(), 0.1),
        ("SGD at a large rate", sgd(), 0.3),
        ("SGD at a small rate", sgd(), 3e-3),
        ("momentum", momentum(), 0.02),
        ("Nesterov", nesterov, 0.02),
        ("Adam", adam(), 1e-3),
        ("Adam at a large rate", adam(), 1e-2),
        ("Adam at a small rate", adam(), 3e-5),
        ("AMSGrad", amsgrad, 1e-3),
        ("AdamW", AdamWConfig::new().with_weight_decay(0.05).init(), 1e-3),
        ("RMSprop", RmsPropConfig::new().with_momentum(0.0).init(), 1e-3),
        ("AdaGrad", AdaGradConfig::new().init(), 1e-2),
        ("Lion", LionConfig::new().init(), 1e-4),
        ("LAMB", LambConfig::new().init(), 1e-2),
        ("Adan", AdanConfig::new().init(), 1e-3),
        ("Muon, with Adam for biases", muon, 1e-3),
        ("Adafactor", relative, 1e-2),
    ];
    let training = |(name, optimizer, rate): (&str, ModuleOptimizer, f64)| {
        healthy(name, Training::with(optimizer, rate))
    };
    all.into_iter().map(training).collect()
}

/// A learning rate for every step.
type Rate = fn(u64) -> f64;

/// Linearly up to `peak` over the first 300 of 1000 steps, then along a cosine to 0.
fn one_cycle(step: u64, peak: f64) -> f64 {
    let t = step as f64 / 1000.0;
    if t < 0.3 {
        peak * (step + 1) as f64 / 300.0
    } else {
        peak * 0.5 * (1.0 + (PI * (t - 0.3) / 0.7).cos())
    }
}

fn schedules() -> Vec<Labelled> {
    let of = |peak: f64| -> Vec<(&'static str, ModuleLrScheduler)> {
        let linear = LinearLrSchedulerConfig::new;
        let noam =
            NoamLrSchedulerConfig::new(peak * 57.0).with_warmup_steps(300).with_model_size(10);
        vec![
            (
                "cosine to 0",
                CosineAnnealingLrSchedulerConfig::new(peak, 999).init().expect("a cosine"),
            ),
            (
                "four cosines",
                CosineAnnealingLrSchedulerConfig::new(peak, 250).init().expect("a cosine"),
            ),
            ("linear to 0", linear(peak, 0.0, 1000).init().expect("a line")),
            ("warm-up", linear(peak / 1000.0, peak, 1000).init().expect("a line")),
            ("noam", noam.init().expect("noam")),
            (
                "exponential",
                ExponentialLrSchedulerConfig::new(peak, 0.993).init().expect("a decay"),
            ),
            ("stairs", StepLrSchedulerConfig::new(peak, 250).init().expect("stairs")),
        ]
    };
    let optimizers = [("SGD", sgd(), 0.1), ("momentum", momentum(), 0.02), ("Adam", adam(), 2e-3)];
    let mut all = Vec::new();
    for (optimizer_name, optimizer, peak) in optimizers {
        for (name, rates) in of(peak) {
            let training = Training::with(optimizer.clone(), rates);
            all.push(healthy(format!("{optimizer_name}, {name}"), training));
        }
    }
    let by_hand: [(&str, ModuleOptimizer, Rate); 4] = [
        ("SGD, one cycle", sgd(), |step| one_cycle(step, 0.3)),
        ("Adam, one cycle", adam(), |step| one_cycle(step, 3e-3)),
        ("Adam, warm-up of 1e-7 a step", adam(), |step| 1e-7 * (step + 1) as f64),
        ("SGD, warm-up of 1e-7 a step", sgd(), |step| 1e-7 * (step + 1) as f64),
    ];
    for (name, optimizer, rate) in by_hand {
        let rates = Rates::Of(rate);
        all.push(healthy(name, Training { rates, ..Training::with(optimizer, 0.0) }));
    }
    all
}

fn clippings() -> Vec<Labelled> {
    let clips = [
        ("norm 1", GradientClippingConfig::Norm(1.0)),
        ("norm 0.01", GradientClippingConfig::Norm(0.01)),
        ("value 0.1", GradientClippingConfig::Value(0.1)),
    ];
    let mut all = Vec::new();
    for (name, clip) in clips {
        let sgd = SgdConfig::new().with_gradient_clipping(Some(clip.clone())).init();
        let adam = AdamConfig::new().with_grad_clipping(Some(clip)).init();
        // A loss in units in which every gradient is clipped.
        let large = |optimizer, rate: f64| Training {
            unit: (5000.0, 0.0),
            ..Training::with(optimizer, rate)
        };
        all.push(healthy(format!("SGD, clipped to {name}"), Training::with(sgd.clone(), 0.1)));
        all.push(healthy(format!("SGD, clipped to {name}, loss × 5000"), large(sgd, 1e-2)));
        all.push(healthy(format!("Adam, clipped to {name}, loss × 5000"), large(adam, 1e-3)));
    }
    let group = ParamGroup::from_predicate("weight");
    let clip = Some(GradientClipping::Norm(1.0));
    let grouped = sgd().with_group(group, SgdConfig::new().build(), clip);
    let training = Training { kind: Kind::Squares, ..Training::with(grouped, 0.05) };
    all.push(healthy("SGD, a group clipped", training));
    all
}

fn losses() -> Vec<Labelled> {
    let kinds = [
        ("squares", Kind::Squares, 0.05),
        ("absolute", Kind::Absolute, 0.02),
        // The better it fits, the steeper it gets.
        ("likelihood", Kind::Likelihood, 0.01),
        ("hinge", Kind::Hinge, 0.02),
    ];
    let mut all = Vec::new();
    for (name, kind, rate) in kinds {
        all.push(healthy(format!("SGD, {name}"), Training { kind, ..Training::with(sgd(), rate) }));
        all.push(healthy(
            format!("Adam, {name}"),
            Training { kind, ..Training::with(adam(), 1e-3) },
        ));
    }
    for unit in [(5000.0, 0.0), (1e-6, 0.0), (1.0, -5.0), (1e-3, 10.0)] {
        let name = |optimizer: &str| format!("{optimizer}, loss × {} + {}", unit.0, unit.1);
        let of_sgd = Training::with(sgd(), 0.1 / unit.0);
        all.push(healthy(name("SGD"), Training { unit, ..of_sgd }));
        // burn's Adam adds 1e-5 to the root of the second moment.
        let adam = AdamConfig::new().with_epsilon(1e-5_f32.min(unit.0 as f32 * 1e-5)).init();
        all.push(healthy(name("Adam"), Training { unit, ..Training::with(adam, 1e-3) }));
    }
    all
}

fn shapes() -> Vec<Labelled> {
    let base = || Training::with(adam(), 1e-3);
    let wide = Training { hidden: vec![512], steps: 300, ..base() };
    let wide_sgd = Training { hidden: vec![512], steps: 300, ..Training::with(sgd(), 0.2) };
    let deep = Training { hidden: vec![32; 8], ..base() };
    let tanh = Training { activation: Activation::Tanh, hidden: vec![32; 4], ..base() };
    let sigmoid = Training { activation: Activation::Sigmoid, ..base() };
    let single = Training { batch: 1, steps: 3000, ..Training::with(sgd(), 0.01) };
    let few = Training { batch: 4, steps: 3000, ..base() };
    let full = Training { batch: 0, steps: 600, ..Training::with(sgd(), 0.3) };
    let long = Training { steps: 5000, ..Training::with(sgd(), 0.1) };
    let linear =
        Training { hidden: vec![], activation: Activation::Identity, ..Training::with(sgd(), 0.2) };
    vec![
        healthy("wide, Adam", wide),
        healthy("wide, SGD", wide_sgd),
        healthy("deep", deep),
        healthy("tanh", tanh),
        healthy("sigmoid", sigmoid),
        healthy("one sample at a time", single),
        healthy("four samples at a time", few),
        healthy("all samples at a time", full),
        healthy("long", long),
        healthy("linear", linear),
    ]
}

fn frozen_below(net: Net, is_frozen: bool) -> Net {
    net.set_require_grad_group(ParamGroup::from_predicate("layers.0"), !is_frozen)
}

fn parts() -> Vec<Labelled> {
    let adam_rate = || Training::with(adam(), 1e-3);
    let frozen = Training { change: |_, net| frozen_below(net, true), ..adam_rate() };
    let thawed = Training { change: |step, net| frozen_below(net, step < 300), ..adam_rate() };
    let blinking = Training { change: |step, net| frozen_below(net, step % 10 < 5), ..adam_rate() };
    let turns = Training {
        change: |step, net| {
            let (lower, upper) = (step % 2 == 0, step % 2 == 1);
            let net = net.set_require_grad_group(ParamGroup::from_predicate("layers.0"), lower);
            net.set_require_grad_group(ParamGroup::from_predicate("layers.1"), upper)
        },
        ..adam_rate()
    };
    let lower = || ParamGroup::from_predicate("layers.0");
    let of_zero = ModuleLrScheduler::new(0.1).with_group(lower(), 0.0);
    let of_less = ModuleLrScheduler::new(0.1).with_group(lower(), 0.01);
    vec![
        healthy("frozen", frozen),
        healthy("thawed", thawed),
        healthy("frozen now and then", blinking),
        healthy("optimizers in turn", turns),
        healthy("group of rate 0", Training::with(sgd(), of_zero)),
        healthy("group of a smaller rate", Training::with(sgd(), of_less)),
    ]
}

/// Weights that are changed by hand after an update: clipped, projected, set anew.
fn by_hand() -> Vec<Labelled> {
    let clipped: fn(u64, Net) -> Net = |_, net| weights_of(net, |weight| weight.clamp(-0.05, 0.05));
    let projected: fn(u64, Net) -> Net = |_, net| {
        weights_of(net, |weight| {
            let norm = weight.clone().powi_scalar(2).sum().sqrt().clamp_min(1.5);
            weight * (norm.recip() * 1.5).unsqueeze()
        })
    };
    let anew: fn(u64, Net) -> Net = |step, mut net| {
        if step == FAULT {
            let last = net.layers.pop().expect("a layer");
            let [inputs, outputs] = last.weight.dims();
            net.layers.push(LinearConfig::new(inputs, outputs).init(&last.weight.device()));
        }
        net
    };
    // Shrink and perturb (Ash and Adams 2020, arXiv 1910.08475).
    let shrunk: fn(u64, Net) -> Net = |step, net| match step {
        FAULT => weights_of(net, |weight| {
            let noise = weight.random_like(Distribution::Normal(0.0, 0.01));
            weight * 0.4 + noise
        }),
        _ => net,
    };
    let of = |name: &str, after, optimizer, rate: f64| {
        healthy(name, Training { after: Some(after), ..Training::with(optimizer, rate) })
    };
    // What was learned is lost, and the loss says so.
    let once = |name: &str, after, optimizer, rate: f64| {
        let allowed = vec!["loss-spike".to_string()];
        let label = Label { allowed, from: FAULT, ..Label::default() };
        labelled(name, label, Training { after: Some(after), ..Training::with(optimizer, rate) })
    };
    let rms = RmsPropConfig::new().with_momentum(0.0).init();
    vec![
        of("weights clipped, RMSprop", clipped, rms, 5e-4),
        of("weights clipped, SGD", clipped, sgd(), 0.1),
        of("weights projected, SGD", projected, sgd(), 0.1),
        of("weights projected, Adam", projected, adam(), 1e-3),
        once("a layer set anew, SGD", anew, sgd(), 0.1),
        once("a layer set anew, Adam", anew, adam(), 1e-3),
        once("weights shrunk, momentum", shrunk, momentum(), 0.02),
        once("weights shrunk, Adam", shrunk, adam(), 1e-3),
    ]
}

/// Trains a model of the examples, 32 digits at a time.
fn train<M: TrainStep<Input = DigitBatch> + Module>(
    builder: ProbeBuilder,
    model: impl FnOnce(&Device) -> M,
    mut optimizer: ModuleOptimizer,
    (rate, steps): (f64, usize),
    seed: u64,
) {
    let device = Device::flex().autodiff();
    device.seed(seed);
    let probe = builder.start().expect("a probe");
    let mut model = probe.watch(model(&device));
    let batches = data::batches(&data::split().0, 32, &device);
    for batch in batches.iter().cycle().take(steps) {
        let output = TrainStep::step(&model, batch.clone());
        model = model.optimize(&mut optimizer, rate.into(), output.grads);
    }
    probe.close().expect("closed");
}

fn examples() -> Vec<Labelled> {
    let of = |name: &str, train: Box<dyn Fn(ProbeBuilder, u64)>| {
        let label = Label::default();
        Labelled { name: name.to_string(), label, train }
    };
    vec![
        of("perceptron", Box::new(|it, seed| train(it, Mlp::new, adam(), (1e-3, 1000), seed))),
        of("convolutions", Box::new(|it, seed| train(it, ConvNet::new, adam(), (1e-3, 400), seed))),
        of(
            "convolutions, momentum",
            Box::new(|it, seed| train(it, ConvNet::new, momentum(), (0.01, 400), seed)),
        ),
        of(
            "tanh and squares",
            Box::new(|it, seed| train(it, TanhMlp::new, sgd(), (0.1, 1000), seed)),
        ),
        of("descent far from the edge", Box::new(|it, seed| descent(it, 0.02, 300, seed))),
        of(
            "recurrent, Adam",
            Box::new(|it, seed| train(it, Recurrent::new, adam(), (3e-3, 500), seed)),
        ),
        of(
            "recurrent, SGD",
            Box::new(|it, seed| train(it, Recurrent::new, sgd(), (0.2, 500), seed)),
        ),
        of(
            "attention, Adam",
            Box::new(|it, seed| train(it, Attentive::new, adam(), (3e-3, 500), seed)),
        ),
        of(
            "attention, momentum",
            Box::new(|it, seed| train(it, Attentive::new, momentum(), (5e-3, 500), seed)),
        ),
        of("table, Adam", Box::new(|it, seed| train(it, Tabular::new, adam(), (1e-2, 500), seed))),
        of("table, SGD", Box::new(|it, seed| train(it, Tabular::new, sgd(), (0.5, 500), seed))),
    ]
}

fn nan_pixels(step: u64, batch: DigitBatch) -> DigitBatch {
    let factor = if step == FAULT { f32::NAN } else { 1.0 };
    DigitBatch { images: batch.images * factor, ..batch }
}

fn not_finite() -> Vec<Labelled> {
    let everywhere = ["non-finite-loss", "non-finite-gradient", "non-finite-weight"];
    let spoilt = |optimizer, rate: f64| Training {
        spoil: nan_pixels,
        steps: 600,
        ..Training::with(optimizer, rate)
    };
    let clipped = SgdConfig::new().with_gradient_clipping(Some(GradientClippingConfig::Norm(1.0)));
    // √x at 0: the value is 0, its slope is infinite, times 0.
    let root: fn(u64, &Net, Tensor<1>) -> Tensor<1> = |step, net, loss| match step {
        FAULT => loss + (net.layers[0].weight.val() * 0.0).powi_scalar(2).sum().sqrt(),
        _ => loss,
    };
    let rooted = |optimizer, rate: f64| Training {
        distort: root,
        steps: 600,
        ..Training::with(optimizer, rate)
    };
    let confident: fn(u64, Net) -> Net = |step, net| match step {
        FAULT => scaled(net, 400.0),
        _ => net,
    };
    let naive = Training {
        kind: Kind::NaiveLog,
        change: confident,
        steps: 600,
        ..Training::with(adam(), 1e-3)
    };
    let overflow = Training { kind: Kind::Squares, ..Training::with(sgd(), 1e4) };
    vec![
        broken("NaN in a batch, SGD", FAULT, &everywhere, spoilt(sgd(), 0.1)),
        broken("NaN in a batch, Adam", FAULT, &everywhere, spoilt(adam(), 1e-3)),
        broken("NaN in a batch, clipped", FAULT, &everywhere, spoilt(clipped.init(), 0.1)),
        broken("root of 0, SGD", FAULT, &everywhere[1..], rooted(sgd(), 0.1)),
        broken("root of 0, momentum", FAULT, &everywhere[1..], rooted(momentum(), 0.02)),
        broken("logarithm of 0", FAULT, &everywhere[..2], naive),
        broken("overflow", 0, &["non-finite-loss", "exploding-gradient"], overflow),
    ]
}

/// A parameter changed by hand.
fn changed<const D: usize>(
    param: Param<Tensor<D>>,
    change: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Param<Tensor<D>> {
    param.map(|tensor| change(tensor.detach()).detach().require_grad())
}

/// All weights changed.
fn weights_of(net: Net, change: impl Fn(Tensor<2>) -> Tensor<2>) -> Net {
    let of = |layer: Linear| Linear { weight: changed(layer.weight, &change), ..layer };
    Net { layers: net.layers.into_iter().map(of).collect(), ..net }
}

/// All weights times a factor.
fn scaled(net: Net, factor: f32) -> Net {
    weights_of(net, |weight| weight * factor)
}

/// The biases of a layer as given.
fn biased(mut net: Net, layer: usize, value: f32) -> Net {
    let bias = net.layers[layer].bias.take();
    net.layers[layer].bias = bias.map(|bias| changed(bias, |it| it * 0.0 + value));
    net
}

fn exploding() -> Vec<Labelled> {
    let rule = ["exploding-gradient"];
    let squares = |optimizer, rate: f64| Training {
        kind: Kind::Squares,
        steps: 600,
        ..Training::with(optimizer, rate)
    };
    let group = ParamGroup::from_predicate("layers.1");
    let of_groups = ModuleLrScheduler::new(1e-6).with_group(group, 50.0);
    let leap = |rates, optimizer| Training { rates: Rates::Of(rates), ..squares(optimizer, 0.0) };
    let stained: fn(u64, DigitBatch) -> DigitBatch = |step, batch| {
        let factor = if step == FAULT { 1e3 } else { 1.0 };
        DigitBatch { images: batch.images * factor, ..batch }
    };
    let stained = |optimizer, rate: f64| Training { spoil: stained, ..squares(optimizer, rate) };
    let large_weights = Training {
        activation: Activation::Identity,
        change: |step, net| if step == 0 { scaled(net, 8.0) } else { net },
        ..squares(sgd(), 0.1)
    };
    let units = Training { unit: (1e4, 0.0), ..squares(sgd(), 0.1) };
    vec![
        broken("too large a rate, SGD", 0, &rule, squares(sgd(), 5.0)),
        broken("too large a rate, momentum", 0, &rule, squares(momentum(), 2.0)),
        broken("too large a rate, Adam", 0, &rule, squares(adam(), 3.0)),
        broken("too large a rate, RMSprop", 0, &rule, squares(RmsPropConfig::new().init(), 1.0)),
        broken("too large a rate, a group", 0, &rule, Training::with(sgd(), of_groups)),
        broken(
            "a rate that leaps, SGD",
            FAULT,
            &rule,
            leap(|step| if step < FAULT { 0.05 } else { 20.0 }, sgd()),
        ),
        broken(
            "a rate that leaps, Adam",
            FAULT,
            &rule,
            leap(|step| if step < FAULT { 1e-3 } else { 2.0 }, adam()),
        ),
        broken("a stained batch, SGD", FAULT, &rule, stained(sgd(), 0.05)),
        broken("a stained batch, momentum", FAULT, &rule, stained(momentum(), 0.01)),
        broken("weights too large", 0, &rule, large_weights),
        broken("a loss in other units", 0, &rule, units),
    ]
}

fn vanishing() -> Vec<Labelled> {
    let rule = ["vanishing-gradient"];
    let chain = |optimizer, rate: f64| Training {
        hidden: vec![8; 24],
        activation: Activation::Sigmoid,
        steps: 200,
        ..Training::with(optimizer, rate)
    };
    let dead = |from: u64, optimizer, rate: f64| {
        let change: fn(u64, Net) -> Net = match from {
            0 => |step, net| if step == 0 { biased(net, 1, -1e3) } else { net },
            _ => |step, net| if step == FAULT { biased(net, 1, -1e3) } else { net },
        };
        Training { change, steps: 700, ..Training::with(optimizer, rate) }
    };
    let saturated = Training {
        activation: Activation::Tanh,
        change: |step, net| if step == 0 { scaled(net, 2000.0) } else { net },
        kind: Kind::Squares,
        steps: 300,
        ..Training::with(sgd(), 1e-9)
    };
    vec![
        broken("a chain of sigmoids, SGD", 0, &rule, chain(sgd(), 0.1)),
        broken("a chain of sigmoids, momentum", 0, &rule, chain(momentum(), 0.05)),
        broken("a chain of sigmoids, Adam", 0, &rule, chain(adam(), 1e-3)),
        broken("dead from the start, SGD", 0, &rule, dead(0, sgd(), 0.1)),
        broken("dead from the start, Adam", 0, &rule, dead(0, adam(), 1e-3)),
        broken("dead after a while, SGD", FAULT, &rule, dead(FAULT, sgd(), 0.1)),
        broken("dead after a while, Adam", FAULT, &rule, dead(FAULT, adam(), 1e-3)),
        broken("saturated from the start", 0, &rule, saturated),
    ]
}

fn spikes() -> Vec<Labelled> {
    let rule = ["loss-spike"];
    let flipped: fn(u64, DigitBatch) -> DigitBatch = |step, batch| match step {
        FAULT => {
            let labels: Tensor<1, Int> = (batch.labels + 5).remainder_scalar(10);
            DigitBatch { labels, ..batch }
        }
        _ => batch,
    };
    let flipped = |optimizer, rate: f64| Training {
        spoil: flipped,
        steps: 600,
        ..Training::with(optimizer, rate)
    };
    let loud: fn(u64, DigitBatch) -> DigitBatch = |step, batch| {
        let factor = if step == FAULT { 30.0 } else { 1.0 };
        DigitBatch { images: batch.images * factor, ..batch }
    };
    let loud = |optimizer, rate: f64| Training {
        spoil: loud,
        steps: 600,
        ..Training::with(optimizer, rate)
    };
    let clipped = AdamConfig::new().with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)));
    let tiny = || AdamConfig::new().with_epsilon(1e-12).init();
    let in_units = |unit: (f64, f64)| Training { unit, ..flipped(tiny(), 1e-3) };
    let likelihood = Training { kind: Kind::Likelihood, ..loud(adam(), 1e-3) };
    let leap = Training {
        rates: Rates::Of(|step| if step == FAULT { 0.3 } else { 1e-3 }),
        steps: 600,
        ..Training::with(adam(), 0.0)
    };
    vec![
        broken("labels flipped, SGD", FAULT, &rule, flipped(sgd(), 0.1)),
        broken("labels flipped, Adam", FAULT, &rule, flipped(adam(), 1e-3)),
        broken("labels flipped, loss × 1e-6", FAULT, &rule, in_units((1e-6, 0.0))),
        broken("labels flipped, loss − 5", FAULT, &rule, in_units((1.0, -5.0))),
        broken("labels flipped, loss × 1e-3 + 10", FAULT, &rule, in_units((1e-3, 10.0))),
        broken("a loud batch, Adam clipped", FAULT, &rule, loud(clipped.init(), 1e-3)),
        broken("a loud batch, momentum", FAULT, &rule, loud(momentum(), 0.02)),
        broken("a loud batch, likelihood", FAULT, &rule, likelihood),
        broken("one step at a wild rate", FAULT, &["loss-spike", "exploding-gradient"], leap),
    ]
}

fn plateaus() -> Vec<Labelled> {
    let rule = ["plateau"];
    let long = |optimizer, rate: f64| Training { steps: 5000, ..Training::with(optimizer, rate) };
    let dead: fn(u64, Net) -> Net = |step, net| if step == 0 { biased(net, 1, -1e3) } else { net };
    let noise: fn(u64, DigitBatch) -> DigitBatch = |step, batch| {
        // Labels that have nothing to do with the images.
        let shift = (step * 7919 % 10) as i64;
        DigitBatch { labels: (batch.labels.clone() + shift).remainder_scalar(10), ..batch }
    };
    let detached: fn(u64, &Net, Tensor<1>) -> Tensor<1> =
        |_, net, loss| loss.detach() + net.layers[0].weight.val().powi_scalar(2).sum() * 1e-12;
    vec![
        broken("dead units", 0, &rule, Training { change: dead, ..long(sgd(), 0.1) }),
        broken("labels without meaning", 0, &rule, Training { spoil: noise, ..long(sgd(), 0.05) }),
        broken("too small a rate, Adam", 0, &rule, long(adam(), 1e-9)),
        broken("too small a rate, SGD", 0, &rule, long(sgd(), 1e-7)),
        broken(
            "a loss that is detached",
            0,
            &rule,
            Training { distort: detached, ..long(adam(), 1e-6) },
        ),
    ]
}

fn ratios() -> Vec<Labelled> {
    let rule = ["update-ratio"];
    let short = |optimizer, rate: f64| Training { steps: 300, ..Training::with(optimizer, rate) };
    let lower = ParamGroup::from_predicate("layers.0");
    let of_groups = ModuleLrScheduler::new(1e-3).with_group(lower, 1e-9);
    let clipped = SgdConfig::new().with_gradient_clipping(Some(GradientClippingConfig::Norm(1.0)));
    vec![
        broken("Adam at 1e-8", 0, &rule, short(adam(), 1e-8)),
        broken("SGD at 1e-6", 0, &rule, short(sgd(), 1e-6)),
        broken("Lion at 1e-8", 0, &rule, short(LionConfig::new().init(), 1e-8)),
        broken(
            "a group at 1e-9",
            0,
            &rule,
            Training { steps: 300, ..Training::with(adam(), of_groups) },
        ),
        broken("Adam at 0.3", 0, &rule, short(adam(), 0.3)),
        broken("SGD at 1, clipped", 0, &rule, short(clipped.init(), 1.0)),
        broken("LAMB at 0.5", 0, &rule, short(LambConfig::new().init(), 0.5)),
    ]
}

fn units() -> Vec<Labelled> {
    let short = |optimizer, rate: f64| Training { steps: 600, ..Training::with(optimizer, rate) };
    let low: fn(u64, Net) -> Net = |step, net| if step == 0 { biased(net, 0, -30.0) } else { net };
    let high: fn(u64, Net) -> Net = |step, net| if step == 0 { biased(net, 0, 20.0) } else { net };
    let later: fn(u64, Net) -> Net =
        |step, net| if step == FAULT { biased(net, 0, -30.0) } else { net };
    let loud: fn(u64, DigitBatch) -> DigitBatch =
        |_, batch| DigitBatch { images: batch.images * 500.0, ..batch };
    let large: fn(u64, Net) -> Net = |step, net| if step == 0 { scaled(net, 40.0) } else { net };
    let later_large: fn(u64, Net) -> Net =
        |step, net| if step == FAULT { scaled(net, 40.0) } else { net };
    let of = |activation| Training { activation, ..short(adam(), 1e-3) };
    vec![
        broken(
            "low biases, Adam",
            0,
            &["dead-units"],
            Training { change: low, ..short(adam(), 1e-3) },
        ),
        broken(
            "low biases, SGD",
            0,
            &["dead-units"],
            Training { change: low, ..short(sgd(), 0.1) },
        ),
        broken(
            "low biases later",
            FAULT,
            &["dead-units"],
            Training { change: later, ..short(adam(), 1e-3) },
        ),
        broken("killed by Adam at 1", 0, &["dead-units"], short(adam(), 1.0)),
        broken(
            "loud inputs, tanh",
            0,
            &["saturated-units"],
            Training { spoil: loud, ..of(Activation::Tanh) },
        ),
        broken(
            "high biases, sigmoid",
            0,
            &["saturated-units"],
            Training { change: high, ..of(Activation::Sigmoid) },
        ),
        broken(
            "large weights, tanh",
            0,
            &["saturated-units"],
            Training { change: large, ..of(Activation::Tanh) },
        ),
        broken(
            "large weights later",
            FAULT,
            &["saturated-units"],
            Training { change: later_large, ..of(Activation::Tanh) },
        ),
    ]
}

fn edges() -> Vec<Labelled> {
    let rule = "edge-of-stability".to_string();
    let at = |lr: f64, steps: usize| Labelled {
        name: format!("descent to the edge at {lr}"),
        label: Label {
            expected: vec![rule.clone()],
            allowed: consequences(std::slice::from_ref(&rule)),
            from: 0,
        },
        train: Box::new(move |builder, seed| descent(builder, lr, steps, seed)),
    };
    vec![at(0.2, 1200), at(0.25, 1000), at(0.3, 900)]
}

/// Full-batch gradient descent with a gauge of its curvature.
fn descent(builder: ProbeBuilder, lr: f64, steps: usize, seed: u64) {
    let device = Device::flex().autodiff();
    device.seed(seed);
    let probe = builder.start().expect("a probe");
    descend(&probe, TanhMlp::new(&device), lr, steps).expect("a model");
    probe.close().expect("closed");
}
