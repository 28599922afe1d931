//! What of a run a page shows, as JSON.

use std::collections::BTreeMap;

use burnscape_run::{OWN, caveats_of_checks};
use burnscape_trace::columns::{
    DISTANCE, GRAD_CV, GRAD_MAX, GRAD_NON_FINITE, GRAD_NORM, Quotient, UPDATE_NORM,
    WEIGHT_NON_FINITE, WEIGHT_NORM,
};
use burnscape_trace::{Activation, Step};
use serde_json::{Value, json};

use super::numbers::{curve, short};
use super::{compared, histograms, planes, sharpness, summary};
use crate::Error;
use crate::curves::{Curve, Curves};
use crate::heat::{Cell, Heat};
use crate::run::Run;
use crate::thin::Thinner;

/// Points of all curves of a page together, and of one.
const ALL_POINTS: usize = 160_000;
const POINTS: usize = 2000;
const FEWEST_POINTS: usize = 40;
/// Columns of a heat map.
const COLUMNS: usize = 200;
/// Values of a heat map; blocks beyond are left to the exports, and that is said.
const MAX_BLOCKS: usize = 400;
/// Alerts that are listed.
const MAX_ALERTS: usize = 200;
/// Quantities of blocks that have a chart: what each is, and what it tells.
const CHARTS: [(&str, &str, &str); 10] = [
    (GRAD_NORM, "Gradient norm ‖g‖", "as the optimizer received it"),
    (Quotient::UpdateRatio.name(), "Update over weight ‖u‖/‖θ‖", "about a thousandth is usual"),
    (WEIGHT_NORM, "Weight norm ‖θ‖", "before each update"),
    (UPDATE_NORM, "Update norm ‖u‖", "how far a step went"),
    (
        Quotient::SignalToNoise.name(),
        "Gradient signal-to-noise ratio",
        "‖E g‖² over the variance of g: below 1, batches disagree on the direction",
    ),
    (
        Quotient::UpdateCosine.name(),
        "Cosine of successive updates",
        "1: straight on; 0: across; below 0: back and forth",
    ),
    (DISTANCE, "Distance from the start", "‖θ − θ₀‖ after each update"),
    (GRAD_MAX, "Largest gradient entry max|g|", "one entry far above the rest points at a unit"),
    (GRAD_NON_FINITE, "Gradient entries that are NaN or infinite", "0 is what they should be"),
    (WEIGHT_NON_FINITE, "Weights that are NaN or infinite", "0 is what they should be"),
];
/// Quantities that are parts of others, or counts that alerts tell.
const UNCHARTED: [&str; 5] =
    ["grad_signal", "grad_power", "update_dot", "previous_update_norm", GRAD_CV];

/// A quantity of activations: its title, and where it lies.
type Quantity = (&'static str, fn(&Activation) -> f64);

/// A run among `runs`, by the name that tells it from the others.
pub(super) fn of_run(run: &Run, name: &str, runs: usize) -> Result<Value, Error> {
    let charts = (CHARTS.len() * run.history.steps.widest().min(MAX_BLOCKS) + 2) * runs;
    let wanted = (ALL_POINTS / charts).clamp(FEWEST_POINTS, POINTS);
    let mut heat = Heat::begin(run, GRAD_NORM, MAX_BLOCKS, COLUMNS);
    let of_heat = |step: &Step| heat.iter_mut().for_each(|it| it.take_step(step, GRAD_NORM));
    let curves = Curves::of(run, wanted, of_heat)?;
    let history = &run.history;
    Ok(json!({
        "name": name,
        "summary": summary::of_run(run),
        "facts": summary::facts(run),
        "settings": history.hyperparameters,
        "lost": run.lost,
        "notes": history.notes.iter().map(|note| note.text.clone()).collect::<Vec<_>>(),
        "failed_checks": failed_checks(run),
        "loss": curve(&curves.loss),
        "lr": curve(&curves.lr),
        "epochs": epochs(run),
        "metrics": metrics(run, POINTS / runs.max(1), |split| split != OWN),
        "own": metrics(run, POINTS / runs.max(1), |split| split == OWN),
        "heat": heat.map(|heat| heat_of_blocks(run, &heat)),
        "charts": charts_of_blocks(run, &curves),
        "taps": taps(run, wanted),
        "histograms": histograms::of_run(run, runs),
        "alerts": alerts(run),
        "alert_count": history.alerts.len(),
        "curvature": sharpness::of_run(run),
        "slices": planes::of_run(run),
        "pairs": planes::pairs(run),
        "compared": compared::of_run(run),
    }))
}

fn failed_checks(run: &Run) -> Vec<String> {
    caveats_of_checks(&run.history.checks).map(|caveat| caveat.to_string()).collect()
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
        let mut points = Thinner::new(wanted.max(FEWEST_POINTS));
        series.rows.iter().for_each(|row| points.push(row.step as f64, row.value));
        told.push(json!({
            "name": name,
            "split": series.split,
            "metric": series.name,
            "curve": curve(&points.finish()),
        }));
    }
    Value::Array(told)
}

fn heat_of_blocks(run: &Run, heat: &Heat) -> Value {
    let first: Vec<u64> = (0..=heat.columns).map(|column| heat.first_of(column)).collect();
    let row = |row: &Vec<Option<Cell>>| -> (Value, Value) {
        let value = |cell: &Option<Cell>| cell.map_or(Value::Null, |cell| short(cell.value));
        let at = |(cell, first): (&Option<Cell>, &u64)| cell.map_or(0, |cell| cell.step - first);
        (row.iter().map(value).collect(), row.iter().zip(&first).map(at).collect())
    };
    let (rows, at): (Vec<_>, Vec<_>) = heat.rows.iter().map(row).unzip();
    json!({
        "names": (0..heat.rows.len()).map(|block| run.block_name(block)).collect::<Vec<_>>(),
        // The first step of each column, and one behind the last.
        "first": first,
        "rows": rows,
        // Which step of its column had the value.
        "at": at,
        "left_out": run.history.steps.widest().saturating_sub(MAX_BLOCKS),
    })
}

fn charts_of_blocks(run: &Run, curves: &Curves) -> Vec<Value> {
    let known = CHARTS.iter().copied();
    let is_known = |name: &str| UNCHARTED.contains(&name) || CHARTS.iter().any(|it| it.0 == name);
    let others = curves.blocks.keys().filter(|name| !is_known(name));
    let others = others.map(|name| (name.as_str(), name.as_str(), "as it was recorded"));
    let chart = |(quantity, title, words): (&str, &str, &str)| {
        let blocks: &Vec<Curve> = curves.blocks.get(quantity)?;
        let told = |(block, points): (usize, &Curve)| json!({ "name": run.block_name(block), "curve": curve(points) });
        let measured = blocks.iter().enumerate().filter(|(_, points)| !points.is_empty());
        let lines: Vec<Value> = measured.take(MAX_BLOCKS).map(told).collect();
        (!lines.is_empty()).then(|| {
            json!({
                "quantity": quantity,
                "title": title,
                "words": words,
                "all": curves.all.get(quantity).map(|points| curve(points)),
                "lines": lines,
            })
        })
    };
    known.chain(others).filter_map(chart).collect()
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
