//! The mean is over samples, whatever batches they come in, and its standard error says how sure it
//! is.

use burn::module::Module;
use burn::tensor::Tensor;
use burnscape::{Batches, BatchesFrom};

use super::models::{Mlp, Walker, height, walk};
use super::support::{Run, assert_close, batch, bits, epoch, largest, training_batch, wave_rows};

/// Ten samples: four at 2, four at 4, two at 0.
const SAMPLES: [[f32; 2]; 10] = [
    [2.0, 0.0],
    [2.0, 0.0],
    [2.0, 0.0],
    [2.0, 0.0],
    [4.0, 0.0],
    [4.0, 0.0],
    [4.0, 0.0],
    [4.0, 0.0],
    [0.0, 0.0],
    [0.0, 0.0],
];

const PATH: [[f32; 2]; 4] = [[3.0, 2.0], [-1.0, 2.0], [1.0, -1.0], [0.0, 0.0]];

fn fours() -> Vec<Tensor<2>> {
    SAMPLES.chunks(4).map(batch).collect()
}

fn finished<B: Batches<Tensor<2>>>(batches: &B) -> Run {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    probe.finish(&walker, batches).expect("a landscape");
    run
}

#[test]
fn ten_samples_in_batches_of_four_give_the_loss_of_all_ten() {
    let in_fours = finished(&fours());
    let at_once = finished(&[batch(&SAMPLES)]);
    // ½θ² shifted: at the centre (0, 0) it is ½(4·4 + 4·16 + 2·0)/10 = 4; batches weighted equally
    // would give ½(4 + 16 + 0)/3.
    assert_eq!(in_fours.slice("pca").centre_loss, 4.0);
    let (found, expected) = (in_fours.losses("pca"), at_once.losses("pca"));
    for (one, other) in found.iter().zip(&expected) {
        assert_close(*one, *other, largest(&found), "the loss of a node");
    }
    let sizes = |slice: burnscape::trace::Slice| (slice.samples, slice.batches);
    assert_eq!(sizes(in_fours.slice("pca")), (10, 3));
    assert_eq!(sizes(at_once.slice("pca")), (10, 1));
}

/// Mean and standard error at a point, by the definition: √(Σ n(m − mean)²/(B − 1)/N).
fn by_hand(x: f64, y: f64) -> (f64, f64) {
    let half = |centre: f64| 0.5 * ((x - centre).powi(2) + y * y);
    let batches = [(4.0, half(2.0)), (4.0, half(4.0)), (2.0, half(0.0))];
    let mean = batches.iter().map(|(n, m)| n * m).sum::<f64>() / 10.0;
    let squares: f64 = batches.iter().map(|(n, m)| n * (m - mean) * (m - mean)).sum();
    (mean, (squares / 2.0 / 10.0).sqrt())
}

#[test]
fn every_node_has_the_weighted_standard_error_of_its_batches() {
    let run = finished(&fours());
    let [_, d1, d2] = run.pca_directions();
    for node in run.nodes("pca") {
        let at =
            |place: usize| node.alpha * f64::from(d1[place]) + node.beta * f64::from(d2[place]);
        let (mean, stderr) = by_hand(at(0), at(1));
        assert_close(node.loss, mean, mean, "the mean");
        assert_close(node.stderr, stderr, mean, "the standard error");
    }
    // At (0, 0): batch means 2, 8, 0 about 4, so [4·4 + 4·16 + 2·16]/2 = 56, and √5.6.
    let nodes = run.nodes("pca");
    let centre = nodes.iter().find(|node| node.alpha == 0.0 && node.beta == 0.0);
    assert_close(centre.expect("a centre").stderr, 5.6_f64.sqrt(), 2.4, "√5.6");
}

#[test]
fn with_one_batch_the_standard_error_is_unknown_and_not_zero() {
    let run = finished(&[batch(&SAMPLES)]);
    assert!(run.nodes("pca").iter().all(|node| node.stderr.is_nan()));
}

#[test]
fn vectors_arrays_slices_and_functions_of_batches_give_the_same_surface() {
    let vector = finished(&fours());
    let array: [Tensor<2>; 3] = fours().try_into().expect("three batches");
    let array = finished(&array);
    let function = finished(&BatchesFrom(fours));
    let slice = {
        let run = Run::new();
        let probe = run.probe();
        let walker = walk(&probe, &PATH);
        probe.finish(&walker, &fours()[..]).expect("a landscape");
        run
    };
    let expected = bits(&vector.losses("pca"));
    for other in [&array, &function, &slice] {
        assert_eq!(bits(&other.losses("pca")), expected);
    }
}

#[test]
fn a_loss_of_the_users_own_is_weighted_by_the_samples_it_names() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let batches = [batch(&SAMPLES[..1]), batch(&SAMPLES[..3])];
    let loss = |output: &burn::train::RegressionOutput| {
        let [samples, _] = output.targets.dims();
        // Loss 1 in the batch of one sample, 5 in the batch of three: (1·1 + 3·5)/4 = 4.
        height(move |_| [1.0, 5.0][usize::from(samples == 3)])(output)
    };
    probe.finish_with(&walker, &batches, loss).expect("a landscape");
    assert!(run.losses("pca").iter().all(|loss| *loss == 4.0));
    assert_eq!(run.slice("pca").samples, 4);
}

#[test]
fn a_loss_of_several_numbers_is_averaged() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let loss = |output: &burn::train::RegressionOutput| burnscape::BatchLoss {
        mean: Tensor::from_floats([1.0, 2.0, 6.0], &output.output.device()),
        samples: 3,
    };
    probe.finish_with(&walker, &[batch(&SAMPLES)], loss).expect("a landscape");
    assert!(run.losses("pca").iter().all(|loss| *loss == 3.0));
}

#[test]
fn evaluating_leaves_the_model_bit_for_bit_as_it_was() {
    let run = Run::new();
    let rows: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let probe = run.probe();
    let model = epoch(probe.watch(Mlp::new()), 0.05, 2, &training_batch(&rows)).valid();
    let output = |it: &burnscape::Watched<Mlp>| {
        let output = burn::train::InferenceStep::step(it.inner(), batch(&rows));
        output.output.into_data()
    };
    let before = output(&model);
    probe.finish(&model, &[batch(&rows)]).expect("a landscape");
    assert_eq!(output(&model), before);
}

#[test]
fn a_walkers_own_loss_is_its_distance_from_the_samples() {
    // The ground that the other tests stand on: ½(3² + 4²) = 12.5.
    let walker = Walker::at(&[3.0, 4.0]);
    let output = burn::train::TrainStep::step(&walker, training_batch(&[[0.0, 0.0]]));
    assert_eq!(output.item.loss.into_scalar::<f32>(), 12.5);
}
