//! What of a run a page shows, as JSON.

use std::collections::BTreeMap;
use std::ops::Range;

use burnscape_landscape::words as honest;
use burnscape_run::OWN;
use burnscape_trace::columns::{GRAD_NORM, UPDATE_NORM, WEIGHT_NORM};
use burnscape_trace::{Activation, Axis, Trajectory};
use serde_json::{Value, json};

use super::caveats;
use super::numbers::{all, curve, short};
use crate::Error;
use crate::curves::{Curve, Curves, UPDATE_RATIO};
use crate::heat::{Cell, Heat};
use crate::run::Run;
use crate::slice::Slice;
use crate::thin::Thinner;

/// Points of all curves of a page together, and of one.
const ALL_POINTS: usize = 240_000;
const POINTS: usize = 2000;
const FEWEST_POINTS: usize = 50;
/// Columns of a heat map.
const COLUMNS: usize = 200;
/// Values of a heat map; blocks beyond are left to the exports, and that is said.
const MAX_BLOCKS: usize = 400;
/// Alerts that are listed.
const MAX_ALERTS: usize = 200;
/// Quantities of blocks that have a chart.
const CHARTS: [(&str, &str); 4] = [
    (GRAD_NORM, "Gradient norm ‖g‖"),
    (UPDATE_RATIO, "Update over weight ‖u‖/‖θ‖"),
    (WEIGHT_NORM, "Weight norm ‖θ‖"),
    (UPDATE_NORM, "Update norm ‖u‖"),
];

/// A quantity of activations: its title, and where it lies.
type Quantity = (&'static str, fn(&Activation) -> f64);

/// A run among `runs`.
pub(super) fn of_run(run: &Run, runs: usize) -> Result<Value, Error> {
    let charts = (CHARTS.len() * run.history.steps.widest().min(MAX_BLOCKS) + 2) * runs;
    let wanted = (ALL_POINTS / charts).clamp(FEWEST_POINTS, POINTS);
    let curves = Curves::of(run, wanted)?;
    let history = &run.history;
    Ok(json!({
        "name": run.name(),
        "facts": facts(run),
        "lost": run.lost,
        "notes": history.notes.iter().map(|note| note.text.clone()).collect::<Vec<_>>(),
        "failed_checks": failed_checks(run),
        "loss": curve(&curves.loss),
        "lr": curve(&curves.lr),
        "epochs": epochs(run),
        "metrics": metrics(run, wanted, |split| split != OWN),
        "own": metrics(run, wanted, |split| split == OWN),
        "heat": heat(run)?,
        "charts": charts_of_blocks(run, &curves),
        "taps": taps(run, wanted),
        "alerts": alerts(run),
        "alert_count": history.alerts.len(),
        "curvature": curvature(run),
        "slices": run.slices.values().filter(|it| !run.only_compares(it)).map(|it| slice(it, run)).collect::<Vec<_>>(),
        "pairs": pairs(run),
    }))
}

fn facts(run: &Run) -> Value {
    let (head, history, standing) = (&run.head, &run.history, &run.standing);
    let mut facts = vec![
        ("run", head.run_id.clone()),
        ("steps", standing.steps().to_string()),
        ("epochs", standing.epochs().to_string()),
        ("parameter blocks", head.blocks.len().to_string()),
        ("snapshots", standing.snapshots().to_string()),
        ("device", head.device.clone()),
        ("element type", head.dtype.clone()),
        ("seed of directions", head.seed.to_string()),
        ("burnscape", head.burnscape_version.clone()),
        ("burn", head.burn_version.clone()),
    ];
    facts.extend(history.freezing(head).sentence().map(|blocks| ("frozen", blocks)));
    let ended = standing.end().map_or("not yet, or killed", |end| &end.reason);
    facts.push(("ended", ended.to_owned()));
    if standing.dropped() > 0 {
        facts.push(("step records dropped", standing.dropped().to_string()));
    }
    if standing.resumes() > 0 {
        facts.push(("resumed", format!("{} times", standing.resumes())));
    }
    let set = history.hyperparameters.iter();
    let set = set.map(|(name, value)| (format!("set: {name}"), value.clone()));
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(set);
    json!(facts.collect::<Vec<_>>())
}

fn failed_checks(run: &Run) -> Vec<String> {
    let failed = run.history.checks.iter().filter(|check| !check.passed);
    failed.map(|check| format!("Check {} failed: {}", check.name, check.detail)).collect()
}

fn epochs(run: &Run) -> Value {
    let epochs = &run.history.epochs;
    let losses = |of: fn(&burnscape_trace::Epoch) -> Option<f64>| -> Value {
        epochs.iter().map(|epoch| of(epoch).map_or(Value::Null, short)).collect()
    };
    json!({
        "x": epochs.iter().map(|epoch| epoch.steps).collect::<Vec<_>>(),
        "epoch": epochs.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(),
        "train": losses(|epoch| epoch.train_loss),
        "valid": losses(|epoch| epoch.valid_loss),
        "by": epochs.last().and_then(burnscape_trace::Epoch::weighting),
    })
}

/// Named curves: thinned, and in the order of their names.
fn named(points: impl Iterator<Item = (String, f64, f64)>, wanted: usize) -> Value {
    let mut curves: BTreeMap<String, Thinner> = BTreeMap::new();
    for (name, x, y) in points {
        curves.entry(name).or_insert_with(|| Thinner::new(wanted)).push(x, y);
    }
    let told = curves
        .iter()
        .map(|(name, points)| json!({ "name": name, "curve": curve(&points.finish()) }));
    told.collect()
}

/// The metrics of some splits; those of the program's own are called by their names alone.
fn metrics(run: &Run, wanted: usize, is_asked: impl Fn(&str) -> bool) -> Value {
    let mut told = Vec::new();
    for series in run.history.metrics.series().iter().filter(|series| is_asked(series.split)) {
        let name = match series.split {
            OWN => series.name.to_owned(),
            split => format!("{split} {}", series.name),
        };
        let mut points = Thinner::new(wanted);
        series.rows.iter().for_each(|row| points.push(row.step as f64, row.value));
        told.push(json!({ "name": name, "curve": curve(&points.finish()) }));
    }
    Value::Array(told)
}

fn heat(run: &Run) -> Result<Value, Error> {
    let Some(heat) = Heat::of(run, GRAD_NORM, MAX_BLOCKS, COLUMNS)? else { return Ok(Value::Null) };
    let first: Vec<u64> = (0..=heat.columns).map(|column| heat.first_of(column)).collect();
    let row = |row: &Vec<Option<Cell>>| -> (Value, Value) {
        let value = |cell: &Option<Cell>| cell.map_or(Value::Null, |cell| short(cell.value));
        let at = |(cell, first): (&Option<Cell>, &u64)| cell.map_or(0, |cell| cell.step - first);
        (row.iter().map(value).collect(), row.iter().zip(&first).map(at).collect())
    };
    let (rows, at): (Vec<_>, Vec<_>) = heat.rows.iter().map(row).unzip();
    Ok(json!({
        "names": (0..heat.rows.len()).map(|block| run.block_name(block)).collect::<Vec<_>>(),
        // The first step of each column, and one behind the last.
        "first": first,
        "rows": rows,
        // Which step of its column had the value.
        "at": at,
        "left_out": run.history.steps.widest().saturating_sub(MAX_BLOCKS),
    }))
}

fn charts_of_blocks(run: &Run, curves: &Curves) -> Vec<Value> {
    let chart = |(quantity, title): &(&str, &str)| {
        let blocks: &Vec<Curve> = curves.blocks.get(*quantity)?;
        let told = |(block, points): (usize, &Curve)| json!({ "name": run.block_name(block), "curve": curve(points) });
        let measured = blocks.iter().enumerate().filter(|(_, points)| !points.is_empty());
        let lines: Vec<Value> = measured.take(MAX_BLOCKS).map(told).collect();
        (!lines.is_empty()).then(|| json!({ "quantity": quantity, "title": title, "lines": lines }))
    };
    CHARTS.iter().filter_map(chart).collect()
}

fn taps(run: &Run, wanted: usize) -> Vec<Value> {
    let quantities: [Quantity; 4] = [
        ("Activations: root mean square", |seen| seen.rms),
        ("Activations: share of exact zeros", |seen| seen.zero_share),
        ("Activations: saturated share", |seen| seen.saturated_share),
        ("Activations: drift from the first window", |seen| seen.drift),
    ];
    if run.history.activations.is_empty() {
        return Vec::new();
    }
    let wanted = (wanted / quantities.len()).max(FEWEST_POINTS);
    let told = quantities.map(|(title, of)| {
        let seen = run.history.activations.iter();
        let points = seen.map(|seen| (seen.tap.clone(), seen.step as f64, of(seen)));
        json!({ "title": title, "lines": named(points, wanted) })
    });
    told.into()
}

fn alerts(run: &Run) -> Vec<Value> {
    let told = |alert: &burnscape_trace::Alert| {
        let block = alert.block.map(|block| run.block_name(block as usize));
        json!({
            "step": alert.step,
            "level": alert.level,
            "rule": alert.rule,
            "place": block.or_else(|| alert.tap.clone()),
            "text": alert.text,
            "advice": alert.advice,
        })
    };
    run.history.alerts.iter().take(MAX_ALERTS).map(told).collect()
}

fn curvature(run: &Run) -> Value {
    let measured = &run.history.curvature;
    let each = |of: fn(&burnscape_trace::Curvature) -> f64| all(measured.iter().map(of));
    json!({
        "x": measured.iter().map(|it| it.step).collect::<Vec<_>>(),
        "largest": each(|it| it.largest.first().copied().unwrap_or(f64::NAN)),
        "error": each(|it| it.largest_error.first().copied().unwrap_or(f64::NAN)),
        "smallest": each(|it| it.smallest.first().copied().unwrap_or(f64::NAN)),
        "trace": each(|it| it.trace.unwrap_or(f64::NAN)),
        // From here on a step overshoots; 2 is the limit of gradient descent.
        "limit": each(|it| it.stability_limit.unwrap_or(2.0) / it.lr),
        "words": measured.last().map(|it| it.sentences.clone()).unwrap_or_default(),
    })
}

fn slice(slice: &Slice, run: &Run) -> Value {
    let (record, surface) = (&slice.record, &slice.surface);
    let grid = surface.grid();
    let losses: Value =
        (0..grid.len()).map(|node| surface.loss(node).map_or(Value::Null, short)).collect();
    let path = slice.trajectory.as_ref().map(|path| of_path(path, run));
    json!({
        "slice": record.slice,
        "name": record.name,
        "centre": record.centre,
        "x": all(grid.x().values()),
        "y": grid.y().map(|y| all(y.values())),
        "x_name": axis_name("α", &record.x),
        "y_name": record.y.as_ref().map(|y| axis_name("β", y)),
        "loss": losses,
        "state": surface.states().iter().map(|state| *state as u8).collect::<Vec<_>>(),
        "path": path,
        "words": caveats::of_slice(slice, run),
    })
}

fn of_path(path: &Trajectory, run: &Run) -> Value {
    let runs = path.runs();
    let name = |number: usize| run.history.runs.get(number).map_or("", |run| run.name.as_str());
    // Nothing more where there is one run, as nearly always.
    let several = (runs.len() > 1).then(|| {
        let of_run = |(number, run): (usize, &Range<usize>)| {
            json!({ "name": name(number), "from": run.start, "to": run.end })
        };
        runs.iter().enumerate().map(of_run).collect::<Vec<_>>()
    });
    json!({
        "x": all(path.x.iter().copied()),
        "y": all(path.y.iter().copied()),
        "loss": all(path.loss.iter().copied()),
        "snapshots": path.snapshots.0,
        "runs": several,
    })
}

fn axis_name(symbol: &str, axis: &Axis) -> String {
    let share = axis.explained.map(|share| format!(", {} of variance", honest::percent(share)));
    let (label, length) = (&axis.label, honest::number(axis.direction_norm));
    format!("{symbol}: {label} (‖d‖ = {length}{})", share.unwrap_or_default())
}

/// The same random directions around two models, to be drawn on one scale.
fn pairs(run: &Run) -> Vec<Value> {
    let pairs = run.studies.values().filter(|study| study.kind == "initial-and-trained");
    let told = |study: &burnscape_trace::Study| {
        json!({
            "slices": study.slices,
            "low": study.lowest.map(short),
            "high": study.highest.map(short),
            "words": study.sentences,
        })
    };
    pairs.map(told).collect()
}
