//! What a reader or follower yields: records, and what is missing between and after them.

use std::path::Path;

use crate::error::NotATrace;
use crate::record::{FORMAT, Record, Step};
use crate::{Error, payload};

/// One thing found in a trace, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every item is a record")]
pub enum Item {
    /// A whole record.
    Record {
        /// Position in the file of the first byte of its frame.
        offset: u64,
        /// What it says.
        record: Record,
    },
    /// Bytes that could not be read, with whole records after them or the end of the file.
    Lost(Lost),
    /// The beginning of a record at the end of the file: the writer was stopped, or is still at it.
    Torn(Torn),
}

/// An end of which nothing is missing: a place to [read into](crate::Reader::next_into).
impl Default for Item {
    fn default() -> Self {
        Self::Torn(Torn { offset: 0, bytes: 0 })
    }
}

impl Item {
    /// Makes it a step, of the memory of the one that it was, else of a spare one.
    pub(crate) fn step_at(&mut self, begin: u64, spare: &mut Step) -> &mut Step {
        if !matches!(self, Self::Record { record: Record::Step(_), .. }) {
            *self = Self::Record { offset: begin, record: Record::Step(std::mem::take(spare)) };
        }
        match self {
            Self::Record { offset, record: Record::Step(step) } => {
                *offset = begin;
                step
            }
            _ => unreachable!("it was made a step"),
        }
    }
}

/// Bytes in a trace that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Position in the file of the first of them.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
    /// Why.
    pub cause: LossCause,
}

/// Why bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LossCause {
    /// No frame with a valid checksum covers them: changed after they were written.
    Damaged,
    /// The checksum holds and the content is no record: the writer was at fault.
    Undecodable {
        /// What the decoder says.
        message: String,
    },
}

/// The beginning of a record at the end of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// Position in the file at which the whole records end.
    pub offset: u64,
    /// Bytes from there to the end.
    pub bytes: u64,
}

/// Turns a frame's payload into an item, and refuses what is not a trace that we know.
///
/// `is_first`: it must be the head.
pub(crate) fn item(
    path: &Path,
    is_first: bool,
    offset: u64,
    bytes: u64,
    payload: &[u8],
) -> Result<Item, Error> {
    let not_a_trace = |reason| Error::NotATrace { path: path.to_owned(), reason };
    match payload::decode(payload) {
        Ok(Record::Head(head)) => {
            check_format(path, head.format)?;
            let record = Record::Head(head);
            Ok(Item::Record { offset, record })
        }
        Ok(record) if is_first => {
            Err(not_a_trace(NotATrace::FirstIsNotHead { kind: record.kind().to_owned() }))
        }
        Ok(record) => Ok(Item::Record { offset, record }),
        Err(error) => {
            if let Some(format) = payload::head_format(payload) {
                check_format(path, format)?;
            }
            let message = error.to_string();
            if is_first {
                return Err(not_a_trace(NotATrace::FirstUndecodable { message }));
            }
            Ok(undecodable(offset, bytes, message))
        }
    }
}

fn undecodable(offset: u64, bytes: u64, message: String) -> Item {
    Item::Lost(Lost { offset, bytes, cause: LossCause::Undecodable { message } })
}

fn check_format(path: &Path, found: [u16; 2]) -> Result<(), Error> {
    let path = path.to_owned();
    match found[0] {
        major if major == FORMAT[0] => Ok(()),
        major if major > FORMAT[0] => Err(Error::NewerMajor { path, found, known: FORMAT }),
        _ => Err(Error::NotATrace { path, reason: NotATrace::UnknownFormat { format: found } }),
    }
}
