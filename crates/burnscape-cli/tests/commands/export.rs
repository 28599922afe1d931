//! `burnscape export` from outside: what it writes, says, and its exit code.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Output;

use burnscape_trace::{Axis, End, FORMAT, Head, Nodes, Record, RunFolder, Slice, Writer, record};
use tempfile::TempDir;

use super::program::{burnscape, stderr, stdout};

fn export(folder: &TempDir, arguments: &[&str]) -> Output {
    burnscape(folder, &[&["export"], arguments].concat())
}

/// A run `digits` with a line of three nodes around a snapshot that has no file.
fn with_run() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let slice = record!(Slice {
        name: "line".into(),
        x: record!(Axis { first: -1, count: 3, spacing: 1.0, seed: Some(1) }),
        centre_snapshot: Some(1),
        normalisation: "filter".into(),
        biases: "ignored".into(),
    });
    let nodes = record!(Nodes { index: (0..3).collect(), loss: vec![1.0, 0.25, 2.0].into() });
    write_run(&folder.path().join("digits"), [slice.into(), nodes.into()]);
    folder
}

fn write_run<const N: usize>(path: &Path, records: [Record; N]) {
    let mut writer = Writer::create(&RunFolder::create(path).unwrap()).unwrap();
    let block = record!(burnscape_trace::Block {
        path: "fc.weight".into(),
        shape: vec![2, 2],
        role: "weight".into(),
    });
    let head = record!(Head { format: FORMAT, blocks: vec![block] });
    writer.append(&head.into()).unwrap();
    for record in &records {
        writer.append(record).unwrap();
    }
    writer.finish(record!(End { reason: "finished".into() })).unwrap();
}

#[test]
fn a_run_becomes_a_file_and_a_line_says_so() {
    let folder = with_run();
    let output = export(&folder, &["digits", "--format", "npz", "-o", "digits.npz"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let said = stdout(&output);
    let bytes = fs::metadata(folder.path().join("digits.npz")).unwrap().len();
    assert_eq!(said, format!("wrote digits.npz: 0 steps, 1 slice, {bytes} bytes\n"));
    let trace = ["digits/trace.cbor", "--format", "npz", "--output", "again.npz"];
    assert!(export(&folder, &trace).status.success());
}

#[test]
fn models_that_were_trained_with_it_are_named_whether_it_has_something_to_export_or_not() {
    let folder = with_run();
    write_run(&folder.path().join("digits/critic"), []);
    write_run(&folder.path().join("digits/critic/teacher"), []);
    let of = |run, to| export(&folder, &[run, "--format", "npz", "-o", to]);
    let said = stdout(&of("digits", "digits.npz"));
    let expected = "\nmodels trained with it are exported by themselves: digits/critic\n";
    assert!(said.starts_with("wrote digits.npz") && said.ends_with(expected), "{said}");
    let output = of("digits/critic", "critic.npz");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("by themselves: digits/critic/teacher"), "{said}");
    assert!(said.contains("holds no loss surface"), "{said}");
}

#[test]
fn an_existing_file_needs_force() {
    let folder = with_run();
    let file = folder.path().join("digits.npz");
    fs::write(&file, "precious").unwrap();
    let arguments = ["digits", "--format", "npz", "-o", "digits.npz"];
    let output = export(&folder, &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nothing was overwritten; add --force"));
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert!(export(&folder, &[&arguments[..], &["--force"]].concat()).status.success());
    assert!(fs::read(&file).unwrap().starts_with(b"PK"));
}

#[test]
fn what_a_damaged_run_has_lost_is_told_on_standard_error() {
    let folder = with_run();
    let trace = folder.path().join("digits/trace.cbor");
    OpenOptions::new().append(true).open(trace).unwrap().write_all(b"\xd9\xd9").unwrap();
    let output = export(&folder, &["digits", "--format", "npz", "-o", "digits.npz"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("lost: the last 2 bytes of the trace"), "{}", stderr(&output));
    assert!(stdout(&output).contains("wrote digits.npz"));
}

#[test]
fn directions_that_cannot_be_given_back_are_a_sentence_and_exit_code_2() {
    let folder = with_run();
    let arguments = ["digits", "--format", "npz", "--with-directions", "-o", "digits.npz"];
    let output = export(&folder, &arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("without --with-directions everything else is exported"), "{said}");
    assert!(!folder.path().join("digits.npz").exists());
}

#[test]
fn what_cannot_be_exported_is_a_sentence_and_exit_code_2() {
    let folder = with_run();
    write_run(&folder.path().join("young"), []);
    for (arguments, words) in [
        (&["missing", "--format", "npz", "-o", "a.npz"][..], "there is no run folder"),
        (&["young", "--format", "npz", "-o", "a.npz"], "holds no loss surface"),
        (
            &["digits", "--format", "gif", "-o", "a.gif"],
            "`gif` is no format to export: npz, csv, json",
        ),
        (&["digits", "--format", "npz"], "--output <OUTPUT>"),
        (
            &["digits", "--format", "npz", "-o", "no/a.npz"],
            "cannot write no/a.npz: its folder does not exist\n",
        ),
        (
            &["digits", "--format", "csv", "-o", "a", "--width-mm", "85"],
            "--width-mm has no effect on csv; it is for svg and png",
        ),
        (&["digits", "--format", "svg", "-o", "a", "--dpi", "300"], "--dpi has no effect on svg"),
        (&["digits", "--format", "json", "-o", "a", "--figure", "loss"], "--figure has no effect"),
        (&["digits", "--format", "csv", "-o", "a", "--with-directions"], "it is for npz"),
        (&["digits", "--format", "npz", "-o", "a", "--raw-texts"], "it is for csv"),
        (&["digits", "--format", "csv", "-o", "-"], "csv is a folder of files"),
    ] {
        let output = export(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{words} in {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_dash_is_standard_output_which_gets_the_export_alone() {
    let folder = with_run();
    for format in ["npz", "json"] {
        let output = export(&folder, &["digits", "--format", format, "-o", "-"]);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
        export(&folder, &["digits", "--format", format, "-o", "file"]);
        assert!(output.stdout == fs::read(folder.path().join("file")).unwrap(), "{format}");
        fs::remove_file(folder.path().join("file")).unwrap();
    }
    assert!(!folder.path().join("-").exists());
}

#[test]
fn formats_of_several_files_are_a_folder() {
    let folder = with_run();
    for (format, file) in [("csv", "nodes.csv"), ("vtk", "slice0.vtk"), ("tensorboard", "")] {
        let output = export(&folder, &["digits", "--format", format, "-o", format]);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
        assert!(folder.path().join(format).join(file).exists(), "{file}");
        let again = export(&folder, &["digits", "--format", format, "-o", format]);
        assert!(stderr(&again).contains("add --force"), "{}", stderr(&again));
    }
}

#[test]
fn help_tells_the_exit_codes_and_the_arrays() {
    let output = export(&with_run(), &["--help"]);
    for words in
        ["Exit codes:", "--with-directions", "slice0_loss", "trajectory_xy", "buffer_layout"]
    {
        assert!(stdout(&output).contains(words), "{words}");
    }
}

#[test]
fn its_help_tells_the_exit_codes() {
    for command in ["export", "report"] {
        let output = burnscape(".", &[command, "--help"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("Exit codes"), "{command}");
    }
}
