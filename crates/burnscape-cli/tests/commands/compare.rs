//! `burnscape compare` from outside: what it prints and writes, and its exit code.

use burnscape_trace::{
    Axis, Curvature, End, Epoch, FORMAT, Head, Nodes, Record, RunFolder, Slice, Step, Writer,
    record,
};
use tempfile::TempDir;

use super::program::{burnscape, stderr, stdout};

/// A run with one random plane on 5 × 5 nodes.
fn write(folder: &TempDir, name: &str, lambda: f64, fingerprint: &str) {
    let run = RunFolder::create(folder.path().join(name)).unwrap();
    let mut writer = Writer::create(&run).unwrap();
    let axis = || {
        let (first, count, spacing, direction_norm) = (-2, 5, 0.5, 1.0);
        record!(Axis { kind: "random".into(), first, count, spacing, direction_norm })
    };
    let loss: Vec<f64> =
        (0..25).map(|k: i32| f64::from((k % 5 - 2).pow(2) + (k / 5 - 2).pow(2))).collect();
    let records: [Record; 6] = [
        record!(Head { format: FORMAT, run_id: name.into() }).into(),
        record!(Step { loss: Some(0.5) }).into(),
        record!(Epoch { epoch: 1, steps: 1, valid_loss: Some(0.1 + lambda / 100.0) }).into(),
        record!(Curvature { step: 1, samples: 9, largest: vec![lambda].into() }).into(),
        record!(Slice {
            name: "random".into(),
            centre: "final".into(),
            x: axis(),
            y: Some(axis()),
            fingerprint: fingerprint.into(),
        })
        .into(),
        record!(Nodes { index: (0..25).collect(), loss: loss.into() }).into(),
    ];
    records.iter().for_each(|record| writer.append(record).unwrap());
    writer.finish(record!(End { reason: "finished".into(), steps: 1 })).unwrap();
}

fn with_runs() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, lambda) in [("plain-1", 8.0), ("plain-2", 9.0), ("skips-1", 1.0), ("skips-2", 2.0)] {
        write(&folder, name, lambda, "targets 1");
    }
    folder
}

const ALL: [&str; 5] = ["compare", "plain-1", "plain-2", "skips-1", "skips-2"];

#[test]
fn runs_are_compared_in_a_table_and_a_run_folder_that_other_commands_read() {
    let folder = with_runs();
    let output = burnscape(&folder, &[&ALL[..], &["-o", "both"]].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let said = stdout(&output);
    let line = |start: &str| said.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert_eq!(
        line("largest eigenvalue λ_max ").split_whitespace().nth(3),
        Some("8.500"),
        "{said}"
    );
    assert!(line("largest eigenvalue λ_max ").contains("-7.000 (-8.000 to -6.000)"), "{said}");
    assert!(
        line("largest eigenvalue λ_max:").contains("lies beyond what these seeds give"),
        "{said}"
    );
    assert!(line("share of convex nodes ").contains("1.000"), "{said}");
    assert!(said.ends_with("wrote both\n"), "{said}");
    for command in [
        &["verify", "both"][..],
        &["info", "both"],
        &["watch", "both", "--once"],
        &["dump", "both"],
    ] {
        let output = burnscape(&folder, command);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", stderr(&output));
    }
    let frame = stdout(&burnscape(&folder, &["watch", "both", "--once", "--size", "120x40"]));
    for words in ["plain-1 random", "share of convex nodes plain 1"] {
        assert!(frame.contains(words), "{words} in {frame}");
    }
    let info = stdout(&burnscape(&folder, &["info", "both"]));
    assert!(info.contains("\ncompares  plain-1 ("), "{info}");
    let info = stdout(&burnscape(&folder, &["info", "both", "--json"]));
    assert!(info.contains("\"side\": \"skips\"") || info.contains("\"side\":\"skips\""), "{info}");
}

#[test]
fn several_runs_are_shown_together_in_one_frame_where_a_view_is_asked_for() {
    let folder = with_runs();
    let frame = |arguments: &[&str]| {
        let always = ["--once", "--size", "140x40"];
        stdout(&burnscape(
            &folder,
            &[&["watch", "plain-1", "skips-1"], arguments, &always].concat(),
        ))
    };
    assert!(frame(&[]).contains("2 runs: 2 finished"), "{}", frame(&[]));
    let surfaces = frame(&["--view", "landscape"]);
    for words in ["random, on one scale", "1 plain-1", "2 skips-1"] {
        assert!(surfaces.contains(words), "{words} in {surfaces}");
    }
    assert!(frame(&["--view", "overview"]).contains("loss of each step"));
    let sorted = frame(&["--view", "sharpness", "--keys", "→→→→→v"]);
    assert!(sorted.contains("highest first"), "{sorted}");
}

#[cfg(feature = "export")]
#[test]
fn a_comparison_is_exported_and_reported_like_any_run() {
    let folder = with_runs();
    assert!(burnscape(&folder, &[&ALL[..], &["-o", "both"]].concat()).status.success());
    for command in [
        &["report", "both", "-o", "both.html"][..],
        &["export", "both", "--format", "json", "-o", "both.json"],
        &["export", "both", "--format", "csv", "-o", "csv"],
        &["export", "both", "--format", "npz", "-o", "both.npz"],
        &["export", "both", "--format", "svg", "-o", "svg"],
    ] {
        let output = burnscape(&folder, command);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", stderr(&output));
    }
    let page = std::fs::read_to_string(folder.path().join("both.html")).unwrap();
    assert!(page.contains("\"sides\":[\"plain\",\"skips\"]"), "the table of the page");
    let json = std::fs::read_to_string(folder.path().join("both.json")).unwrap();
    assert!(json.contains("\"side\":\"plain\"") || json.contains("\"side\": \"plain\""));
}

#[test]
fn what_cannot_be_compared_is_a_sentence_and_nothing_is_overwritten() {
    let folder = with_runs();
    write(&folder, "odd", 3.0, "targets 2");
    let output =
        burnscape(&folder, &["compare", "plain-1", "odd", "plain-1", "none", "plain-2", "-o", "c"]);
    assert_eq!(output.status.code(), Some(0));
    let (said, left_out) = (stdout(&output), stderr(&output));
    assert!(said.contains("odd: `random` is not compared with `random` of plain-1"), "{said}");
    assert!(left_out.contains("given twice") && left_out.contains("there is no run folder"));
    for (arguments, words) in [
        (&["compare", "plain-1", "plain-2", "-o", "c"][..], "nothing was overwritten"),
        (&["compare", "plain-1", "none", "-o", "d"], "takes two runs or more, of which 1 is left"),
        (&["compare", "plain-1", "plain-2", "--side", "x=y", "-o", "d"], "side `x` is empty"),
        (&["compare", "plain-1", "plain-2", "--side", "x", "-o", "d"], "NAME=PATTERN"),
        (&["compare", "plain-1", "plain-2"], "--output"),
    ] {
        let output = burnscape(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{words}: {}", stderr(&output));
        assert!(!folder.path().join("d").exists(), "{arguments:?}");
    }
}
