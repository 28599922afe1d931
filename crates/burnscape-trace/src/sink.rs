//! Frames to a file: gathered in memory, written with one call, cut back after a failure.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::record::Record;
use crate::{Error, Tally, frame};

/// Frames wait in memory at most this long.
pub const FLUSH_AFTER: Duration = Duration::from_millis(250);

/// What was written is confirmed by the disk about this often.
pub const SYNC_EVERY: Duration = Duration::from_secs(10);

/// More than this is written at once, however young it is.
const PENDING_BYTES: usize = 1 << 20;

/// What a sink asks of a file; the tests have one that is full.
pub(crate) trait Disk: Write {
    fn bytes(&self) -> io::Result<u64>;
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
}

impl Disk for File {
    fn bytes(&self) -> io::Result<u64> {
        self.metadata().map(|found| found.len())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Appends frames to a [`Disk`].
#[derive(Debug)]
pub(crate) struct Sink<D> {
    disk: D,
    path: PathBuf,
    /// Length of the file up to its last whole frame.
    whole_bytes: u64,
    /// A write failed, so the file may be longer than `whole_bytes`.
    scarred: bool,
    /// Of those frames; `None` where the remains of a failed write may hold whole ones.
    tally: Option<Tally>,
    pending: Vec<u8>,
    pending_records: u64,
    pending_since: Option<Instant>,
    unsynced: bool,
    synced_at: Instant,
}

impl<D: Disk> Sink<D> {
    pub(crate) fn new(disk: D, path: PathBuf, whole_bytes: u64, now: Instant) -> Self {
        Self {
            disk,
            path,
            whole_bytes,
            scarred: false,
            tally: Some(Tally::default()),
            pending: Vec::new(),
            pending_records: 0,
            pending_since: None,
            unsynced: false,
            synced_at: now,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the trace, those in memory included.
    pub(crate) fn bytes(&self) -> u64 {
        self.whole_bytes + self.pending.len() as u64
    }

    /// Goes on behind these records.
    pub(crate) fn go_on_behind(&mut self, tally: Tally) {
        self.tally = Some(tally);
    }

    /// The records of the trace, those in memory included; `None` where that is not known.
    pub(crate) fn tally(&self) -> Option<Tally> {
        let mut tally = self.tally?;
        tally.add(&self.pending);
        Some(tally)
    }

    pub(crate) fn push(&mut self, record: &Record, now: Instant) -> Result<(), Error> {
        frame::encode(record, &mut self.pending)?;
        self.pending_records += 1;
        self.pending_since.get_or_insert(now);
        if self.pending.len() >= PENDING_BYTES {
            self.write_out()?;
        }
        Ok(())
    }

    /// Writes and confirms what is due.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<(), Error> {
        let due = |left| left == Some(Duration::ZERO);
        if due(self.sync_due_in(now)) {
            self.sync(now)
        } else if due(self.due_in(now)) {
            self.write_out()
        } else {
            Ok(())
        }
    }

    /// Time until [`tick`](Self::tick) has something to do; `None`: until the next record.
    pub(crate) fn due_in(&self, now: Instant) -> Option<Duration> {
        let flush = self.pending_since.map(|since| remaining(FLUSH_AFTER, since, now));
        flush.into_iter().chain(self.sync_due_in(now)).min()
    }

    fn sync_due_in(&self, now: Instant) -> Option<Duration> {
        self.unsynced.then(|| remaining(SYNC_EVERY, self.synced_at, now))
    }

    pub(crate) fn sync(&mut self, now: Instant) -> Result<(), Error> {
        self.write_out()?;
        if !self.unsynced {
            return Ok(());
        }
        self.synced_at = now;
        self.disk.sync().map_err(|source| Error::Sync { path: self.path.clone(), source })?;
        self.unsynced = false;
        Ok(())
    }

    /// Writes all pending frames with one call. If that fails they are gone: keeping them would
    /// fill the memory for as long as the disk is full.
    pub(crate) fn write_out(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.heal().and_then(|()| self.disk.write_all(&self.pending));
        let tally = self.tally();
        let (records, bytes) = self.take_pending();
        match written {
            Ok(()) => {
                self.whole_bytes += bytes;
                self.tally = tally;
                self.unsynced = true;
                Ok(())
            }
            Err(source) => Err(self.write_failed(records, source)),
        }
    }

    fn take_pending(&mut self) -> (u64, u64) {
        let bytes = self.pending.len() as u64;
        self.pending.clear();
        self.pending.shrink_to(2 * PENDING_BYTES);
        self.pending_since = None;
        (std::mem::take(&mut self.pending_records), bytes)
    }

    fn write_failed(&mut self, records: u64, source: io::Error) -> Error {
        self.scarred = true;
        // A failure here is met again, and told, by the next write.
        let _ = self.heal();
        Error::Write { path: self.path.clone(), records, source }
    }

    /// Cuts the remains of a failed write. Where that is not possible they stay, and readers skip
    /// them: a whole frame is never cut.
    fn heal(&mut self) -> io::Result<()> {
        if self.scarred {
            if self.disk.cut(self.whole_bytes).is_err() {
                self.whole_bytes = self.disk.bytes()?;
                self.tally = None;
            }
            self.scarred = false;
        }
        Ok(())
    }
}

fn remaining(period: Duration, since: Instant, now: Instant) -> Duration {
    period.saturating_sub(now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Head, Note};
    use crate::{FORMAT, Reader, Trace};

    /// A disk with room for so many bytes.
    #[derive(Default)]
    struct SmallDisk {
        written: Vec<u8>,
        room: usize,
        refuses_cuts: bool,
        writes: u32,
        syncs: u32,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.writes += 1;
            let taken = bytes.len().min(self.room - self.written.len());
            self.written.extend_from_slice(&bytes[..taken]);
            match taken {
                0 => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(taken),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk for SmallDisk {
        fn bytes(&self) -> io::Result<u64> {
            Ok(self.written.len() as u64)
        }

        fn cut(&mut self, bytes: u64) -> io::Result<()> {
            if self.refuses_cuts {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            self.written.truncate(bytes as usize);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.syncs += 1;
            Ok(())
        }
    }

    fn head() -> Record {
        Record::from(Head { format: FORMAT, ..Head::default() })
    }

    fn note(text: &str) -> Record {
        Record::from(Note { level: "info".into(), text: text.into() })
    }

    fn sink(room: usize, now: Instant) -> Sink<SmallDisk> {
        let disk = SmallDisk { room, ..SmallDisk::default() };
        Sink::new(disk, PathBuf::from("runs/x/trace.cbor"), 0, now)
    }

    fn read(sink: &Sink<SmallDisk>) -> Trace {
        Reader::new(&sink.disk.written[..]).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_full_disk_costs_the_records_it_counts_and_later_ones_are_readable() {
        let now = Instant::now();
        let mut sink = sink(400, now);
        sink.push(&head(), now).unwrap();
        sink.write_out().unwrap();
        sink.push(&note("lost"), now).unwrap();
        sink.push(&note(&"x".repeat(400)), now).unwrap();
        let error = sink.write_out().unwrap_err();
        assert!(matches!(&error, Error::Write { records: 2, .. }));
        assert!(error.to_string().contains("runs/x/trace.cbor"), "{error}");
        assert!(error.to_string().contains("free space"), "{error}");
        assert_eq!(read(&sink).torn, None);
        sink.push(&note("after"), now).unwrap();
        sink.write_out().unwrap();
        let trace = read(&sink);
        assert_eq!(trace.records, [head(), note("after")]);
        assert_eq!((trace.lost, trace.torn), (vec![], None));
        assert_eq!(sink.bytes(), sink.disk.written.len() as u64);
    }

    #[test]
    fn remains_that_cannot_be_cut_are_skipped_by_readers() {
        let now = Instant::now();
        let mut sink = sink(400, now);
        sink.disk.refuses_cuts = true;
        sink.push(&head(), now).unwrap();
        sink.write_out().unwrap();
        sink.push(&note(&"x".repeat(400)), now).unwrap();
        sink.write_out().unwrap_err();
        assert_eq!(sink.disk.written.len(), 400);
        sink.disk.room = 4000;
        sink.push(&note("after"), now).unwrap();
        sink.write_out().unwrap();
        let trace = read(&sink);
        assert_eq!(trace.records, [head(), note("after")]);
        assert_eq!(trace.lost.len(), 1);
    }

    #[test]
    fn frames_wait_250_ms_and_go_out_in_one_write() {
        let now = Instant::now();
        let mut sink = sink(4000, now);
        sink.push(&head(), now).unwrap();
        let later = now + Duration::from_millis(249);
        sink.push(&note("hi"), later).unwrap();
        sink.tick(later).unwrap();
        assert_eq!(sink.disk.writes, 0);
        assert_eq!(sink.due_in(later), Some(Duration::from_millis(1)));
        sink.tick(now + Duration::from_millis(250)).unwrap();
        assert_eq!(sink.disk.writes, 1);
        assert_eq!(read(&sink).records.len(), 2);
    }

    #[test]
    fn the_disk_confirms_every_10_s_and_only_when_there_is_something() {
        let now = Instant::now();
        let mut sink = sink(4000, now);
        sink.push(&head(), now).unwrap();
        sink.tick(now + Duration::from_secs(9)).unwrap();
        assert_eq!((sink.disk.writes, sink.disk.syncs), (1, 0));
        sink.tick(now + Duration::from_secs(10)).unwrap();
        assert_eq!(sink.disk.syncs, 1);
        sink.tick(now + Duration::from_secs(30)).unwrap();
        assert_eq!(sink.disk.syncs, 1);
        assert_eq!(sink.due_in(now), None);
    }

    /// A device on which every write fails, which cannot be cut either.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_fails_every_write_and_counts_what_it_costs() {
        let now = Instant::now();
        let full = File::options().append(true).open("/dev/full").unwrap();
        let mut sink = Sink::new(full, PathBuf::from("/dev/full"), 0, now);
        for records in [1, 3, 2] {
            (0..records).for_each(|_| sink.push(&head(), now).unwrap());
            match sink.write_out() {
                Err(Error::Write { records: lost, source, .. }) => {
                    assert_eq!((lost, source.kind()), (records, io::ErrorKind::StorageFull));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(sink.bytes(), 0);
        }
    }
}
