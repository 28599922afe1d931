//! Switched off, a probe has the same types and leaves nothing behind.

use burn::tensor::Tensor;
use burnscape::{Probe, SWITCH_VARIABLE};
use burnscape_tests::trainee;

use super::models::{Walker, walk};
use super::support::{Run, batch};

const PATH: [[f32; 2]; 3] = [[8.0, 4.0], [2.0, 1.0], [0.0, 3.0]];

/// Uses a probe as a program does, and looks for what it should not leave behind.
fn assert_does_nothing(probe: Probe, run: &Run) {
    assert!(!probe.is_enabled());
    assert_eq!(probe.run_folder(), None);
    let walker = walk(&probe, &PATH);
    let point = walker.point.val().into_data().try_to_vec::<f32>().expect("f32");
    assert_eq!(point, [0.0, 3.0], "it trains all the same");
    let landscape = probe.finish(&walker, &[batch(&PATH)]).expect("nothing to fail");
    assert!(landscape.slices().is_empty());
    assert!(landscape.slice("pca").is_none());
    assert_eq!(landscape.run_folder(), None);
    let recording = landscape.recording();
    assert_eq!((recording.steps(), recording.snapshots()), (0, 0));
    assert_eq!(recording.problems(), [] as [String; 0]);
    assert!(!run.path().exists());
}

#[test]
fn a_disabled_probe_gives_an_empty_landscape() {
    assert_does_nothing(Probe::disabled(), &Run::new());
}

#[test]
fn a_probe_that_is_not_enabled_gives_an_empty_landscape_and_makes_no_folder() {
    let run = Run::new();
    assert_does_nothing(run.builder().enabled(false).start().expect("a probe"), &run);
}

#[test]
fn enabled_is_the_default_and_can_be_said() {
    let run = Run::new();
    let probe = run.builder().enabled(true).start().expect("a probe");
    assert!(probe.is_enabled());
    assert_eq!(probe.run_folder(), Some(run.path().as_path()));
}

#[test]
fn a_disabled_probe_does_not_even_read_the_batches() {
    let probe = Probe::disabled();
    let walker = walk(&probe, &PATH);
    let unread = burnscape::BatchesFrom(|| -> Vec<Tensor<2>> { panic!("the batches were read") });
    assert!(probe.finish(&walker, &unread).expect("nothing to fail").slices().is_empty());
    let closed = Probe::disabled().close().expect("nothing to fail");
    assert_eq!(closed.run_folder(), None);
}

#[test]
fn the_same_types_whether_on_or_off() {
    let run = Run::new();
    for enabled in [true, false] {
        let probe = run.builder().enabled(enabled).start().expect("a probe");
        let walker: burnscape::Watched<Walker> = walk(&probe, &PATH);
        let landscape: burnscape::Landscape =
            probe.finish(&walker, &[batch(&PATH)]).expect("a landscape");
        assert_eq!(landscape.slices().len(), if enabled { 2 } else { 0 });
    }
}

#[test]
fn a_setting_that_makes_no_sense_is_told_even_when_switched_off() {
    let run = Run::new();
    assert!(run.builder().threads(0).enabled(false).start().is_err());
}

#[test]
fn the_environment_switches_every_probe_off() {
    let program = env!("CARGO_BIN_EXE_trainee");
    for (value, is_recorded) in [("off", false), ("0", false), ("FALSE", false), ("on", true)] {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().to_str().expect("a UTF-8 path");
        let arguments = ["--dir", path, "--model", "mlp", "--watch", "default", "--epochs", "1"];
        let mut command = trainee::start(program, &arguments);
        let output = command.env(SWITCH_VARIABLE, value).output().expect("the trainee runs");
        trainee::outcome(&output).expect("an outcome");
        assert_eq!(dir.path().join("run").exists(), is_recorded, "{value}");
    }
}
