//! The provenance of a slice as JSON.

use burnscape_landscape::words;
use burnscape_run::json_number as number;
use burnscape_trace::{Axis, Head, Layer, Slice};
use serde_json::{Map, Value, json};

/// Everything that the trace says about a slice, apart from its nodes. `keys` are the names under which
/// the layers are exported.
pub(crate) fn of_slice(slice: &Slice, keys: &[String], head: &Head) -> Value {
    let mut told = Map::new();
    for part in [place(slice), directions(slice), values(slice)] {
        told.extend(part.as_object().cloned().unwrap_or_default());
    }
    let layers = slice.layers.iter().zip(keys).map(of_layer);
    told.insert("layers".to_owned(), layers.collect());
    told.insert("run".to_owned(), of_run(head));
    Value::Object(told)
}

/// Which slice it is, and where it lies.
fn place(slice: &Slice) -> Value {
    json!({
        "slice": slice.slice,
        "name": slice.name,
        "centre": slice.centre,
        "centre_snapshot": slice.centre_snapshot,
        "centre_norm": number(slice.centre_norm),
        "centre_loss": number(slice.centre_loss),
        "x": of_axis(&slice.x),
        "y": slice.y.as_ref().map(of_axis),
        "study": slice.study,
    })
}

/// How its directions were made.
fn directions(slice: &Slice) -> Value {
    json!({
        "normalisation": slice.normalisation,
        "biases": slice.biases,
        "moves_frozen": slice.moves_frozen,
        "orthogonalised": slice.orthogonalised,
        "cosine": slice.cosine.map(number),
        "shares": slice.shares.iter().map(|shares| numbers(shares)).collect::<Vec<_>>(),
        "directions": slice.directions,
        "patterns": slice.patterns,
    })
}

/// How its values were measured.
fn values(slice: &Slice) -> Value {
    json!({
        "samples": slice.samples,
        "unit": words::unit(&slice.unit),
        "batches": slice.batches,
        "fingerprint": slice.fingerprint,
        "batchnorm": slice.batchnorm,
        "dtype": slice.dtype,
        "device": slice.device,
        "loss": slice.loss,
        "tolerance": slice.tolerance.map(number),
    })
}

fn of_run(head: &Head) -> Value {
    json!({
        "run_id": head.run_id,
        "started_unix_secs": number(head.started_unix_secs),
        "burnscape_version": head.burnscape_version,
        "burn_version": head.burn_version,
        "seed": head.seed,
    })
}

fn of_axis(axis: &Axis) -> Value {
    let Axis {
        label, kind, first, count, spacing, direction_norm, seed, explained, component, ..
    } = axis;
    json!({
        "label": label,
        "kind": kind,
        "first": first,
        "count": count,
        "spacing": number(*spacing),
        "direction_norm": number(*direction_norm),
        "seed": seed,
        "explained": explained.map(number),
        "component": component,
    })
}

fn of_layer((layer, key): (&Layer, &String)) -> Value {
    let Layer { name, centre, samples, unit, batches, .. } = layer;
    json!({
        "name": name,
        "key": key,
        "centre": number(*centre),
        "samples": samples,
        "unit": words::unit(unit),
        "batches": batches,
    })
}

fn numbers(values: &[f64]) -> Vec<Value> {
    values.iter().copied().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::names_of;

    #[test]
    fn every_field_of_a_slice_an_axis_and_a_layer_is_exported() {
        let slice = of_slice(&Slice::default(), &[], &Head::default());
        let axis = of_axis(&Axis::default());
        let layer = of_layer((&Layer::default(), &String::new()));
        let recorded = [
            (slice, names_of(&Slice::default())),
            (axis, names_of(&Axis::default())),
            (layer, names_of(&Layer::default())),
        ];
        for (exported, names) in recorded {
            assert!(names.len() > 4);
            assert!(names.iter().all(|name| exported.get(name).is_some()), "{names:?}");
        }
    }
}
