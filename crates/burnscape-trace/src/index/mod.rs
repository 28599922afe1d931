//! An index of a trace: where which kinds of records lie, so that a long run opens without decoding it all.
//!
//! `trace.index` beside the trace is one frame of the trace's own shape around a CBOR map. It can be deleted at
//! any time, and no reader needs it. It is believed only as far as the trace agrees: its own checksum must hold,
//! stretches must follow each other, and the frame at the beginning of each must have the checksum that the index
//! tells. What is read by way of it has its checksums looked at as in any other reading.

mod build;
mod file;
mod records;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::records::IndexedRecords;
use crate::{Error, RunFolder};

/// Name of the index beside the trace.
pub const INDEX_FILE: &str = "trace.index";

/// Consecutive records of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Their kind, as written.
    pub kind: String,
    /// Position in the trace of the first byte.
    pub offset: u64,
    /// Bytes from there to the end of the last one.
    pub bytes: u64,
    /// How many records.
    pub records: u64,
    /// Lowest and highest `step` of `step` records; `None` for other kinds.
    pub steps: Option<(u64, u64)>,
    /// Checksum of the first record, as its frame tells it.
    crc32: u32,
}

/// Where the records of a trace lie.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Index {
    trace_bytes: u64,
    stretches: Vec<Stretch>,
    damage: Vec<(u64, u64)>,
}

impl Index {
    /// Takes the index of a run from its file, if the trace agrees with it, and reads on in the trace from its
    /// end; makes it where there is none that the trace agrees with. The file is written anew if that added
    /// something. A folder that cannot be written is no error: the next one to open the run takes longer.
    ///
    /// # Errors
    ///
    /// [`Error::NotARun`] or [`Error::NoFolder`] where there is no trace, [`Error::NotATrace`],
    /// [`Error::NewerMajor`], [`Error::Open`], [`Error::Read`].
    pub fn open_or_build(path: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = RunFolder::open(path)?;
        let mut index = file::load(&folder).unwrap_or_default();
        let known_bytes = index.trace_bytes;
        index.read_on(&folder)?;
        if index.trace_bytes > known_bytes {
            let _ = file::store(&folder, &index);
        }
        Ok(index)
    }

    /// Length of the trace up to the end of its last whole record.
    #[must_use]
    pub fn trace_bytes(&self) -> u64 {
        self.trace_bytes
    }

    /// Stretches of records, in the order of the trace.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Offsets and lengths of bytes that belong to no record.
    #[must_use]
    pub fn damage(&self) -> &[(u64, u64)] {
        &self.damage
    }

    /// Number of records of a kind.
    #[must_use]
    pub fn records(&self, kind: &str) -> u64 {
        let stretches = self.stretches.iter().filter(|it| it.kind == kind);
        stretches.fold(0, |sum, it| sum.saturating_add(it.records))
    }
}
