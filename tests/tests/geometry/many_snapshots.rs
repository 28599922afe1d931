//! More snapshots than files that a process likes to hold open.

use burn::module::Module;
use burnscape::geometry::pca::{InMemory, PcaOptions, Snapshots, pca};

use super::models::Walker;
use super::support::{Run, batch, sgd, step, training_batch};

const STEPS: usize = 260;

/// A spiral of many snapshots.
fn spiral(run: &Run) -> Vec<[f32; 2]> {
    let probe = run.builder().agreement(0).snapshot_every_steps(1).start().expect("a probe");
    let at = |step: usize| {
        let angle = 0.1 * step as f32;
        [0.02 * step as f32 * angle.cos(), 0.01 * step as f32 * angle.sin()]
    };
    let mut walker = probe.watch(Walker::at(&at(0)));
    for number in 1..=STEPS {
        walker = step(walker, &mut sgd(), 1.0, training_batch(&[at(number)]));
    }
    probe.finish(&walker.valid(), &[batch(&[[0.0; 2]])]).expect("a landscape");
    let files = run.snapshots().into_iter().filter(|it| it.same_as.is_none());
    files.map(|it| point(run, &it.file)).collect()
}

fn point(run: &Run, file: &str) -> [f32; 2] {
    let point = run.tensors(file).remove("point").expect("a point").1;
    [point[0], point[1]]
}

/// Files of the run that this process has open, where the system tells.
fn open_files(run: &Run) -> Option<usize> {
    let folder = run.path().canonicalize().expect("a folder");
    let links = std::fs::read_dir("/proc/self/fd").ok()?.flatten();
    let targets = links.filter_map(|link| std::fs::read_link(link.path()).ok());
    Some(targets.filter(|target| target.starts_with(folder.join("snapshots"))).count())
}

#[test]
fn many_snapshots_are_analysed_with_two_hundred_open_files() {
    let run = Run::new();
    let points = spiral(&run);
    let path = run.trajectory("pca");
    assert_eq!(path.snapshots.len(), STEPS + 1);

    let mut matrix = burnscape::Run::open(run.path()).and_then(|it| it.snapshots()).expect("a run");
    assert_eq!(matrix.count(), STEPS + 1);
    if let Some(open) = open_files(&run) {
        assert_eq!(open, 200);
    }
    let found = pca(&mut matrix, &PcaOptions::default()).expect("components");
    let mut memory = InMemory::new(points.iter().map(|it| &it[..])).expect("one length");
    let expected = pca(&mut memory, &PcaOptions::default()).expect("components");
    assert_eq!(found, expected);
    if let Some(open) = open_files(&run) {
        assert_eq!(open, 200);
    }
    drop(matrix);
    assert!(open_files(&run).is_none_or(|open| open == 0));
}
