//! Basins of a slice in exports, figures and on the page: a double well (x² − 1)² + y², whose two minima are 1 deep.

use std::fs;

use burnscape_report::{ExportOptions, Figure, FigureOptions, Format, export, report};
use burnscape_trace::{Axis, F64s, Nodes, Slice, record};
use serde_json::{Value, json};

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
