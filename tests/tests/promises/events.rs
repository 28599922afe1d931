//! The truth needs no events: where burn's progress events do not come, steps are recorded all the same, and epochs are
//! counted from validations.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use burn::data::dataloader::Progress;
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor};
use burn::train::logger::TrainingProgressLogger;
use burn::train::metric::LossMetric;
use burn::train::{
    EventProcessorTraining, InferenceStep, Learner, LearnerEvent, LearnerModel,
    SupervisedLearningStrategy, SupervisedTraining, SupervisedTrainingEventProcessor, TrainLoader,
    TrainStep, TrainingComponents, TrainingItem, TrainingStrategy, ValidLoader,
};
use burnscape::trace::{Record, read_run};
use burnscape::{AlertAction, AlertRules, Probe, ProbeBuilder, ProgressEvents, Watched};
use tempfile::{TempDir, tempdir};

use super::rows::{self, loader};
use super::support::{Bowl, epochs, head, records, snapshots, steps};

fn bowl() -> Bowl {
    Bowl::at(&[3.0], &[-1.0], &Device::flex().autodiff())
}

/// A folder with a run in it.
struct Run(TempDir);

impl Run {
    fn new() -> Self {
        Self(tempdir().expect("a folder"))
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("run")
    }

    fn burn(&self) -> std::path::PathBuf {
        self.0.path().join("burn")
    }

    fn builder(&self) -> ProbeBuilder {
        Probe::builder(self.path()).quiet()
    }

    fn records(&self) -> Vec<Record> {
        records(&self.path())
    }

    fn notes(&self) -> Vec<String> {
        let note = |record| match record {
            Record::Note(note) => Some(note.text),
            _ => None,
        };
        self.records().into_iter().filter_map(note).collect()
    }

    fn end(&self) -> String {
        match self.records().pop() {
            Some(Record::End(end)) => end.reason.into(),
            other => panic!("the trace ends with {other:?}"),
        }
    }
}

/// What is told where events do not come.
fn tells_what_counts(notes: &[String]) -> bool {
    notes.iter().any(|note| note.contains("epochs are counted from validations"))
}

/// So many epochs of three steps, each with its number, its mean losses and its snapshot.
fn assert_all_is_there(run: &Run, count: u64, first: u64) {
    let records = run.records();
    let told: Vec<_> = steps(&records).iter().map(|it| (it.step, it.epoch, it.iteration)).collect();
    let expected: Vec<_> =
        (0..3 * count).map(|it| (it, Some(first + it / 3), Some(1 + it % 3))).collect();
    assert_eq!(told, expected);
    let ends: Vec<_> = epochs(&records).iter().map(|it| (it.epoch, it.steps)).collect();
    assert_eq!(ends, (0..count).map(|it| (first + it, 3 * (it + 1))).collect::<Vec<_>>());
    assert!(epochs(&records).iter().all(|it| it.train_loss.is_some() && it.valid_loss.is_some()));
    let taken: Vec<_> = snapshots(&records).iter().map(|it| (it.epoch, it.step)).collect();
    assert_eq!(
        taken[1..],
        (0..count).map(|it| (Some(first + it), 3 * (it + 1))).collect::<Vec<_>>()
    );
}

/// A progress logger of the user's, which counts its calls.
#[derive(Clone, Default)]
struct Mine(Arc<AtomicU64>);

impl TrainingProgressLogger for Mine {
    fn start(&mut self, _: usize, _: usize, _: Option<usize>, _: Option<&str>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn update_epoch(&mut self, _: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn start_split(&mut self, _: &str, _: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn update_split(&mut self, _: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn end_split(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn end(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn log_event_training(&mut self, _: String) {}
}

fn of_burn(run: &Run, epochs: usize) -> SupervisedTraining<Watched<Bowl>> {
    SupervisedTraining::new(run.burn(), loader(6), loader(4))
        .metrics((LossMetric::new(),))
        .with_application_logger(None)
        .num_epochs(epochs)
        .renderer(Probe::disabled().lines())
}

/// Calls of a progress logger in `epochs` epochs of three training and two validation batches.
fn calls(epochs: u64) -> u64 {
    2 + epochs * (1 + 2 + 3 + 2 + 2)
}

#[test]
fn a_logger_of_the_users_that_replaces_ours_is_called_and_costs_nothing() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let mine = Mine::default();
    let training = probe.attach(of_burn(&run, 4)).with_progress_logger(mine.clone());
    training.launch(Learner::new(probe.watch(bowl()), SgdConfig::new().init(), 0.25));
    probe.close().expect("closed");
    assert_eq!(mine.0.load(Ordering::Relaxed), calls(4));
    assert_all_is_there(&run, 4, 1);
    assert!(tells_what_counts(&run.notes()), "{:?}", run.notes());
    assert_eq!(run.end(), "finished");
}

#[test]
fn where_events_come_nothing_is_said_of_validations() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let mine = Mine::default();
    let training = probe.attach(of_burn(&run, 4));
    let training = training.with_progress_logger(probe.progress_logger().beside(mine.clone()));
    training.launch(Learner::new(probe.watch(bowl()), SgdConfig::new().init(), 0.25));
    probe.close().expect("closed");
    assert_eq!(mine.0.load(Ordering::Relaxed), calls(4));
    assert_all_is_there(&run, 4, 1);
    assert!(!tells_what_counts(&run.notes()), "{:?}", run.notes());
    assert_eq!(head(&run.records()).epochs_planned, Some(4));
}

/// Passes the beginning on, and keeps the rest.
struct Forgetful(ProgressEvents);

impl TrainingProgressLogger for Forgetful {
    fn start(&mut self, epochs: usize, first: usize, items: Option<usize>, label: Option<&str>) {
        self.0.start(epochs, first, items, label);
    }
    fn update_epoch(&mut self, _: usize) {}
    fn start_split(&mut self, _: &str, _: usize) {}
    fn update_split(&mut self, _: usize) {}
    fn end_split(&mut self) {}
    fn end(&mut self) {}
    fn log_event_training(&mut self, _: String) {}
}

#[test]
fn a_logger_that_passes_only_the_beginning_on_costs_nothing() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let training = of_burn(&run, 4).with_progress_logger(Forgetful(probe.progress_logger()));
    training.launch(Learner::new(probe.watch(bowl()), SgdConfig::new().init(), 0.25));
    probe.close().expect("closed");
    assert_all_is_there(&run, 4, 1);
    assert!(tells_what_counts(&run.notes()), "{:?}", run.notes());
}

#[test]
fn an_epoch_that_an_interruption_cut_short_is_none_without_events_either() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let (rows, later) = rows::interrupting(5);
    let training = SupervisedTraining::new(run.burn(), rows::loader_by(rows, 6), loader(4))
        .with_application_logger(None)
        .num_epochs(4)
        .renderer(Probe::disabled().lines());
    let training = probe.attach(training).with_progress_logger(Mine::default());
    later.set(training.interrupter()).unwrap_or_else(|_| panic!("set once"));
    training.launch(Learner::new(probe.watch(bowl()), SgdConfig::new().init(), 0.25));
    probe.close().expect("closed");
    let records = run.records();
    assert_eq!(steps(&records).len(), 5);
    let ends: Vec<_> = epochs(&records).iter().map(|it| (it.epoch, it.steps)).collect();
    assert_eq!(ends, [(1, 3)]);
    assert_eq!(run.end(), "interrupted");
}

// ---- learning strategies of one's own --------------------------------------------------------------

/// What a strategy tells burn's event processor.
#[derive(Clone, Copy)]
enum Tells {
    Nothing,
    /// Batches and ends of epochs, but not where a split begins.
    Batches,
}

/// Trains and validates by itself, as `SupervisedLearningStrategy` invites one to.
struct Own(Tells);

impl<M: LearnerModel> SupervisedLearningStrategy<M> for Own {
    fn fit(
        &self,
        components: TrainingComponents<M>,
        mut learner: Learner<M>,
        train: TrainLoader<M>,
        valid: ValidLoader<M>,
        first_epoch: usize,
    ) -> (M, SupervisedTrainingEventProcessor<M>) {
        let mut events = components.event_processor;
        for epoch in first_epoch..=components.num_epochs {
            let mut batches = train.iter();
            while let Some(batch) = batches.next() {
                let output = learner.train_step(batch.expect("a batch"));
                learner.lr_step();
                learner.optimizer_step(output.grads);
                let progress: Progress = batches.progress();
                let item = TrainingItem::new(output.item, progress, None, None);
                self.tell(|| events.process_train(LearnerEvent::ProcessedItem(item)).is_ok());
            }
            let model = learner.model().valid();
            for batch in valid.iter() {
                let _ = InferenceStep::step(&model, batch.expect("a batch"));
            }
            self.tell(|| events.process_train(LearnerEvent::EndEpoch(epoch)).is_ok());
        }
        (learner.model(), events)
    }
}

impl Own {
    fn tell(&self, event: impl FnOnce() -> bool) {
        if let Tells::Batches = self.0 {
            assert!(event(), "an event that burn takes");
        }
    }
}

#[test]
fn a_strategy_that_tells_nothing_or_little_costs_nothing() {
    for tells in [Tells::Nothing, Tells::Batches] {
        let run = Run::new();
        let probe = run.builder().start().expect("a probe");
        let training = probe
            .training(run.burn(), loader(6), loader(4))
            .with_training_strategy(TrainingStrategy::Custom(Arc::new(Own(tells))))
            .with_application_logger(None)
            .num_epochs(4)
            .renderer(Probe::disabled().lines());
        let watched = training.launch(bowl(), SgdConfig::new().init(), 0.25).model.values();
        probe.close().expect("closed");
        assert_all_is_there(&run, 4, 1);
        assert_eq!(head(&run.records()).epochs_planned, Some(4));
        assert!(tells_what_counts(&run.notes()), "{:?}", run.notes());
        assert_eq!(run.end(), "finished");

        let training = SupervisedTraining::new(run.burn(), loader(6), loader(4))
            .with_training_strategy(TrainingStrategy::Custom(Arc::new(Own(tells))))
            .with_application_logger(None)
            .num_epochs(4)
            .renderer(Probe::disabled().lines());
        let learner = Learner::new(bowl(), SgdConfig::new().init(), 0.25);
        assert_eq!(watched, training.launch(learner).model.values());
    }
}

#[test]
fn a_strategy_that_goes_on_from_a_checkpoint_goes_on_counting() {
    let run = Run::new();
    let bare = SupervisedTraining::new(run.burn(), loader(6), loader(4))
        .with_default_checkpointers()
        .with_application_logger(None)
        .num_epochs(2)
        .renderer(Probe::disabled().lines());
    bare.launch(Learner::new(bowl(), SgdConfig::new().init(), 0.25));
    let probe = run.builder().start().expect("a probe");
    let training = probe
        .training(run.burn(), loader(6), loader(4))
        .with_training_strategy(TrainingStrategy::Custom(Arc::new(Own(Tells::Nothing))))
        .with_default_checkpointers()
        .with_application_logger(None)
        .checkpoint(2)
        .num_epochs(5)
        .renderer(Probe::disabled().lines());
    training.launch(bowl(), SgdConfig::new().init(), 0.25);
    probe.close().expect("closed");
    assert_all_is_there(&run, 3, 3);
}

/// Seconds since 1970-01-01 UTC, as traces tell them.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

#[test]
fn a_process_began_when_its_probe_did_wherever_its_training_goes_on() {
    let run = Run::new();
    let began = [(None, 3), (Some(2), 4)].map(|(checkpoint, epochs)| {
        let before = now();
        let probe = run.builder().resume().start().expect("a probe");
        let began = before..=now();
        let mut training = probe
            .training(run.burn(), loader(6), loader(4))
            .with_default_checkpointers()
            .with_application_logger(None)
            .num_epochs(epochs)
            .renderer(Probe::disabled().lines());
        if let Some(epoch) = checkpoint {
            training = training.checkpoint(epoch);
        }
        training.launch(bowl(), SgdConfig::new().init(), 0.25);
        probe.close().expect("closed");
        began
    });
    let records = run.records();
    assert!(began[0].contains(&head(&records).started_unix_secs));
    let resumes = records.iter().filter_map(|record| match record {
        Record::Resume(resume) => Some(resume.resumed_unix_secs),
        _ => None,
    });
    let resumes: Vec<f64> = resumes.collect();
    // Behind what was recorded, and then back to the checkpoint.
    assert_eq!(resumes.len(), 2);
    assert!(began[1].contains(&resumes[0]), "{resumes:?}");
    assert_eq!(resumes[0], resumes[1]);
}

// ---- long epochs -----------------------------------------------------------------------------------

fn steps_in_file(run: &Path) -> usize {
    read_run(run).map_or(0, |trace| steps(&trace.records).len())
}

/// A logger that lives and is registered nowhere: events may come at any time, and never do.
#[test]
fn steps_are_written_while_training_goes_on_though_no_event_comes() {
    let run = Run::new();
    let probe = run.builder().start().expect("a probe");
    let waiting = probe.progress_logger();
    let mut model = probe.watch(bowl());
    let mut optim = SgdConfig::new().init();
    let batch = Tensor::<2>::from_floats([[0.5, 0.25]], &Device::flex().autodiff());
    let mut taken = 0;
    // What takes longer than any disk has failed.
    while taken < 2000 || (steps_in_file(&run.path()) == 0 && taken < 200_000) {
        let output = TrainStep::step(&model, batch.clone());
        model = model.optimize(&mut optim, 0.001.into(), output.grads);
        taken += 1;
    }
    let written = steps_in_file(&run.path());
    assert!(written > 0, "nothing after {taken} steps");
    probe.close().expect("closed");
    drop(waiting);
    let records = run.records();
    assert_eq!(steps(&records).len(), taken);
    assert!(steps(&records).iter().all(|it| it.epoch == Some(1)));
    assert!(tells_what_counts(&run.notes()), "{:?}", run.notes());
}

// ---- alerts that stop ------------------------------------------------------------------------------

/// Stops at the first step that is too long.
fn stopping(run: &Run) -> Probe {
    let rules = AlertRules { exploding_step: Some(1e-3), ..AlertRules::none() };
    run.builder().alerts(rules).on_alert(|_| AlertAction::Stop).start().expect("a probe")
}

/// Batch 40 comes only once training was stopped: of 100 epochs of three batches, 14 at most.
fn assert_stopped(run: &Run) {
    let steps = steps(&run.records()).len();
    assert!(steps <= 42, "{steps} steps");
    assert_eq!(run.end(), "interrupted");
}

#[test]
fn an_answer_to_an_alert_stops_training_in_every_order_of_calls() {
    for order in 0..6 {
        let run = Run::new();
        let probe = stopping(&run);
        let (rows, later) = rows::waiting_for_a_stop(40);
        let training = probe.training(run.burn(), rows::loader_by(rows, 6), loader(4));
        let own = burn::train::Interrupter::new();
        let training = match order {
            0 => training.with_progress_logger(Mine::default()).with_interrupter(own),
            1 => training.with_interrupter(own).with_progress_logger(Mine::default()),
            2 => training.with_progress_logger(probe.progress_logger().beside(Mine::default())),
            3 => training.renderer(probe.lines()).with_progress_logger(Mine::default()),
            4 => training.renderer(probe.lines()).with_interrupter(own),
            _ => training,
        };
        let training = training.with_application_logger(None).num_epochs(100);
        later.set(training.interrupter()).unwrap_or_else(|_| panic!("set once"));
        let result = training.launch(bowl(), SgdConfig::new().init(), 0.25);
        assert!(result.interrupted.is_some(), "order {order}");
        probe.close().expect("closed");
        assert_stopped(&run);
        let told = run.notes().join("\n");
        assert!(told.contains("training was interrupted after"), "{told}");
    }
}

#[test]
fn an_answer_to_an_alert_stops_an_attached_training_whose_logger_was_replaced() {
    let run = Run::new();
    let probe = stopping(&run);
    let (rows, later) = rows::waiting_for_a_stop(40);
    let training = SupervisedTraining::new(run.burn(), rows::loader_by(rows, 6), loader(4))
        .with_application_logger(None)
        .num_epochs(100)
        .renderer(Probe::disabled().lines());
    let training = probe.attach(training).with_progress_logger(Mine::default());
    later.set(training.interrupter()).unwrap_or_else(|_| panic!("set once"));
    training.launch(Learner::new(probe.watch(bowl()), SgdConfig::new().init(), 0.25));
    probe.close().expect("closed");
    assert_stopped(&run);
}

#[test]
fn a_training_that_nothing_could_stop_is_finished_and_says_that_it_was_asked() {
    let run = Run::new();
    let probe = stopping(&run);
    let training = of_burn(&run, 4).with_progress_logger(probe.progress_logger());
    training.launch(Learner::new(probe.watch(bowl()), SgdConfig::new().init(), 0.25));
    probe.close().expect("closed");
    assert_eq!(steps(&run.records()).len(), 12);
    assert_eq!(run.end(), "finished");
    let told = run.notes().join("\n");
    assert!(told.contains("was asked to stop, and nothing could stop it"), "{told}");
}
