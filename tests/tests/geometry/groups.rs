//! Groups of a transposed convolution: asked for where its bias does not show them and a picture depends on them.

use burn::module::Module;
use burn::nn::conv::{ConvTranspose2d, ConvTranspose2dConfig};
use burn::tensor::Tensor;
use burn::train::{InferenceStep, RegressionOutput, TrainOutput, TrainStep};
use burnscape::{ProbeBuilder, SliceSpec};

use super::support::{Run, assert_names, batch, device, epoch, training_batch, wave_rows};

/// 2 groups of 2 inputs and 3 outputs each.
#[derive(Module, Debug)]
struct Up {
    up: ConvTranspose2d,
}

impl Up {
    fn new(has_bias: bool) -> Self {
        let config = ConvTranspose2dConfig::new([4, 6], [1, 1]).with_groups(2).with_bias(has_bias);
        Self { up: config.init(&device()) }
    }

    fn output(&self, rows: Tensor<2>) -> RegressionOutput {
        let [count, _] = rows.dims();
        let found = self.up.forward(rows.reshape([count, 4, 1, 1])).reshape([count, 6]);
        let targets = found.zeros_like();
        let loss = (found.clone() - 0.5).powi_scalar(2).mean();
        RegressionOutput::new(loss, found, targets)
    }
}

impl TrainStep for Up {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<RegressionOutput> {
        let output = self.output(rows);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Up {
    type Input = Tensor<2>;
    type Output = RegressionOutput;

    fn step(&self, rows: Tensor<2>) -> RegressionOutput {
        self.output(rows)
    }
}

/// Trains and draws along a spec; gives the problems that were told.
fn problems(run: &Run, model: Up, builder: ProbeBuilder, spec: &SliceSpec) -> String {
    let rows: Vec<[f32; 4]> = wave_rows(3, 0.4);
    let probe = builder.start().expect("a probe");
    let mut model = probe.watch(model);
    for _ in 0..3 {
        model = epoch(model, 0.05, 1, &training_batch(&rows));
    }
    let mut study = probe.study(&model.valid(), &[batch(&rows)]).expect("a study");
    study.slice(spec).expect("a slice");
    let landscape = study.finish().expect("a landscape");
    assert!(run.notes().len() >= landscape.problems().len());
    landscape.problems().join("\n")
}

#[test]
fn groups_that_no_bias_shows_are_asked_for_where_a_picture_depends_on_them() {
    let line = "`.filter_groups(\"up.weight\", n)`";
    let run = Run::new();
    let told = problems(&run, Up::new(false), run.builder(), &SliceSpec::random());
    assert_names(&told, &["transposed convolution", line]);
    assert_names(&run.notes().join("\n"), &[line]);
    assert_eq!(run.head().blocks[0].groups, 1);

    // Along principal components nothing is scaled, and a bias of 6 for 3 outputs a group tells of 2 groups.
    for (has_bias, spec) in [(false, SliceSpec::pca()), (true, SliceSpec::random())] {
        let run = Run::new();
        assert_eq!(problems(&run, Up::new(has_bias), run.builder(), &spec), "");
    }
}

#[test]
fn groups_that_were_named_hold_also_when_the_run_is_opened_again() {
    let run = Run::new();
    let builder = run.builder().filter_groups("up.weight", 2);
    assert_eq!(problems(&run, Up::new(false), builder, &SliceSpec::random()), "");
    let block = run.head().blocks[0].clone();
    assert_eq!((block.groups, block.filter_guessed), (2, false));
    let rows: Vec<[f32; 4]> = wave_rows(3, 0.4);
    let opened = burnscape::Run::open(run.path()).expect("a run").quiet().resolution(5, 3);
    let mut study = opened.study(&Up::new(false), &[batch(&rows)]).expect("a study");
    study.slice(&SliceSpec::random().name("again")).expect("a slice");
    assert_eq!(study.finish().expect("a landscape").problems(), [""; 0]);
    let shares = |name| run.slice(name).shares;
    assert_eq!(shares("random"), shares("again"));
}

#[test]
fn groups_that_do_not_divide_the_inputs_are_refused_with_their_path() {
    let run = Run::new();
    let rows: Vec<[f32; 4]> = wave_rows(3, 0.4);
    let probe = run.builder().filter_groups("up.weight", 3).start().expect("a probe");
    let model = epoch(probe.watch(Up::new(false)), 0.05, 1, &training_batch(&rows));
    let landscape = probe.finish(&model.valid(), &[batch(&rows)]).expect("a landscape");
    assert_names(&landscape.problems().join("\n"), &["up.weight"]);
}

#[test]
fn of_a_recorded_run_groups_can_be_named_later() {
    let run = Run::new();
    let rows: Vec<[f32; 4]> = wave_rows(3, 0.4);
    problems(&run, Up::new(false), run.builder(), &SliceSpec::pca());
    let opened = || burnscape::Run::open(run.path()).expect("a run").quiet().resolution(5, 3);
    let mut study = opened()
        .filter_groups("up.weight", 2)
        .study(&Up::new(false), &[batch(&rows)])
        .expect("a study");
    let slice = study.slice(&SliceSpec::random()).expect("a slice").slice;
    assert_eq!(study.finish().expect("a landscape").problems(), [""; 0]);
    assert!(slice.directions.is_some(), "the head does not know of these groups: {slice:?}");
    let unknown = opened().filter_groups("down.weight", 2).study(&Up::new(false), &[batch(&rows)]);
    assert_names(&unknown.err().expect("an error").to_string(), &["down.weight", "up.weight"]);
}
