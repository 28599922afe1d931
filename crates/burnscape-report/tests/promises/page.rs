//! The page on runs: opened in a browser, without a network, with hostile names.

use std::fs;
use std::path::{Path, PathBuf};

use burnscape_report::{Error, report};
use burnscape_trace::{
    Activation, Alert, Block, Curvature, Epoch, Head, Metric, RunFolder, Slice, Snapshot, Step,
    Study, Trajectory, Writer, record,
};
use serde_json::{Value, json};

use super::chromium::Chromium;
use super::support::{TestRun, axis, head, nodes, plane};

const HOSTILE: &str = "</script><script>window.hacked = 1</script><img src=x onerror=\"hacked=1\">\"'&amp;\u{202e}Ünï";

fn step(number: u64, loss: f64) -> Step {
    let norms = |size: f32| vec![size, size / 10.0, f32::NAN].into();
    let columns = [("grad_norm", 1.0), ("weight_norm", 4.0), ("update_norm", 0.01)];
    let columns = columns.map(|(name, size)| (name.to_owned(), norms(size + number as f32)));
    record!(Step { step: number, lr: 0.1, loss: Some(loss), columns: columns.into() })
}

/// A run with everything that a page shows.
fn full_run(name: &str) -> TestRun {
    let mut blocks: Vec<Block> = head().blocks;
    blocks[1].path = name.into();
    let mut run = TestRun::with_head(record!(Head { blocks, ..head() }));
    (0..40).for_each(|at| {
        run.add(step(at, if at == 7 { f64::INFINITY } else { 3.0 / (at as f64 + 1.0) }));
    });
    add_course(&mut run, name);
    add_slices(&mut run, name);
    run
}

fn add_course(run: &mut TestRun, name: &str) {
    for epoch in 1..=2 {
        let valid_loss = Some(1.0 / epoch as f64);
        run.add(record!(Epoch { epoch, steps: 20 * epoch, train_loss: Some(0.5), valid_loss }))
            .add(record!(Metric {
                split: "valid".into(),
                name: name.into(),
                step: 20 * epoch,
                value: 0.5,
            }))
            .add(record!(Activation { tap: name.into(), step: epoch, rms: 1.0 }));
    }
    run.add(record!(Alert {
        rule: "plateau".into(),
        text: name.into(),
        advice: name.into(),
        block: Some(1),
    }))
    .add(record!(Curvature {
        step: 20,
        lr: 0.1,
        largest: vec![15.0].into(),
        largest_error: vec![0.5].into(),
    }))
    .add(Snapshot::default());
}

fn add_slices(run: &mut TestRun, name: &str) {
    let slice = |slice: u32, centre: &str| {
        record!(Slice {
            name: name.into(),
            centre: centre.into(),
            x: record!(burnscape_trace::Axis { label: name.into(), ..axis(3) }),
            y: Some(axis(3)),
            study: Some(0),
            ..plane(slice)
        })
    };
    let losses = [1.0, 0.5, 1.5, 2.5, 0.25, f64::NAN, 1.0, 2.0];
    for (number, centre) in [(0, "initial"), (1, "final")] {
        run.add(slice(number, centre)).add(nodes(number, (0..8).collect(), losses.to_vec()));
    }
    run.add(record!(Slice { y: None, study: None, ..slice(2, "final") }))
        .add(nodes(2, vec![0, 1, 2], vec![3.0, 1.0, 2.0]))
        .add(record!(Trajectory {
            slice: Some(1),
            snapshots: vec![0, 1, 2].into(),
            x: vec![0.5, -0.5, 0.0].into(),
            y: vec![0.5, 0.25, 0.0].into(),
            loss: vec![1.5, 1.0, 0.25].into(),
        }))
        .add(record!(Study {
            kind: "initial-and-trained".into(),
            slices: vec![0, 1],
            sentences: vec![name.into()],
        }));
}

/// Writes the page beside the run.
fn page(run: &mut TestRun, runs: usize) -> PathBuf {
    run.flush();
    let folder = run.folder.path().to_owned();
    let out = run.out().with_extension("html");
    report(&vec![folder.as_path(); runs], &out, true).unwrap().file
}

fn opened(page: &Path, width: u32, height: u32) -> Option<Chromium> {
    let mut browser = Chromium::start(width, height)?;
    browser.open(page);
    let (drawn, expected) =
        (browser.value("window.burnscape.ready"), browser.value("window.burnscape.expected"));
    assert_eq!(drawn, expected);
    Some(browser)
}

fn assert_calm(browser: &Chromium) {
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Titles of the sections of a page.
fn titles(browser: &mut Chromium) -> Vec<String> {
    let titles = browser.value("[...document.querySelectorAll('h2')].map(it => it.textContent)");
    titles.as_array().unwrap().iter().map(|title| title.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_figure_is_drawn_and_nothing_is_asked_of_a_network() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let expected = [
        "Loss",
        "Learning rate",
        "Metrics",
        "Gradients",
        "Gradient norm ‖g‖",
        "Update over weight ‖u‖/‖θ‖",
        "Weight norm ‖θ‖",
        "Update norm ‖u‖",
        "Activations: root mean square",
        "Activations: share of exact zeros",
        "Activations: saturated share",
        "Activations: drift from the first window",
        "Alerts",
        "Sharpness",
        "Loss surface: norm around initial",
        "Loss surface: norm around final",
        "Initial against trained, on one scale",
        "Lines",
        "What such pictures tell, and what they do not",
    ];
    assert_eq!(titles(&mut browser), expected);
    let empty = browser.value(
        "[...document.querySelectorAll('.plot')].filter(it => !it.querySelector('.main-svg') || it.offsetHeight < 100).length",
    );
    assert_eq!(empty, 0);
    let alternatives = browser.value("[...document.querySelectorAll('figure')].every(it => it.querySelector('.plot').getAttribute('aria-label').length > 20 && it.querySelector('details'))");
    assert_eq!(alternatives, true);
    assert_calm(&browser);
}

#[test]
fn a_surface_answers_a_drag_and_keys_and_a_legend_answers_a_click() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let eye = "(() => { const e = document.querySelector('.plot.tall')._fullLayout.scene._scene.getCamera().eye; return [e.x, e.y, e.z]; })()";
    let before = browser.value(eye);
    let at = browser.value("(() => { const p = document.querySelector('.plot.tall'); p.scrollIntoView({ block: 'center' }); const r = p.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()");
    let (x, y) = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    browser.mouse("mouseMoved", x, y, 0);
    browser.mouse("mousePressed", x, y, 1);
    (1..=10).for_each(|step| browser.mouse("mouseMoved", x + 8.0 * f64::from(step), y, 1));
    browser.mouse("mouseReleased", x + 80.0, y, 0);
    browser.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    let dragged = browser.value(eye);
    assert_ne!(before, dragged, "the surface turns");
    browser.value("document.querySelector('.plot.tall').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }))");
    browser.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_ne!(dragged, browser.value(eye), "and answers keys");
    let shown = "document.querySelector('figure .legend').parentElement.querySelector('.plot').data[0].visible";
    browser.value("document.querySelector('.legend button').click()");
    assert_eq!(browser.value(shown), false);
    assert_calm(&browser);
}

#[test]
fn hostile_names_are_shown_and_never_run() {
    let mut run = full_run(HOSTILE);
    let file = page(&mut run, 1);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("<script>window.hacked") && !text.contains("<img src=x"));
    assert!(text.contains("default-src 'none'"));
    let Some(mut browser) = opened(&file, 1280, 900) else { return };
    assert_eq!(browser.value("window.hacked === undefined"), true);
    assert_eq!(browser.value("document.querySelectorAll('img[src=x]').length"), 0);
    assert!(titles(&mut browser).iter().any(|title| title.contains("</script><script>")));
    assert_calm(&browser);
}

#[test]
fn two_runs_stand_side_by_side_on_the_same_axes() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 2), 1280, 900) else { return };
    let ranges = browser.value("[...document.querySelectorAll('#s0 .plot')].map(it => [it._fullLayout.xaxis.range, it._fullLayout.yaxis.range])");
    let ranges = ranges.as_array().unwrap();
    assert_eq!((ranges.len(), &ranges[0]), (2, &ranges[1]));
    assert_calm(&browser);
}

#[test]
fn a_page_fits_a_phone() {
    let mut run = full_run(HOSTILE);
    let Some(mut browser) = opened(&page(&mut run, 1), 390, 844) else { return };
    let wide = browser.value("document.documentElement.scrollWidth");
    assert!(wide.as_u64().unwrap() <= 390, "{wide} px wide");
    assert_calm(&browser);
}

/// The data of a page.
fn data(page: &Path) -> Value {
    let text = fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_holds_what_was_recorded_whatever_its_value() {
    let mut run = full_run(HOSTILE);
    let told = data(&page(&mut run, 1))["runs"][0].clone();
    assert_eq!(told["loss"]["y"][7], "Infinity");
    assert_eq!(told["loss"]["y"][1], 1.5);
    assert_eq!(told["slices"][0]["loss"], json!([1, 0.5, 1.5, 2.5, 0.25, "NaN", 1, 2, null]));
    assert_eq!(told["charts"][0]["lines"][1]["name"], HOSTILE);
    assert_eq!(told["curvature"]["limit"], json!([20]));
    assert_eq!(told["pairs"][0]["slices"], json!([0, 1]));
}

#[test]
fn models_that_were_trained_together_come_with_the_run_above_them() {
    let mut run = TestRun::new();
    run.flush();
    let above = run.folder.path().to_owned();
    for (name, loss) in [("generator", Some(0.25)), ("critic", Some(-1.5)), ("nothing", None)] {
        let folder = RunFolder::create(above.join(name)).unwrap();
        let mut writer = Writer::create(&folder).unwrap();
        writer.append(&head().into()).unwrap();
        if loss.is_some() {
            writer.append(&record!(Step { loss }).into()).unwrap();
        }
        writer.flush().unwrap();
    }
    let out = run.out().with_extension("html");
    let told = data(&report(&[&above], &out, false).unwrap().file);
    let runs = told["runs"].as_array().unwrap();
    let names: Vec<&Value> = runs.iter().map(|run| &run["name"]).collect();
    assert_eq!(names, ["digits/critic", "digits/generator"]);
    assert_eq!(runs[0]["loss"]["y"], json!([-1.5]));
    // Each alone.
    let told = data(&report(&[&above.join("critic")], &out, true).unwrap().file);
    assert_eq!(told["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["runs"][0]["name"], "digits/critic");
}

#[test]
fn nothing_to_show_is_a_sentence() {
    let mut run = TestRun::new();
    run.flush();
    let out = run.out().with_extension("html");
    let error = report(&[run.folder.path()], &out, false).unwrap_err();
    assert!(matches!(error, Error::NoSlices { .. }));
    assert!(matches!(report(&[], &out, false), Err(Error::NoRuns)));
    assert!(!out.exists());
}

#[test]
fn many_steps_give_a_small_page_that_keeps_every_spike() {
    let mut run = TestRun::new();
    (0..50_000).for_each(|at| {
        run.add(step(at, if at == 31_415 { 1e6 } else { 1.0 }));
    });
    let page = page(&mut run, 1);
    assert!(fs::metadata(&page).unwrap().len() < 10_000_000);
    let loss = data(&page)["runs"][0]["loss"].clone();
    let spike = loss["y"].as_array().unwrap().iter().position(|loss| *loss == 1_000_000);
    assert_eq!(loss["x"][spike.unwrap()], 31_415);
}
