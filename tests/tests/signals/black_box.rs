//! What is kept of the steps before an alert, and what the loss along the offending updates says.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::DType;
use burnscape::{BlackBox, Run as Opened};
use safetensors::SafeTensors;

use super::support::{Bowl, Run, assert_close, close, flex, sample, step};

const LEFT: [f64; 2] = [0.006, 0.0];
const RIGHT: [f64; 2] = [0.01, 0.0];
const LR: f64 = 3.0;
/// lr·‖g‖ of the right block is 0.03·2ᵗ, which first exceeds 1 here.
const ALERT: u64 = 6;

fn sgd() -> ModuleOptimizer {
    SgdConfig::new().init()
}

/// θ becomes −2θ at every step, until it explodes.
fn exploded(run: &Run, black_box: BlackBox, steps: u64) {
    let probe = run.builder().black_box(black_box).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()));
    for _ in 0..steps {
        model = step(model, &mut sgd(), LR, sample(&[0.0; 4], DType::F32, &flex()));
    }
    close(probe);
}

fn tensors(run: &Run, file: &Option<String>) -> BTreeMap<String, Vec<f32>> {
    let path = run.path().join(file.as_ref().expect("a file"));
    let bytes = std::fs::read(path).expect("a file");
    let found = SafeTensors::deserialize(&bytes).expect("safetensors");
    let read = |data: &[u8]| -> Vec<f32> {
        data.as_chunks::<4>().0.iter().map(|it| f32::from_le_bytes(*it)).collect()
    };
    found.tensors().into_iter().map(|(name, view)| (name, read(view.data()))).collect()
}

fn assert_scaled(found: &BTreeMap<String, Vec<f32>>, factor: f64) {
    for (name, start) in [("left", LEFT), ("right", RIGHT)] {
        assert_close(f64::from(found[name][0]), factor * start[0], 1e-5, name);
        assert_eq!(found[name][1], 0.0);
    }
}

#[test]
fn a_black_box_holds_the_last_steps_and_the_one_of_the_alert() {
    let run = Run::new();
    exploded(&run, BlackBox::new().steps(4), 12);
    let [found] = &run.black_boxes()[..] else { panic!("one black box") };
    assert_eq!((found.step, found.rule.as_str()), (ALERT, "exploding-gradient"));
    let numbers: Vec<u64> = found.steps.iter().map(|step| step.step).collect();
    assert_eq!(numbers, [3, 4, 5, 6]);
    let written = run.steps();
    assert_eq!(found.steps, written[3..7]);
    assert_eq!((&found.before, &found.gradient), (&None, &None));
    assert!(!run.path().join("blackbox").exists());
}

#[test]
fn with_weights_it_holds_where_training_stood_around_the_alert() {
    let run = Run::new();
    exploded(&run, BlackBox::new().weights(), 12);
    let [found] = &run.black_boxes()[..] else { panic!("one black box") };
    // θ₆ = 2⁶θ₀; θ₅ and θ₇ have the other sign.
    assert_scaled(&tensors(&run, &found.previous), -32.0);
    assert_scaled(&tensors(&run, &found.before), 64.0);
    assert_scaled(&tensors(&run, &found.after), -128.0);
    assert_scaled(&tensors(&run, &found.gradient), 64.0);
}

#[test]
fn the_line_along_the_offending_update_is_the_parabola_and_says_that_the_step_was_too_long() {
    let run = Run::new();
    exploded(&run, BlackBox::new().weights(), 12);
    let model = Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()).valid();
    let batch = sample(&[0.0; 4], DType::F32, &flex().inner());
    let opened = Opened::open(run.path()).expect("a run").quiet().resolution(49, 3);
    let mut study = opened.study(&model, &[batch]).expect("a study");
    let lines = study.offending_updates().expect("lines");
    let landscape = study.finish().expect("a landscape");
    let [before, own] = &lines[..] else { panic!("{} lines", lines.len()) };
    assert_eq!(before.slice.name, "update before step 6");
    assert_eq!(own.slice.name, "update of step 6");
    let square = |start: [f64; 2]| start[0] * start[0];
    let bowl = 0.5 * (square(LEFT) + square(RIGHT));
    for (line, start) in [(before, -32.0), (own, 64.0)] {
        // At α the weights are start·(1 − 3α)·θ₀: an update takes θ to −2θ.
        for (node, &loss) in line.surface.losses().iter().enumerate() {
            let (alpha, _) = line.surface.grid().coordinates(node);
            let factor: f64 = start * (1.0 - 3.0 * alpha);
            assert!((loss - bowl * factor * factor).abs() < 1e-5 * bowl * 1e4 * 4.0, "{alpha}");
        }
        let lowest = line.surface.lowest().expect("a minimum");
        let (at, _) = line.surface.grid().coordinates(lowest.node);
        assert!((at - 1.0 / 3.0).abs() <= line.surface.grid().x().spacing(), "{at}");
    }
    let told: Vec<String> =
        landscape.summary().into_iter().filter(|it| it.contains("too long")).collect();
    assert_eq!(told.len(), 2, "{:?}", landscape.summary());
}

#[test]
fn finish_draws_the_line_by_itself() {
    let run = Run::new();
    let black_box = BlackBox::new().weights();
    let builder = run.builder().black_box(black_box).snapshot_every_steps(1).resolution(5, 5);
    let probe = builder.agreement(0).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()));
    for _ in 0..8 {
        model = step(model, &mut sgd(), LR, sample(&[0.0; 4], DType::F32, &flex()));
    }
    let batch = sample(&[0.0; 4], DType::F32, &flex().inner());
    let landscape = probe.finish(&model.valid(), &[batch]).expect("a landscape");
    assert!(landscape.slice("update of step 6").is_some());
}

#[test]
fn weights_that_are_not_finite_have_no_line_and_are_said_to_have_none() {
    let run = Run::new();
    let builder = run.builder().black_box(BlackBox::new().weights());
    let probe = builder.snapshot_every_steps(1).start().expect("a probe");
    let mut model = probe.watch(Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()));
    for values in [[0.0; 4], [0.5, 0.0, 0.0, 0.0], [f64::NAN; 4]] {
        model = step(model, &mut sgd(), 0.1, sample(&values, DType::F32, &flex()));
    }
    close(probe);
    let [found] = &run.black_boxes()[..] else { panic!("one black box") };
    assert_eq!(found.step, 2);
    let model = Bowl::at(&LEFT, &RIGHT, DType::F32, &flex()).valid();
    let batch = sample(&[0.0; 4], DType::F32, &flex().inner());
    let opened = Opened::open(run.path()).expect("a run").quiet();
    let mut study = opened.study(&model, &[batch]).expect("a study");
    let names: Vec<String> =
        study.offending_updates().expect("lines").into_iter().map(|it| it.slice.name).collect();
    study.finish().expect("a landscape");
    assert_eq!(names, ["update before step 2"]);
}
