//! Long trainings: more snapshots than files that a process likes to hold open, or than a run keeps.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::Module;
use burnscape::geometry::pca::{InMemory, PcaOptions, Snapshots, pca};
use burnscape::trace::Trajectory;
use burnscape::{ProbeBuilder, SliceSpec, Watched};
use burnscape_workbench::linux_path;

use super::models::{Walker, height};
use super::support::{Run, assert_close, assert_names, batch, sgd, step, training_batch};

const STEPS: usize = 260;

fn at(step: usize) -> [f32; 2] {
    let angle = 0.1 * step as f32;
    [0.02 * step as f32 * angle.cos(), 0.01 * step as f32 * angle.sin()]
}

fn every_step(builder: ProbeBuilder) -> ProbeBuilder {
    builder.agreement(0).snapshot_every_steps(1)
}

fn walk_on(walker: Watched<Walker>, steps: RangeInclusive<usize>) -> Watched<Walker> {
    steps
        .fold(walker, |walker, number| step(walker, &mut sgd(), 1.0, training_batch(&[at(number)])))
}

/// A spiral of many snapshots.
fn spiral(run: &Run) -> Vec<[f32; 2]> {
    let probe = every_step(run.builder()).start().expect("a probe");
    let walker = walk_on(probe.watch(Walker::at(&at(0))), 1..=STEPS);
    probe.finish(&walker.valid(), &[batch(&[[0.0; 2]])]).expect("a landscape");
    let files = run.snapshots().into_iter().filter(|it| it.same_as.is_none());
    files.map(|it| point(run, &it.file)).collect()
}

fn point(run: &Run, file: &str) -> [f32; 2] {
    let point = run.tensors(file).remove("point").expect("a point").1;
    [point[0], point[1]]
}

/// Files of the run that this process has open, by the folder in which the system lists them.
fn open_files(descriptors: &Path, run: &Run) -> usize {
    let folder = run.path().canonicalize().expect("a folder");
    let links = std::fs::read_dir(descriptors).expect("a folder").flatten();
    let targets = links.filter_map(|link| std::fs::read_link(link.path()).ok());
    targets.filter(|target| target.starts_with(folder.join("snapshots"))).count()
}

#[test]
fn many_snapshots_are_analysed_with_two_hundred_open_files() {
    let Some(descriptors) = linux_path("/proc/self/fd") else { return };
    let run = Run::new();
    let points = spiral(&run);
    let path = run.trajectory("pca");
    assert_eq!(path.snapshots.len(), STEPS + 1);

    let mut matrix = burnscape::Run::open(run.path()).and_then(|it| it.snapshots()).expect("a run");
    assert_eq!(matrix.count(), STEPS + 1);
    assert_eq!(open_files(descriptors, &run), 200);
    let found = pca(&mut matrix, &PcaOptions::default()).expect("components");
    let mut memory = InMemory::new(points.iter().map(|it| &it[..])).expect("one length");
    let expected = pca(&mut memory, &PcaOptions::default()).expect("components");
    assert_eq!(found, expected);
    assert_eq!(open_files(descriptors, &run), 200);
    drop(matrix);
    assert_eq!(open_files(descriptors, &run), 0);
}

/// The steps of the snapshots that lie on a path.
fn steps_on(run: &Run, path: &Trajectory) -> Vec<u64> {
    let all = run.snapshots();
    path.snapshots.iter().map(|&index| all[index as usize].step).collect()
}

fn files(run: &Run) -> usize {
    std::fs::read_dir(run.path().join("snapshots")).expect("a folder").count()
}

/// ½‖θ‖²: the loss of a walker on the sample 0.
fn loss_at(step: u64) -> f64 {
    at(step as usize).iter().map(|it| 0.5 * f64::from(*it).powi(2)).sum()
}

/// Where true losses are told they are those; else NaN. Gives at how many places they are.
fn assert_true_losses(run: &Run, path: &Trajectory) -> usize {
    let steps = steps_on(run, path);
    for (place, &step) in steps.iter().enumerate() {
        // Losses of weights of some tens, in f32.
        let expected = loss_at(step);
        let scale = expected.max(1.0);
        match path.has_loss_at(place) {
            true => assert_close(path.loss[place], expected, scale, &format!("step {step}")),
            false => assert!(path.loss[place].is_nan() && path.loss_on_plane[place].is_nan()),
        }
    }
    let count = (0..steps.len()).filter(|&place| path.has_loss_at(place)).count();
    assert!(path.has_loss_at(0) && path.has_loss_at(steps.len() - 1));
    count
}

#[test]
fn of_a_long_training_every_second_snapshot_goes_as_often_as_it_takes_and_the_trace_says_so() {
    let run = Run::new();
    let probe = every_step(run.builder()).start().expect("a probe");
    let walker = walk_on(probe.watch(Walker::at(&at(0))), 1..=1300);
    probe.finish(&walker.valid(), &[batch(&[[0.0; 2]])]).expect("a landscape");

    // 513 are 0, 1, … 512, then 0, 2, … 1024, and from there on every fourth is taken.
    let expected: Vec<u64> = (0..=1300).step_by(4).collect();
    let path = run.trajectory("pca");
    assert_eq!(steps_on(&run, &path), expected);
    assert_eq!(files(&run), expected.len());
    assert_eq!(assert_true_losses(&run, &path), 65);
    assert_names(&run.notes().join("\n"), &["every 2nd", "every 4th", ".keep_all_snapshots()"]);

    let matrix = burnscape::Run::open(run.path()).and_then(|it| it.snapshots()).expect("a run");
    assert_eq!(matrix.count(), expected.len());
    let mut study = burnscape::Run::open(run.path())
        .and_then(|it| {
            it.quiet().resolution(5, 3).study(&Walker::at(&at(0)), &[batch(&[[0.0; 2]])])
        })
        .expect("a study");
    study.slice(&SliceSpec::pca().name("again")).expect("a slice");
    study.finish().expect("an end");
    assert_eq!(steps_on(&run, &run.trajectory("again")), expected);

    let probe = every_step(run.builder()).resume().start().expect("a probe");
    let walker = walk_on(probe.watch(walker.into_inner()), 1301..=2100);
    probe.close().expect("an end");
    drop(walker);
    // The 513th of these is that of step 2048.
    let kept = burnscape::trace::Resumed::of(&run.records()).snapshots;
    let steps: Vec<u64> = kept.iter().map(|it| it.step).collect();
    assert!(kept.len() <= 513 && steps.iter().all(|it| it.is_multiple_of(4)), "{steps:?}");
    assert_eq!((steps[0], files(&run)), (0, kept.iter().filter(|it| it.same_as.is_none()).count()));
}

#[test]
fn two_thousand_snapshots_may_all_stay_and_few_losses_are_measured_along_them() {
    let run = Run::new();
    let probe = every_step(run.builder()).keep_all_snapshots().start().expect("a probe");
    let walker = walk_on(probe.watch(Walker::at(&at(0))), 1..=2000);
    let loss = height(|point| 0.5 * (point[0] * point[0] + point[1] * point[1]));
    let evaluated = AtomicUsize::new(0);
    probe
        .finish_with(&walker.valid(), &[batch(&[[0.0; 2]])], |output| {
            evaluated.fetch_add(1, Ordering::Relaxed);
            loss(output)
        })
        .expect("a landscape");
    let path = run.trajectory("pca");
    assert_eq!(path.snapshots.len(), 2001);
    assert_eq!(assert_true_losses(&run, &path), 65);
    // 15 nodes of two planes, 65 snapshots, their projections onto both, and some at the centre.
    let evaluated = evaluated.load(Ordering::Relaxed);
    assert!((225..300).contains(&evaluated), "{evaluated}");
}
