//! A whole run out of a damaged one: all records that can be read, and an end.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::output::Output;
use crate::record::{End, Record};
use crate::vocabulary::EndReason;
use crate::{Error, Item, Lost, Reader, Resumed, RunFolder, Torn, files};

/// What was saved of a run, and what was not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recovered {
    /// Records of the new trace, its end included.
    pub records: u64,
    /// Length of the new trace.
    pub bytes: u64,
    /// Stretches of the old trace that could not be read.
    pub lost: Vec<Lost>,
    /// The record at which its writer was stopped, if it was.
    pub torn: Option<Torn>,
    /// Files copied: snapshots, directions, black boxes.
    pub files: u64,
    /// Files that the trace names and that are not there, by their names.
    pub missing: Vec<String>,
    /// Files that were left behind, each with the reason as a sentence: the name leads out of the run, or it
    /// could not be read.
    pub refused: Vec<(String, String)>,
}

/// Writes all undamaged records of the run at `path` into a new run in the folder `out`, byte for byte and in
/// their order, and after them an `end` with the reason `recovered`. Where the first record is lost, the
/// first copy of the head that is left takes its place. Files that the records name are copied if they are in
/// the run folder.
///
/// The old run stays as it is; `out` must be empty or not there. Snapshots are copied as they are:
/// [`state_of`](crate::state_of) tells whether one is whole.
///
/// # Errors
///
/// Those of [`read_run`](crate::read_run); [`Error::NoHead`] where no copy of the head is left,
/// [`Error::OutputExists`], [`Error::CreateFolder`] and [`Error::Output`] for the new run.
pub fn recover(path: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<Recovered, Error> {
    let folder = RunFolder::open(path)?;
    let head = first_head(&folder)?;
    let mut output = Output::create(out.as_ref())?;
    let mut saved = Saved::default();
    if let Some(head) = head {
        saved.found.records += 1;
        output.copy(&head)?;
    }
    let mut reader = Reader::open(folder.trace_path())?.tolerating_a_lost_head();
    while let Some(item) = reader.next() {
        saved.take(item?, reader.frame(), &mut output)?;
    }
    saved.copy_files(&folder, output.folder())?;
    saved.finish(output)
}

/// The frame of a head to begin with; `None` where the trace begins with one.
fn first_head(folder: &RunFolder) -> Result<Option<Vec<u8>>, Error> {
    let mut reader = Reader::open(folder.trace_path())?.tolerating_a_lost_head();
    while let Some(item) = reader.next() {
        if let Item::Record { offset, record: Record::Head(_) } = item? {
            return Ok((offset > 0).then(|| reader.frame().to_vec()));
        }
    }
    Err(Error::NoHead { path: folder.trace_path() })
}

/// Not where the file is there by another spelling of its name.
fn is_full_disk(error: &Error) -> bool {
    matches!(error, Error::Output { source, .. } if source.kind() != io::ErrorKind::AlreadyExists)
}

#[derive(Default)]
struct Saved {
    found: Recovered,
    files: BTreeSet<String>,
    reached: Resumed,
    dropped: u64,
    elapsed_secs: f64,
}

impl Saved {
    fn take(&mut self, item: Item, frame: &[u8], output: &mut Output) -> Result<(), Error> {
        match item {
            Item::Record { record, .. } => {
                output.copy(frame)?;
                self.count(record);
            }
            Item::Lost(lost) => self.found.lost.push(lost),
            Item::Torn(torn) => self.found.torn = Some(torn),
        }
        Ok(())
    }

    fn count(&mut self, record: Record) {
        self.found.records += 1;
        self.files.extend(record.files().into_iter().map(str::to_owned));
        match &record {
            Record::Step(step) => self.elapsed_secs = step.elapsed_secs,
            Record::Epoch(epoch) => self.elapsed_secs = epoch.elapsed_secs,
            Record::Dropped(dropped) => self.dropped = self.dropped.saturating_add(dropped.records),
            Record::End(end) => self.elapsed_secs = end.elapsed_secs,
            _ => {}
        }
        self.reached.count(record);
    }

    fn copy_files(&mut self, from: &RunFolder, to: &RunFolder) -> Result<(), Error> {
        for name in std::mem::take(&mut self.files) {
            match files::copy(&name, from, to) {
                Ok(Some(_)) => self.found.files += 1,
                Ok(None) => self.found.missing.push(name),
                Err(error) if is_full_disk(&error) => return Err(error),
                Err(error) => self.found.refused.push((name, error.to_string())),
            }
        }
        Ok(())
    }

    fn finish(mut self, mut output: Output) -> Result<Recovered, Error> {
        output.push_end(End {
            reason: EndReason::Recovered,
            steps: self.reached.steps,
            dropped: self.dropped,
            elapsed_secs: self.elapsed_secs,
            tally: None,
        })?;
        self.found.records += 1;
        self.found.bytes = output.bytes();
        output.finish()?;
        Ok(self.found)
    }
}
