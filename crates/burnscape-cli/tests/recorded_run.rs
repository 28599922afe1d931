//! The run that the repository holds is whole and shows what its README says; it is made by `examples/tour.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use burnscape_trace::{Alert, Record, read_run};

fn tour() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/runs/tour")
}

fn records() -> Vec<Record> {
    let trace = read_run(tour()).unwrap();
    assert!(trace.lost.is_empty() && trace.torn.is_none(), "it is whole");
    trace.records
}

/// What `burnscape watch --once` prints of a view, its line breaks and indents as single spaces.
fn frame(view: &str) -> String {
    frame_after(view, "")
}

/// The same after some keys.
fn frame_after(view: &str, keys: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_burnscape"))
        .arg("watch")
        .arg(tour())
        .args(["--once", "--size", "160x60", "--view", view, "--keys", keys])
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let frame = String::from_utf8(output.stdout).unwrap();
    frame.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn alerts(records: &[Record]) -> Vec<&Alert> {
    let found = records.iter().filter_map(|record| match record {
        Record::Alert(alert) => Some(alert),
        _ => None,
    });
    found.collect()
}

#[test]
fn it_holds_something_for_every_view() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let records = records();
    records.iter().for_each(|record| *counts.entry(record.kind()).or_default() += 1);
    for (kind, least) in [
        ("step", 100),
        ("epoch", 20),
        ("activation", 20),
        ("histogram", 20),
        ("curvature", 50),
        ("slice", 2),
        ("trajectory", 1),
        ("alert", 2),
        ("end", 1),
    ] {
        let found = counts.get(kind).copied().unwrap_or_default();
        assert!(found >= least, "{found} of {kind}");
    }
    let is_validated = |record: &Record| match record {
        Record::Epoch(epoch) => epoch.valid_loss.is_some(),
        _ => true,
    };
    assert!(records.iter().all(is_validated), "every epoch has a loss of validation");
}

#[test]
fn its_overview_tells_the_alerts_and_behind_a_key_what_helps() {
    let (records, frame, all) = (records(), frame("overview"), frame_after("overview", "\n"));
    let alerts = alerts(&records);
    assert_eq!(alerts.len(), 2);
    for alert in alerts {
        let line = format!("step {}: {}", alert.step, &alert.rule.replace('-', " ")[..4]);
        assert!(frame.contains(&line) && all.contains(&line), "{line} in {frame} and {all}");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(all.contains(&words(&alert.text)), "{} in {all}", alert.text);
        assert!(all.contains(&words(&alert.advice)), "{} in {all}", alert.advice);
        assert!(!frame.contains(&words(&alert.advice)), "{frame}");
    }
    for words in ["steps 120", "valid epoch", "finished"] {
        assert!(frame.contains(words), "{words} in {frame}");
    }
}

#[test]
fn its_landscape_is_the_plane_of_most_movement_beside_a_random_one() {
    let frame = frame("landscape");
    for words in [
        "1 pca 2 random",
        "PC 1+2 explain 97.2 % of 21 snapshots' variance",
        "of 21 would give 76.4 %",
        "1089 of 1089 nodes measured",
    ] {
        assert!(frame.contains(words), "{words} in {frame}");
    }
}

#[test]
fn its_sharpness_rises_beyond_what_a_step_bears() {
    let records = records();
    let products = records.iter().filter_map(|record| match record {
        Record::Curvature(it) if it.reason == "live" => Some(it.largest.first()? * it.lr),
        _ => None,
    });
    let products: Vec<f64> = products.collect();
    assert!(products[0] < 1.0, "{products:?}");
    assert!(products.iter().any(|product| *product > 2.0), "{products:?}");
    let frame = frame("sharpness");
    for words in ["2/lr, gradient descent", "density of eigenvalues", "λ_max"] {
        assert!(frame.contains(words), "{words} in {frame}");
    }
}

#[test]
fn its_gradients_and_activations_name_every_layer_and_tap() {
    let (gradients, activations) = (frame("gradients"), frame("activations"));
    for block in ["hidden.0.weight", "hidden.1.bias", "output.weight"] {
        assert!(gradients.contains(block), "{block} in {gradients}");
    }
    for tap in ["hidden.0.relu", "hidden.1.relu"] {
        assert!(activations.contains(tap), "{tap} in {activations}");
    }
}

#[test]
fn it_tells_nothing_of_the_machine_that_made_it() {
    let bytes = std::fs::read(tour().join("trace.cbor")).unwrap();
    assert!(bytes.len() < 500_000, "{} bytes are too many for a repository", bytes.len());
    let text = String::from_utf8_lossy(&bytes);
    for place in ["/home/", "/root/", "/tmp/", "/Users/", "C:\\"] {
        assert!(!text.contains(place), "{place}");
    }
}
