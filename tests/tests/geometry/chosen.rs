//! Blocks chosen by patterns: what was not chosen is neither recorded nor moved, to the bit.

use std::sync::Mutex;

use burn::module::{Lora, Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::train::{InferenceStep, RegressionOutput};
use burnscape::{
    BatchLoss, Direction, Error, Point, Probe, Run as Recorded, SliceSpec, SliceSurface, Watched,
};

use super::models::Mlp;
use super::support::{Run, assert_names, batch, epoch, training_batch, wave_rows};

fn rows() -> Vec<[f32; 5]> {
    wave_rows(6, 0.3)
}

fn batches() -> [Tensor<2>; 1] {
    [batch(&rows())]
}

fn trained(probe: &Probe) -> Watched<Mlp> {
    let mut model = probe.watch(Mlp::new());
    for _ in 0..3 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    model
}

/// Bits of all tensors that a model has, in visiting order.
fn bits(model: &Watched<Mlp>) -> Vec<Vec<u32>> {
    let mut bits = Bits(Vec::new());
    model.visit(&mut bits);
    bits.0
}

struct Bits(Vec<Vec<u32>>);

impl ModuleVisitor for Bits {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        self.0.push(data.iter::<f32>().map(f32::to_bits).collect());
    }
}

#[test]
fn a_slice_of_some_blocks_moves_no_others_at_any_node() {
    for hold in [usize::MAX, 0] {
        let run = Run::new();
        let probe = run.builder().threads(1).snapshot_every_steps(1).hold_vectors_of(hold);
        let probe = probe.start().expect("a probe");
        let model = trained(&probe).valid();
        let mut study = probe.study(&model, &batches()).expect("a study");
        let spec = |it: SliceSpec| it.blocks(["output.*"]).resolution(3, 3);
        let drawn = study.slice(&spec(SliceSpec::random())).expect("a slice");
        let component = study.slice(&spec(SliceSpec::pca())).expect("a slice");
        let line = SliceSpec::between(Point::Initial, Point::Final).blocks(["hidden.w*"]);
        let line = study.slice(&line.resolution(3, 1)).expect("a slice");
        let shares = |slice: &SliceSurface, axis: usize| slice.slice.shares[axis].0.clone();
        for slice in [&drawn, &component] {
            for axis in 0..2 {
                let [weight, bias, ..] = shares(slice, axis)[..] else { panic!("four blocks") };
                assert_eq!((weight, bias), (0.0, 0.0));
            }
            assert_eq!(slice.slice.patterns, ["output.*"]);
        }
        assert_eq!(shares(&line, 0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!((component.slice.x.kind.as_str(), component.slice.x.component), ("given", None));
        // The rest of the random direction is what it is without a choice.
        let whole = study.slice(&SliceSpec::random().name("whole")).expect("a slice");
        assert!(whole.slice.x.direction_norm > drawn.slice.x.direction_norm);
        let nothing = study.slice(&SliceSpec::random().blocks(["*.gamma"]));
        let Err(error @ Error::NothingChosen { .. }) = nothing else { panic!("{nothing:?}") };
        assert_names(&error.to_string(), &["*.gamma", "hidden.weight"]);
        study.finish().expect("a landscape");
        let file = |number: usize| run.tensors(&format!("directions/{number:04}.safetensors"));
        let d1 = file(0)["d1"].1.clone();
        assert!(d1[..16].iter().all(|it| it.to_bits() == 0), "hidden: [3, 4] and [4]");
    }
}

#[test]
fn a_run_of_some_blocks_knows_no_others() {
    let run = Run::new();
    let probe = run.builder().blocks(["output.*"]).threads(1).start().expect("a probe");
    let model = trained(&probe).valid();
    let before = bits(&model);
    let seen = Mutex::new(Vec::new());
    let mut study = probe.study(&model, &batches()).expect("a study");
    study.measure("outputs", |output: &RegressionOutput| {
        seen.lock().expect("no panic").push(());
        BatchLoss { mean: output.loss.clone(), samples: 6 }
    });
    study.default_slices().expect("slices");
    let landscape = study.finish().expect("a landscape");
    assert_eq!(landscape.recording().problems(), [] as [String; 0]);
    assert_eq!(bits(&model), before);
    let head = run.head();
    let paths: Vec<&str> = head.blocks.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["output.weight", "output.bias"]);
    assert_eq!(head.patterns, ["output.*"]);
    assert!(run.steps().iter().all(|it| it.columns["grad_norm"].len() == 2));
    for snapshot in 0..run.snapshots().len() {
        assert!(run.snapshot(snapshot).keys().eq(["output.bias", "output.weight"]));
    }
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
    // Everything else is that of the model which it is studied with.
    let opened = Recorded::open(run.path()).expect("a run").quiet().threads(1).exact();
    let mut later = opened.study(&model, &batches()).expect("a study");
    let spec = SliceSpec::random().resolution(5, 3).name("again");
    let again = later.slice(&spec).expect("a slice");
    later.finish().expect("an end");
    let found = bits_of(again.surface.losses());
    let expected = bits_of(&run.losses("random"));
    assert!(found == expected, "other losses");
    let other = Recorded::open(run.path()).expect("a run").quiet();
    let mut other = other.study(&Mlp::new().valid(), &batches()).expect("a study");
    let centre =
        other.slice(&SliceSpec::line(Direction::random()).resolution(3, 1)).expect("a slice");
    assert_ne!(centre.slice.centre_loss, again.slice.centre_loss, "hidden layers of another model");
    other.finish().expect("an end");
}

fn bits_of(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn patterns_that_match_nothing_are_told() {
    let run = Run::new();
    let probe = run.builder().blocks(["output.*", "*.lora_a"]).start().expect("a probe");
    drop(trained(&probe));
    let recording = probe.close().expect("an end");
    assert_names(&recording.problems().join("\n"), &["`*.lora_a`", "matches no parameter"]);
    let run = Run::new();
    let probe = run.builder().blocks(["*.lora_a"]).start().expect("a probe");
    let model = trained(&probe);
    let recording = probe.close().expect("an end");
    assert_names(&recording.problems().join("\n"), &["*.lora_a", "hidden.weight"]);
    let output = InferenceStep::step(&model.valid(), batch(&rows()));
    assert!(output.loss.into_scalar::<f32>().is_finite());
}

#[test]
fn adapters_alone_are_the_space_of_every_slice() {
    let run = Run::new();
    let builder = run.builder().blocks(["*.lora.*"]).agreement(0);
    let probe = builder.start().expect("a probe");
    let mut model = probe.watch(Mlp::new().apply_lora(Lora::new(2, 4.0)));
    for _ in 0..3 {
        model = epoch(model, 0.05, 2, &training_batch(&rows()));
    }
    let landscape = probe.finish(&model.valid(), &batches()).expect("a landscape");
    assert_eq!(landscape.problems(), [] as [String; 0]);
    let head = run.head();
    let mut paths: Vec<&str> = head.blocks.iter().map(|it| it.path.as_str()).collect();
    paths.sort_unstable();
    let factors = ["hidden.weight.lora.a", "hidden.weight.lora.b"];
    assert_eq!(paths, [factors, ["output.weight.lora.a", "output.weight.lora.b"]].concat());
    assert!(head.blocks.iter().all(|it| !it.frozen));
    // [3, 4] and [4, 2] of rank 2.
    let parameters: u64 = head.blocks.iter().map(|it| it.shape.iter().product::<u64>()).sum();
    assert_eq!(parameters, 2 * (3 + 4) + 2 * (4 + 2));
    for name in ["pca", "random"] {
        let centre = run.slice(name).centre_loss;
        assert!(run.losses(name).iter().any(|loss| (loss - centre).abs() > 1e-6), "{name}");
    }
    assert!(run.checks().iter().all(|check| check.passed), "{:?}", run.checks());
}
