//! The payload of a frame: the CBOR array `[kind, {fields}]` and back.

use std::fmt;
use std::io;

use ciborium::Value;
use ciborium::de::Error as CborError;
use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::record::{
    Activation, Alert, Blackbox, Check, Curvature, Dropped, End, Epoch, Frozen, Head, Histogram,
    Hyperparameters, Metric, Nodes, Note, Plan, Progress, Record, Resume, Runs, Shard, Slice,
    Snapshot, Step, Study, Trajectory,
};
use crate::{Error, payload_limits, step_bytes};

/// Arrays, maps and tags may be nested this deep. Format 1.0 needs 6; a cap keeps a hostile file
/// from exhausting the stack.
pub const MAX_NESTING: usize = 32;

/// The one table of kinds: what a record is called, how it is written, how it is read.
macro_rules! kinds {
    ($($variant:ident $kind:literal),* $(,)?) => {
        impl Record {
            /// The kind as written in the trace, such as `step`.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                    Self::Unknown { kind } => kind,
                }
            }
        }

        $(impl From<$variant> for Record {
            fn from(fields: $variant) -> Self {
                Self::$variant(fields)
            }
        })*

        fn encode_with_ciborium(record: &Record, out: &mut Vec<u8>) -> Result<(), Error> {
            match record {
                $(Record::$variant(fields) => ciborium::into_writer(&($kind, fields), out)
                    .map_err(|error| encode_error($kind, &error)),)*
                Record::Unknown { kind } => Err(Error::UnknownKind { kind: kind.clone() }),
            }
        }

        fn next_fields<'de, A: SeqAccess<'de>>(
            kind: String,
            rest: &mut A,
        ) -> Result<Option<Record>, A::Error> {
            Ok(match kind.as_str() {
                $($kind => rest.next_element::<$variant>()?.map(Record::from),)*
                _ => rest.next_element::<IgnoredAny>()?.map(|_| Record::Unknown { kind }),
            })
        }
    };
}

kinds! {
    Head "head",
    Hyperparameters "hyperparameters",
    Step "step",
    Epoch "epoch",
    Progress "progress",
    Metric "metric",
    Activation "activation",
    Histogram "histogram",
    Alert "alert",
    Blackbox "blackbox",
    Curvature "curvature",
    Dropped "dropped",
    Frozen "frozen",
    Snapshot "snapshot",
    Trajectory "trajectory",
    Slice "slice",
    Plan "plan",
    Nodes "nodes",
    Study "study",
    Runs "runs",
    Shard "shard",
    Check "check",
    Note "note",
    Resume "resume",
    End "end",
}

/// Appends the payload of `record` to `out`.
pub(crate) fn encode(record: &Record, out: &mut Vec<u8>) -> Result<(), Error> {
    match record {
        Record::Step(step) => {
            step_bytes::encode(step, out);
            Ok(())
        }
        _ => encode_with_ciborium(record, out),
    }
}

/// Reads the payload of one frame.
///
/// Unknown kinds become [`Record::Unknown`], unknown fields are skipped, missing ones take their
/// default.
///
/// # Errors
///
/// [`Error::Payload`] where the bytes are not exactly one `[kind, {fields}]`, a field has another
/// type than the record says, or the nesting is deeper than [`MAX_NESTING`].
pub fn decode(payload: &[u8]) -> Result<Record, Error> {
    refuse_too_many_items(payload)?;
    if let Some(step) = step_bytes::decode(payload) {
        return Ok(Record::Step(step));
    }
    read_whole::<Payload>(payload).map(|Payload(record)| record)
}

pub(crate) use crate::step_bytes::is_step;

/// Reads a step that was written here in place of another one, whose memory is used again; `false`: it was not, and
/// anything may be there.
pub(crate) fn decode_own_step(payload: &[u8], step: &mut Step) -> bool {
    refuse_too_many_items(payload).is_ok() && step_bytes::decode_into(payload, step).is_some()
}

/// The same of any step, whoever has written it.
pub(crate) fn decode_step_into(payload: &[u8], step: &mut Step) -> bool {
    if !step_bytes::may_be(payload) {
        return false;
    }
    if decode_own_step(payload, step) {
        return true;
    }
    if refuse_too_many_items(payload).is_err() {
        return false;
    }
    match read_whole::<Payload>(payload) {
        Ok(Payload(Record::Step(other))) => {
            *step = other;
            true
        }
        _ => false,
    }
}

/// The same of a step without its columns, which are left as they are.
pub(crate) fn decode_numbers_into(payload: &[u8], step: &mut Step) -> bool {
    if step_bytes::may_be(payload) && step_bytes::decode_numbers_into(payload, step).is_some() {
        return true;
    }
    let mut whole = Step::default();
    let is_step = decode_step_into(payload, &mut whole);
    if is_step {
        *step = Step { columns: std::mem::take(&mut step.columns), ..whole };
    }
    is_step
}

/// Reads the payload of one frame as whatever it holds: kinds and fields that this version does not know are
/// there, and nothing is checked but that it is CBOR.
///
/// # Errors
///
/// [`Error::Payload`], as for [`decode`].
pub fn decode_value(payload: &[u8]) -> Result<Value, Error> {
    decode_as(payload)
}

/// The same for a type of ours that is no record.
pub(crate) fn decode_as<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    refuse_too_many_items(payload)?;
    read_whole(payload)
}

fn refuse_too_many_items(payload: &[u8]) -> Result<(), Error> {
    if !payload_limits::has_too_many_items(payload) {
        return Ok(());
    }
    let message = format!("it holds more than {} items", payload_limits::MAX_ITEMS);
    Err(Error::Payload { at: None, message })
}

fn read_whole<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    let mut rest = payload;
    let value = read(&mut rest)?;
    if rest.is_empty() {
        return Ok(value);
    }
    Err(Error::Payload {
        at: Some(payload.len() - rest.len()),
        message: format!("{} bytes follow the record", rest.len()),
    })
}

/// The `[major, minor]` of a `head`, even where the rest of it is of a format we do not know.
pub(crate) fn head_format(payload: &[u8]) -> Option<[u16; 2]> {
    refuse_too_many_items(payload).ok()?;
    let (kind, HeadFormat { format }) = read::<(String, HeadFormat)>(&mut &*payload).ok()?;
    match format[..] {
        [major, minor, ..] if kind == "head" => Some([major, minor]),
        _ => None,
    }
}

#[derive(Deserialize)]
struct HeadFormat {
    format: Vec<u16>,
}

fn read<T: DeserializeOwned>(payload: &mut &[u8]) -> Result<T, Error> {
    ciborium::de::from_reader_with_recursion_limit(payload, MAX_NESTING).map_err(decode_error)
}

struct Payload(Record);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(KindAndFields).map(Self)
    }
}

struct KindAndFields;

impl<'de> Visitor<'de> for KindAndFields {
    type Value = Record;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array [kind, {fields}]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Record, A::Error> {
        let wrong_length = |length| serde::de::Error::invalid_length(length, &self);
        let kind: String = items.next_element()?.ok_or_else(|| wrong_length(0))?;
        let record = next_fields(kind, &mut items)?.ok_or_else(|| wrong_length(1))?;
        // Asked for even so: where the length is indefinite, this takes the break.
        match items.next_element::<IgnoredAny>()? {
            None => Ok(record),
            Some(_) => Err(wrong_length(3)),
        }
    }
}

fn encode_error(kind: &str, error: &ciborium::ser::Error<io::Error>) -> Error {
    Error::Encode { kind: kind.to_owned(), message: error.to_string() }
}

fn decode_error(error: CborError<io::Error>) -> Error {
    let (at, message) = match error {
        CborError::Io(_) => (None, "the payload ends inside a value".to_owned()),
        CborError::Syntax(at) => (Some(at), "no valid CBOR".to_owned()),
        CborError::Semantic(at, message) => (at, message),
        CborError::RecursionLimitExceeded => {
            (None, format!("nested deeper than {MAX_NESTING} levels"))
        }
    };
    Error::Payload { at, message }
}
