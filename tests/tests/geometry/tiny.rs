//! The smallest models: one weight and one bias, or nothing that a random direction could move.

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::tensor::Tensor;
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{Direction, Error, SliceSpec};

use super::models::linear;
use super::support::{
    Run, assert_close, assert_names, batch, device, epoch, training_batch, wave_rows,
};

/// w·x + b; a row is x and a target.
#[derive(Module, Debug)]
struct Straight {
    line: Linear,
}

impl Straight {
    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let found = self.line.forward(rows.clone().slice([0..count, 0..1]));
        let targets = rows.slice([0..count, 1..2]);
        let loss = (found.clone() - targets.clone()).powi_scalar(2).mean();
        RegressionOutput::new(loss, found, targets)
    }
}

impl TrainStep for Straight {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Straight {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        self.output(rows)
    }
}

#[test]
fn where_random_directions_are_parallel_a_line_is_drawn_and_that_is_said() {
    let run = Run::new();
    let rows = [[0.5, 1.0], [-1.0, 0.25], [2.0, -0.75]];
    let probe = run.probe();
    let mut model = probe.watch(Straight { line: linear(1, 1, 0.3) });
    for _ in 0..3 {
        model = epoch(model, 0.05, 1, &training_batch(&rows));
    }
    probe.finish(&model.valid(), &[batch(&rows)]).expect("a landscape");
    let slice = run.slice("random");
    assert_eq!(slice.y, None);
    assert_names(&run.notes().join("\n"), &["`random` is a line", "`random 1`", "parallel"]);
    // Of the only weight every direction is w or −w, and the bias stays: at α the weight is w·(1 ± α).
    let last = run.snapshot(run.snapshots().len() - 1);
    let (weight, bias) = (last["line.weight"].1[0], last["line.bias"].1[0]);
    let loss = |factor: f64| {
        let square = |[x, y]: [f32; 2]| {
            (factor * f64::from(weight) * f64::from(x) + f64::from(bias - y)).powi(2)
        };
        rows.into_iter().map(square).sum::<f64>() / 3.0
    };
    let found = run.told_losses("random");
    let ends = [found[0], found[found.len() - 1]];
    let sum = loss(0.0) + loss(2.0);
    assert_close(ends[0] + ends[1], sum, sum, "both ends");
    assert_close(ends[0].min(ends[1]), loss(0.0).min(loss(2.0)), sum, "the lower end");
}

/// A frozen linear layer behind a BatchNorm, whose statistics move.
#[derive(Module, Debug)]
struct Still {
    norm: BatchNorm,
    frozen: Linear,
}

impl Still {
    fn new() -> Self {
        let norm = BatchNormConfig::new(2).init(&device());
        Self { norm, frozen: linear(2, 2, 1.3).no_grad() }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let features = self.norm.forward(rows.clone().reshape([count, 2, 1]));
        let found = self.frozen.forward(features.reshape([count, 2]));
        let loss = (found.clone() - rows.clone()).powi_scalar(2).mean();
        RegressionOutput::new(loss, found, rows)
    }
}

impl TrainStep for Still {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Still {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        self.output(rows)
    }
}

#[test]
fn a_model_in_which_nothing_moves_has_no_slice_and_is_told_how_to_get_one() {
    let run = Run::new();
    let rows: Vec<[f32; 2]> = wave_rows(5, 0.6);
    let probe = run.probe();
    let model = epoch(probe.watch(Still::new()), 0.0, 2, &training_batch(&rows)).valid();
    let mut study = probe.study(&model, &[batch(&rows)]).expect("a study");
    let error = study.slice(&SliceSpec::random()).expect_err("nothing moves");
    assert!(matches!(error, Error::ZeroDirection { .. }), "{error}");
    assert_names(&error.to_string(), &["`random 1`", "frozen", "move_frozen(true)"]);
    let error = study.default_slices().expect_err("nothing moves");
    assert!(matches!(error, Error::NothingMoves { .. }), "{error}");
    let folder = run.path();
    assert_names(&error.to_string(), &[folder.to_str().expect("UTF-8"), "move_frozen(true)"]);
    let line = SliceSpec::line(Direction::random()).move_frozen(true).name("moved");
    study.slice(&line).expect("a line");
    study.finish().expect("a landscape");
    assert_eq!(run.told_losses("moved").len(), 5);
    assert_eq!(run.end(), "finished");
}
