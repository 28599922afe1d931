//! Which snapshots are needed, and that no other file is deleted.

use std::fs;
use std::num::NonZeroU64;

use burnscape_trace::{
    Error, FileState, Keep, Record, RunFolder, Slice, Snapshot, Writer, list_snapshots,
    prune_snapshots, record,
};
use tempfile::TempDir;

use crate::sample::head;

fn snapshot(index: u64, file: &str, same_as: Option<u64>) -> Record {
    Record::from(record!(Snapshot { index, file: file.into(), bytes: 7, same_as }))
}

/// Ten snapshots; a slice lies around 5, 8 has the file of 7, 9 is the last.
fn run(more: &[Record]) -> (TempDir, RunFolder) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    let mut writer = Writer::create(&folder).unwrap();
    writer.append(&head().into()).unwrap();
    for index in 0..10 {
        let (owner, same_as) = if index == 8 { (7, Some(7)) } else { (index, None) };
        fs::write(folder.snapshot_path(owner), "weights").unwrap();
        let file = RunFolder::snapshot_file(owner);
        writer.append(&snapshot(index, &file, same_as)).unwrap();
    }
    let slice = record!(Slice { centre_snapshot: Some(5) });
    writer.append(&slice.into()).unwrap();
    more.iter().for_each(|it| writer.append(it).unwrap());
    (scratch, folder)
}

fn every(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).unwrap()
}

fn files_left(folder: &RunFolder) -> Vec<u64> {
    (0..10).filter(|it| folder.snapshot_path(*it).exists()).collect()
}

#[test]
fn first_last_every_nth_centres_and_shared_files_are_kept() {
    let (_scratch, folder) = run(&[]);
    let reasons: Vec<Option<Keep>> =
        list_snapshots(&folder, Some(every(4))).unwrap().iter().map(|it| it.keep).collect();
    let [nth, centre, shared] = [Keep::EveryNth, Keep::Centre, Keep::Shared].map(Some);
    let expected =
        [Some(Keep::First), None, None, None, nth, centre, None, shared, nth, Some(Keep::Last)];
    assert_eq!(reasons, expected);
    assert_eq!(files_left(&folder).len(), 9, "listing deletes nothing");
    let before = fs::read(folder.trace_path()).unwrap();
    assert_eq!(prune_snapshots(&folder, every(4)).unwrap(), (4, 28));
    assert_eq!(files_left(&folder), [0, 4, 5, 7, 9]);
    assert_eq!(fs::read(folder.trace_path()).unwrap(), before);
    let listed = list_snapshots(&folder, None).unwrap();
    assert_eq!(listed[1].state, FileState::Missing);
    assert_eq!(prune_snapshots(&folder, every(4)).unwrap(), (0, 0));
}

#[test]
fn a_trace_that_calls_other_files_snapshots_deletes_none_of_them() {
    let names = ["trace.cbor", "../secret", "directions/0000.safetensors", "snapshots/x/y"];
    let more: Vec<Record> =
        names.iter().zip(11..).map(|(file, at)| snapshot(at, file, None)).collect();
    let (scratch, folder) = run(&[&more[..], &[snapshot(99, "snapshots/9", None)]].concat());
    fs::write(scratch.path().join("secret"), "secret").unwrap();
    fs::create_dir(folder.directions_dir()).unwrap();
    fs::write(folder.directions_path(0), "directions").unwrap();
    prune_snapshots(&folder, every(1000)).unwrap();
    assert!(folder.trace_path().exists() && folder.directions_path(0).exists());
    assert_eq!(fs::read(scratch.path().join("secret")).unwrap(), b"secret");
    let listed = list_snapshots(&folder, Some(every(1000))).unwrap();
    assert!(listed[10..].iter().all(|it| it.keep == Some(Keep::Foreign)), "{listed:?}");
}

#[test]
fn a_run_that_is_being_recorded_is_not_pruned() {
    let (_scratch, folder) = run(&[]);
    let _writer = Writer::resume(&folder).unwrap();
    assert!(matches!(prune_snapshots(&folder, every(2)), Err(Error::Locked { .. })));
    assert_eq!(files_left(&folder).len(), 9);
}
