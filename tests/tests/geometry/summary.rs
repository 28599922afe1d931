//! What the summary says: true sentences on what was found, and what may not be concluded from it.

use std::path::Path;

use burn::module::Module;
use burnscape::{Direction, Landscape, Point, SliceSpec};

use super::models::{Mlp, walk};
use super::support::{Run, assert_names, batch, epoch, training_batch, wave_rows};

/// Corners of a box, 8 × 4 × 2: coordinates do not vary together, so that the components are the axes.
const BOX: [[f32; 3]; 8] = [
    [-4.0, -2.0, -1.0],
    [-4.0, 2.0, -1.0],
    [-4.0, -2.0, 1.0],
    [-4.0, 2.0, 1.0],
    [4.0, -2.0, -1.0],
    [4.0, 2.0, -1.0],
    [4.0, -2.0, 1.0],
    [4.0, 2.0, 1.0],
];

/// Walks along a path and measures one slice.
fn told<const D: usize>(path: &[[f32; D]], spec: &SliceSpec) -> (Run, String) {
    let run = Run::new();
    let probe = run.probe();
    let walker = walk(&probe, path);
    let mut study = probe.study(&walker, &[batch(&[[0.0; D]])]).expect("a study");
    study.slice(spec).expect("a slice");
    let landscape: Landscape = study.finish().expect("a landscape");
    (run, landscape.summary().join("\n"))
}

#[test]
fn the_first_sentence_names_the_centre_if_it_is_not_the_final_model() {
    let initial = SliceSpec::random().centre(Point::Initial);
    let (_, words) = told(&BOX, &initial);
    // ½(16 + 4 + 1)
    assert!(words.starts_with("Loss at the centre `initial`: 10.50 over 1 samples"), "{words}");
    let (_, words) = told(&BOX, &SliceSpec::random());
    assert!(words.starts_with("Final loss 10.50 over 1 samples"), "{words}");
}

#[test]
#[cfg_attr(
    not(feature = "report"),
    ignore = "pages by the hook: `--features burnscape-tests/report`"
)]
fn a_landscape_becomes_a_page_once() {
    #[cfg(feature = "report")]
    {
        let run = Run::new();
        let probe = run.probe();
        let walker = walk(&probe, &BOX);
        let landscape = probe.finish(&walker, &[batch(&[[0.0; 3]])]).expect("a landscape");
        let folder = tempfile::tempdir().expect("a folder");
        let page = folder.path().join("page.html");
        let written = landscape.report(&page).expect("a page").expect("a run");
        let text = std::fs::read_to_string(&written.file).expect("text");
        assert_eq!(text.len() as u64, written.bytes);
        // ½(16 + 4 + 1) stands at the centre.
        assert!(text.contains("10.5") && text.starts_with("<!doctype html>"));
        let again = landscape.report(&page).expect_err("it is there already").to_string();
        assert_names(&again, &["page.html", "exists", "nothing was overwritten"]);
    }
}

#[test]
fn the_worst_snapshot_is_called_by_its_number_in_the_run() {
    // The first point twice: snapshot 1 repeats snapshot 0 and is not used.
    let path: Vec<[f32; 3]> = std::iter::once(BOX[0]).chain(BOX).collect();
    let (run, words) = told(&path, &SliceSpec::pca());
    assert_eq!(run.trajectory("pca").snapshots.0, [0, 2, 3, 4, 5, 6, 7, 8]);
    // (4, 2, −1) is right below the centre (4, 2, 1).
    assert_names(&words, &["snapshot 6 lies farthest out of the plane, by 100.0 %"]);
}

#[test]
fn components_are_called_by_their_numbers() {
    let plane = SliceSpec::plane(Direction::Component(1), Direction::Component(3));
    let (_, words) = told(&BOX, &plane);
    // Variances 16 : 4 : 1, so 17/21.
    assert_names(&words, &["PC 1+3 explain 81.0 % of 8 snapshots'"]);
    // All three coordinates vary, and all points lie in one plane.
    let flat = BOX.map(|[x, y, _]| [x, y, x]);
    let path = [flat[0], flat[1], flat[4], flat[5]];
    let (_, words) = told(&path, &plane);
    assert_names(&words, &["do not vary along PC 3"]);
    assert!(!words.contains("along PC 2"), "{words}");
}

#[test]
fn a_plane_of_a_random_direction_and_a_component_says_that_biases_are_mixed() {
    let mixed = SliceSpec::plane(Direction::random(), Direction::Component(1)).name("mixed");
    let (run, _) = told(&BOX, &mixed);
    assert_eq!(run.slice("mixed").biases, "mixed");
    let (run, _) = told(&BOX, &SliceSpec::random());
    assert_eq!(run.slice("random").biases, "ignored");
}

/// Printed, it is three to five lines, whose numbers are those of the long summary, and the last one says where that is.
fn assert_in_short(landscape: &Landscape, summary: &[String], run: &Path) {
    let printed = landscape.to_string();
    let lines: Vec<&str> = printed.lines().collect();
    assert!((3..=5).contains(&lines.len()), "{printed}");
    let long = summary.join("\n");
    let shares = lines[1].split(['%', ' ']).filter(|word| word.parse::<f64>().is_ok());
    assert_eq!(shares.clone().count(), 2, "{printed}");
    shares.for_each(|share| assert!(long.contains(&format!("{share} %")), "{share} in {long}"));
    let extremes = lines[2].split_whitespace().filter(|word| word.parse::<f64>().is_ok());
    assert_eq!(extremes.clone().count(), 4, "{printed}");
    extremes.for_each(|loss| assert!(long.contains(loss), "{loss} in {long}"));
    assert!(lines[0].starts_with("Final loss "), "{printed}");
    let info = format!("`burnscape info {}` tells the rest.", run.display());
    assert!(lines.last().is_some_and(|it| it.ends_with(&info)), "{printed}");
}

#[test]
fn the_default_summary_says_what_may_not_be_concluded_in_some_twenty_five_sentences() {
    let run = Run::new();
    let rows: Vec<[f32; 5]> = wave_rows(6, 0.2);
    let probe = run.builder().resolution(17, 17).start().expect("a probe");
    let mut model = probe.watch(Mlp::new());
    for _ in 0..4 {
        model = epoch(model, 0.05, 2, &training_batch(&rows));
    }
    let batches = [batch(&rows[..4]), batch(&rows[4..])];
    let landscape = probe.finish(&model.valid(), &batches).expect("a landscape");
    let summary = landscape.summary();
    assert!((15..=26).contains(&summary.len()), "{} in {summary:#?}", summary.len());
    assert_in_short(&landscape, &summary, &run.path());
    assert!(summary.iter().all(|it| it.ends_with('.') && !it.contains('\n')), "{summary:#?}");
    // 3 · 4 + 4 + 4 · 2 + 2 parameters; seeds 2 · 11 and 2 · 11 + 1.
    let expected = [
        "2 directions out of 26",
        "the same 6 samples",
        "Standard errors are at most",
        "Surface `random`: Directions drawn at random, seeds 22 and 23",
        "times ‖θ‖",
        "the cosine",
        "PC 1+2 explain",
        "two principal components explain nearly all variance, you may conclude",
        "you may not conclude: training is two-dimensional",
        "you may not conclude: the minimum is flat",
    ];
    assert_names(&summary.join("\n"), &expected);
    // Every conclusion once.
    let mut conclusions: Vec<&String> =
        summary.iter().filter(|it| it.contains("you may not conclude")).collect();
    let count = conclusions.len();
    conclusions.dedup();
    assert_eq!(conclusions.len(), count);
}
