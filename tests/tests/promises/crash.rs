//! A training that is killed leaves a run that opens.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use burnscape::trace::read_run;
use burnscape_tests::trainee;
use tempfile::tempdir;

use super::support::{TRAINEE, steps};

/// Batches after which a step must be in the file: the trainee rests 20 ms after each, so this is
/// twice the 250 ms that a step may wait in memory, plus burn's own lag of a batch or two.
const SAFE_BATCHES: u64 = 30;

#[test]
fn a_killed_training_leaves_every_step_older_than_the_flush_interval() {
    for kill_after in [31, 64, 97] {
        let dir = tempdir().expect("a folder");
        let path = dir.path().to_str().expect("a UTF-8 path");
        let arguments = ["--dir", path, "--model", "mlp", "--watch", "default", "--epochs", "50"];
        let mut command = trainee::start(TRAINEE, &arguments);
        let mut child = command
            .arg("--slow")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the trainee starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let told = output.lines().map_while(Result::ok);
        let batches = told.filter(|line| line.starts_with("batch "));
        let seen = batches.take(kill_after).count();
        assert_eq!(seen, kill_after, "the trainee tells its batches");
        child.kill().expect("killed");
        child.wait().expect("gone");

        let trace = read_run(dir.path().join("run")).expect("the run opens");
        assert!(trace.lost.is_empty(), "nothing but the tail may be torn");
        let recorded = steps(&trace.records);
        let numbers: Vec<u64> = recorded.iter().map(|step| step.step).collect();
        let expected: Vec<u64> = (0..numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "no step is missing in between");
        let recorded = numbers.len() as u64;
        assert!(recorded + SAFE_BATCHES >= seen as u64, "{recorded} steps of {seen}");
        assert!(recorded >= 1);
    }
}
