//! `verify` notices every whole record that is missing, repeated or in another place.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Output;

use burnscape_trace::{End, FORMAT, Head, Note, Record, RunFolder, Writer, read_run, record};
use serde_json::Value;
use tempfile::TempDir;

use super::program::{burnscape, stdout};

const TOUR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/runs/tour");
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../burnscape-trace/tests/golden");

fn verify(run: &Path, more: &[&str]) -> Output {
    let run = run.to_str().unwrap();
    burnscape(".", &[&["verify", "--trace-only"], more, &[run]].concat())
}

/// The recorded tour, written again, with a stop in its midst.
fn written_again() -> (TempDir, RunFolder) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("tour")).unwrap();
    let mut writer = Writer::create(&folder).unwrap();
    let records = read_run(TOUR).unwrap().records;
    let stop = records.len() / 3;
    for (place, record) in records.iter().enumerate() {
        if place == stop {
            drop(writer);
            writer = Writer::resume(&folder).unwrap().0;
        }
        writer.append(record).unwrap();
    }
    drop(writer);
    (scratch, folder)
}

/// Where each record lies, by the drawing of the format.
fn ranges(trace: &[u8]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    while let Some(at) =
        ranges.last().map_or(Some(0), |it| Some(it.end)).filter(|it| *it < trace.len())
    {
        let length = u32::from_be_bytes(trace[at + 12..at + 16].try_into().unwrap());
        ranges.push(at..at + 16 + length as usize);
    }
    ranges
}

/// Pseudo-random numbers below `bound`.
fn below(state: &mut u64, bound: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % bound
}

/// The frames with some removed, one repeated somewhere, or two swapped.
fn changed(frames: &[Vec<u8>], state: &mut u64) -> (String, Vec<Vec<u8>>) {
    let mut changed = frames.to_vec();
    let [a, b] = [frames.len(), frames.len()].map(|bound| below(state, bound));
    let what = match below(state, 4) {
        0 => {
            changed.remove(a);
            format!("without record {a}")
        }
        1 => {
            let end = (a + 1 + below(state, 100)).min(changed.len());
            changed.drain(a..end);
            format!("without records {a}..{end}")
        }
        2 => {
            changed.insert(b, frames[a].clone());
            format!("record {a} again before {b}")
        }
        _ => {
            changed.swap(a, b);
            format!("records {a} and {b} swapped")
        }
    };
    (what, changed)
}

/// 1,000 in the ignored test.
fn every_change_is_noticed(cases: usize, seed: u64) {
    let (_scratch, folder) = written_again();
    let trace = fs::read(folder.trace_path()).unwrap();
    let frames: Vec<Vec<u8>> = ranges(&trace).into_iter().map(|it| trace[it].to_vec()).collect();
    let untouched = verify(folder.path(), &[]);
    assert_eq!(untouched.status.code(), Some(0), "{}", stdout(&untouched));
    let mut state = seed;
    for _ in 0..cases {
        let (what, changed) = changed(&frames, &mut state);
        fs::write(folder.trace_path(), changed.concat()).unwrap();
        let output = verify(folder.path(), &[]);
        let is_told = output.status.code() != Some(0);
        assert_eq!(is_told, changed != frames, "{what}: {}", stdout(&output));
    }
}

#[test]
fn removals_repetitions_and_swaps_of_records_are_noticed() {
    every_change_is_noticed(150, 18);
}

#[test]
#[ignore = "a thousand processes"]
fn a_thousand_removals_repetitions_and_swaps_of_records_are_noticed() {
    every_change_is_noticed(1000, 1);
}

#[test]
fn traces_of_older_formats_are_whole_and_a_missing_step_leaves_a_hole_in_their_numbers() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("old")).unwrap();
    for name in ["digits", "convnet", "custom_loop"] {
        let trace = fs::read(format!("{GOLDEN}/{name}.cbor")).unwrap();
        fs::write(folder.trace_path(), &trace).unwrap();
        let output = verify(folder.path(), &[]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stdout(&output));
        assert!(stdout(&output).contains("no tally: "), "{}", stdout(&output));

        let records = read_run(folder.path()).unwrap().records;
        let numbered = records.iter().zip(ranges(&trace));
        let steps: Vec<(u64, Range<usize>)> = numbered
            .filter_map(|(record, range)| match record {
                Record::Step(step) => Some((step.step, range)),
                _ => None,
            })
            .collect();
        for place in [0, steps.len() / 2, steps.len() - 1] {
            let (number, range) = &steps[place];
            fs::write(folder.trace_path(), [&trace[..range.start], &trace[range.end..]].concat())
                .unwrap();
            let told = stdout(&verify(folder.path(), &[]));
            assert!(told.contains(&format!("step {number} is missing\n")), "{name}: {told}");
        }
    }
    assert_eq!(verify(Path::new(TOUR), &[]).status.code(), Some(0));
}

#[test]
fn a_missing_first_head_is_told_with_what_helps() {
    let (_scratch, folder) = written_again();
    let trace = fs::read(folder.trace_path()).unwrap();
    fs::write(folder.trace_path(), &trace[ranges(&trace)[0].end..]).unwrap();
    let output = verify(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("no head: the first record is `"), "{}", stdout(&output));
    assert!(stdout(&output).contains("burnscape recover"), "{}", stdout(&output));
}

#[test]
fn as_json_it_says_the_same() {
    let (_scratch, folder) = written_again();
    let json =
        |run: &Path| -> Value { serde_json::from_slice(&verify(run, &["--json"]).stdout).unwrap() };
    let whole = json(folder.path());
    assert_eq!((&whole["whole"], &whole["problems"]), (&true.into(), &Value::Array(Vec::new())));
    let trace = fs::read(folder.trace_path()).unwrap();
    let ranges = ranges(&trace);
    assert_eq!(whole["records"], ranges.len());
    fs::write(folder.trace_path(), [&trace[..ranges[7].start], &trace[ranges[7].end..]].concat())
        .unwrap();
    let missing = json(folder.path());
    assert_eq!(missing["whole"], false);
    let told = missing["problems"][0].as_str().unwrap().to_owned();
    assert!(told.ends_with(&format!("there are {}: 1 are missing", ranges.len() - 2)), "{told}");
    let help = burnscape(".", &["verify", "--help"]);
    for key in missing.as_object().unwrap().keys() {
        assert!(stdout(&help).contains(key), "{key}");
    }
}

#[test]
fn what_a_full_disk_took_while_recording_is_told_though_the_file_is_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(scratch.path().join("run")).unwrap();
    let mut writer = Writer::create(&folder).unwrap();
    writer.append(&Record::Head(record!(Head { format: FORMAT }))).unwrap();
    for (level, text) in [
        ("warning", "records lost: 7."),
        ("info", "a line instead"),
        ("warning", "records lost: 7."),
    ] {
        let (level, text) = (level.into(), text.to_owned());
        writer.append(&Record::Note(record!(Note { level, text }))).unwrap();
    }
    writer.append(&Record::End(End::default())).unwrap();
    drop(writer);
    let told = verify(folder.path(), &[]);
    let lines: Vec<_> = stdout(&told).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "noted while recording: records lost: 7.");
    assert!(lines.len() == 2 && lines[1].starts_with("whole: "), "{lines:?}");
    assert!(told.status.success());
}
