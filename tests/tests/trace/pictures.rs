//! `examples/python/plot_run.py` draws what the trace holds, tells what it lacks, and overwrites nothing.

use burnscape_trace::record;
use std::fs;
use std::path::Path;
use std::process::Output;

use burnscape::trace::{End, FORMAT, Head, Record, RunFolder, Step, Writer};
use burnscape_workbench::{python, pythons_of_each_cbor2};
use tempfile::tempdir;

use super::known::Known;
use super::support::{printed, python_command, python_folder, run_python};

const MODULES: &str = "cbor2, numpy, matplotlib";

fn plot(program: &str, run: &Path, arguments: &[&str]) -> Output {
    let script = python_folder().join("plot_run.py");
    let mut command = python_command(program);
    command.arg(script).arg(run).args(arguments).env("MPLBACKEND", "Agg");
    command.output().expect("Python starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A run that ended before any slice was measured.
fn without_landscape(folder: &Path) {
    let mut writer = Writer::create(&RunFolder::create(folder).expect("a folder")).expect("a run");
    let head = record!(Head { format: FORMAT });
    writer.append(&Record::from(head)).expect("appended");
    for step in 0..9 {
        let loss = Some(1.0 / (step + 1) as f64);
        writer.append(&Record::from(record!(Step { step, loss }))).expect("appended");
    }
    writer.finish(End::default()).expect("finished");
}

#[test]
fn pictures_hold_the_numbers_of_the_trace() {
    let script = r#"
import sys
import matplotlib
matplotlib.use("Agg")
import numpy as np
import plot_run
from burnscape_trace import read_run

run = read_run(sys.argv[1])
steps = run.steps()
drawn, missing = plot_run.figure(run, plot_run.PICTURES, None)
assert missing == [], missing
loss, heat, contour, surface = [it for it in drawn.axes if it.get_label() != "<colorbar>"]
np.testing.assert_array_equal(loss.lines[0].get_ydata(), steps.loss)
np.testing.assert_array_equal(loss.lines[0].get_xdata(), steps.step)
np.testing.assert_array_equal(loss.lines[1].get_ydata(), run.epochs().valid_loss)

found = heat.collections[0].get_array().reshape(len(steps.blocks), -1).T
norms = np.where(steps.missing, np.nan, steps.columns["grad_norm"]).astype(float)
shown = np.isfinite(norms) & (norms > 0)
np.testing.assert_array_equal(~np.ma.getmaskarray(found), shown)
np.testing.assert_array_equal(found[shown].data, norms[shown])

path = run.trajectory(0)
for axes in (contour, surface):
    assert axes.get_title() == r"Slice pca: 5 of 20 nodes, 1 interpolated, 0 samples", axes.get_title()
np.testing.assert_array_equal(contour.lines[0].get_xdata(), path.x)
np.testing.assert_array_equal(contour.lines[0].get_ydata(), path.y)
print("drawn")
"#;
    for program in pythons_of_each_cbor2("numpy, matplotlib") {
        let dir = tempdir().expect("a folder");
        let run = dir.path().join("run");
        finite_enough().write(&run);
        assert_eq!(run_python(&program, script, &[&run]).trim(), "drawn");
    }
}

/// A run with enough finite losses on its plane for contours.
fn finite_enough() -> Known {
    let nodes = |known: &Known| {
        let tiles = known.records.iter().filter_map(|record| match record {
            Record::Nodes(nodes) if nodes.slice == 0 => Some(nodes.loss.to_vec()),
            _ => None,
        });
        tiles.flatten().all(f64::is_finite)
    };
    (0..).map(Known::new).find(nodes).expect("a seed")
}

#[test]
fn a_picture_is_written_once_and_overwritten_only_when_asked() {
    if let Some(program) = python(MODULES) {
        let dir = tempdir().expect("a folder");
        let run = dir.path().join("run");
        finite_enough().write(&run);
        for (name, begins) in [("run.png", &b"\x89PNG\r\n\x1a\n"[..]), ("run.svg", b"<?xml")] {
            let file = dir.path().join(name);
            let out = file.to_str().expect("a UTF-8 path");
            printed(&plot(&program, &run, &["--out", out]));
            let first = fs::read(&file).expect("a picture");
            assert!(first.starts_with(begins) && first.len() > 10_000, "{name}");
            fs::write(&file, "mine").expect("written");
            let refused = plot(&program, &run, &["--out", out]);
            assert!(!refused.status.success() && errors(&refused).contains("--force"));
            assert_eq!(fs::read(&file).expect("a file"), b"mine");
            printed(&plot(&program, &run, &["--out", out, "--force"]));
            assert!(fs::read(&file).expect("a picture").starts_with(begins));
        }
    }
}

#[test]
fn a_run_without_a_landscape_is_drawn_as_far_as_it_goes_and_what_is_missing_is_said() {
    if let Some(program) = python(MODULES) {
        let dir = tempdir().expect("a folder");
        let run = dir.path().join("run");
        without_landscape(&run);
        let file = dir.path().join("run.png");
        let out = file.to_str().expect("a UTF-8 path");
        let drawn = plot(&program, &run, &["--out", out]);
        assert!(drawn.status.success() && file.exists(), "{}", errors(&drawn));
        for sentence in ["contour: there is no landscape", "gradients: no gradient norm"] {
            assert!(errors(&drawn).contains(sentence), "{}", errors(&drawn));
        }
        let file = dir.path().join("surface.png");
        let out = file.to_str().expect("a UTF-8 path");
        let refused = plot(&program, &run, &["--only", "surface", "--out", out]);
        assert!(!refused.status.success() && !file.exists());
        assert!(errors(&refused).contains("`probe.finish(…)`"), "{}", errors(&refused));
        let nowhere = plot(&program, &dir.path().join("none"), &["--out", out]);
        assert!(!nowhere.status.success() && errors(&nowhere).lines().count() == 1);
    }
}

#[test]
fn damage_is_said_before_what_is_left_is_drawn() {
    if let Some(program) = python(MODULES) {
        let dir = tempdir().expect("a folder");
        let run = dir.path().join("run");
        finite_enough().write(&run);
        let trace = run.join("trace.cbor");
        let mut bytes = fs::read(&trace).expect("a trace");
        let (at, end) = (bytes.len() / 2, bytes.len() - 5);
        bytes[at] ^= 0xFF;
        bytes.truncate(end);
        fs::write(&trace, bytes).expect("written");
        let out = dir.path().join("run.svg");
        let drawn = plot(&program, &run, &["--out", out.to_str().expect("a UTF-8 path")]);
        assert!(drawn.status.success(), "{}", errors(&drawn));
        let said = errors(&drawn);
        assert!(said.contains("are lost: damaged") && said.contains("are unfinished"), "{said}");
    }
}
