//! Running a program twice records two runs, and nothing is overwritten.

use std::path::Path;

use burnscape::Probe;
use burnscape_tests::trainee;
use tempfile::tempdir;

use super::support::{TRAINEE, records, steps};

/// Trains one epoch; gives what came on standard error.
fn trained(dir: &Path, more: &[&str]) -> String {
    let dir = dir.to_str().expect("a UTF-8 path");
    let arguments = ["--dir", dir, "--model", "mlp", "--watch", "training", "--epochs", "1"];
    let output = trainee::start(TRAINEE, &[&arguments[..], more].concat()).output();
    let output = output.expect("the trainee runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    errors
}

#[test]
fn a_program_that_runs_again_records_into_the_next_free_folder_and_prints_which() {
    let dir = tempdir().expect("a folder");
    assert_eq!(trained(dir.path(), &["--aloud"]), "");
    let trace = dir.path().join("run/trace.cbor");
    let first = std::fs::read(&trace).expect("a trace");
    for number in [2, 3] {
        let told = trained(dir.path(), &["--aloud"]);
        let run = dir.path().join(format!("run-{number}"));
        let named = format!("this one is {}", run.display());
        assert!(told.lines().count() == 1 && told.contains(&named), "{told}");
        assert_eq!(steps(&records(&run)).len(), 10);
    }
    assert_eq!(trained(dir.path(), &[]), "", "quiet");
    assert_eq!(std::fs::read(&trace).expect("a trace"), first);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_not_taken_for_a_run() {
    let dir = tempdir().expect("a folder");
    std::fs::write(dir.path().join("run"), "mine").expect("written");
    let told = trained(dir.path(), &["--aloud"]);
    let run = dir.path().join("run-2");
    assert!(told.contains(&format!("run is no folder: this one is {}", run.display())), "{told}");
    assert_eq!(std::fs::read_to_string(dir.path().join("run")).expect("a file"), "mine");
}

#[test]
fn a_folder_that_holds_no_run_is_taken_as_it_is() {
    let dir = tempdir().expect("a folder");
    std::fs::write(dir.path().join("notes.txt"), "mine").expect("written");
    let probe = Probe::start(dir.path()).expect("a probe");
    assert_eq!(probe.run_folder(), Some(dir.path()));
    drop(probe);
    let text = std::fs::read_to_string(dir.path().join("notes.txt")).expect("notes");
    assert_eq!(text, "mine");
}
