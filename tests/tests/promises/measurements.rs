//! What is recorded per step, against closed forms.

use burn::module::{Module, Param};
use burn::optim::{AdamConfig, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Tensor};
use burn::train::TrainStep;
use burnscape::trace::{Record, Step};
use burnscape::{Probe, Watched};
use tempfile::tempdir;

use super::support::{Bowl, head, origin, records, steps, train};

fn device() -> Device {
    Device::flex().autodiff()
}

/// One hand-written training step.
fn step<M: TrainStep<Input = Tensor<2>> + Module>(
    model: Watched<M>,
    optim: &mut ModuleOptimizer,
    lr: f64,
    samples: Tensor<2>,
) -> Watched<M> {
    let output = TrainStep::step(&model, samples);
    model.optimize(optim, lr.into(), output.grads)
}

/// Trains a bowl for some steps with everything recorded at every step.
fn record_bowl(optim: &mut ModuleOptimizer, lr: f64, count: usize) -> (Vec<Step>, Vec<f32>) {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).weight_norms_every(1).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&[3.0, 4.0], &[12.0, 0.0, 0.0], &device()));
    for _ in 0..count {
        model = step(model, optim, lr, origin(5, &device()));
    }
    let values = model.values();
    assert_eq!(probe.close().expect("closed").problems(), [] as [String; 0]);
    (steps(&records(&run)), values)
}

fn close(found: f32, expected: f64) {
    let error = (f64::from(found) - expected).abs();
    assert!(error <= 1e-6 * expected.abs().max(1e-30), "{found} instead of {expected}");
}

#[test]
fn the_gradient_of_half_the_squared_norm_has_the_norm_of_the_parameters() {
    let mut sgd = SgdConfig::new().init();
    let (steps, _) = record_bowl(&mut sgd, 0.0, 1);
    // ‖(3, 4)‖ = 5 and ‖(12, 0, 0)‖ = 12; together 13: squares of blocks add up.
    let grad = &steps[0].columns["grad_norm"];
    close(grad[0], 5.0);
    close(grad[1], 12.0);
    let global = grad.iter().map(|norm| norm * norm).sum::<f32>().sqrt();
    close(global, 13.0);
    close(steps[0].columns["weight_norm"][0], 5.0);
    // L = ½·13² at the origin.
    assert_eq!(steps[0].loss, Some(84.5));
}

#[test]
fn a_step_of_gradient_descent_has_the_length_lr_times_the_gradient() {
    let mut sgd = SgdConfig::new().init();
    let (steps, values) = record_bowl(&mut sgd, 0.25, 3);
    for (number, step) in steps.iter().enumerate() {
        // θ shrinks by 1 − lr at every step.
        let shrunk = 0.75_f64.powi(number as i32);
        close(step.columns["grad_norm"][1], 12.0 * shrunk);
        close(step.columns["update_norm"][1], 0.25 * 12.0 * shrunk);
        assert_eq!(step.lr, 0.25);
        assert_eq!(step.step, number as u64);
        assert_eq!(step.batches, number as u64 + 1);
    }
    close(values[2], 12.0 * 0.75_f64.powi(3));
}

#[test]
fn the_first_step_of_adam_moves_every_parameter_with_a_gradient_by_lr() {
    let mut adam = AdamConfig::new().with_epsilon(1e-20).init();
    let (steps, _) = record_bowl(&mut adam, 0.1, 1);
    // (3, 4): two gradients that are not zero. (12, 0, 0): one. The weights themselves are only
    // known to the spacing of f32 at 12, and so are their differences.
    let update = &steps[0].columns["update_norm"];
    let spacing = 12.0 * f32::EPSILON;
    assert!((update[0] - 0.1 * 2.0_f32.sqrt()).abs() <= spacing, "{update:?}");
    assert!((update[1] - 0.1).abs() <= spacing, "{update:?}");
}

#[test]
fn weight_norms_come_at_every_twentieth_step_unless_asked_for() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&[1.0], &[1.0], &device()));
    let mut sgd = SgdConfig::new().init();
    for _ in 0..41 {
        model = step(model, &mut sgd, 0.1, origin(2, &device()));
    }
    probe.close().expect("closed");
    let steps = steps(&records(&run));
    let with_weights = steps.iter().filter(|it| it.columns.contains_key("weight_norm"));
    let with_weights: Vec<u64> = with_weights.map(|it| it.step).collect();
    assert_eq!(with_weights, [0, 20, 40]);
    assert!(steps.iter().all(|it| it.columns.contains_key("grad_norm")));
}

/// Gradients so large or small that their squares leave the range of f32.
#[test]
fn norms_are_right_where_squares_overflow_and_underflow() {
    for size in [1e25_f32, 1e-25] {
        let dir = tempdir().expect("a folder");
        let run = dir.path().join("run");
        let probe = Probe::builder(&run).start().expect("a probe");
        let model = probe.watch(Scaled::new(size, &device()));
        step(model, &mut SgdConfig::new().init(), 0.0, origin(4, &device()));
        probe.close().expect("closed");
        let steps = steps(&records(&run));
        // L = Σ size·θᵢ over four parameters: every gradient is `size`, the norm twice that.
        close(steps[0].columns["grad_norm"][0], 2.0 * f64::from(size));
    }
}

#[test]
fn a_gradient_that_is_not_a_number_is_recorded_as_such_and_a_missing_one_is_told_apart() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).start().expect("a probe");
    let mut bowl = Bowl::at(&[1.0], &[2.0], &device());
    bowl.right = bowl.right.set_require_grad(false);
    let model = probe.watch(bowl);
    let samples = Tensor::from_floats([[f32::NAN, 0.0]], &device());
    step(model, &mut SgdConfig::new().init(), 0.1, samples);
    probe.close().expect("closed");
    let records = records(&run);
    let step = &steps(&records)[0];
    assert!(step.columns["grad_norm"][0].is_nan());
    assert_eq!(step.missing.0, [1]);
    assert!(step.loss.expect("a loss").is_nan());
    let frozen: Vec<bool> = head(&records).blocks.iter().map(|block| block.frozen).collect();
    assert_eq!(frozen, [false, true]);
}

#[test]
fn the_loss_of_a_step_is_the_mean_over_its_batches() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).start().expect("a probe");
    let model = probe.watch(Bowl::at(&[2.0], &[0.0], &device()));
    // ½(2 − 0)² = 2 and ½(2 − 4)² = 2, then ½(2 − 6)² = 8: the mean of the three is 4.
    let samples = [0.0, 4.0, 6.0].map(|x| Tensor::<2>::from_floats([[x, 0.0]], &device()));
    let outputs = samples.map(|it| TrainStep::step(&model, it));
    let [_, _, last] = outputs;
    model.optimize(&mut SgdConfig::new().init(), 0.1.into(), last.grads);
    probe.close().expect("closed");
    let step = &steps(&records(&run))[0];
    assert_eq!(step.accumulated, 3);
    assert_eq!(step.loss, Some(4.0));
}

/// The norms of all steps of a trainee run.
fn trained_norms(arguments: &[&str]) -> Vec<Vec<f32>> {
    let dir = tempdir().expect("a folder");
    let watch = ["--model", "nested", "--watch", "default"];
    train(dir.path(), &[&watch[..], arguments].concat());
    let steps = steps(&records(&dir.path().join("run")));
    let columns = steps.into_iter().flat_map(|step| step.columns.into_values());
    columns.map(|column| column.0).collect()
}

fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    for (found, expected) in
        pairs.filter(|(found, expected)| !(found.is_nan() && expected.is_nan()))
    {
        assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found} {expected}");
    }
}

#[test]
fn norms_left_on_the_device_are_those_read_at_once() {
    assert_close(&trained_norms(&["--deferred"]), &trained_norms(&[]));
}

#[test]
#[cfg_attr(
    not(feature = "ndarray"),
    ignore = "a second backend: `--features burnscape-tests/ndarray`"
)]
fn a_sharded_optimizer_receives_the_sum_over_devices() {
    // Both strategies start from the same weights and batches: their first gradients are equal.
    let first = |arguments: &[&str]| trained_norms(arguments).swap_remove(0);
    let main = first(&["--two-devices"]);
    let sharded = first(&["--two-devices", "--sharded"]);
    assert_close(&[sharded], &[main]);
}

/// Each of two devices runs a batch of its own in every step; both pass the tap, and count as one observation.
#[test]
#[cfg_attr(
    not(feature = "ndarray"),
    ignore = "a second backend: `--features burnscape-tests/ndarray`"
)]
fn taps_are_heard_in_the_workers_of_several_devices() {
    let dir = tempdir().expect("a folder");
    train(dir.path(), &["--model", "mlp", "--watch", "busiest", "--two-devices"]);
    let records = records(&dir.path().join("run"));
    let seen: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Activation(seen) if seen.tap == "hidden.0.relu" => Some(seen),
            _ => None,
        })
        .collect();
    let steps = steps(&records);
    assert_eq!(seen.len(), steps.len());
    for (seen, step) in seen.iter().zip(&steps) {
        assert_eq!((seen.step, seen.calls), (step.step, step.accumulated));
    }
    assert!(steps.iter().any(|step| step.accumulated == 2), "two devices took part");
}

/// L = size·Σθ.
#[derive(Module, Debug)]
struct Scaled {
    weights: Param<Tensor<1>>,
    size: f32,
}

impl Scaled {
    fn new(size: f32, device: &Device) -> Self {
        let weights = Param::from_tensor(Tensor::from_floats([1.0, 1.0, 1.0, 1.0], device));
        Self { weights, size }
    }
}

impl TrainStep for Scaled {
    type Input = Tensor<2>;
    type Output = burn::train::RegressionOutput;

    fn step(&self, samples: Tensor<2>) -> burn::train::TrainOutput<Self::Output> {
        let loss = self.weights.val().sum().mul_scalar(self.size);
        let output = burn::train::RegressionOutput::new(loss, samples.clone(), samples);
        burn::train::TrainOutput::new(self, output.loss.backward(), output)
    }
}
