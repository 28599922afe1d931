//! Numbers of a run and of its slices that are compared, and whether curvatures are of the same samples.

use std::collections::BTreeMap;

use burnscape_landscape::topology::MergeTree;
use burnscape_landscape::words;
use burnscape_trace::{Curvature, Study, StudyKind};

use super::candidate::RunBeside;
use super::way::Way;
use crate::{CurvatureHistory, Landscape, Quantity, Run};

/// Numbers of a run, with what they are called in a table.
pub(super) const OF_RUN: [(&str, &str); 5] = [
    ("valid_loss", "validation loss"),
    ("train_loss", "training loss"),
    ("lambda_max", "largest eigenvalue λ_max"),
    ("trace", "trace of the Hessian"),
    ("barrier", "highest barrier told in it"),
];
/// Numbers of a slice.
pub(super) const OF_SLICE: [(&str, &str); 6] = [
    ("convexity", "share of convex nodes"),
    ("doubling_radius", "radius at which the loss doubles"),
    ("largest_curvature", "largest curvature in the slice"),
    ("minima", "minima that count"),
    ("saddles", "saddles between them"),
    ("persistence", "deepest basin beside the lowest"),
];
/// Numbers of a further layer of a slice, with what they are called behind its name.
pub(super) const OF_LAYER: [(&str, &str); 3] = [
    ("centre", "at the centre"),
    ("convexity", "share of convex nodes"),
    ("doubling_radius", "radius at which it doubles"),
];
/// Numbers of [`measures_of`] with short words for them, in the order in which a table shows them.
pub const MEASURES: [(&str, &str); 11] = [
    ("valid_loss", "valid loss"),
    ("train_loss", "train loss"),
    ("lambda_max", "λ_max"),
    ("trace", "trace H"),
    ("convexity", "convex"),
    ("doubling_radius", "doubles at"),
    ("largest_curvature", "curvature"),
    ("minima", "minima"),
    ("saddles", "saddles"),
    ("persistence", "deepest"),
    ("barrier", "barrier"),
];

/// Stands before the names of further measures of sharpness.
pub(super) const SHARPNESS: &str = "sharpness ";
/// What the largest eigenvalue may be off by.
const LAMBDA_ERROR: &str = "lambda_max_error";

/// What is known of a run; what is not is left out.
pub(super) fn of_run(run: &Run) -> BTreeMap<String, f64> {
    let mut numbers = BTreeMap::new();
    let mut tell = |name: &str, value: Option<f64>| {
        numbers.extend(value.map(|value| (name.to_owned(), value)));
    };
    let epoch = run.last_epoch.as_ref();
    tell("train_loss", epoch.and_then(|epoch| epoch.train_loss).or_else(|| run.last_loss()));
    tell("valid_loss", epoch.and_then(|epoch| epoch.valid_loss));
    tell("barrier", barrier(run));
    if let Some(curvature) = curvature(run) {
        tell("lambda_max", curvature.largest.first().copied());
        tell(LAMBDA_ERROR, curvature.largest_error.first().copied());
        tell("trace", curvature.trace);
        for measure in &curvature.measures {
            tell(&format!("{SHARPNESS}{}", measure.name), Some(measure.value));
        }
    }
    numbers
}

/// Numbers of a run and of its first random slice, as far as they are known; [`MEASURES`] has words for them.
#[must_use]
pub fn measures_of(run: &Run) -> BTreeMap<String, f64> {
    let is_random = |it: &&Landscape| Way::of(it.slice()).is_some();
    let slice = run.landscapes().offered().into_iter().find(is_random);
    let mut numbers = of_run(run);
    let of_slice = slice.into_iter().flat_map(of_slice).filter(|(_, value)| !value.is_nan());
    numbers.extend(of_slice.map(|(name, value)| (name.to_owned(), value)));
    numbers
}

/// Of the whole Hessian in the coordinates of the weights.
fn curvature(run: &Run) -> Option<&Curvature> {
    let curvatures = run.curvatures();
    let histories = (0..curvatures.len()).filter_map(|number| curvatures.get(number));
    let is_whole = |it: &&CurvatureHistory| !it.is_preconditioned() && it.blocks().is_empty();
    histories.filter(is_whole).find_map(CurvatureHistory::last)
}

/// The highest of the lines between two models that it tells of, each by the way of treating BatchNorm that keeps it lowest.
fn barrier(run: &Run) -> Option<f64> {
    let studies = run.landscapes().studies().values();
    let lines = studies.filter(|study| study.kind == StudyKind::Barrier);
    let of_line = |study: &Study| {
        let heights = study.measures.get("barrier")?.iter().copied();
        heights.filter(|height| !height.is_nan()).reduce(f64::min)
    };
    lines.filter_map(of_line).reduce(f64::max)
}

/// What is known of a slice; NaN where a measure is undefined.
pub(super) fn of_slice(landscape: &Landscape) -> Vec<(&'static str, f64)> {
    let measures = landscape.measures().unwrap_or_default();
    let tree = landscape.basins();
    let count = |of: fn(&MergeTree) -> usize| tree.map(|tree| of(tree) as f64);
    let deepest = |tree: &MergeTree| {
        tree.counted().filter_map(|(_, basin)| basin.persistence).fold(0.0, f64::max)
    };
    let told = [
        ("convexity", measures.convexity),
        ("doubling_radius", measures.doubling_radius),
        ("largest_curvature", measures.largest_curvature),
        ("minima", count(MergeTree::minima)),
        ("saddles", count(MergeTree::saddles)),
        ("noise", count(|tree| tree.noise() + tree.filled_in())),
        ("persistence", tree.map(deepest)),
    ];
    told.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect()
}

/// What is known of a further layer of a slice; how it is curved only of a loss: of an accuracy that says nothing.
pub(super) fn of_layer(
    landscape: &Landscape,
    layer: Option<&Quantity<'_>>,
) -> Vec<(&'static str, f64)> {
    let grid = layer.map(|layer| layer.surface.grid());
    let centre = grid.and_then(|grid| layer?.surface.loss(grid.centre()));
    let of_loss = layer.filter(|layer| layer.name.ends_with("loss"));
    let measures = of_loss.map(|layer| landscape.measures_of(layer)).unwrap_or_default();
    let told = [
        ("centre", centre),
        ("convexity", measures.convexity),
        ("doubling_radius", measures.doubling_radius),
    ];
    told.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect()
}

/// Takes curvatures away that were measured otherwise than those of most runs, and says so.
pub(super) fn drop_foreign_curvatures(runs: &mut [RunBeside]) -> Vec<String> {
    let ways: Vec<Option<String>> = runs.iter().map(|it| way_of(&it.run)).collect();
    let count = |way: &Option<String>| ways.iter().filter(|other| *other == way).count();
    let known = || ways.iter().filter(|way| way.is_some());
    // Of equally many those of the first run.
    let usual = known().rev().max_by_key(|way| count(way)).cloned().flatten();
    let mut told = Vec::new();
    for (run, way) in runs.iter_mut().zip(&ways) {
        let (Some(way), Some(usual)) = (way, &usual) else { continue };
        if way != usual {
            run.numbers.retain(|name, _| !is_of_curvature(name));
            told.push(format!(
                "{}: its curvature is not compared, which was measured {way}, that of others {usual}.",
                run.name
            ));
        }
    }
    told
}

fn is_of_curvature(name: &str) -> bool {
    ["lambda_max", LAMBDA_ERROR, "trace"].contains(&name) || name.starts_with(SHARPNESS)
}

/// On what and when the curvature of a run was measured.
fn way_of(run: &Run) -> Option<String> {
    let it = curvature(run)?;
    let when = if it.step >= run.steps() { "at the end" } else { "before the end" };
    let unit = words::unit(&it.unit);
    Some(format!("on {} {unit} in {} batches {when}", it.samples, it.batches))
}
