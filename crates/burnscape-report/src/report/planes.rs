//! Planes and lines: their nodes, further layers, and the path of training.

use std::ops::Range;

use burnscape_landscape::surface::Surface;
use burnscape_landscape::words as honest;
use burnscape_run::{Distinct, axis_label, layer_names};
use burnscape_trace::{Axis, StudyKind, Trajectory};
use serde_json::{Value, json};

use super::numbers::{all, short};
use super::{caveats, compared};
use crate::basins;
use crate::run::Run;
use crate::slice::Slice;

/// Those that are drawn: not what only serves to be compared with.
pub(super) fn of_run(run: &Run) -> Vec<Value> {
    let shown = run.slices.values().filter(|slice| !run.only_compares(slice));
    let mut distinct = Distinct::default();
    shown.map(|it| slice(it, &distinct.name(&title(&it.record)), run)).collect()
}

fn title(slice: &burnscape_trace::Slice) -> String {
    let or = |name: &str, other: String| if name.is_empty() { other } else { name.to_owned() };
    let name = or(&slice.name, format!("slice {}", slice.slice));
    format!("{name} around {}", or(&slice.centre, "its centre".to_owned()))
}

fn slice(slice: &Slice, title: &str, run: &Run) -> Value {
    let (record, surface) = (&slice.record, &slice.surface);
    let grid = surface.grid();
    let layers = layer_names(record).into_iter().zip(&record.layers).zip(&slice.layers);
    let layers = layers.map(|((name, layer), values)| {
        json!({ "name": name, "centre": short(layer.centre), "values": nodes(values) })
    });
    json!({
        "slice": record.slice,
        "name": record.name,
        // Which no other slice of the run has.
        "title": title,
        "kind": kind(&record.x, record.y.as_ref()),
        "centre": record.centre,
        "x": all(grid.x().values()),
        "y": grid.y().map(|y| all(y.values())),
        "x_name": axis_name("α", &record.x),
        "y_name": record.y.as_ref().map(|y| axis_name("β", y)),
        // How long the directions are: what one unit of each axis is in the space of the weights.
        "lengths": [
            short(record.x.direction_norm),
            record.y.as_ref().map_or(Value::Null, |y| short(y.direction_norm)),
        ],
        "loss": nodes(surface),
        "state": surface.states().iter().map(|state| *state as u8).collect::<Vec<_>>(),
        "layers": layers.collect::<Vec<_>>(),
        "basins": slice.basins().as_ref().map(basins::of_page),
        "path": slice.trajectory.as_ref().map(|it| path(it, run)),
        "words": caveats::of_slice(slice, run),
    })
}

/// How the directions were made.
fn kind(x: &Axis, y: Option<&Axis>) -> String {
    y.map_or(x.kind.to_string(), |y| format!("{}, {}", x.kind, y.kind))
}

/// Null where nothing was measured.
fn nodes(surface: &Surface) -> Value {
    let value = |node: usize| surface.loss(node).map_or(Value::Null, short);
    (0..surface.grid().len()).map(value).collect()
}

fn path(path: &Trajectory, run: &Run) -> Value {
    let runs = path.runs();
    let is_own = runs.len() == 1;
    let step = |index: &u32| {
        run.snapshots.get(&u64::from(*index)).filter(|_| is_own).map(|snapshot| snapshot.step)
    };
    let name = |number: usize| run.history.runs.get(number).map_or("", |run| run.name.as_str());
    // Nothing more where there is one run, as nearly always.
    let several = (!is_own).then(|| {
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
        "steps": path.snapshots.iter().map(step).collect::<Vec<_>>(),
        "runs": several,
    })
}

fn axis_name(symbol: &str, axis: &Axis) -> String {
    let share = axis.explained.map(|share| format!(", {} of variance", honest::percent(share)));
    let (label, length) = (axis_label(axis), honest::number(axis.direction_norm));
    format!("{symbol}: {label} (‖d‖ = {length}{})", share.unwrap_or_default())
}

/// The same random directions around two models, or the same slice of several runs, to be drawn on one scale.
pub(super) fn pairs(run: &Run) -> Vec<Value> {
    let is_pair = |study: &&burnscape_trace::Study| {
        matches!(study.kind, StudyKind::InitialAndTrained | StudyKind::SideBySide)
    };
    let pairs = run.studies.values().filter(is_pair);
    let told = |study: &burnscape_trace::Study| {
        json!({
            "kind": study.kind.as_str(),
            "slices": study.slices,
            "low": study.lowest.map(short),
            "high": study.highest.map(short),
            "words": study.sentences,
            "table": compared::table(study, run),
        })
    };
    pairs.map(told).collect()
}
