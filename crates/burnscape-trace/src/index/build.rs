//! Reading a trace for its index: checksums are looked at, payloads are not decoded.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use super::{Index, Stretch};
use crate::frame::{self, OVERHEAD_BYTES};
use crate::reader::Found;
use crate::record::Record;
use crate::{Error, Reader, RunFolder};

/// So many records are read for one that is asked for; a stretch of short steps is a few hundred kilobytes.
const MOST_RECORDS: u64 = 1024;

impl Index {
    /// Adds what stands behind the end of the index.
    pub(super) fn read_on(&mut self, folder: &RunFolder) -> Result<(), Error> {
        let path = folder.trace_path();
        let open_error = |source| Error::Open { path: path.clone(), source };
        let mut file = File::open(&path).map_err(open_error)?;
        file.seek(SeekFrom::Start(self.trace_bytes)).map_err(open_error)?;
        let mut reader = Reader::resuming(file, self.trace_bytes).named(&path);
        while let Some(found) = reader.next_frame()? {
            match found {
                Found::Frame { offset: 0 } => self.begin(&reader)?,
                Found::Frame { offset } => self.push(offset, reader.frame()),
                Found::Damage { offset, bytes } => self.damage.push((offset, bytes)),
            }
        }
        self.trace_bytes = reader.whole_bytes();
        // Where nothing at all is whole, the tail says what the file is.
        if self.trace_bytes == 0 { reader.tail().map(drop) } else { Ok(()) }
    }

    /// The first record tells whether the file is a trace that we know.
    fn begin(&mut self, reader: &Reader<File>) -> Result<(), Error> {
        reader.decoded(0)?;
        self.push(0, reader.frame());
        Ok(())
    }

    fn push(&mut self, offset: u64, frame: &[u8]) {
        let Some((kind, step)) = kind_and_step(&frame[OVERHEAD_BYTES..]) else {
            self.damage.push((offset, frame.len() as u64));
            return;
        };
        let bytes = frame.len() as u64;
        match self.stretches.last_mut() {
            Some(last) if last.goes_on(&kind, offset) => last.add(bytes, step),
            _ => self.stretches.push(Stretch {
                kind,
                offset,
                bytes,
                records: 1,
                steps: step.map(|it| (it, it)),
                crc32: frame::checksum(frame).unwrap_or_default(),
            }),
        }
    }
}

impl Stretch {
    /// Position behind the last record.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }

    fn goes_on(&self, kind: &str, offset: u64) -> bool {
        self.kind == kind && self.end() == offset && self.records < MOST_RECORDS
    }

    fn add(&mut self, bytes: u64, step: Option<u64>) {
        self.bytes += bytes;
        self.records += 1;
        let range = self.steps.zip(step);
        self.steps = range.map(|((low, high), it)| (low.min(it), high.max(it))).or(self.steps);
    }
}

/// Kind and, of a step, its number; `None` where the payload is no record. Kinds are short texts at a fixed
/// place; whatever is written in another way is decoded.
fn kind_and_step(payload: &[u8]) -> Option<(String, Option<u64>)> {
    if let Some(step) = crate::step_bytes::number(payload) {
        return Some(("step".to_owned(), Some(step)));
    }
    match frame::decode_payload(payload).ok()? {
        Record::Step(step) => Some(("step".to_owned(), Some(step.step))),
        record => Some((record.kind().to_owned(), None)),
    }
}
