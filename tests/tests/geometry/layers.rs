//! Several quantities at once: each is a layer of the same slice, with its own samples and errors.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::train::RegressionOutput;
use burnscape::{BatchLoss, SliceSpec};

use super::models::{Mlp, height, walk};
use super::plain::{MLP_BLOCKS, mlp_loss, moved, weights};
use super::support::{
    Run, assert_close, assert_names, batch, bits, epoch, largest, training_batch, wave_rows,
};

/// The mean over samples of the first output, which a loss would not show.
fn first_output(output: &RegressionOutput) -> BatchLoss {
    let [samples, _] = output.output.dims();
    BatchLoss { mean: output.output.clone().slice([0..samples, 0..1]).mean(), samples }
}

#[test]
fn a_slice_measures_the_loss_and_a_quantity_on_training_and_on_validation_batches() {
    let run = Run::new();
    let train: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let valid: Vec<[f32; 5]> = wave_rows(5, 2.9);
    let probe = run.probe();
    let mut model = probe.watch(Mlp::new());
    for _ in 0..2 {
        model = epoch(model, 0.05, 2, &training_batch(&train));
    }
    let train_batches = [batch(&train[..4]), batch(&train[4..])];
    let valid_batches: [Tensor<2>; 2] = [batch(&valid[..2]), batch(&valid[2..])];
    let mut study = probe.study(&model.valid(), &train_batches).expect("a study");
    study.measure("first output", first_output);
    study.also_on("valid", &valid_batches).expect("validation batches");
    let slice = study.slice(&SliceSpec::pca()).expect("a slice");
    study.finish().expect("a landscape");

    let told = run.slice("pca");
    let names: Vec<&str> = told.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["first output", "valid loss", "valid first output"]);
    let sizes: Vec<_> = told.layers.iter().map(|layer| (layer.samples, layer.batches)).collect();
    assert_eq!(sizes, [(6, 2), (5, 2), (5, 2)]);
    let last = weights(&run.snapshot(run.snapshots().len() - 1));
    let [_, d1, d2] = run.pca_directions();
    let valid_loss = slice.layer("valid loss").expect("a layer");
    let scale = largest(valid_loss.losses());
    for (node, &loss) in valid_loss.losses().iter().enumerate() {
        let (a, b) = slice.surface.grid().coordinates(node);
        let there = moved(&last, &MLP_BLOCKS, [&d1, &d2], [a, b]);
        assert_close(loss, mlp_loss(&there, &valid), scale, "the validation loss");
    }
    // Half the squared distance from a target and the output itself: both know the mean output.
    let (of_train, of_valid) = (slice.layer("first output"), slice.layer("valid first output"));
    let (of_train, of_valid) = (of_train.expect("a layer"), of_valid.expect("a layer"));
    assert_ne!(bits(of_train.losses()), bits(of_valid.losses()));
    assert!(slice.layer("accuracy").is_none());
    // Two batches give a standard error to every layer.
    for layer in &slice.layers {
        assert!(layer.stderrs().iter().all(|stderr| stderr.is_finite()));
    }
    let at_centre = |layer: &burnscape::geometry::surface::Surface| layer.centre_loss();
    for (layer, record) in slice.layers.iter().zip(&told.layers) {
        assert_eq!(at_centre(layer).expect("a centre"), record.centre, "{}", record.name);
    }
    assert_layers_told(&run, &slice);
}

/// The nodes of all layers are in the trace, bit for bit.
fn assert_layers_told(run: &Run, slice: &burnscape::SliceSurface) {
    let mut told = vec![vec![f64::NAN; slice.surface.grid().len()]; slice.layers.len()];
    for record in run.records() {
        let burnscape::trace::Record::Nodes(tile) = record else { continue };
        assert_eq!(tile.layers.len(), slice.layers.len());
        for (layer, told) in tile.layers.iter().zip(&mut told) {
            for (place, &node) in tile.index.iter().enumerate() {
                told[node as usize] = layer.value[place];
            }
        }
    }
    for (layer, told) in slice.layers.iter().zip(told) {
        assert_eq!(bits(layer.losses()), bits(&told));
    }
}

#[test]
fn a_quantity_without_finite_values_is_stored_beside_a_loss_that_has_them() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &[[3.0, 2.0], [-1.0, 2.0], [1.0, -1.0]]);
    let mut study = probe.study(&walker, &[batch(&[[0.0; 2]])]).expect("a study");
    study.measure("height", height(|point| if point[0] > 1.0 { f32::NAN } else { point[0] }));
    let slice = study.slice(&SliceSpec::pca()).expect("a slice");
    study.finish().expect("a landscape");
    assert!(slice.surface.losses().iter().all(|loss| loss.is_finite()));
    let layer = slice.layer("height").expect("a layer");
    let nan = layer.losses().iter().filter(|value| value.is_nan()).count();
    assert!(nan > 0 && nan < layer.losses().len(), "{:?}", layer.losses());
    assert!(layer.losses().iter().all(|value| value.is_nan() || *value <= 1.0));
}

#[test]
fn a_quantity_that_panics_is_an_error_that_names_it_and_what_was_measured_before_stays() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &[[3.0, 2.0], [-1.0, 2.0], [1.0, -1.0]]);
    let mut study = probe.study(&walker, &[batch(&[[0.0; 2]])]).expect("a study");
    let before = study.slice(&SliceSpec::pca()).expect("a slice");
    study.measure("picky", |output| {
        let point: Vec<f32> = output.output.clone().into_data().try_to_vec().expect("f32");
        assert!(point[0] < 2.0, "the point is out of bounds");
        BatchLoss { mean: output.loss.clone(), samples: 1 }
    });
    let error = study.slice(&SliceSpec::pca().name("second")).expect_err("a panic");
    assert_names(&error.to_string(), &["`picky`", "out of bounds"]);
    // The study goes on: the same slice without the nodes that panic.
    let near = SliceSpec::pca().name("third").range(-0.5..=0.5);
    study.slice(&near).expect("a slice that stays in bounds");
    study.finish().expect("a landscape");
    assert_eq!(bits(&run.losses("pca")), bits(before.surface.losses()));
    assert_eq!(run.losses("third").len(), 15);
    assert_eq!(run.end(), "finished");
}

#[test]
fn every_layer_of_an_adaptive_slice_is_told_how_far_interpolation_is_off() {
    let run = Run::new();
    let probe = run.builder().resolution(21, 21).start().expect("a probe");
    let walker = walk(&probe, &[[8.0, 4.0], [2.0, 1.0], [1.0, 3.0]]);
    let mut study = probe.study(&walker, &[batch(&[[0.0; 2]])]).expect("a study");
    study.measure("cliff", height(|point| if point[0] > 1.1 { 1.0 } else { 0.0 }));
    let slice = study.slice(&SliceSpec::random().adaptive(0.01)).expect("a slice");
    study.finish().expect("a landscape");
    assert!(slice.surface.counts().interpolated > 0);
    assert_eq!(slice.layers[0].range(), Some(1.0));
    let checks = run.checks();
    let find = |name: &str| checks.iter().find(|it| it.name == name).expect("a check");
    // The rounds interpolate a quadratic without error, and cannot follow a step.
    let (loss, cliff) = (find("adaptive-error"), find("adaptive-error of cliff"));
    assert_eq!((loss.slice, cliff.slice), (Some(0), Some(0)));
    assert!(loss.passed && !cliff.passed, "{loss:?} {cliff:?}");
    let nodes = format!("{} nodes of `cliff`", slice.surface.counts().interpolated);
    assert_names(&cliff.detail, &[&nodes, "0.01000 were asked for, 1.0 % of the range"]);
}
