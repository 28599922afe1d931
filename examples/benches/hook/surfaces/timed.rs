//! One slice measured exactly and adaptively, with the moments at which its nodes were done.

use std::sync::Mutex;
use std::time::Instant;

use burn::module::Module;
use burn::train::{ClassificationOutput, InferenceStep};
use burnscape::geometry::surface::Surface;
use burnscape::{BatchLoss, Probe, SliceSpec, SliceSurface, Watched};
use serde_json::{Value, json};

/// Nodes of the first complete picture, 3 × 3, and of the first that has a shape, 5 × 5.
const PICTURES: [usize; 2] = [9, 25];
/// Share of the range of losses within which interpolated nodes have to lie.
const TOLERANCE: f64 = 0.01;

/// Times the random slice around a model, exact and adaptive, on one set of batches.
pub fn compare<M>(probe: Probe, model: &Watched<M>, batches: &Vec<M::Input>) -> Value
where
    M: InferenceStep<Output = ClassificationOutput> + Module,
    M::Input: Clone,
{
    let calls = Mutex::new(Vec::new());
    let clock = |output: &ClassificationOutput| {
        calls.lock().expect("no panic").push(Instant::now());
        BatchLoss { mean: output.loss.clone(), samples: output.targets.dims()[0] }
    };
    let mut study = probe.study(model, batches).expect("a study");
    study.measure("clock", clock);
    let exact = study.slice(&SliceSpec::random()).expect("a slice");
    let nodes = done_at(&calls, exact.surface.grid().len(), batches.len());
    let adaptive = study.slice(&SliceSpec::random().adaptive(TOLERANCE)).expect("a slice");
    study.finish().expect("an end");
    let secs = exact.took.as_secs_f64();
    // The clock starts when the first node is done.
    let until = |picture: usize| {
        let after_first =
            nodes.get(picture - 1).map_or(f64::NAN, |it| (*it - nodes[0]).as_secs_f64());
        after_first * picture as f64 / (picture - 1) as f64
    };
    let [first, shaped] = PICTURES.map(until);
    json!({
        "nodes": exact.surface.grid().len(),
        "secs": secs,
        "first_picture_secs": first,
        "first_picture_share": first / secs,
        "shaped_picture_share": shaped / secs,
        "adaptive": against(&exact, &adaptive),
        "losses": exact.surface.losses(),
    })
}

/// When each node of the slice that was measured last was done: one call per batch, the last of them counts.
fn done_at(calls: &Mutex<Vec<Instant>>, nodes: usize, batches: usize) -> Vec<Instant> {
    let mut calls = calls.lock().expect("no panic").clone();
    calls.sort_unstable();
    let first = calls.len() - nodes * batches;
    calls[first..].chunks(batches).map(|of_node| of_node[batches - 1]).collect()
}

/// Node by node.
fn against(exact: &SliceSurface, adaptive: &SliceSurface) -> Value {
    let range = |surface: &Surface| {
        let losses = surface.losses().iter().copied().filter(|loss| loss.is_finite());
        losses.clone().fold(f64::NEG_INFINITY, f64::max) - losses.fold(f64::INFINITY, f64::min)
    };
    let range = range(&exact.surface);
    let pairs = exact.surface.losses().iter().zip(adaptive.surface.losses());
    let errors: Vec<f64> = pairs.map(|(exact, other)| (exact - other).abs() / range).collect();
    json!({
        "measured": adaptive.surface.counts().measured,
        "secs": adaptive.took.as_secs_f64(),
        "time_share": adaptive.took.as_secs_f64() / exact.took.as_secs_f64(),
        "largest_error": errors.iter().copied().fold(0.0, f64::max),
        "nodes_off": errors.iter().filter(|&&error| error > TOLERANCE).count(),
    })
}
