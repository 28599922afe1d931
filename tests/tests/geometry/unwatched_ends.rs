//! Runs that do not end with `finish`: closed, dropped, panicked, never begun.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burnscape::Error;
use burnscape::trace::{Record, read_run};

use super::models::{Walker, walk};
use super::support::{Run, assert_names, batch};

const PATH: [[f32; 2]; 3] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0]];

fn has_slices(run: &Run) -> bool {
    run.records().iter().any(|record| matches!(record, Record::Slice(_)))
}

#[test]
fn closing_ends_the_run_without_a_surface() {
    let run = Run::new();
    let probe = run.probe();
    walk(&probe, &PATH);
    let recording = probe.close().expect("closed");
    assert_eq!(recording.problems(), [] as [String; 0]);
    assert_eq!((recording.steps(), recording.snapshots()), (2, 3));
    assert_eq!(run.end(), "finished");
    assert!(!has_slices(&run));
}

#[test]
fn a_dropped_probe_has_written_everything_and_says_that_it_was_dropped() {
    let run = Run::new();
    let probe = run.probe();
    walk(&probe, &PATH);
    drop(probe);
    assert_eq!(run.end(), "dropped");
    assert_eq!(run.steps().len(), 2);
    assert_eq!(run.snapshots().len(), 3);
}

#[test]
fn a_training_that_panics_leaves_a_whole_run_that_says_so() {
    let run = Run::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let probe = run.probe();
        walk(&probe, &PATH);
        panic!("the test asks for it");
    }));
    assert!(panicked.is_err());
    assert_eq!(run.end(), "panicked");
    assert_eq!(run.steps().len(), 2);
}

#[test]
fn finishing_without_training_says_what_to_train() {
    let run = Run::new();
    let probe = run.probe();
    let walker = probe.watch(Walker::at(&[1.0, 2.0]));
    let error =
        probe.finish_strict(&walker, &[batch(&[[0.0; 2]])]).expect_err("nothing was trained");
    assert!(matches!(error, Error::NothingRecorded { .. }), "{error}");
    let folder = run.path();
    assert_names(&error.to_string(), &[folder.to_str().expect("UTF-8"), "probe.watch"]);
    let trace = read_run(run.path()).expect("readable, though empty");
    assert_eq!(trace.records, []);
}

#[test]
fn training_another_model_than_the_watched_one_is_told_in_the_same_way() {
    let run = Run::new();
    let probe = run.probe();
    let bystander = burnscape::Probe::disabled();
    let walker = walk(&bystander, &PATH);
    let error =
        probe.finish_strict(&walker, &[batch(&[[0.0; 2]])]).expect_err("nothing was watched");
    assert!(matches!(error, Error::NothingRecorded { .. }), "{error}");
    assert_names(&error.to_string(), &["train the model that"]);
}

#[test]
fn closing_without_training_tells_it_as_a_problem() {
    let run = Run::new();
    let recording = run.probe().close().expect("closed");
    assert_names(&recording.problems().join("\n"), &["no optimizer step"]);
}
