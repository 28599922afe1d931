//! What can be read of a damaged run is saved, byte for byte, and nothing is overwritten.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burnscape_trace::{
    EndReason, Error, FileState, Record, RunFolder, Snapshot, frame, read_run, record, recover,
    state_of,
};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::drawn::Draw;
use crate::round_trip::any_records;
use crate::sample::{crc32_by_definition, frame_by_hand, framed, head, note, records, step, text};

/// A folder with a run of these bytes in `old`.
fn run_of(bytes: &[u8]) -> (TempDir, RunFolder) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("old")).unwrap();
    fs::write(folder.trace_path(), bytes).unwrap();
    (scratch, folder)
}

fn trace_in(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("trace.cbor")).unwrap()
}

#[test]
fn all_undamaged_records_are_copied_byte_for_byte_before_an_end_marked_recovered() {
    let (mut bytes, ranges) = framed(&records());
    bytes[ranges[4].start + 20] ^= 1;
    bytes.extend(&bytes.clone()[..30]);
    let (scratch, folder) = run_of(&bytes);
    let out = scratch.path().join("new");
    let recovered = recover(folder.path(), &out).unwrap();
    assert_eq!(trace_in(folder.path()), bytes, "the old one is as it was");

    let after = trace_in(&out);
    let expected = [&bytes[..ranges[4].start], &bytes[ranges[4].end..bytes.len() - 30]].concat();
    assert_eq!(after[..expected.len()], expected);
    let trace = read_run(&out).unwrap();
    assert_eq!((trace.lost, trace.torn), (vec![], None));
    let Some(Record::End(end)) = trace.records.last() else { panic!() };
    assert_eq!((end.reason.as_str(), end.steps, end.dropped), ("recovered", 8, 3));
    assert_eq!(recovered.records, trace.records.len() as u64);
    assert_eq!(recovered.bytes, after.len() as u64);
    assert_eq!(recovered.lost[0].offset, ranges[4].start as u64);
    assert_eq!(recovered.torn.unwrap().bytes, 30);
}

#[test]
fn records_of_a_newer_minor_version_are_saved_with_what_we_do_not_know() {
    let mut bytes = framed(&[Record::from(head())]).0;
    bytes.extend(frame_by_hand(b"\x82\x65eigen\xA1\x61v\xD8\x56\x40"));
    let (scratch, folder) = run_of(&bytes);
    recover(folder.path(), scratch.path().join("new")).unwrap();
    assert!(trace_in(&scratch.path().join("new")).starts_with(&bytes));
}

/// A payload of a kind that no version knows, with random words in it.
fn unknown(draw: &mut Draw) -> Vec<u8> {
    let fields = [(draw.string(), draw.string()), (draw.string(), draw.string())];
    let fields: BTreeMap<String, String> = fields.into();
    let mut payload = Vec::new();
    ciborium::into_writer(&(format!("kind of {}", draw.string()), fields), &mut payload).unwrap();
    payload
}

proptest! {
    #[test]
    fn a_trace_with_any_words_and_unknown_kinds_goes_through_byte_for_byte(
        records in any_records(), numbers in vec(any::<u64>(), 1..100), every in 1_usize..4
    ) {
        let mut draw = Draw::new(numbers);
        let mut bytes = Vec::new();
        for (place, record) in records.iter().enumerate() {
            frame::encode(record, &mut bytes).unwrap();
            if place % every == 0 {
                bytes.extend(frame_by_hand(&unknown(&mut draw)));
            }
        }
        let (scratch, folder) = run_of(&bytes);
        let out = scratch.path().join("new");
        recover(folder.path(), &out).unwrap();
        let after = trace_in(&out);
        prop_assert_eq!(&after[..bytes.len()], &bytes[..]);
        let trace = read_run(&out).unwrap();
        prop_assert_eq!((trace.lost, trace.torn), (vec![], None));
        let known = |it: &&Record| !matches!(it, Record::Unknown { .. });
        let read: Vec<&Record> = trace.records.iter().filter(known).collect();
        prop_assert_eq!(read.len(), records.len() + 1);
        prop_assert!(matches!(read.last(), Some(Record::End(end)) if end.reason == EndReason::Recovered));
    }
}

#[test]
fn a_lost_head_is_replaced_by_its_next_copy() {
    let all = [Record::from(head()), step(0), Record::from(head()), step(1)];
    let (mut bytes, _) = framed(&all);
    bytes[20] ^= 1;
    let (scratch, folder) = run_of(&bytes);
    recover(folder.path(), scratch.path().join("new")).unwrap();
    let trace = read_run(scratch.path().join("new")).unwrap();
    let expected = [Record::from(head()), step(0), Record::from(head()), step(1)];
    assert_eq!(text(&trace.records[..4]), text(&expected));
    assert!(matches!(trace.records[4], Record::End(_)));
}

#[test]
fn a_first_head_that_is_not_there_at_all_is_replaced_by_its_next_copy() {
    let all = [Record::from(head()), step(0), Record::from(head()), step(1)];
    let (bytes, ranges) = framed(&all);
    let (scratch, folder) = run_of(&bytes[ranges[0].end..]);
    recover(folder.path(), scratch.path().join("new")).unwrap();
    assert!(trace_in(&scratch.path().join("new")).starts_with(&bytes));
}

#[test]
fn a_first_head_that_cannot_be_decoded_is_replaced_by_its_next_copy() {
    let (bytes, _) = framed(&[Record::from(head()), step(0)]);
    let broken = frame_by_hand(b"\x82\x64head\xA1\x64seed\x61x");
    let (scratch, folder) = run_of(&[broken.as_slice(), &bytes].concat());
    recover(folder.path(), scratch.path().join("new")).unwrap();
    let (after, head) = (trace_in(&scratch.path().join("new")), framed(&[Record::from(head())]).0);
    assert!(after.starts_with(&[head.as_slice(), &bytes].concat()));
}

#[test]
fn without_any_head_nothing_is_written() {
    let (mut bytes, _) = framed(&[Record::from(head()), note("hi")]);
    bytes[20] ^= 1;
    let (scratch, folder) = run_of(&bytes);
    let out = scratch.path().join("new");
    assert!(matches!(recover(folder.path(), &out), Err(Error::NoHead { .. })));
    assert!(!out.exists());
}

#[test]
fn nothing_is_overwritten() {
    let (scratch, folder) = run_of(&framed(&records()).0);
    let out = scratch.path().join("new");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("thesis"), "precious").unwrap();
    for taken in [&out, &out.join("thesis"), folder.path()] {
        let error = recover(folder.path(), taken).unwrap_err();
        assert!(matches!(&error, Error::OutputExists { path } if path == taken), "{error:?}");
    }
    assert_eq!(fs::read(out.join("thesis")).unwrap(), b"precious");
}

fn snapshot(index: u64, file: &str, content: &[u8]) -> Record {
    Record::from(record!(Snapshot {
        index,
        file: file.to_owned(),
        bytes: content.len() as u64,
        crc32: crc32_by_definition(content),
    }))
}

#[test]
fn files_that_records_name_come_along_and_none_from_outside() {
    let content = b"weights";
    let all = [
        Record::from(head()),
        snapshot(0, "snapshots/000000.safetensors", content),
        snapshot(1, "snapshots/000001.safetensors", content),
        snapshot(2, "../secret", content),
        snapshot(3, "snapshots", content),
    ];
    let (scratch, folder) = run_of(&framed(&all).0);
    fs::write(scratch.path().join("secret"), content).unwrap();
    fs::write(folder.snapshot_path(0), content).unwrap();
    let out = scratch.path().join("new");
    let recovered = recover(folder.path(), &out).unwrap();
    assert_eq!(recovered.files, 1);
    assert_eq!(recovered.missing, ["snapshots/000001.safetensors"]);
    let refused: Vec<&str> = recovered.refused.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(refused, ["../secret", "snapshots"]);
    assert_eq!(fs::read(out.join("snapshots/000000.safetensors")).unwrap(), content);
}

#[test]
fn a_snapshot_is_what_the_trace_says_of_it_or_not() {
    let (_scratch, folder) = run_of(b"");
    let state = |file: &str| {
        let Record::Snapshot(snapshot) = snapshot(0, file, b"weights") else { unreachable!() };
        state_of(&folder, &snapshot)
    };
    let file = "snapshots/000000.safetensors";
    assert_eq!(state(file), FileState::Missing);
    fs::write(folder.path().join(file), "weights").unwrap();
    assert_eq!(state(file), FileState::Whole);
    for changed in ["weightz", "weight"] {
        fs::write(folder.path().join(file), changed).unwrap();
        assert_eq!(state(file), FileState::Changed);
    }
    assert_eq!(state("../x"), FileState::Outside);
    assert!(matches!(state("snapshots"), FileState::Unreadable { .. }));
}
