//! Records as named values: one list for JSON and for the columns of CSV.

use std::collections::BTreeMap;

use burnscape_run::json_number as number;
use burnscape_trace::{self as trace, F32s, F64s, U32s};
use serde_json::{Map, Value, json};

/// A record whose fields have names.
pub(crate) trait Fields {
    /// In the order of the format.
    const NAMES: &'static [&'static str];

    /// The values, in the order of the names.
    fn values(&self) -> Vec<Value>;

    /// Which of them are texts, and not words for numbers that JSON lacks.
    fn are_texts(&self) -> Vec<bool>;
}

/// A record as a JSON object.
pub(crate) fn object<T: Fields>(record: &T) -> Value {
    let names = T::NAMES.iter().map(|name| (*name).to_owned());
    Value::Object(names.zip(record.values()).collect::<Map<_, _>>())
}

/// Records as a list of JSON objects.
fn objects<T: Fields>(records: &[T]) -> Value {
    records.iter().map(object).collect()
}

/// A value of a field.
trait ToJson {
    fn to_json(&self) -> Value;

    fn is_text(&self) -> bool {
        false
    }
}

macro_rules! json_by_serde {
    ($($type:ty),*) => {
        $(impl ToJson for $type {
            fn to_json(&self) -> Value {
                json!(self)
            }
        })*
    };
}

json_by_serde!(u8, u16, u32, u64, i16, i64, bool, Vec<u64>, [u16; 2]);

impl ToJson for String {
    fn to_json(&self) -> Value {
        json!(self)
    }

    fn is_text(&self) -> bool {
        true
    }
}

macro_rules! json_of_words {
    ($($word:ident),*) => {
        $(impl ToJson for trace::$word {
            fn to_json(&self) -> Value {
                json!(self.as_str())
            }

            fn is_text(&self) -> bool {
                true
            }
        })*
    };
}

json_of_words! {
    BlockRole, LossWeights, Split, HistogramOf, AlertRule, Severity, CurvatureReason,
    SampleUnit, SnapshotReason, AxisKind, Normalisation, BiasMode, BatchNormMode, LossSource, StudyKind, EndReason
}

impl ToJson for f64 {
    fn to_json(&self) -> Value {
        number(*self)
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToJson::to_json)
    }

    fn is_text(&self) -> bool {
        self.as_ref().is_some_and(ToJson::is_text)
    }
}

impl ToJson for F64s {
    fn to_json(&self) -> Value {
        self.iter().copied().map(number).collect()
    }
}

impl ToJson for F32s {
    fn to_json(&self) -> Value {
        self.iter().map(|value| number(f64::from(*value))).collect()
    }
}

impl ToJson for U32s {
    fn to_json(&self) -> Value {
        json!(self.0)
    }
}

impl ToJson for BTreeMap<String, F64s> {
    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(name, values)| (name.clone(), values.to_json())).collect())
    }
}

impl ToJson for BTreeMap<String, f64> {
    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(name, it)| (name.clone(), number(*it))).collect())
    }
}

impl ToJson for BTreeMap<String, String> {
    fn to_json(&self) -> Value {
        json!(self)
    }
}

impl ToJson for Vec<String> {
    fn to_json(&self) -> Value {
        json!(self)
    }
}

/// Field by field; a test asks for what the format has more.
macro_rules! fields {
    ($($record:ident { $($field:ident),* })*) => {
        $(
            impl Fields for trace::$record {
                const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

                fn values(&self) -> Vec<Value> {
                    let Self { $($field),*, .. } = self;
                    vec![$($field.to_json()),*]
                }

                fn are_texts(&self) -> Vec<bool> {
                    vec![$(self.$field.is_text()),*]
                }
            }

            impl ToJson for trace::$record {
                fn to_json(&self) -> Value {
                    object(self)
                }
            }

            impl ToJson for Vec<trace::$record> {
                fn to_json(&self) -> Value {
                    objects(self)
                }
            }
        )*

        #[cfg(test)]
        fn exported_and_recorded() -> Vec<(&'static [&'static str], Vec<String>)> {
            vec![$((trace::$record::NAMES, names_of(&trace::$record::default()))),*]
        }
    };
}

fields! {
    Head {
        format, run_id, started_unix_secs, burnscape_version, burn_version, device, dtype, seed,
        epochs_planned, first_epoch, blocks, buffers, patterns
    }
    Block {
        path, shape, role, container, filter_axis, groups, filter_guessed, frozen, offset
    }
    Buffer { path, shape }
    Hyperparameters { values }
    Epoch { epoch, steps, batches, elapsed_secs, train_loss, valid_loss, weighted_by }
    Metric { split, name, epoch, step, value }
    Activation {
        tap, step, batches, calls, values, non_finite, mean, std, rms, min, max, zero_share,
        saturated_share, units, dead_units, window, drift
    }
    Histogram { of, block, tap, step, first_exponent, positive, negative, zeros, non_finite }
    Alert {
        rule, level, step, epoch, iteration, block, tap, places, value, threshold, text, advice
    }
    Curvature {
        reason, step, epoch, snapshot, elapsed_secs, samples, unit, batches, dtype, blocks, loss,
        grad_norm, largest, largest_error, smallest, smallest_error, trace, trace_stderr, trace_probes, density,
        block_largest, block_largest_error, lr, optimizer, preconditioned, stability_limit, measures,
        product_error, product_step, gradients, took_secs, sentences
    }
    Density { eigenvalue, density, stderr, width, probes, lanczos_steps }
    Measure { name, value, error, radius, meaning }
    Snapshot { index, reason, epoch, step, file, bytes, crc32, same_as, given_up, stride, run, dtype }
    Axis { label, kind, first, count, spacing, direction_norm, seed, explained, component }
    Layer { name, centre, samples, unit, batches }
    Trajectory {
        slice, snapshots, starts, epochs, x, y, out_of_plane, out_of_plane_share, loss, loss_on_plane, loss_at, explained,
        random_walk, random_walk_measured, degenerate, rounding
    }
    Study { study, kind, slices, lowest, highest, measures, sentences }
    Plan {
        slices, budget_secs, batches, of_batches, snapshots, tolerance, most_nodes, agreement, agreement_nodes,
        true_losses, exact_secs, text
    }
    ComparedRun { name, path, run_id, remarks, side, numbers }
    Check { slice, name, passed, detail }
    Note { level, text }
    Frozen { step, blocks }
    Resume { resumed_unix_secs, steps, batches, truncated_bytes }
    Tally { records, crc32 }
    End { reason, steps, dropped, elapsed_secs, tally }
}

impl ToJson for Vec<u32> {
    fn to_json(&self) -> Value {
        json!(self)
    }
}

/// The names of the fields that a record has, as it prints them.
#[cfg(test)]
pub(crate) fn names_of<T: std::fmt::Debug>(record: &T) -> Vec<String> {
    let printed = format!("{record:#?}");
    let fields = printed.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(": "));
    fields.map(|(name, _)| name.to_owned()).filter(|name| !name.starts_with(' ')).collect()
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    #[test]
    fn every_field_of_every_record_is_exported() {
        for (exported, recorded) in exported_and_recorded() {
            assert_eq!(exported, recorded);
        }
    }

    #[test]
    fn a_record_is_an_object_with_words_where_json_lacks_numbers() {
        let epoch = record!(trace::Epoch { epoch: 2, train_loss: Some(f64::NAN) });
        let told = object(&epoch);
        assert_eq!((&told["epoch"], &told["train_loss"]), (&json!(2), &json!("NaN")));
        assert_eq!(told["valid_loss"], Value::Null);
        assert_eq!(told.as_object().unwrap().len(), trace::Epoch::NAMES.len());
    }
}
