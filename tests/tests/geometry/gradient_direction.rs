//! The gradient as a direction, against closed forms and differences of losses in plain arithmetic.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Distribution, Tensor};
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{Direction, Error, SliceSpec, Study};

use super::models::{ConvNorm, linear, param};
use super::plain::{CONV_BLOCKS, conv_loss, moved, weights};
use super::support::{
    Run, assert_close, batch, device, epoch, largest, training_batch, wave_rows, waves,
};

/// One or two linear layers, or noise; a row is 3 inputs and 3 targets.
#[derive(Module, Debug)]
struct Layers {
    first: Linear,
    second: Option<Linear>,
    noise: Option<Param<Tensor<1>>>,
}

impl Layers {
    fn new() -> Self {
        Self { first: linear(3, 3, 0.1), second: None, noise: None }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let inputs = rows.clone().slice([0..count, 0..3]);
        let targets = rows.slice([0..count, 3..6]);
        let mut found = self.first.forward(inputs);
        if let Some(second) = &self.second {
            found = second.forward(found);
        }
        if self.noise.is_some() && found.device().is_autodiff() {
            found = found.clone() + found.random_like(Distribution::Default);
        }
        let squares = (found.clone() - targets.clone()).powi_scalar(2);
        RegressionOutput::new(squares.sum_dim(1).mean() * 0.5, found, targets)
    }
}

impl TrainStep for Layers {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Layers {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        self.output(rows)
    }
}

/// Batches of 1, 4 and 2 samples.
fn split<const D: usize>(rows: &[[f32; D]]) -> Vec<Tensor<2>> {
    [&rows[..1], &rows[1..5], &rows[5..]].map(training_batch).to_vec()
}

fn rows() -> Vec<[f32; 6]> {
    wave_rows(7, 0.4)
}

/// A study of a model after one epoch, and what it has to say.
fn studied<M, const D: usize, T>(
    run: &Run,
    model: M,
    rows: &[[f32; D]],
    ask: impl FnOnce(&mut Study<'_, M>) -> T,
) -> T
where
    M: TrainStep<Input = Tensor<2>>
        + InferenceStep<Input = Tensor<2>, Output = RegressionOutput>
        + Module,
{
    let probe = run.probe();
    let model = epoch(probe.watch(model), 0.05, 2, &training_batch(rows)).valid();
    let mut study = probe.study(&model, &[batch(rows)]).expect("a study");
    let answer = ask(&mut study);
    study.finish().expect("a landscape");
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
    answer
}

fn values(direction: Direction) -> Vec<f32> {
    match direction {
        Direction::Given(given) => given.values.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn flat(run: &Run, paths: &[&str]) -> Vec<f64> {
    let weights = weights(&run.snapshot(run.snapshots().len() - 1));
    paths.iter().flat_map(|path| weights[*path].clone()).collect()
}

fn assert_all_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let scale = largest(expected);
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_close(f64::from(*found), *expected, scale, &format!("entry {place}"));
    }
}

/// x W + b − y of one row.
fn residual(theta: &[f64], row: &[f32; 6]) -> [f64; 3] {
    std::array::from_fn(|column| {
        let terms = (0..3).map(|i| f64::from(row[i]) * theta[3 * i + column]);
        theta[9 + column] + terms.sum::<f64>() - f64::from(row[3 + column])
    })
}

/// Xᵀ(XW + b − Y)/N, then the mean residual.
fn regression_gradient(theta: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; 12];
    for row in &rows() {
        for (column, residual) in residual(theta, row).into_iter().enumerate() {
            (0..3).for_each(|i| gradient[3 * i + column] += f64::from(row[i]) * residual / 7.0);
            gradient[9 + column] += residual / 7.0;
        }
    }
    gradient
}

#[test]
fn the_gradient_of_a_linear_regression_is_the_closed_form_over_samples() {
    let run = Run::new();
    let [found, plain] = studied(&run, Layers::new(), &rows(), |study| {
        let on_plain_device = [batch(&rows()[..3]), batch(&rows()[3..])];
        [study.gradient(&split(&rows())), study.gradient(&on_plain_device)]
            .map(|found| values(found.expect("a gradient")))
    });
    let expected = regression_gradient(&flat(&run, &["first.weight", "first.bias"]));
    assert_all_close(&found, &expected);
    assert_all_close(&plain, &expected);
}

#[test]
fn the_gradient_of_a_convolution_is_that_of_the_surface_with_stored_statistics_and_no_dropout() {
    let run = Run::new();
    let rows: Vec<[f32; 17]> = wave_rows(7, 1.4);
    let found = studied(&run, ConvNorm::new(), &rows, |study| study.gradient(&split(&rows)));
    let centre = weights(&run.snapshot(run.snapshots().len() - 1));
    let difference = |place: usize| {
        let mut axis = [0.0; 33];
        axis[place] = 1.0;
        let loss = |step: f64| {
            conv_loss(&moved(&centre, &CONV_BLOCKS, [&axis, &axis], [step, 0.0]), &rows)
        };
        (loss(1e-5) - loss(-1e-5)) / 2e-5
    };
    let expected: Vec<f64> = (0..33).map(difference).collect();
    assert_all_close(&values(found.expect("a gradient")), &expected);
}

#[test]
fn frozen_parameters_have_no_gradient() {
    let run = Run::new();
    let mut model = Layers::new();
    model.first.bias = model.first.bias.map(|bias| bias.set_require_grad(false));
    let found = studied(&run, model, &rows(), |study| study.gradient(&split(&rows())));
    let mut expected = regression_gradient(&flat(&run, &["first.weight", "first.bias"]));
    expected[9..].fill(0.0);
    assert_all_close(&values(found.expect("a gradient")), &expected);
}

/// ½‖(x W + b) W + c − y‖², mean over samples.
fn tied_loss(theta: &[f64]) -> f64 {
    let loss = |row: &[f32; 6]| {
        let inner: [f64; 3] = std::array::from_fn(|column| {
            let terms = (0..3).map(|i| f64::from(row[i]) * theta[3 * i + column]);
            theta[9 + column] + terms.sum::<f64>()
        });
        let outer = |column: usize| {
            let terms = (0..3).map(|i| inner[i] * theta[3 * i + column]);
            theta[12 + column] + terms.sum::<f64>() - f64::from(row[3 + column])
        };
        0.5 * (0..3).map(|column| outer(column).powi(2)).sum::<f64>()
    };
    rows().iter().map(loss).sum::<f64>() / 7.0
}

#[test]
fn a_parameter_under_two_names_has_the_gradient_of_both_uses() {
    let run = Run::new();
    let first = linear(3, 3, 0.1);
    let mut second = linear(3, 3, 0.9);
    second.weight = first.weight.clone();
    let model = Layers { first, second: Some(second), noise: None };
    // Without an optimizer step, the two are still equal.
    let probe = run.probe();
    let model = probe.watch(model);
    let model = epoch(model, 0.0, 2, &training_batch(&rows())).valid();
    let study = probe.study(&model, &[batch(&rows())]).expect("a study");
    let found = values(study.gradient(&split(&rows())).expect("a gradient"));
    study.finish().expect("a landscape");
    let theta = flat(&run, &["first.weight", "first.bias", "second.bias"]);
    let difference = |place: usize| {
        let loss = |step: f64| {
            let mut theta = theta.clone();
            theta[place] += step;
            tied_loss(&theta)
        };
        (loss(1e-5) - loss(-1e-5)) / 2e-5
    };
    assert_all_close(&found, &(0..15).map(difference).collect::<Vec<_>>());
}

#[test]
fn a_line_along_the_gradient_rises_with_its_squared_norm() {
    let run = Run::new();
    let (gradient, slice) = studied(&run, Layers::new(), &rows(), |study| {
        let gradient = study.gradient(&split(&rows())).expect("a gradient");
        let spec = SliceSpec::line(gradient.clone()).range(-1.0..=1.0).resolution(3, 1);
        (values(gradient), study.slice(&spec).expect("a slice"))
    });
    let [below, _, above] = *slice.surface.losses() else { panic!("three nodes") };
    let square: f64 = gradient.iter().map(|entry| f64::from(*entry).powi(2)).sum();
    // The loss is quadratic, so the central difference is exact.
    assert_close((above - below) / 2.0, square, above.max(square), "the slope");
    assert_eq!(slice.slice.x.kind, "gradient");
}

#[test]
fn a_model_that_is_random_without_its_flags_has_no_gradient() {
    let run = Run::new();
    let noise = Some(param(waves(1, 0.3), [1], &device()));
    let model = Layers { noise, ..Layers::new() };
    let error = studied(&run, model, &rows(), |study| study.gradient(&split(&rows())));
    assert!(matches!(error, Err(Error::RandomModel { .. })), "{error:?}");
}
