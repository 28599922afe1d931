//! The data of a page: every point is one of the records, and no first, last, lowest, highest or lost one is left out.

use std::collections::{BTreeMap, BTreeSet};

use burnscape_trace::{Step, columns};
use serde_json::Value;

use super::expected::{Expected, Node, Surface};

/// Points (x, y) in the order of the records.
type Points = Vec<(u64, f64)>;

/// Holds one run of a page's data against what the records say.
pub fn check(told: &Value, expected: &Expected, place: &str) {
    let steps = &expected.steps;
    let losses = steps.iter().filter_map(|it| Some((it.step, it.loss?)));
    thinned(&told["loss"], &losses.collect(), place);
    thinned(&told["lr"], &steps.iter().map(|it| (it.step, it.lr)).collect(), place);
    epochs(&told["epochs"], expected, place);
    metrics(&told["metrics"], expected, place);
    taps(&told["taps"], expected, place);
    heat(&told["heat"], expected, place);
    for name in expected.columns() {
        blocks(told, name, expected, place);
    }
    let slices = told["slices"].as_array().unwrap();
    assert_eq!(slices.len(), expected.slices.len(), "{place}");
    for (slice, surface) in slices.iter().zip(&expected.slices) {
        surfaces(slice, surface, place);
    }
    let titles: BTreeSet<&str> = slices.iter().filter_map(|it| it["title"].as_str()).collect();
    assert_eq!(titles.len(), slices.len(), "{place}: {titles:?}");
}

/// Seven digits, as a page has them, in which NaN equals NaN and -0 is 0; null is no value.
fn key(value: f64) -> String {
    let single = value as f32 + 0.0;
    let is_single = single.is_finite() && (single != 0.0 || value == 0.0);
    if is_single { format!("{single:e}") } else { format!("{value:.9e}") }
}

fn told_key(told: &Value) -> Option<String> {
    match told {
        Value::Null => None,
        Value::String(word) => Some(key(word.parse().unwrap())),
        number => Some(key(number.as_f64().unwrap())),
    }
}

fn told_keys(told: &Value) -> Vec<Option<String>> {
    told.as_array().unwrap().iter().map(told_key).collect()
}

fn keys(values: impl IntoIterator<Item = f64>) -> Vec<Option<String>> {
    values.into_iter().map(|value| Some(key(value))).collect()
}

fn told_points(curve: &Value) -> Vec<(u64, String)> {
    let x = curve["x"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap());
    x.zip(told_keys(&curve["y"]).into_iter().flatten()).collect()
}

/// A curve has all points, or of many those that a chart must not lose, and never one that was not recorded.
fn thinned(curve: &Value, recorded: &Points, place: &str) {
    let all: Vec<_> = recorded.iter().map(|&(x, y)| (x, key(y))).collect();
    let told = told_points(curve);
    let mut rest = all.iter();
    let is_recorded = told.iter().all(|point| rest.any(|it| it == point));
    assert!(is_recorded, "{place}: {told:?} are not among {all:?}");
    assert_eq!((told.first(), told.last()), (all.first(), all.last()), "{place}");
    let has = |y: f64| assert!(told.iter().any(|point| point.1 == key(y)), "{place}: {y} is lost");
    let finite = || recorded.iter().map(|point| point.1).filter(|y| y.is_finite());
    finite().reduce(f64::min).into_iter().for_each(has);
    finite().reduce(f64::max).into_iter().for_each(has);
    let holes = |points: &[(u64, String)]| points.iter().any(|it| it.1.contains(['N', 'i']));
    assert_eq!(holes(&told), holes(&all), "{place}");
}

fn epochs(told: &Value, expected: &Expected, place: &str) {
    let epochs = &expected.epochs;
    let steps: Vec<u64> = epochs.iter().map(|it| it.steps).collect();
    assert_eq!(told["x"], serde_json::json!(steps), "{place}");
    let losses: Vec<_> = epochs.iter().map(|it| it.valid_loss.map(key)).collect();
    assert_eq!(told_keys(&told["valid"]), losses, "{place}");
    let losses: Vec<_> = epochs.iter().map(|it| it.train_loss.map(key)).collect();
    assert_eq!(told_keys(&told["train"]), losses, "{place}");
}

fn metrics(told: &Value, expected: &Expected, place: &str) {
    let mut recorded: BTreeMap<String, Points> = BTreeMap::new();
    for metric in &expected.metrics {
        let name = format!("{} {}", metric.split, metric.name);
        recorded.entry(name).or_default().push((metric.step, metric.value));
    }
    named(told, &recorded, place);
}

fn taps(told: &Value, expected: &Expected, place: &str) {
    for chart in told.as_array().unwrap() {
        let title = chart["title"].as_str().unwrap();
        let mut recorded: BTreeMap<String, Points> = BTreeMap::new();
        for seen in &expected.activations {
            let value = match title {
                "Activations: root mean square" => seen.rms,
                "Activations: share of exact zeros" => seen.zero_share,
                "Activations: saturated share" => seen.saturated_share,
                "Activations: drift from the first window" => seen.drift,
                other => panic!("{other}"),
            };
            recorded.entry(seen.tap.clone()).or_default().push((seen.step, value));
        }
        named(&chart["lines"], &recorded, place);
    }
}

fn named(told: &Value, recorded: &BTreeMap<String, Points>, place: &str) {
    let told = told.as_array().unwrap();
    let curves: BTreeMap<_, _> =
        told.iter().map(|it| (it["name"].as_str().unwrap(), &it["curve"])).collect();
    assert_eq!((curves.len(), told.len()), (recorded.len(), recorded.len()), "{place}");
    for (name, points) in recorded {
        thinned(curves[name.as_str()], points, &format!("{place}: {name}"));
    }
}

/// The value of a block, unless its gradient was missing in that step.
fn value(step: &Step, name: &str, block: usize) -> Option<f64> {
    let counts = !(columns::is_of_gradient(name) && step.missing.contains(&(block as u32)));
    let value = step.columns.get(name)?.get(block)?;
    counts.then_some(f64::from(*value))
}

fn points(expected: &Expected, name: &str, block: usize) -> Points {
    let steps = expected.steps.iter();
    steps.filter_map(|step| Some((step.step, value(step, name, block)?))).collect()
}

fn blocks(told: &Value, name: &str, expected: &Expected, place: &str) {
    let charts = told["charts"].as_array().unwrap();
    let chart = charts.iter().find(|it| it["quantity"] == *name);
    let mut lines = chart.map_or(&[][..], |it| it["lines"].as_array().unwrap()).iter();
    for (block, path) in expected.blocks.iter().enumerate() {
        let points = points(expected, name, block);
        if points.is_empty() {
            continue;
        }
        let line = lines.next().unwrap();
        assert_eq!(line["name"], **path, "{place}");
        thinned(&line["curve"], &points, &format!("{place}: {name} of {path}"));
    }
    assert!(lines.next().is_none(), "{place}");
}

/// Each cell is the largest norm of its stretch of steps, with the step that had it.
fn heat(told: &Value, expected: &Expected, place: &str) {
    let measured = expected.steps.iter().filter(|it| it.columns.contains_key("grad_norm"));
    let steps: Vec<&Step> = measured.collect();
    if steps.is_empty() {
        assert!(told.is_null(), "{place}");
        return;
    }
    let first: Vec<u64> =
        told["first"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    let (begin, end) = (steps[0].step, steps[steps.len() - 1].step);
    assert_eq!((first[0], first[first.len() - 1]), (begin, end + 1), "{place}");
    assert!(first.is_sorted(), "{place}");
    for (block, path) in expected.blocks.iter().enumerate() {
        assert_eq!(told["names"][block], **path, "{place}");
        for (column, stretch) in first.windows(2).enumerate() {
            let inside = steps.iter().filter(|it| (stretch[0]..stretch[1]).contains(&it.step));
            let values = inside.filter_map(|it| Some((it.step, value(it, "grad_norm", block)?)));
            let cell = largest(values);
            let told_value = told_key(&told["rows"][block][column]);
            assert_eq!(told_value, cell.map(|it| key(it.1)), "{place}: {path}, {stretch:?}");
            let at = told["at"][block][column].as_u64().unwrap();
            assert_eq!(at, cell.map_or(0, |it| it.0 - stretch[0]), "{place}: {path}, {stretch:?}");
        }
    }
}

/// What is not finite is larger than anything; of equals, the first.
fn largest(values: impl Iterator<Item = (u64, f64)> + Clone) -> Option<(u64, f64)> {
    let lost = values.clone().find(|it| !it.1.is_finite());
    lost.or_else(|| values.reduce(|known, it| if it.1 > known.1 { it } else { known }))
}

fn surfaces(told: &Value, surface: &Surface, place: &str) {
    let coordinates = |axis: &burnscape_trace::Axis| {
        keys((0..axis.count as i64).map(|i| (axis.first + i) as f64 * axis.spacing))
    };
    let nodes = |nodes: &[Node]| nodes.iter().map(|node| node.value().map(key)).collect::<Vec<_>>();
    assert_eq!(told["name"], *surface.slice.name, "{place}");
    assert_eq!(told_keys(&told["x"]), coordinates(&surface.slice.x), "{place}");
    match &surface.slice.y {
        Some(y) => assert_eq!(told_keys(&told["y"]), coordinates(y), "{place}"),
        None => assert!(told["y"].is_null(), "{place}"),
    }
    assert_eq!(told_keys(&told["loss"]), nodes(&surface.loss), "{place}");
    let states: Vec<u8> = surface.loss.iter().map(|node| node.state()).collect();
    assert_eq!(told["state"], serde_json::json!(states), "{place}");
    let layers = told["layers"].as_array().unwrap();
    assert_eq!(layers.len(), surface.layers.len(), "{place}");
    for ((told, name), values) in layers.iter().zip(&surface.layer_names).zip(&surface.layers) {
        assert_eq!(told["name"], **name, "{place}");
        assert_eq!(told_keys(&told["values"]), nodes(values), "{place}");
    }
    let Some(path) = &surface.trajectory else { return assert!(told["path"].is_null(), "{place}") };
    for (name, values) in [("x", &path.x), ("y", &path.y), ("loss", &path.loss)] {
        assert_eq!(told_keys(&told["path"][name]), keys(values.iter().copied()), "{place}");
    }
}
