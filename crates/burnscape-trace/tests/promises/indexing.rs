//! An index gives what the trace holds, and is not believed where the trace says otherwise.

use std::fs;

use burnscape_trace::{INDEX_FILE, Index, Item, Record, RunFolder, Trace, read_run};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::golden::FILES;
use crate::round_trip::any_records;
use crate::sample::{framed, head, note, records, step, text};

const KINDS: [&str; 4] = ["head", "step", "note", "nodes"];

fn run_of(bytes: &[u8]) -> (TempDir, RunFolder) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    fs::write(folder.trace_path(), bytes).unwrap();
    (scratch, folder)
}

fn read(index: &Index, folder: &RunFolder, kinds: &[&str]) -> Vec<String> {
    let items = index.read(folder.path(), kinds, None).unwrap();
    let trace: Trace = items.collect::<Result<Vec<Item>, _>>().unwrap().into_iter().collect();
    text(&trace.records)
}

fn expected(folder: &RunFolder, kinds: &[&str]) -> Vec<String> {
    let mut records = read_run(folder.path()).unwrap().records;
    records.retain(|it| kinds.contains(&it.kind()));
    text(&records)
}

#[test]
fn recorded_runs_are_read_by_kinds_as_without_an_index() {
    for (name, bytes) in FILES {
        let (_scratch, folder) = run_of(bytes);
        let built = Index::open_or_build(folder.path()).unwrap();
        assert!(folder.path().join(INDEX_FILE).exists());
        let loaded = Index::open_or_build(folder.path()).unwrap();
        assert_eq!(built, loaded, "{name}");
        assert_eq!(built.trace_bytes(), bytes.len() as u64);
        for kinds in [&KINDS[..], &["step"], &["head", "end"], &["nothing"]] {
            assert_eq!(read(&loaded, &folder, kinds), expected(&folder, kinds), "{name} {kinds:?}");
        }
        assert_eq!(built.records("step"), expected(&folder, &["step"]).len() as u64);
    }
}

#[test]
fn a_range_of_steps_is_read_without_the_others() {
    let mut all = vec![Record::from(head())];
    all.extend((0..5000).map(step));
    let (mut bytes, ranges) = framed(&all);
    let (_scratch, folder) = run_of(&bytes);
    let index = Index::open_or_build(folder.path()).unwrap();
    // Bytes that are not read may be anything.
    bytes[ranges[1100].clone()].fill(0);
    fs::write(folder.trace_path(), &bytes).unwrap();
    let items = index.read(folder.path(), &["step"], Some(3000..=3002)).unwrap();
    let trace: Trace = items.collect::<Result<Vec<Item>, _>>().unwrap().into_iter().collect();
    assert_eq!(text(&trace.records), text(&all[3001..3004]));
    assert_eq!(trace.lost, []);
}

#[test]
fn an_index_grows_with_its_trace() {
    let (bytes, ranges) = framed(&records());
    let (_scratch, folder) = run_of(&bytes[..ranges[6].start + 7]);
    assert_eq!(Index::open_or_build(folder.path()).unwrap().trace_bytes(), ranges[6].start as u64);
    fs::write(folder.trace_path(), &bytes).unwrap();
    let index = Index::open_or_build(folder.path()).unwrap();
    assert_eq!(index.trace_bytes(), bytes.len() as u64);
    assert_eq!(read(&index, &folder, &KINDS), expected(&folder, &KINDS));
}

#[test]
fn an_index_of_another_run_a_longer_one_or_no_index_at_all_is_made_anew() {
    let (other, _) = framed(&[Record::from(head()), note("x"), note(&"y".repeat(2000))]);
    let (_other, other_folder) = run_of(&other);
    Index::open_or_build(other_folder.path()).unwrap();
    let wrong = fs::read(other_folder.path().join(INDEX_FILE)).unwrap();
    for index in [&wrong[..], b"", b"thesis", &wrong[..30]] {
        let (_scratch, folder) = run_of(&framed(&[Record::from(head()), step(0)]).0);
        fs::write(folder.path().join(INDEX_FILE), index).unwrap();
        let index = Index::open_or_build(folder.path()).unwrap();
        assert_eq!(read(&index, &folder, &KINDS), expected(&folder, &KINDS));
        assert_eq!(index.trace_bytes(), fs::metadata(folder.trace_path()).unwrap().len());
    }
}

#[test]
fn a_folder_that_cannot_take_the_index_is_indexed_all_the_same() {
    let (_scratch, folder) = run_of(&framed(&records()).0);
    fs::create_dir(folder.path().join(INDEX_FILE)).unwrap();
    let index = Index::open_or_build(folder.path()).unwrap();
    assert_eq!(read(&index, &folder, &KINDS), expected(&folder, &KINDS));
}

#[test]
fn what_is_no_trace_has_no_index() {
    let (_scratch, folder) = run_of(b"epoch,loss\n");
    Index::open_or_build(folder.path()).unwrap_err();
    let (_scratch, folder) = run_of(&framed(&[note("no head")]).0);
    Index::open_or_build(folder.path()).unwrap_err();
    assert!(!folder.path().join(INDEX_FILE).exists());
}

proptest! {
    #[test]
    fn damaged_traces_and_damaged_indices_give_what_reading_gives(
        all in any_records(),
        in_trace in any::<prop::sample::Index>(),
        in_index in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, ranges) = framed(&all);
        let rest = bytes.len() - ranges[0].end;
        if rest > 0 {
            bytes[ranges[0].end + in_trace.index(rest)] ^= 0x10;
        }
        let (_scratch, folder) = run_of(&bytes);
        Index::open_or_build(folder.path()).unwrap();
        let file = folder.path().join(INDEX_FILE);
        let mut stored = fs::read(&file).unwrap();
        let at = in_index.index(stored.len());
        stored[at] ^= 1;
        fs::write(&file, stored).unwrap();
        let index = Index::open_or_build(folder.path()).unwrap();
        prop_assert_eq!(read(&index, &folder, &KINDS), expected(&folder, &KINDS));
    }
}
