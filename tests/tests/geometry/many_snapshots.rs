//! More snapshots than files that a process likes to hold open.

use std::path::Path;

use burn::module::Module;
use burnscape::geometry::pca::{InMemory, PcaOptions, Snapshots, pca};
use burnscape_workbench::linux_path;

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
