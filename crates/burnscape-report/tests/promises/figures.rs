//! Figures: the same bytes each time, those of the golden files, whole and safe.

use std::fs;
use std::path::{Path, PathBuf};

use burnscape_report::{Error, ExportOptions, Figure, FigureOptions, Format, export};
use burnscape_trace::{Block, Epoch, Head, Nodes, Slice, Step, Trajectory, record};

use super::support::{TestRun, WITHOUT, axis, head, nodes, plane};

const HOSTILE: &str = "</script><script>alert(1)</script>\"'&\u{1b}[31m\u{202e}";

fn step(number: u64, loss: f64) -> Step {
    let norms = (0..3).map(|block| (number as f32 + 1.0) * 10_f32.powi(-block)).collect();
    record!(Step { step: number, loss: Some(loss), columns: [("grad_norm".into(), norms)].into() })
}

/// Every kind of node, a path, a line, a loss with a hole.
fn full_run(name: &str) -> TestRun {
    let mut run = TestRun::with_head(record!(Head { blocks: blocks(name), ..head() }));
    (0..8).for_each(|at| {
        run.add(step(at, if at == 5 { f64::NAN } else { 2.0 / (at as f64 + 1.0) }));
    });
    run.add(record!(Epoch { epoch: 1, steps: 4, train_loss: Some(1.0) }));
    run.add(record!(Epoch { epoch: 2, steps: 8, train_loss: Some(0.5) }));
    let slice = record!(Slice { name: name.into(), x: axis(4), y: Some(axis(3)), ..plane(0) });
    run.add(slice)
        .add(nodes(
            0,
            (0..9).collect(),
            vec![1.0, 0.5, 1.5, 2.5, 0.75, 0.25, 1.0, 2.0, f64::INFINITY],
        ))
        .add(record!(Nodes { interpolated: true, ..nodes(0, vec![9, 10], vec![0.6, 1.2]) }))
        .add(record!(Trajectory {
            slice: Some(0),
            x: vec![0.75, 0.5, 0.0].into(),
            y: vec![0.25, -0.25, 0.0].into(),
            loss: vec![1.9, 0.9, 0.25].into(),
        }))
        .add(record!(Slice { y: None, x: axis(4), ..plane(1) }))
        .add(nodes(1, vec![0, 1, 2, 3], vec![3.0, 1.0, 2.0, 4.0]));
    run
}

fn blocks(name: &str) -> Vec<Block> {
    let mut blocks = head().blocks;
    blocks[1].path = name.into();
    blocks
}

fn small(figure: Option<Figure>) -> ExportOptions {
    let figures = FigureOptions { figure, width_mm: 100.0, height_mm: 75.0, dpi: 100.0 };
    ExportOptions { figures, ..WITHOUT }
}

fn drawn(run: &mut TestRun, format: Format, options: &ExportOptions) -> PathBuf {
    run.export_as(Format::Json).unwrap();
    let out = run.out().with_file_name("figures");
    export(run.folder.path(), format, options, &out).unwrap().file
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

const SVGS: [&str; 6] = [
    "contour-slice0.svg",
    "gradients.svg",
    "lines.svg",
    "loss.svg",
    "surface-slice0.svg",
    "trajectory-slice0.svg",
];

/// With the environment variable `BURNSCAPE_BLESS` the golden files are written instead; look at them then.
#[test]
fn every_figure_is_that_of_its_golden_file() {
    let mut run = full_run("golden");
    let folder = drawn(&mut run, Format::Svg, &small(None));
    assert_eq!(names(&folder)[1..], SVGS);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promises/golden");
    for name in SVGS {
        let found = fs::read_to_string(folder.join(name)).unwrap();
        if std::env::var_os("BURNSCAPE_BLESS").is_some() {
            fs::create_dir_all(&golden).unwrap();
            fs::write(golden.join(name), &found).unwrap();
        }
        let expected = fs::read_to_string(golden.join(name)).unwrap();
        assert!(found == expected, "{name} differs from its golden file");
    }
}

#[test]
fn hostile_names_neither_leave_their_text_nor_break_the_xml() {
    let mut run = full_run(HOSTILE);
    let folder = drawn(&mut run, Format::Svg, &small(None));
    for name in SVGS {
        let svg = fs::read_to_string(folder.join(name)).unwrap();
        assert!(!svg.contains("<script") && !svg.contains(['\u{1b}', '\u{202e}']), "{name}");
        resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default()).unwrap();
    }
    let contour = fs::read_to_string(folder.join("contour-slice0.svg")).unwrap();
    assert!(contour.contains("&lt;/script&gt;&lt;script&gt;"), "it is shown as it is");
}

#[test]
fn a_png_has_the_dots_and_the_resolution_that_were_asked_for() {
    let mut run = full_run("png");
    let folder = drawn(&mut run, Format::Png, &small(Some(Figure::Loss)));
    assert_eq!(names(&folder), ["burnscape-export.txt", "loss.png"]);
    let png = fs::read(folder.join("loss.png")).unwrap();
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    // 100 mm × 75 mm at 100 dots per inch are 393.7 × 295.3 dots; 3937 dots per metre.
    assert_eq!((number(16), number(20)), (394, 295));
    assert_eq!((&png[37..41], number(41), number(45)), (&b"pHYs"[..], 3937, 3937));
}

#[test]
fn what_cannot_be_drawn_is_a_sentence_that_says_how_to_record_it() {
    let mut run = TestRun::new();
    run.add(record!(Step { step: 0 }));
    run.export_as(Format::Json).unwrap();
    let out = run.out().with_file_name("figures");
    for figure in Figure::ALL {
        let options = small(Some(figure));
        let error = export(run.folder.path(), Format::Svg, &options, &out).unwrap_err();
        assert!(matches!(error, Error::NoFigure { .. }), "{error}");
        assert!(error.to_string().contains("holds no"), "{error}");
    }
    let mut options = small(None);
    options.figures.dpi = f64::NAN;
    let error = export(run.folder.path(), Format::Png, &options, &out).unwrap_err();
    assert!(error.to_string().contains("NaN is no number of dots per inch"), "{error}");
    assert!(!out.exists());
}
