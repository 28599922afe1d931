//! One writer at a time, whose records arrive, and who goes on where the last one stopped.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use burnscape_trace::{
    Activation, Alert, Blackbox, End, Epoch, Error, FORMAT, Head, Histogram, Item, Note, Reader,
    Record, Resume, RunFolder, Slice, Snapshot, Tally, Trace, Writer, read_run, record, recover,
    thin,
};
use tempfile::TempDir;

use crate::sample::{crc32_by_definition, end, framed, head, note, records, step, text, uncounted};

fn new_run() -> (TempDir, RunFolder) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("runs/digits")).unwrap();
    (scratch, folder)
}

fn append_all(writer: &mut Writer, records: &[Record]) {
    for record in records {
        writer.append(record).unwrap();
    }
}

fn kinds(folder: &RunFolder) -> Vec<String> {
    let records = read_run(folder.path()).unwrap().records;
    records.iter().map(|record| record.kind().to_owned()).collect()
}

fn append_bytes(folder: &RunFolder, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(folder.trace_path()).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn the_next_run_is_the_first_that_is_not_there_and_nothing_is_overwritten() {
    let scratch = tempfile::tempdir().unwrap();
    let base = scratch.path().join("runs/digits");
    // A folder without a run is free, a file of that name is not, nor is a run that has only just begun.
    fs::create_dir_all(&base).unwrap();
    fs::write(base.join("notes.txt"), "mine").unwrap();
    fs::write(scratch.path().join("runs/digits-3"), "no folder").unwrap();
    let mut writers = Vec::new();
    for expected in ["runs/digits", "runs/digits-2", "runs/digits-4"] {
        let (folder, writer) = Writer::create_next(&base).unwrap();
        assert_eq!(folder.path(), scratch.path().join(expected));
        writers.push(writer);
    }
    assert_eq!(fs::read_to_string(base.join("notes.txt")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(scratch.path().join("runs/digits-3")).unwrap(), "no folder");
    // Where nothing can be written, no number helps.
    let below_a_file = scratch.path().join("runs/digits-3/x");
    assert!(matches!(Writer::create_next(below_a_file), Err(Error::CreateFolder { .. })));
}

/// Records and checksum of the frames before each end, by the drawing of the format.
fn tallies_by_hand(trace: &[u8]) -> Vec<Tally> {
    let (mut at, mut records, mut checksums) = (0, 0, Vec::new());
    let mut tallies = Vec::new();
    while at < trace.len() {
        if trace[at + 16..].starts_with(b"\x82\x63end") {
            tallies.push(Tally { records, crc32: crc32_by_definition(&checksums) });
        }
        checksums.extend(&trace[at + 5..at + 9]);
        records += 1;
        at += 16 + u32::from_be_bytes(trace[at + 12..at + 16].try_into().unwrap()) as usize;
    }
    tallies
}

#[test]
fn every_end_counts_the_records_before_it_also_after_a_stop_and_in_what_is_made_of_a_run() {
    let (scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    append_all(&mut writer, &records());
    drop(writer);
    let (mut writer, _) = Writer::resume(&folder).unwrap();
    writer.append(&note("more")).unwrap();
    writer.finish(end()).unwrap();
    let [recovered, thinned] = ["recovered", "thinned"].map(|name| scratch.path().join(name));
    recover(folder.path(), &recovered).unwrap();
    thin(folder.path(), &thinned, 100.try_into().unwrap()).unwrap();
    for (run, ends) in [(folder.path(), 2), (&recovered, 3), (&thinned, 2)] {
        let trace = fs::read(run.join("trace.cbor")).unwrap();
        let told = read_run(run).unwrap().records.into_iter().filter_map(|record| match record {
            Record::End(end) => Some(end.tally.unwrap()),
            _ => None,
        });
        let told: Vec<Tally> = told.collect();
        assert_eq!((told.len(), &told), (ends, &tallies_by_hand(&trace)), "{}", run.display());
    }
}

#[test]
fn all_that_was_appended_is_read_back_in_order() {
    let (_scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    append_all(&mut writer, &records());
    drop(writer);
    let trace = read_run(folder.path()).unwrap();
    let but_heads = |records: Vec<Record>| {
        let mut records = uncounted(records);
        records.retain(|record| !matches!(record, Record::Head(_)));
        text(&records)
    };
    assert_eq!(but_heads(trace.records), but_heads(records()));
}

#[test]
fn the_head_comes_first_and_again_before_the_end() {
    let (_scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    append_all(&mut writer, &[Record::from(head()), note("hi")]);
    writer.finish(end()).unwrap();
    assert_eq!(kinds(&folder), ["head", "note", "head", "end"]);
}

#[test]
fn epochs_repeat_the_head_once_it_is_a_small_part_of_what_was_written_since() {
    let (_scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    let epoch = |epoch| Record::from(record!(Epoch { epoch }));
    append_all(&mut writer, &[Record::from(head()), epoch(1)]);
    append_all(&mut writer, &vec![step(1); 100]);
    append_all(&mut writer, &[epoch(2), epoch(3)]);
    drop(writer);
    let mut kinds = kinds(&folder);
    kinds.retain(|kind| kind != "step");
    assert_eq!(kinds, ["head", "epoch", "epoch", "head", "epoch"]);
}

#[test]
fn the_first_record_must_be_a_head_of_our_format() {
    let (_scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    let error = writer.append(&note("hi")).unwrap_err();
    assert!(matches!(&error, Error::HeadFirst { kind, .. } if kind == "note"), "{error}");
    let error = writer.append(&Record::from(Head::default())).unwrap_err();
    assert!(error.to_string().contains("0.0"), "{error}");
    assert!(error.to_string().contains("1.3"), "{error}");
    writer.append(&Record::from(head())).unwrap();
    writer.append(&note("hi")).unwrap();
}

#[test]
fn an_epoch_is_on_the_disk_at_once_and_a_step_waits_at_most_250_ms() {
    let (_scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    assert_eq!(writer.due_in(), None);
    append_all(&mut writer, &[Record::from(head())]);
    assert!(writer.due_in().unwrap().as_millis() <= 250);
    append_all(&mut writer, &[Record::from(Epoch::default())]);
    assert_eq!(fs::metadata(folder.trace_path()).unwrap().len(), writer.bytes());
    assert_eq!(writer.due_in(), None);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let (_scratch, folder) = new_run();
    let mut first = Writer::create(&folder).unwrap();
    append_all(&mut first, &[Record::from(head())]);
    assert!(first.is_locked());
    let error = Writer::resume(&folder).unwrap_err();
    assert!(matches!(&error, Error::Locked { path } if *path == folder.trace_path()));
    assert!(error.to_string().contains("another process"), "{error}");
    drop(first);
    assert!(Writer::resume(&folder).is_ok());
}

#[test]
fn a_run_that_exists_is_not_begun_again() {
    let (_scratch, folder) = new_run();
    drop(Writer::create(&folder).unwrap());
    assert!(matches!(Writer::create(&folder), Err(Error::RunExists { .. })));
    let error = RunFolder::create(folder.path()).unwrap_err();
    assert!(error.to_string().contains("choose another folder, or resume"), "{error}");
}

#[test]
fn resuming_cuts_the_torn_tail_tells_what_is_there_and_goes_on() {
    let (_scratch, folder) = new_run();
    let (bytes, _) = framed(&records());
    fs::write(folder.trace_path(), &bytes).unwrap();
    let torn = &framed(&[step(8)]).0[..30];
    append_bytes(&folder, torn);

    let (mut writer, resumed) = Writer::resume(&folder).unwrap();
    assert_eq!(resumed.head, Some(head()));
    assert_eq!((resumed.steps, resumed.batches, resumed.epochs.len()), (8, 8, 1));
    assert_eq!(resumed.snapshots.len(), 1);
    assert_eq!((resumed.slices, resumed.truncated_bytes), (1, 30));
    assert_eq!(resumed.lost, []);
    append_all(&mut writer, &[step(8)]);
    drop(writer);

    let trace = read_run(folder.path()).unwrap();
    assert_eq!((trace.lost, trace.torn), (vec![], None));
    let [.., Record::Resume(resume), Record::Step(last)] = &trace.records[..] else {
        panic!("{:?}", trace.records);
    };
    assert_eq!((resume.steps, resume.batches, resume.truncated_bytes), (8, 8, 30));
    assert!(resume.resumed_unix_secs > 1.7e9);
    assert_eq!(last.step, 8);
}

#[test]
fn a_run_stopped_at_any_byte_resumes_with_every_whole_record() {
    let (_scratch, folder) = new_run();
    let all = records();
    let (bytes, ranges) = framed(&all[..4]);
    for cut in 0..=bytes.len() {
        fs::write(folder.trace_path(), &bytes[..cut]).unwrap();
        let whole = ranges.iter().filter(|range| range.end <= cut).count();
        let (mut writer, resumed) = Writer::resume(&folder).unwrap();
        if whole == 0 {
            assert_eq!(resumed.head, None);
            append_all(&mut writer, &[Record::from(head())]);
        }
        append_all(&mut writer, &[note("on")]);
        drop(writer);
        let trace = read_run(folder.path()).unwrap();
        assert_eq!(trace.records.len(), whole.max(1) + 1 + usize::from(whole > 0));
        assert_eq!((trace.lost, trace.torn), (vec![], None), "cut at {cut}");
    }
}

#[test]
fn resuming_never_cuts_what_can_be_read() {
    let (_scratch, folder) = new_run();
    let (mut bytes, ranges) = framed(&records());
    bytes[ranges[2].start + 14] ^= 1; // a length: that record looks torn
    fs::write(folder.trace_path(), &bytes).unwrap();
    let (_writer, resumed) = Writer::resume(&folder).unwrap();
    assert_eq!(resumed.truncated_bytes, 0);
    assert_eq!(resumed.lost[0].offset, ranges[2].start as u64);
    let after = fs::read(folder.trace_path()).unwrap();
    assert_eq!(after[..bytes.len()], bytes);
}

#[test]
fn a_tail_of_zeros_as_after_a_power_failure_is_cut() {
    let (_scratch, folder) = new_run();
    fs::write(folder.trace_path(), framed(&records()).0).unwrap();
    append_bytes(&folder, &[0; 4096]);
    let (writer, resumed) = Writer::resume(&folder).unwrap();
    drop(writer);
    assert_eq!(resumed.truncated_bytes, 4096);
    assert_eq!(read_run(folder.path()).unwrap().lost, []);
}

#[test]
fn some_other_file_is_neither_resumed_nor_touched() {
    let (_scratch, folder) = new_run();
    fs::write(folder.trace_path(), "thesis").unwrap();
    assert!(matches!(Writer::resume(&folder), Err(Error::NotATrace { .. })));
    assert_eq!(fs::read_to_string(folder.trace_path()).unwrap(), "thesis");
}

#[test]
fn a_record_that_cannot_be_written_leaves_the_trace_as_it_was() {
    let (_scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    append_all(&mut writer, &[Record::from(head())]);
    assert!(writer.append(&Record::Unknown { kind: "x".into() }).is_err());
    append_all(&mut writer, &[note("after")]);
    drop(writer);
    assert_eq!(kinds(&folder), ["head", "note"]);
}

#[test]
fn a_head_of_a_newer_minor_version_is_kept_and_not_repeated_without_its_new_fields() {
    let (_scratch, folder) = new_run();
    let newer = record!(Head { format: [FORMAT[0], FORMAT[1] + 1], ..head() });
    fs::write(folder.trace_path(), framed(&[Record::from(newer)]).0).unwrap();
    let (writer, _) = Writer::resume(&folder).unwrap();
    writer.finish(End::default()).unwrap();
    assert_eq!(kinds(&folder), ["head", "resume", "end"]);
}

#[test]
fn slices_and_steps_are_numbered_on_even_by_a_hostile_trace() {
    let (_scratch, folder) = new_run();
    let last = Record::from(record!(Slice { slice: u32::MAX }));
    let all = [Record::from(head()), step(u64::MAX - 1), last];
    fs::write(folder.trace_path(), framed(&all).0).unwrap();
    let (_writer, resumed) = Writer::resume(&folder).unwrap();
    assert_eq!((resumed.steps, resumed.slices), (u64::MAX, u32::MAX));
}

#[test]
fn a_training_that_goes_on_from_an_earlier_checkpoint_leaves_the_old_path_behind() {
    let (_scratch, folder) = new_run();
    let epoch = |epoch, steps| Record::from(record!(Epoch { epoch, steps }));
    let snapshot = |index, step| Record::from(record!(Snapshot { index, step }));
    let back = Record::from(record!(Resume { steps: 2, batches: 4 }));
    let before = [Record::from(head()), snapshot(0, 0), step(0), step(1), epoch(1, 2)];
    let left = [snapshot(1, 2), step(2), step(3), epoch(2, 4), snapshot(2, 4)];
    let all = [&before[..], &left, &[back]].concat();
    fs::write(folder.trace_path(), framed(&all).0).unwrap();
    let (_writer, resumed) = Writer::resume(&folder).unwrap();
    assert_eq!((resumed.steps, resumed.batches), (2, 4));
    assert_eq!(resumed.epochs.iter().map(|it| it.epoch).collect::<Vec<_>>(), [1]);
    assert_eq!(resumed.snapshots.iter().map(|it| it.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(resumed.next_snapshot, 3);
}

#[test]
fn what_was_observed_of_a_step_that_is_not_recorded_does_not_count_as_that_step() {
    let (_scratch, folder) = new_run();
    let observed = [
        Record::from(record!(Activation { step: 1, batches: 2 })),
        Record::from(record!(Histogram { step: 1 })),
        Record::from(record!(Alert { step: 1 })),
        Record::from(record!(Blackbox { step: 1 })),
    ];
    let all = [&[Record::from(head()), step(0)][..], &observed].concat();
    fs::write(folder.trace_path(), framed(&all).0).unwrap();
    let (_writer, resumed) = Writer::resume(&folder).unwrap();
    assert_eq!((resumed.steps, resumed.batches), (1, 1));
}

#[test]
fn a_megabyte_does_not_wait_for_the_clock() {
    let (_scratch, folder) = new_run();
    let mut writer = Writer::create(&folder).unwrap();
    let long = record!(Note { level: "info".into(), text: "x".repeat(1 << 20) });
    append_all(&mut writer, &[Record::from(head()), Record::from(long)]);
    let file = fs::File::open(folder.trace_path()).unwrap();
    let items: Vec<Item> = Reader::new(file).collect::<Result<_, _>>().unwrap();
    assert_eq!(items.into_iter().collect::<Trace>().records.len(), 2);
}
