//! The epoch of every step is burn's own, whatever happens to training.
//!
//! The independent witness is burn's metric log: it has one file per epoch and one line per batch.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::tempdir;

use super::support::{epochs, head, records, steps, train};

/// Batches per epoch as burn's own log of the training loss has them. The last line of a file is
/// the epoch's final value if the epoch ended.
fn batches_in_burns_log(dir: &Path) -> BTreeMap<u64, u64> {
    let folders = std::fs::read_dir(dir.join("burn/train")).expect("burn's logs");
    let mut batches = BTreeMap::new();
    for folder in folders {
        let folder = folder.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let epoch = name.trim_start_matches("epoch-").parse().expect("a number");
        let text = std::fs::read_to_string(folder.join("Loss.log")).expect("a log");
        let lines = text.lines().filter(|line| !line.ends_with(",final"));
        batches.insert(epoch, lines.count() as u64);
    }
    batches
}

/// The last batch of every epoch as our steps have it; with accumulation a step counts several.
fn batches_in_trace(run: &Path) -> BTreeMap<u64, u64> {
    let mut batches = BTreeMap::new();
    for step in steps(&records(run)) {
        let epoch = step.epoch.expect("a known epoch");
        let iteration = step.iteration.expect("a known batch");
        let before = batches.insert(epoch, iteration).unwrap_or(0);
        assert_eq!(iteration, before + u64::from(step.accumulated));
    }
    batches
}

/// Mean of the batch losses in burn's own log of an epoch.
fn loss_in_burns_log(dir: &Path, split: &str, epoch: u64) -> f64 {
    let file = dir.join(format!("burn/{split}/epoch-{epoch}/Loss.log"));
    let text = std::fs::read_to_string(file).expect("a log");
    let lines = text.lines().filter(|line| !line.ends_with(",final"));
    let losses = lines.map(|line| line.split(',').next().expect("a value").parse::<f64>());
    let losses: Vec<f64> = losses.map(|loss| loss.expect("a number")).collect();
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[test]
fn losses_of_an_epoch_are_those_in_burns_log() {
    let dir = assert_epochs_agree(&["--epochs", "3"]);
    for epoch in epochs(&records(&dir.path().join("run"))) {
        for (split, loss) in [("train", epoch.train_loss), ("valid", epoch.valid_loss)] {
            let expected = loss_in_burns_log(dir.path(), split, epoch.epoch);
            let loss = loss.expect("a loss");
            assert!((loss - expected).abs() < 1e-6 * expected, "{split} {epoch:?} {expected}");
            assert_eq!(epoch.weighted_by, "batches", "as burn's own metric");
        }
    }
}

/// Of a training with burn's builder and with ours; gives the folder of the first.
fn assert_epochs_agree(arguments: &[&str]) -> tempfile::TempDir {
    let [dir, _] = ["default", "training"].map(|watch| {
        let dir = tempdir().expect("a folder");
        let watch = ["--model", "mlp", "--watch", watch];
        train(dir.path(), &[&watch[..], arguments].concat());
        let found = batches_in_trace(&dir.path().join("run"));
        assert_eq!(found, batches_in_burns_log(dir.path()), "{watch:?} {arguments:?}");
        dir
    });
    dir
}

fn complete_epochs(run: &Path) -> Vec<u64> {
    epochs(&records(run)).iter().map(|it| it.epoch).collect()
}

#[test]
fn plain_training() {
    let dir = assert_epochs_agree(&["--epochs", "3"]);
    assert_eq!(complete_epochs(&dir.path().join("run")), [1, 2, 3]);
}

#[test]
fn gradient_accumulation() {
    let dir = assert_epochs_agree(&["--epochs", "2", "--accumulate", "4"]);
    let counts = steps(&records(&dir.path().join("run")));
    let counts: Vec<u32> = counts.iter().map(|step| step.accumulated).collect();
    // 300 digits in batches of 32 are 10 batches: 4 + 4 + the last 2, in each of two epochs.
    assert_eq!(counts, [4, 4, 2, 4, 4, 2]);
}

#[test]
fn early_stopping() {
    // Learning rate 0: validation never improves on the first epoch, so patience 2 ends training
    // long before epoch 30.
    let dir = assert_epochs_agree(&["--epochs", "30", "--patience", "2"]);
    let epochs = complete_epochs(&dir.path().join("run"));
    assert!((3..=4).contains(&epochs.len()), "{epochs:?}");
}

#[test]
fn interruption_in_mid_epoch() {
    let dir = tempdir().expect("a folder");
    let interrupted = ["--model", "mlp", "--watch", "default", "--epochs", "5"];
    train(dir.path(), &[&interrupted[..], &["--interrupt-after", "13"]].concat());
    let run = dir.path().join("run");
    let batches = batches_in_trace(&run);
    assert_eq!(batches, batches_in_burns_log(dir.path()));
    // Ten batches an epoch: the second one was cut short, and only the first is complete.
    assert_eq!(batches[&1], 10);
    assert!((3..10).contains(&batches[&2]), "{batches:?}");
    assert_eq!(complete_epochs(&run), [1]);
}

#[test]
fn resuming_from_a_checkpoint_in_a_new_run() {
    let dir = tempdir().expect("a folder");
    train(dir.path(), &["--model", "mlp", "--watch", "bare", "--epochs", "2"]);
    let on = ["--model", "mlp", "--watch", "default", "--epochs", "4", "--checkpoint", "2"];
    train(dir.path(), &on);
    let run = dir.path().join("run");
    assert_eq!(complete_epochs(&run), [3, 4]);
    assert_eq!(head(&records(&run)).first_epoch, Some(3));
    let steps = steps(&records(&run));
    assert_eq!(steps[0].epoch, Some(3));
    assert_eq!(steps[0].iteration, Some(1));
    assert_eq!(steps.len(), 20);
}

#[test]
fn resuming_from_a_checkpoint_in_the_same_run() {
    let dir = tempdir().expect("a folder");
    let first = ["--model", "mlp", "--watch", "default", "--epochs", "3"];
    // Interrupted in the middle of epoch 3, gone on with from the checkpoint of epoch 2.
    train(dir.path(), &[&first[..], &["--interrupt-after", "25"]].concat());
    let on = ["--epochs", "4", "--checkpoint", "2", "--resume"];
    train(dir.path(), &[&first[..3], &["default"], &on[..]].concat());
    let records = records(&dir.path().join("run"));
    let steps = steps(&records);
    let again = steps.iter().rposition(|step| step.step == 20).expect("step 20 again");
    let resumed: Vec<_> = steps[again..].iter().map(|it| (it.step, it.epoch)).collect();
    assert_eq!(resumed.len(), 20);
    assert_eq!(resumed.first(), Some(&(20, Some(3))));
    assert_eq!(resumed.last(), Some(&(39, Some(4))));
}

#[test]
#[cfg_attr(
    not(feature = "ndarray"),
    ignore = "a second backend: `--features burnscape-tests/ndarray`"
)]
fn two_devices_with_the_optimizer_on_the_main_one() {
    let dir = assert_epochs_agree(&["--epochs", "2", "--two-devices"]);
    let steps = steps(&records(&dir.path().join("run")));
    // 300 digits on two devices: 150 each, five batches of 32 (the last has 22): five steps of two
    // batches an epoch.
    assert_eq!(steps.len(), 10);
    assert!(steps.iter().all(|step| step.accumulated == 2));
}

#[test]
fn without_attach_epochs_count_from_one_and_their_offset_is_unknown() {
    let dir = tempdir().expect("a folder");
    let arguments = ["--model", "mlp", "--watch", "default", "--unattached"];
    train(dir.path(), &arguments);
    let records = records(&dir.path().join("run"));
    assert_eq!(head(&records).first_epoch, None);
    let epochs = epochs(&records);
    let ends: Vec<_> = epochs.iter().map(|it| (it.epoch, it.steps)).collect();
    assert_eq!(ends, [(1, 10), (2, 20)]);
    for (number, step) in steps(&records).iter().enumerate() {
        assert_eq!(step.epoch, Some(number as u64 / 10 + 1));
        assert_eq!(step.iteration, Some(number as u64 % 10 + 1));
    }
}
