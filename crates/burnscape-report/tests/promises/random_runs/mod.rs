//! Random runs in every format: value by value what the records say, whoever reads.

mod drawn;
mod expected;
mod formats;
mod page;

use burnscape_report::{ExportOptions, Format, export, report};
use burnscape_trace::{RunFolder, Writer};
use tempfile::TempDir;

use self::drawn::{Dice, Size};
use self::expected::Expected;
use super::python::Python;

/// Compares what the reader in Python makes of a run with its JSON, which was held against the records.
const READ_IN_PYTHON: &str = r#"
import json, os, sys
sys.path.insert(0, os.environ["BURNSCAPE_READER"])
import numpy as np
from burnscape_trace import read_run

def same(a, b, what):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b), what)
def floats(values):
    return [np.nan if it is None else float(it) for it in values]

for folder in os.scandir(sys.argv[1]):
    run, told = read_run(folder.path), json.load(open(folder.path + "/json", encoding="utf-8"))
    assert run.damage() == [], run.damage()
    steps, rows = run.steps(), told["steps"]
    for name in ("step", "batches"):
        same(getattr(steps, name), rows[name], name)
    for name in ("lr", "loss", "elapsed_secs"):
        same(getattr(steps, name), floats(rows[name]), name)
    assert sorted(steps.columns) == sorted(rows["columns"])
    for row, missing in enumerate(rows["missing"]):
        same(np.flatnonzero(steps.missing[row]), sorted(set(missing)), "missing")
    for name, values in rows["columns"].items():
        same(steps.measured[name], [it is not None for it in values], name)
        for row, of_row in enumerate(values):
            same(steps.columns[name][row], np.array(floats(of_row or [None] * len(steps.blocks)), "f4"), name)
    epochs = run.epochs()
    same(epochs.epoch, [it["epoch"] for it in told["epochs"]], "epochs")
    same(epochs.valid_loss, floats(it["valid_loss"] for it in told["epochs"]), "valid_loss")
    metrics = [(key, value) for key, of in run.metrics().items() for value in of.value.tolist()]
    said = [((it["split"], it["name"]), float(it["value"])) for it in told["metrics"]]
    assert sorted(map(str, metrics)) == sorted(map(str, said))
    assert len(run.slices()) == len(told["slices"])
    for one, slice in zip(run.slices(), told["slices"]):
        same(one.loss.ravel(), floats(slice["loss"]), "loss")
        same(one.stderr.ravel(), floats(slice["stderr"]), "stderr")
        same(one.known.ravel(), [it != "unmeasured" for it in slice["state"]], "known")
        same(one.interpolated.ravel(), [it == "interpolated" for it in slice["state"]], "interpolated")
        same(one.x, floats(slice["x_values"]), "x")
        assert list(one.layers) == [it["key"] for it in slice["info"]["layers"]], one.layers
        for layer, (value, stderr) in zip(slice["layers"], one.layers.values()):
            same(value.ravel(), floats(layer["value"]), "layer")
            same(stderr.ravel(), floats(layer["stderr"]), "stderr of a layer")
        path = run.trajectory(one)
        assert (path is None) == (slice["trajectory"] is None)
        if path is not None:
            same(path.x, floats(slice["trajectory"]["x"]), "path")
            same(path.epochs, floats(slice["trajectory"]["epochs"]), "epochs of the path")
"#;

/// A run in a folder with all of its exports beside the trace.
fn write(scratch: &TempDir, number: u64, size: Size) -> (RunFolder, Expected) {
    let records = Dice::new(number).records(size);
    let folder = RunFolder::create(scratch.path().join(format!("{number}"))).unwrap();
    let mut writer = Writer::create(&folder).unwrap();
    records.iter().for_each(|record| writer.append(record).unwrap());
    drop(writer);
    (folder, Expected::of(&records))
}

fn hold(cases: std::ops::Range<u64>, size: Size) {
    let scratch = tempfile::tempdir().unwrap();
    let options = ExportOptions { raw_texts: true, ..ExportOptions::DEFAULT };
    for number in cases {
        let (folder, expected) = write(&scratch, number, size);
        if expected.is_empty() {
            export(folder.path(), Format::Json, &options, &folder.path().join("json")).unwrap_err();
            std::fs::remove_dir_all(folder.path()).unwrap();
            continue;
        }
        let file = folder.path().join("page.html");
        report(&[folder.path()], &file, false).unwrap();
        let told = &super::page::data(&file)["runs"][0];
        page::check(told, &expected, &format!("page of run {number}"));
        for format in [Format::Json, Format::Csv, Format::Npz, Format::Vtk, Format::Tensorboard] {
            if format == Format::Vtk && expected.slices.is_empty() {
                continue;
            }
            let out = folder.path().join(format.name());
            let exported = export(folder.path(), format, &options, &out).unwrap();
            assert_eq!(exported.lost, [] as [String; 0], "run {number}, {format}");
            formats::check(format, &out, &expected, &format!("run {number}, {format}"));
        }
    }
    let Some(python) = Python::with("cbor2, numpy") else { return };
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/python");
    let script =
        format!("import os\nos.environ['BURNSCAPE_READER'] = {reader:?}\n{READ_IN_PYTHON}");
    python.check(&script, scratch.path());
}

#[test]
fn small_runs_are_told_alike_by_everybody() {
    hold(0..24, Size { blocks: 12, steps: 120, side: 5 });
}

#[test]
#[ignore = "minutes"]
fn runs_of_any_size_are_told_alike_by_everybody() {
    hold(100..160, Size { blocks: 300, steps: 5000, side: 30 });
}
