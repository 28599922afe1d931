//! The model that is given to `finish`, in whatever state it is.

use burn::module::Module;
use burnscape::Watched;

use super::models::{ConvNorm, Walker};
use super::support::{Run, Tensors, batch, epoch, sgd, step, training_batch, wave_rows};

fn rows() -> Vec<[f32; 17]> {
    wave_rows(5, 1.4)
}

/// Two epochs of three steps, without dropout, so that two trainings are alike.
fn trained(run: &Run) -> (burnscape::Probe, Watched<ConvNorm>) {
    let probe = run.probe();
    let mut model = probe.watch(ConvNorm::with_dropout(0.0));
    for _ in 0..2 {
        model = epoch(model, 0.05, 3, &training_batch(&rows()));
    }
    (probe, model)
}

fn last(run: &Run) -> Tensors {
    run.snapshot(run.snapshots().len() - 1)
}

#[test]
fn a_model_trained_further_after_the_last_epoch_is_a_point_of_its_own() {
    let run = Run::new();
    let probe = run.probe();
    let walker = epoch(probe.watch(Walker::at(&[8.0, 4.0])), 0.5, 1, &training_batch(&[[0.0; 2]]));
    let walker = step(walker, &mut sgd(), 0.5, training_batch(&[[0.0; 2]]));
    probe.finish(&walker, &[batch(&[[0.0; 2]])]).expect("a landscape");
    let told: Vec<(String, u64)> =
        run.snapshots().into_iter().map(|it| (it.reason.into(), it.step)).collect();
    let expected = [("initial", 0), ("epoch", 1), ("final", 2)];
    assert_eq!(told, expected.map(|(reason, step)| (reason.to_string(), step)));
    assert_eq!(last(&run)["point"].1, [2.0, 1.0]);
    assert_eq!(run.slice("pca").centre_loss, 2.5);
}

#[test]
fn a_model_still_in_training_gives_the_surface_of_the_same_model_for_inference() {
    let surface = |for_inference: bool| {
        let run = Run::new();
        let (probe, model) = trained(&run);
        let batches = [batch(&rows())];
        match for_inference {
            true => probe.finish(&model.valid(), &batches).expect("a landscape"),
            false => probe.finish(&model, &batches).expect("a landscape"),
        };
        run
    };
    let (training, inference) = (surface(false), surface(true));
    assert_eq!(last(&training), last(&inference));
    for name in ["pca", "random"] {
        assert_eq!(training.losses(name), inference.losses(name));
    }
}

/// Statistics that the last batch moved are on their way for one more batch inside burn.
#[test]
fn the_last_batch_counts_in_the_statistics_of_a_model_still_in_training() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let other: Vec<[f32; 17]> = wave_rows(5, 4.0);
    let model = step(model, &mut sgd(), 0.05, training_batch(&other));
    probe.finish(&model, &[batch(&rows())]).expect("a landscape");
    let checks = run.checks();
    let failed: Vec<_> = checks.iter().filter(|check| !check.passed).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let centre = run.slice("pca").centre_loss;
    assert_eq!(run.trajectory("pca").loss.last(), Some(&centre), "the last snapshot is the centre");
}

#[test]
fn the_words_of_a_landscape_name_its_run_and_its_steps() {
    let run = Run::new();
    let (probe, model) = trained(&run);
    let landscape = probe.finish(&model.valid(), &[batch(&rows())]).expect("a landscape");
    assert_eq!(landscape.run_folder(), Some(run.path().as_path()));
    let recording = landscape.recording();
    assert_eq!((recording.steps(), recording.dropped_steps()), (6, 0));
    // Initial, two epochs, and the returned model, which is the second epoch's again.
    assert_eq!(recording.snapshots(), 4);
    assert_eq!(recording.last_loss(), run.steps().last().expect("steps").loss);
}
