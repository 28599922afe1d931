//! The file of an index: read with suspicion, written under another name first.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use super::{INDEX_FILE, Index, Stretch};
use crate::frame::{self, OVERHEAD_BYTES, Parsed};
use crate::{RunFolder, files, payload};

/// An index of a hundred million steps is 10 MB.
const MOST_BYTES: u64 = 64 << 20;

/// `None` where there is none, or none that the trace agrees with.
pub(super) fn load(folder: &RunFolder) -> Option<Index> {
    let path = folder.resolve(INDEX_FILE).ok()?;
    let file = files::open_plain(&path).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    let Parsed::Whole { payload } = frame::parse(&bytes) else {
        return None;
    };
    let index: Index = payload::decode_as(payload).ok()?;
    let trace = File::open(folder.trace_path()).ok()?;
    (index.is_consistent() && index.agrees_with(&trace).ok()?).then_some(index)
}

/// Gives the file its name when it is whole.
pub(super) fn store(folder: &RunFolder, index: &Index) -> io::Result<()> {
    let mut payload = Vec::new();
    ciborium::into_writer(index, &mut payload).map_err(io::Error::other)?;
    let bytes = frame::around(&payload).ok_or(io::ErrorKind::FileTooLarge)?;
    let path = folder.path().join(INDEX_FILE);
    // One name per process: two that write at once do not mix.
    let partial = path.with_extension(format!("index-{}", std::process::id()));
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, &path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

impl Index {
    /// It begins at the beginning with the head, its parts follow each other and end where it says.
    fn is_consistent(&self) -> bool {
        let stretches = self.stretches.iter().map(|it| (it.offset, it.bytes));
        let mut parts: Vec<(u64, u64)> = stretches.chain(self.damage.iter().copied()).collect();
        parts.sort_unstable();
        let mut end = 0;
        let in_order = parts.iter().all(|(offset, bytes)| {
            let follows = *offset == end;
            end = offset.saturating_add(*bytes);
            follows
        });
        in_order && end == self.trace_bytes && self.stretches.iter().all(Stretch::is_possible)
    }

    fn agrees_with(&self, trace: &File) -> io::Result<bool> {
        if trace.metadata()?.len() < self.trace_bytes {
            return Ok(false);
        }
        for stretch in &self.stretches {
            if first_checksum(trace, stretch.offset)? != Some(stretch.crc32) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Stretch {
    fn is_possible(&self) -> bool {
        let least = self.records.saturating_mul(OVERHEAD_BYTES as u64);
        self.records > 0 && self.bytes >= least
    }
}

fn first_checksum(mut trace: &File, offset: u64) -> io::Result<Option<u32>> {
    let mut overhead = [0; OVERHEAD_BYTES];
    trace.seek(SeekFrom::Start(offset))?;
    trace.read_exact(&mut overhead)?;
    Ok(frame::checksum(&overhead))
}
