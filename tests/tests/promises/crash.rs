//! A training that is killed leaves a run that opens.

use std::process::Stdio;

use burnscape::trace::read_run;
use burnscape_tests::trainee;
use burnscape_tests::waiting::wait_until;
use tempfile::tempdir;

use super::support::{TRAINEE, steps};

/// Batches that burn may be ahead of its own events, by which a step is told.
const LAG: u64 = 2;

/// Nothing comes after the batch at which training rests: only time can bring its step to the disk.
#[test]
fn a_training_killed_while_it_rests_leaves_every_step_it_made() {
    for batches in [1, 31, 64] {
        let dir = tempdir().expect("a folder");
        let path = dir.path().to_str().expect("a UTF-8 path");
        let rest_after = batches.to_string();
        let arguments = ["--dir", path, "--model", "mlp", "--watch", "default", "--epochs", "50"];
        let mut command = trainee::start(TRAINEE, &arguments);
        command.args(["--rest-after", &rest_after]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the trainee starts");
        let run = dir.path().join("run");
        let told = || read_run(&run).map_or(0, |trace| steps(&trace.records).len() as u64);
        wait_until(|| told() >= batches, || format!("{} steps of {batches}", told()));
        child.kill().expect("killed");
        child.wait().expect("gone");

        let trace = read_run(&run).expect("the run opens");
        assert_eq!((trace.lost, trace.torn), (vec![], None), "all of it had been written");
        let recorded = steps(&trace.records);
        let numbers: Vec<u64> = recorded.iter().map(|step| step.step).collect();
        let expected: Vec<u64> = (0..numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "no step is missing in between");
        assert!((batches..=batches + LAG).contains(&(numbers.len() as u64)), "{numbers:?}");
    }
}
