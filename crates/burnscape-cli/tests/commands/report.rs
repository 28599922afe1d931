//! `burnscape report` from outside: what it writes, says, and its exit code.

use std::fs;
use std::process::Output;

use burnscape_trace::{End, FORMAT, Head, RunFolder, Step, Writer, record};
use tempfile::TempDir;

use super::program::burnscape;

fn report(folder: &TempDir, arguments: &[&str]) -> Output {
    burnscape(folder, &[&["report"], arguments].concat())
}

fn with_runs() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["first", "second", "empty"] {
        let run = RunFolder::create(folder.path().join(name)).unwrap();
        let mut writer = Writer::create(&run).unwrap();
        writer.append(&record!(Head { format: FORMAT }).into()).unwrap();
        if name != "empty" {
            writer.append(&record!(Step { loss: Some(0.5) }).into()).unwrap();
        }
        writer.finish(End::default()).unwrap();
    }
    folder
}

#[test]
fn runs_become_a_page_that_is_replaced_only_by_force() {
    let folder = with_runs();
    let arguments = ["first", "second", "-o", "report.html"];
    let output = report(&folder, &arguments);
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, format!("wrote report.html: {} bytes\n", page.len()));
    assert!(page.starts_with("<!doctype html>") && page.contains("\"name\":\"second\""));
    let again = report(&folder, &arguments);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8(again.stderr).unwrap().contains("add --force"));
    assert!(report(&folder, &[&arguments[..], &["--force"]].concat()).status.success());
}

#[test]
fn what_cannot_be_shown_is_a_sentence_and_exit_code_2() {
    let folder = with_runs();
    for (arguments, words) in [
        (&["empty", "-o", "a.html"][..], "holds no loss surface"),
        (&["first", "missing", "-o", "a.html"], "there is no run folder"),
        (&["-o", "a.html"], "<RUN>"),
    ] {
        let output = report(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(words), "{words} in {said}");
        assert!(!folder.path().join("a.html").exists());
    }
}
