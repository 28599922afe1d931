//! Basins of a slice in exports, figures and on the page: a double well (x² − 1)² + y², whose two minima are 1 deep.

use std::fs;

use burnscape_report::{ExportOptions, Figure, FigureOptions, Format, export, report};
use burnscape_trace::{Axis, F64s, Nodes, Slice, Study, record};
use serde_json::{Value, json};

use super::python::Python;
use super::support::{TestRun, WITHOUT, plane};

/// 7 × 3 nodes: x from −1.5 to 1.5 and y from −0.5 to 0.5.
fn well(stderr: f64) -> TestRun {
    let axis = |first, count| record!(Axis { first, count, spacing: 0.5 });
    let (x, y) = (axis(-3, 7), Some(axis(-1, 3)));
    let mut run = TestRun::new();
    run.add(record!(Slice { x, y, ..plane(0) }));
    let loss = |node: u32| {
        let (x, y) = (f64::from(node % 7) * 0.5 - 1.5, f64::from(node / 7) * 0.5 - 0.5);
        (x * x - 1.0).powi(2) + y * y
    };
    let index: Vec<u32> = (0..21).collect();
    let losses: Vec<f64> = index.iter().map(|&node| loss(node)).collect();
    let stderr = F64s(vec![stderr; 21]);
    run.add(record!(Nodes { slice: 0, index: index.into(), loss: losses.into(), stderr }));
    run
}

fn of_json(run: &mut TestRun) -> Value {
    let exported = run.export_as(Format::Json).unwrap();
    let document: Value =
        serde_json::from_str(&fs::read_to_string(exported.file).unwrap()).unwrap();
    document["slices"][0]["basins"].clone()
}

fn contour(run: &TestRun) -> String {
    let figures = FigureOptions { figure: Some(Figure::Contour), ..FigureOptions::DEFAULT };
    let options = ExportOptions { figures, ..WITHOUT };
    let out = run.out().with_file_name("figures");
    let folder = export(run.folder.path(), Format::Svg, &options, &out).unwrap().file;
    fs::read_to_string(folder.join("contour-slice0.svg")).unwrap()
}

#[test]
fn both_wells_are_told_with_their_saddle_and_every_node_with_its_basin() {
    let told = of_json(&mut well(0.0625));
    let counts =
        ["minima", "saddles", "noise", "filled_in", "walls"].map(|name| told[name].clone());
    assert_eq!(counts, [2, 1, 0, 0, 0].map(Value::from));
    let [first, second] = [0, 1].map(|at| told["basins"][at].clone());
    let place = |basin: &Value| ["number", "x", "y", "loss"].map(|name| basin[name].as_f64());
    assert_eq!(place(&first), [1.0, -1.0, 0.0, 0.0].map(Some));
    assert_eq!(place(&second), [2.0, 1.0, 0.0, 0.0].map(Some));
    assert_eq!((&first["into"], &first["persistence"]), (&Value::Null, &Value::Null));
    assert_eq!((&second["into"], second["persistence"].as_f64()), (&json!(1), Some(1.0)));
    assert_eq!(second["saddle_x"].as_f64(), Some(0.0));
    // Columns left of the ridge lie in the first basin, those right of it in the second.
    let labels = told["of_nodes"].as_array().unwrap();
    for (node, label) in labels.iter().enumerate().filter(|(node, _)| node % 7 != 3) {
        assert_eq!(*label, json!(if node % 7 < 3 { 1 } else { 2 }), "{node}");
    }
}

#[test]
fn a_table_has_a_row_for_each_basin_whether_it_counts_or_not() {
    for (stderr, standing) in [(0.0625, "counts"), (0.5, "noise")] {
        let mut run = well(stderr);
        run.flush();
        let out = run.out().with_file_name("tables");
        export(run.folder.path(), Format::Csv, &WITHOUT, &out).unwrap();
        let table = fs::read_to_string(out.join("basins.csv")).unwrap();
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
        let [head, first, second] = &lines[..] else { panic!("{table}") };
        let cell = |row: &[&str], name: &str| {
            row[head.iter().position(|it| *it == name).unwrap()].to_owned()
        };
        assert_eq!((cell(first, "slice"), cell(first, "number")), ("0".into(), "1".into()));
        assert_eq!(cell(second, "standing"), standing);
        assert_eq!(cell(second, "number"), if standing == "counts" { "2" } else { "" });
        assert_eq!(cell(second, "persistence").parse::<f64>(), Ok(1.0));
        assert_eq!(cell(second, "into"), "1");
    }
}

/// Node by node and basin by basin, as numpy and VTK's own readers find them; the ridge is the middle column.
const READ_IN_PYTHON: &str = r#"
import json, os, sys
import numpy as np
import meshio, pyvista
folder = sys.argv[1]
npz = np.load(os.path.join(folder, "digits.npz"))
basin = npz["slice0_basin"]
assert basin.shape == (3, 7) and (basin[:, :3] == 1).all() and (basin[:, 4:] == 2).all()
told = json.loads(str(npz["slice0_basins"]))
assert (told["minima"], told["saddles"], told["noise"]) == (2, 1, 0)
assert [it["number"] for it in told["basins"]] == [1, 2] and "of_nodes" not in told
assert told["basins"][1]["persistence"] == 1 and told["basins"][1]["saddle_x"] == 0
surface = pyvista.read(os.path.join(folder, "digits.vtk", "slice0.vtk"))
assert surface["basin"].tolist() == basin.ravel().tolist()
other = meshio.read(os.path.join(folder, "digits.vtk", "slice0.vtk"))
assert other.point_data["basin"].ravel().tolist() == basin.ravel().tolist()
minima = pyvista.read(os.path.join(folder, "digits.vtk", "slice0_basins.vtk"))
assert minima.points.tolist() == [[-1, 0, 0], [1, 0, 0]] and minima.n_verts == 2
assert minima["number"].tolist() == [1, 2] and minima["into"].tolist() == [0, 1]
assert minima["node"].tolist() == [8, 12]
assert np.isnan(minima["persistence"][0]) and minima["persistence"][1] == 1 and minima["saddle_loss"][1] == 1
"#;

#[test]
fn arrays_and_vtk_files_tell_the_basin_of_each_node() {
    let Some(python) = Python::with("numpy, meshio, pyvista") else { return };
    let mut run = well(0.0625);
    run.export_as(Format::Npz).unwrap();
    run.export_as(Format::Vtk).unwrap();
    python.check(READ_IN_PYTHON, run.out().parent().unwrap());
}

#[test]
fn basins_that_count_have_numbers_in_the_figure_and_noise_has_none() {
    let mut run = well(0.0625);
    run.flush();
    let svg = contour(&run);
    assert!(svg.contains(">1</text>") && svg.contains(">2</text>"), "{svg}");
    let mut run = well(0.5);
    run.flush();
    assert!(!contour(&run).contains("paint-order"));
    let told = of_json(&mut run);
    assert_eq!((&told["minima"], &told["noise"]), (&json!(1), &json!(1)));
    assert!(told["sentence"].as_str().unwrap().contains("noise"), "{told}");
}

#[test]
fn the_page_has_basins_and_a_slice_with_holes_has_none_yet() {
    let mut run = well(0.0625);
    run.flush();
    let out = run.out().with_extension("html");
    report(&[run.folder.path()], &out, true).unwrap();
    let page = fs::read_to_string(&out).unwrap();
    assert!(page.contains("The slice has 2 minima and 1 saddle"));
    assert!(page.contains(
        "Basin 2: minimum 0 at (1.000, 0), 1.000 deep, over a saddle 1.000 at (0, 0) into 1."
    ));
    // One more slice, of which one node is known.
    let mut run = TestRun::new();
    run.add(plane(0)).add(record!(Nodes {
        slice: 0,
        index: vec![1].into(),
        loss: vec![1.0].into()
    }));
    assert_eq!(of_json(&mut run), Value::Null);
}

#[test]
fn figures_of_slices_that_are_to_be_compared_have_one_scale() {
    let mut run = TestRun::new();
    for (slice, steep) in [(0, 1.0), (1, 8.0)] {
        run.add(plane(slice));
        let loss: Vec<f64> = (0..6).map(|node| steep * f64::from(node)).collect();
        run.add(record!(Nodes { slice, index: (0..6).collect(), loss: loss.into() }));
    }
    let study = |kind: &str| {
        let (lowest, highest) = (Some(0.0), Some(40.0));
        record!(Study { kind: kind.into(), slices: vec![0, 1], lowest, highest })
    };
    for (kind, is_common) in [("scale-sweep", false), ("side-by-side", true)] {
        run.add(study(kind)).flush();
        // 40 stands on the colour bar of the flat slice only where that is the common scale.
        assert_eq!(contour(&run).contains(">40<"), is_common, "{kind}");
    }
}
