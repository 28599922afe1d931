//! Reading a trace from its beginning to its end.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::NotATrace;
use crate::frame::OVERHEAD_BYTES;
use crate::item::{self, Item, LossCause, Lost, Torn};
use crate::payload::{decode_numbers_into, decode_own_step, decode_step_into, is_step};
use crate::record::{Record, Step};
use crate::scan::{Scan, Scanner, Tail};
use crate::{Error, RunFolder, Tally};

/// Yields the items of a trace in order, from anything that can be read.
///
/// Damage is an [`Item::Lost`] and the records after it follow; a trace that ends inside a record
/// ends with one [`Item::Torn`]. It buffers on its own: give it the bare file. Memory is bounded
/// by the longest record ([`MAX_PAYLOAD_BYTES`](crate::frame::MAX_PAYLOAD_BYTES)).
///
/// An error ends the iteration.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    path: PathBuf,
    scanner: Scanner,
    /// Where the frame of the last record lies in the scanner's bytes.
    frame: Range<usize>,
    tolerates_a_lost_head: bool,
    /// The records before that one.
    tally: Tally,
    /// Memory of a step that a record of another kind took the place of.
    spare: Step,
    at_end: bool,
    done: bool,
}

/// A frame, not yet decoded, or bytes that belong to none.
pub(crate) enum Found {
    Frame { offset: u64 },
    Damage { offset: u64, bytes: u64 },
}

impl Reader<File> {
    /// Opens a trace file.
    ///
    /// # Errors
    ///
    /// [`Error::Open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        match File::open(&path) {
            Ok(file) => Ok(Self::new(file).named(path)),
            Err(source) => Err(Error::Open { path, source }),
        }
    }

    /// Opens a trace file at the beginning of a record, as [`Item::Record`] tells it.
    ///
    /// # Errors
    ///
    /// [`Error::Open`].
    pub fn open_at(path: impl Into<PathBuf>, offset: u64) -> Result<Self, Error> {
        let path = path.into();
        let opened = File::open(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            Ok(file)
        });
        match opened {
            Ok(file) => Ok(Self::resuming(file, offset).named(path)),
            Err(source) => Err(Error::Open { path, source }),
        }
    }
}

impl<R: Read> Reader<R> {
    /// Reads a trace whose first byte is the next of `input`.
    pub fn new(input: R) -> Self {
        Self::resuming(input, 0)
    }

    /// Reads on at a frame boundary `offset` of a trace; `input` stands there already.
    pub(crate) fn resuming(input: R, offset: u64) -> Self {
        Self {
            input,
            path: PathBuf::from("the input"),
            scanner: Scanner::at(offset),
            frame: 0..0,
            tolerates_a_lost_head: false,
            tally: Tally::default(),
            spare: Step::default(),
            at_end: false,
            done: false,
        }
    }

    /// Gives the input the name that errors tell.
    #[must_use]
    pub fn named(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = path.into();
        self
    }

    /// Goes on where the trace does not begin with its head, since later copies of it may be left.
    #[must_use]
    pub fn tolerating_a_lost_head(mut self) -> Self {
        self.tolerates_a_lost_head = true;
        self
    }

    /// Position in the trace behind the last item that [`next`](Iterator::next) gave, a torn or
    /// damaged end not counted: where whole records end, and where a writer may go on.
    #[must_use]
    pub fn whole_bytes(&self) -> u64 {
        self.scanner.consumed()
    }

    /// The frame of the record that [`next`](Iterator::next) gave last, byte for byte, with fields that
    /// this version does not know; empty before the first.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        self.scanner.bytes(self.frame.clone())
    }

    /// Reads on to the next step, in place of another one, whose memory is used again, and gives its offset; `None` at
    /// the end of the trace. Records of other kinds are passed over without being decoded, and damage without being
    /// told: the second reading of a trace costs a fraction of the first.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub fn next_step(&mut self, step: &mut Step) -> Result<Option<u64>, Error> {
        self.next_step_by(step, decode_step_into)
    }

    /// The same without the columns, which are left as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub fn next_step_without_columns(&mut self, step: &mut Step) -> Result<Option<u64>, Error> {
        self.next_step_by(step, decode_numbers_into)
    }

    fn next_step_by(
        &mut self,
        step: &mut Step,
        decode: impl Fn(&[u8], &mut Step) -> bool,
    ) -> Result<Option<u64>, Error> {
        while let Some(found) = self.next_frame()? {
            match found {
                Found::Frame { offset } if decode(self.payload(), step) => return Ok(Some(offset)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The records before the one that [`next`](Iterator::next) gave last, also those that could not be decoded, but not
    /// those that [`next_step`](Self::next_step) came by.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Puts the next item in place of another one; `false` at the end of the trace. What [`next`](Iterator::next) does,
    /// but that steps, which are nearly all of a long trace, take the memory of those before.
    ///
    /// # Errors
    ///
    /// Those of [`next`](Iterator::next), after which there is nothing more.
    pub fn next_into(&mut self, item: &mut Item) -> Result<bool, Error> {
        if self.done {
            return Ok(false);
        }
        let is_whole = self.next_whole_into(item);
        self.done = !matches!(is_whole, Ok(true));
        match is_whole? {
            true => Ok(true),
            false => Ok(self.tail()?.map(|tail| *item = tail).is_some()),
        }
    }

    /// The next record, or damage that a later record proves; `false` where neither follows yet.
    pub(crate) fn next_whole_into(&mut self, item: &mut Item) -> Result<bool, Error> {
        self.tally.add(self.scanner.bytes(self.frame.clone()));
        match self.next_frame()? {
            Some(Found::Frame { offset }) => self.decode_into(offset, item)?,
            Some(Found::Damage { offset, bytes }) => *item = damaged(offset, bytes),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// The frame that was found last, at this offset, in place of another item.
    fn decode_into(&mut self, offset: u64, item: &mut Item) -> Result<(), Error> {
        let payload = &self.scanner.bytes(self.frame.clone())[OVERHEAD_BYTES..];
        let is_begun = offset > 0 || self.tolerates_a_lost_head;
        if is_begun && is_step(payload) {
            if decode_own_step(payload, item.step_at(offset, &mut self.spare)) {
                return Ok(());
            }
        } else if let Item::Record { record: Record::Step(step), .. } = item {
            self.spare = std::mem::take(step);
        }
        *item = self.decoded(offset)?;
        Ok(())
    }

    /// The frame that was found last, at this offset, as an item.
    pub(crate) fn decoded(&self, offset: u64) -> Result<Item, Error> {
        let is_first = offset == 0 && !self.tolerates_a_lost_head;
        item::item(&self.path, is_first, offset, self.frame.len() as u64, self.payload())
    }

    /// What the frame that was found last is around.
    fn payload(&self) -> &[u8] {
        self.frame().get(OVERHEAD_BYTES..).unwrap_or_default()
    }

    /// The next frame, not decoded.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Found>, Error> {
        self.frame = 0..0;
        loop {
            match self.scanner.next(self.at_end) {
                Scan::Frame { offset, payload } => {
                    self.frame = payload.start - OVERHEAD_BYTES..payload.end;
                    return Ok(Some(Found::Frame { offset }));
                }
                Scan::Damage { offset, bytes } => return Ok(Some(Found::Damage { offset, bytes })),
                Scan::NeedMore if self.at_end => return Ok(None),
                Scan::NeedMore => self.fill()?,
            }
        }
    }

    /// What is left once [`next_whole_into`](Self::next_whole_into) gave `false`.
    pub(crate) fn tail(&self) -> Result<Option<Item>, Error> {
        match self.scanner.tail() {
            Tail::Clean => Ok(None),
            Tail::Torn { offset, bytes } => Ok(Some(Item::Torn(Torn { offset, bytes }))),
            Tail::Damage { offset: 0, bytes } => Err(Error::NotATrace {
                path: self.path.clone(),
                reason: NotATrace::NoRecord { bytes },
            }),
            Tail::Damage { offset, bytes } => Ok(Some(damaged(offset, bytes))),
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        let filled = self.scanner.fill(&mut self.input);
        let read = filled.map_err(|source| Error::Read {
            path: self.path.clone(),
            offset: self.scanner.consumed(),
            source,
        })?;
        self.at_end = read == 0;
        Ok(())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut item = Item::default();
        let is_there = self.next_into(&mut item);
        is_there.map(|is_there| is_there.then_some(item)).transpose()
    }
}

fn damaged(offset: u64, bytes: u64) -> Item {
    Item::Lost(Lost { offset, bytes, cause: LossCause::Damaged })
}

/// A whole trace in memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// All whole records, in the order in which they were written.
    pub records: Vec<Record>,
    /// What could not be read.
    pub lost: Vec<Lost>,
    /// The record at which the writer was stopped, if it was.
    pub torn: Option<Torn>,
}

impl Trace {
    fn push(&mut self, item: Item) {
        match item {
            Item::Record { record, .. } => self.records.push(record),
            Item::Lost(lost) => self.lost.push(lost),
            Item::Torn(torn) => self.torn = Some(torn),
        }
    }
}

impl FromIterator<Item> for Trace {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        let mut trace = Self::default();
        items.into_iter().for_each(|item| trace.push(item));
        trace
    }
}

/// Reads a whole run into memory; `path` is its folder or the trace file itself.
///
/// # Errors
///
/// [`Error::NotARun`] or [`Error::NoFolder`] where there is no trace, [`Error::NotATrace`] and
/// [`Error::NewerMajor`] where it is not one that we know, [`Error::Read`]. Damage is no error: it
/// is told in [`Trace::lost`] and [`Trace::torn`].
pub fn read_run(path: impl AsRef<Path>) -> Result<Trace, Error> {
    let folder = RunFolder::open(path)?;
    Reader::open(folder.trace_path())?.collect()
}
