//! Numbers as short as they can be: a page has many.

use burnscape_run::json_number as number;
use serde_json::{Value, json};

/// Seven digits, as single precision has them; those that JSON lacks are words.
pub(super) fn short(value: f64) -> Value {
    let single = value as f32;
    match single.is_finite() && (single != 0.0 || value == 0.0) {
        // By way of text, since a double would show the digits that a single does not have.
        true => single.to_string().parse::<f64>().map_or(Value::Null, whole_or_number),
        false => number(value),
    }
}

fn whole_or_number(value: f64) -> Value {
    match value.fract() == 0.0 && value.abs() < 1e15 {
        true => json!(value as i64),
        false => number(value),
    }
}

pub(super) fn all(values: impl IntoIterator<Item = f64>) -> Value {
    values.into_iter().map(short).collect()
}

/// Steps are whole.
pub(super) fn curve(points: &[(f64, f64)]) -> Value {
    let steps: Value = points.iter().map(|point| json!(point.0 as u64)).collect();
    json!({ "x": steps, "y": all(points.iter().map(|point| point.1)) })
}
