//! A shorter trace out of a long one: of every so many steps, those that a chart cannot do without.

mod bucket;

use std::num::NonZeroU64;
use std::path::Path;

use self::bucket::Bucket;
use crate::output::Output;
use crate::record::{Note, Record};
use crate::vocabulary::Severity;
use crate::{Error, Item, Lost, Reader, RunFolder, Torn};

/// What thinning left and what it left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thinned {
    /// `step` records of the old trace.
    pub steps: u64,
    /// Of these in the new one.
    pub kept: u64,
    /// Length of the new trace.
    pub bytes: u64,
    /// Stretches of the old trace that could not be read.
    pub lost: Vec<Lost>,
    /// The record at which its writer was stopped, if it was.
    pub torn: Option<Torn>,
}

/// Writes a thinned copy of the run at `path` into a new run in the folder `out`.
///
/// Of each bucket of `every` consecutive `step` records these are kept, all as they were measured:
///
/// * the first;
/// * those with the lowest and the highest loss, and the first whose loss is not finite;
/// * for each block, those with its lowest and its highest gradient norm, and the first with one that is not
///   finite;
/// * those that an alert or a black box in the bucket refers to.
///
/// So minima, maxima and spikes stay where they were. The first step of a bucket also gets the means over it,
/// per block and of finite values, as further columns: `grad_norm_mean` beside `grad_norm`, and so on for all
/// columns of the bucket; and a `metric` of the split `thinned` with the name `loss` holds the mean loss. An
/// `epoch`, a `resume` and every record that has nothing to do with steps ends a bucket early. All records
/// that are neither steps nor ends are copied byte for byte, ends count the records that are left, and a `note` says what was done.
///
/// The new run holds the trace alone, which every chart is drawn from; snapshots and directions stay behind.
/// The old run stays as it is; `out` must be empty or not there.
///
/// # Errors
///
/// Those of [`read_run`](crate::read_run); [`Error::NoHead`] where the trace does not begin with its head,
/// [`Error::OutputExists`], [`Error::CreateFolder`] and [`Error::Output`] for the new run.
pub fn thin(
    path: impl AsRef<Path>,
    out: impl AsRef<Path>,
    every: NonZeroU64,
) -> Result<Thinned, Error> {
    let folder = RunFolder::open(path)?;
    let mut reader = Reader::open(folder.trace_path())?;
    begins_with_head(&mut reader, &folder)?;
    let mut thinning = Thinning {
        output: Output::create(out.as_ref())?,
        bucket: Bucket::new(every.get()),
        thinned: Thinned::default(),
    };
    thinning.output.copy(reader.frame())?;
    thinning.output.push(&Record::from(note(every)))?;
    while let Some(item) = reader.next() {
        thinning.take(item?, reader.frame())?;
    }
    thinning.finish()
}

/// Without its head a trace is no trace; `recover` puts one there.
fn begins_with_head(reader: &mut Reader<std::fs::File>, folder: &RunFolder) -> Result<(), Error> {
    match reader.next().transpose()? {
        Some(Item::Record { record: Record::Head(_), .. }) => Ok(()),
        _ => Err(Error::NoHead { path: folder.trace_path() }),
    }
}

/// How the note of a thinned trace begins.
pub(crate) const THINNED: &str = "This trace is thinned: ";

fn note(every: NonZeroU64) -> Note {
    let text = format!(
        "{THINNED}of every {every} steps, those with the lowest and highest loss and gradient \
         norms are kept, and the first with means over all of them."
    );
    Note { level: Severity::Info, text }
}

struct Thinning {
    output: Output,
    bucket: Bucket,
    thinned: Thinned,
}

impl Thinning {
    fn take(&mut self, item: Item, frame: &[u8]) -> Result<(), Error> {
        match item {
            Item::Record { record: Record::Step(step), .. } => {
                if self.bucket.is_full() {
                    self.empty_bucket()?;
                }
                self.thinned.steps += 1;
                self.bucket.push_step(step);
                Ok(())
            }
            Item::Record { record, .. } => self.take_other(record, frame),
            Item::Lost(lost) => {
                self.thinned.lost.push(lost);
                self.empty_bucket()
            }
            Item::Torn(torn) => {
                self.thinned.torn = Some(torn);
                Ok(())
            }
        }
    }

    fn take_other(&mut self, record: Record, frame: &[u8]) -> Result<(), Error> {
        if self.bucket.push_other(&record, frame) {
            return Ok(());
        }
        self.empty_bucket()?;
        match record {
            Record::End(end) => self.output.push_end(end),
            _ => self.output.copy(frame),
        }
    }

    fn empty_bucket(&mut self) -> Result<(), Error> {
        let frames = self.bucket.take()?;
        self.thinned.kept += frames.steps;
        self.output.copy(&frames.bytes)
    }

    fn finish(mut self) -> Result<Thinned, Error> {
        self.empty_bucket()?;
        self.thinned.bytes = self.output.bytes();
        self.output.finish()?;
        Ok(self.thinned)
    }
}
