//! `Probe::training` is burn's builder: everything of the user's is kept and called as without a probe, in any order
//! of calls, and everything is recorded.

use burnscape_trace::record;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use burn::data::dataloader::DataLoader;
use burn::module::Module;
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor};
use burn::train::checkpoint::{CheckpointingAction, CheckpointingStrategy};
use burn::train::logger::{
    EvaluationProgressLogger, InMemoryMetricLogger, MetricLogger, TrainingProgressLogger,
};
use burn::train::metric::store::{
    Aggregate, Direction, EpochSummary, EventStoreClient, MetricsUpdate, Split,
};
use burn::train::metric::{LearningRateMetric, LossMetric, MetricDefinition, NumericEntry};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use burn::train::{
    EarlyStoppingStrategy, EvaluatorBuilder, ExecutionStrategy, Interrupter, Learner,
    LearnerSummary, MetricEarlyStoppingStrategy, StoppingCondition, SupervisedTraining,
    TrainingStrategy,
};
use burnscape::trace::{End, Epoch, Head, Metric, Record, Step};
use burnscape::{Probe, Training};
use tempfile::{TempDir, tempdir};

use super::rows::{self, loader};
use super::support::{Bowl, epochs, records, steps};

fn bowl() -> Bowl {
    bowl_on(&Device::flex().autodiff())
}

fn bowl_on(device: &Device) -> Bowl {
    Bowl::at(&[3.0], &[-1.0], device)
}

/// burn leaves a model that is on its device as it is, and wants the same of all tensors.
fn checkpointing() -> Device {
    Device::flex().autodiff().gradient_checkpointing()
}

/// What the parts of the user's were told: kind of part → calls, in their order.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<BTreeMap<&'static str, Vec<String>>>>);

impl Witness {
    fn note(&self, part: &'static str, call: impl Into<String>) {
        self.0.lock().unwrap().entry(part).or_default().push(call.into());
    }

    fn calls(&self) -> BTreeMap<&'static str, Vec<String>> {
        self.0.lock().unwrap().clone()
    }
}

/// A progress logger, a renderer, a metric logger and strategies of the user's, all of which tell the witness.
struct Part(Witness, &'static str);

impl TrainingProgressLogger for Part {
    fn start(&mut self, epochs: usize, first: usize, items: Option<usize>, label: Option<&str>) {
        self.0.note(self.1, format!("start {epochs} {first} {items:?} {label:?}"));
    }

    fn update_epoch(&mut self, epoch: usize) {
        self.0.note(self.1, format!("epoch {epoch}"));
    }

    fn start_split(&mut self, split: &str, items: usize) {
        self.0.note(self.1, format!("split {split} {items}"));
    }

    fn update_split(&mut self, items: usize) {
        self.0.note(self.1, format!("items {items}"));
    }

    fn end_split(&mut self) {
        self.0.note(self.1, "end of split");
    }

    fn end(&mut self) {
        self.0.note(self.1, "end");
    }

    fn log_event_training(&mut self, event: String) {
        self.0.note(self.1, event);
    }
}

impl EvaluationProgressLogger for Part {
    fn start_global_progress(&mut self, tests: usize) {
        self.0.note(self.1, format!("tests {tests}"));
    }

    fn start_test(&mut self, name: &str, items: usize) {
        self.0.note(self.1, format!("test {name} {items}"));
    }

    fn update_test_progress(&mut self, items: usize) {
        self.0.note(self.1, format!("test items {items}"));
    }

    fn end_test(&mut self) {
        self.0.note(self.1, "end of test");
    }

    fn end_global_progress(&mut self) {
        self.0.note(self.1, "end of tests");
    }

    fn log_event_evaluation(&mut self, event: String) {
        self.0.note(self.1, event);
    }
}

impl MetricsRendererTraining for Part {
    fn update_train(&mut self, state: MetricState) {
        self.0.note(self.1, format!("train {state:?}"));
    }

    fn update_valid(&mut self, state: MetricState) {
        self.0.note(self.1, format!("valid {state:?}"));
    }

    fn on_train_end(&mut self, summary: Option<LearnerSummary>) -> Result<(), Box<dyn Error>> {
        self.0.note(self.1, summary.map_or("no summary".to_owned(), |it| it.to_string()));
        Ok(())
    }
}

impl MetricsRendererEvaluation for Part {
    fn update_test(&mut self, name: EvaluationName, state: MetricState) {
        self.0.note(self.1, format!("{name} {state:?}"));
    }

    fn on_test_end(&mut self, summary: Option<LearnerSummary>) -> Result<(), Box<dyn Error>> {
        self.0.note(self.1, summary.map_or("no summary".to_owned(), |it| it.to_string()));
        Ok(())
    }
}

impl MetricsRenderer for Part {
    fn manual_close(&mut self) {
        self.0.note(self.1, "closed");
    }

    fn register_metric(&mut self, definition: MetricDefinition) {
        self.0.note(self.1, format!("metric {}", definition.name));
    }
}

/// burn's logger in memory, watched.
struct Logger(Witness, InMemoryMetricLogger);

impl MetricLogger for Logger {
    fn log(&mut self, update: MetricsUpdate, epoch: usize, split: &Split) {
        let values = update.entries_numeric.iter().map(|it| it.entry.serialized_entry.clone());
        let values: Vec<String> = values.map(|it| it.serialized).collect();
        self.0.note("metric logger", format!("{split} {epoch} {values:?}"));
        self.1.log(update, epoch, split);
    }

    fn read_numeric(
        &mut self,
        name: &str,
        epoch: usize,
        split: &Split,
    ) -> Result<Vec<NumericEntry>, String> {
        self.1.read_numeric(name, epoch, split)
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        self.1.log_metric_definition(definition);
    }

    fn log_epoch_summary(&mut self, summary: EpochSummary) {
        self.0.note("metric logger", format!("{:?}", (summary.epoch_number, &summary.split)));
        self.1.log_epoch_summary(summary);
    }
}

/// Stops after the third epoch, and says what it could ask.
#[derive(Clone)]
struct AfterThree(Witness);

impl EarlyStoppingStrategy for AfterThree {
    fn should_stop(&mut self, epoch: usize, store: &EventStoreClient) -> bool {
        let loss = store.find_metric("Loss", epoch, Aggregate::Mean, &Split::Valid);
        self.0.note("early stopping", format!("{epoch} {loss:?}"));
        epoch == 3
    }
}

/// Keeps every epoch, and says what it could ask.
struct KeepAll(Witness);

impl CheckpointingStrategy for KeepAll {
    fn checkpointing(
        &mut self,
        epoch: usize,
        store: &EventStoreClient,
    ) -> Vec<CheckpointingAction> {
        let best = store.find_epoch("Loss", Aggregate::Mean, Direction::Lowest, &Split::Valid);
        self.0.note("checkpoints", format!("{epoch} {best:?}"));
        vec![CheckpointingAction::Save]
    }
}

/// A call of the builder.
type Call<B> = Box<dyn FnOnce(B) -> B>;

/// One call of each method, in the order of burn's page.
macro_rules! calls {
    ($builder:ty, $witness:expr) => {{
        let witness: &Witness = $witness;
        let part = |kind| Part(witness.clone(), kind);
        let single = ExecutionStrategy::single(Device::flex());
        let (logger, progress) =
            (Logger(witness.clone(), InMemoryMetricLogger::new()), part("progress logger"));
        let (renderer, stop) = (part("renderer"), AfterThree(witness.clone()));
        let keep = KeepAll(witness.clone());
        let calls: Vec<Call<$builder>> = vec![
            Box::new(move |it| it.with_training_strategy(TrainingStrategy::Default(single))),
            Box::new(move |it| it.with_metric_logger(logger)),
            Box::new(move |it| it.with_progress_logger(progress)),
            Box::new(move |it| it.with_checkpointing_strategy(keep)),
            Box::new(move |it| it.renderer(Box::new(renderer))),
            Box::new(|it| it.metrics((LossMetric::new(),))),
            Box::new(|it| it.metric_train_numeric(LearningRateMetric::new())),
            Box::new(|it| it.grads_accumulation(2)),
            Box::new(|it| it.gradient_checkpointing()),
            Box::new(|it| it.num_epochs(5)),
            Box::new(|it| it.with_interrupter(Interrupter::new())),
            Box::new(move |it| it.early_stopping(stop)),
            Box::new(|it| it.with_application_logger(None)),
            Box::new(|it| it.with_default_checkpointers()),
            Box::new(|it| it.summary()),
            Box::new(|it| it.label("a label")),
        ];
        calls
    }};
}

/// What a training leaves behind.
struct Outcome {
    weights: Vec<f32>,
    calls: BTreeMap<&'static str, Vec<String>>,
    checkpoints: Vec<String>,
    records: Vec<Record>,
}

fn checkpoints(burn: &Path) -> Vec<String> {
    let files = std::fs::read_dir(burn.join("checkpoint")).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn bare() -> Outcome {
    let (dir, witness) = (tempdir().expect("a folder"), Witness::default());
    let training = SupervisedTraining::new(dir.path().join("burn"), loader(6), loader(4));
    let calls = calls!(SupervisedTraining<Bowl>, &witness);
    let training = calls.into_iter().fold(training, |training, call| call(training));
    let result =
        training.launch(Learner::new(bowl_on(&checkpointing()), SgdConfig::new().init(), 0.25));
    let weights = result.model.values();
    drop(result);
    let checkpoints = checkpoints(&dir.path().join("burn"));
    Outcome { weights, calls: witness.calls(), checkpoints, records: Vec::new() }
}

/// The same with a probe; the calls come in an order of the seed's.
fn watched(seed: u64) -> Outcome {
    let (dir, witness) = (tempdir().expect("a folder"), Witness::default());
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).quiet().start().expect("a probe");
    let training = probe.training(dir.path().join("burn"), loader(6), loader(4));
    let mut calls = calls!(Training<Bowl>, &witness);
    shuffle(&mut calls, seed);
    let training = calls.into_iter().fold(training, |training, call| call(training));
    let result = training.launch(bowl_on(&checkpointing()), SgdConfig::new().init(), 0.25);
    let weights = result.model.values();
    drop(result);
    assert_eq!(probe.close().expect("closed").problems(), [] as [String; 0]);
    let checkpoints = checkpoints(&dir.path().join("burn"));
    Outcome { weights, calls: witness.calls(), checkpoints, records: records(&run) }
}

/// Fisher and Yates, by a congruential generator (Knuth's constants); 0 leaves the order.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev().filter(|_| seed > 0) {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (state >> 33) as usize % (last + 1));
    }
}

/// The records without times and names that are made for one run, as sorted texts: events of two threads may come in
/// any order. What depends on the time that is left is out.
fn comparable(records: &[Record]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().filter_map(without_time).collect();
    texts.sort();
    // The head is repeated, as often as there are bytes between.
    texts.dedup();
    texts
}

fn without_time(record: &Record) -> Option<String> {
    let record = match record.clone() {
        Record::Progress(_) | Record::Trajectory(_) => return None,
        Record::Note(note) if note.text.contains("the disk has") => return None,
        Record::Head(head) => {
            Record::Head(record!(Head { run_id: String::new(), started_unix_secs: 0.0, ..head }))
        }
        Record::Step(step) => Record::Step(record!(Step { elapsed_secs: 0.0, ..step })),
        Record::Blackbox(mut black_box) => {
            black_box.steps.iter_mut().for_each(|step| step.elapsed_secs = 0.0);
            Record::Blackbox(black_box)
        }
        Record::Epoch(epoch) => Record::Epoch(record!(Epoch { elapsed_secs: 0.0, ..epoch })),
        Record::End(end) => Record::End(record!(End { elapsed_secs: 0.0, tally: None, ..end })),
        other => other,
    };
    Some(format!("{record:?}"))
}

#[test]
fn whatever_the_order_of_calls_everything_is_called_as_without_a_probe_and_the_trace_is_the_same() {
    let bare = bare();
    let kinds = ["checkpoints", "early stopping", "metric logger", "progress logger", "renderer"];
    assert!(bare.calls.keys().eq(&kinds), "{:?}", bare.calls.keys());
    let first = watched(0);
    let trace = comparable(&first.records);
    // Three epochs of three batches, of which two and one make a step.
    assert_eq!(steps(&first.records).len(), 6);
    assert_eq!(epochs(&first.records).len(), 3);
    for seed in 0..24 {
        let outcome = watched(seed);
        assert_eq!(outcome.weights, bare.weights, "order {seed}");
        assert_eq!(outcome.checkpoints, bare.checkpoints, "order {seed}");
        assert_same_calls(&outcome.calls, &bare.calls, seed);
        assert_eq!(comparable(&outcome.records), trace, "order {seed}");
    }
}

/// Metrics are registered in the order of their calls, and so are the values of a batch.
fn assert_same_calls(
    found: &BTreeMap<&'static str, Vec<String>>,
    expected: &BTreeMap<&'static str, Vec<String>>,
    seed: u64,
) {
    for (part, calls) in expected {
        let sorted = |calls: &[String]| {
            let mut calls: Vec<String> = calls.iter().map(|call| sorted_values(call)).collect();
            let is_a_renderer = *part == "renderer" || *part == "metric logger";
            is_a_renderer.then(|| calls.sort());
            calls
        };
        assert_eq!(sorted(&found[part]), sorted(calls), "{part} in order {seed}");
    }
}

/// The values of a line of the metric logger in the order of their digits.
fn sorted_values(call: &str) -> String {
    let Some((before, list)) = call.split_once('[') else { return call.to_owned() };
    let mut values: Vec<&str> = list.trim_end_matches(']').split(", \"").collect();
    values.iter_mut().for_each(|value| *value = value.trim_matches('"'));
    values.sort_unstable();
    format!("{before}{values:?}")
}

// ---- what burn itself keeps ---------------------------------------------------------------------

/// Diverges, so that the validation loss is worse in every epoch.
const DIVERGING: f64 = 2.5;

fn impatient() -> MetricEarlyStoppingStrategy {
    let (metric, n_epochs) = (LossMetric::new(), 2);
    MetricEarlyStoppingStrategy::new(
        &metric,
        Aggregate::Mean,
        Direction::Lowest,
        Split::Valid,
        StoppingCondition::NoImprovementSince { n_epochs },
    )
}

/// Every file below burn's folder: name → text, and the summary, with burn's own metric logger.
type Files = BTreeMap<PathBuf, String>;

fn logs(burn: &Path) -> Files {
    let mut files = Files::new();
    for split in ["train", "valid"] {
        for epoch in std::fs::read_dir(burn.join(split)).expect("burn's logs") {
            let file = epoch.expect("an entry").path().join("Loss.log");
            let text = std::fs::read_to_string(&file).expect("a log");
            files.insert(file.strip_prefix(burn).expect("below").to_path_buf(), text);
        }
    }
    files
}

/// The defaults of burn but for what ends training early: logs, checkpoints and summary.
macro_rules! by_defaults {
    ($training:expr, $witness:expr) => {
        $training
            .metrics((LossMetric::new(),))
            .with_application_logger(None)
            .with_default_checkpointers()
            .early_stopping(impatient())
            .num_epochs(9)
            .renderer(Box::new(Part($witness.clone(), "renderer")))
            .summary()
    };
}

fn summary(witness: &Witness) -> String {
    let calls = witness.calls().remove("renderer").expect("a renderer");
    calls.into_iter().find(|call| call.contains("Learner Summary")).expect("a summary")
}

#[test]
fn early_stopping_summary_logs_and_checkpoints_are_those_of_a_bare_run() {
    let (bare_dir, bare) = (tempdir().expect("a folder"), Witness::default());
    let burn = bare_dir.path().join("burn");
    let training = SupervisedTraining::new(&burn, loader(6), loader(4));
    let learner = Learner::new(bowl(), SgdConfig::new().init(), DIVERGING);
    let expected = by_defaults!(training, bare).launch(learner).model.values();

    let (dir, witness) = (tempdir().expect("a folder"), Witness::default());
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).quiet().start().expect("a probe");
    let training = probe.training(dir.path().join("burn"), loader(6), loader(4));
    let training = by_defaults!(training, witness);
    let result = training.launch(bowl(), SgdConfig::new().init(), DIVERGING);
    assert_eq!(result.model.values(), expected);
    drop(result);
    probe.close().expect("closed");

    let watched = dir.path().join("burn");
    assert_eq!(logs(&watched), logs(&burn));
    assert_eq!(checkpoints(&watched), checkpoints(&burn));
    assert_eq!(summary(&witness), summary(&bare));
    // The best of all epochs is the first, so that two without improvement end it after the third.
    assert_eq!(logs(&burn).len(), 2 * 3);
    assert_eq!(end(&run), "early-stopping");
    let told = notes(&run);
    let expected = "early stopping ended training after 3 of 9 epochs";
    assert!(told.contains(&expected.to_owned()), "{told:?}");
    assert_metrics_are_the_final_values(&run, &logs(&burn));
}

/// The metrics of the trace against the last line of burn's files.
fn assert_metrics_are_the_final_values(run: &Path, logs: &Files) {
    for (file, text) in logs {
        let parts: Vec<String> =
            file.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let epoch: u64 = parts[1].trim_start_matches("epoch-").parse().expect("a number");
        let last = text.lines().last().expect("a line");
        let expected: f64 = last.strip_suffix(",final").expect("final").parse().expect("a number");
        let found: Vec<f64> = metrics(run)
            .iter()
            .filter(|it| it.split == parts[0] && it.epoch == epoch && it.name == "Loss")
            .map(|it| it.value)
            .collect();
        assert_eq!(found, [expected], "{}", file.display());
    }
}

fn metrics(run: &Path) -> Vec<Metric> {
    let metric = |record| match record {
        Record::Metric(metric) => Some(metric),
        _ => None,
    };
    records(run).into_iter().filter_map(metric).collect()
}

fn notes(run: &Path) -> Vec<String> {
    let note = |record| match record {
        Record::Note(note) => Some(note.text),
        _ => None,
    };
    records(run).into_iter().filter_map(note).collect()
}

fn end(run: &Path) -> String {
    match records(run).pop() {
        Some(Record::End(end)) => end.reason.into(),
        other => panic!("the trace ends with {other:?}"),
    }
}

// ---- metrics with any renderer --------------------------------------------------------------------

/// Trains two epochs with a renderer, and tests with the one that training gave back.
fn trained_and_tested(
    dir: &TempDir,
    renderer: impl Fn(&Probe) -> Option<Box<dyn MetricsRenderer>>,
) {
    let probe = Probe::builder(dir.path().join("run")).quiet().start().expect("a probe");
    let training = probe
        .training(dir.path().join("burn"), loader(6), loader(4))
        .metrics((LossMetric::new(),))
        .with_application_logger(None)
        .num_epochs(2);
    let training = match renderer(&probe) {
        Some(renderer) => training.renderer(renderer),
        None => training,
    };
    let result = training.launch(bowl(), SgdConfig::new().init(), 0.25);
    let evaluator = EvaluatorBuilder::new(dir.path().join("burn"))
        .renderer(result.renderer)
        .with_application_logger(None)
        .metrics((LossMetric::new(),))
        .build(result.model);
    drop(evaluator.eval("holdout", loader(6)));
    probe.close().expect("closed");
}

#[test]
fn metrics_reach_the_trace_once_with_any_renderer_and_those_of_tests_are_means_over_samples() {
    let of = |renderer: &dyn Fn(&Probe) -> Option<Box<dyn MetricsRenderer>>| {
        let dir = tempdir().expect("a folder");
        trained_and_tested(&dir, renderer);
        let told = metrics(&dir.path().join("run")).into_iter();
        told.map(|it| (it.split, it.name, it.epoch, it.step, it.value)).collect::<Vec<_>>()
    };
    let burns = of(&|_| None);
    let places: Vec<_> = burns.iter().map(|it| (it.0.as_str(), it.2, it.3)).collect();
    let expected = [
        ("train", 1, 3),
        ("valid", 1, 3),
        ("train", 2, 6),
        ("valid", 2, 6),
        ("test holdout", 2, 6),
    ];
    assert_eq!(places, expected);
    assert_eq!(of(&|_| Some(Box::new(Part(Witness::default(), "renderer")))), burns);
    assert_eq!(of(&|probe| Some(probe.lines())), burns);
    // θ = (3, -1) is drawn to the mean of each batch by a quarter, six times; L is half the mean square distance.
    let mut point = [3.0_f64, -1.0];
    let rows: Vec<[f64; 2]> = (0..6).map(|i| [f64::from(i) / 8.0, f64::from(i) / 4.0]).collect();
    for batch in rows.chunks(2).chain(rows.chunks(2)) {
        for (axis, value) in point.iter_mut().enumerate() {
            *value += 0.25 * ((batch[0][axis] + batch[1][axis]) / 2.0 - *value);
        }
    }
    let square = |row: &[f64; 2]| (point[0] - row[0]).powi(2) + (point[1] - row[1]).powi(2);
    let expected = rows.iter().map(square).sum::<f64>() / 12.0;
    let found = burns[4].4;
    assert!((found - expected).abs() < 1e-6 * expected, "{found} {expected}");
}

// ---- ends -----------------------------------------------------------------------------------------

/// How a training of five epochs of three batches ends.
fn ended(
    dir: &TempDir,
    train: Arc<dyn DataLoader<Tensor<2>>>,
    later: Option<rows::Later>,
) -> String {
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).quiet().start().expect("a probe");
    let training = probe
        .training(dir.path().join("burn"), train, loader(4))
        .metrics((LossMetric::new(),))
        .with_application_logger(None)
        .num_epochs(5)
        .renderer(Probe::disabled().lines());
    if let Some(later) = later {
        later.set(training.interrupter()).unwrap_or_else(|_| panic!("set once"));
    }
    training.launch(bowl(), SgdConfig::new().init(), 0.25);
    probe.close().expect("closed");
    end(&run)
}

#[test]
fn a_training_that_was_interrupted_says_where_and_why() {
    let dir = tempdir().expect("a folder");
    let (rows, later) = rows::interrupting(5);
    assert_eq!(ended(&dir, rows::loader_by(rows, 6), Some(later)), "interrupted");
    let run = dir.path().join("run");
    let told = notes(&run);
    let expected = "training was interrupted after 1 of 5 epochs: the test asks for it";
    assert!(told.contains(&expected.to_owned()), "{told:?}");
    assert_eq!(epochs(&records(&run)).len(), 1);
}

#[test]
fn an_interruption_that_came_too_late_to_leave_anything_out_is_none() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).quiet().start().expect("a probe");
    // The last batch of the validation of the last epoch.
    let (rows, later) = rows::interrupting(10);
    let training = probe
        .training(dir.path().join("burn"), loader(6), rows::loader_by(rows, 4))
        .with_application_logger(None)
        .num_epochs(5)
        .renderer(Probe::disabled().lines());
    later.set(training.interrupter()).unwrap_or_else(|_| panic!("set once"));
    let result = training.launch(bowl(), SgdConfig::new().init(), 0.25);
    assert!(result.interrupted.is_some(), "burn was asked to stop");
    probe.close().expect("closed");
    assert_eq!(end(&run), "finished");
    assert_eq!(steps(&records(&run)).len(), 15);
}

#[test]
fn a_row_that_cannot_be_read_is_a_failure_with_its_reason() {
    let dir = tempdir().expect("a folder");
    assert_eq!(ended(&dir, rows::broken_loader(6, 3), None), "failed");
    let told = notes(&dir.path().join("run")).join("\n");
    assert!(told.contains("in the first of 5 epochs") && told.contains("breaks a row"), "{told}");
}

#[test]
fn a_training_that_goes_on_to_its_end_is_finished() {
    let dir = tempdir().expect("a folder");
    assert_eq!(ended(&dir, loader(6), None), "finished");
    let told = notes(&dir.path().join("run")).join("\n");
    assert!(!told.contains("training was") && !told.contains("ended training"), "{told}");
}

/// Trains a model that the first training gave on, through the same probe.
#[test]
fn a_second_launch_on_one_probe_is_a_phase_of_one_run() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).quiet().start().expect("a probe");
    let phase = |model: Bowl, epochs: usize| {
        let training = probe
            .training(dir.path().join("burn"), loader(6), loader(4))
            .metrics((LossMetric::new(),))
            .with_application_logger(None)
            .num_epochs(epochs)
            .renderer(Probe::disabled().lines());
        training.launch(model.train(), SgdConfig::new().init(), 0.25).model
    };
    let model = phase(phase(phase(bowl(), 2), 3), 1);
    let recording = probe.close().expect("closed");
    assert_eq!(recording.problems(), [""; 0]);
    drop(model);
    let all = records(&run);
    let numbers: Vec<u64> = epochs(&all).iter().map(|it| it.epoch).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let places: Vec<_> = steps(&all).iter().map(|it| (it.step, it.epoch, it.iteration)).collect();
    let expected = (0..18).map(|step| (step, Some(step / 3 + 1), Some(step % 3 + 1)));
    assert_eq!(places, expected.collect::<Vec<_>>());
    let of_metrics: Vec<u64> = metrics(&run).iter().map(|it| it.epoch).collect();
    assert_eq!(of_metrics, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    let snapshots = all.iter().filter_map(|record| match record {
        Record::Snapshot(it) => Some((it.epoch, it.step)),
        _ => None,
    });
    let expected = (0..=6).map(|epoch| (Some(epoch), 3 * epoch));
    assert_eq!(snapshots.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let planned = all.iter().rev().find_map(|record| match record {
        Record::Head(head) => head.epochs_planned,
        _ => None,
    });
    assert_eq!((planned, end(&run).as_str()), (Some(6), "finished"));
    let told = notes(&run).join("\n");
    assert!(
        told.contains("its epoch 1 is epoch 3 here") && told.contains("is epoch 6 here"),
        "{told}"
    );
}

/// Another model of the same structure, as for a second fold.
#[test]
fn a_second_launch_with_another_model_is_told_and_not_recorded() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("run");
    let probe = Probe::builder(&run).quiet().start().expect("a probe");
    for point in [3.0, 5.0] {
        let training = probe
            .training(dir.path().join("burn"), loader(6), loader(4))
            .with_application_logger(None)
            .num_epochs(2)
            .renderer(Probe::disabled().lines());
        let model = Bowl::at(&[point], &[-1.0], &Device::flex().autodiff());
        training.launch(model, SgdConfig::new().init(), 0.25);
    }
    let recording = probe.close().expect("closed");
    let problems = recording.problems();
    assert!(problems.len() == 1 && problems[0].contains("probe.child("), "{problems:?}");
    let all = records(&run);
    let numbers: Vec<u64> = epochs(&all).iter().map(|it| it.epoch).collect();
    assert_eq!((numbers, steps(&all).len()), (vec![1, 2], 6));
}

#[test]
fn a_disabled_probe_trains_all_the_same() {
    let dir = tempdir().expect("a folder");
    let training = |probe: &Probe| {
        let training = probe.training(dir.path().join("burn"), loader(6), loader(4));
        let training = training.with_application_logger(None).num_epochs(2);
        let training = training.renderer(Probe::disabled().lines());
        training.launch(bowl(), SgdConfig::new().init(), 0.25).model.values()
    };
    let probe = Probe::builder(dir.path().join("run")).quiet().start().expect("a probe");
    assert_eq!(training(&Probe::disabled()), training(&probe));
}

/// The diff of the guide: the bare model that `launch` gives, on the loader of validation, given or kept.
#[test]
fn the_model_that_training_gives_has_its_landscape_on_the_loader_of_validation() {
    let finished = |is_kept: bool| {
        let dir = tempdir().expect("a folder");
        let builder = Probe::builder(dir.path().join("run")).quiet().resolution(5, 5).agreement(0);
        let probe = builder.start().expect("a probe");
        let valid = loader(5);
        let training = probe.training(dir.path().join("burn"), loader(6), valid.clone());
        let training = training.with_application_logger(None).num_epochs(3);
        let training = training.renderer(Probe::disabled().lines());
        let result = training.launch(bowl(), SgdConfig::new().init(), 0.25);
        let landscape = match is_kept {
            true => probe.surface(&result.model),
            false => probe.finish(&result.model, &valid),
        };
        let landscape = landscape.expect("never fails");
        assert_eq!(landscape.problems(), [] as [String; 0]);
        assert_eq!(end(&dir.path().join("run")), "finished");
        let slice = landscape.slice("pca").expect("a slice").clone();
        let snapshots = records(&dir.path().join("run"));
        let snapshots = snapshots.iter().filter(|it| matches!(it, Record::Snapshot(_))).count();
        (slice.slice.samples, slice.slice.centre_loss.to_bits(), snapshots)
    };
    let (samples, loss, snapshots) = finished(false);
    assert_eq!(samples, 5);
    // Before training, after three epochs, and the model that was given back.
    assert_eq!(snapshots, 5);
    assert_eq!(finished(true), (samples, loss, snapshots));
}
