//! A training that is killed again and again: each time the run reads, goes on, and ends as if nothing had been.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::Stdio;

use burnscape::trace::{Item, Reader, Record, Snapshot, Torn};
use burnscape_tests::trainee::{self, Outcome};
use tempfile::{TempDir, tempdir};

use super::support::{Dice, TRAINEE, on_path};

const KILLS: usize = 50;
const EPOCHS: u64 = 60;
/// 300 digits in batches of 32.
const STEPS_PER_EPOCH: u64 = 10;
/// An epoch takes about 5 kB: a training is killed after up to eight epochs, or before its first step.
const LONGEST_GROWTH: usize = 40_000;
/// What a machine that loses power may not have written: less than an epoch, at whose end it is asked to.
const LONGEST_TAIL: usize = 1_000;

/// One training in one folder, by as many processes as it takes.
struct Training {
    dir: TempDir,
    /// burn's checkpoints from this one on did not load: the process was killed while writing them.
    broken_from: u64,
}

enum Ended {
    Killed,
    Finished(Outcome),
    Failed,
}

impl Training {
    fn new() -> Self {
        Self { dir: tempdir().expect("a folder"), broken_from: u64::MAX }
    }

    fn trace(&self) -> PathBuf {
        self.dir.path().join("run/trace.cbor")
    }

    fn bytes(&self) -> u64 {
        fs::metadata(self.trace()).map_or(0, |found| found.len())
    }

    /// The last epoch of which burn wrote all three files, as far as they load; none before the trace has an
    /// epoch, from which to tell where the checkpoint's is.
    fn checkpoint(&self) -> Option<u64> {
        let is_epoch = |record: &Record| matches!(record, Record::Epoch(_));
        if self.bytes() == 0 || !self.read().0.iter().any(is_epoch) {
            return None;
        }
        let file = |kind: &str, epoch| {
            let name = format!("burn/checkpoint/{kind}-{epoch}.bpk");
            self.dir.path().join(name).exists()
        };
        let is_whole =
            |epoch: &u64| ["model", "optim", "scheduler"].iter().all(|it| file(it, *epoch));
        (1..EPOCHS.min(self.broken_from)).rev().find(is_whole)
    }

    /// Goes on from the last checkpoint, until the trace has grown by so many bytes.
    fn go_on(&mut self, growth: u64) -> Ended {
        let (path, epochs) = (self.dir.path().to_str().expect("UTF-8"), EPOCHS.to_string());
        let mut arguments = vec!["--dir", path, "--model", "mlp", "--watch", "default"];
        arguments.extend(["--unshuffled", "--resume", "--epochs", &epochs]);
        let checkpoint = self.checkpoint().map(|epoch| epoch.to_string());
        arguments.extend(checkpoint.iter().flat_map(|epoch| ["--checkpoint", epoch]));
        let mut command = trainee::start(TRAINEE, &arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("the trainee starts");
        let before = self.bytes();
        while self.bytes().saturating_sub(before) < growth {
            if child.try_wait().expect("a state").is_some() {
                return self
                    .ended(trainee::outcome(&child.wait_with_output().expect("its output")));
            }
            std::thread::yield_now();
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        self.broken_from = u64::MAX;
        Ended::Killed
    }

    fn ended(&mut self, outcome: anyhow::Result<Outcome>) -> Ended {
        match (outcome, self.checkpoint()) {
            (Ok(outcome), _) => Ended::Finished(outcome),
            (Err(_), Some(epoch)) => {
                self.broken_from = epoch;
                Ended::Failed
            }
            (Err(error), None) => panic!("the first epochs fail: {error:#}"),
        }
    }

    /// All records, each accounted for with its bytes, and the tail.
    fn read(&self) -> (Vec<Record>, Option<Torn>) {
        let mut reader = Reader::open(self.trace()).expect("a trace");
        let (mut records, mut torn) = (Vec::new(), None);
        for item in reader.by_ref() {
            match item.expect("a trace") {
                Item::Record { record, .. } => records.push(record),
                Item::Torn(tail) => torn = Some(tail),
                Item::Lost(lost) => panic!("{lost:?}: only the tail may be torn"),
            }
        }
        let torn_bytes = torn.map_or(0, |it| it.bytes);
        assert_eq!(reader.whole_bytes() + torn_bytes, self.bytes(), "every byte is told");
        (records, torn)
    }

    /// Cuts the trace inside its last records.
    fn tear(&self, dice: &mut Dice) {
        let file = OpenOptions::new().write(true).open(self.trace()).expect("a trace");
        let cut = dice.below(LONGEST_TAIL) as u64;
        file.set_len(self.bytes().saturating_sub(cut)).expect("cut");
    }

    /// The run is the beginning of the undisturbed one. Where burn's checkpoint was ahead of the trace, the steps
    /// in between are missing, and nowhere else; none is doubled or in a wrong epoch. Gives the epochs.
    fn check(&self) -> u64 {
        let (mut steps, mut told, mut epochs) = (0, 0, 0);
        for record in &on_path(self.read().0) {
            match record {
                Record::Resume(resume) => steps = resume.steps,
                Record::Step(step) => {
                    assert_eq!((step.step, step.batches), (steps, steps + 1));
                    let place = (steps / STEPS_PER_EPOCH + 1, steps % STEPS_PER_EPOCH + 1);
                    assert_eq!((step.epoch, step.iteration), (Some(place.0), Some(place.1)));
                    (steps, told) = (steps + 1, told + 1);
                }
                Record::Epoch(epoch) => {
                    epochs += 1;
                    assert_eq!((epoch.steps, epoch.steps), (steps, epoch.epoch * STEPS_PER_EPOCH));
                }
                Record::Snapshot(snapshot) => self.check_snapshot(snapshot),
                _ => {}
            }
        }
        assert!(steps <= 2 * told, "{told} of {steps} steps are there");
        epochs
    }

    fn check_snapshot(&self, snapshot: &Snapshot) {
        let file = fs::read(self.dir.path().join("run").join(&snapshot.file));
        let checksum = crc32fast::hash(&file.expect("a file that was told is there"));
        assert_eq!(checksum, snapshot.crc32, "and whole: {}", snapshot.file);
    }
}

fn undisturbed() -> Outcome {
    match Training::new().go_on(u64::MAX) {
        Ended::Finished(outcome) => outcome,
        _ => panic!("an undisturbed training ends"),
    }
}

/// Ends a training that may have been killed, and compares it with one that was not.
fn assert_ended_like(expected: &Outcome, training: &Training, outcome: &Outcome) {
    assert_eq!(outcome.problems, [] as [String; 0]);
    assert_eq!(outcome.checksums, expected.checksums, "the weights, bit for bit");
    let epochs = training.check();
    assert!((EPOCHS / 2..=EPOCHS).contains(&epochs), "{epochs} epochs were told");
    let (records, torn) = training.read();
    assert_eq!(torn, None);
    match records.last() {
        Some(Record::End(end)) => {
            assert_eq!((end.reason.as_str(), end.steps), ("finished", EPOCHS * STEPS_PER_EPOCH));
        }
        other => panic!("the trace ends with {other:?}"),
    }
}

#[test]
fn a_training_killed_at_50_moments_reads_each_time_and_ends_with_the_weights_of_one_that_was_not() {
    let expected = undisturbed();
    let (mut dice, mut training) = (Dice::new(1), Training::new());
    let (mut kills, mut torn, mut ended) = (0, 0, 0);
    while kills < KILLS || ended == 0 {
        match training.go_on(dice.below(LONGEST_GROWTH) as u64) {
            Ended::Killed => {
                kills += 1;
                if training.bytes() > 0 {
                    if dice.below(2) == 0 {
                        training.tear(&mut dice);
                    }
                    torn += usize::from(training.read().1.is_some());
                    training.check();
                }
            }
            Ended::Finished(outcome) => {
                ended += 1;
                assert_ended_like(&expected, &training, &outcome);
                training = Training::new();
            }
            Ended::Failed => {}
        }
    }
    println!("{kills} kills, {torn} torn tails, {ended} trainings ended");
    assert!(torn > 0, "some tails were torn");
}
