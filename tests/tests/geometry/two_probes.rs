//! Two probes in one process at the same time do not mix.

use burn::module::Module;
use burnscape::{Probe, Watched};

use super::models::Walker;
use super::support::{Run, batch, epoch, sgd, step, training_batch};

#[test]
fn two_trainings_side_by_side_are_recorded_apart() {
    let (left, right) = (Run::new(), Run::new());
    let (left_probe, right_probe) = (left.probe(), right.probe());
    let mut a = left_probe.watch(Walker::at(&[8.0, 0.0]));
    let mut b = right_probe.watch(Walker::at(&[0.0, 0.0, 27.0]));
    for number in 0..4 {
        a = epoch(a, 0.5, 1, &training_batch(&[[0.0; 2]]));
        b = step(b, &mut sgd(), 2.0 / 3.0, training_batch(&[[0.0; 3]]));
        if number % 2 == 1 {
            let _ = b.valid();
        }
    }
    // The one that began last ends first.
    right_probe.finish(&b.valid(), &[batch(&[[0.0; 3]])]).expect("a landscape");
    left_probe.finish(&a.valid(), &[batch(&[[0.0; 2]])]).expect("a landscape");

    let norms = |run: &Run| -> Vec<f32> {
        run.steps().iter().map(|it| it.columns["grad_norm"][0].round()).collect()
    };
    assert_eq!(norms(&left), [8.0, 4.0, 2.0, 1.0]);
    assert_eq!(norms(&right), [27.0, 9.0, 3.0, 1.0]);
    let epochs = |run: &Run| -> Vec<u64> { run.epochs().iter().map(|it| it.steps).collect() };
    assert_eq!(epochs(&left), [1, 2, 3, 4]);
    assert_eq!(epochs(&right), [2, 4]);
    assert_eq!(left.snapshot(4)["point"].1, [0.5, 0.0]);
    assert_eq!(right.snapshot(0)["point"].1, [0.0, 0.0, 27.0]);
    assert_ne!(left.head().run_id, right.head().run_id);
}

/// Trains one model from its own thread to the end.
fn whole_run(run: &Run, start: f32) -> Watched<Walker> {
    let probe: Probe = run.probe();
    let mut walker = probe.watch(Walker::at(&[start, 1.0]));
    for _ in 0..3 {
        walker = epoch(walker, 0.5, 5, &training_batch(&[[0.0; 2]]));
    }
    let walker = walker.valid();
    probe.finish(&walker, &[batch(&[[0.0; 2]])]).expect("a landscape");
    walker
}

#[test]
fn two_runs_on_two_threads_give_what_each_gives_alone() {
    let (left, right) = (Run::new(), Run::new());
    std::thread::scope(|scope| {
        scope.spawn(|| whole_run(&left, 64.0));
        scope.spawn(|| whole_run(&right, -32.0));
    });
    for (run, start) in [(&left, 64.0), (&right, -32.0)] {
        let alone = Run::new();
        whole_run(&alone, start);
        assert_eq!(run.losses("pca"), alone.losses("pca"));
        assert_eq!(run.losses("random"), alone.losses("random"));
        assert_eq!(run.steps().len(), 15);
        assert_eq!(run.snapshots(), alone.snapshots());
    }
}

#[test]
fn a_probe_that_was_only_started_takes_nothing_from_the_other() {
    let (idle, busy) = (Run::new(), Run::new());
    let idle_probe = idle.probe();
    whole_run(&busy, 4.0);
    let recording = idle_probe.close().expect("closed");
    assert_eq!((recording.steps(), recording.snapshots()), (0, 0));
    assert_eq!(busy.steps().len(), 15);
}
