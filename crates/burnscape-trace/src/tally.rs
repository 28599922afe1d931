//! How many records there are, and in which order: what tells a whole trace from one that misses some.

use serde::{Deserialize, Serialize};

use crate::frame::{self, Claim};

/// The records of a trace up to a place in it. Two traces of equal tallies hold the same records in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// How many.
    pub records: u64,
    /// CRC-32 of their checksums, one after the other, each as the 4 bytes that stand in its frame.
    pub crc32: u32,
}

impl Tally {
    /// Counts the frames in these bytes, which are whole.
    pub(crate) fn add(&mut self, mut frames: &[u8]) {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.crc32);
        while let Claim::Payload { checksum, range } = frame::claim(frames) {
            hasher.update(&checksum.to_be_bytes());
            self.records += 1;
            frames = frames.get(range.end..).unwrap_or_default();
        }
        self.crc32 = hasher.finalize();
    }
}
