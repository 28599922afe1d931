//! The example program, run as a user runs it, and the frame that the viewer draws of its run.

use std::path::Path;
use std::process::Command;

use burnscape::trace::{Nodes, Record};
use burnscape_tests::example;
use burnscape_tui::{ColourDepth, Glyphs, TerminalProfile, ViewKind};
use tempfile::tempdir;

use super::support::{epochs, records, snapshots, steps};

const PLAIN: TerminalProfile =
    TerminalProfile { colours: ColourDepth::None, glyphs: Glyphs::Braille };

pub fn run_example(name: &str, run: &Path, epochs: u32, arguments: &[&str]) -> String {
    let output = Command::new(example(name))
        .env_remove(burnscape::SWITCH_VARIABLE)
        .args(["--no-dashboard", "--resolution", "9", "--epochs"])
        .arg(epochs.to_string())
        .arg("--run")
        .arg(run)
        .args(arguments)
        .output()
        .expect("the example starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The number that a frame shows after a label.
fn shown(frame: &str, label: &str) -> f64 {
    let found = frame.split(label).nth(1);
    let found = found.unwrap_or_else(|| panic!("no `{label}` in\n{frame}"));
    let number = found.split_whitespace().next().expect("a word");
    let number = number.trim_end_matches([',', ';', '·', '│']);
    number.parse().unwrap_or_else(|_| panic!("`{label} {number}` in\n{frame}"))
}

/// Equal to the six digits that a frame shows.
fn assert_shown(frame: &str, label: &str, expected: f64) {
    let found = shown(frame, label);
    let error = (found - expected).abs();
    assert!(error <= 1e-5 * expected.abs(), "{label} {found}, in the trace {expected}");
}

fn assert_frame_tells_what_the_trace_holds(run: &Path) {
    let records = records(run);
    let last_loss = steps(&records).last().and_then(|step| step.loss).expect("a loss");
    let nodes = first_slice_nodes(&records);
    let losses = || nodes.iter().flat_map(|it| it.loss.iter().copied());
    let viewed = burnscape_tui::read_run(run).expect("a run");
    for (width, height) in [(80, 24), (120, 40)] {
        let view = ViewKind::Landscape;
        let frame = burnscape_tui::render_once(&viewed, view, width, height, &PLAIN);
        assert_shown(&frame, "last loss", last_loss);
        assert_shown(&frame, "lowest", losses().fold(f64::INFINITY, f64::min));
        assert_shown(&frame, "highest", losses().fold(f64::NEG_INFINITY, f64::max));
        assert_shown(&frame, "snapshots", snapshots(&records).len() as f64);
    }
}

fn first_slice_nodes(records: &[Record]) -> Vec<Nodes> {
    let nodes = |record: &Record| match record {
        Record::Nodes(nodes) if nodes.slice == 0 => Some(nodes.clone()),
        _ => None,
    };
    records.iter().filter_map(nodes).collect()
}

#[test]
fn digits_ends_with_a_run_whose_frame_tells_what_the_trace_holds() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("digits");
    let said = run_example("digits", &run, 3, &[]);
    assert!(said.contains("epoch 3/3"), "{said}");
    assert!(said.contains("a random walk would give"), "{said}");
    let command = format!("cargo run --release --bin burnscape -- watch {}", run.display());
    assert!(said.contains(&command), "{said}");
    assert_frame_tells_what_the_trace_holds(&run);
    assert_metrics_stand_at_the_ends_of_their_epochs(&run);
}

/// burn's metrics of an epoch, those of its training split as well, are values after the epoch's steps.
fn assert_metrics_stand_at_the_ends_of_their_epochs(run: &Path) {
    let records = records(run);
    let ends: Vec<(u64, u64)> =
        epochs(&records).iter().map(|epoch| (epoch.epoch, epoch.steps)).collect();
    for split in ["train", "valid"] {
        let of_split = records.iter().filter_map(|record| match record {
            Record::Metric(it) if it.split == split && it.name == "Accuracy" => Some(it),
            _ => None,
        });
        let found: Vec<(u64, u64)> = of_split.map(|it| (it.epoch, it.step)).collect();
        assert_eq!(found, ends, "{split}");
    }
}

#[test]
fn convnet_ends_with_a_run_whose_frame_tells_what_the_trace_holds() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("convnet");
    run_example("convnet", &run, 3, &[]);
    assert_frame_tells_what_the_trace_holds(&run);
}

#[test]
#[cfg_attr(
    not(feature = "ndarray"),
    ignore = "a second backend: `--features burnscape-tests/ndarray`"
)]
fn digits_trains_on_ndarray_too() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("digits");
    run_example("digits", &run, 2, &["--device", "ndarray"]);
    assert!(super::support::head(&records(&run)).device.contains("NdArray"));
    assert_frame_tells_what_the_trace_holds(&run);
}

#[test]
fn digits_goes_on_from_its_last_checkpoint() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("digits");
    run_example("digits", &run, 3, &[]);
    let said = run_example("digits", &run, 5, &["--resume"]);
    assert!(said.contains("epoch 4/5") && !said.contains("epoch 3/5"), "{said}");
    assert_frame_tells_what_the_trace_holds(&run);
}

#[test]
fn the_tour_records_something_for_every_view() {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join("tour");
    run_example("tour", &run, 5, &[]);
    let records = records(&run);
    for kind in ["step", "epoch", "activation", "histogram", "curvature", "slice", "trajectory"] {
        assert!(records.iter().any(|record| record.kind() == kind), "no {kind}");
    }
    assert_frame_tells_what_the_trace_holds(&run);
}

/// Trains as long as the example does by default.
fn assert_healthy(name: &str, epochs: u32) {
    let dir = tempdir().expect("a folder");
    let run = dir.path().join(name);
    run_example(name, &run, epochs, &[]);
    let records = records(&run);
    let alerts: Vec<&Record> =
        records.iter().filter(|record| matches!(record, Record::Alert(_))).collect();
    assert!(alerts.is_empty(), "{alerts:?}");
    let heard = records.iter().filter(|record| matches!(record, Record::Activation(_))).count();
    assert!(heard > 0, "the taps of {name} were heard");
}

#[test]
fn digits_raises_no_alert() {
    assert_healthy("digits", 20);
}

#[test]
fn convnet_raises_no_alert() {
    assert_healthy("convnet", 8);
}

#[test]
fn a_loop_of_ones_own_raises_no_alert() {
    assert_healthy("custom_loop", 10);
}
