//! One probe records one model: a second one of the same structure is told and left out, whichever way it comes.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::train::TrainStep;
use burnscape::{Error, Probe};

use super::models::Walker;
use super::support::{Run, assert_names, batch, epoch, sgd, step, training_batch};

const ORIGIN: [[f32; 2]; 1] = [[0.0; 2]];

/// ‖θ‖ of each recorded step, where it was measured.
fn weight_norms(run: &Run) -> Vec<f32> {
    let steps = run.steps().into_iter();
    steps.filter_map(|it| it.columns.get("weight_norm").map(|norms| norms[0])).collect()
}

/// Steps a bare model in a hand-written loop.
fn by_hand(observer: &mut burnscape::Observer, model: Walker, lr: f64) -> Walker {
    let (model, _) = observer.train_step(&mut sgd(), lr, model, training_batch(&ORIGIN));
    model
}

fn assert_told_once(run: &Run, problems: &[String]) {
    let told = problems.iter().filter(|it| it.contains("second model")).collect::<Vec<_>>();
    assert_eq!((told.len(), problems.len()), (1, 1), "{problems:?}");
    assert_names(told[0], &["not recorded", "probe.child("]);
    assert_eq!(run.notes().iter().filter(|it| *it == told[0]).count(), 1);
}

#[test]
fn of_a_pair_that_is_stepped_in_turn_the_first_is_recorded() {
    let run = Run::new();
    let probe = run.builder().weight_norms_every(1).start().expect("a probe");
    let mut observer = probe.observe();
    let (mut first, mut second) = (Walker::at(&[3.0, 4.0]), Walker::at(&[30.0, 40.0]));
    for _ in 0..4 {
        first = by_hand(&mut observer, first, 0.0);
        second = by_hand(&mut observer, second, 0.0);
    }
    let recording = probe.close().expect("closed");
    assert_told_once(&run, recording.problems());
    assert_eq!(weight_norms(&run), [5.0; 4]);
    let told: Vec<_> = run.steps().iter().map(|it| (it.step, it.loss, it.accumulated)).collect();
    let expected: Vec<_> = (0..4).map(|step| (step, Some(12.5), 1)).collect();
    assert_eq!(told, expected, "a loss is that of one model");
    let error = probe.finish_strict(&second, &[batch(&ORIGIN)]).expect_err("another model");
    assert!(matches!(error, Error::SecondModel), "{error}");
    assert_eq!(probe.finish(&first, &[batch(&ORIGIN)]).expect("a landscape").slices().len(), 0);
}

#[test]
fn of_two_watched_models_too() {
    let run = Run::new();
    let probe = run.builder().weight_norms_every(1).start().expect("a probe");
    let mut first = probe.watch(Walker::at(&[8.0, 6.0]));
    let mut second = probe.watch(Walker::at(&[80.0, 60.0]));
    for _ in 0..3 {
        first = step(first, &mut sgd(), 0.5, training_batch(&ORIGIN));
        second = step(second, &mut sgd(), 0.5, training_batch(&ORIGIN));
    }
    assert_told_once(&run, probe.close().expect("closed").problems());
    assert_eq!(weight_norms(&run), [10.0, 5.0, 2.5]);
}

/// Folds: of a model that is made anew, and of one that is cloned, with its identifiers.
#[test]
fn a_second_fold_does_not_enter_the_path_of_the_first() {
    let initial = Walker::at(&[8.0, 4.0]);
    for is_cloned in [false, true] {
        let run = Run::new();
        let probe = run.probe();
        for fold in 0..3 {
            let model = match is_cloned || fold == 0 {
                true => initial.clone(),
                false => Walker::at(&[8.0, 4.0 + fold as f32]),
            };
            let mut model = probe.watch(model);
            for _ in 0..3 {
                model = epoch(model, 0.5, 2, &training_batch(&ORIGIN));
            }
        }
        assert_told_once(&run, probe.close().expect("closed").problems());
        let epochs: Vec<u64> = run.epochs().iter().map(|it| it.epoch).collect();
        assert_eq!((epochs, run.steps().len()), (vec![1, 2, 3], 6), "cloned: {is_cloned}");
        let firsts: Vec<f32> = (0..4).map(|it| run.snapshot(it)["point"].1[0]).collect();
        assert_eq!(firsts, [8.0, 2.0, 0.5, 0.125]);
    }
}

/// Which of the recorded weights a checkpoint holds; what it is loaded into has new identifiers or not.
#[test]
fn a_checkpoint_that_is_loaded_is_no_second_model() {
    for is_rebuilt in [false, true] {
        for back_to in 1..=3 {
            let run = Run::new();
            let probe = run.builder().weight_norms_every(1).start().expect("a probe");
            let mut model = probe.watch(Walker::at(&[8.0, 0.0]));
            let mut checkpoints = vec![model.inner().clone()];
            for _ in 0..3 {
                model = epoch(model, 0.5, 1, &training_batch(&ORIGIN));
                checkpoints.push(model.inner().clone());
            }
            let record = checkpoints[back_to].clone().into_record();
            let loaded = match is_rebuilt {
                // What a file of another format gives: the same values, other identifiers.
                true => Walker::at(&[8.0 / 2.0_f32.powi(back_to as i32), 0.0]),
                false => Walker::at(&[1.0, 1.0]).load_record(record),
            };
            model = probe.watch(loaded);
            for _ in 0..2 {
                model = epoch(model, 0.5, 1, &training_batch(&ORIGIN));
            }
            drop(model);
            let recording = probe.close().expect("closed");
            assert_eq!(recording.problems(), [""; 0], "{is_rebuilt} {back_to}");
            let first = 8.0 / 2.0_f32.powi(back_to as i32);
            assert_eq!(weight_norms(&run), [8.0, 4.0, 2.0, first, first / 2.0]);
        }
    }
}

/// An optimizer of one's own that makes parameters anew at every step, as functional code does.
#[test]
fn parameters_that_every_update_makes_anew_are_those_of_one_model() {
    let run = Run::new();
    let probe = run.builder().weight_norms_every(1).start().expect("a probe");
    let mut observer = probe.observe();
    let mut model = Walker::at(&[8.0, 0.0]);
    for _ in 0..4 {
        let output = TrainStep::step(&model, training_batch(&ORIGIN));
        observer.loss(&output.item.loss, 1);
        model = observer.update(0.5, model, output.grads, halved);
    }
    assert_eq!(probe.close().expect("closed").problems(), [""; 0]);
    assert_eq!(weight_norms(&run), [8.0, 4.0, 2.0, 1.0]);
}

fn halved(model: Walker, _: GradientsParams) -> Walker {
    let point: Tensor<2> = model.point.val().inner() * 0.5;
    Walker { point: Param::from_tensor(Tensor::from_inner(point).require_grad()) }
}

#[test]
fn children_of_a_probe_record_a_pair() {
    let run = Run::new();
    let parent = run.probe();
    let child = |name: &str| -> Probe { parent.child(name).expect("a probe") };
    let (left, right) = (child("left"), child("right"));
    let (mut a, mut b) = (left.observe(), right.observe());
    let (mut first, mut second) = (Walker::at(&[3.0, 4.0]), Walker::at(&[30.0, 40.0]));
    for _ in 0..3 {
        first = by_hand(&mut a, first, 0.1);
        second = by_hand(&mut b, second, 0.1);
    }
    for probe in [left, right] {
        let recording = probe.close().expect("closed");
        assert_eq!((recording.problems(), recording.steps()), (&[] as &[String], 3));
    }
}
