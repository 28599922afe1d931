//! Watching changes nothing.

use std::path::Path;

use tempfile::tempdir;

use super::support::train;

/// Every line of burn's metric logs, by file.
fn metric_logs(dir: &Path) -> Vec<(String, String)> {
    let mut logs = Vec::new();
    for split in ["train", "valid"] {
        let epochs = std::fs::read_dir(dir.join("burn").join(split)).expect("burn's logs");
        for epoch in epochs {
            let epoch = epoch.expect("an entry").path();
            for metric in ["Loss.log", "Accuracy.log"] {
                let text = std::fs::read_to_string(epoch.join(metric)).expect("a log");
                let name = epoch.file_name().expect("a name").to_string_lossy().into_owned();
                logs.push((format!("{split}/{name}/{metric}"), text));
            }
        }
    }
    logs.sort();
    logs
}

fn assert_training_is_bit_identical_when_watched(model: &str) {
    let bare_dir = tempdir().expect("a folder");
    let bare = train(bare_dir.path(), &["--model", model, "--watch", "bare"]);
    for watch in ["disabled", "default", "busiest", "curvature", "training"] {
        let dir = tempdir().expect("a folder");
        let watched = train(dir.path(), &["--model", model, "--watch", watch]);
        assert_eq!(watched.paths, bare.paths, "{model} {watch}");
        assert_eq!(watched.checksums, bare.checksums, "{model} {watch}");
        assert_eq!(watched.problems, Vec::<String>::new(), "{model} {watch}");
        let logs = metric_logs(dir.path());
        assert_eq!(logs.len(), 8, "two splits, two epochs, two metrics");
        assert_eq!(logs, metric_logs(bare_dir.path()), "{model} {watch}");
    }
}

#[test]
fn training_is_bit_identical_when_watched() {
    assert_training_is_bit_identical_when_watched("mlp");
}

#[test]
fn training_with_batchnorm_and_dropout_is_bit_identical_when_watched() {
    assert_training_is_bit_identical_when_watched("convnet");
}

#[test]
fn lazy_parameters_draw_what_they_would_have_drawn() {
    assert_training_is_bit_identical_when_watched("lazy");
}

#[test]
fn nested_optional_and_frozen_parts_train_bit_identically_when_watched() {
    assert_training_is_bit_identical_when_watched("nested");
}

#[test]
fn an_optimize_of_the_users_own_is_still_called() {
    assert_training_is_bit_identical_when_watched("clipping");
    let dir = tempdir().expect("a folder");
    let watched = train(dir.path(), &["--model", "clipping", "--watch", "default"]);
    assert!(watched.largest <= burnscape_tests::models::CLIP, "{}", watched.largest);
}

#[test]
fn gradient_accumulation_is_bit_identical_when_watched() {
    let accumulate = ["--model", "mlp", "--accumulate", "3", "--watch"];
    let train = |watch| {
        let dir = tempdir().expect("a folder");
        train(dir.path(), &[&accumulate[..], &[watch]].concat()).checksums
    };
    assert_eq!(train("busiest"), train("bare"));
    assert_eq!(train("training"), train("bare"));
}

#[test]
fn finishing_leaves_the_model_bit_for_bit_as_it_was() {
    // The trainee itself compares the model before and after `finish` and fails if they differ.
    let dir = tempdir().expect("a folder");
    let arguments = ["--model", "convnet", "--watch", "default", "--finish", "5"];
    let outcome = train(dir.path(), &arguments);
    let bare_dir = tempdir().expect("a folder");
    let bare = train(bare_dir.path(), &["--model", "convnet", "--watch", "bare"]);
    assert_eq!(outcome.checksums, bare.checksums);
    assert_eq!(outcome.problems, Vec::<String>::new());
    assert!(!outcome.summary.is_empty());
}
