//! Finding frames in a stream of bytes, past whatever is damaged. No decoding, no files.

use std::io::{self, Read};
use std::ops::Range;

use crate::frame::{self, OVERHEAD_BYTES, Parsed, SYNC_MARK};

/// How much is asked of the input at once; memory grows by what came, never by what is claimed.
const CHUNK_BYTES: u64 = 256 << 10;

/// What comes next in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// A frame whose checksum holds, and where its payload lies in [`Scanner::bytes`].
    Frame { offset: u64, payload: Range<usize> },
    /// Bytes that belong to no frame, up to the next one.
    Damage { offset: u64, bytes: u64 },
    /// Nothing that can be told without more bytes.
    NeedMore,
}

/// What is left after the last frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    Clean,
    Torn { offset: u64, bytes: u64 },
    Damage { offset: u64, bytes: u64 },
}

/// The bytes read and not yet consumed, and where they lie in the stream.
#[derive(Debug)]
pub(crate) struct Scanner {
    bytes: Vec<u8>,
    /// Index in `bytes` of the first one that is not consumed.
    start: usize,
    /// Position in the stream of that byte.
    offset: u64,
    /// Position in the stream at which the damage began that is being skipped.
    damaged_from: Option<u64>,
}

enum Search {
    Frame(usize),
    Undecided(usize),
    Nothing,
}

impl Scanner {
    pub(crate) fn at(offset: u64) -> Self {
        Self { bytes: Vec::new(), start: 0, offset, damaged_from: None }
    }

    /// Position in the stream behind the last frame or reported damage.
    pub(crate) fn consumed(&self) -> u64 {
        self.damaged_from.unwrap_or(self.offset)
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Reads on; 0 at the end of the input.
    pub(crate) fn fill(&mut self, input: &mut impl Read) -> io::Result<usize> {
        self.bytes.drain(..self.start);
        self.start = 0;
        input.take(CHUNK_BYTES).read_to_end(&mut self.bytes)
    }

    /// The next frame or damage. `at_end`: no more bytes will come before this is called again.
    ///
    /// A frame that is too short is only given up at the end, when a later frame is whole: what was
    /// appended after it proves that its length is damaged.
    pub(crate) fn next(&mut self, at_end: bool) -> Scan {
        if self.damaged_from.is_some() {
            return self.resync(at_end);
        }
        match frame::parse(&self.bytes[self.start..]) {
            Parsed::Whole { payload } => {
                let payload_bytes = payload.len();
                self.take_frame(payload_bytes)
            }
            Parsed::Incomplete if at_end => self.skip_false_length(),
            Parsed::Incomplete => Scan::NeedMore,
            Parsed::NotAFrame => {
                self.damaged_from = Some(self.offset);
                self.advance(1);
                self.resync(at_end)
            }
        }
    }

    /// What is left once [`next`](Self::next) needs more and there is no more.
    pub(crate) fn tail(&self) -> Tail {
        let offset = self.consumed();
        match self.end() - offset {
            0 => Tail::Clean,
            bytes if self.damaged_from.is_some() => Tail::Damage { offset, bytes },
            bytes => Tail::Torn { offset, bytes },
        }
    }

    fn end(&self) -> u64 {
        self.offset + (self.bytes.len() - self.start) as u64
    }

    fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    fn take_frame(&mut self, payload_bytes: usize) -> Scan {
        let offset = self.offset;
        let payload_at = self.start + OVERHEAD_BYTES;
        self.advance(OVERHEAD_BYTES + payload_bytes);
        Scan::Frame { offset, payload: payload_at..self.start }
    }

    fn skip_false_length(&mut self) -> Scan {
        match self.search(self.start + 1, true) {
            Search::Frame(index) => self.take_damage(index),
            _ => Scan::NeedMore,
        }
    }

    fn resync(&mut self, at_end: bool) -> Scan {
        let undecided = match self.search(self.start, at_end) {
            Search::Frame(index) => return self.take_damage(index),
            Search::Undecided(index) => index,
            Search::Nothing => self.bytes.len(),
        };
        self.advance(undecided - self.start);
        Scan::NeedMore
    }

    fn take_damage(&mut self, next_frame: usize) -> Scan {
        let offset = self.consumed();
        self.advance(next_frame - self.start);
        self.damaged_from = None;
        Scan::Damage { offset, bytes: self.offset - offset }
    }

    fn search(&self, from: usize, at_end: bool) -> Search {
        let mut at = from.min(self.bytes.len());
        while let Some(skip) = find_mark(&self.bytes[at..]) {
            at += skip;
            match frame::parse(&self.bytes[at..]) {
                Parsed::Whole { .. } => return Search::Frame(at),
                Parsed::Incomplete if !at_end => return Search::Undecided(at),
                _ => at += 1,
            }
        }
        Search::Nothing
    }
}

fn find_mark(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == SYNC_MARK[0])
}
