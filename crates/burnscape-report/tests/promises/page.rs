//! The page on runs: opened in a browser, without a network, with hostile names.

use std::fs;
use std::path::{Path, PathBuf};

use burnscape_report::{Error, report};
use burnscape_trace::{
    Activation, Alert, Block, ComparedRun, Curvature, Density, Epoch, F64s, Head, Histogram, Layer,
    LayerNodes, Metric, Nodes, RunFolder, Runs, Slice, Snapshot, Step, Study, Trajectory, Writer,
    record,
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

/// With all that a step may have measured.
fn full_step(number: u64, loss: f64) -> Step {
    let mut step = step(number, loss);
    for (name, value) in [
        ("grad_signal", 1.0),
        ("grad_power", 3.0),
        ("update_norm", 1.0),
        ("previous_update_norm", 2.0),
        ("update_dot", -0.5),
    ] {
        step.columns.insert(name.into(), vec![value; 3].into());
    }
    step
}

/// A run with everything that a page shows.
pub fn full_run(name: &str) -> TestRun {
    let mut blocks: Vec<Block> = head().blocks;
    blocks[1].path = name.into();
    let mut run = TestRun::with_head(record!(Head { blocks, ..head() }));
    (0..40).for_each(|at| {
        run.add(full_step(at, if at == 7 { f64::INFINITY } else { 3.0 / (at as f64 + 1.0) }));
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
                value: 0.5
            }))
            .add(record!(Activation { tap: name.into(), step: epoch, rms: 1.0 }))
            .add(record!(Histogram {
                of: "gradient".into(),
                block: Some(1),
                step: 20 * epoch,
                first_exponent: -3,
                positive: vec![3, 2].into(),
                negative: vec![0, 4].into()
            }));
    }
    run.add(record!(Alert {
        rule: "plateau".into(),
        text: name.into(),
        advice: name.into(),
        block: Some(1)
    }))
    .add(record!(Curvature {
        step: 20,
        lr: 0.1,
        stability_limit: Some(2.0),
        largest: vec![15.0].into(),
        largest_error: vec![0.5].into(),
        density: Some(record!(Density {
            eigenvalue: vec![0.0, 1.0].into(),
            density: vec![0.25, 0.5].into(),
            width: 0.1
        })),
        block_largest: vec![15.0, 1.0, f64::NAN].into()
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
            layers: vec![record!(Layer { name: "accuracy".into() })],
            ..plane(slice)
        })
    };
    let layer =
        record!(LayerNodes { value: vec![9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, f64::NAN].into() });
    let losses = [1.0, 0.5, 1.5, 2.5, 0.25, f64::NAN, 1.0, 2.0];
    for (number, centre) in [(0, "initial"), (1, "final")] {
        let nodes = nodes(number, (0..8).collect(), losses.to_vec());
        run.add(slice(number, centre)).add(record!(Nodes { layers: vec![layer.clone()], ..nodes }));
    }
    run.add(record!(Slice { y: None, study: None, ..slice(2, "final") }))
        .add(nodes(2, vec![0, 1, 2], vec![3.0, 1.0, 2.0]))
        .add(record!(Trajectory {
            slice: Some(1),
            snapshots: vec![0, 1, 2].into(),
            x: vec![0.5, -0.5, 0.0].into(),
            y: vec![0.5, 0.25, 0.0].into(),
            loss: vec![1.5, 1.0, 0.25].into()
        }))
        .add(record!(Study {
            kind: "initial-and-trained".into(),
            slices: vec![0, 1],
            sentences: vec![name.into()]
        }));
}

/// Writes the page beside the run.
pub fn page(run: &mut TestRun, runs: usize) -> PathBuf {
    run.flush();
    let folder = run.folder.path().to_owned();
    let out = run.out().with_extension("html");
    kept(report(&vec![folder.as_path(); runs], &out, true).unwrap().file)
}

/// With the environment variable `BURNSCAPE_PAGES`, a folder, pages stay there to be looked at.
fn kept(page: PathBuf) -> PathBuf {
    if let Some(folder) = std::env::var_os("BURNSCAPE_PAGES") {
        let test = std::thread::current().name().unwrap_or("page").replace("::", "-");
        fs::copy(&page, Path::new(&folder).join(test).with_extension("html")).unwrap();
    }
    page
}

pub fn opened(page: &Path, width: u32, height: u32) -> Option<Chromium> {
    let mut browser = Chromium::start(width, height)?;
    browser.open(page);
    painted(&mut browser);
    Some(browser)
}

/// Waits until everything that is unfolded is painted.
pub fn painted(browser: &mut Chromium) {
    assert!(browser.value("window.burnscape.ready").as_u64().unwrap() > 0);
}

pub fn unfold(browser: &mut Chromium) {
    browser.value(
        "document.querySelectorAll('section:not(.open) > h2 > button').forEach(it => it.click())",
    );
    painted(browser);
}

/// What is wrong with the drawings of a page: texts beyond their edge, parts wider than the page, canvases without a dot.
const FAULTS: &str = "(() => {
    const faults = [];
    document.querySelectorAll('.holder svg').forEach(svg => {
        const { width, height } = svg.viewBox.baseVal;
        svg.querySelectorAll('text').forEach(text => {
            const box = text.getBBox();
            if (box.width && (box.x < -1 || box.y < -3 || box.x + box.width > width + 1 || box.y + box.height > height + 3))
                faults.push(`“${text.textContent}” at ${[box.x, box.y, box.width, box.height].map(Math.round)} of ${[width, height]}`);
        });
    });
    document.querySelectorAll('.holder').forEach(holder => {
        if (!holder.clientWidth || holder.classList.contains('multiples')) return;
        const svg = holder.querySelector('svg');
        if (!svg || !svg.querySelector('*')) faults.push('nothing in ' + holder.getAttribute('aria-label'));
        if (holder.getBoundingClientRect().right > innerWidth + 1) faults.push('too wide: ' + holder.getAttribute('aria-label'));
    });
    document.querySelectorAll('canvas').forEach(canvas => {
        const dots = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let drawn = 0;
        for (let at = 3; at < dots.length; at += 4) drawn += dots[at] > 0;
        if (drawn * 20 < canvas.width * canvas.height) faults.push(`an empty canvas of ${canvas.width} × ${canvas.height}`);
    });
    if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
    return faults;
})()";

fn assert_faultless(browser: &mut Chromium) {
    assert_eq!(browser.value(FAULTS), json!([]));
}

pub fn assert_calm(browser: &Chromium) {
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Titles of the sections of a page.
fn titles(browser: &mut Chromium) -> Vec<String> {
    let titles = browser.value(
        "[...document.querySelectorAll('section > h2 > button > span:first-child')].map(it => it.textContent)",
    );
    titles.as_array().unwrap().iter().map(|title| title.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_figure_is_drawn_and_nothing_is_asked_of_a_network() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let expected = [
        "Alerts",
        "norm around initial",
        "norm around final",
        "Initial against trained, on one scale",
        "Lines",
        "Metrics and learning rate",
        "Gradients",
        "Each block",
        "Activations",
        "Histograms",
        "Sharpness",
        "What such pictures tell, and what they do not",
        "Settings and provenance",
    ];
    assert_eq!(titles(&mut browser), expected);
    unfold(&mut browser);
    assert_faultless(&mut browser);
    let told = browser.value(
        "[...document.querySelectorAll('figure .title')].map(it => it.firstChild.textContent)",
    );
    for title in [
        "Loss",
        "norm",
        "Gradient norm of each block",
        "Update over weight ‖u‖/‖θ‖",
        "Gradient signal-to-noise ratio",
        "Cosine of successive updates",
        "Activations: root mean square",
        "Gradients",
        "Spectral density of the Hessian",
        "Largest eigenvalue of each block",
    ] {
        assert!(told.as_array().unwrap().iter().any(|it| it == title), "{title} in {told}");
    }
    let alternatives = browser.value("[...document.querySelectorAll('.holder[aria-label]')].every(it => it.getAttribute('aria-label').length > 20)");
    assert_eq!(alternatives, true);
    assert_calm(&browser);
}

/// The first screen says how the run ended, and shows the surface with the path and the loss.
#[test]
fn the_first_screen_says_what_the_run_was_and_how_it_ended() {
    let mut run = full_run("norm");
    run.add(record!(burnscape_trace::End { reason: "finished".into(), steps: 40 }));
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let seen = browser.value("[...document.querySelectorAll('h1, .subline, .tile, .hero figure')].filter(it => it.getBoundingClientRect().top < 900).map(it => it.textContent).join('\\n')");
    let seen = seen.as_str().unwrap();
    // The losses of the last epoch, the best of validation, and the parameters of the three blocks: 6 + 3 + 6.
    for words in [
        "Finished after 2 epochs and 40 steps",
        "training loss0.5",
        "validation loss0.5best 0.5, epoch 2",
        "parameters15",
    ] {
        assert!(seen.contains(words), "{words:?} in {seen}");
    }
    for figure in [".hero canvas", ".hero .chart svg"] {
        let place = browser
            .value(&format!("document.querySelector('{figure}').getBoundingClientRect().bottom"));
        assert!(place.as_f64().unwrap() <= 900.0, "{figure} ends at {place}");
    }
}

/// A number that changes with the dots of the first surface.
const DOTS: &str = "(() => { const c = document.querySelector('.surface canvas'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((sum, dot, at) => (sum * 31 + dot * (at % 97)) % 1000003, 7); })()";

/// As long as two pictures of the screen take.
pub const TWO_FRAMES: &str =
    "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))";

#[test]
fn a_surface_answers_a_drag_and_keys_and_a_legend_answers_a_click() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let before = browser.value(DOTS);
    let at = browser.value("(() => { const r = document.querySelector('.surface').getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()");
    let (x, y) = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    browser.mouse("mouseMoved", x, y, 0);
    browser.mouse("mousePressed", x, y, 1);
    (1..=10).for_each(|step| browser.mouse("mouseMoved", x + 8.0 * f64::from(step), y, 1));
    browser.mouse("mouseReleased", x + 80.0, y, 0);
    browser.value(TWO_FRAMES);
    let dragged = browser.value(DOTS);
    assert_ne!(before, dragged, "the surface turns");
    browser.value("document.querySelector('.surface').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }))");
    browser.value(TWO_FRAMES);
    assert_ne!(dragged, browser.value(DOTS), "and answers keys");
    let curves = "document.querySelectorAll('.hero .chart path.line').length";
    let shown = browser.value(curves).as_u64().unwrap();
    browser.value("document.querySelector('.hero .chart').parentElement.querySelector('.legend button').click()");
    painted(&mut browser);
    assert!(browser.value(curves).as_u64().unwrap() < shown, "a curve is hidden");
    assert_calm(&browser);
}

#[test]
fn all_charts_look_at_the_same_step_and_keys_move_it() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let key = |key: &str| {
        format!(
            "document.querySelector('.hero .chart').dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"
        )
    };
    browser.value(&key("End"));
    browser.value(TWO_FRAMES);
    let told = browser.value("[...document.querySelectorAll('.chart')].filter(it => it.clientWidth && it.querySelector('.cursor line')).length");
    assert!(told.as_u64().unwrap() > 5, "{told} charts show it");
    let words = browser.value("document.querySelector('.hero .curves .legend').textContent");
    assert!(words.as_str().unwrap().contains("at step 40"), "{words}");
    // The steps in view are halved around it, in every chart.
    browser.value(&key("+"));
    painted(&mut browser);
    let words = browser.value("[...document.querySelectorAll('.chart[tabindex]')].filter(it => it.clientWidth).every(it => ![...it.querySelectorAll('.axes text.middle')].some(text => text.textContent === '10'))");
    assert_eq!(words, true);
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

/// A page on runs of their own.
pub fn page_of(runs: &mut [TestRun]) -> PathBuf {
    runs.iter_mut().for_each(TestRun::flush);
    let folders: Vec<&Path> = runs.iter().map(|run| run.folder.path()).collect();
    kept(report(&folders, &runs[0].out().with_extension("html"), true).unwrap().file)
}

fn planar(name: &str, kind: &str, losses: [f64; 6]) -> TestRun {
    let mut run = TestRun::new();
    for at in 0..4 {
        run.add(step(at, losses[at as usize]));
    }
    let axis = |count| record!(burnscape_trace::Axis { kind: kind.into(), ..axis(count) });
    let slice = record!(Slice { name: name.into(), x: axis(3), y: Some(axis(2)), ..plane(0) });
    run.add(slice).add(nodes(0, (0..6).collect(), losses.to_vec()));
    run
}

#[test]
fn planes_of_several_runs_are_paired_by_what_they_are_and_share_one_scale() {
    let narrow = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5];
    let mut runs = [
        planar("pca", "pca", narrow),
        planar("pca", "pca", [1.0, 2.0, 3.0, 4.0, 5.0, 5000.0]),
        planar("random", "random", narrow),
    ];
    let Some(mut browser) = opened(&page_of(&mut runs), 1280, 900) else { return };
    let planes: Vec<String> =
        titles(&mut browser).into_iter().filter(|it| it.contains(" around ")).collect();
    assert_eq!(planes, ["pca around final", "random around final"]);
    let words =
        browser.value("[...document.querySelectorAll('.differs')].map(it => it.textContent)");
    let words = words.to_string();
    assert!(words.contains("All on one logarithmic scale."), "{words}");
    // The folders are called the same, and are told apart by what stands above them.
    let names =
        browser.value("[...document.querySelectorAll('button.run')].map(it => it.textContent)");
    let names: std::collections::BTreeSet<&str> =
        names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(words.matches("Not recorded in").count(), 2, "{words}");
    // The same loss has the same colour: node 0 is 1.0 in both.
    let same = browser.value("(async () => {
        const first = [...document.querySelectorAll('#plane-0 image')].map(async it => {
            const picture = new Image();
            picture.src = it.getAttribute('href');
            await picture.decode();
            const context = Object.assign(document.createElement('canvas'), { width: 3, height: 2 }).getContext('2d');
            context.drawImage(picture, 0, 0);
            return [...context.getImageData(0, 1, 1, 1).data].join();
        });
        return Promise.all(first);
    })()");
    assert_eq!(same, json!(["68,1,84,255", "68,1,84,255"]), "the lowest of viridis");
    assert_faultless(&mut browser);
    assert_calm(&browser);
}

#[test]
fn nine_runs_are_drawn_whole() {
    let mut runs: Vec<TestRun> = (0..9).map(|_| full_run("norm")).collect();
    let Some(mut browser) = opened(&page_of(&mut runs), 1280, 900) else { return };
    unfold(&mut browser);
    let surfaces = browser.value("document.querySelectorAll('section canvas').length");
    assert_eq!(surfaces, 18, "two planes of nine runs");
    assert_faultless(&mut browser);
    assert_calm(&browser);
}

/// The closed form is the mean of two: bands go from the lowest to the highest of runs with the same settings.
#[test]
fn runs_with_the_same_settings_share_a_band() {
    let run = |losses: [f64; 2], seed: &str| {
        let mut run = TestRun::new();
        let values = [("seed".to_owned(), seed.to_owned()), ("width".to_owned(), "8".to_owned())];
        run.add(record!(burnscape_trace::Hyperparameters { values: values.into() }));
        for at in 0..2 {
            run.add(step(at, losses[at as usize]));
        }
        run
    };
    let mut runs = [run([4.0, 2.0], "1"), run([2.0, 1.0], "2")];
    let Some(mut browser) = opened(&page_of(&mut runs), 1280, 900) else { return };
    assert_eq!(browser.value("document.querySelectorAll('.hero .band').length"), 1);
    let lines = "[{ run: 0, name: 'a', x: [0, 1], y: [4, 2] }, { run: 1, name: 'a', x: [0, 1], y: [2, 1] }]";
    let band = browser.value(&format!(
        "(({{ low, high, mean }}) => ({{ low, high, mean }}))(burnscape.parts.bandsOf({lines})[0])"
    ));
    assert_eq!(band, json!({ "low": [2, 1], "high": [4, 2], "mean": [3, 1.5] }));
    assert_calm(&browser);
    // Who recorded no settings may differ in all of them.
    let mut runs = [TestRun::new(), TestRun::new()];
    for run in &mut runs {
        run.add(step(0, 4.0)).add(step(1, 2.0));
    }
    browser.open(&page_of(&mut runs));
    painted(&mut browser);
    assert_eq!(browser.value("document.querySelectorAll('.hero .band').length"), 0);
}

/// On paper nothing can be moved into view: the table of nine runs is as wide as the paper, too.
#[test]
fn nine_runs_lose_nothing_on_paper() {
    let mut runs: Vec<TestRun> = (0..9).map(|_| full_run("norm")).collect();
    for run in &mut runs {
        run.add(record!(burnscape_trace::Hyperparameters {
            values: [("optimizer".to_owned(), "\"AdamW with decoupled decay\"".to_owned())].into()
        }));
    }
    let Some(mut browser) = opened(&page_of(&mut runs), 1280, 900) else { return };
    browser.call("Emulation.setEmulatedMedia", json!({ "media": "print" }));
    browser.value("dispatchEvent(new Event('beforeprint'))");
    let paper = json!({ "width": 718, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
    browser.call("Emulation.setDeviceMetricsOverride", paper);
    browser.value(TWO_FRAMES);
    assert_faultless(&mut browser);
    assert_calm(&browser);
}

/// What a comparison is about stands above, and its numbers by side below its pictures: means of 1 and 3, and of 8.
#[test]
fn a_comparison_tells_its_runs_and_its_numbers_by_side() {
    let mut run = TestRun::new();
    let sides = [("a-1", "a"), ("a-2", "a"), ("b", "")];
    let compared = sides.map(|(name, side)| {
        record!(ComparedRun { name: name.into(), side: side.into(), path: format!("../{name}") })
    });
    run.add(record!(Runs { runs: compared.into() }));
    for (slice, (name, _)) in (0..).zip(sides) {
        run.add(record!(Slice { slice, name: format!("{name} random"), ..plane(slice) }));
        run.add(nodes(slice, (0..6).collect(), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    }
    let measures = [("lambda_max".to_owned(), F64s(vec![1.0, 3.0, 8.0]))].into();
    run.add(record!(Study { kind: "side-by-side".into(), slices: vec![0, 1, 2], measures }));
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let cells = |browser: &mut Chromium, table: &str| {
        let all = format!(
            "[...document.querySelectorAll('{table} tr')].map(it => [...it.children].map(it => it.textContent))"
        );
        browser.value(&all)
    };
    let above = cells(&mut browser, "header .table");
    assert_eq!(above[1], json!(["a-1", "a", "../a-1", ""]), "{above}");
    let below = cells(&mut browser, "#sides .table");
    let row = json!(["largest eigenvalue λ_max", "2.000 (1.000 to 3.000)", "8.000"]);
    assert_eq!((&below[0], &below[1]), (&json!(["number", "a", "b"]), &row));
    // Nothing was trained.
    assert_eq!(browser.value("document.querySelectorAll('.hero, .tiles').length"), 0);
    assert_faultless(&mut browser);
    assert_calm(&browser);
}

#[test]
fn a_page_fits_a_phone_and_loses_nothing_there() {
    let mut run = full_run(HOSTILE);
    let Some(mut browser) = opened(&page(&mut run, 1), 390, 844) else { return };
    unfold(&mut browser);
    assert_faultless(&mut browser);
    // A finger scrolls the page, wherever it lies.
    let held = browser.value("[...document.querySelectorAll('.holder')].filter(it => getComputedStyle(it).touchAction === 'none').length");
    assert_eq!(held, 0);
    assert_calm(&browser);
}

/// As a printer is told: other media, as narrow as A4 within its margins, and dark on the screen.
#[test]
fn a_printed_page_is_light_and_loses_nothing() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let dark = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
    browser.call("Emulation.setEmulatedMedia", json!({ "media": "print", "features": dark }));
    browser.value("dispatchEvent(new Event('beforeprint'))");
    let paper = json!({ "width": 718, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
    browser.call("Emulation.setDeviceMetricsOverride", paper);
    browser.value(TWO_FRAMES);
    assert_eq!(
        browser.value("getComputedStyle(document.body).backgroundColor"),
        "rgb(255, 255, 255)"
    );
    let folded = browser.value(
        "[...document.querySelectorAll('section > .body')].filter(it => !it.offsetHeight).length",
    );
    assert_eq!(folded, 0);
    assert_faultless(&mut browser);
    browser.call("Emulation.setEmulatedMedia", json!({ "media": "", "features": dark }));
    for (wide, high) in [(8.27, 11.69), (8.5, 11.0)] {
        let paper = json!({ "paperWidth": wide, "paperHeight": high, "printBackground": true });
        let pdf = browser.call("Page.printToPDF", paper);
        // Surfaces are pictures of twice the 700 dots that paper is wide, or of its half; of a canvas only strokes would be
        // printed.
        let pdf = pdf["data"].as_str().unwrap();
        let surfaces = [pictures_in(pdf, 1400), pictures_in(pdf, 672)];
        // Each with a mask of what it hides: the one of the first screen, and those of two planes.
        assert_eq!(surfaces, [2, 4], "on {wide} × {high} inches");
    }
    assert_calm(&browser);
}

/// Pictures of a width in a PDF (ISO 32000-1, table 89), which is told in base64.
fn pictures_in(base64: &str, width: u32) -> usize {
    let pdf = super::figures::from_base64(base64);
    let entry = format!("/Width {width}\n");
    pdf.windows(entry.len()).filter(|part| *part == entry.as_bytes()).count()
}

/// The contrast of two colours (WCAG 2.2, "relative luminance" and "contrast ratio").
fn contrast(a: &str, b: &str) -> f64 {
    let part = |colour: &str, at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance =
        |it: &str| 0.2126 * part(it, 1) + 0.7152 * part(it, 3) + 0.0722 * part(it, 5) + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

#[test]
fn curves_and_texts_can_be_told_from_what_is_behind_them() {
    assert_eq!(contrast("#ffffff", "#000000").round(), 21.0);
    let style = include_str!("../../assets/page.css");
    let themes: Vec<&str> =
        style.match_indices("--ink: ").map(|(at, _)| &style[at..]).take(2).collect();
    for theme in themes {
        let colour = |name: &str| &theme.split_once(&format!("{name}: ")).unwrap().1[..7];
        for name in
            (0..8).map(|number| format!("--c{number}")).chain(["--hole".into(), "--axis".into()])
        {
            let found = contrast(colour(&name), colour("--card"));
            assert!(found >= 3.0, "{name} {} is {found:.2}:1", colour(&name));
        }
        for name in ["--ink", "--soft", "--link", "--warn", "--hole"] {
            let found = contrast(colour(name), colour("--card"))
                .min(contrast(colour(name), colour("--paper")));
            assert!(found >= 4.5, "{name} is {found:.2}:1");
        }
    }
}

/// A path that is drawn on the surface is at the height of the plane that the surface is there.
#[test]
fn parts_of_the_page_are_those_of_closed_forms() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    // z = x + 10 y on a grid of 3 × 3, from 0 to 22: bilinear is exact.
    let plane = "{ low: 0, high: 22, log: false }";
    let height = format!(
        "(() => {{ const {{ meshOf, heightOn }} = burnscape.parts; const mesh = meshOf([0,1,2,10,11,12,20,21,22], 3, 3, {plane}); return [[0, 0], [2, 2], [0.5, 1.25], [1.75, 0.1]].map(([x, y]) => Math.round(heightOn(mesh, x, y) * 22 * 1000) / 1000); }})()"
    );
    assert_eq!(browser.value(&height), json!([0, 22, 13, 2.75]));
    // Beside the grid, and where a node is not finite, there is no surface.
    let odd = format!(
        "(() => {{ const {{ meshOf, heightOn }} = burnscape.parts; const mesh = meshOf([0,1,NaN,10,11,12,20,21,22], 3, 3, {plane}); return [heightOn(mesh, -0.5, 0), heightOn(mesh, 1.5, 0.5)].map(Number.isNaN); }})()"
    );
    assert_eq!(browser.value(&odd), json!([true, true]));
    // The line of 1.5 through x + 10 y crosses the lower edge at 1.5, the left one at 0.15.
    let line = "burnscape.parts.isolines([0,1,2,10,11,12,20,21,22], 3, 3, 1.5).flat().map(p => p.map(v => Math.round(v * 1e6) / 1e6)).filter(([x, y]) => x === 0 || y === 0)";
    assert_eq!(browser.value(line), json!([[0, 0.15], [1.5, 0]]));
    // Blocks of many layers are told apart by what is cut of their names.
    let names = "burnscape.parts.cutPath";
    let path = "encoder.layers.17.attention.query.weight";
    let cut = format!("[40, 36, 30, 20].map(letters => {names}({path:?}, letters))");
    assert_eq!(
        browser.value(&cut),
        json!([
            path,
            "e.layers.17.attention.query.weight",
            "e.l.17.attention.query.weight",
            "e.l.17.a.q.weight"
        ])
    );
    let ticks = "(() => { const { scaleOf, ticksOf } = burnscape.parts; return [[-1, 1], [1e-10, 1e300], [-1.7e308, 1.7e308]].map(v => ticksOf(scaleOf(v), 5).length); })()";
    for count in browser.value(ticks).as_array().unwrap() {
        assert!((2..12).contains(&count.as_u64().unwrap()), "{count} ticks");
    }
}

#[test]
fn a_plane_without_any_finite_loss_is_told_of_and_the_table_of_nodes_is_whole() {
    let mut run = TestRun::new();
    run.add(step(0, 1.0)).add(plane(0)).add(nodes(0, (0..6).collect(), vec![f64::NAN; 6]));
    let axis = || record!(burnscape_trace::Axis { first: -24, ..axis(49) });
    run.add(record!(Slice { x: axis(), y: Some(axis()), ..plane(1) }));
    run.add(nodes(1, (0..2401).collect(), (0..2401).map(f64::from).collect()));
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let words = browser.value("document.getElementById('plane-0').textContent");
    assert!(words.as_str().unwrap().contains("No loss of this plane is finite"), "{words}");
    let rows = "(async () => {
        const details = document.querySelector('#plane-1 details');
        details.open = true;
        await new Promise(done => setTimeout(done));
        const seen = new Set();
        for (;;) {
            details.querySelectorAll('tbody tr').forEach(row => seen.add(row.children[2].textContent));
            const next = [...details.querySelectorAll('.pages button')][1];
            if (!next || next.disabled) return seen.size;
            next.click();
        }
    })()";
    assert_eq!(browser.value(rows), 2401);
    assert_faultless(&mut browser);
}

/// The data of a page.
pub fn data(page: &Path) -> Value {
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
    assert_eq!(told["slices"][1]["path"]["steps"], json!([0, null, null]));
    assert_eq!(told["slices"][0]["layers"][0]["values"], json!([9, 8, 7, 6, 5, 4, 3, "NaN", null]));
    assert_eq!(told["histograms"]["series"][0]["moments"][1]["negative"], json!([0, 4]));
    assert_eq!(told["curvature"]["densities"][0]["y"], json!([0.25, 0.5]));
    // ‖E g‖² of 1 and E‖g‖² of 3, and ⟨u, u'⟩ of −0.5 with lengths 1 and 2.
    let chart = |quantity: &str| {
        let charts = told["charts"].as_array().unwrap().iter();
        charts.clone().find(|it| it["quantity"] == quantity).unwrap()["lines"][0]["curve"]["y"][0]
            .clone()
    };
    assert_eq!((chart("signal_to_noise"), chart("update_cosine")), (json!(0.5), json!(-0.25)));
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

/// A comparison of runs has planes and no steps: nothing is left free for curves.
#[test]
fn a_surface_without_curves_has_the_first_screen_to_itself() {
    let mut run = TestRun::new();
    run.add(plane(0)).add(nodes(0, (0..6).collect(), (0..6).map(f64::from).collect()));
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let share = browser.value("document.querySelector('.hero figure').getBoundingClientRect().width / document.querySelector('main').clientWidth");
    assert!(share.as_f64().unwrap() > 0.9, "{share}");
    assert_faultless(&mut browser);
    assert_calm(&browser);
}

#[test]
fn true_losses_beyond_the_figure_are_counted() {
    let mut run = full_run("a");
    run.add(record!(Trajectory {
        slice: Some(1),
        snapshots: vec![0, 1, 2].into(),
        x: vec![0.5, -0.5, 0.0].into(),
        y: vec![0.5, 0.25, 0.0].into(),
        loss: vec![1e9, f64::INFINITY, 0.25].into()
    }));
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    unfold(&mut browser);
    let told = browser.value("document.body.textContent.includes('true losses, 2 of them beyond')");
    assert_eq!(told, true);
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

/// Every cell of the gradient heat map, from the steps: whatever their number, gaps and values.
#[test]
fn no_cell_of_the_heat_map_is_empty_where_a_step_exists() {
    let mut random = 7_u64;
    let mut draw = move |below: u64| {
        // Knuth's linear congruential generator (MMIX).
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut shapes = vec![(60, 500, 1), (192, 500, 1), (192, 5000, 1)];
    shapes.extend((0..12).map(|_| (1 + draw(40), 1 + draw(700), 1 + draw(9))));
    for (blocks, steps, gaps) in shapes {
        let mut run = TestRun::new();
        let mut recorded = Vec::new();
        let mut at = draw(50);
        for _ in 0..steps {
            let norm = |_| match draw(50) {
                0 => f32::NAN,
                value => value as f32,
            };
            let norms: Vec<f32> = (0..blocks).map(norm).collect();
            recorded.push((at, norms.clone()));
            let columns = [("grad_norm".to_owned(), norms.into())].into();
            run.add(record!(Step { step: at, columns }));
            at += 1 + draw(gaps);
        }
        let heat = data(&page(&mut run, 1))["runs"][0]["heat"].clone();
        assert_cells(&heat, &recorded, blocks as usize);
    }
}

fn assert_cells(heat: &Value, recorded: &[(u64, Vec<f32>)], blocks: usize) {
    let first: Vec<u64> =
        heat["first"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    assert!(first[0] == recorded[0].0 && *first.last().unwrap() == recorded.last().unwrap().0 + 1);
    assert_eq!(heat["rows"].as_array().unwrap().len(), blocks);
    for block in 0..blocks {
        for column in 0..first.len() - 1 {
            let of_cell = recorded
                .iter()
                .filter(|(step, _)| (first[column]..first[column + 1]).contains(step));
            let values: Vec<(u64, f32)> =
                of_cell.map(|(step, norms)| (*step, norms[block])).collect();
            let told = &heat["rows"][block][column];
            let step = first[column] + heat["at"][block][column].as_u64().unwrap();
            let Some(largest) = values.iter().map(|it| it.1).reduce(f32::max) else {
                assert!(told.is_null());
                continue;
            };
            match values.iter().find(|(_, value)| value.is_nan()) {
                Some((odd, _)) => assert_eq!((told, step), (&json!("NaN"), *odd)),
                None => {
                    assert_eq!(told.as_f64(), Some(f64::from(largest)));
                    assert!(values.contains(&(step, largest)), "step {step} of {values:?}");
                }
            }
        }
    }
}

/// A network of many blocks: small charts on one scale, quick and small.
#[test]
fn many_blocks_are_small_charts_that_can_be_searched() {
    let mut runs: Vec<TestRun> = (0..2).map(|seed| many_blocks(192, seed)).collect();
    let page = page_of(&mut runs);
    let bytes = fs::metadata(&page).unwrap().len();
    assert!(bytes < 6_000_000, "{bytes} bytes");
    let Some(mut browser) = opened(&page, 1280, 900) else { return };
    unfold(&mut browser);
    let cells =
        browser.value("document.querySelectorAll('#blocks figure:first-child .cell').length");
    assert_eq!(cells, 193, "192 blocks and all together");
    browser.value("(() => { const it = document.querySelector('#blocks input'); it.value = 'layers.7.'; it.dispatchEvent(new Event('input')); })()");
    let found = browser.value("[...document.querySelectorAll('#blocks figure:first-child .cell')].filter(it => !it.hidden).length");
    assert_eq!(found, 2, "weight and bias of layer 7");
    assert_faultless(&mut browser);
    assert_calm(&browser);
}

fn many_blocks(blocks: u64, seed: u64) -> TestRun {
    let path = |block| format!("layers.{}.{}", block / 2, ["weight", "bias"][block as usize % 2]);
    let named = |block| record!(Block { path: path(block), shape: vec![1], offset: block });
    let mut run =
        TestRun::with_head(record!(Head { blocks: (0..blocks).map(named).collect(), ..head() }));
    for at in 0..500 {
        // Waves of many sizes, without any chance.
        let wave = |block: u64, slow: f64| {
            ((at as f64 / slow + (block + seed) as f64).sin() + 1.2) * (1.0 + block as f64)
                / (at as f64 + 10.0)
        };
        let norms = |slow: f64| (0..blocks).map(|block| wave(block, slow) as f32).collect();
        let columns = [("grad_norm", 5.0), ("weight_norm", 90.0), ("update_norm", 20.0)];
        let columns = columns.map(|(name, slow)| (name.to_owned(), norms(slow)));
        run.add(record!(Step {
            step: at,
            lr: 0.1,
            loss: Some(wave(0, 7.0)),
            columns: columns.into()
        }));
    }
    run
}

/// The paths of two runs on one plane are not one path that jumps.
#[test]
fn each_run_on_one_plane_has_its_own_path() {
    let mut run = TestRun::new();
    run.add(step(0, 1.0)).add(plane(0)).add(nodes(
        0,
        (0..6).collect(),
        vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    ));
    run.add(record!(Trajectory {
        slice: Some(0),
        snapshots: vec![0, 1, 0, 1].into(),
        x: vec![-0.5, 0.0, 0.5, 0.0].into(),
        y: vec![-0.5, 0.0, -0.5, -0.25].into(),
        loss: vec![1.0; 4].into(),
        starts: vec![0, 2].into(),
    }));
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let lengths = browser.value("[...document.querySelectorAll('#plane-0 path.path:not(.under)')].map(it => it.getAttribute('d').split('L').length)");
    assert_eq!(lengths, json!([2, 2]));
    let told =
        browser.value("document.querySelectorAll('#plane-0 figure:first-child .of-path').length");
    assert_eq!(told, 2);
    assert_faultless(&mut browser);
    assert_calm(&browser);
}
