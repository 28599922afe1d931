//! Surfaces that one process left unfinished, measured by another.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use burnscape::trace::{Note, Record, read_run};
use burnscape_tests::trainee::{self, GO_ON};
use tempfile::{TempDir, tempdir};

use super::support::{TRAINEE, records, train};

/// Bits of loss and standard error of every node of both planes; each is told once.
type Nodes = BTreeMap<(String, u32), (u64, u64)>;

fn nodes(run: &Path) -> Nodes {
    let mut names = BTreeMap::new();
    let mut nodes = Nodes::new();
    for record in records(run) {
        match record {
            Record::Slice(slice) => {
                names.insert(slice.slice, slice.name);
            }
            Record::Nodes(tile) => {
                let name = &names[&tile.slice];
                for (place, &node) in tile.index.iter().enumerate() {
                    let bits = (tile.loss[place].to_bits(), tile.stderr[place].to_bits());
                    let before = nodes.insert((name.clone(), node), bits);
                    assert_eq!(before, None, "node {node} of {name} is told once");
                }
            }
            _ => {}
        }
    }
    nodes.retain(|(name, _), _| ["pca", "random"].contains(&name.as_str()));
    nodes
}

fn notes(run: &Path) -> String {
    let notes = records(run).into_iter().filter_map(|record| match record {
        Record::Note(Note { text, .. }) => Some(text),
        _ => None,
    });
    notes.collect::<Vec<_>>().join("\n")
}

fn trained(model: &str, more: &[&str]) -> TempDir {
    let dir = tempdir().expect("a folder");
    let arguments = [&["--model", model, "--watch", "default"], more].concat();
    train(dir.path(), &arguments);
    dir
}

fn go_on(dir: &TempDir, model: &str, more: &[&str]) {
    let arguments = [&["--model", model, "--watch", "default", "--go-on"], more].concat();
    train(dir.path(), &arguments);
}

/// The surface of one process with one thread is that of several processes with two.
#[test]
fn processes_that_take_turns_measure_what_one_measures_alone() {
    for (model, stops) in [("mlp", ["150", "200"]), ("convnet", ["70", "130"])] {
        let alone = trained(model, &["--finish", "9", "--threads", "1"]);
        let expected = nodes(&alone.path().join("run"));
        assert_eq!(expected.len(), 2 * 81);
        let [first, second] = stops;
        let dir = trained(model, &["--finish", "9", "--threads", "2", "--stop-after", first]);
        let part = nodes(&dir.path().join("run")).len();
        assert!(part < expected.len(), "{model}: {part} nodes");
        go_on(&dir, model, &["--stop-after", second]);
        go_on(&dir, model, &[]);
        assert!(nodes(&dir.path().join("run")) == expected, "{model}: the same nodes");
    }
}

#[test]
fn a_process_that_was_killed_while_measuring_is_taken_over_by_another() {
    let dir = tempdir().expect("a folder");
    let mut child = measuring(&dir);
    child.kill().expect("killed");
    child.wait().expect("gone");
    let run = dir.path().join("run");
    let before = nodes(&run).len();
    go_on(&dir, "mlp", &[]);
    let found = nodes(&run);
    assert!(before < found.len(), "{before} nodes before");
    assert_eq!(found.len(), 2 * 65 * 65);
    let alone = trained("mlp", &["--finish", "65"]);
    assert!(nodes(&alone.path().join("run")) == found, "the same nodes");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_the_surface_and_not_the_program() {
    let dir = tempdir().expect("a folder");
    let mut child = measuring(&dir);
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
    assert!(sent.success());
    std::fs::write(dir.path().join(GO_ON), "").expect("a file");
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{status}");
    let run = dir.path().join("run");
    let notes = notes(&run);
    assert!(notes.contains("by Ctrl-C"), "{notes}");
    assert!(notes.contains("resume"), "{notes}");
    match records(&run).last() {
        Some(Record::End(end)) => assert_eq!(end.reason, "finished"),
        other => panic!("the trace ends with {other:?}"),
    }
    go_on(&dir, "mlp", &[]);
    assert_eq!(nodes(&run).len(), 2 * 65 * 65);
}

/// A trainee that has measured some of its nodes, has many to go, and rests.
fn measuring(dir: &TempDir) -> Child {
    let path = dir.path().to_str().expect("a UTF-8 path");
    let arguments = ["--dir", path, "--model", "mlp", "--watch", "default", "--finish", "65"];
    let arguments = [&arguments[..], &["--rest-in-surface", "2000"]].concat();
    let mut command = trainee::start(TRAINEE, &arguments);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("the trainee starts");
    let run = dir.path().join("run");
    while told(&run) < 100 {
        assert_eq!(child.try_wait().expect("a state"), None, "it is still measuring");
        std::thread::yield_now();
    }
    child
}

/// Nodes in the file so far; it may end in the middle of a record.
fn told(run: &Path) -> usize {
    let records = read_run(run).map(|trace| trace.records).unwrap_or_default();
    let nodes = records.iter().map(|record| match record {
        Record::Nodes(tile) => tile.index.len(),
        _ => 0,
    });
    nodes.sum()
}
