//! What the buttons of a page save: files that others read, with the numbers that were recorded.

use std::collections::BTreeMap;
use std::fs;

use resvg::tiny_skia::Pixmap;
use resvg::usvg::{Options, Tree};
use serde_json::Value;
use tempfile::TempDir;

use super::chromium::Chromium;
use super::page::{assert_calm, full_run, opened, page, unfold};

/// Keeps what the page would save from here on.
const KEEP: &str = "(() => {
    if (window.kept) return;
    window.kept = [];
    const address = URL.createObjectURL.bind(URL);
    URL.createObjectURL = blob => { kept.push([blob]); return address(blob); };
    HTMLAnchorElement.prototype.click = function () { kept[kept.length - 1].push(this.download); };
    addEventListener('error', ({ message }) => kept.push([new Blob(), message]));
    addEventListener('unhandledrejection', ({ reason }) => kept.push([new Blob(), String(reason)]));
})()";

/// Presses a button, and gives name and bytes of what it would save.
const PRESS: &str = "(async () => {
    const before = kept.length;
    BUTTON.click();
    const saved = () => kept.slice(before).find(it => it.length > 1);
    while (!saved()) await new Promise(done => setTimeout(done, 5));
    const [blob, name] = saved();
    const bytes = [...new Uint8Array(await blob.arrayBuffer())];
    return [name, btoa(bytes.map(byte => String.fromCharCode(byte)).join(''))];
})()";

/// A page that is unfolded, and the folder that its files go to.
struct Saving {
    browser: Chromium,
    folder: TempDir,
}

impl Saving {
    fn new() -> Option<Self> {
        let mut run = full_run("norm");
        let mut browser = opened(&page(&mut run, 1), 1280, 900)?;
        unfold(&mut browser);
        let folder = tempfile::tempdir().unwrap();
        browser.save_into(folder.path());
        Some(Self { browser, folder })
    }

    /// Presses a button, found by an expression, as the one who sits before the page does, and gives what comes of it.
    fn file(&mut self, button: &str) -> (String, Vec<u8>) {
        self.browser.value(&format!("{button}.focus()"));
        self.browser.press("Enter");
        let (name, file) = self.browser.saved();
        (name, fs::read(self.folder.path().join(file)).unwrap())
    }

    /// The same of what would be saved, kept in the page: a browser lets no page save dozens of files, nor one that comes
    /// long after a key was pressed.
    fn kept(&mut self, button: &str) -> (String, Vec<u8>) {
        self.browser.value(KEEP);
        let saved = self.browser.value(&PRESS.replace("BUTTON", button));
        let [name, bytes] = [0, 1].map(|at| saved[at].as_str().unwrap());
        (name.to_owned(), super::figures::from_base64(bytes))
    }

    /// By the label that screen readers say; the first of several that are called so.
    fn labelled(&mut self, label: &str) -> (String, Vec<u8>) {
        self.file(&format!("document.querySelector('[aria-label={label:?}]')"))
    }
}

/// Rows of a table by the names of their columns.
fn rows(csv: &[u8]) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv);
    let names = reader.headers().unwrap().clone();
    let row = |row: csv::Result<csv::StringRecord>| {
        let row = row.unwrap();
        names.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
    };
    reader.records().map(row).collect()
}

/// The losses of the run: 3 / (n + 1), but infinite in step 7.
fn loss(step: usize) -> f64 {
    if step == 7 { f64::INFINITY } else { 3.0 / (step as f64 + 1.0) }
}

#[test]
fn tables_hold_the_numbers_of_the_records() {
    let Some(mut page) = Saving::new() else { return };
    let (name, csv) = page.labelled("Loss as CSV");
    assert_eq!(name, "Loss.csv");
    let rows_of_loss = rows(&csv);
    let of_steps: Vec<_> = rows_of_loss.iter().filter(|row| row["curve"] == "each step").collect();
    assert_eq!(of_steps.len(), 40);
    for (at, row) in of_steps.iter().enumerate() {
        let told: f64 = row["value"].parse().unwrap();
        assert_eq!((&*row["step"], told as f32), (&*at.to_string(), loss(at) as f32));
    }
    let (_, csv) = page.file("document.querySelector('#plane-1 [aria-label$=\"as CSV\"]')");
    let nodes = rows(&csv);
    assert_eq!(nodes.len(), 9);
    let losses = ["1", "0.5", "1.5", "2.5", "0.25", "NaN", "1", "2", ""];
    let accuracies = ["9", "8", "7", "6", "5", "4", "3", "NaN", ""];
    for (node, row) in nodes.iter().enumerate() {
        let place = [-0.5, 0.0, 0.5].map(|it: f64| it.to_string());
        assert_eq!((&row["α"], &row["β"]), (&place[node % 3], &place[node / 3]), "{node}");
        assert_eq!((&*row["loss"], &*row["accuracy"]), (losses[node], accuracies[node]), "{node}");
        assert_eq!(row["state"], if node == 8 { "not measured" } else { "measured" });
    }
    assert_calm(&page.browser);
}

/// Places of the corners of a path.
fn corners(path: &str) -> Vec<(f64, f64)> {
    let pairs = path.split(['M', 'L']).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once(' ').unwrap());
    pairs.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
}

/// Of the points (x, y) the largest distance from a straight line through the first and the last one.
fn bend(points: &[(f64, f64)]) -> f64 {
    let (first, last) = (points[0], points[points.len() - 1]);
    let slope = (last.1 - first.1) / (last.0 - first.0);
    let off = points.iter().map(|point| point.1 - first.1 - slope * (point.0 - first.0));
    off.map(f64::abs).fold(0.0, f64::max)
}

/// A drawing of its own: whatever reads SVG finds the losses as the heights of its corners.
#[test]
fn a_drawing_stands_alone_and_its_curve_has_the_shape_of_the_losses() {
    let Some(mut page) = Saving::new() else { return };
    let (name, svg) = page.labelled("Loss as SVG");
    assert_eq!(name, "Loss.svg");
    let svg = String::from_utf8(svg).unwrap();
    Tree::from_str(&svg, &Options::default()).unwrap();
    assert!(!svg.contains("var(--"), "colours are those of no page");
    assert!(!svg.contains("class=\"cursor\""));
    let paths = svg.split(" d=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0);
    let mut curves = paths.filter(|it| !it.contains(['Z', 'l', 'm'])).map(corners);
    // One path in two pieces, which the infinite loss parts.
    let places = curves.find(|it| it.len() == 39).expect("a curve with a corner for each loss");
    let steps: Vec<usize> = (0..40).filter(|step| loss(*step).is_finite()).collect();
    let across: Vec<_> = steps.iter().zip(&places).map(|(step, at)| (*step as f64, at.0)).collect();
    assert!(bend(&across) < 0.02, "{across:?}");
    // The axis is linear.
    let up: Vec<_> = steps.iter().zip(&places).map(|(step, at)| (loss(*step), at.1)).collect();
    assert!(bend(&up) < 0.02, "{up:?}");
    assert_calm(&page.browser);
}

fn dots_of(picture: &Pixmap, [r, g, b]: [u8; 3]) -> usize {
    let is_it = |dot: &&resvg::tiny_skia::PremultipliedColorU8| {
        [dot.red(), dot.green(), dot.blue()] == [r, g, b] && dot.alpha() == 255
    };
    picture.pixels().iter().filter(is_it).count()
}

#[test]
fn pictures_have_three_dots_for_each_of_the_screen_and_the_colours_of_the_nodes() {
    let Some(mut page) = Saving::new() else { return };
    let figure = "document.querySelector('#plane-1 figure')";
    let size = page.browser.value(&format!(
        "(({{ width, height }}) => [width, height])({figure}.querySelector('.holder svg').viewBox.baseVal)"
    ));
    let (_, png) = page.kept(&format!("{figure}.querySelector('[aria-label$=\"as PNG\"]')"));
    let picture = Pixmap::decode_png(&png).unwrap();
    let wanted = [0, 1].map(|at| (size[at].as_f64().unwrap() * 3.0) as u32);
    assert_eq!([picture.width(), picture.height()], wanted);
    assert_eq!(picture.pixel(0, 0).unwrap().demultiply().red(), 255, "on white");
    // The ends of viridis (van der Walt and Smith 2015) are the lowest and the highest loss; each is a ninth of the frame,
    // on which lines and path are drawn.
    for colour in [[68, 1, 84], [253, 231, 37]] {
        let found = dots_of(&picture, colour);
        let all = (picture.width() * picture.height()) as usize;
        assert!(found > all / 40, "{found} of {all} dots are {colour:?}");
    }
    let surface = page.kept("document.querySelector('.surface').closest('figure').querySelector('[aria-label$=\"as PNG\"]')");
    let picture = Pixmap::decode_png(&surface.1).unwrap();
    let coloured = picture.pixels().iter().filter(|dot| {
        let channels = [dot.red(), dot.green(), dot.blue()].map(i32::from);
        channels.iter().max().unwrap() - channels.iter().min().unwrap() > 60
    });
    let (coloured, all) = (coloured.count(), picture.pixels().len());
    assert!(coloured > all / 20, "{coloured} of {all} dots have a colour");
    assert_calm(&page.browser);
}

/// Whatever the figure: its file has its name, and is of its kind.
#[test]
fn every_button_saves_a_file_of_its_kind() {
    let Some(mut page) = Saving::new() else { return };
    let labels = page.browser.value(
        "[...document.querySelectorAll('.tools button')].map(it => it.getAttribute('aria-label'))",
    );
    let labels: Vec<String> =
        labels.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect();
    assert!(labels.len() > 40, "{labels:?}");
    for (number, label) in labels.iter().enumerate() {
        let (name, bytes) =
            page.kept(&format!("document.querySelectorAll('.tools button')[{number}]"));
        let (_, kind) = label.rsplit_once(" as ").unwrap();
        assert!(name.to_uppercase().ends_with(&format!(".{kind}")), "{label}: {name}");
        match kind {
            "CSV" => assert!(!rows(&bytes).is_empty(), "{label}"),
            "PNG" => assert!(Pixmap::decode_png(&bytes).unwrap().width() > 100, "{label}"),
            _ => {
                let text = str::from_utf8(&bytes).unwrap();
                assert!(text.contains("<style>") && !text.contains('\u{fffd}'), "{label}: {text}");
                let tree = Tree::from_str(text, &Options::default());
                assert!(tree.unwrap().root().has_children(), "{label}");
            }
        }
    }
    assert_calm(&page.browser);
}
