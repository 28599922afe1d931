//! Figures: the same bytes each time, those of the golden files, whole and safe.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burnscape_report::{Error, ExportOptions, Figure, FigureOptions, Format, export};
use burnscape_trace::{Axis, Block, Epoch, Head, Nodes, Slice, Step, Trajectory, record};
use resvg::tiny_skia::Pixmap;
use resvg::usvg::{Group, Node, Options, Rect, TextChunk, Tree, fontdb};

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
            snapshots: vec![0, 1, 2].into(),
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
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("promises/golden");
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
        Tree::from_str(&svg, &Options::default()).unwrap();
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

fn text_of(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Ends of viridis as matplotlib has them (`matplotlib.cm.viridis(0.0)` and `(1.0)`).
const VIRIDIS: [&str; 2] = ["#440154", "#fde725"];

/// Colours of the cells of a drawing, in its order.
fn cell_colours(svg: &str) -> Vec<String> {
    let (_, cells) = svg.split_once("crispEdges\">").unwrap();
    let (cells, _) = cells.split_once("</g>").unwrap();
    let colour = |cell: &str| cell.split_once("fill=\"").unwrap().1[..7].to_owned();
    cells.lines().filter(|line| line.contains("<rect")).map(colour).collect()
}

/// What the golden files mean: the lowest loss has the first colour of the scale, the highest the last, rows go upwards,
/// and a curve breaks at what is not finite.
#[test]
fn cells_have_the_colours_of_their_values_and_curves_their_gaps() {
    let mut run = full_run("golden");
    let folder = drawn(&mut run, Format::Svg, &small(None));
    let cells = cell_colours(&text_of(&folder, "contour-slice0.svg"));
    // Four columns and three rows from above: node 5 is the lowest of 0.25, node 3 the highest of 2.5.
    let place = |node: usize| (2 - node / 4) * 4 + node % 4;
    assert_eq!([&cells[place(5)], &cells[place(3)]], VIRIDIS);
    assert_eq!((&*cells[place(8)], &*cells[place(11)]), ("#d6006c", "#e6e6e6"));
    // Norms fall by ten from block to block and grow with the steps.
    let cells = cell_colours(&text_of(&folder, "gradients.svg"));
    assert_eq!(cells.len(), 3 * 8);
    assert_eq!([&cells[16], &cells[7]], VIRIDIS);
    let loss = text_of(&folder, "loss.svg");
    let curves = loss.split_once("<g clip").unwrap().1;
    let lengths: Vec<usize> = curves
        .lines()
        .filter(|line| line.starts_with("<polyline") && line.contains("#0072b2"))
        .map(|line| line.matches(',').count())
        .take(2)
        .collect();
    assert_eq!(lengths, [5, 2], "steps 0 to 4, and 6 and 7 behind the gap");
}

#[test]
fn losses_of_any_size_are_drawn() {
    for losses in [[1e-10, 1e300], [f64::MIN, f64::MAX], [5e-324, 1.0], [0.0, 5e-324]] {
        let mut run = TestRun::new();
        run.add(step(0, losses[0])).add(step(1, losses[1]));
        run.add(plane(0)).add(nodes(0, (0..6).collect(), [losses; 3].concat()));
        let folder = drawn(&mut run, Format::Svg, &small(None));
        for name in ["loss.svg", "contour-slice0.svg", "surface-slice0.svg"] {
            let svg = text_of(&folder, name);
            assert!(
                svg.len() < 200_000 && !svg.contains("NaN\"") && !svg.contains("inf\""),
                "{name}"
            );
            Tree::from_str(&svg, &Options::default()).unwrap();
        }
    }
}

/// A plane whose loss is its node's number.
fn large_plane(run: &mut TestRun, count: u64) {
    let axis = |label: &str| {
        record!(Axis {
            first: -(count as i64) / 2,
            count,
            spacing: 1.0 / count as f64,
            label: label.into(),
            direction_norm: 3.512,
            ..Axis::default()
        })
    };
    let losses: Vec<f64> = (0..count * count).map(|node| node as f64).collect();
    run.add(record!(Slice { x: axis("PC 1"), y: Some(axis("PC 2")), ..plane(0) }));
    run.add(nodes(0, (0..(count * count) as u32).collect(), losses));
}

#[test]
fn a_large_plane_is_one_picture_of_its_nodes() {
    let mut run = TestRun::new();
    large_plane(&mut run, 512);
    let folder = drawn(&mut run, Format::Svg, &small(None));
    for (name, dots) in [("contour-slice0.svg", Some(512)), ("surface-slice0.svg", None)] {
        let svg = text_of(&folder, name);
        assert!(svg.len() < 1_500_000, "{name} has {} bytes", svg.len());
        let picture = decoded(&svg);
        assert!(dots.is_none_or(|dots| (picture.width(), picture.height()) == (dots, dots)));
    }
    // Row 0 is the lowest: its first node has the lowest loss, the last node of the last row the highest.
    let picture = decoded(&text_of(&folder, "contour-slice0.svg"));
    let colour = |x, y| {
        let dot = picture.pixel(x, y).unwrap();
        format!("#{:02x}{:02x}{:02x}", dot.red(), dot.green(), dot.blue())
    };
    assert_eq!([colour(0, 511), colour(511, 0)], VIRIDIS);
}

/// The picture in an SVG.
fn decoded(svg: &str) -> Pixmap {
    let (_, text) = svg.split_once("data:image/png;base64,").unwrap();
    Pixmap::decode_png(&from_base64(text.split_once('"').unwrap().0)).unwrap()
}

/// RFC 4648, section 4.
pub fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().map_while(|it| DIGITS.find(char::from(it)).map(|it| it as u32));
    let digits: Vec<u32> = digits.collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}

/// Norms that are all the same give one colour, and nothing shines through between the cells.
#[test]
fn no_seam_shows_between_cells() {
    for (blocks, steps) in [(41, 197), (192, 500)] {
        let mut run = TestRun::new();
        for at in 0..steps {
            let norms = vec![1.0; blocks].into();
            let columns = [("grad_norm".into(), norms)].into();
            run.add(record!(Step { step: at, columns, ..Step::default() }));
        }
        let mut options = small(Some(Figure::Gradients));
        options.figures.dpi = 173.0;
        let folder = drawn(&mut run, Format::Png, &options);
        let png = Pixmap::decode_png(&fs::read(folder.join("gradients.png")).unwrap()).unwrap();
        // Well within the frame, whatever stands around it.
        let (wide, high) = (png.width(), png.height());
        let first = png.pixel(wide / 2, high / 2).unwrap();
        let is_odd = |&(x, y): &(u32, u32)| png.pixel(x, y) != Some(first);
        let dots = (high / 4..high * 3 / 4)
            .flat_map(|y| (wide * 2 / 5..wide * 3 / 5).map(move |x| (x, y)));
        assert_eq!(dots.filter(is_odd).count(), 0, "{blocks} blocks");
    }
}

/// The boxes that the texts of a drawing take in the font that comes along, and the size of the page.
fn texts(svg: &str) -> (Vec<(String, Rect)>, f32, f32) {
    let mut fonts = fontdb::Database::new();
    let font = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fonts/DejaVuSans.ttf");
    fonts.load_font_data(fs::read(font).unwrap());
    let options = Options { fontdb: Arc::new(fonts), dpi: 72.0, ..Options::default() };
    let tree = Tree::from_str(svg, &options).unwrap();
    let mut found = Vec::new();
    texts_below(tree.root(), &mut found);
    (found, tree.size().width(), tree.size().height())
}

fn texts_below(group: &Group, found: &mut Vec<(String, Rect)>) {
    for node in group.children() {
        match node {
            Node::Text(text) => {
                let words = text.chunks().iter().map(TextChunk::text).collect();
                found.push((words, text.abs_bounding_box()));
            }
            Node::Group(group) => texts_below(group, found),
            _ => {}
        }
    }
}

#[test]
fn a_figure_as_wide_as_a_column_loses_no_word() {
    let mut run = full_run("a path");
    large_plane(&mut run, 9);
    run.add(record!(Trajectory {
        slice: Some(0),
        x: vec![0.25, 0.0].into(),
        y: vec![0.25, 0.0].into(),
        loss: vec![40.0, 20.0].into(),
        ..Trajectory::default()
    }));
    let mut options = small(None);
    (options.figures.width_mm, options.figures.height_mm) = (85.0, 65.0);
    let folder = drawn(&mut run, Format::Svg, &options);
    for name in SVGS {
        let (texts, wide, high) = texts(&text_of(&folder, name));
        assert!(texts.len() > 8, "{name}");
        for (text, place) in &texts {
            let is_within = place.left() >= 0.0 && place.top() >= 0.0;
            let is_within = is_within && place.right() <= wide && place.bottom() <= high;
            assert!(is_within && !text.contains('…'), "{name}: {text:?} at {place:?}");
        }
    }
    let words = |name: &str| -> String {
        texts(&text_of(&folder, name)).0.iter().map(|(text, _)| format!("{text} ")).collect()
    };
    for name in ["step", "epoch, training", "× no finite value", "optimizer steps"] {
        assert!(words("loss.svg").contains(name), "{name}");
    }
    for name in
        ["left: α: PC 1 (‖d‖ = 3.512)", "right: β: PC 2 (‖d‖ = 3.512)", "path on the surface"]
    {
        assert!(words("surface-slice0.svg").contains(name), "{name}");
    }
}

#[test]
fn the_paths_of_several_runs_are_not_joined() {
    let lines = |starts: Vec<u32>| {
        let mut run = TestRun::new();
        run.add(plane(0));
        let (x, y) = (vec![0.0, 1.0, 4.0, 5.0].into(), vec![0.0, 1.0, 0.0, 1.0].into());
        let starts = starts.into();
        run.add(record!(Trajectory { slice: Some(0), x, y, starts, ..Trajectory::default() }));
        let svg = text_of(&drawn(&mut run, Format::Svg, &small(None)), "trajectory-slice0.svg");
        svg.matches("#8a8a8a").count()
    };
    assert_eq!((lines(vec![]), lines(vec![0, 2])), (1, 2));
}

#[test]
fn a_true_loss_beyond_the_box_is_told_and_its_stem_ends_at_the_edge() {
    let drawn_with = |loss: Vec<f64>| {
        let mut run = full_run("a");
        let path = record!(Trajectory {
            slice: Some(0),
            x: vec![0.5, 0.0].into(),
            y: vec![0.0, 0.0].into(),
            loss: loss.into(),
        });
        run.add(path);
        text_of(&drawn(&mut run, Format::Svg, &small(None)), "surface-slice0.svg")
    };
    let (inside, beyond) = (drawn_with(vec![1.9, 0.25]), drawn_with(vec![1e9, 0.25]));
    let stems = |svg: &str| svg.matches("stroke-width=\"0.5\"").count();
    assert!(!inside.contains("beyond the box"));
    assert!(beyond.contains("1 of 2 true losses beyond the box"), "{beyond}");
    assert_eq!(stems(&inside), stems(&beyond));
    assert!(!drawn_with(vec![f64::NAN, 0.25]).is_empty());
}
