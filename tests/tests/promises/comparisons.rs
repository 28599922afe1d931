//! The examples that train several times, each in a short form: what they say, and the runs that they leave.

use std::path::Path;

use burnscape::trace::{Record, StudyKind};
use tempfile::tempdir;

use super::example::run_example;
use super::support::records;

/// What the comparison of an example tells of a kind, without those of which nothing was concluded.
fn sentences(folder: &Path, kind: StudyKind) -> Vec<String> {
    let all = records(&folder.join("comparison")).into_iter();
    let told = all.filter_map(|record| match record {
        Record::Study(study) if study.kind == kind => Some(study.sentences),
        _ => None,
    });
    told.flatten().collect()
}

#[test]
fn optimizers_leave_one_plane_for_four_paths_from_one_point() {
    let dir = tempdir().expect("a folder");
    let said = run_example("optimizers", dir.path(), 2, &[]);
    for word in ["sgd", "momentum", "adam", "adamw", "the highest barrier between two ends is"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let plane = sentences(dir.path(), StudyKind::JointPlane).join(" ");
    assert!(plane.contains("momentum, adam, adamw began at the very weights of sgd"), "{plane}");
    // Each of the four with those before it.
    let lines = records(&dir.path().join("comparison")).into_iter().filter(
        |record| matches!(record, Record::Study(study) if study.kind == StudyKind::Barrier),
    );
    assert_eq!(lines.count(), 6);
}

#[test]
fn initialisations_show_gradients_and_surfaces_before_and_after() {
    let dir = tempdir().expect("a folder");
    let said = run_example("initialisations", dir.path(), 2, &[]);
    let norms = said.split("Gradient norms").nth(1).expect("gradients");
    let of = |name: &str| -> Vec<f64> {
        let line = norms.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().skip(1).map(|norm| norm.parse().expect("a norm")).collect()
    };
    let [he, small, large] = ["he", "small", "large"].map(of);
    assert_eq!((he.len(), small.len(), large.len()), (9, 9, 9));
    // The same draws: eight rectified layers of half the size scale what comes behind them by 2⁻⁸.
    for (layer, (he, small)) in he.iter().zip(&small).enumerate() {
        assert!(*small < 0.1 * he, "layer {layer}: {small} beside {he}");
    }
    assert!(large[8] > 5.0 * he[8], "{large:?} beside {he:?}");
    assert!(sentences(dir.path(), StudyKind::JointPlane).join(" ").contains("movement of he"));
    let of_run = records(&dir.path().join("he"));
    let is_pair = |record: &Record| matches!(record, Record::Study(it) if it.kind == StudyKind::InitialAndTrained);
    assert!(of_run.iter().any(is_pair));
}

#[test]
fn skips_measures_networks_with_and_without_skip_connections_alike() {
    let dir = tempdir().expect("a folder");
    let said = run_example("skips", dir.path(), 1, &["--depths", "8", "--seeds", "2"]);
    let row = said.lines().find(|line| line.starts_with("share of convex nodes "));
    // Two sides of two seeds each: means with intervals.
    assert_eq!(row.expect("a row").matches(" to ").count(), 2, "{said}");
    let told = sentences(dir.path(), StudyKind::SideBySide).join(" ");
    assert!(told.contains("share of convex nodes: skips-8"), "{told}");
    let runs = ["skips-8-seed-42", "skips-8-seed-43", "plain-8-seed-42", "plain-8-seed-43"];
    let slices = runs.map(|run| {
        let records = records(&dir.path().join(run));
        let slice = records.into_iter().rev().find_map(|record| match record {
            Record::Slice(slice) => Some(slice),
            _ => None,
        });
        slice.expect("a slice")
    });
    for slice in &slices {
        let same = (slice.x.seed, slice.samples, slice.normalisation.as_str());
        let first = (slices[0].x.seed, slices[0].samples, slices[0].normalisation.as_str());
        assert_eq!((same, slice.x.spacing), (first, slices[0].x.spacing));
    }
}

#[test]
fn connected_finds_a_way_around_the_barrier_between_two_seeds() {
    let dir = tempdir().expect("a folder");
    let said = run_example("connected", dir.path(), 4, &[]);
    let number = |label: &str| -> f64 {
        let line = said.lines().find(|line| line.starts_with(label));
        let line = line.unwrap_or_else(|| panic!("{label} in {said}"));
        line.split_whitespace().last().expect("a word").parse().expect("a number")
    };
    let (line, path) = (number("two seeds, straight line"), number("the same, bent path"));
    assert!(path < 0.5 * line, "{path} beside {line}");
    assert!(number("two children of one parent") < line);
    let told = sentences(dir.path(), StudyKind::BentPath).join(" ");
    assert!(told.contains("whose bend was trained for 400 steps"), "{told}");
}
