//! Following a run that is still being written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::frame::OVERHEAD_BYTES;
use crate::{Error, Item, Reader, RunFolder};

/// One poll gives items of about this many bytes at most; [`Follower::has_more`] then says so. Items take several
/// times their bytes in memory.
const POLL_BYTES: u64 = 4 << 20;

/// An unreadable end longer than this is only read again after the file has changed.
const REREAD_BYTES: u64 = 1 << 20;

const DELAY_MILLIS: u64 = 100;
const DELAY_STEP_MILLIS: u64 = 25;
const DELAY_MAX_MILLIS: u64 = 1000;

/// Yields the items of a run as they are written.
///
/// Each [`poll`](Self::poll) opens the trace by its path and reads on behind the last whole record.
/// Nothing else is kept from one poll to the next, so a writer that cuts a torn tail, a copy that is
/// refreshed under the same name, and a network disk that shows old or empty pages for a moment all
/// come out right. A record that is not whole yet is waited for.
#[derive(Debug)]
pub struct Follower {
    folder: RunFolder,
    /// Behind the last whole record.
    offset: u64,
    /// The first bytes of the trace, once its first record is whole. The checksum of the head is
    /// among them, so they tell runs apart.
    beginning: Option<Vec<u8>>,
    /// Length of the trace when all of it was last looked at.
    seen_bytes: u64,
    idle_polls: u64,
    has_more: bool,
}

impl Follower {
    /// Follows the run in a folder, from its beginning; a path to `trace.cbor` will do. The trace
    /// itself need not exist yet.
    ///
    /// # Errors
    ///
    /// [`Error::NoFolder`], or [`Error::NotARun`] where the path is some other file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self {
            folder: RunFolder::locate(path.as_ref())?,
            offset: 0,
            beginning: None,
            seen_bytes: 0,
            idle_polls: 0,
            has_more: false,
        })
    }

    /// The run followed.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// All items that are whole by now and were not given before; empty where there are none, and
    /// as long as the trace does not exist. Never an [`Item::Torn`].
    ///
    /// # Errors
    ///
    /// [`Error::NoFolder`] where the run folder is gone, [`Error::Replaced`] where another run took
    /// its place, [`Error::NotATrace`], [`Error::NewerMajor`], [`Error::Open`], [`Error::Read`]. The
    /// last two may pass: poll again, nothing is skipped. So does [`Error::NotATrace`] where only the
    /// beginning of a trace is damaged, once a whole record was written behind it.
    pub fn poll(&mut self) -> Result<Vec<Item>, Error> {
        let (offset, mut items) = (self.offset, Vec::new());
        let polled = self.poll_each(|item| items.push(std::mem::take(item)));
        // What was read before the error is given again.
        polled.map(|_| items).inspect_err(|_| self.offset = offset)
    }

    /// The same one by one: `take` may keep an item; the memory of steps that it leaves is used again. How many there
    /// were.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll); what was read before the error was given.
    pub fn poll_each(&mut self, take: impl FnMut(&mut Item)) -> Result<usize, Error> {
        self.has_more = false;
        let given = match self.open_trace()? {
            Some(file) => self.read_new(&file, take)?,
            None => 0,
        };
        self.idle_polls = if given == 0 { self.idle_polls + 1 } else { 0 };
        Ok(given)
    }

    /// The last poll stopped at its limit, not at the end of the trace: poll again at once.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Bytes of the trace whose items were given.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.offset
    }

    /// How long to wait before the next poll: 100 ms after something new, growing to a second while
    /// nothing comes.
    #[must_use]
    pub fn delay(&self) -> Duration {
        let idle = DELAY_MILLIS + DELAY_STEP_MILLIS * self.idle_polls.min(DELAY_MAX_MILLIS);
        match self.has_more {
            true => Duration::ZERO,
            false => Duration::from_millis(idle.min(DELAY_MAX_MILLIS)),
        }
    }

    /// What lies behind the last whole record now, for when no writer is at it any more: torn, or
    /// damaged to the end. `None` where there is nothing, or something to poll.
    ///
    /// # Errors
    ///
    /// As for [`poll`](Self::poll).
    pub fn finish_tail(&mut self) -> Result<Option<Item>, Error> {
        let Some(file) = self.open_trace()? else {
            return Ok(None);
        };
        let mut reader = self.reader(&file)?;
        match reader.next_whole_into(&mut Item::default())? {
            true => Ok(None),
            false => reader.tail(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.trace_path()
    }

    fn open_trace(&self) -> Result<Option<File>, Error> {
        let path = self.path();
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::Open { path, source })
            }
            Err(_) if self.folder.path().is_dir() => Ok(None),
            Err(_) => Err(Error::NoFolder { path: self.folder.path().to_owned() }),
        }
    }

    fn read_new(&mut self, file: &File, take: impl FnMut(&mut Item)) -> Result<usize, Error> {
        let bytes = self.length(file)?;
        self.recognise(file)?;
        if bytes < self.offset || self.looked_at_already(bytes) {
            return Ok(0);
        }
        let mut reader = self.reader(file)?;
        let given = self.read_some(&mut reader, take)?;
        if given == 0 {
            self.refuse_other_files(file, &reader)?;
        } else if self.beginning.is_none() {
            self.beginning = Some(self.read_beginning(file)?);
        }
        self.seen_bytes = if self.has_more { 0 } else { bytes };
        Ok(given)
    }

    fn read_some(
        &mut self,
        reader: &mut Reader<&File>,
        mut take: impl FnMut(&mut Item),
    ) -> Result<usize, Error> {
        let (begin, mut given, mut item) = (self.offset, 0, Item::default());
        while !self.has_more && reader.next_whole_into(&mut item)? {
            take(&mut item);
            given += 1;
            self.offset = reader.whole_bytes();
            self.has_more = self.offset - begin >= POLL_BYTES;
        }
        Ok(given)
    }

    fn reader<'a>(&self, mut file: &'a File) -> Result<Reader<&'a File>, Error> {
        file.seek(SeekFrom::Start(self.offset)).map_err(|source| self.read_error(source))?;
        Ok(Reader::resuming(file, self.offset).named(self.path()))
    }

    fn length(&self, file: &File) -> Result<u64, Error> {
        let found = file.metadata().map_err(|source| self.read_error(source))?;
        Ok(found.len())
    }

    // A copy that is being refreshed may be short for a moment: that is waited for.
    fn recognise(&self, file: &File) -> Result<(), Error> {
        let Some(known) = &self.beginning else {
            return Ok(());
        };
        let found = self.read_beginning(file)?;
        if found.len() < known.len() || found == *known {
            Ok(())
        } else {
            Err(Error::Replaced { path: self.path() })
        }
    }

    fn read_beginning(&self, mut file: &File) -> Result<Vec<u8>, Error> {
        let mut beginning = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.take(OVERHEAD_BYTES as u64).read_to_end(&mut beginning))
            .map_err(|source| self.read_error(source))?;
        Ok(beginning)
    }

    // Zeros are what a network disk shows for bytes that are still on their way: waited for.
    fn refuse_other_files(&self, file: &File, reader: &Reader<&File>) -> Result<(), Error> {
        if self.offset == 0 && self.read_beginning(file)?.first() != Some(&0) {
            reader.tail()?;
        }
        Ok(())
    }

    fn looked_at_already(&self, bytes: u64) -> bool {
        bytes == self.seen_bytes && bytes - self.offset > REREAD_BYTES
    }

    fn read_error(&self, source: io::Error) -> Error {
        Error::Read { path: self.path(), offset: self.offset, source }
    }
}
