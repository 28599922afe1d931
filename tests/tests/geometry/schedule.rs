//! When snapshots are taken.

use burn::module::Module;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::metric::LossMetric;
use burn::train::{Interrupter, Learner, SupervisedTraining};
use burnscape::trace::Snapshot;
use burnscape::{Probe, ProbeBuilder};

use super::models::Walker;
use super::support::{Run, batch, epoch, sgd, step, training_batch};

/// Reason, epoch and step of every snapshot.
fn told(run: &Run) -> Vec<(String, Option<u64>, u64)> {
    let told = |it: Snapshot| (it.reason.into(), it.epoch, it.step);
    run.snapshots().into_iter().map(told).collect()
}

fn told_as(reason: &str, epoch: Option<u64>, step: u64) -> (String, Option<u64>, u64) {
    (reason.to_string(), epoch, step)
}

/// Trains so many epochs of so many steps, half way to the origin at each.
fn trained(run: &Run, builder: ProbeBuilder, epochs: usize, steps: usize) {
    let probe = builder.start().expect("a probe");
    let mut walker = probe.watch(Walker::at(&[1.0, 2.0]));
    for _ in 0..epochs {
        walker = epoch(walker, 0.5, steps, &training_batch(&[[0.0, 0.0]]));
    }
    probe.finish(&walker.valid(), &[batch(&[[0.0, 0.0]])]).expect("a landscape");
    // Whatever the schedule, both ends of training are there.
    let half = 0.5_f32.powi((epochs * steps) as i32);
    let last = run.snapshots().len() - 1;
    assert_eq!(run.snapshot(0)["point"].1, [1.0, 2.0]);
    assert_eq!(run.snapshot(last)["point"].1, [half, 2.0 * half]);
}

#[test]
fn every_third_step_and_both_ends() {
    let run = Run::new();
    trained(&run, run.builder().snapshot_every_steps(3), 1, 7);
    let told = told(&run);
    let steps: Vec<u64> = told.iter().map(|it| it.2).collect();
    assert_eq!(steps, [0, 3, 6, 7]);
    let reasons: Vec<&str> = told.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(reasons, ["initial", "step", "step", "final"]);
    assert_eq!(run.trajectory("pca").snapshots.0, [0, 1, 2, 3]);
    for (index, step) in [(1, 3), (2, 6)] {
        let half = 0.5_f32.powi(step);
        assert_eq!(run.snapshot(index)["point"].1, [half, 2.0 * half]);
    }
}

#[test]
fn a_last_step_that_is_on_the_schedule_counts_once() {
    let run = Run::new();
    trained(&run, run.builder().snapshot_every_steps(3), 1, 6);
    let steps: Vec<u64> = told(&run).iter().map(|it| it.2).collect();
    assert_eq!(steps, [0, 3, 6, 6]);
    assert_eq!(run.snapshots()[3].same_as, Some(2));
    assert_eq!(run.trajectory("pca").snapshots.0, [0, 1, 2]);
}

#[test]
fn every_second_epoch_and_both_ends() {
    let run = Run::new();
    trained(&run, run.builder().snapshot_every_epochs(2), 5, 3);
    let expected = [
        told_as("epoch", Some(2), 6),
        told_as("epoch", Some(4), 12),
        told_as("final", Some(5), 15),
    ];
    assert_eq!(told(&run)[1..], expected);
    let epochs: Vec<u64> = run.epochs().iter().map(|it| it.epoch).collect();
    assert_eq!(epochs, [1, 2, 3, 4, 5], "epochs are told, whether or not a snapshot is due");
    assert_eq!(run.trajectory("pca").epochs[1..], [2.0, 4.0, 5.0]);
}

#[test]
fn more_epochs_between_snapshots_than_there_are_leaves_both_ends() {
    let run = Run::new();
    trained(&run, run.builder().snapshot_every_epochs(100), 3, 2);
    let steps: Vec<u64> = told(&run).iter().map(|it| it.2).collect();
    assert_eq!(steps, [0, 6]);
}

#[test]
fn asking_twice_for_the_model_for_inference_is_one_epoch() {
    let run = Run::new();
    let probe = run.probe();
    let walker =
        step(probe.watch(Walker::at(&[1.0, 2.0])), &mut sgd(), 0.5, training_batch(&[[0.0, 0.0]]));
    let _ = (walker.valid(), walker.valid(), walker.clone().valid());
    probe.finish(&walker.valid(), &[batch(&[[0.0, 0.0]])]).expect("a landscape");
    let epochs: Vec<(u64, u64)> = run.epochs().iter().map(|it| (it.epoch, it.steps)).collect();
    assert_eq!(epochs, [(1, 1)]);
}

/// Makes batches, and stops the training at the third one if it knows how.
#[derive(Clone, Default)]
struct Rows {
    interrupter: Arc<OnceLock<Interrupter>>,
    batches: Arc<AtomicU32>,
}

impl Batcher<[f32; 2], Tensor<2>> for Rows {
    fn batch(&self, rows: Vec<[f32; 2]>, device: &Device) -> Tensor<2> {
        if let Some(interrupter) = self.interrupter.get()
            && self.batches.fetch_add(1, Ordering::Relaxed) == 2
        {
            interrupter.stop(Some("the test asks for it"));
        }
        let values: Vec<f32> = rows.iter().flatten().copied().collect();
        Tensor::from_data(TensorData::new(values, [rows.len(), 2]), device)
    }
}

fn loader(batcher: &Rows, rows: usize) -> Arc<dyn DataLoader<Tensor<2>>> {
    let dataset = InMemDataset::new(vec![[0.0, 0.0]; rows]);
    DataLoaderBuilder::new(batcher.clone()).batch_size(2).build(dataset)
}

/// Six rows in batches of two: three steps an epoch, five epochs unless interrupted.
fn trained_by_burn(run: &Run, is_interrupted: bool) {
    let probe = run.builder().snapshot_every_epochs(2).start().expect("a probe");
    let (train, valid) = (Rows::default(), Rows::default());
    let (train_loader, valid_loader) = (loader(&train, 6), loader(&valid, 2));
    let training = SupervisedTraining::new(run.above().join("burn"), train_loader, valid_loader)
        .metrics((LossMetric::new(),))
        .with_application_logger(None)
        .num_epochs(5)
        .renderer(Probe::disabled().lines());
    if is_interrupted {
        let _ = train.interrupter.set(training.interrupter());
    }
    let model = probe.watch(Walker::at(&[1.0, 2.0]));
    let learner = Learner::new(model, SgdConfig::new().init(), 0.5);
    let model = probe.attach(training).launch(learner).model;
    probe.finish(&model, &[batch(&[[0.0, 0.0]])]).expect("a landscape");
}

#[test]
fn epochs_of_burns_own_training_are_its_own() {
    let run = Run::new();
    trained_by_burn(&run, false);
    let expected = [
        told_as("initial", Some(0), 0),
        told_as("epoch", Some(2), 6),
        told_as("epoch", Some(4), 12),
        told_as("final", Some(5), 15),
    ];
    assert_eq!(told(&run), expected);
    assert_eq!(run.trajectory("pca").epochs.0, [0.0, 2.0, 4.0, 5.0]);
    assert_eq!(run.end(), "finished");
}

#[test]
fn an_interrupted_training_says_so_and_keeps_both_ends() {
    let run = Run::new();
    trained_by_burn(&run, true);
    assert_eq!(run.end(), "interrupted");
    let steps = run.steps().len() as u64;
    assert!((1..15).contains(&steps), "{steps}");
    let told = told(&run);
    assert_eq!(told.first(), Some(&told_as("initial", Some(0), 0)));
    let last = told.last().expect("snapshots");
    assert_eq!((last.0.as_str(), last.2), ("final", steps));
    let half = 0.5_f32.powi(steps as i32);
    assert_eq!(run.snapshot(told.len() - 1)["point"].1, [half, 2.0 * half]);
}
