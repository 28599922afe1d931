//! How values are spread over training: histograms in octaves, a series per block or tap.

use std::collections::BTreeMap;

use burnscape_trace::Histogram;
use serde_json::{Value, json};

use crate::run::Run;

/// Counts of all histograms of a page together, about.
const ALL_COUNTS: usize = 200_000;
/// Counts of one histogram, about: two for each octave of usual values.
const COUNTS: usize = 50;
/// Moments of a series at most, and at least: its first and its last.
const MOMENTS: usize = 60;
/// Series that are shown; the exports have all.
const MAX_SERIES: usize = 800;

/// What the values are of, and whose they are.
type Key<'a> = (&'a str, Option<u32>, Option<&'a str>);

pub(super) fn of_run(run: &Run, runs: usize) -> Value {
    let mut series: BTreeMap<Key<'_>, Vec<&Histogram>> = BTreeMap::new();
    for taken in &run.history.histograms {
        let key = (taken.of.as_str(), taken.block, taken.tap.as_deref());
        series.entry(key).or_default().push(taken);
    }
    let shown = series.len().clamp(1, MAX_SERIES);
    let moments = (ALL_COUNTS / COUNTS / runs.max(1) / shown).clamp(2, MOMENTS);
    let told =
        series.iter().take(MAX_SERIES).map(|(key, taken)| of_series(*key, taken, moments, run));
    json!({
        "series": told.collect::<Vec<_>>(),
        "left_out": series.len().saturating_sub(MAX_SERIES),
    })
}

fn of_series(key: Key<'_>, taken: &[&Histogram], moments: usize, run: &Run) -> Value {
    let (of, block, tap) = key;
    let name = match (block, tap) {
        (Some(block), _) => run.block_name(block as usize),
        (None, tap) => tap.unwrap_or_default().to_owned(),
    };
    let shown = moments.min(taken.len());
    // Evenly, the first and the last among them.
    let place = |moment: usize| moment * (taken.len() - 1) / shown.saturating_sub(1).max(1);
    let told = |moment: usize| {
        let it = taken[if shown == 1 { taken.len() - 1 } else { place(moment) }];
        json!({
            "step": it.step,
            "first": it.first_exponent,
            "positive": it.positive.0,
            "negative": it.negative.0,
            "zeros": it.zeros,
            "non_finite": it.non_finite,
        })
    };
    json!({
        "of": of,
        "name": name,
        "taken": taken.len(),
        "moments": (0..shown).map(told).collect::<Vec<_>>(),
    })
}
