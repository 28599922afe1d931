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
}

/// A record as a JSON object.
pub(crate) fn object<T: Fields>(record: &T) -> Value {
    let names = T::NAMES.iter().map(|name| (*name).to_owned());
    Value::Object(names.zip(record.values()).collect::<Map<_, _>>())
}

/// Records as a list of JSON objects.
pub(crate) fn objects<T: Fields>(records: &[T]) -> Value {
    records.iter().map(object).collect()
}

/// A value of a field.
trait Told {
    fn told(&self) -> Value;
}

macro_rules! told_as_json {
    ($($type:ty),*) => {
        $(impl Told for $type {
            fn told(&self) -> Value {
                json!(self)
            }
        })*
    };
}

told_as_json!(u8, u16, u32, u64, i16, i64, bool, String, Vec<u64>, [u16; 2]);

macro_rules! told_as_text {
    ($($word:ident),*) => {
        $(impl Told for trace::$word {
            fn told(&self) -> Value {
                json!(self.as_str())
            }
        })*
    };
}

told_as_text! {
    BlockRole, LossWeights, Split, HistogramOf, AlertRule, Severity, CurvatureReason,
    SampleUnit, SnapshotReason, AxisKind, Normalisation, BiasMode, BatchNormMode, LossSource, StudyKind, EndReason
}

impl Told for f64 {
    fn told(&self) -> Value {
        number(*self)
    }
}

impl<T: Told> Told for Option<T> {
    fn told(&self) -> Value {
        self.as_ref().map_or(Value::Null, Told::told)
    }
}

impl Told for F64s {
    fn told(&self) -> Value {
        self.iter().copied().map(number).collect()
    }
}

impl Told for F32s {
    fn told(&self) -> Value {
        self.iter().map(|value| number(f64::from(*value))).collect()
    }
}

impl Told for U32s {
    fn told(&self) -> Value {
        json!(self.0)
    }
}

impl Told for BTreeMap<String, F64s> {
    fn told(&self) -> Value {
        Value::Object(self.iter().map(|(name, values)| (name.clone(), values.told())).collect())
    }
}

impl Told for BTreeMap<String, String> {
    fn told(&self) -> Value {
        json!(self)
    }
}

impl Told for Vec<String> {
    fn told(&self) -> Value {
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
                    vec![$($field.told()),*]
                }
            }

            impl Told for trace::$record {
                fn told(&self) -> Value {
                    object(self)
                }
            }

            impl Told for Vec<trace::$record> {
                fn told(&self) -> Value {
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
        epochs_planned, first_epoch, blocks, buffers
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
    Snapshot { index, reason, epoch, step, file, bytes, crc32, same_as, given_up, stride }
    Axis { label, kind, first, count, spacing, direction_norm, seed, explained }
    Layer { name, centre, samples, unit, batches }
    Trajectory {
        slice, snapshots, epochs, x, y, out_of_plane, out_of_plane_share, loss, loss_on_plane, loss_at, explained,
        random_walk, random_walk_measured, degenerate
    }
    Study { study, kind, slices, lowest, highest, measures, sentences }
    Plan {
        slices, budget_secs, batches, of_batches, snapshots, tolerance, most_nodes, agreement, agreement_nodes,
        true_losses, exact_secs, text
    }
    Check { slice, name, passed, detail }
    Note { level, text }
    Frozen { step, blocks }
    Resume { resumed_unix_secs, steps, batches, truncated_bytes }
    Tally { records, crc32 }
    End { reason, steps, dropped, elapsed_secs, tally }
}

impl Told for Vec<u32> {
    fn told(&self) -> Value {
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
