//! Whoever reads a run tells the same of it: viewer, list, `info`, page, CSV, JSON and NPZ of runs in which readers may err.

use std::fs;
use std::path::Path;
use std::process::Command;

use burnscape_trace::{
    Alert, Axis, AxisKind, Block, Check, Curvature, Dropped, End, Epoch, FORMAT, Frozen, Head,
    Metric, Nodes, Record, Resume, RunFolder, Slice, Snapshot, Step, Trajectory, Writer, columns,
    record,
};
use burnscape_tui::model::Standing;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{self, stderr, stdout};

/// What all of them tell.
#[derive(Debug, PartialEq)]
struct Told {
    steps: u64,
    /// `step` records that hold.
    rows: u64,
    epochs: u64,
    snapshots: u64,
    alerts: u64,
    curvature: u64,
    dropped: u64,
    resumed: u64,
    failed_checks: u64,
    ended: Option<&'static str>,
}

fn step(number: u64) -> Record {
    let columns = [(columns::GRAD_NORM.to_owned(), vec![number as f32].into())].into();
    let loss = Some(100.0 - number as f64);
    record!(Step { step: number, batches: number + 1, loss, columns }).into()
}

fn epoch(epoch: u64, steps: u64) -> Record {
    record!(Epoch { epoch, steps, batches: steps }).into()
}

fn snapshot(index: u64, step: u64) -> Record {
    record!(Snapshot { index, step, file: RunFolder::snapshot_file(index) }).into()
}

fn alert(step: u64) -> Record {
    record!(Alert { step, rule: "loss-spike".into(), level: "warning".into() }).into()
}

fn curvature(reason: &str, step: u64) -> Record {
    let largest = vec![step as f64].into();
    record!(Curvature { reason: reason.into(), step, largest, lr: 0.1 }).into()
}

fn metric(step: u64) -> Record {
    let (split, name) = ("valid".into(), "accuracy".into());
    record!(Metric { split, name, epoch: 1, step, value: step as f64 }).into()
}

fn check(passed: bool) -> Record {
    record!(Check { name: "same weights".into(), passed }).into()
}

fn end(reason: &str, steps: u64, dropped: u64) -> Record {
    record!(End { reason: reason.into(), steps, dropped }).into()
}

fn resume(steps: u64) -> Record {
    // Each by a process of its own.
    record!(Resume { steps, batches: steps, resumed_unix_secs: steps as f64 }).into()
}

fn written(records: &[Record], blocks: usize) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&RunFolder::create(root.path().join("run")).unwrap()).unwrap();
    let block = |number| record!(Block { path: format!("fc{number}") });
    let head = record!(Head { format: FORMAT, blocks: (0..blocks).map(block).collect() });
    writer.append(&head.into()).unwrap();
    records.iter().for_each(|record| writer.append(record).unwrap());
    writer.flush().unwrap();
    root
}

fn burnscape(root: &Path, arguments: &[&str]) -> String {
    let output = program::burnscape(root, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

fn list(root: &Path, expected: &Told) {
    let mut standing = Standing::default();
    let items = burnscape_trace::Reader::open(root.join("run/trace.cbor")).unwrap();
    items.for_each(|item| standing.apply_item(&item.unwrap()));
    assert_eq!((standing.steps(), standing.epochs()), (expected.steps, expected.epochs), "list");
    assert_eq!(standing.alerts().len(), expected.alerts, "list");
}

fn viewer(root: &Path, expected: &Told) {
    let run = burnscape_tui::read_run(&root.join("run")).unwrap();
    let curves = run.curvatures();
    let moments = (0..curves.len()).filter_map(|it| curves.get(it)).map(|it| it.moments().len());
    let told = Told {
        steps: run.steps(),
        rows: run.step_loss.buckets().map(|bucket| bucket.count).sum(),
        epochs: run.standing().epochs(),
        snapshots: run.snapshots(),
        alerts: run.alerts().len(),
        curvature: moments.sum::<usize>() as u64,
        dropped: run.dropped(),
        resumed: run.resumes(),
        failed_checks: run.failed_checks().count() as u64,
        ended: None,
    };
    assert_eq!(told, Told { ended: None, ..*expected }, "viewer");
    assert_eq!(run.end().map(|end| end.reason.as_str()), expected.ended, "viewer");
    assert_eq!(run.state().is_over(), expected.ended.is_some(), "viewer");
}

fn info(root: &Path, expected: &Told) {
    let told: Value = serde_json::from_str(&burnscape(root, &["info", "run", "--json"])).unwrap();
    let whole = |name: &str| told[name].as_u64().unwrap();
    assert_eq!(whole("steps"), expected.steps, "info");
    assert_eq!(whole("epochs"), expected.epochs, "info");
    assert_eq!(told["snapshots"]["number"], json!(expected.snapshots), "info");
    let alerts = told["alerts"].as_object().unwrap().values().filter_map(Value::as_u64);
    assert_eq!(alerts.sum::<u64>(), expected.alerts, "info");
    assert_eq!((whole("dropped"), whole("resumed")), (expected.dropped, expected.resumed), "info");
    assert_eq!(told["checks"]["failed"], json!(expected.failed_checks), "info");
    assert_eq!(told["ended"].as_str(), expected.ended, "info");
}

fn page(root: &Path, expected: &Told) {
    burnscape(root, &["report", "run", "--output", "page.html"]);
    let page = fs::read_to_string(root.join("page.html")).unwrap();
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: Value = serde_json::from_str(data).unwrap();
    let run = &data["runs"][0];
    let fact = |name: &str| {
        let facts = run["facts"].as_array().unwrap();
        facts.iter().find(|fact| fact[0] == name).map(|fact| fact[1].as_str().unwrap().to_owned())
    };
    assert_eq!(fact("steps"), Some(expected.steps.to_string()), "page");
    assert_eq!(fact("epochs"), Some(expected.epochs.to_string()), "page");
    assert_eq!(fact("snapshots"), Some(expected.snapshots.to_string()), "page");
    let dropped = (expected.dropped > 0).then(|| expected.dropped.to_string());
    assert_eq!(fact("step records dropped"), dropped, "page");
    assert_eq!(fact("ended").as_deref(), expected.ended.or(Some("not yet, or killed")), "page");
    let length = |value: &Value| value.as_array().unwrap().len() as u64;
    assert_eq!(length(&run["loss"]["x"]), expected.rows, "page");
    assert_eq!(run["alert_count"], json!(expected.alerts), "page");
    assert_eq!(length(&run["curvature"]["x"]), expected.curvature, "page");
    assert_eq!(length(&run["failed_checks"]), expected.failed_checks, "page");
}

fn exports(root: &Path, expected: &Told) {
    burnscape(root, &["export", "run", "--format", "json", "--output", "run.json"]);
    let json: Value = serde_json::from_slice(&fs::read(root.join("run.json")).unwrap()).unwrap();
    burnscape(root, &["export", "run", "--format", "csv", "--output", "tables"]);
    let rows = |name: &str| match fs::read_to_string(root.join("tables").join(name)) {
        Ok(table) => table.lines().count() as u64 - 1,
        Err(_) => 0,
    };
    let lists = [
        (&json["steps"]["step"], "steps.csv", expected.rows),
        (&json["epochs"], "epochs.csv", expected.epochs),
        (&json["snapshots"], "snapshots.csv", expected.snapshots),
        (&json["alerts"], "alerts.csv", expected.alerts),
        (&json["curvature"], "curvature.csv", expected.curvature),
    ];
    for (list, table, number) in lists {
        assert_eq!(list.as_array().unwrap().len() as u64, number, "JSON beside {table}");
        assert_eq!(rows(table), number, "{table}");
    }
    assert_eq!(json["dropped"], json!(expected.dropped), "JSON");
    assert_eq!(json["end"]["reason"].as_str(), expected.ended, "JSON");
    let told = burnscape(root, &["export", "run", "--format", "npz", "--output", "run.npz"]);
    assert!(told.contains(&format!("{} step", expected.steps)), "NPZ: {told}");
}

/// What the reader in Python tells, and what numpy finds in the NPZ, as JSON.
const IN_PYTHON: &str = "
import json, sys
import numpy
sys.path.insert(0, sys.argv[1])
from burnscape_trace import read_run
run, npz = read_run('run'), numpy.load('run.npz')
steps = run.steps()
checks = {(it.fields['slice'], it.fields['name']): it.fields['passed'] for it in run.of('check')}
of_npz = {name: len(npz[name]) if name in npz else 0 for name in ('step', 'epoch')}
norm = lambda: npz['grad_norm'].astype(float).sum() if 'grad_norm' in npz else 0.0
print(json.dumps({
    'rows': [len(steps.step), of_npz['step']],
    'epochs': [len(run.epochs().epoch), of_npz['epoch']],
    'norms': [float(sum(steps.over('grad_norm'))) if steps.blocks and steps.columns else 0.0, float(norm())],
    'snapshots': len(run.snapshots()),
    'alerts': len(run.of('alert')),
    'curvature': len(run.curvature()),
    'failed_checks': sum(not it for it in checks.values()),
    'ended': run.ended,
}))";

/// After [`exports`], which leaves the NPZ.
fn python(root: &Path, blocks: usize, expected: &Told) {
    let Some(python) = burnscape_workbench::python("cbor2, numpy") else { return };
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python");
    let mut command = Command::new(python);
    command.current_dir(root).args(["-c", IN_PYTHON]).arg(reader);
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let both = |number: u64| json!([number, number]);
    assert_eq!(told["rows"], both(expected.rows), "Python and NPZ");
    assert_eq!(told["epochs"], both(expected.epochs), "Python and NPZ");
    assert_eq!(told["snapshots"], json!(expected.snapshots), "Python");
    assert_eq!(told["alerts"], json!(expected.alerts), "Python");
    assert_eq!(told["curvature"], json!(expected.curvature), "Python");
    assert_eq!(told["failed_checks"], json!(expected.failed_checks), "Python");
    assert_eq!(told["ended"].as_str(), expected.ended, "Python");
    let norms = told["norms"].as_array().unwrap();
    assert!(blocks == 0 || norms[0] == norms[1], "Python and NPZ: {norms:?}");
}

fn all_tell(records: &[Record], expected: &Told) {
    for blocks in [1, 0] {
        let root = written(records, blocks);
        list(root.path(), expected);
        viewer(root.path(), expected);
        info(root.path(), expected);
        page(root.path(), expected);
        exports(root.path(), expected);
        python(root.path(), blocks, expected);
    }
}

const NOTHING: Told = Told {
    steps: 0,
    rows: 0,
    epochs: 0,
    snapshots: 0,
    alerts: 0,
    curvature: 0,
    dropped: 0,
    resumed: 0,
    failed_checks: 0,
    ended: None,
};

#[test]
fn steps_whose_records_were_dropped_were_taken_all_the_same() {
    let mut records: Vec<Record> = [0, 1, 2, 6, 7].map(step).into();
    records.insert(3, record!(Dropped { records: 3, after_step: 2 }).into());
    all_tell(&records, &Told { steps: 8, rows: 5, dropped: 3, ..NOTHING });
    records.push(end("finished", 9, 4));
    // The last record of all was dropped too, and only the end tells.
    let ended = Some("finished");
    all_tell(&records, &Told { steps: 9, rows: 5, dropped: 4, ended, ..NOTHING });
}

#[test]
fn a_thinned_trace_tells_as_many_steps_as_training_took() {
    let mut records: Vec<Record> = (0..40).step_by(10).map(step).collect();
    records.extend([epoch(1, 20), epoch(2, 40), end("interrupted", 40, 0)]);
    let ended = Some("interrupted");
    all_tell(&records, &Told { steps: 40, rows: 4, epochs: 2, ended, ..NOTHING });
}

#[test]
fn a_resume_leaves_behind_what_came_after_the_step_it_went_on_from() {
    let mut records = vec![snapshot(0, 0)];
    records.extend((0..5).map(step));
    records.extend([alert(2), curvature("live", 4), epoch(1, 5), snapshot(1, 5), metric(5)]);
    records.extend((5..10).map(step));
    records.extend([curvature("live", 9), alert(9), epoch(2, 10), snapshot(2, 10), metric(10)]);
    records.extend([curvature("study", 10), check(false), end("interrupted", 10, 0), resume(5)]);
    let before = Told {
        steps: 5,
        rows: 5,
        epochs: 1,
        snapshots: 2,
        alerts: 1,
        curvature: 2,
        resumed: 1,
        failed_checks: 1,
        ..NOTHING
    };
    all_tell(&records, &before);
    records.extend((5..8).map(step));
    records.extend([check(true), alert(6), end("finished", 8, 0)]);
    let after =
        Told { steps: 8, rows: 8, alerts: 2, failed_checks: 0, ended: Some("finished"), ..before };
    all_tell(&records, &after);
    // Back behind the first resume.
    records.extend([resume(3), step(3)]);
    let again = Told {
        steps: 4,
        rows: 4,
        epochs: 0,
        snapshots: 1,
        alerts: 1,
        curvature: 1,
        resumed: 2,
        ended: None,
        ..after
    };
    all_tell(&records, &again);
}

#[test]
fn an_end_that_something_follows_is_none() {
    let records = [step(0), end("finished", 1, 0), step(1)];
    all_tell(&records, &Told { steps: 2, rows: 2, ..NOTHING });
}

#[test]
fn a_slice_that_claims_too_much_is_a_surface_to_nobody() {
    let axis = record!(Axis { first: 0, count: 2001, spacing: 1.0 });
    let slice =
        |slice, axis: Axis| Record::from(record!(Slice { slice, x: axis.clone(), y: Some(axis) }));
    let node = |slice| {
        let (index, loss) = (vec![0, 1].into(), vec![1.0, f64::NAN].into());
        Record::from(record!(Nodes { slice, index, loss }))
    };
    let small = record!(Axis { count: 2, ..axis.clone() });
    let records = [step(0), slice(0, axis), node(0), slice(1, small), node(1)];
    let root = written(&records, 1);
    let run = burnscape_tui::read_run(&root.path().join("run")).unwrap();
    let measured =
        |slice| run.landscapes().get(slice).unwrap().surface().map(|it| it.counts().measured);
    assert!(measured(0).is_err() && measured(1) == Ok(2));
    let info: Value =
        serde_json::from_str(&burnscape(root.path(), &["info", "run", "--json"])).unwrap();
    assert_eq!(info["slices"][0]["measured"], json!(0));
    assert_eq!(info["slices"][1]["measured"], json!(2));
    assert_eq!(info["slices"][1]["highest"], json!(1.0));
    burnscape(root.path(), &["export", "run", "--format", "json", "--output", "run.json"]);
    let exported: Value =
        serde_json::from_slice(&fs::read(root.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(exported["slices"].as_array().unwrap().len(), 1);
    let lost = exported["lost"][0].as_str().unwrap();
    assert!(lost.contains("slice 0 has no usable grid"), "{lost}");
}

/// A block of the head, and the step since which it is frozen where it is.
fn frozen_since(root: &Path, expected: &[Option<Option<u64>>], sentence: Option<&str>) {
    let run = burnscape_tui::read_run(&root.join("run")).unwrap();
    let viewer = (0..expected.len()).map(|block| {
        let is_frozen = run.blocks.layout(block).unwrap().frozen;
        is_frozen.then(|| run.blocks.frozen_since(block))
    });
    assert_eq!(viewer.collect::<Vec<_>>(), expected, "viewer");
    let told: Value = serde_json::from_str(&burnscape(root, &["info", "run", "--json"])).unwrap();
    let frozen = expected.iter().enumerate().filter_map(|(block, it)| it.map(|it| (it, block)));
    let mut frozen: Vec<(Option<u64>, usize)> = frozen.collect();
    frozen.sort_unstable();
    let frozen =
        frozen.iter().map(|(since, it)| json!({ "block": format!("fc{it}"), "since": since }));
    assert_eq!(told["frozen"], frozen.collect::<Value>(), "info");
    let info = burnscape(root, &["info", "run"]);
    let line = info.lines().find_map(|line| line.strip_prefix("frozen    "));
    assert_eq!(line, sentence, "info");
    burnscape(root, &["report", "run", "--output", "page.html", "--force"]);
    let page = fs::read_to_string(root.join("page.html")).unwrap();
    let fact = sentence.map(|sentence| json!(["frozen", sentence]).to_string());
    assert!(fact.as_ref().is_none_or(|fact| page.contains(fact)), "page: {fact:?}");
    assert_eq!(page.contains("[\"frozen\","), fact.is_some(), "page");
}

#[test]
fn all_tell_since_when_blocks_are_frozen() {
    let frozen = |step, blocks: &[u32]| {
        Record::from(record!(Frozen { step, blocks: blocks.to_vec().into() }))
    };
    let mut records = vec![step(0), frozen(1, &[0, 2]), step(1), frozen(3, &[2]), step(3)];
    let root = written(&records, 3);
    let sentence = "1 since step 1, of 3 blocks";
    frozen_since(root.path(), &[None, None, Some(Some(1))], Some(sentence));
    records.push(resume(2));
    let root = written(&records, 3);
    let sentence = "2 since step 1, of 3 blocks";
    frozen_since(root.path(), &[Some(Some(1)), None, Some(Some(1))], Some(sentence));
    records.extend([step(2), frozen(3, &[])]);
    let root = written(&records, 3);
    frozen_since(root.path(), &[None; 3], None);
}

/// A plane along the first and third component, with a snapshot of which no loss came out.
fn along_components_1_and_3() -> [Record; 3] {
    let axis = |k: u64, label: &str| {
        let kind = AxisKind::Pca;
        let (first, spacing, direction_norm) = (-1, 1.0, 2.0);
        record!(Axis {
            label: label.into(),
            kind,
            first,
            count: 3,
            spacing,
            direction_norm,
            component: Some(k)
        })
    };
    let (x, y) = (axis(1, "PC 1"), Some(axis(3, "the third")));
    let slice = record!(Slice { slice: 0, name: "pca".into(), x, y, centre_norm: 4.0 });
    let losses: Vec<f64> = (0..9).map(f64::from).collect();
    let nodes = record!(Nodes { slice: 0, index: (0..9).collect(), loss: losses.into() });
    let path = record!(Trajectory {
        slice: Some(0),
        snapshots: vec![0, 1, 2, 3].into(),
        epochs: vec![0.0, 1.0, 2.0, 3.0].into(),
        x: vec![-1.0, -0.5, 0.0, 0.5].into(),
        y: vec![0.0, 1.0, 0.5, 0.0].into(),
        out_of_plane: vec![1.0; 4].into(),
        out_of_plane_share: vec![f64::NAN, 0.5, 0.25, 0.125].into(),
        loss: vec![f64::NAN, 3.0, 2.0, 1.0].into(),
        loss_on_plane: vec![5.0, 2.5, 2.25, 1.0].into(),
        explained: vec![0.5, 0.25, 0.125, 0.0625].into(),
        random_walk: vec![0.5, 0.25, 0.25, 0.0].into(),
    });
    [slice.into(), nodes.into(), path.into()]
}

#[test]
fn all_name_the_components_of_a_slice_and_the_worst_gap_that_is_a_number() {
    let sentences = [
        "PC 1+3 explain 62.5 % of 4 snapshots' variance; a random walk of 4 would give 75.0 %.",
        "snapshot 1 lies farthest out of the plane, by 50.0 % of its squared distance",
        "Snapshot 1 has the loss 3.000; at the point where it is drawn the loss is 2.500.",
    ];
    let records = [&[step(0)][..], &along_components_1_and_3()].concat();
    let root = written(&records, 1);
    let told = |whole: &str| {
        sentences.iter().for_each(|it| assert!(whole.contains(it), "{it} is not in {whole}"));
        assert!(!whole.contains("PC 1+2"), "{whole}");
    };
    let run = burnscape_tui::read_run(&root.path().join("run")).unwrap();
    let landscape = run.landscapes().get(0).unwrap();
    let path = landscape.trajectory().unwrap();
    let caveats = burnscape_run::caveats_of_path(landscape.slice(), path);
    told(&caveats.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    let frame = burnscape(
        root.path(),
        &["watch", "run", "--once", "--view", "landscape", "--size", "200x60"],
    );
    assert!(frame.contains("62.5 %") && frame.contains("snapshot 1"), "{frame}");
    burnscape(root.path(), &["report", "run", "--output", "page.html"]);
    told(&fs::read_to_string(root.path().join("page.html")).unwrap());
    burnscape(root.path(), &["export", "run", "--format", "json", "--output", "run.json"]);
    let json: Value =
        serde_json::from_slice(&fs::read(root.path().join("run.json")).unwrap()).unwrap();
    let slice = &json["slices"][0];
    assert_eq!(
        (&slice["info"]["x"]["component"], &slice["info"]["y"]["component"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(slice["trajectory"]["loss"], json!(["NaN", 3.0, 2.0, 1.0]));
    tables_name_the_components(root.path());
    figures_name_the_components(root.path());
}

fn tables_name_the_components(root: &Path) {
    burnscape(root, &["export", "run", "--format", "csv", "--output", "tables"]);
    let table = |name: &str| {
        let table = fs::read_to_string(root.join("tables").join(name)).unwrap();
        let rows = table.lines().map(|line| line.split(',').map(str::to_owned).collect());
        rows.collect::<Vec<Vec<String>>>()
    };
    let slices = table("slices.csv");
    let cell = |name: &str| {
        let column = slices[0].iter().position(|it| it == name).unwrap();
        slices[1][column].as_str()
    };
    assert_eq!((cell("x_component"), cell("y_component")), ("1", "3"));
    let path = table("trajectory.csv");
    let losses = path[0].iter().position(|it| it == "loss").unwrap();
    let told: Vec<&str> = path[1..].iter().map(|row| row[losses].as_str()).collect();
    assert_eq!(told, ["NaN", "3.0", "2.0", "1.0"]);
}

/// Figures are checked by what their texts say: names may be broken into lines.
fn figures_name_the_components(root: &Path) {
    burnscape(root, &["export", "run", "--format", "svg", "--output", "figures"]);
    for figure in ["contour", "surface", "trajectory"] {
        let file = root.join("figures").join(format!("{figure}-slice0.svg"));
        let svg = fs::read_to_string(file).unwrap();
        let texts: Vec<&str> = svg
            .split("<text")
            .skip(1)
            .filter_map(|it| it.split_once('>')?.1.split_once('<'))
            .map(|(text, _)| text)
            .collect();
        let texts = texts.join(" ");
        assert!(texts.contains("PC 1") && texts.contains("PC 3"), "{figure}: {texts}");
        assert!(!texts.contains("PC 2"), "{figure}: {texts}");
    }
}
