//! Runs that do not end with `finish`: closed, dropped, panicked, never begun.

use std::panic::{AssertUnwindSafe, catch_unwind};

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::Module;
use burn::tensor::Tensor;
use burn::train::{RegressionOutput, TrainOutput, TrainStep};
use burnscape::Error;
use burnscape::trace::Record;

use super::models::{Walker, walk};
use super::support::{Run, assert_names, batch, sgd, step, training_batch};

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
    let line = line!() + 4;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let probe = run.probe();
        walk(&probe, &PATH);
        panic!("the test asks for it");
    }));
    assert!(panicked.is_err());
    assert_eq!(run.end(), "panicked");
    assert_eq!(run.steps().len(), 2);
    assert_says_where(&run, line);
}

/// The last word before the end.
fn assert_says_where(run: &Run, line: u32) {
    let records = run.records();
    // The head is repeated at the end.
    let mut before = records.iter().rev().skip(1).filter(|it| !matches!(it, Record::Head(_)));
    let Some(Record::Note(note)) = before.next() else { panic!("{records:?}") };
    let place = format!("unwatched_ends.rs:{line}:");
    assert_names(&note.text, &["training panicked at", &place, "the test asks for it"]);
}

/// Its forward pass panics at the second batch.
#[derive(Module, Debug)]
struct Fragile {
    walker: Walker,
    #[module(skip)]
    batches: Counter,
}

#[derive(Debug, Clone, Default)]
struct Counter(Arc<AtomicUsize>);

/// Where [`Fragile`] panics.
const LINE: u32 = line!() + 8;

impl TrainStep for Fragile {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, samples: Tensor<2>) -> TrainOutput<RegressionOutput> {
        if self.batches.0.fetch_add(1, Ordering::Relaxed) == 1 {
            panic!("the test asks for it");
        }
        TrainStep::step(&self.walker, samples)
    }
}

#[test]
fn a_forward_pass_that_panics_is_told_with_its_message_and_its_place() {
    for is_first in [false, true] {
        let run = Run::new();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let probe = run.probe();
            let batches = Counter::default();
            batches.0.store(usize::from(is_first), Ordering::Relaxed);
            let mut model = probe.watch(Fragile { walker: Walker::at(&PATH[0]), batches });
            for _ in 0..3 {
                model = step(model, &mut sgd(), 0.1, training_batch(&[PATH[1]]));
            }
        }));
        assert!(panicked.is_err());
        assert_eq!((run.end().as_str(), run.steps().len()), ("panicked", usize::from(!is_first)));
        assert_says_where(&run, LINE);
    }
}

#[test]
fn a_run_of_no_step_is_gone_on_with_as_if_it_were_new() {
    let run = Run::new();
    drop(run.probe());
    assert_eq!(run.end(), "dropped");
    assert_names(&run.notes().join("\n"), &["no optimizer step was seen"]);
    let probe = run.builder().resume().start().expect("a probe");
    walk(&probe, &PATH);
    let recording = probe.close().expect("closed");
    assert_eq!(recording.problems(), [] as [String; 0]);
    assert_eq!((run.end().as_str(), run.steps().len()), ("finished", 2));
    assert_eq!(run.head().blocks.len(), 1);
    // And one that has steps already stays as it is.
    drop(run.builder().resume().start().expect("a probe"));
    let last = run.records().pop();
    assert!(matches!(&last, Some(Record::End(end)) if end.steps == 2), "{last:?}");
    assert_eq!(run.head().blocks.len(), 1);
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
    assert_eq!((run.end().as_str(), run.head().blocks.len()), ("failed", 0));
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
    assert_names(&error.to_string(), &["the model that `probe.watch(…)` returned"]);
}

#[test]
fn closing_without_training_tells_it_as_a_problem() {
    let run = Run::new();
    let recording = run.probe().close().expect("closed");
    assert_names(&recording.problems().join("\n"), &["no optimizer step"]);
}
