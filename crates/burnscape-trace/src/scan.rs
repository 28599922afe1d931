//! Finding frames in a stream of bytes, past whatever is damaged. No decoding, no files.

use std::io::{self, Read};
use std::ops::Range;

use crate::checksums::Checksums;
use crate::frame::{self, Claim, OVERHEAD_BYTES, SYNC_MARK};

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
    /// A frame was not what it claimed, so what others claim may cost little.
    distrusts: bool,
    checksums: Checksums,
}

/// What begins at a place.
enum Found {
    Frame { payload_bytes: usize },
    Incomplete,
    Nothing,
}

enum Search {
    Frame(usize),
    Undecided(usize),
    Nothing,
}

impl Scanner {
    pub(crate) fn at(offset: u64) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            offset,
            damaged_from: None,
            distrusts: false,
            checksums: Checksums::default(),
        }
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
        // Not for less: what is left would be moved again and again.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
            self.checksums.forget();
        }
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
        match self.found_at(self.start) {
            Found::Frame { payload_bytes } => self.take_frame(payload_bytes),
            Found::Incomplete if at_end => self.skip_false_length(),
            Found::Incomplete => Scan::NeedMore,
            Found::Nothing => {
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

    /// Looks whether a frame begins there. Work is bounded by the bytes of the file, whatever they claim: the first
    /// false checksum costs as many as it claims, each further one less than two hundred.
    fn found_at(&mut self, at: usize) -> Found {
        let (checksum, range) = match frame::claim(&self.bytes[at..]) {
            Claim::Payload { checksum, range } => (checksum, at + range.start..at + range.end),
            Claim::Incomplete => return Found::Incomplete,
            Claim::NotAFrame => return Found::Nothing,
        };
        let payload_bytes = range.len();
        match self.bytes.get(range.clone()) {
            None => return Found::Incomplete,
            Some(payload) if !self.distrusts && crc32fast::hash(payload) == checksum => {}
            Some(_) => {
                self.distrusts = true;
                if self.checksums.of(&self.bytes, range) != checksum {
                    return Found::Nothing;
                }
            }
        }
        Found::Frame { payload_bytes }
    }

    fn search(&mut self, from: usize, at_end: bool) -> Search {
        let mut at = from.min(self.bytes.len());
        while let Some(skip) = find_mark(&self.bytes[at..]) {
            at += skip;
            match self.found_at(at) {
                Found::Frame { .. } => return Search::Frame(at),
                Found::Incomplete if !at_end => return Search::Undecided(at),
                _ => at += 1,
            }
        }
        Search::Nothing
    }
}

fn find_mark(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == SYNC_MARK[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sync marks, one after the other, that claim what follows them.
    fn marks(count: u32, claim: impl Fn(u32) -> u32) -> Vec<u8> {
        let mark = |at| {
            let length = claim(at).to_be_bytes();
            [b"\xD9\xD9\xF7\x82\x1A\0\0\0\0\xD8\x18\x5A".as_slice(), &length].concat()
        };
        (0..count).flat_map(mark).collect()
    }

    /// Bytes whose checksum was taken until the end of the input.
    fn hashed_bytes(mut input: &[u8]) -> usize {
        let mut scanner = Scanner::at(0);
        let mut at_end = false;
        loop {
            match scanner.next(at_end) {
                Scan::NeedMore if at_end => return scanner.checksums.hashed_bytes,
                Scan::NeedMore => at_end = scanner.fill(&mut input).unwrap() == 0,
                Scan::Frame { .. } | Scan::Damage { .. } => {}
            }
        }
    }

    #[test]
    fn false_marks_cost_a_fixed_number_of_bytes_whatever_they_claim() {
        let count = 1 << 16;
        let bytes = 16 * count as usize;
        let claims: [&dyn Fn(u32) -> u32; 4] = [
            &|at| 16 * (count - at - 1),
            &|at| 8 * (count - at - 1),
            &|at| 16 * (count - at) / (1 + at % 7),
            &|_| 1 << 19,
        ];
        for claim in claims {
            let hashed = hashed_bytes(&marks(count, claim));
            assert!(hashed <= 12 * bytes, "{hashed} of {bytes}");
        }
    }

    #[test]
    fn whole_frames_between_false_marks_are_found_at_the_same_price() {
        let mut whole = Vec::new();
        frame::encode(&crate::record::Note::default().into(), &mut whole).unwrap();
        let count = 1 << 14;
        let pair =
            |at: u32| [marks(1, |_| (count - at - 1) * (16 + whole.len() as u32)), whole.clone()];
        let input: Vec<u8> = (0..count).flat_map(pair).flatten().collect();
        let found = crate::Reader::new(&input[..]).map(Result::unwrap).count();
        assert!(hashed_bytes(&input) <= 12 * input.len());
        assert_eq!(found, 2 * count as usize, "damage and a record each time");
    }
}
