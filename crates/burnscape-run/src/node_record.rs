//! Nodes of the layers of a slice as a record.

use std::borrow::Borrow;

use burnscape_landscape::surface::Surface;
use burnscape_trace::{F64s, LayerNodes, Nodes, record};

/// What some nodes hold: the loss, which is the first layer, and the further layers.
///
/// # Panics
///
/// Without a layer, or if one of them has no such node.
#[must_use]
pub fn node_record(
    slice: u32,
    layers: &[impl Borrow<Surface>],
    nodes: &[usize],
    interpolated: bool,
) -> Nodes {
    let pick = |values: &[f64]| -> F64s { nodes.iter().map(|&node| values[node]).collect() };
    let told = |layer: &Surface| (pick(layer.losses()), pick(layer.stderrs()));
    let (loss, stderr) = told(layers[0].borrow());
    let further = layers[1..].iter().map(|layer| told(layer.borrow()));
    record!(Nodes {
        slice,
        index: nodes.iter().map(|&node| node as u32).collect(),
        loss,
        stderr,
        layers: further.map(|(value, stderr)| record!(LayerNodes { value, stderr })).collect(),
        interpolated,
    })
}
