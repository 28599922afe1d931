//! Counting the records of a trace, by what their frames say.

use crate::frame::{self, Claim};
use crate::record::Tally;

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
