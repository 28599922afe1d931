//! The payload of a `step` straight to bytes and back: the same bytes as ciborium's, several times as fast.
//!
//! Steps are nearly all of a long trace. What is read here is exactly the shape that is written here: these
//! fields, in this order, with definite lengths. Any other record of the kind, from a newer version, another
//! program or a damaged one, is left to ciborium, which reads all of CBOR and tells what is wrong.

use std::collections::BTreeMap;

use half::f16;

use crate::F32s;
use crate::record::Step;

/// Array of 2, `"step"`.
const KIND: &[u8] = b"\x82\x64step";
/// Map of 10.
const FIELDS: &[u8] = b"\xAA";
/// Tag 85 and tag 70.
const F32S: &[u8] = b"\xD8\x55";
const U32S: &[u8] = b"\xD8\x46";

const NULL: u8 = 0xF6;
const HALF: u8 = 0xF9;
const SINGLE: u8 = 0xFA;
const DOUBLE: u8 = 0xFB;

/// Major types of CBOR, in the upper three bits of an item's first byte.
const UNSIGNED: u8 = 0 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const MAP: u8 = 5 << 5;

/// Keys over this length are ciborium's to refuse.
const LONGEST_KEY_BYTES: usize = 4096;

/// Names of the fields in the order in which they are written.
mod keys {
    pub(super) const STEP: &[u8] = b"\x64step";
    pub(super) const BATCHES: &[u8] = b"\x67batches";
    pub(super) const EPOCH: &[u8] = b"\x65epoch";
    pub(super) const ITERATION: &[u8] = b"\x69iteration";
    pub(super) const ACCUMULATED: &[u8] = b"\x6Baccumulated";
    pub(super) const ELAPSED_SECS: &[u8] = b"\x6Celapsed_secs";
    pub(super) const LR: &[u8] = b"\x62lr";
    pub(super) const LOSS: &[u8] = b"\x64loss";
    pub(super) const MISSING: &[u8] = b"\x67missing";
    pub(super) const COLUMNS: &[u8] = b"\x67columns";
}

/// Appends the payload of a step.
pub(crate) fn encode(step: &Step, out: &mut Vec<u8>) {
    out.extend_from_slice(KIND);
    out.extend_from_slice(FIELDS);
    put_progress(step, out);
    put_measured(step, out);
}

fn put_progress(step: &Step, out: &mut Vec<u8>) {
    out.extend_from_slice(keys::STEP);
    put_head(UNSIGNED, step.step, out);
    out.extend_from_slice(keys::BATCHES);
    put_head(UNSIGNED, step.batches, out);
    out.extend_from_slice(keys::EPOCH);
    put_optional(step.epoch, out, |epoch, out| put_head(UNSIGNED, epoch, out));
    out.extend_from_slice(keys::ITERATION);
    put_optional(step.iteration, out, |iteration, out| put_head(UNSIGNED, iteration, out));
    out.extend_from_slice(keys::ACCUMULATED);
    put_head(UNSIGNED, u64::from(step.accumulated), out);
}

fn put_measured(step: &Step, out: &mut Vec<u8>) {
    out.extend_from_slice(keys::ELAPSED_SECS);
    put_float(step.elapsed_secs, out);
    out.extend_from_slice(keys::LR);
    put_float(step.lr, out);
    out.extend_from_slice(keys::LOSS);
    put_optional(step.loss, out, put_float);
    out.extend_from_slice(keys::MISSING);
    put_words(U32S, &step.missing, u32::to_le_bytes, out);
    out.extend_from_slice(keys::COLUMNS);
    put_columns(&step.columns, out);
}

fn put_columns(columns: &BTreeMap<String, F32s>, out: &mut Vec<u8>) {
    put_head(MAP, columns.len() as u64, out);
    for (name, values) in columns {
        put_head(TEXT, name.len() as u64, out);
        out.extend_from_slice(name.as_bytes());
        put_words(F32S, values, f32::to_le_bytes, out);
    }
}

fn put_optional<T>(value: Option<T>, out: &mut Vec<u8>, put: impl FnOnce(T, &mut Vec<u8>)) {
    match value {
        Some(value) => put(value, out),
        None => out.push(NULL),
    }
}

/// A typed array, its values in place: one copy.
fn put_words<T: Copy>(tag: &[u8], values: &[T], encode: fn(T) -> [u8; 4], out: &mut Vec<u8>) {
    out.extend_from_slice(tag);
    put_head(BYTES, 4 * values.len() as u64, out);
    let start = out.len();
    out.resize(start + 4 * values.len(), 0);
    for (slot, value) in out[start..].as_chunks_mut::<4>().0.iter_mut().zip(values) {
        *slot = encode(*value);
    }
}

/// The first bytes of an item: major type and argument, as short as it goes.
fn put_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let [.., b4, b5, b6, b7] = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(major | b7),
        24..=0xFF => out.extend_from_slice(&[major | 24, b7]),
        0x100..=0xFFFF => out.extend_from_slice(&[major | 25, b6, b7]),
        0x1_0000..=0xFFFF_FFFF => out.extend_from_slice(&[major | 26, b4, b5, b6, b7]),
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

/// A float in the fewest bytes that give it back bit for bit.
fn put_float(value: f64, out: &mut Vec<u8>) {
    let (half, single) = (f16::from_f64(value), value as f32);
    if f64::from(half).to_bits() == value.to_bits() {
        out.push(HALF);
        out.extend_from_slice(&half.to_be_bytes());
    } else if f64::from(single).to_bits() == value.to_bits() {
        out.push(SINGLE);
        out.extend_from_slice(&single.to_be_bytes());
    } else {
        out.push(DOUBLE);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// The number of a step, without the rest of it.
pub(crate) fn number(payload: &[u8]) -> Option<u64> {
    let mut rest = Rest(payload.strip_prefix(KIND)?.strip_prefix(FIELDS)?);
    rest.after(keys::STEP)?.unsigned()
}

/// A step, if the payload has exactly the shape that [`encode`] gives it.
pub(crate) fn decode(payload: &[u8]) -> Option<Step> {
    let mut step = Step::default();
    decode_into(payload, &mut step).map(|()| step)
}

/// The same in place of another step, whose memory is used again; `None` leaves anything there.
pub(crate) fn decode_into(payload: &[u8], step: &mut Step) -> Option<()> {
    let mut rest = decode_numbers_into(payload, step)?;
    rest.after(keys::COLUMNS)?.columns(&mut step.columns)?;
    rest.0.is_empty().then_some(())
}

/// What stands before the columns, in the place of that of another step, and the rest.
pub(crate) fn decode_numbers_into<'a>(payload: &'a [u8], step: &mut Step) -> Option<Rest<'a>> {
    let mut rest = Rest(payload.strip_prefix(KIND)?.strip_prefix(FIELDS)?);
    step.step = rest.after(keys::STEP)?.unsigned()?;
    step.batches = rest.after(keys::BATCHES)?.unsigned()?;
    step.epoch = rest.after(keys::EPOCH)?.optional(Rest::unsigned)?;
    step.iteration = rest.after(keys::ITERATION)?.optional(Rest::unsigned)?;
    step.accumulated = rest.after(keys::ACCUMULATED)?.unsigned()?.try_into().ok()?;
    step.elapsed_secs = rest.after(keys::ELAPSED_SECS)?.float()?;
    step.lr = rest.after(keys::LR)?.float()?;
    step.loss = rest.after(keys::LOSS)?.optional(Rest::float)?;
    rest.after(keys::MISSING)?.words(U32S, u32::from_le_bytes, &mut step.missing.0)?;
    Some(rest)
}

/// Whether a payload begins as that of a step does that is written here.
pub(crate) fn is_step(payload: &[u8]) -> bool {
    payload.starts_with(KIND)
}

/// Whether a payload may be that of a step: not where it begins as another kind is written.
pub(crate) fn may_be(payload: &[u8]) -> bool {
    match payload {
        // An array of 2, a text of up to 23 bytes.
        [0x82, 0x60..=0x77, ..] => is_step(payload),
        _ => true,
    }
}

/// What is not read yet. Every method gives `None` where something else comes.
pub(crate) struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn after(&mut self, expected: &[u8]) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(self)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn slice(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(first)
    }

    /// The argument of an item of this major type.
    fn head(&mut self, major: u8) -> Option<u64> {
        let [first] = self.array()?;
        match first ^ major {
            short @ 0..=23 => Some(u64::from(short)),
            24 => self.array().map(|[byte]| u64::from(byte)),
            25 => self.array().map(|bytes| u64::from(u16::from_be_bytes(bytes))),
            26 => self.array().map(|bytes| u64::from(u32::from_be_bytes(bytes))),
            27 => self.array().map(u64::from_be_bytes),
            _ => None,
        }
    }

    fn unsigned(&mut self) -> Option<u64> {
        self.head(UNSIGNED)
    }

    fn float(&mut self) -> Option<f64> {
        let [first] = self.array()?;
        match first {
            HALF => self.array().map(|bytes| f64::from(f16::from_be_bytes(bytes))),
            SINGLE => self.array().map(|bytes| f64::from(f32::from_be_bytes(bytes))),
            DOUBLE => self.array().map(f64::from_be_bytes),
            _ => None,
        }
    }

    fn optional<T>(&mut self, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.0.first()? {
            &NULL => self.array().map(|[_null]| None),
            _ => value(self).map(Some),
        }
    }

    fn words<T>(&mut self, tag: &[u8], decode: fn([u8; 4]) -> T, out: &mut Vec<T>) -> Option<()> {
        let bytes = self.after(tag)?.head(BYTES)?;
        let (words, odd) = self.slice(bytes.try_into().ok()?)?.as_chunks::<4>();
        out.clear();
        out.extend(words.iter().map(|word| decode(*word)));
        odd.is_empty().then_some(())
    }

    fn columns(&mut self, columns: &mut BTreeMap<String, F32s>) -> Option<()> {
        let begin = self.0;
        self.same_columns(columns).or_else(|| {
            self.0 = begin;
            self.other_columns(columns)
        })
    }

    /// Those of a step with the same columns, in place: most steps have those of the one before.
    fn same_columns(&mut self, columns: &mut BTreeMap<String, F32s>) -> Option<()> {
        if self.head(MAP)? != columns.len() as u64 {
            return None;
        }
        for (name, values) in columns {
            if self.head(TEXT)? != name.len() as u64 {
                return None;
            }
            self.after(name.as_bytes())?;
            self.words(F32S, f32::from_le_bytes, &mut values.0)?;
        }
        Some(())
    }

    fn other_columns(&mut self, columns: &mut BTreeMap<String, F32s>) -> Option<()> {
        let mut before = std::mem::take(columns);
        for _ in 0..self.head(MAP)? {
            let name = self.key()?;
            let (name, mut values) =
                before.remove_entry(name).unwrap_or_else(|| (name.to_owned(), F32s::default()));
            self.words(F32S, f32::from_le_bytes, &mut values.0)?;
            // A name that is there already is ciborium's to judge.
            if columns.insert(name, values).is_some() {
                return None;
            }
        }
        Some(())
    }

    fn key(&mut self) -> Option<&'a str> {
        let bytes = self.head(TEXT)?.try_into().ok().filter(|it| *it <= LONGEST_KEY_BYTES)?;
        std::str::from_utf8(self.slice(bytes)?).ok()
    }
}
