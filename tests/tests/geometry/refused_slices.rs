//! Slices that make no sense: each is refused by name, and what was measured before stays.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{Direction, Error, Point, SliceSpec, Study};

use super::models::{Walker, walk};
use super::support::{Run, assert_names, batch, epoch, training_batch};

const PATH: [[f32; 2]; 3] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0]];

/// A slice that is refused between two that are not.
fn refused(spec: impl FnOnce(&Study<'_, Walker>) -> SliceSpec) -> (Run, Error) {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let mut study = probe.study(&walker, &[batch(&[[0.0; 2]])]).expect("a study");
    study.slice(&SliceSpec::pca().name("before")).expect("a slice");
    let spec = spec(&study);
    let error = study.slice(&spec).expect_err("a refusal");
    study.slice(&SliceSpec::pca().name("after")).expect("a slice");
    let landscape = study.finish().expect("a landscape");
    assert_eq!(landscape.slices().len(), 2);
    assert_eq!(run.told_losses("before").len(), 15);
    assert_eq!(run.told_losses("before"), run.told_losses("after"));
    assert_eq!(run.end(), "finished");
    (run, error)
}

#[test]
fn parallel_directions_are_named() {
    let given = |label: &str, values: [f32; 2]| Direction::given(label, values.to_vec());
    let spec = SliceSpec::plane(given("short", [1.0, 2.0]), given("long", [-2.0, -4.0]));
    for spec in [spec.clone(), spec.orthogonal()] {
        let (_, error) = refused(|_| spec);
        assert!(matches!(error, Error::ParallelDirections { .. }), "{error}");
        assert_names(&error.to_string(), &["`short`", "`long`", "cosine -1"]);
    }
}

#[test]
fn a_direction_that_is_zero_is_named() {
    let zero = Direction::given("nowhere", vec![0.0; 2]);
    let (_, error) = refused(|_| SliceSpec::line(zero));
    assert!(matches!(error, Error::ZeroDirection { .. }), "{error}");
    assert_names(&error.to_string(), &["`nowhere`", "zero"]);
    let (_, error) = refused(|_| SliceSpec::between(Point::Final, Point::Snapshot(2)));
    assert_names(&error.to_string(), &["`to snapshot 2`", "zero"]);
}

#[test]
fn a_range_of_no_width_is_named() {
    let (_, error) = refused(|_| SliceSpec::random().range(0.0..=0.0));
    assert_names(&error.to_string(), &["range 0 to 0", "wider than zero"]);
}

#[test]
fn a_centre_that_is_no_number_is_named_with_its_parameter_and_the_last_good_snapshot() {
    let nan = Walker::at(&[1.0, f32::NAN]);
    let centre = |study: &Study<'_, Walker>| study.point("broken", &nan).expect("a point");
    let (_, error) = refused(|study| SliceSpec::random().centre(centre(study)));
    assert!(matches!(error, Error::NonFiniteCentre { finite: Some(2), .. }), "{error}");
    assert_names(&error.to_string(), &["broken", "`point`", "Snapshot 2"]);
    let (_, error) = refused(|study| SliceSpec::between(Point::Final, centre(study)));
    assert!(matches!(error, Error::NonFiniteDirection { .. }), "{error}");
    assert_names(&error.to_string(), &["`broken`"]);
}

#[test]
fn a_snapshot_that_the_run_lacks_is_named_with_those_that_it_has() {
    let (run, error) = refused(|_| SliceSpec::random().centre(Point::Snapshot(9)));
    assert!(matches!(error, Error::NoSuchSnapshot { index: 9, .. }), "{error}");
    let folder = run.path();
    let folder = folder.to_str().expect("UTF-8");
    assert_names(&error.to_string(), &[folder, "no snapshot 9", "4 of them, 0 to 3"]);
}

#[test]
fn a_component_that_the_snapshots_lack_is_named_with_those_that_they_have() {
    for component in [0, 3] {
        let (_, error) = refused(|_| SliceSpec::line(Direction::Component(component)));
        assert!(matches!(error, Error::NoSuchComponent { .. }), "{error}");
        let named = format!("component {component}");
        // Three points, so two components at most.
        assert_names(&error.to_string(), &[named.as_str(), "3 snapshots", "at most 2"]);
    }
}

#[test]
fn a_last_update_that_was_not_kept_is_refused_with_the_setting_that_keeps_it() {
    let (_, error) = refused(|_| SliceSpec::line(Direction::LastUpdate));
    assert!(matches!(error, Error::NoLastUpdate { .. }), "{error}");
    assert_names(&error.to_string(), &["keep_last_update()"]);
}

/// A batch that only the thread that made it can copy.
#[derive(Debug)]
struct Brittle {
    rows: Tensor<2>,
    home: std::thread::ThreadId,
}

impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert_eq!(std::thread::current().id(), self.home, "copied abroad");
        Self { rows: self.rows.clone(), home: self.home }
    }
}

/// A walker that is measured on such batches.
#[derive(Module, Debug)]
struct Homebound {
    walker: Walker,
}

impl TrainStep for Homebound {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        TrainStep::step(&self.walker, rows)
    }
}

impl InferenceStep for Homebound {
    type Input = Brittle;
    type Output = RegressionOutput;

    fn step(&self, batch: Brittle) -> RegressionOutput {
        InferenceStep::step(&self.walker, batch.rows)
    }
}

#[test]
fn a_worker_that_dies_while_it_is_timed_is_an_error_and_not_the_quickest() {
    let run = Run::new();
    let probe = run.builder().threads(1).start().expect("a probe");
    let model = probe.watch(Homebound { walker: Walker::at(&PATH[0]) });
    let model = epoch(model, 0.5, 2, &training_batch(&[[0.0; 2]])).valid();
    let batch = Brittle { rows: batch(&[[0.0; 2]]), home: std::thread::current().id() };
    let batches =
        burnscape::BatchesFrom(|| vec![Brittle { rows: batch.rows.clone(), home: batch.home }]);
    let mut study = probe.study(&model, &batches).expect("a study");
    let error = study.estimate(&SliceSpec::random()).expect_err("no estimate");
    assert!(matches!(error, Error::Panicked { .. }), "{error}");
    assert_names(&error.to_string(), &["copied abroad"]);
    study.finish().expect("a landscape");
}
