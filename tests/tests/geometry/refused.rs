//! Mistakes in how the probe is used: each is refused with a message that names what is wrong and
//! what to do.

use std::sync::atomic::{AtomicU32, Ordering};

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{ExecutionError, Tensor};
use burn::train::{InferenceStep, ItemLazy, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{BatchLoss, BatchesFrom, Error, Probe, ProbeBuilder, Watched};

use super::models::{Walker, height, param, walk};
use super::support::{Run, assert_names, batch, device, epoch, sgd, step, training_batch};

const PATH: [[f32; 2]; 3] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0]];

fn refusal(builder: ProbeBuilder) -> Error {
    match builder.start() {
        Err(error) => error,
        Ok(_) => panic!("it was started"),
    }
}

/// The steps of [`PATH`] are still there, and the end says that the surface failed.
fn assert_readable_and_failed(run: &Run) {
    assert_eq!(run.steps().len(), 2);
    assert_eq!(run.end(), "failed");
}

// ---- the run folder --------------------------------------------------------------------------

#[test]
fn a_folder_that_holds_a_run_is_not_overwritten() {
    let run = Run::new();
    let probe = run.probe();
    walk(&probe, &PATH);
    probe.close().expect("closed");
    let trace = run.path().join("trace.cbor");
    let before = std::fs::read(&trace).expect("a trace");
    let error = refusal(run.builder().refuse_existing());
    let folder = run.path();
    assert_names(&error.to_string(), &[folder.to_str().expect("UTF-8"), "already holds a run"]);
    assert_names(&error.to_string(), &["another folder", "resume"]);
    drop(run.builder().start().expect("a probe"));
    assert_eq!(std::fs::read(&trace).expect("a trace"), before);
}

#[test]
fn the_next_free_folder_is_the_one_with_the_next_number() {
    let run = Run::new();
    walk(&run.probe(), &PATH);
    for number in [2, 3] {
        let probe = run.builder().start().expect("a probe");
        let folder = run.above().join(format!("run-{number}"));
        assert_eq!(probe.run_folder(), Some(folder.as_path()));
    }
}

#[test]
fn a_folder_below_a_file_is_refused_with_its_path() {
    let run = Run::new();
    let file = run.above().join("file");
    std::fs::write(&file, "not a folder").expect("written");
    let error = refusal(Probe::builder(file.join("runs/one")));
    let path = file.join("runs/one");
    assert_names(&error.to_string(), &[path.to_str().expect("UTF-8"), "writable"]);
}

#[test]
fn a_run_that_is_being_recorded_cannot_be_resumed_by_another_probe() {
    let run = Run::new();
    let probe = run.probe();
    walk(&probe, &PATH);
    let error = refusal(run.builder().resume());
    assert_names(&error.to_string(), &["trace.cbor", "being written"]);
    probe.close().expect("closed");
    assert_eq!(run.end(), "finished");
}

// ---- settings --------------------------------------------------------------------------------

#[test]
fn settings_that_make_no_sense_are_refused_by_name_before_anything_is_made() {
    type Change = fn(ProbeBuilder) -> ProbeBuilder;
    let cases: [(&str, &str, Change); 16] = [
        ("resolution", "0", |it| it.resolution(0, 5)),
        ("resolution", "1", |it| it.resolution(5, 1)),
        ("resolution", "4002000 nodes", |it| it.resolution(2001, 2000)),
        ("resolution", "18446744073709551615 nodes", |it| it.resolution(usize::MAX, 3)),
        ("snapshots", "0", |it| it.snapshot_every_steps(0)),
        ("snapshots", "0", |it| it.snapshot_every_epochs(0)),
        ("queue_steps", "0", |it| it.queue_steps(0)),
        ("threads", "0", |it| it.threads(0)),
        ("random_range", "0", |it| it.random_range(0.0)),
        ("random_range", "-1", |it| it.random_range(-1.0)),
        ("random_range", "NaN", |it| it.random_range(f64::NAN)),
        ("random_range", "inf", |it| it.random_range(f64::INFINITY)),
        ("margin", "-0.1", |it| it.margin(-0.1)),
        ("margin", "NaN", |it| it.margin(f64::NAN)),
        ("margin", "inf", |it| it.margin(f64::INFINITY)),
        ("resolution", "0", |it| it.resolution(0, 0)),
    ];
    for (setting, found, change) in cases {
        let run = Run::new();
        let error = refusal(change(run.builder()));
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        assert_names(&error.to_string(), &[setting, &format!("= {found} ")]);
        assert!(!run.path().exists(), "{setting} = {found}");
    }
}

#[test]
fn a_resolution_that_start_accepts_is_one_that_finish_can_use() {
    for resolution in [(2, 2), (2, 5), (5, 2), (3, 3), (4, 3), (6, 2)] {
        let run = Run::new();
        let (x, y) = resolution;
        let Ok(probe) = run.builder().resolution(x, y).start() else {
            assert!(x < 3 || y < 3, "{resolution:?} is refused");
            continue;
        };
        let walker = walk(&probe, &PATH);
        let finished = probe.finish(&walker, &[batch(&[[0.0; 2]])]);
        assert!(finished.is_ok(), "{resolution:?} after training: {:?}", finished.err());
    }
}

#[test]
fn a_filter_axis_that_the_parameter_lacks_is_told_by_finish_and_training_goes_on() {
    let run = Run::new();
    let probe = run.builder().filter_axis("point", 5).start().expect("a probe");
    let walker = walk(&probe, &PATH);
    let point = walker.point.val().into_data().try_to_vec::<f32>().expect("f32");
    assert_eq!(point, [0.0, 3.0]);
    let error = probe.finish_strict(&walker, &[batch(&[[0.0; 2]])]).expect_err("a wrong axis");
    assert_names(&error.to_string(), &["point", "axis 5"]);
}

#[test]
fn a_filter_axis_for_a_parameter_that_is_not_there_is_told() {
    let run = Run::new();
    let probe = run.builder().filter_axis("pint", 1).start().expect("a probe");
    let walker = walk(&probe, &PATH);
    let told = match probe.finish(&walker, &[batch(&[[0.0; 2]])]) {
        Ok(landscape) => [landscape.recording().problems(), &run.notes()].concat().join("\n"),
        Err(error) => error.to_string(),
    };
    assert_names(&told, &["pint"]);
}

// ---- the model -------------------------------------------------------------------------------

/// Has nothing to train.
#[derive(Module, Debug)]
struct Weightless {
    scale: f32,
}

impl TrainStep for Weightless {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let item = InferenceStep::step(self, rows);
        let grads = GradientsParams::new();
        TrainOutput { grads, item }
    }
}

impl InferenceStep for Weightless {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        let loss = rows.clone().mean() * self.scale;
        RegressionOutput::new(loss, rows.clone(), rows)
    }
}

fn weightless(probe: &Probe) -> Watched<Weightless> {
    let model = probe.watch(Weightless { scale: 2.0 });
    epoch(model, 0.1, 3, &training_batch(&[[1.0, 2.0]]))
}

#[test]
fn a_model_without_parameters_is_told_by_finish() {
    let run = Run::new();
    let probe = run.probe();
    let model = weightless(&probe);
    let error =
        probe.finish_strict(&model.valid(), &[batch(&[[0.0; 2]])]).expect_err("no parameters");
    assert_names(&error.to_string(), &["no float parameters", "watch the module"]);
}

#[test]
fn a_model_without_parameters_is_a_problem_of_the_recording() {
    let run = Run::new();
    let probe = run.probe();
    weightless(&probe);
    let recording = probe.close().expect("closed");
    assert_names(&recording.problems().join("\n"), &["no float parameters"]);
}

static CALLS: AtomicU32 = AtomicU32::new(0);

/// A walker whose loss for inference is another one each time.
#[derive(Module, Debug)]
struct Restless {
    walker: Walker,
}

impl TrainStep for Restless {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        TrainStep::step(&self.walker, rows)
    }
}

impl InferenceStep for Restless {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        let mut output = InferenceStep::step(&self.walker, rows);
        output.loss = output.loss + CALLS.fetch_add(1, Ordering::Relaxed) as f32;
        output
    }
}

#[test]
fn a_model_that_is_random_for_inference_is_refused_with_both_losses() {
    let run = Run::new();
    let probe = run.probe();
    let model = probe.watch(Restless { walker: Walker::at(&[4.0, 0.0]) });
    let model = epoch(model, 1.0, 2, &training_batch(&[[2.0, 0.0]]));
    let error =
        probe.finish_strict(&model.valid(), &[batch(&[[0.0; 2]])]).expect_err("a random model");
    // ½·2² = 2, plus one more at every call.
    assert!(matches!(error, Error::RandomModel { first: 2.0, second: 3.0 }), "{error}");
    assert_names(&error.to_string(), &["random even for inference", "2", "3", "draw nothing"]);
    assert_readable_and_failed(&run);
}

/// An output that burn does not define.
pub struct OwnOutput {
    pub surprise: Tensor<1>,
    pub count: usize,
}

impl ItemLazy for OwnOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

/// A walker that gives such an output.
#[derive(Module, Debug)]
pub struct Foreign {
    walker: Walker,
}

fn own_output(output: RegressionOutput) -> OwnOutput {
    OwnOutput { count: output.targets.dims()[0], surprise: output.loss }
}

impl TrainStep for Foreign {
    type Input = Tensor<2>;
    type Output = OwnOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<OwnOutput> {
        let output = TrainStep::step(&self.walker, rows);
        TrainOutput { grads: output.grads, item: own_output(output.item) }
    }
}

impl InferenceStep for Foreign {
    type Input = Tensor<2>;
    type Output = OwnOutput;

    fn step(&self, rows: Tensor<2>) -> OwnOutput {
        own_output(InferenceStep::step(&self.walker, rows))
    }
}

pub fn foreign(probe: &Probe) -> Watched<Foreign> {
    let mut model = probe.watch(Foreign { walker: Walker::at(&PATH[0]) });
    for point in &PATH[1..] {
        model = step(model, &mut sgd(), 1.0, training_batch(&[*point]));
        let _ = model.valid();
    }
    model.valid()
}

#[test]
fn an_output_that_burn_does_not_define_is_named_with_the_way_out() {
    let run = Run::new();
    let probe = run.probe();
    let model = foreign(&probe);
    let error = probe.finish_strict(&model, &[batch(&[[0.0; 2]])]).expect_err("an unknown output");
    assert!(matches!(error, Error::UnknownOutput { .. }), "{error}");
    assert_names(&error.to_string(), &["OwnOutput", "probe.loss_of(|output: &", "adapted_loss::<"]);
    assert_readable_and_failed(&run);
    assert!(run.steps().iter().all(|step| step.loss.is_none()), "no loss is made up");
}

#[test]
fn finish_with_reads_the_loss_out_of_any_output() {
    let run = Run::new();
    let probe = run.probe();
    let model = foreign(&probe);
    let loss =
        |output: &OwnOutput| BatchLoss { mean: output.surprise.clone(), samples: output.count };
    let batches = [batch(&[[0.0, 0.0]]), batch(&[[0.0, 1.0], [0.0, 1.0]])];
    probe.finish_with(&model, &batches, loss).expect("a landscape");
    // At (0, 3): ½·9 once and ½·4 twice, 8.5 / 3.
    let expected = 8.5 / 3.0;
    assert!((run.slice("pca").centre_loss - expected).abs() < 1e-6);
    assert_eq!(run.end(), "finished");
}

// ---- the batches -----------------------------------------------------------------------------

#[test]
fn finishing_without_batches_is_refused() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let none: Vec<Tensor<2>> = Vec::new();
    let error = probe.finish_strict(&walker, &none).expect_err("no batches");
    assert!(matches!(error, Error::NoBatches), "{error}");
    assert_names(&error.to_string(), &["no batches", "pass at least one"]);
    assert_readable_and_failed(&run);
}

/// Takes any batch, also an empty one.
#[derive(Module, Debug)]
struct Undemanding {
    point: Param<Tensor<2>>,
}

impl TrainStep for Undemanding {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = InferenceStep::step(self, rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Undemanding {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        RegressionOutput::new(self.point.val().powi_scalar(2).sum(), rows.clone(), rows)
    }
}

#[test]
fn an_empty_batch_is_named_by_its_position() {
    let run = Run::new();
    let probe = run.probe();
    let model = probe.watch(Undemanding { point: param(vec![1.0, 2.0], [1, 2], &device()) });
    let model = epoch(model, 0.1, 2, &training_batch(&[[0.0; 2]]));
    let batches = [batch(&[[0.0; 2]]), batch::<2>(&[]), batch(&[[0.0; 2]])];
    let error = probe.finish_strict(&model.valid(), &batches).expect_err("an empty batch");
    assert!(matches!(error, Error::EmptyBatch { index: 1 }), "{error}");
    assert_names(&error.to_string(), &["batch 1", "no samples", "leave it out"]);
    assert_readable_and_failed(&run);
}

#[test]
fn a_closure_that_names_no_samples_is_refused_in_the_same_way() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let loss = |output: &RegressionOutput| BatchLoss { samples: 0, ..height(|_| 1.0)(output) };
    let landscape = probe.finish_with(&walker, &[batch(&[[0.0; 2]])], loss).expect("never fails");
    assert_names(&landscape.problems().join("\n"), &["batch 0", "no samples"]);
    assert_readable_and_failed(&run);
}

#[test]
fn batches_that_differ_from_pass_to_pass_are_refused_with_both_losses() {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, &PATH);
    let passes = AtomicU32::new(0);
    let changing = BatchesFrom(|| {
        let y = passes.fetch_add(1, Ordering::Relaxed) as f32;
        vec![batch(&[[0.0, y]])]
    });
    let error = probe.finish_strict(&walker, &changing).expect_err("changing batches");
    // The walker is at (0, 3): ½·3² from (0, 0), ½·2² from (0, 1).
    let expected = matches!(error, Error::ChangingBatches { first: 4.5, second: 2.0 });
    assert!(expected, "{error}");
    assert_names(&error.to_string(), &["4.5", "2", "Give a loader", "Vec"]);
    assert_readable_and_failed(&run);
}

// ---- the trajectory --------------------------------------------------------------------------

#[test]
fn a_training_that_did_not_move_has_no_trajectory_and_is_told_what_to_do() {
    let run = Run::new();
    let probe = run.probe();
    let walker = epoch(probe.watch(Walker::at(&[1.0, 2.0])), 0.0, 2, &training_batch(&[[0.0; 2]]));
    let error = probe.finish_strict(&walker.valid(), &[batch(&[[0.0; 2]])]).expect_err("one point");
    assert!(matches!(error, Error::TooFewSnapshots { found: 1, .. }), "{error}");
    let folder = run.path();
    assert_names(&error.to_string(), &[folder.to_str().expect("UTF-8"), "at least 2"]);
    assert_readable_and_failed(&run);
    assert_eq!(run.snapshots().len(), 3);
    assert!(run.snapshots()[1..].iter().all(|snapshot| snapshot.same_as == Some(0)));
}
