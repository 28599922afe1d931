//! How curved the loss was: eigenvalues over training, their density, blocks and further measures.

use burnscape_run::stability_bound;
use burnscape_trace::{Curvature, Density, Measure};
use serde_json::{Value, json};

use super::numbers::{all, short};
use crate::run::Run;

/// Densities that are shown, from the last one back.
const MAX_DENSITIES: usize = 12;

pub(super) fn of_run(run: &Run) -> Value {
    let measured = &run.history.curvature;
    let each = |of: fn(&Curvature) -> f64| all(measured.iter().map(of));
    json!({
        "x": measured.iter().map(|it| it.step).collect::<Vec<_>>(),
        "largest": each(|it| it.largest.first().copied().unwrap_or(f64::NAN)),
        "error": each(|it| it.largest_error.first().copied().unwrap_or(f64::NAN)),
        "smallest": each(|it| it.smallest.first().copied().unwrap_or(f64::NAN)),
        "trace": each(|it| it.trace.unwrap_or(f64::NAN)),
        // From here on a step overshoots.
        "limit": each(stability_bound),
        "words": measured.last().map(|it| it.sentences.clone()).unwrap_or_default(),
        "densities": densities(measured),
        "blocks": blocks(run),
        "measures": measured.iter().rev().find(|it| !it.measures.is_empty()).map(measures),
    })
}

fn densities(measured: &[Curvature]) -> Vec<Value> {
    let spread = measured.iter().filter_map(|it| Some((it.step, it.density.as_ref()?)));
    let spread: Vec<(u64, &Density)> = spread.collect();
    let told = |(step, density): &(u64, &Density)| {
        json!({
            "step": step,
            "x": all(density.eigenvalue.iter().copied()),
            "y": all(density.density.iter().copied()),
            "error": all(density.stderr.iter().copied()),
            "width": short(density.width),
        })
    };
    spread[spread.len().saturating_sub(MAX_DENSITIES)..].iter().map(told).collect()
}

/// The largest eigenvalue of each block, as last measured.
fn blocks(run: &Run) -> Value {
    let mut measured = run.history.curvature.iter().rev();
    let Some(last) = measured.find(|it| !it.block_largest.is_empty()) else { return Value::Null };
    let names = (0..last.block_largest.len()).map(|block| run.block_name(block));
    json!({
        "step": last.step,
        "names": names.collect::<Vec<_>>(),
        "largest": all(last.block_largest.iter().copied()),
        "error": all(last.block_largest_error.iter().copied()),
    })
}

fn measures(measured: &Curvature) -> Value {
    let told = |it: &Measure| {
        json!({
            "name": it.name,
            "value": short(it.value),
            "error": it.error.map(short),
            "radius": it.radius.map(short),
            "meaning": it.meaning,
        })
    };
    json!({ "step": measured.step, "list": measured.measures.iter().map(told).collect::<Vec<_>>() })
}
