//! Surfaces of small networks, recomputed by hand-written weight arithmetic at every node.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::train::{InferenceStep, RegressionOutput, TrainStep};
use burnscape::geometry::direction::{DirectionOptions, random};
use burnscape::geometry::layout::{Block, Layout};

use super::models::{ConvNorm, Mlp};
use super::plain::{self, CONV_BLOCKS, MLP_BLOCKS, Weights, conv_loss, mlp_loss, moved, weights};
use super::support::{Run, assert_close, batch, epoch, largest, training_batch, wave_rows};

/// Trains three epochs on `rows` and evaluates both planes on them.
fn finished<M, const D: usize>(model: M, rows: &[[f32; D]]) -> Run
where
    M: TrainStep<Input = Tensor<2>>
        + InferenceStep<Input = Tensor<2>, Output = RegressionOutput>
        + Module,
{
    let run = Run::new();
    let probe = run.probe();
    let mut model = probe.watch(model);
    for _ in 0..3 {
        model = epoch(model, 0.05, 3, &training_batch(rows));
    }
    let landscape = probe.finish(&model.valid(), &[batch(rows)]).expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    run
}

fn mlp_rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.4)
}

fn conv_rows() -> Vec<[f32; 17]> {
    wave_rows(5, 1.4)
}

fn mlp() -> Run {
    finished(Mlp::new(), &mlp_rows())
}

fn conv() -> Run {
    finished(ConvNorm::new(), &conv_rows())
}

fn last(run: &Run) -> Weights {
    weights(&run.snapshot(run.snapshots().len() - 1))
}

fn assert_nodes(
    run: &Run,
    slice: &str,
    blocks: &[plain::Block],
    directions: [&[f32]; 2],
    loss: impl Fn(&Weights) -> f64,
) {
    let centre = last(run);
    let scale = largest(&run.losses(slice));
    for node in run.nodes(slice) {
        let there = moved(&centre, blocks, directions, [node.alpha, node.beta]);
        let what = format!("{slice} at ({}, {})", node.alpha, node.beta);
        assert_close(node.loss, loss(&there), scale, &what);
    }
}

fn drawn(run: &Run, blocks: Vec<Block>) -> [Vec<f32>; 2] {
    let layout = Layout::new(blocks).expect("a layout");
    let [centre, ..] = run.pca_directions();
    let options = DirectionOptions::default();
    let draw = |seed| random(&layout, &centre, seed, &options).expect("a direction");
    run.seeds().map(draw)
}

fn mlp_layout() -> Vec<Block> {
    vec![
        Block::new("hidden.weight", "Linear", &[3, 4], Some(4)),
        Block::new("hidden.bias", "Linear", &[4], Some(4)),
        Block::new("output.weight", "Linear", &[4, 2], Some(2)),
        Block::new("output.bias", "Linear", &[2], Some(2)),
    ]
}

fn conv_layout() -> Vec<Block> {
    vec![
        Block::new("conv.weight", "Conv2d", &[2, 1, 3, 3], Some(2)),
        Block::new("conv.bias", "Conv2d", &[2], Some(2)),
        Block::new("norm.gamma", "BatchNorm", &[2], None),
        Block::new("norm.beta", "BatchNorm", &[2], None),
        Block::new("output.weight", "Linear", &[8, 1], Some(1)),
        Block::new("output.bias", "Linear", &[1], Some(1)),
    ]
}

#[test]
fn the_pca_surface_of_a_perceptron_is_its_loss_at_the_moved_weights() {
    let run = mlp();
    let [_, d1, d2] = run.pca_directions();
    let loss = |weights: &Weights| mlp_loss(weights, &mlp_rows());
    assert_nodes(&run, "pca", &MLP_BLOCKS, [&d1, &d2], loss);
}

#[test]
fn the_random_surface_of_a_perceptron_is_its_loss_at_the_moved_weights() {
    let run = mlp();
    let [d1, d2] = drawn(&run, mlp_layout());
    let loss = |weights: &Weights| mlp_loss(weights, &mlp_rows());
    assert_nodes(&run, "random", &MLP_BLOCKS, [&d1, &d2], loss);
}

#[test]
fn the_pca_surface_of_a_convolution_uses_the_stored_statistics_and_no_dropout() {
    let run = conv();
    let [_, d1, d2] = run.pca_directions();
    let loss = |weights: &Weights| conv_loss(weights, &conv_rows());
    assert_nodes(&run, "pca", &CONV_BLOCKS, [&d1, &d2], loss);
    assert_eq!(run.slice("pca").batchnorm, "centre");
}

#[test]
fn the_random_surface_of_a_convolution_uses_the_stored_statistics_and_no_dropout() {
    let run = conv();
    let [d1, d2] = drawn(&run, conv_layout());
    let loss = |weights: &Weights| conv_loss(weights, &conv_rows());
    assert_nodes(&run, "random", &CONV_BLOCKS, [&d1, &d2], loss);
    assert_eq!(run.slice("random").batchnorm, "centre");
    assert_eq!(mlp().slice("random").batchnorm, "none");
}

/// Euclidean norm of the entries `offset + stride·k`, k < count.
fn norm(values: &[f32], offset: usize, stride: usize, count: usize) -> f64 {
    let squares = (0..count).map(|k| f64::from(values[offset + stride * k]).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn filters_of_the_random_plane_have_the_norms_of_the_models_filters() {
    let run = conv();
    let [centre, ..] = run.pca_directions();
    for direction in drawn(&run, conv_layout()) {
        for channel in 0..2 {
            // An output channel of the convolution: nine neighbouring entries.
            let own = norm(&centre, channel * 9, 1, 9);
            assert_close(norm(&direction, channel * 9, 1, 9), own, own, "a kernel");
        }
        // The only column of the linear layer begins behind 18 + 2 + 2 + 2 entries.
        let own = norm(&centre, 24, 1, 8);
        assert_close(norm(&direction, 24, 1, 8), own, own, "a column");
    }
    let run = mlp();
    let [centre, ..] = run.pca_directions();
    for direction in drawn(&run, mlp_layout()) {
        for column in 0..4 {
            // [3, 4] row by row: a column is every fourth entry.
            let own = norm(&centre, column, 4, 3);
            assert_close(norm(&direction, column, 4, 3), own, own, "a column");
        }
    }
}

#[test]
fn the_lengths_of_random_directions_are_told_in_the_trace() {
    let run = mlp();
    let slice = run.slice("random");
    let [d1, d2] = drawn(&run, mlp_layout());
    let lengths = [&d1, &d2].map(|d| norm(d, 0, 1, d.len()));
    assert_close(slice.x.direction_norm, lengths[0], lengths[0], "‖d₁‖");
    assert_close(slice.y.expect("a plane").direction_norm, lengths[1], lengths[1], "‖d₂‖");
    let product: f64 = d1.iter().zip(&d2).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let cosine = product / lengths[0] / lengths[1];
    assert_close(slice.cosine.expect("a cosine"), cosine, 1.0, "the cosine");
}

#[test]
fn true_losses_use_the_statistics_of_each_snapshot_and_losses_on_the_plane_those_of_the_centre() {
    let run = conv();
    let rows = conv_rows();
    let centre = last(&run);
    let directions = run.pca_directions();
    let trajectory = run.trajectory("pca");
    assert_eq!(trajectory.snapshots.len(), 4);
    for (place, &snapshot) in trajectory.snapshots.iter().enumerate() {
        let own = conv_loss(&weights(&run.snapshot(snapshot as usize)), &rows);
        assert_close(trajectory.loss[place], own, own, "the true loss");
        let at = [trajectory.x[place], trajectory.y[place]];
        let there = moved(&centre, &CONV_BLOCKS, [&directions[1], &directions[2]], at);
        let on_plane = conv_loss(&there, &rows);
        assert_close(trajectory.loss_on_plane[place], on_plane, on_plane, "the loss on the plane");
    }
}

#[test]
fn losses_on_the_random_plane_are_those_at_the_projections_onto_it() {
    let run = mlp();
    let rows = mlp_rows();
    let [d1, d2] = drawn(&run, mlp_layout());
    let trajectory = run.trajectory("random");
    for (place, &snapshot) in trajectory.snapshots.iter().enumerate() {
        let own = mlp_loss(&weights(&run.snapshot(snapshot as usize)), &rows);
        assert_close(trajectory.loss[place], own, own, "the true loss");
        let at = [trajectory.x[place], trajectory.y[place]];
        let on_plane = mlp_loss(&moved(&last(&run), &MLP_BLOCKS, [&d1, &d2], at), &rows);
        assert_close(trajectory.loss_on_plane[place], on_plane, on_plane, "the loss on the plane");
    }
}
