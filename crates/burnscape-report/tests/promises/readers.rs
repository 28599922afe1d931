//! Other programs read the exports, and find the numbers of the trace.

use std::fs;

use burnscape_report::{Error, ExportOptions, Format, export};
use burnscape_trace::{
    Activation, Alert, Epoch, Head, Histogram, Hyperparameters, Layer, LayerNodes, Metric, Resume,
    Slice, Step, Trajectory, record,
};

use super::python::Python;
use super::support::{TestRun, head, nodes, plane};

const NAN: f64 = f64::NAN;
const HOSTILE: &str = "</script><script>alert(1)</script>\"',\n=1+1 \u{202e}Ünï\u{1b}[31m";

fn step(number: u64, loss: Option<f64>, norms: [f32; 3]) -> Step {
    record!(Step {
        step: number,
        batches: number + 1,
        epoch: Some(1),
        elapsed_secs: number as f64 / 8.0,
        lr: 0.1,
        loss,
        columns: [("grad_norm".to_owned(), norms.to_vec().into())].into(),
    })
}

/// With everything that the formats hold, and a step that a resume has left behind.
fn full_run() -> TestRun {
    let mut run = TestRun::with_snapshots();
    run.add(record!(Head { started_unix_secs: 1000.0, ..head() }))
        .add(step(0, Some(2.5), [3.0, 0.0, 4.0]))
        .add(step(1, Some(NAN), [f32::NAN, f32::INFINITY, 1e-30]))
        .add(step(2, Some(99.0), [9.0; 3]))
        .add(record!(Resume { steps: 2, resumed_unix_secs: 5000.0 }))
        .add(record!(Step {
            missing: vec![1].into(),
            ..step(2, Some(f64::NEG_INFINITY), [0.1, 0.2, 0.3])
        }))
        .add(record!(Step { columns: [].into(), ..step(3, None, [0.0; 3]) }))
        .add(record!(Epoch { epoch: 1, steps: 4, elapsed_secs: 0.75, train_loss: Some(0.1) }))
        .add(record!(Activation { tap: "fc1.relu".into(), step: 1, mean: 0.25, zero_share: 0.5 }))
        .add(record!(Metric {
            split: "valid".into(),
            name: "accuracy".into(),
            step: 4,
            value: 0.75,
        }))
        .add(record!(Metric { split: "own".into(), name: HOSTILE.into(), step: 3, value: NAN }))
        .add(hyperparameters(&[("lr", "0.1"), (HOSTILE, "\"adam\"")]))
        .add(hyperparameters(&[("lr", "[0.5,\"NaN\"]"), ("broken", "{")]))
        .add(record!(Alert { rule: "plateau".into(), text: HOSTILE.into(), step: 1 }))
        .add(record!(Histogram {
            of: "gradient".into(),
            block: Some(0),
            step: 3,
            first_exponent: -2,
            positive: vec![1, 2].into(),
            negative: vec![0, 4].into(),
            zeros: 8,
        }));
    add_slice(&mut run);
    run
}

fn hyperparameters(values: &[(&str, &str)]) -> Hyperparameters {
    let values = values.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    record!(Hyperparameters { values: values.collect() })
}

fn add_slice(run: &mut TestRun) {
    let layers = vec![record!(Layer { name: HOSTILE.into() })];
    let values = record!(LayerNodes { value: vec![0.5, NAN].into(), stderr: vec![0.25].into() });
    run.add(record!(Slice { name: HOSTILE.into(), layers, ..plane(0) }))
        .add(record!(burnscape_trace::Nodes {
            layers: vec![values],
            ..nodes(0, vec![0, 1, 2, 3, 4], vec![1.5, NAN, f64::INFINITY, -2.0, 0.1])
        }))
        .add(record!(Slice {
            y: None,
            layers: vec![record!(Layer { name: "x".into() })],
            ..plane(1)
        }))
        .add(nodes(1, vec![0, 1, 2], vec![3.0, 1.0, 2.0]))
        .add(record!(Trajectory {
            slice: Some(0),
            snapshots: vec![0, 1].into(),
            x: vec![0.25, 0.0].into(),
            y: vec![-0.5, 0.0].into(),
            loss: vec![2.5, 0.1].into(),
        }));
}

fn check(format: Format, module: &str, script: &str) {
    let Some(python) = Python::with(module) else { return };
    let mut run = full_run();
    let exported = run.export_as(format).unwrap();
    python.check(&format!("import json, math, sys\npath = sys.argv[1]\n{script}"), &exported.file);
}

/// Losses and norms of the steps that hold, as every format gives them.
const STEPS: &str = r#"
nan, inf = math.nan, math.inf
def same(a, b):
    return a is b or a == b or (isinstance(a, float) and isinstance(b, float) and a != a and b != b)
losses = [2.5, nan, -inf, None]
import struct
f4 = lambda x: struct.unpack("<f", struct.pack("<f", x))[0]
"#;

#[test]
fn json_round_trips_nan_and_infinities_included() {
    let script = r#"
run = json.load(open(path, encoding="utf-8"))
assert run["schema"] == 1 and run["steps"]["step"] == [0, 1, 2, 3]
number = lambda it: float(it) if isinstance(it, str) else it
assert all(map(same, map(number, run["steps"]["loss"]), losses)), run["steps"]["loss"]
norms = run["steps"]["columns"]["grad_norm"]
assert norms[0] == [3, 0, 4] and norms[3] is None
assert all(map(same, map(number, norms[1]), [nan, inf, f4(1e-30)]))
assert norms[2] == [f4(.1), f4(.2), f4(.3)] and run["steps"]["missing"] == [[], [], [1], []]
assert run["epochs"][0]["train_loss"] == .1 and run["epochs"][0]["valid_loss"] is None
assert run["metrics"][0]["value"] == .75 and run["histograms"][0]["positive"] == [1, 2]
hostile = "</script><script>alert(1)</script>\"',\n=1+1 \u202eÜnï\x1b[31m"
assert run["metrics"][1]["name"] == hostile and run["metrics"][1]["value"] == "NaN"
assert run["hyperparameters"] == {"lr": [.5, "NaN"], hostile: "adam", "broken": "{"}
surface = run["slices"][0]
assert surface["info"]["name"] == hostile and run["alerts"][0]["text"] == hostile
assert surface["shape"] == [2, 3] and surface["x_values"] == [-.5, 0, .5]
assert all(map(same, map(number, surface["loss"]), [1.5, nan, inf, -2.0, .1, None]))
assert surface["state"][5] == "unmeasured" and surface["trajectory"]["x"] == [.25, 0]
assert run["slices"][1]["y_values"] is None and len(run["snapshots"]) == 2
"#;
    check(Format::Json, "json", &format!("{STEPS}\n{script}"));
}

#[test]
fn csv_round_trips_nan_and_infinities_included() {
    let script = r#"
import csv, os
def table(name):
    return list(csv.DictReader(open(os.path.join(path, name), encoding="utf-8", newline="")))
number = lambda it: float(it) if it else None
steps = table("steps.csv")
assert [row["step"] for row in steps] == ["0", "1", "2", "3"]
assert all(map(same, [number(row["loss"]) for row in steps], losses))
names = ["fc.weight", "fc.bias", "out.weight"]
norms = [[number(row["grad_norm/" + name]) for name in names] for row in steps]
assert norms[0] == [3, 0, 4] and norms[3] == [None] * 3
assert [f4(it) for it in norms[2]] == [f4(.1), f4(.2), f4(.3)] and f4(norms[1][2]) == f4(1e-30)
assert math.isnan(norms[1][0]) and norms[1][1] == inf and steps[2]["missing"] == "1"
nodes = [row for row in table("nodes.csv") if row["slice"] == "0"]
assert all(map(same, [number(row["loss"]) for row in nodes], [1.5, nan, inf, -2.0, .1, None]))
assert [float(row["x"]) for row in nodes] == [-.5, 0, .5] * 2 and nodes[5]["state"] == "unmeasured"
raw = "</script><script>alert(1)</script>\"',\n=1+1 \u202eÜnï\x1b[31m"
hostile = raw if os.path.basename(path) == "raw" else raw.replace("\n", " ").replace("\u202e", "\ufffd").replace("\x1b", "\ufffd")
own = table("metrics.csv")[1]
assert (own["split"], own["name"], own["step"], own["value"]) == ("own", hostile, "3", "NaN")
set_to = {row["name"]: row["value"] for row in table("hyperparameters.csv")}
assert set_to == {"lr": '[0.5,"NaN"]', hostile: '"adam"', "broken": "{"}
assert table("slices.csv")[0]["name"] == hostile and table("layers.csv")[0]["layer"] == hostile
assert table("alerts.csv")[0]["text"] == hostile
layers = table("layers.csv")
assert [(row["ix"], row["iy"]) for row in layers[:6]] == [(row["ix"], row["iy"]) for row in nodes]
assert [row["value"] for row in layers] == ["0.5", "NaN", "", "", "", ""] + [""] * 3, layers
assert [row["stderr"] for row in layers] == ["0.25"] + [""] * 8
of_line = [row for row in table("nodes.csv") if row["slice"] == "1"]
assert [(row["ix"], row["iy"]) for row in layers[6:]] == [(row["ix"], row["iy"]) for row in of_line]
assert of_line[0]["iy"] == ""
assert [float(row["loss"]) for row in table("trajectory.csv")] == [2.5, .1]
assert table("epochs.csv")[0]["train_loss"] == "0.1" and table("metrics.csv")[0]["value"] == "0.75"
assert json.loads(table("histograms.csv")[0]["positive"]) == [1, 2]
"#;
    check(Format::Csv, "csv", &format!("{STEPS}\n{script}"));
    let Some(python) = Python::with("csv") else { return };
    let (mut run, options) =
        (full_run(), ExportOptions { raw_texts: true, ..ExportOptions::DEFAULT });
    run.flush();
    let out = run.folder.path().with_file_name("raw");
    export(run.folder.path(), Format::Csv, &options, &out).unwrap();
    python.check(&format!("import json, math, sys\npath = sys.argv[1]\n{STEPS}\n{script}"), &out);
}

#[test]
fn npz_holds_the_course_beside_the_surfaces() {
    let script = r#"
import numpy as np
f = np.load(path)
assert f["step"].tolist() == [0, 1, 2, 3] and f["step"].dtype == "u8"
np.testing.assert_array_equal(f["loss"], [2.5, nan, -inf, nan])
expected = np.array([[3, 0, 4], [nan, inf, 1e-30], [.1, .2, .3], [nan] * 3], "f4")
np.testing.assert_array_equal(f["grad_norm"], expected)
assert f["grad_norm"].dtype == "f4" and f["lr"].tolist() == [.1] * 4
assert f["missing"].tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]]
assert json.loads(str(f["blocks"])) == ["fc.weight", "fc.bias", "out.weight"]
assert f["epoch"].tolist() == [1] and f["epoch_train_loss"].tolist() == [.1]
hostile = "</script><script>alert(1)</script>\"',\n=1+1 \u202eÜnï\x1b[31m"
assert json.loads(str(f["metrics"]))[0] == {"split": "own", "name": hostile}
assert math.isnan(f["metric0"][0]) and f["metric0_step"].tolist() == [3]
assert f["metric1"].tolist() == [.75] and f["metric1_epoch"].tolist() == [0]
assert json.loads(str(f["hyperparameters"]))[hostile] == "adam"
assert f["trajectory_loss"].tolist() == [2.5, .1] and math.isnan(f["epoch_valid_loss"][0])
"#;
    check(Format::Npz, "numpy", &format!("{STEPS}\n{script}"));
}

#[test]
fn meshio_finds_the_numbers_in_the_vtk_files() {
    let script = r#"
import os, meshio, numpy as np
surface = meshio.read(os.path.join(path, "slice0.vtk"))
np.testing.assert_array_equal(surface.point_data["loss"].ravel(), [1.5, nan, inf, -2, .1, nan])
np.testing.assert_array_equal(surface.points[:, :2], [[x, y] for y in (-.5, 0) for x in (-.5, 0, .5)])
np.testing.assert_array_equal(surface.points[:, 2], [1.5, -2, -2, -2, .1, -2])
np.testing.assert_array_equal(surface.point_data["state"].ravel(), [1, 1, 1, 1, 1, 0])
np.testing.assert_array_equal(surface.point_data["vtkGhostType"].ravel(), [0, 2, 2, 0, 0, 2])
"#;
    check(Format::Vtk, "meshio", &format!("{STEPS}\n{script}"));
}

#[test]
fn pyvista_finds_surface_line_and_path_in_the_vtk_files() {
    let script = r#"
import os, pyvista, numpy as np
surface = pyvista.read(os.path.join(path, "slice0.vtk"))
assert surface.dimensions == (3, 2, 1)
np.testing.assert_array_equal(surface["loss"], [1.5, nan, inf, -2, .1, nan])
hostile = "</script><script>alert(1)</script>\"',\n=1+1 \u202eÜnï\x1b[31m"
np.testing.assert_array_equal(surface[hostile], [.5, nan, nan, nan, nan, nan])
np.testing.assert_array_equal(surface[hostile + " stderr"], [.25, nan, nan, nan, nan, nan])
line = pyvista.read(os.path.join(path, "slice1.vtk"))
assert line.n_lines == 1 and line["loss"].tolist() == [3, 1, 2]
way = pyvista.read(os.path.join(path, "slice0_trajectory.vtk"))
assert way.n_lines == 1 and way.points.tolist() == [[.25, -.5, 2.5], [0, 0, .1]]
assert way["snapshot"].tolist() == [0, 1] and way["loss"].tolist() == [2.5, .1]
"#;
    check(Format::Vtk, "pyvista", &format!("{STEPS}\n{script}"));
}

#[test]
fn tensorboards_own_reader_finds_the_same_scalars() {
    let script = r#"
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(path, size_guidance={"scalars": 0, "histograms": 0, "images": 0})
events.Reload()
def scalars(tag):
    return [(it.step, it.value) for it in events.Scalars(tag)]
loss = scalars("loss/step")
walls = lambda tag: [it.wall_time for it in events.Scalars(tag)]
# Started at 1000, went on after two steps at 5000; step n took place at n / 8 s of its process.
assert walls("lr") == [1000, 1000.125, 5000.25, 5000.375], walls("lr")
assert walls("loss/train_epoch") == [5000.75] and walls("valid/accuracy") == [5000.375]
assert walls("activation/fc1.relu/mean") == [1000.125] and scalars("activation/fc1.relu/mean") == [(1, .25)]
assert scalars("activation/fc1.relu/zero_share") == [(1, .5)]
assert [it.wall_time for it in events.Histograms("histogram/gradient/fc.weight")] == [5000.375]
assert [step for step, _ in loss] == [0, 1, 2] and loss[0][1] == 2.5
assert math.isnan(loss[1][1]) and loss[2][1] == -inf
assert scalars("lr") == [(step, f4(.1)) for step in range(4)]
assert scalars("grad_norm/out.weight") == [(0, 4), (1, f4(1e-30)), (2, f4(.3))]
assert scalars("grad_norm/fc.bias") == [(0, 0), (1, inf)], "no gradient reached it in step 2"
assert scalars("grad_norm/all")[0] == (0, 5)
assert scalars("loss/train_epoch") == [(4, f4(.1))] and scalars("valid/accuracy") == [(4, .75)]
told = events.Histograms("histogram/gradient/fc.weight")[0]
bins = dict(zip(told.histogram_value.bucket_limit, told.histogram_value.bucket))
assert told.step == 3 and told.histogram_value.num == 15
assert bins == {-.5: 4, -.25: 0, .125: 8, .5: 1, 1: 2}, bins
"#;
    check(Format::Tensorboard, "tensorboard", &format!("{STEPS}\n{script}"));
}

#[test]
fn a_run_of_steps_alone_is_exported_and_what_it_lacks_is_told() {
    let mut run = TestRun::new();
    run.add(step(0, Some(1.0), [1.0; 3]));
    for format in [Format::Csv, Format::Json, Format::Npz, Format::Tensorboard] {
        let exported = run.export_as(format).unwrap();
        assert_eq!((exported.steps, exported.slices), (1, 0), "{format}");
    }
    let error = run.export_as(Format::Vtk).unwrap_err();
    assert!(matches!(error, Error::NoSlices { .. }));
    assert!(error.to_string().contains("`Probe::finish` records them"), "{error}");
}

#[test]
fn the_same_run_gives_the_same_bytes_in_every_format() {
    let mut run = full_run();
    for format in [Format::Json, Format::Csv, Format::Vtk, Format::Tensorboard] {
        let mut bytes = || {
            let exported = run.export_as(format).unwrap();
            if !format.is_folder() {
                return vec![fs::read(exported.file).unwrap()];
            }
            let entries = fs::read_dir(exported.file).unwrap();
            let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            paths.iter().map(|path| fs::read(path).unwrap()).collect()
        };
        assert_eq!(bytes(), bytes(), "{format}");
    }
}
