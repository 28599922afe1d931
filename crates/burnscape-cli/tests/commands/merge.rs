//! `burnscape merge` from outside: what it puts together, what it says is missing or wrong, its exit codes.

use std::fs;
use std::process::Output;

use burnscape_run::SharedSlice;
use burnscape_trace::{
    Curvature, End, Error, FORMAT, Head, Nodes, Record, RunFolder, Shard, Shards, Slice, Writer,
    read_run, record,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{burnscape, stderr, stdout};

fn merge(folder: &TempDir, further: &[&str]) -> Output {
    burnscape(folder, &[&["merge", "digits"], further].concat())
}

fn head() -> Head {
    record!(Head { format: FORMAT, run_id: "ab".into(), device: "Flex".into() })
}

fn run_of(folder: &TempDir) -> RunFolder {
    RunFolder::open(folder.path().join("digits")).unwrap()
}

/// A run of nothing but its head.
fn recorded() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path().join("digits")).unwrap();
    let mut writer = Writer::create(&run).unwrap();
    writer.append(&head().into()).unwrap();
    writer.finish(record!(End { reason: "finished".into() })).unwrap();
    folder
}

/// Nine nodes on a line, named with a control character.
fn plan(folder: &TempDir) -> SharedSlice {
    let shards = Shards::of(&run_of(folder));
    let published = shards.publish::<Error>("line", |plan| {
        let x = record!(burnscape_trace::Axis { first: -4, count: 9, spacing: 0.25 });
        let slice = record!(Slice { slice: 0, name: "li\u{1b}[2Jne".into(), x });
        let shard = record!(Shard { weights: "w".into() });
        let mut shared = SharedSlice { head: head(), slice, trajectory: None, shard };
        shared.shard.plan = shared.fingerprint(plan).unwrap();
        let mut writer = Writer::create(plan)?;
        shared.records().iter().try_for_each(|record| writer.append(record))
    });
    SharedSlice::read(&published.unwrap()).unwrap()
}

/// Shard `index` of two has measured all of its nodes.
fn measure(folder: &TempDir, plan: &SharedSlice, index: u32, loss: impl Fn(usize) -> f64) {
    let mut writer = Shards::of(&run_of(folder)).writer(index, 2, &head()).unwrap();
    // As the share of a line of nine nodes is documented.
    let nodes = [[4, 0, 8, 2, 1, 5], [4, 0, 8, 6, 3, 7]][index as usize - 1];
    let shard = record!(Shard { index, count: 2, ..plan.shard.clone() });
    let losses = nodes.iter().map(|&node| loss(node)).collect();
    let index = nodes.iter().map(|&node| node as u32).collect();
    let nodes = record!(Nodes { index, loss: losses });
    for record in [Record::from(shard), plan.slice.clone().into(), nodes.into()] {
        writer.append(&record).unwrap();
    }
}

#[test]
fn it_says_what_is_missing_and_which_shard_measures_it_until_nothing_is() {
    let folder = recorded();
    let plan = plan(&folder);
    let bowl = |node: usize| (node as f64 - 4.0).powi(2);
    measure(&folder, &plan, 1, bowl);
    let output = merge(&folder, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("6 of 9 nodes, 6 of them new"), "{said}");
    assert!(said.contains("missing: 3 nodes, which BURNSCAPE_SHARD=2/2 measures"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");

    measure(&folder, &plan, 2, bowl);
    let output = merge(&folder, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let slice = &told["slices"][0];
    assert_eq!(
        (&told["complete"], &slice["measured"], &slice["added"], &slice["gaps"]),
        (&json!(true), &json!(9), &json!(3), &json!([]))
    );
    let records = read_run(run_of(&folder).path()).unwrap().records;
    let mut found = vec![f64::NAN; 9];
    for record in &records {
        if let Record::Nodes(tile) = record {
            tile.index
                .iter()
                .zip(tile.loss.iter())
                .for_each(|(&node, &loss)| found[node as usize] = loss);
        }
    }
    assert_eq!(found, (0..9).map(bowl).collect::<Vec<_>>());
    assert!(matches!(records.last(), Some(Record::End(end)) if end.reason == "finished"));
}

/// Shard `index` of two also asked for the largest eigenvalue and the trace.
fn measure_sharpness(folder: &TempDir, plan: &SharedSlice, index: u32, found: &[Curvature]) {
    let mut writer = Shards::of(&run_of(folder)).writer(index, 2, &head()).unwrap();
    let shard = record!(Shard { index, count: 2, ..plan.shard.clone() });
    writer.append(&shard.into()).unwrap();
    writer.append(&plan.slice.clone().into()).unwrap();
    found.iter().for_each(|it| writer.append(&it.clone().into()).unwrap());
}

#[test]
fn sharpness_that_every_shard_measured_is_merged_once() {
    let folder = recorded();
    let plan = plan(&folder);
    let of = |snapshot, largest: f64| {
        record!(Curvature {
            reason: "study".into(),
            snapshot: Some(snapshot),
            largest: vec![largest].into(),
        })
    };
    // The first process was killed before the second measurement; the last digits differ between machines.
    measure_sharpness(&folder, &plan, 1, &[of(3, 2.0)]);
    measure_sharpness(&folder, &plan, 2, &[of(3, 2.0 + 1e-9), of(4, 5.0)]);
    let held = |folder| {
        let records = read_run(run_of(folder).path()).unwrap().records;
        let of_record = |record: Record| match record {
            Record::Curvature(it) => Some((it.snapshot, it.largest[0])),
            _ => None,
        };
        records.into_iter().filter_map(of_record).collect::<Vec<_>>()
    };
    let output = merge(&folder, &[]);
    assert!(
        stderr(&output).contains("2 measurements of sharpness from 2-of-2"),
        "{}",
        stderr(&output)
    );
    let expected = [(Some(3), 2.0 + 1e-9), (Some(4), 5.0)];
    assert_eq!(held(&folder), expected);
    assert!(!stderr(&merge(&folder, &[])).contains("sharpness"));
    assert_eq!(held(&folder), expected);
}

#[test]
fn what_is_left_out_is_said_by_name() {
    let folder = recorded();
    let plan = plan(&folder);
    measure(&folder, &plan, 1, |_| 0.5);
    let other = SharedSlice {
        shard: record!(Shard { weights: "other".into(), ..plan.shard.clone() }),
        ..plan.clone()
    };
    measure(&folder, &other, 2, |_| 0.5);
    let output = merge(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("left out: 2-of-2"), "{said}");
    assert!(said.contains("the fingerprint of the weights is other, planned was w"), "{said}");
}

#[test]
fn without_shards_or_without_a_run_nothing_is_merged() {
    let folder = recorded();
    let before = fs::read(run_of(&folder).trace_path()).unwrap();
    let output = merge(&folder, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("has no shards"), "{}", stderr(&output));
    assert_eq!(fs::read(run_of(&folder).trace_path()).unwrap(), before);
    let output = burnscape(&folder, &["merge", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_run_that_is_being_recorded_is_left_alone() {
    let folder = recorded();
    let plan = plan(&folder);
    measure(&folder, &plan, 1, |_| 0.5);
    let (writer, _) = Writer::resume(&run_of(&folder)).unwrap();
    let output = merge(&folder, &[]);
    drop(writer);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
