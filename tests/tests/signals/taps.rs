//! Activations behind taps, against closed forms of rectified and squashed normal numbers.

use burn::module::{Module, Param};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Distribution, Tensor};
use burn::train::{RegressionOutput, TrainOutput, TrainStep};
use burnscape::trace::{Activation, Record};
use burnscape::{Measurements, Schedule, tap};

use super::support::{Run, assert_close, close, flex, pick, step};

/// What a pass does with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Squash {
    Relu,
    Tanh,
    Sigmoid,
}

/// θ·squash(x), summed; the tap sees squash(x + bias).
#[derive(Module, Debug)]
struct Squashed {
    weight: Param<Tensor<1>>,
    #[module(skip)]
    squash: Squash,
    bias: f32,
}

impl Squashed {
    fn new(squash: Squash, bias: f32) -> Self {
        let weight = Param::from_tensor(Tensor::from_floats([0.5], &flex()));
        Self { weight, squash, bias }
    }
}

impl TrainStep for Squashed {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, x: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let x = x + self.bias;
        let y = match self.squash {
            Squash::Relu => relu(x.clone()),
            Squash::Tanh => x.clone().tanh(),
            Squash::Sigmoid => sigmoid(x.clone()),
        };
        let y = tap("squash", y);
        let found = y * self.weight.val().unsqueeze();
        let loss = found.clone().square().mean();
        let output = RegressionOutput::new(loss, found, x);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

fn activations(run: &Run) -> Vec<Activation> {
    pick(run.records(), |record| match record {
        Record::Activation(activation) => Some(activation),
        _ => None,
    })
}

/// Lets normal numbers of deviation `spread` pass, at every step.
fn heard(squash: Squash, bias: f32, spread: f64, steps: usize) -> Vec<Activation> {
    let run = Run::new();
    let builder = run.builder().activations(Schedule::Every(1));
    let probe = builder.start().expect("a probe");
    let mut model = probe.watch(Squashed::new(squash, bias));
    for _ in 0..steps {
        let x = Tensor::random([500, 40], Distribution::Normal(0.0, spread), &flex());
        model = step(model, &mut burn::optim::SgdConfig::new().init(), 0.0, x);
    }
    close(probe);
    activations(&run)
}

#[test]
fn a_rectified_normal_has_the_mean_variance_and_zeros_of_its_closed_form() {
    let spread = 2.0;
    let seen = heard(Squash::Relu, 0.0, spread, 1).remove(0);
    // 20,000 numbers: a standard error of 0.006 of the mean, 0.0035 of the share; five of them.
    assert_close(seen.mean, 0.3989 * spread, 0.05, "mean");
    assert_close(seen.std.powi(2), 0.3408 * spread * spread, 0.08, "variance");
    assert_close(seen.zero_share, 0.5, 0.035, "share of zeros");
    assert_close(seen.rms.powi(2), 0.5 * spread * spread, 0.08, "mean square");
    assert!(seen.min == 0.0 && seen.max > 3.0 * spread);
    assert_eq!((seen.values, seen.units, seen.dead_units, seen.calls), (20_000, 40, 0, 1));
    assert!(seen.saturated_share.is_nan(), "a rectifier has no bound");
}

#[test]
fn a_squashed_normal_is_at_its_bounds_as_often_as_the_normal_is_far_out() {
    let spread = 3.0;
    // |tanh x| > 0.99 where |x| > 2.6467: two tails of a normal of deviation 3, P(|z| > 0.8822).
    let seen = heard(Squash::Tanh, 0.0, spread, 1).remove(0);
    assert_close(seen.saturated_share, 0.3777, 0.05, "saturated");
    // Odd and even: a mean of 0 within five standard errors.
    assert!(seen.mean.abs() < 5.0 * seen.std / 20_000.0_f64.sqrt(), "{seen:?}");
    // σ(x) < 0.01 or > 0.99 where |x| > 4.5951: P(|z| > 1.5317).
    let seen = heard(Squash::Sigmoid, 0.0, spread, 1).remove(0);
    assert_close(seen.saturated_share, 0.1256, 0.1, "saturated");
    assert_close(seen.mean, 0.5, 0.03, "mean");
}

#[test]
fn a_bias_of_minus_a_thousand_kills_every_unit_and_is_told_at_once() {
    let run = Run::new();
    let probe = run.builder().activations(Schedule::Every(5)).start().expect("a probe");
    let mut model = probe.watch(Squashed::new(Squash::Relu, -1000.0));
    for _ in 0..7 {
        let x = Tensor::random([8, 12], Distribution::Normal(0.0, 1.0), &flex());
        model = step(model, &mut burn::optim::SgdConfig::new().init(), 0.1, x);
    }
    close(probe);
    let seen = activations(&run);
    assert_eq!(seen.iter().map(|it| it.step).collect::<Vec<_>>(), [0, 5]);
    assert!(seen.iter().all(|it| (it.dead_units, it.units, it.zero_share) == (12, 12, 1.0)));
    let alerts = run.alerts();
    let dead: Vec<_> = alerts.iter().filter(|it| it.rule == "dead-units").collect();
    let [alert] = dead[..] else { panic!("{alerts:?}") };
    assert_eq!((alert.step, alert.tap.as_deref(), alert.value), (0, Some("squash"), 1.0));
}

#[test]
fn activations_that_move_away_drift_by_their_distance_in_deviations() {
    let run = Run::new();
    let probe = run.builder().activations(Schedule::Every(1)).start().expect("a probe");
    let mut model = probe.watch(Squashed::new(Squash::Relu, 0.0));
    // Ten observations of 1 and 3: mean 2, deviation 1. Then 6 and 8: mean 7.
    for t in 0..11 {
        let x = if t < 10 { [[1.0, 3.0]] } else { [[6.0, 8.0]] };
        model = step(
            model,
            &mut burn::optim::SgdConfig::new().init(),
            0.0,
            Tensor::from_floats(x, &flex()),
        );
    }
    close(probe);
    let seen = activations(&run);
    assert!(seen[..10].iter().all(|it| it.drift.is_nan()));
    assert_close(seen[10].drift, 5.0, 1e-6, "drift");
}

#[test]
fn histograms_of_activations_come_where_they_are_asked_for() {
    let run = Run::new();
    let measurements = Measurements {
        activations: Schedule::Every(1),
        activation_histograms: true,
        ..Measurements::default()
    };
    let probe = run.builder().measurements(measurements).start().expect("a probe");
    let model = probe.watch(Squashed::new(Squash::Relu, 0.0));
    let x = Tensor::from_floats([[1.0, 3.0, -2.0]], &flex());
    let _ = step(model, &mut burn::optim::SgdConfig::new().init(), 0.0, x);
    close(probe);
    let [histogram] = &run.histograms()[..] else { panic!("one histogram") };
    assert_eq!((histogram.of.as_str(), histogram.tap.as_deref()), ("activation", Some("squash")));
    assert_eq!((histogram.first_exponent, histogram.positive.0.as_slice()), (0, &[1, 1][..]));
    assert_eq!(histogram.zeros, 1);
}

#[test]
fn a_tap_changes_neither_values_nor_gradients_and_nobody_listens_outside_a_step() {
    let weight: Tensor<2> = Tensor::from_floats([[0.3, -0.7], [1.5, 0.2]], &flex()).require_grad();
    let gradient = |with_tap: bool| {
        let x: Tensor<2> = Tensor::from_floats([[1.0, 2.0]], &flex());
        let y = relu(x.matmul(weight.clone()));
        let y = if with_tap { tap("y", y) } else { y };
        let grads = y.clone().square().sum().backward();
        let gradient = weight.grad(&grads).expect("a gradient");
        (y.into_data(), gradient.into_data())
    };
    assert_eq!(gradient(true), gradient(false));
}

/// An expert to which no sample was sent in the first step, and some were in the second.
#[test]
fn an_empty_tensor_says_nothing_of_its_units() {
    let run = Run::new();
    let probe = run.builder().activations(Schedule::Every(1)).start().expect("a probe");
    let mut observer = probe.observe();
    let mut model = Squashed::new(Squash::Relu, 0.0);
    for samples in [0, 5] {
        observer.forward(|| tap("expert", Tensor::<2>::ones([samples, 3], &flex())));
        let grads = TrainStep::step(&model, Tensor::ones([2, 3], &flex())).grads;
        model = observer.step(&mut burn::optim::SgdConfig::new().init(), 0.1, model, grads);
    }
    close(probe);
    let seen = activations(&run);
    let told: Vec<_> = seen.iter().map(|it| (it.step, it.values, it.dead_units)).collect();
    assert_eq!(told, [(1, 15, 0)]);
    assert!(run.alerts().is_empty(), "{:?}", run.alerts());
}

/// Seen through a tap that has no name, beside one that has.
#[derive(Module, Debug)]
struct Nameless {
    inner: Squashed,
}

impl TrainStep for Nameless {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, x: Tensor<2>) -> TrainOutput<RegressionOutput> {
        TrainStep::step(&self.inner, tap("", x))
    }
}

#[test]
fn a_tap_without_a_name_is_told_as_such_beside_the_others() {
    let run = Run::new();
    let probe = run.builder().activations(Schedule::Every(1)).start().expect("a probe");
    let model = probe.watch(Nameless { inner: Squashed::new(Squash::Relu, 0.0) });
    let x = Tensor::from_floats([[-3.0, 3.0]], &flex());
    step(model, &mut burn::optim::SgdConfig::new().init(), 0.1, x);
    close(probe);
    let seen: Vec<_> = activations(&run).into_iter().map(|it| (it.tap, it.min, it.max)).collect();
    assert_eq!(seen, [("squash".to_string(), 0.0, 3.0), ("unnamed".to_string(), -3.0, 3.0)]);
}
