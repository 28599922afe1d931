//! Where an output keeps its loss, said once; models without traits; and what a loss is a mean over.

use burn::data::dataloader::DataLoaderBuilder;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::module::{Module, Param};
use burn::tensor::{Device, ExecutionError, Int, Tensor, TensorData};
use burn::train::metric::{Adaptor, LossInput};
use burn::train::{
    ClassificationOutput, InferenceStep, ItemLazy, RegressionOutput, SequenceOutput, TrainOutput,
    TrainStep,
};
use burnscape::trace::Record;
use burnscape::{
    BatchLoss, Direction, LiveCurvature, Loss, Probe, SharpnessSpec, SliceSpec, Watched, WithLoss,
    adapted_loss,
};

use super::models::{Walker, walk};
use super::support::{
    Run, assert_close, assert_names, batch, bits, device, sgd, step, training_batch,
};

const PATH: [[f32; 2]; 4] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0], [1.0, 1.0]];

// ---- an output of one's own --------------------------------------------------------------------

/// What a walker of one's own gives: the squares, not halved, and how many there are.
struct Squares {
    squares: Tensor<1>,
    count: usize,
}

impl ItemLazy for Squares {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl Adaptor<LossInput> for Squares {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.squares.clone() * 0.5)
    }
}

#[derive(Module, Debug)]
struct Own {
    walker: Walker,
}

fn squares(output: RegressionOutput) -> Squares {
    Squares { count: output.targets.dims()[0], squares: output.loss * 2.0 }
}

impl TrainStep for Own {
    type Input = Tensor<2>;
    type Output = Squares;

    fn step(&self, rows: Tensor<2>) -> TrainOutput<Squares> {
        let output = TrainStep::step(&self.walker, rows);
        TrainOutput { grads: output.grads, item: squares(output.item) }
    }
}

impl InferenceStep for Own {
    type Input = Tensor<2>;
    type Output = Squares;

    fn step(&self, rows: Tensor<2>) -> Squares {
        squares(InferenceStep::step(&self.walker, rows))
    }
}

fn halved(output: &Squares) -> BatchLoss {
    BatchLoss { mean: output.squares.clone() * 0.5, samples: output.count }
}

/// Walks along the path; one validation batch of one sample after each step.
fn walked(model: Watched<Own>) -> Watched<Own> {
    let mut model = model;
    for point in &PATH[1..] {
        model = step(model, &mut sgd(), 1.0, training_batch(&[*point]));
        let valid = model.valid();
        let _ = InferenceStep::step(&valid, batch(&[[0.0; 2]]));
    }
    model.valid()
}

fn own(probe: &Probe) -> Watched<Own> {
    walked(probe.watch(Own { walker: Walker::at(&PATH[0]) }))
}

fn two_batches() -> [Tensor<2>; 2] {
    [batch(&[[0.0, 0.0]]), batch(&[[0.0, 1.0], [0.0, 1.0]])]
}

#[test]
fn a_loss_that_was_told_once_is_that_of_steps_validation_surface_and_curvature() {
    let run = Run::new();
    let probe = run.probe();
    probe.loss_of(halved);
    let model = probe.watch(Own { walker: Walker::at(&PATH[0]) });
    let gauge = LiveCurvature::new().every_steps(1);
    let model = probe.curvature(model, vec![training_batch(&[[0.0; 2]])], gauge).expect("a gauge");
    let model = walked(model);
    let mut study = probe.study(&model, &two_batches()).expect("a study");
    study.slice(&SliceSpec::pca()).expect("a slice");
    let gradient = study.gradient(&[training_batch(&[[0.0; 2]])]).expect("a direction");
    assert!(matches!(gradient, Direction::Given(_)));
    let spec = SharpnessSpec::new();
    let found = study.sharpness(&spec, &[training_batch(&[[0.0; 2]])]).expect("sharpness");
    let landscape = study.finish().expect("a landscape");
    assert_eq!(landscape.problems(), [] as [String; 0]);

    // Steps from (8, 4) to (2, 1): ½(36 + 9), then ½(4 + 4), then ½(1 + 4).
    let losses: Vec<f64> = run.steps().iter().filter_map(|step| step.loss).collect();
    assert_eq!(losses, [22.5, 4.0, 2.5]);
    // At (1, 1): ½·2 from (0, 0) and ½·1 twice from (0, 1).
    assert_close(run.slice("pca").centre_loss, 2.0 / 3.0, 1.0, "the mean over samples");
    assert_eq!((run.slice("pca").samples, run.slice("pca").loss.as_str()), (3, "closure"));
    // The Hessian of ½‖θ − s‖² is 1.
    assert_close(found.lambda_max(), 1.0, 1.0, "the largest eigenvalue");
    let live = run.records().into_iter().find_map(|record| match record {
        Record::Curvature(it) if it.reason == "live" => it.largest.first().copied(),
        _ => None,
    });
    assert_close(live.expect("a live measurement"), 1.0, 1.0, "the live eigenvalue");
}

#[test]
fn validation_losses_are_read_in_the_same_way() {
    let run = Run::new();
    let probe = run.probe();
    probe.loss_of(halved);
    let mut observer = probe.observe();
    let (mut model, mut optim) = (Own { walker: Walker::at(&PATH[0]) }, sgd());
    for point in &PATH[1..] {
        (model, _) = observer.train_step(&mut optim, 1.0, model, training_batch(&[*point]));
    }
    probe.close().expect("closed");
    let losses: Vec<f64> = run.steps().iter().filter_map(|step| step.loss).collect();
    assert_eq!(losses, [22.5, 4.0, 2.5]);
    let point = model.walker.point.val().into_data().try_to_vec::<f32>().expect("f32");
    assert_eq!(point, [1.0, 1.0]);
}

#[test]
fn the_last_word_about_a_type_holds() {
    let run = Run::new();
    let probe = run.probe();
    let zero = |output: &Squares| Loss::of_batch(output.squares.clone() * 0.0);
    probe.loss_of(zero).loss_of(|_: &RegressionOutput| -> BatchLoss { panic!("another type") });
    probe.loss_of(halved);
    own(&probe);
    probe.close().expect("closed");
    assert_eq!(run.steps()[0].loss, Some(22.5));
}

#[test]
fn a_standard_output_is_read_as_its_program_says() {
    let run = Run::new();
    let probe = run.probe();
    probe.loss_of(|output: &RegressionOutput| BatchLoss {
        mean: output.loss.clone() * 4.0,
        samples: output.targets.dims()[0],
    });
    let walker = walk(&probe, &PATH);
    probe.finish(&walker, &two_batches()).expect("a landscape");
    assert_eq!(run.steps()[0].loss, Some(90.0));
    assert_close(run.slice("pca").centre_loss, 8.0 / 3.0, 1.0, "four times as much");
}

#[test]
fn what_burns_own_metric_reads_needs_one_line() {
    let run = Run::new();
    let probe = run.probe();
    probe.loss_of(adapted_loss::<Squares>);
    let model = own(&probe);
    let landscape = probe.finish(&model, &two_batches()).expect("a landscape");
    assert_eq!(landscape.problems(), [] as [String; 0]);
    assert_eq!(run.steps()[0].loss, Some(22.5));
    // Batches weigh the same: (1 + ½) / 2.
    let slice = run.slice("pca");
    assert_eq!((slice.samples, slice.unit.as_str()), (2, "batches"));
    assert_close(slice.centre_loss, 0.75, 1.0, "the mean over batches");
    let summary = landscape.summary().join(" ");
    assert_names(&summary, &["over 2 batches", "not exactly the mean over samples"]);
}

#[test]
fn a_loss_that_is_not_known_is_told_while_training_goes_on() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let model = own(&probe);
    let recording = probe.close().expect("closed");
    let told = recording.problems().join("\n");
    assert_names(&told, &["Squares", "probe.loss_of(|output: &", "adapted_loss::<"]);
    // Told behind the head, before any step.
    let records = run.records();
    let place = |is: &dyn Fn(&Record) -> bool| records.iter().position(is).expect("a record");
    let note = place(&|record| matches!(record, Record::Note(note) if told == note.text));
    assert!(note < place(&|record| matches!(record, Record::Step(_))), "{records:?}");
    drop(model);
}

// ---- models without traits ---------------------------------------------------------------------

/// A point, and nothing that burn knows of it.
#[derive(Module, Debug)]
struct Plain {
    point: Param<Tensor<2>>,
}

impl Plain {
    fn half_squares(&self, samples: Tensor<2>) -> Tensor<1> {
        let [count, _] = samples.dims();
        let apart = self.point.val().repeat_dim(0, count) - samples;
        apart.powi_scalar(2).sum_dim(1).mean() * 0.5
    }
}

/// Walks along the path in a hand-written loop.
fn plain(probe: &Probe) -> Plain {
    let mut observer = probe.observe();
    let Walker { point } = Walker::at(&PATH[0]);
    let (mut model, mut optim) = (Plain { point }, sgd());
    for point in &PATH[1..] {
        let loss = model.half_squares(training_batch(&[*point]));
        observer.loss(&loss, 1);
        let grads = burn::optim::GradientsParams::from_grads(loss.backward(), &model);
        model = observer.step(&mut optim, 1.0, model, grads);
        observer.epoch_done(&model);
    }
    model
}

#[test]
fn a_model_without_traits_has_the_surface_of_one_that_has_them() {
    let run = Run::new();
    let probe = run.probe();
    let model = plain(&probe);
    let landscape = probe.finish_with_loss(&model, &two_batches(), |model, batch| {
        let samples = batch.dims()[0];
        BatchLoss { mean: model.half_squares(batch), samples }
    });
    assert_eq!(landscape.expect("a landscape").problems(), [] as [String; 0]);
    let other = Run::new();
    let probe = other.probe();
    let walker = walk(&probe, &PATH);
    probe.finish(&walker, &two_batches()).expect("a landscape");
    for name in ["pca", "random"] {
        assert_eq!(bits(&run.losses(name)), bits(&other.losses(name)));
    }
}

#[test]
fn a_model_with_its_loss_serves_a_study_too() {
    let run = Run::new();
    let probe = run.probe();
    let model = WithLoss::new(plain(&probe), |model: &Plain, batch: Tensor<2>| {
        Loss::over_samples(model.half_squares(batch.clone()), batch.dims()[0])
    });
    let mut study = probe.study(&model, &two_batches()).expect("a study");
    let slice = study.slice(&SliceSpec::pca()).expect("a slice");
    assert_close(slice.slice.centre_loss, 2.0 / 3.0, 1.0, "the mean over samples");
    study.finish().expect("a landscape");
    // A later process has the same words.
    let mut study = burnscape::Run::open(run.path()).expect("a run").quiet();
    study = study.seed(3);
    let mut study = study.study(&model, &two_batches()).expect("a study");
    study.slice(&SliceSpec::random()).expect("a slice");
    study.finish().expect("a landscape");
}

#[test]
fn a_closure_that_fails_on_the_first_batch_is_told() {
    let run = Run::new();
    let probe = run.probe();
    let model = plain(&probe);
    let landscape = probe.finish_with_loss(&model, &two_batches(), |model, batch| {
        Loss::over_samples(model.half_squares(batch), 0)
    });
    let problems = landscape.expect("never fails").problems().join("\n");
    assert_names(&problems, &["batch 0", "no samples"]);
}

// ---- what is counted ---------------------------------------------------------------------------

/// One number a position, for sequences of any length.
#[derive(Module, Debug)]
struct Speaker {
    point: Param<Tensor<2>>,
}

/// Sequences of token numbers, padded with 0.
#[derive(Debug, Clone)]
struct Text(Tensor<2, Int>);

impl Speaker {
    fn new() -> Self {
        let Walker { point } = Walker::at(&[0.5, -0.5]);
        Self { point }
    }

    /// The mean over tokens alone of −log softmax, and the logits.
    fn loss(&self, text: &Text) -> (Tensor<1>, Tensor<2>, Tensor<1, Int>) {
        let [sequences, length] = text.0.dims();
        let targets = text.0.clone().reshape([sequences * length]);
        let logits = self.point.val().repeat_dim(0, sequences * length);
        let probabilities = burn::tensor::activation::log_softmax(logits.clone(), 1);
        let rows: Tensor<2, Int> = targets.clone().reshape([sequences * length, 1]);
        let chosen: Tensor<1> = probabilities.gather(1, rows).reshape([sequences * length]);
        let is_token = targets.clone().float();
        ((chosen * is_token.clone()).sum().neg() / is_token.sum(), logits, targets)
    }
}

impl TrainStep for Speaker {
    type Input = Text;
    type Output = ClassificationOutput;

    fn step(&self, text: Text) -> TrainOutput<ClassificationOutput> {
        let output = InferenceStep::step(self, text);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Speaker {
    type Input = Text;
    type Output = ClassificationOutput;

    fn step(&self, text: Text) -> ClassificationOutput {
        let (loss, logits, targets) = self.loss(&text);
        ClassificationOutput::new(loss, logits, targets)
    }
}

/// So many tokens, in a batch as long as its longest sequence.
#[derive(Clone)]
struct Padded;

impl Batcher<usize, Text> for Padded {
    fn batch(&self, lengths: Vec<usize>, device: &Device) -> Text {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let row = |&length: &usize| (0..longest).map(move |place| i64::from(place < length));
        let tokens: Vec<i64> = lengths.iter().flat_map(row).collect();
        Text(Tensor::from_data(TensorData::new(tokens, [lengths.len(), longest]), device))
    }
}

/// Eight sequences in batches of four: 4 × 5 and 4 × 9 positions, 10 and 20 tokens.
fn texts() -> std::sync::Arc<dyn burn::data::dataloader::DataLoader<Text>> {
    let lengths = vec![1, 2, 2, 5, 3, 3, 5, 9];
    DataLoaderBuilder::new(Padded).batch_size(4).build(InMemDataset::new(lengths))
}

fn spoken(probe: &Probe) -> Watched<Speaker> {
    let mut model = probe.watch(Speaker::new());
    for _ in 0..3 {
        let text = Padded.batch(vec![2, 3], &device());
        model = step(model, &mut sgd(), 0.5, text);
        let _ = model.valid();
    }
    model.valid()
}

#[test]
fn rows_that_are_no_items_of_a_loader_are_called_positions() {
    let run = Run::new();
    let probe = run.probe();
    let model = spoken(&probe);
    let landscape = probe.finish(&model, &texts()).expect("a landscape");
    assert_eq!(landscape.problems(), [] as [String; 0]);
    let slice = run.slice("pca");
    assert_eq!((slice.samples, slice.unit.as_str()), (56, "positions"));
    let summary = landscape.summary().join(" ");
    assert_names(&summary, &["over 56 positions", "not exactly the mean over tokens"]);
}

#[test]
fn tokens_are_counted_where_the_program_counts_them() {
    let run = Run::new();
    let probe = run.probe();
    probe.loss_of(|output: &ClassificationOutput| {
        let tokens = output.targets.clone().sum().into_scalar::<i64>();
        Loss::over_tokens(output.loss.clone(), tokens as usize)
    });
    let model = spoken(&probe);
    let mut study = probe.study(&model, &texts()).expect("a study");
    // Half of the tokens of every batch.
    study.measure_over("share", |output| {
        let tokens = output.targets.clone().sum().into_scalar::<i64>();
        Loss::over_tokens(Tensor::from_floats([0.5], &output.output.device()), tokens as usize)
    });
    study.slice(&SliceSpec::pca()).expect("a slice");
    let landscape = study.finish().expect("a landscape");
    let slice = run.slice("pca");
    assert_eq!((slice.samples, slice.unit.as_str()), (30, "tokens"));
    let layer = &slice.layers[0];
    assert_eq!((layer.samples, layer.unit.as_str(), layer.centre), (30, "tokens", 0.5));
    assert_names(&landscape.summary().join(" "), &["over 30 tokens"]);
    assert!(!landscape.summary().join(" ").contains("not exactly"));
}

#[test]
fn a_sequence_counts_its_positions() {
    let run = Run::new();
    let probe = run.probe();
    let model = plain(&probe);
    let as_sequences = |output: &SequenceOutput| {
        // What burnscape reads by itself, and that is said here for `WithLoss`.
        let [sequences, length] = output.targets.dims();
        Loss::over_positions(output.loss.clone(), sequences * length)
    };
    let landscape = probe.finish_with_loss(&model, &two_batches(), |model, batch| {
        let [count, _] = batch.dims();
        let device = batch.device();
        let targets = Tensor::<2, Int>::zeros([count, 7], &device);
        let logits = Tensor::<3>::zeros([count, 7, 2], &device);
        let loss = model.half_squares(batch);
        as_sequences(&SequenceOutput::new(loss, logits, None, targets))
    });
    landscape.expect("a landscape");
    let slice = run.slice("pca");
    assert_eq!((slice.samples, slice.unit.as_str()), (21, "positions"));
}
