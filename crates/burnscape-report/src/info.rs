//! The provenance of a slice as JSON.

use burnscape_landscape::words;
use burnscape_run::json_number as number;
use burnscape_trace::{Axis, Head, Layer, Slice};
use serde_json::{Value, json};

/// Everything that the trace says about a slice, apart from its nodes. `keys` are the names under which
/// the layers are exported.
pub(crate) fn of_slice(slice: &Slice, keys: &[String], head: &Head) -> Value {
    let Slice {
        slice,
        name,
        centre,
        centre_snapshot,
        x,
        y,
        normalisation,
        biases,
        moves_frozen,
        orthogonalised,
        cosine,
        centre_norm,
        centre_loss,
        shares,
        samples,
        unit,
        batches,
        fingerprint,
        batchnorm,
        dtype,
        device,
        loss,
        layers,
        tolerance,
        study,
        directions,
        patterns,
        ..
    } = slice;
    json!({
        "slice": slice,
        "name": name,
        "centre": centre,
        "centre_snapshot": centre_snapshot,
        "x": of_axis(x),
        "y": y.as_ref().map(of_axis),
        "normalisation": normalisation,
        "biases": biases,
        "moves_frozen": moves_frozen,
        "orthogonalised": orthogonalised,
        "cosine": cosine.map(number),
        "centre_norm": number(*centre_norm),
        "centre_loss": number(*centre_loss),
        "shares": shares.iter().map(|shares| numbers(shares)).collect::<Vec<_>>(),
        "samples": samples,
        "unit": words::unit(unit),
        "batches": batches,
        "fingerprint": fingerprint,
        "batchnorm": batchnorm,
        "dtype": dtype,
        "device": device,
        "loss": loss,
        "layers": layers.iter().zip(keys).map(of_layer).collect::<Vec<_>>(),
        "tolerance": tolerance.map(number),
        "study": study,
        "directions": directions,
        "patterns": patterns,
        "run": {
            "run_id": head.run_id,
            "started_unix_secs": number(head.started_unix_secs),
            "burnscape_version": head.burnscape_version,
            "burn_version": head.burn_version,
            "seed": head.seed,
        },
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
