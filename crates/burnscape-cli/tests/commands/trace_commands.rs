//! `info`, `verify`, `recover`, `thin`, `dump` and `snapshots` from outside: what they say and their exit codes.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use burnscape_trace::{
    End, F32s, FORMAT, Head, Hyperparameters, Metric, Note, Record, RunFolder, Snapshot, Step,
    Writer, record,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{burnscape, stderr, stdout};

const COMMANDS: [&[&str]; 7] = [
    &["info", "RUN"],
    &["merge", "RUN"],
    &["verify", "RUN"],
    &["recover", "RUN", "out"],
    &["thin", "RUN", "out"],
    &["dump", "RUN"],
    &["snapshots", "RUN"],
];

fn step(number: u64) -> Record {
    let norms = [if number == 1 { f32::NAN } else { 0.1 }];
    Record::from(record!(Step {
        step: number,
        batches: number + 1,
        loss: Some(if number == 1 { f64::INFINITY } else { 0.5 + number as f64 }),
        elapsed_secs: number as f64,
        columns: [("grad_norm".to_owned(), F32s(norms.to_vec()))].into(),
    }))
}

/// A run `digits` of four steps with three snapshots that have files.
fn with_run() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path().join("digits")).unwrap();
    let mut writer = Writer::create(&run).unwrap();
    let block = record!(burnscape_trace::Block { shape: vec![3, 2] });
    let head = record!(Head { format: FORMAT, run_id: "ab\u{1b}[2J".into(), blocks: vec![block] });
    writer.append(&head.into()).unwrap();
    for index in 0..3 {
        fs::write(run.snapshot_path(index), "123456789").unwrap();
        let file = RunFolder::snapshot_file(index);
        // The check value of CRC-32 for these nine digits.
        let snapshot = record!(Snapshot { index, file, bytes: 9, crc32: 0xCBF4_3926 });
        writer.append(&snapshot.into()).unwrap();
    }
    (0..4).for_each(|number| writer.append(&step(number)).unwrap());
    let set = [("lr", "0.001"), ("optimizer.name", "\"adam\u{1b}[2J\"")];
    let values = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    writer.append(&record!(Hyperparameters { values }).into()).unwrap();
    let metric =
        record!(Metric { split: "valid".into(), name: "accuracy".into(), value: f64::NAN });
    writer.append(&metric.into()).unwrap();
    writer
        .finish(record!(End { reason: "finished".into(), steps: 4, elapsed_secs: 12.5 }))
        .unwrap();
    folder
}

fn trace(folder: &TempDir) -> PathBuf {
    folder.path().join("digits/trace.cbor")
}

/// Where the record after so many begins, by the drawing of the format.
fn start_of(trace: &[u8], records: usize) -> usize {
    (0..records).fold(0, |at, _| {
        at + 16 + u32::from_be_bytes(trace[at + 12..at + 16].try_into().unwrap()) as usize
    })
}

#[test]
fn what_is_no_run_is_exit_code_2_for_every_command_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("csv")).unwrap();
    fs::write(folder.path().join("csv/trace.cbor"), "epoch,loss\n").unwrap();
    for command in COMMANDS {
        for run in ["nowhere", ".", "csv"] {
            let arguments: Vec<&str> =
                command.iter().map(|it| if *it == "RUN" { run } else { it }).collect();
            let output = burnscape(&folder, &arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stdout(&output));
            assert!(stderr(&output).starts_with("burnscape: "), "{}", stderr(&output));
            assert!(!folder.path().join("out").exists(), "{arguments:?}");
        }
    }
}

#[test]
fn every_help_tells_the_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        let help = stdout(&burnscape(&folder, &[command[0], "--help"]));
        assert!(help.contains("Exit codes:\n  0  ") && help.contains("\n  2  "), "{help}");
    }
}

#[test]
fn a_whole_run_verifies_and_a_missing_snapshot_is_told() {
    let folder = with_run();
    let output = burnscape(&folder, &["verify", "digits"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    assert_eq!(stdout(&output), "whole: 12 records, ended (finished)\n");
    fs::remove_file(folder.path().join("digits/snapshots/000001.safetensors")).unwrap();
    let output = burnscape(&folder, &["verify", "digits/trace.cbor"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("snapshot 1, `snapshots/000001.safetensors`: is not there"));
}

#[test]
fn damage_torn_ends_and_missing_ends_are_told_with_their_bytes() {
    let folder = with_run();
    let whole = fs::read(trace(&folder)).unwrap();
    let (damaged_at, next) = (start_of(&whole, 5), start_of(&whole, 6));
    let mut damaged = whole.clone();
    damaged[damaged_at + 20] ^= 1;
    let end_at = start_of(&whole, 11);
    let says = |bytes: &[u8]| {
        fs::write(trace(&folder), bytes).unwrap();
        let output = burnscape(&folder, &["verify", "digits"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stdout(&output)
    };
    let expected = format!(
        "damaged: {} bytes from byte {damaged_at} on belong to no record\n\
         1 problem, 11 records are whole\n",
        next - damaged_at
    );
    assert_eq!(says(&damaged), expected);
    let torn = says(&whole[..end_at + 9]);
    let expected =
        format!("torn: the last 9 bytes, from byte {end_at} on, are an unfinished record");
    assert!(torn.contains(&expected) && torn.contains("no end"), "{torn}");
    assert!(says(&whole[..end_at]).contains("no end: the last record is no `end`"));
}

#[test]
fn a_changed_snapshot_is_a_problem_unless_only_the_trace_is_asked_for() {
    let folder = with_run();
    fs::write(folder.path().join("digits/snapshots/000002.safetensors"), "12345678X").unwrap();
    let output = burnscape(&folder, &["verify", "digits"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("checksum cbf43926"), "{}", stdout(&output));
    assert_eq!(burnscape(&folder, &["verify", "--trace-only", "digits"]).status.code(), Some(0));
}

#[test]
fn info_says_what_is_in_the_run_without_control_characters() {
    let folder = with_run();
    let output = burnscape(&folder, &["info", "digits"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let text = stdout(&output);
    for part in [
        "(ab\\u{1b}[2J)",
        "6 parameters in 1 block, 0 buffers",
        "4 steps, 4 batches",
        "loss      0.5 at first, 3.5 at last, from 0.5 to 3.5, not finite in 1 step\n",
        "accuracy (valid): NaN",
        "set       lr = 0.001\n",
        "set       optimizer.name = \"adam\\u{1b}[2J\"\n",
        "snapshots 3, 27 bytes",
        "ended     finished",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn info_lists_the_models_that_were_trained_with_it() {
    let folder = with_run();
    for (name, bytes) in [("critic", "x"), ("b\u{1b}", ""), ("snapshots", "")] {
        let below = folder.path().join("digits").join(name);
        fs::create_dir_all(&below).unwrap();
        if name != "snapshots" {
            fs::write(below.join("trace.cbor"), bytes).unwrap();
        }
    }
    let text = stdout(&burnscape(&folder, &["info", "digits"]));
    assert!(text.contains("with it   digits/b\\u{1b}\nwith it   digits/critic\nended"), "{text}");
    let json = burnscape(&folder, &["info", "--json", "digits"]).stdout;
    let info: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(info["children"], json!(["digits/b\u{1b}", "digits/critic"]));
}

#[test]
fn an_export_that_fails_says_why_before_it_names_the_models_that_were_trained_with_it() {
    let folder = with_run();
    let below = folder.path().join("digits/critic");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("trace.cbor"), "").unwrap();
    let output =
        burnscape(&folder, &["export", "digits", "--format", "csv", "-o", "missing/folder"]);
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = "burnscape: cannot write missing/folder: its folder does not exist; models trained with it are \
                    exported by themselves: digits/critic\n";
    assert_eq!(told, expected);
}

#[test]
fn info_as_json_has_the_keys_that_its_help_documents() {
    let folder = with_run();
    let bytes = fs::read(trace(&folder)).unwrap();
    fs::write(trace(&folder), &bytes[..bytes.len() - 3]).unwrap();
    let output = burnscape(&folder, &["info", "--json", "digits"]);
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        info["loss"],
        json!({ "first": 0.5, "last": 3.5, "lowest": 0.5, "highest": 3.5, "not_finite": 1 })
    );
    assert_eq!(info["metrics"][0]["value"], json!("NaN"));
    assert_eq!(info["hyperparameters"]["lr"], json!(0.001));
    assert_eq!(info["records"]["step"], json!(4));
    assert_eq!(info["torn"]["at"], json!(start_of(&bytes, 11)));
    assert_eq!(info["ended"], Value::Null);
    let help = stdout(&burnscape(&folder, &["info", "--help"]));
    for key in info.as_object().unwrap().keys() {
        assert!(help.contains(key), "{key}");
    }
}

#[test]
fn dump_prints_a_line_of_json_for_each_record_and_each_loss() {
    let folder = with_run();
    let mut bytes = fs::read(trace(&folder)).unwrap();
    let damaged_at = start_of(&bytes, 2);
    bytes[damaged_at + 20] ^= 1;
    bytes.extend(b"\xD9\xD9");
    fs::write(trace(&folder), &bytes).unwrap();
    let output = burnscape(&folder, &["dump", "digits"]);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 13);
    assert_eq!((&lines[0]["at"], &lines[0]["kind"]), (&json!(0), &json!("head")));
    assert_eq!((&lines[2]["at"], &lines[2]["lost"]), (&json!(damaged_at), &json!("damaged")));
    let step = &lines[5];
    assert_eq!(step["kind"], json!("step"));
    assert_eq!(step["fields"]["loss"], json!("Infinity"));
    assert_eq!(step["fields"]["columns"]["grad_norm"], json!(["NaN"]));
    assert_eq!(lines[6]["fields"]["columns"]["grad_norm"], json!([0.1]));
    assert_eq!((&lines[12]["torn"], &lines[12]["bytes"]), (&json!(true), &json!(2)));

    let steps = burnscape(&folder, &["dump", "digits", "--kind", "step"]);
    assert_eq!(stdout(&steps).matches("\"kind\":\"step\"").count(), 4);
    assert!(!stdout(&steps).contains("\"kind\":\"head\""));
}

#[test]
fn dump_ends_quietly_when_its_reader_goes_away() {
    let folder = with_run();
    let mut writer =
        Writer::resume(&RunFolder::open(folder.path().join("digits")).unwrap()).unwrap().0;
    let note = Record::from(record!(Note { text: "x".repeat(1 << 20) }));
    (0..4).for_each(|_| writer.append(&note).unwrap());
    drop(writer);
    let mut child = Command::new(env!("CARGO_BIN_EXE_burnscape"))
        .current_dir(folder.path())
        .args(["dump", "digits"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn recover_writes_a_run_that_can_be_read_whole_and_verify_still_tells_what_is_missing() {
    let folder = with_run();
    let whole = fs::read(trace(&folder)).unwrap();
    let mut damaged = whole[..start_of(&whole, 8) + 5].to_vec();
    damaged[start_of(&whole, 4) + 20] ^= 1;
    fs::write(trace(&folder), &damaged).unwrap();
    fs::remove_file(folder.path().join("digits/snapshots/000001.safetensors")).unwrap();
    let output = burnscape(&folder, &["recover", "digits", "saved"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("wrote saved: 8 records, "), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("2 files beside them\n"), "{}", stdout(&output));
    for part in
        ["damaged: ", "torn: the last 5 bytes", "\"snapshots/000001.safetensors\" is not there"]
    {
        assert!(stderr(&output).contains(part), "{part} in {}", stderr(&output));
    }
    assert_eq!(fs::read(trace(&folder)).unwrap(), damaged);
    let verified = burnscape(&folder, &["verify", "saved"]);
    assert_eq!(verified.status.code(), Some(1));
    let told = "step 0 is missing\nsnapshot 1, `snapshots/000001.safetensors`: is not there\n\
                1 problem, 8 records are whole\n";
    assert_eq!(stdout(&verified), told);
    let again = burnscape(&folder, &["recover", "digits", "saved"]);
    assert_eq!(again.status.code(), Some(2));
    let said = "burnscape: saved exists and nothing was overwritten; add --force to replace it\n";
    assert_eq!(stderr(&again), said);
}

#[test]
fn what_recover_or_thin_has_written_is_replaced_by_force_and_nothing_else() {
    let folder = with_run();
    for command in ["recover", "thin"] {
        let run = |out: &str, more: &[&str]| {
            burnscape(&folder, &[&[command, "digits", "-o", out], more].concat())
        };
        assert_eq!(run("made", &["--force"]).status.code(), Some(0), "{command}");
        let before = fs::read(folder.path().join("made/trace.cbor")).unwrap();
        fs::write(folder.path().join("made/old"), "").unwrap();
        assert_eq!(run("made", &[]).status.code(), Some(2));
        assert_eq!(run("made", &["--force"]).status.code(), Some(0));
        assert!(!folder.path().join("made/old").exists());
        assert_eq!(fs::read(folder.path().join("made/trace.cbor")).unwrap(), before);
        let recorded = run("digits", &["--force"]);
        assert_eq!(recorded.status.code(), Some(2));
        assert!(stderr(&recorded).contains("--force will not replace it"), "{}", stderr(&recorded));
        assert!(stderr(&run("-", &[])).contains("a run is a folder"));
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        fs::remove_dir_all(folder.path().join("made")).unwrap();
    }
}

#[test]
fn a_kind_that_there_is_not_is_refused_and_one_of_a_newer_format_is_not() {
    let folder = with_run();
    let output = burnscape(&folder, &["dump", "digits", "--kind", "stepp"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("no record is of the kind `stepp`; kinds are head, "), "{said}");
    let mut bytes = fs::read(trace(&folder)).unwrap();
    // ["eigen", {}] with its checksum.
    let payload = b"\x82\x65eigen\xA0";
    bytes.extend(b"\xD9\xD9\xF7\x82\x1A");
    bytes.extend(0xA4EC_96E9_u32.to_be_bytes());
    bytes.extend(b"\xD8\x18\x5A\0\0\0\x08");
    bytes.extend(payload);
    fs::write(trace(&folder), &bytes).unwrap();
    let newer = burnscape(&folder, &["dump", "digits", "--kind", "eigen"]);
    assert_eq!((newer.status.code(), stdout(&newer).lines().count()), (Some(0), 1));
}

#[test]
fn numbers_that_keep_nothing_are_told_what_they_need() {
    let folder = with_run();
    for arguments in [
        ["snapshots", "digits", "--keep-every", "0"].as_slice(),
        &["thin", "digits", "-o", "x", "--every", "0"],
    ] {
        let said = stderr(&burnscape(&folder, arguments));
        assert!(said.contains("needs 1 or more"), "{said}");
        assert!(!said.contains("non-zero"), "{said}");
    }
}

#[test]
fn info_tells_training_from_what_came_after_it() {
    let folder = with_run();
    let text = stdout(&burnscape(&folder, &["info", "digits"]));
    assert!(text.contains("4 batches, 0 epochs in 3.0 s\n"), "{text}");
    // None was measured in this run.
    assert!(text.contains("after it  9.5 s, until its end\n"), "{text}");
    let json = burnscape(&folder, &["info", "--json", "digits"]).stdout;
    let info: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&info["elapsed_secs"], &info["training_secs"]), (&json!(12.5), &json!(3.0)));
}

#[test]
fn thin_writes_a_run_of_fewer_steps_that_verifies() {
    let folder = with_run();
    let output = burnscape(&folder, &["thin", "digits", "thinned", "--every", "4"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    // The first and lowest, that which is not finite, the highest.
    assert!(stdout(&output).starts_with("wrote thinned: 3 of 4 steps, "), "{}", stdout(&output));
    assert_eq!(burnscape(&folder, &["verify", "--trace-only", "thinned"]).status.code(), Some(0));
    for wrong in
        [["thin", "digits", "thinned"].as_slice(), &["thin", "digits", "x", "--every", "0"]]
    {
        assert_eq!(burnscape(&folder, wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn snapshots_are_deleted_only_when_that_is_confirmed() {
    let folder = with_run();
    let file =
        |index: u64| folder.path().join("digits").join(RunFolder::snapshot_file(index)).exists();
    let listed = stdout(&burnscape(&folder, &["snapshots", "digits"]));
    assert!(
        listed.contains("snapshots/000001.safetensors") && listed.ends_with("3 snapshots\n"),
        "{listed}"
    );
    let dry = stdout(&burnscape(&folder, &["snapshots", "digits", "--keep-every", "5"]));
    assert!(
        dry.contains("to be deleted") && dry.ends_with("--yes would delete 1 file, 9 bytes\n"),
        "{dry}"
    );
    assert!(file(1));
    let done = stdout(&burnscape(&folder, &["snapshots", "digits", "--keep-every", "5", "--yes"]));
    assert!(done.ends_with("deleted 1 file, 9 bytes\n"), "{done}");
    assert_eq!([0, 1, 2].map(file), [true, false, true]);
    for wrong in [["--yes"].as_slice(), &["--keep-every", "0"], &["--keep-every", "x"]] {
        let arguments = [&["snapshots", "digits"], wrong].concat();
        assert_eq!(burnscape(&folder, &arguments).status.code(), Some(2), "{wrong:?}");
    }
}
