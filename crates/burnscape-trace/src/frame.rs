//! The frame around a payload: sync mark, checksum and length. Pure bytes, no I/O.
//!
//! ```text
//! D9 D9F7           tag 55799 (self-described CBOR): the sync mark
//! 82                array of 2
//! 1A cccccccc       CRC-32 (IEEE, as zlib.crc32) of the payload, always 5 bytes, big endian
//! D8 18 5A llllllll tag 24 "encoded CBOR" + byte string, always a 4-byte length, big endian
//! <payload>         CBOR of [kind: text, {…}]
//! ```
//!
//! ```
//! use burnscape_trace::{Note, Record, frame, record};
//!
//! let note = Record::from(record!(Note { level: "info".into(), text: "hello".into() }));
//! let mut bytes = Vec::new();
//! frame::encode(&note, &mut bytes)?;
//!
//! let frame::Parsed::Whole { payload } = frame::parse(&bytes) else { panic!() };
//! assert_eq!(payload.len() + frame::OVERHEAD_BYTES, bytes.len());
//! assert_eq!(frame::decode_payload(payload)?, note);
//! # Ok::<(), burnscape_trace::Error>(())
//! ```

use std::ops::Range;

use crate::record::Record;
use crate::{Error, payload};

pub use crate::payload::{MAX_NESTING, decode as decode_payload, decode_value};
pub use crate::payload_limits::MAX_ITEMS;
pub use ciborium::Value;

/// Tag 55799: every frame begins with it, and a reader finds the next frame by it.
pub const SYNC_MARK: [u8; 3] = [0xD9, 0xD9, 0xF7];

/// What a frame adds to its payload.
pub const OVERHEAD_BYTES: usize = 16;

/// The longest payload that is written or read: 256 MiB.
///
/// A claimed length above it is damage. The largest record is a tile of nodes (20 bytes a node), so
/// this is a surface of 13 million nodes; writers send smaller tiles.
pub const MAX_PAYLOAD_BYTES: usize = 256 << 20;

/// Sync mark, array of 2, and the first byte of a 4-byte unsigned integer.
const BEFORE_CHECKSUM: [u8; 5] = [0xD9, 0xD9, 0xF7, 0x82, 0x1A];
/// Tag 24, and the first byte of a byte string with a 4-byte length.
const BEFORE_LENGTH: [u8; 3] = [0xD8, 0x18, 0x5A];

const CHECKSUM_AT: usize = 5;
const BEFORE_LENGTH_AT: usize = 9;
const LENGTH_AT: usize = 12;

/// What the first bytes of a slice are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A frame whose checksum holds; it takes `payload.len() + OVERHEAD_BYTES` bytes.
    Whole {
        /// The payload, for [`decode_payload`].
        payload: &'a [u8],
    },
    /// All of it may be the beginning of a frame.
    Incomplete,
    /// No frame begins here, whatever follows.
    NotAFrame,
}

/// Appends `record` as one frame.
///
/// # Errors
///
/// [`Error::RecordTooLarge`] above [`MAX_PAYLOAD_BYTES`], [`Error::UnknownKind`] for
/// [`Record::Unknown`]; `out` is then as it was before.
pub fn encode(record: &Record, out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    out.extend_from_slice(&[0; OVERHEAD_BYTES]);
    payload::encode(record, out)
        .and_then(|()| fill_overhead(record, &mut out[start..]))
        .inspect_err(|_| out.truncate(start))
}

/// The frame around a payload that is no record's; `None` if it is too long.
pub(crate) fn around(payload: &[u8]) -> Option<Vec<u8>> {
    let length =
        u32::try_from(payload.len()).ok().filter(|_| payload.len() <= MAX_PAYLOAD_BYTES)?;
    let mut frame = vec![0; OVERHEAD_BYTES];
    frame.extend_from_slice(payload);
    put_overhead(&mut frame, length);
    Some(frame)
}

/// The checksum that a frame tells of its payload; `None` where no frame begins.
pub(crate) fn checksum(frame: &[u8]) -> Option<u32> {
    let begins =
        agrees(frame, 0, &BEFORE_CHECKSUM) && agrees(frame, BEFORE_LENGTH_AT, &BEFORE_LENGTH);
    let overhead = frame.first_chunk::<OVERHEAD_BYTES>().filter(|_| begins)?;
    Some(big_endian(overhead, CHECKSUM_AT))
}

fn fill_overhead(record: &Record, frame: &mut [u8]) -> Result<(), Error> {
    let length = payload_length(record, &frame[OVERHEAD_BYTES..])?;
    put_overhead(frame, length);
    Ok(())
}

fn put_overhead(frame: &mut [u8], length: u32) {
    let (overhead, payload) = frame.split_at_mut(OVERHEAD_BYTES);
    overhead[..CHECKSUM_AT].copy_from_slice(&BEFORE_CHECKSUM);
    overhead[CHECKSUM_AT..BEFORE_LENGTH_AT]
        .copy_from_slice(&crc32fast::hash(payload).to_be_bytes());
    overhead[BEFORE_LENGTH_AT..LENGTH_AT].copy_from_slice(&BEFORE_LENGTH);
    overhead[LENGTH_AT..].copy_from_slice(&length.to_be_bytes());
}

fn payload_length(record: &Record, payload: &[u8]) -> Result<u32, Error> {
    match u32::try_from(payload.len()) {
        Ok(length) if payload.len() <= MAX_PAYLOAD_BYTES => Ok(length),
        _ => Err(Error::RecordTooLarge {
            kind: record.kind().to_owned(),
            bytes: payload.len() as u64,
            limit: MAX_PAYLOAD_BYTES as u64,
        }),
    }
}

/// Looks whether a frame begins at the first byte of `bytes`.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    match claim(bytes) {
        Claim::Payload { checksum, range } => match bytes.get(range) {
            None => Parsed::Incomplete,
            Some(payload) if crc32fast::hash(payload) == checksum => Parsed::Whole { payload },
            Some(_) => Parsed::NotAFrame,
        },
        Claim::Incomplete => Parsed::Incomplete,
        Claim::NotAFrame => Parsed::NotAFrame,
    }
}

/// What the first bytes of a slice say that follows them.
pub(crate) enum Claim {
    /// A payload of this checksum in this place.
    Payload { checksum: u32, range: Range<usize> },
    /// All of it may be the beginning of a frame.
    Incomplete,
    /// No frame begins here, whatever follows.
    NotAFrame,
}

/// What the frame claims that may begin at the first byte of `bytes`.
pub(crate) fn claim(bytes: &[u8]) -> Claim {
    if !agrees(bytes, 0, &BEFORE_CHECKSUM) || !agrees(bytes, BEFORE_LENGTH_AT, &BEFORE_LENGTH) {
        return Claim::NotAFrame;
    }
    let Some(overhead) = bytes.first_chunk::<OVERHEAD_BYTES>() else {
        return Claim::Incomplete;
    };
    match big_endian(overhead, LENGTH_AT) as usize {
        length if length > MAX_PAYLOAD_BYTES => Claim::NotAFrame,
        length => Claim::Payload {
            checksum: big_endian(overhead, CHECKSUM_AT),
            range: OVERHEAD_BYTES..OVERHEAD_BYTES + length,
        },
    }
}

/// What there is of `bytes` from `at` on does not contradict `expected`.
fn agrees(bytes: &[u8], at: usize, expected: &[u8]) -> bool {
    let there = bytes.get(at..).unwrap_or_default();
    there.iter().zip(expected).all(|(a, b)| a == b)
}

fn big_endian(overhead: &[u8; OVERHEAD_BYTES], at: usize) -> u32 {
    let bytes = [0, 1, 2, 3].map(|i| overhead[at + i]);
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Note;

    #[test]
    fn a_record_that_no_reader_would_accept_is_not_written() {
        let record = Record::from(Note::default());
        let longest = vec![0; MAX_PAYLOAD_BYTES + 1];
        assert!(payload_length(&record, &longest[1..]).is_ok());
        let error = payload_length(&record, &longest).unwrap_err().to_string();
        assert!(error.contains("split it into several"), "{error}");
        assert!(error.contains("268435456"), "{error}");
    }
}
