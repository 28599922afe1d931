//! Checkpoints are interchangeable between watched and bare models.

use std::path::Path;

use tempfile::{TempDir, tempdir};

use super::support::{head, records, snapshots, train};

fn trained(model: &str, watch: &str) -> (TempDir, burnscape_tests::trainee::Outcome) {
    let dir = tempdir().expect("a folder");
    let outcome = train(dir.path(), &["--model", model, "--watch", watch]);
    (dir, outcome)
}

fn loaded(model: &str, watch: &str, file: &Path) -> burnscape_tests::trainee::Outcome {
    let dir = tempdir().expect("a folder");
    let file = file.to_str().expect("a UTF-8 path");
    let arguments = ["--model", model, "--watch", watch, "--load", file];
    train(dir.path(), &arguments)
}

fn last_checkpoint(dir: &TempDir) -> std::path::PathBuf {
    dir.path().join("burn/checkpoint/model-2.bpk")
}

#[test]
fn checkpoints_written_with_the_probe_load_into_the_bare_model() {
    for model in ["mlp", "convnet", "nested"] {
        let (dir, watched) = trained(model, "default");
        let bare = loaded(model, "bare", &last_checkpoint(&dir));
        assert_eq!(bare.paths, watched.paths);
        assert_eq!(bare.checksums, watched.checksums, "{model}");
    }
}

#[test]
fn training_watched_goes_on_from_a_bare_checkpoint_and_the_other_way_round() {
    for (first, second) in [("bare", "default"), ("default", "bare"), ("training", "training")] {
        let (dir, _) = trained("mlp", first);
        let on = ["--model", "mlp", "--epochs", "3", "--checkpoint", "2", "--run", "second"];
        let gone_on = train(dir.path(), &[&on[..], &["--watch", second]].concat());
        let (reference, _) = trained("mlp", "bare");
        let expected = train(reference.path(), &[&on[..], &["--watch", "bare"]].concat());
        assert_eq!(gone_on.checksums, expected.checksums, "{first} then {second}");
    }
}

#[test]
fn a_run_resumed_from_a_checkpoint_has_the_checkpoint_as_snapshot_0() {
    let (dir, first) = trained("mlp", "default");
    let on = ["--model", "mlp", "--watch", "default", "--epochs", "3", "--checkpoint", "2"];
    train(dir.path(), &[&on[..], &["--run", "second"]].concat());
    let run = dir.path().join("second");
    let file = std::fs::read(run.join("snapshots/000000.safetensors")).expect("snapshot 0");
    let tensors = safetensors::SafeTensors::deserialize(&file).expect("safetensors");
    for (path, checksum) in first.paths.iter().zip(&first.checksums) {
        let tensor = tensors.tensor(path).expect("the path of the model");
        assert_eq!(crc32fast::hash(tensor.data()), *checksum, "{path}");
    }
    let records = records(&run);
    assert_eq!(head(&records).first_epoch, Some(3));
    assert_eq!(snapshots(&records)[0].epoch, Some(2));
}
