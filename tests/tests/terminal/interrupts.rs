//! Ctrl-C while a training goes on that was launched through a probe.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};

use burnscape::trace::{Record, read_run};
use burnscape_tests::waiting::wait_until;
use burnscape_workbench::hearing;
use rustix::process::{Pid, Signal, kill_process};

use super::support::{TRAINEE, Training};

const SIGINT: i32 = 2;
/// Batches after which burn's events rest, that of the last one untold; training itself is at most some batches further.
const REST: u64 = 15;

struct Process<'a> {
    training: &'a Training,
    child: Child,
}

impl<'a> Process<'a> {
    /// A training of so many epochs that rests, begun by a shell that runs `first`.
    fn resting(training: &'a Training, first: &str, epochs: &str) -> Self {
        let errors = File::create(training.folder.path().join("errors")).expect("a file");
        let mut command = hearing("sh");
        command.args(["-c", &format!("{first} exec \"$@\""), "sh", TRAINEE, "--dir"]);
        command.arg(training.folder.path()).args(["--model", "mlp", "--watch", "training"]);
        command.args(["--aloud", "--epochs", epochs, "--rest-after", &REST.to_string()]);
        command.env_remove(burnscape::SWITCH_VARIABLE).stdout(Stdio::null()).stderr(errors);
        let process = Self { training, child: command.spawn().expect("a shell") };
        let steps = || process.steps();
        wait_until(|| steps() + 1 >= REST, || format!("{} steps of {REST}", steps()));
        process
    }

    fn steps(&self) -> u64 {
        let trace = read_run(self.training.run());
        let records = trace.map_or_else(|_| Vec::new(), |trace| trace.records);
        records.iter().filter(|it| matches!(it, Record::Step(_))).count() as u64
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.training.folder.path().join("errors")).expect("a file")
    }

    fn interrupt(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("a signal");
    }

    fn wait_for_word(&self) {
        let told = || self.errors().contains("Ctrl-C: training stops after this batch");
        wait_until(told, || self.errors());
    }

    fn end(mut self) -> ExitStatus {
        self.child.wait().expect("an end")
    }
}

#[test]
fn the_first_one_stops_the_training_and_the_run_ends_as_interrupted() {
    let training = Training::new();
    let process = Process::resting(&training, "", "1000");
    process.interrupt();
    process.wait_for_word();
    training.go_on();
    assert!(process.end().success());
    let end = training.end();
    assert_eq!(end.reason, "interrupted");
    assert!((REST..REST + 10).contains(&end.steps), "{end:?}");
    let expected = "training was interrupted after 1 of 1000 epochs: Ctrl-C";
    assert!(training.notes().contains(&expected.to_owned()), "{:?}", training.notes());
}

#[test]
fn the_second_one_ends_the_program_and_what_was_recorded_opens() {
    let training = Training::new();
    let process = Process::resting(&training, "", "1000");
    process.interrupt();
    process.wait_for_word();
    process.interrupt();
    assert_eq!(process.end().signal(), Some(SIGINT));
    let trace = read_run(training.run()).expect("a readable run");
    assert!(trace.lost.is_empty(), "{:?}", trace.lost);
}

/// As in scripts that run in the background.
#[test]
fn where_it_is_ignored_it_stays_ignored() {
    let training = Training::new();
    let process = Process::resting(&training, "trap '' INT;", "3");
    process.interrupt();
    training.go_on();
    assert!(process.end().success());
    training.assert_finished(3);
}
