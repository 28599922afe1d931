//! Trainings that diverge: weights that are no numbers disturb neither the training nor its record.

use burn::module::Module;

use super::models::{Quadratic, Walker, walk};
use super::support::{Run, assert_names, batch, sgd, step, training_batch, wave_rows};

const NAN: f32 = f32::NAN;

/// Three good points, then one that is none.
const PATH: [[f32; 2]; 4] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0], [NAN, 1.0]];

#[test]
fn a_training_that_ends_in_nan_keeps_the_path_before_it_and_says_what_was_left_out() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let landscape = probe.finish(&walker, &[batch(&[[0.0; 2]])]).expect("a landscape");
    for name in ["pca", "random"] {
        // The surfaces lie around the last weights that are numbers, and say so.
        let slice = run.slice(name);
        assert_eq!((slice.centre.as_str(), slice.centre_snapshot), ("snapshot 2", Some(2)));
        assert_eq!(slice.centre_loss, 4.5);
        assert!(run.losses(name).iter().all(|loss| loss.is_finite()), "{name}");
        let trajectory = run.trajectory(name);
        assert_eq!(trajectory.snapshots.0, [0, 1, 2], "{name}");
        // ½‖θ‖² at the three points that are.
        assert_eq!(trajectory.loss.0, [40.0, 2.5, 4.5], "{name}");
    }
    let notes = run.notes().join("\n");
    assert_names(&notes, &["snapshot 3", "step 3", "NaN", "left out", "around snapshot 2"]);
    assert_eq!(run.steps().len(), 3);
    assert!(!landscape.summary().is_empty());
    assert_eq!(run.end(), "finished");
}

#[test]
fn a_nan_in_the_middle_of_the_path_is_left_out_and_the_rest_is_drawn() {
    let run = Run::new();
    let probe = run.probe();
    let walker = probe.watch(Walker::at(&[8.0, 4.0]));
    // Only the record of the middle is spoiled: weights that are NaN never recover by training.
    let spoil = |mut walker: burnscape::Watched<Walker>, to: [f32; 2]| {
        walker = step(walker, &mut sgd(), 1.0, training_batch(&[to]));
        let _ = walker.valid();
        walker
    };
    let walker = spoil(spoil(walker, [2.0, 1.0]), [0.0, 3.0]);
    let path = run.path();
    let batches = burnscape::BatchesFrom(|| {
        super::broken_files::overwrite(&path, 1, &[("point", &[1, 2], &[NAN, 1.0])]);
        vec![batch(&[[0.0; 2]])]
    });
    probe.finish(&walker.valid(), &batches).expect("a landscape");
    assert_eq!(run.trajectory("pca").snapshots.0, [0, 2]);
    assert!(run.losses("pca").iter().all(|loss| loss.is_finite()));
}

#[test]
fn a_training_that_diverged_at_once_is_told_so() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &[[8.0, 4.0], [NAN, 1.0], [NAN, 2.0], [NAN, 3.0]]);
    let error = probe.finish_strict(&walker, &[batch(&[[0.0; 2]])]).expect_err("no trajectory");
    assert_eq!(run.end(), "failed");
    assert_eq!(run.snapshots().len(), 5);
    // "Train longer" would be no help: the reason is that the weights are no numbers.
    assert_names(&error.to_string(), &["NaN"]);
}

#[test]
fn a_descent_with_far_too_large_a_step_is_recorded_to_its_end() {
    let run = Run::new();
    let probe = run.probe();
    let samples: Vec<[f32; 8]> = wave_rows(3, 0.8);
    let mut model = probe.watch(Quadratic::new());
    for _ in 0..8 {
        model = step(model, &mut sgd(), 1e12, training_batch(&samples));
        let _ = model.valid();
    }
    // Whether a landscape can be drawn or not, nothing panics and the run is whole.
    let finished = probe.finish(&model.valid(), &[batch(&samples)]);
    let reason = if finished.is_ok() { "finished" } else { "failed" };
    assert_eq!(run.end(), reason);
    let steps = run.steps();
    assert_eq!(steps.len(), 8);
    let last = &steps[7].columns["grad_norm"];
    assert!(last.iter().all(|norm| !norm.is_finite()), "{last:?}");
    assert_eq!(run.snapshots().len(), 10);
}
