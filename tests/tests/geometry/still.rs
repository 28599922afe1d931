//! What does not move: biases, norm parameters and frozen blocks in the random plane, frozen blocks
//! in the PCA plane, buffers nowhere.

use std::ops::Range;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::tensor::Tensor;
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};

use super::models::{height, linear};
use super::support::{Run, batch, bits, device, epoch, training_batch, wave_rows};

/// linear → BatchNorm → frozen linear. For inference it shows its own numbers instead of a result,
/// so that a loss can be any function of any of them.
#[derive(Module, Debug)]
struct Parts {
    first: Linear,
    norm: BatchNorm,
    frozen: Linear,
}

/// Where the numbers of [`Parts`] stand in its output.
const WEIGHT: Range<usize> = 0..4;
const BIAS: Range<usize> = 4..6;
const NORM: Range<usize> = 6..10;
const FROZEN: Range<usize> = 10..16;
const BUFFERS: Range<usize> = 16..20;

impl Parts {
    fn new() -> Self {
        Self {
            first: linear(2, 2, 0.3),
            norm: BatchNormConfig::new(2).init(&device()),
            frozen: linear(2, 2, 1.3).no_grad(),
        }
    }

    fn numbers(&self) -> Tensor<2> {
        let bias = |layer: &Linear| layer.bias.as_ref().expect("a bias").val();
        let numbers = Tensor::cat(
            vec![
                self.first.weight.val().reshape([4]),
                bias(&self.first),
                self.norm.gamma.val(),
                self.norm.beta.val(),
                self.frozen.weight.val().reshape([4]),
                bias(&self.frozen),
                self.norm.running_mean.value(),
                self.norm.running_var.value(),
            ],
            0,
        );
        numbers.reshape([1, 20])
    }
}

impl TrainStep for Parts {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let [count, _] = rows.dims();
        let features = self.first.forward(rows.clone()).reshape([count, 2, 1]);
        let features = self.norm.forward(features).reshape([count, 2]);
        let found = self.frozen.forward(features);
        let loss = (found.clone() - rows.clone()).powi_scalar(2).mean();
        let output = RegressionOutput::new(loss, found, rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Parts {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        let numbers = self.numbers();
        RegressionOutput::new(numbers.clone().mean(), numbers, rows)
    }
}

/// Trains, then measures a loss that sees the numbers in `columns` and no others.
fn seen(columns: Range<usize>) -> Run {
    let run = Run::new();
    let probe = run.probe();
    let mut model = probe.watch(Parts::new());
    let rows: Vec<[f32; 2]> = wave_rows(5, 0.6);
    for _ in 0..3 {
        model = epoch(model, 0.1, 2, &training_batch(&rows));
    }
    // Powers of two: no two numbers can cancel.
    let weigh = move |numbers: &[f32]| {
        let seen = numbers[columns.clone()].iter().enumerate();
        seen.map(|(place, number)| number * 2_f32.powi(place as i32)).sum()
    };
    let landscape = probe.finish_with(&model.valid(), &[batch(&rows)], height(weigh));
    landscape.expect("a landscape");
    run
}

fn is_flat(run: &Run, slice: &str) -> bool {
    let losses = bits(&run.losses(slice));
    losses.iter().all(|loss| *loss == losses[0])
}

#[test]
fn weights_move_in_both_planes() {
    let run = seen(WEIGHT);
    assert!(!is_flat(&run, "pca") && !is_flat(&run, "random"));
}

#[test]
fn biases_do_not_move_in_the_random_plane() {
    let run = seen(BIAS);
    assert!(is_flat(&run, "random"));
    let slice = run.slice("random");
    assert_eq!(slice.biases, "ignored");
    assert_eq!(slice.normalisation, "filter");
}

#[test]
fn norm_parameters_move_in_the_pca_plane_and_not_in_the_random_one() {
    let run = seen(NORM);
    assert!(!is_flat(&run, "pca"));
    assert!(is_flat(&run, "random"));
}

#[test]
fn frozen_blocks_move_in_no_plane() {
    let run = seen(FROZEN);
    assert!(is_flat(&run, "pca") && is_flat(&run, "random"));
    // 4 + 2 + 2 + 2 entries come before the frozen ones.
    let [_, d1, d2] = run.pca_directions();
    assert_eq!((d1.len(), d2.len()), (16, 16), "buffers are no part of a direction");
    assert_eq!(&d1[10..], [0.0; 6]);
    assert_eq!(&d2[10..], [0.0; 6]);
}

#[test]
fn buffers_move_in_no_plane_though_training_moved_them() {
    let run = seen(BUFFERS);
    assert!(is_flat(&run, "pca") && is_flat(&run, "random"));
    let last = run.snapshot(run.snapshots().len() - 1);
    assert_ne!(last["norm.running_mean"].1, run.snapshot(0)["norm.running_mean"].1);
}

#[test]
fn the_shares_of_a_direction_tell_which_blocks_it_moves() {
    let run = seen(WEIGHT);
    let paths: Vec<String> = run.head().blocks.into_iter().map(|block| block.path).collect();
    let expected =
        ["first.weight", "first.bias", "norm.gamma", "norm.beta", "frozen.weight", "frozen.bias"];
    assert_eq!(paths, expected);
    for shares in run.slice("random").shares {
        assert_eq!(shares.0, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
    for shares in run.slice("pca").shares {
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(shares[4..], [0.0, 0.0]);
    }
    let buffers: Vec<String> = run.head().buffers.into_iter().map(|it| it.path).collect();
    assert_eq!(buffers, ["norm.running_mean", "norm.running_var"]);
}
