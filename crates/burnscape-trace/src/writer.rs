//! The writer of a run: order of the records, when they reach the disk, and going on after a stop.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::lock::Lock;
use crate::record::{End, FORMAT, Head, Record, Resume};
use crate::sink::Sink;
use crate::{Error, Resumed, RunFolder};

/// The head is repeated at an epoch once the trace has grown by this many times its size, so that
/// the copies take at most a fifth of the trace.
const HEAD_REPEAT_GROWTH: u64 = 4;

/// Appends records to the trace of a run.
///
/// It belongs to one thread, which calls [`tick`](Self::tick) when no record comes for a while.
/// Records reach the file within [`FLUSH_AFTER`](crate::FLUSH_AFTER) and are confirmed by the disk
/// about every [`SYNC_EVERY`](crate::SYNC_EVERY), at epochs and at the end.
///
/// The first record is the head; the writer repeats it at epochs and at the end on its own.
///
/// An error loses the records it counts and no others: go on appending. Dropping the writer writes
/// what it holds, without telling errors; [`finish`](Self::finish) tells them.
///
/// Only one writer can have a run at a time; a second one is refused with [`Error::Locked`].
#[derive(Debug)]
pub struct Writer {
    sink: Sink<File>,
    lock: Option<Lock>,
    head: Option<Head>,
    /// Length of the trace behind the last copy of the head.
    head_end: u64,
    /// Length of that copy.
    head_bytes: u64,
}

impl Writer {
    /// Starts the trace of a new run.
    ///
    /// # Errors
    ///
    /// [`Error::RunExists`] where there is a trace already, [`Error::Open`] where it cannot be
    /// created, [`Error::Locked`].
    pub fn create(folder: &RunFolder) -> Result<Self, Error> {
        let path = folder.trace_path();
        let file = open_append(&path, true).map_err(|error| create_error(folder, error))?;
        let lock = Lock::take(&path)?;
        Ok(Self::new(file, &path, 0, lock))
    }

    /// Starts the first of the runs `base`, `base-2`, `base-3` … that is not there yet, and its trace. A folder that
    /// holds no run is taken; one that another process takes at the same moment is left to it.
    ///
    /// # Errors
    ///
    /// [`Error::CreateFolder`] and [`Error::Open`] where it cannot be written.
    pub fn create_next(base: impl AsRef<Path>) -> Result<(RunFolder, Self), Error> {
        let mut found = RunFolder::candidates(base.as_ref()).filter(|path| may_hold_a_run(path));
        found
            .find_map(|path| match Self::create_at(&path) {
                Err(Error::RunExists { .. } | Error::Locked { .. }) => None,
                created => Some(created),
            })
            .unwrap_or_else(|| Err(Error::RunExists { path: base.as_ref().to_owned() }))
    }

    fn create_at(path: &Path) -> Result<(RunFolder, Self), Error> {
        let folder = RunFolder::create(path)?;
        let writer = Self::create(&folder)?;
        Ok((folder, writer))
    }

    /// Goes on with a run that had stopped: cuts a torn tail and appends a `resume` record.
    ///
    /// Everything after the last whole record is cut; nothing that a reader could read is. Where
    /// the run had stopped before its head was written, the trace is empty again, no `resume` is
    /// appended and [`Resumed::head`] is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] while another writer has it, [`Error::NewerMajor`] and
    /// [`Error::NotATrace`] where it is not of the major version that this crate writes (the file is
    /// then untouched), [`Error::Open`], [`Error::Read`], [`Error::Truncate`], [`Error::Write`].
    pub fn resume(folder: &RunFolder) -> Result<(Self, Resumed), Error> {
        let path = folder.trace_path();
        let file = open_append(&path, false).map_err(|error| open_error(&path, error))?;
        let lock = Lock::take(&path)?;
        let (mut resumed, whole_bytes, tally) = Resumed::read_and_cut(&path)?;
        resumed.resumed_unix_secs = unix_secs();
        let mut writer = Self::new(file, &path, whole_bytes, lock);
        writer.sink.go_on_behind(tally);
        // A head of a newer minor version may have fields that we did not read: not to be repeated.
        writer.head = resumed.head.clone().filter(|head| head.format <= FORMAT);
        if whole_bytes > 0 {
            writer.append(&resume_record(&resumed))?;
            writer.sync()?;
        }
        Ok((writer, resumed))
    }

    fn new(file: File, path: &Path, whole_bytes: u64, lock: Option<Lock>) -> Self {
        Self {
            sink: Sink::new(file, path.to_owned(), whole_bytes, Instant::now()),
            lock,
            head: None,
            head_end: whole_bytes,
            head_bytes: 0,
        }
    }

    /// Appends a record. It is in memory first; an `epoch` and an `end` go to the disk at once.
    ///
    /// # Errors
    ///
    /// [`Error::HeadFirst`] where the trace is empty and this is no head, [`Error::WrongFormat`]
    /// for a head of another major version, [`Error::RecordTooLarge`], [`Error::UnknownKind`]: this
    /// record is not written. [`Error::Write`]: this one and all that were still in memory are lost,
    /// and counted. [`Error::Sync`]: nothing is lost.
    pub fn append(&mut self, record: &Record) -> Result<(), Error> {
        self.append_at(record, Instant::now())
    }

    fn append_at(&mut self, record: &Record, now: Instant) -> Result<(), Error> {
        let pushed = match record {
            Record::Head(head) => self.push_head(head.clone(), now),
            Record::Epoch(_) => self.push_epoch(record, now),
            Record::End(_) => self.push_end(record, now),
            _ => self.push(record, now),
        };
        // What is in memory goes its way, also where this record could not be added.
        let written = match record {
            Record::Epoch(_) | Record::End(_) => self.sink.sync(now),
            _ => self.sink.tick(now),
        };
        pushed.and(written)
    }

    fn push(&mut self, record: &Record, now: Instant) -> Result<(), Error> {
        if self.sink.bytes() == 0 {
            self.push_missing_head(record, now)?;
        }
        match record {
            Record::End(end) => self.sink.push(&self.counting(end), now),
            _ => self.sink.push(record, now),
        }
    }

    fn counting(&self, end: &End) -> Record {
        Record::End(End { tally: self.sink.tally(), ..end.clone() })
    }

    // The first write failed, and the head with it: what follows would not be a trace.
    fn push_missing_head(&mut self, record: &Record, now: Instant) -> Result<(), Error> {
        match self.head.take() {
            Some(head) => self.push_head(head, now),
            None => Err(Error::HeadFirst {
                path: self.sink.path().to_owned(),
                kind: record.kind().to_owned(),
            }),
        }
    }

    fn push_head(&mut self, head: Head, now: Instant) -> Result<(), Error> {
        if head.format[0] != FORMAT[0] {
            return Err(Error::WrongFormat { found: head.format, known: FORMAT });
        }
        let start = self.sink.bytes();
        let record = Record::Head(head);
        let pushed = self.sink.push(&record, now);
        self.head_end = self.sink.bytes();
        self.head_bytes = self.head_end.saturating_sub(start);
        if let Record::Head(head) = record {
            self.head = Some(head);
        }
        pushed
    }

    fn push_epoch(&mut self, epoch: &Record, now: Instant) -> Result<(), Error> {
        self.push(epoch, now)?;
        let grown = self.sink.bytes().saturating_sub(self.head_end);
        if grown >= HEAD_REPEAT_GROWTH * self.head_bytes {
            self.repeat_head(now)?;
        }
        Ok(())
    }

    fn push_end(&mut self, end: &Record, now: Instant) -> Result<(), Error> {
        let repeated =
            if self.sink.bytes() > self.head_end { self.repeat_head(now) } else { Ok(()) };
        // The end is worth more than the copy of the head.
        repeated.and(self.push(end, now))
    }

    fn repeat_head(&mut self, now: Instant) -> Result<(), Error> {
        match self.head.take() {
            Some(head) => self.push_head(head, now),
            None => Ok(()),
        }
    }

    /// Writes and confirms what is due; call it after at most [`due_in`](Self::due_in).
    ///
    /// # Errors
    ///
    /// [`Error::Write`], [`Error::Sync`], as for [`append`](Self::append).
    pub fn tick(&mut self) -> Result<(), Error> {
        self.sink.tick(Instant::now())
    }

    /// How long the thread may wait for the next record before it calls [`tick`](Self::tick);
    /// `None`: as long as it likes, everything is on the disk.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        self.sink.due_in(Instant::now())
    }

    /// Hands everything to the operating system: a follower sees it, and it survives our process.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.sink.write_out()
    }

    /// Flushes and waits until the disk confirms: it survives a power failure.
    ///
    /// # Errors
    ///
    /// [`Error::Write`], [`Error::Sync`].
    pub fn sync(&mut self) -> Result<(), Error> {
        self.sink.sync(Instant::now())
    }

    /// Appends the `end`, which gets the tally of the records before it, syncs, and gives the run free.
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    pub fn finish(mut self, end: End) -> Result<(), Error> {
        self.append(&Record::End(end))
    }

    /// The trace written.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.sink.path()
    }

    /// Length of the trace, what is still in memory included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sink.bytes()
    }

    /// Others are kept out; `false` on a file system without locks.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.sink.write_out();
    }
}

/// Nothing is there, or a folder.
fn may_hold_a_run(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |found| found.is_dir())
}

fn open_append(path: &Path, new: bool) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(new).open(path)
}

fn create_error(folder: &RunFolder, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Error::RunExists { path: folder.path().to_owned() },
        _ => open_error(&folder.trace_path(), error),
    }
}

fn open_error(path: &Path, source: io::Error) -> Error {
    Error::Open { path: path.to_owned(), source }
}

fn unix_secs() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0.0, |since| since.as_secs_f64())
}

fn resume_record(resumed: &Resumed) -> Record {
    Record::Resume(Resume {
        resumed_unix_secs: resumed.resumed_unix_secs,
        steps: resumed.steps,
        batches: resumed.batches,
        truncated_bytes: resumed.truncated_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_run;
    use crate::record::Note;

    #[test]
    fn a_head_lost_with_the_first_write_is_written_with_the_next() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(scratch.path()).unwrap();
        let mut writer = Writer::create(&folder).unwrap();
        let path = folder.trace_path();
        // A file opened for reading refuses to be written, as a full disk does.
        let refusing = File::open(&path).unwrap();
        writer.sink = Sink::new(refusing, path.clone(), 0, Instant::now());
        let head = Record::from(Head { format: FORMAT, ..Head::default() });
        writer.append(&head).unwrap();
        let error = writer.flush().unwrap_err();
        assert!(matches!(error, Error::Write { records: 1, .. }));

        let willing = open_append(&path, false).unwrap();
        writer.sink = Sink::new(willing, path, 0, Instant::now());
        writer.append(&Record::from(Note::default())).unwrap();
        drop(writer);
        let records = read_run(folder.path()).unwrap().records;
        assert_eq!(records, [head, Record::from(Note::default())]);
    }
}
