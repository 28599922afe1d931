//! What a run already holds when recording goes on.

use std::fs::OpenOptions;
use std::path::Path;

use crate::record::{Curvature, Epoch, Frozen, Head, Record, Resume, Snapshot, Step};
use crate::vocabulary::CurvatureReason;
use crate::{Error, Item, Lost, Reader, Tally};

impl Resume {
    /// Whether what was seen in a step still holds: the step itself, its activations, histograms, alerts, black boxes and
    /// what was frozen from it on.
    #[must_use]
    pub fn keeps_step(&self, step: u64) -> bool {
        step < self.steps
    }

    /// Whether what was told after so many steps still holds: epochs, metrics, snapshots, live curvature. After exactly
    /// as many as it went on from, it is of the weights that it went on with.
    #[must_use]
    pub fn keeps_moment(&self, steps: u64) -> bool {
        steps <= self.steps
    }

    /// Whether a record that was written before still holds, or belongs to a path that training has left.
    #[must_use]
    pub fn keeps(&self, record: &Record) -> bool {
        match record {
            Record::Step(Step { step, .. }) => self.keeps_step(*step),
            Record::Activation(seen) => self.keeps_step(seen.step),
            Record::Histogram(histogram) => self.keeps_step(histogram.step),
            Record::Alert(alert) => self.keeps_step(alert.step),
            Record::Blackbox(black_box) => self.keeps_step(black_box.step),
            Record::Frozen(frozen) => self.keeps_step(frozen.step),
            Record::Epoch(epoch) => self.keeps_moment(epoch.steps),
            Record::Metric(metric) => self.keeps_moment(metric.step),
            Record::Snapshot(snapshot) => self.keeps_moment(snapshot.step),
            Record::Curvature(curvature) => {
                !curvature.is_live() || self.keeps_moment(curvature.step)
            }
            _ => true,
        }
    }
}

impl Curvature {
    /// It was measured while training went on, not by a study afterwards.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.reason == CurvatureReason::Live
    }
}

/// What was already recorded in a run that is resumed.
///
/// Steps are those of `step`, `epoch`, `snapshot` and `end` records. What was observed of a step
/// (activations, histograms, alerts, black boxes) does not make it a step: it may be written before its
/// `step` record, or without.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resumed {
    /// The last head; `None` where the run was stopped before it was written: append one first.
    pub head: Option<Head>,
    /// Optimizer steps recorded, so the number of the next one.
    pub steps: u64,
    /// Calls of `TrainStep::step` recorded.
    pub batches: u64,
    /// All complete epochs, in the order written.
    pub epochs: Vec<Epoch>,
    /// All snapshots whose files were not given up, in the order written.
    pub snapshots: Vec<Snapshot>,
    /// How the blocks that are frozen changed, in the order written.
    pub frozen: Vec<Frozen>,
    /// Number of the next snapshot: also those that a resume has left behind keep theirs.
    pub next_snapshot: u64,
    /// Slices recorded, so the number of the next one.
    pub slices: u32,
    /// Number of the next study: after all that were recorded or that a slice belongs to.
    pub studies: u32,
    /// Bytes after the last whole record that were cut off.
    pub truncated_bytes: u64,
    /// When recording went on, in seconds since 1970-01-01 UTC.
    pub resumed_unix_secs: f64,
    /// Damage before it, which stays in the file.
    pub lost: Vec<Lost>,
}

impl Resumed {
    /// What these records of a run leave to one who goes on; no file is touched.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut resumed = Self::default();
        for record in records {
            resumed.count(record.clone());
        }
        resumed
    }

    /// Reads a trace and cuts what follows its last whole record. Gives the length and the records that are left.
    pub(crate) fn read_and_cut(path: &Path) -> Result<(Self, u64, Tally), Error> {
        let mut resumed = Self::default();
        let mut reader = Reader::open(path)?;
        let mut unread_end = 0;
        for item in &mut reader {
            unread_end = resumed.note(item?);
        }
        let whole_bytes = reader.whole_bytes();
        resumed.lost.retain(|lost| lost.offset < whole_bytes);
        resumed.truncated_bytes = unread_end.saturating_sub(whole_bytes);
        if resumed.truncated_bytes > 0 {
            cut(path, whole_bytes)?;
        }
        Ok((resumed, whole_bytes, reader.tally()))
    }

    /// Takes in an item; gives the end of the bytes that could not be read, 0 where they could.
    fn note(&mut self, item: Item) -> u64 {
        match item {
            Item::Record { record, .. } => {
                self.count(record);
                0
            }
            Item::Torn(torn) => torn.offset + torn.bytes,
            Item::Lost(lost) => {
                let end = lost.offset + lost.bytes;
                self.lost.push(lost);
                end
            }
        }
    }

    pub(crate) fn count(&mut self, record: Record) {
        match record {
            Record::Head(head) => self.head = Some(head),
            Record::Step(Step { step, batches, .. }) => {
                self.reached(step.saturating_add(1), batches);
            }
            Record::Epoch(epoch) => {
                self.reached(epoch.steps, epoch.batches);
                self.epochs.push(epoch);
            }
            Record::Snapshot(snapshot) => {
                self.reached(snapshot.step, 0);
                self.next_snapshot = self.next_snapshot.max(snapshot.index.saturating_add(1));
                snapshot.forget_given_up(&mut self.snapshots);
                self.snapshots.push(snapshot);
            }
            Record::Frozen(frozen) => self.frozen.push(frozen),
            Record::Slice(slice) => {
                self.slices = self.slices.max(slice.slice.saturating_add(1));
                slice.study.into_iter().for_each(|study| self.has_study(study));
            }
            Record::Study(study) => self.has_study(study.study),
            Record::Resume(resume) => self.go_back(&resume),
            Record::End(end) => self.reached(end.steps, 0),
            _ => {}
        }
    }

    /// A study that ended early may be known by its slices alone.
    fn has_study(&mut self, number: u32) {
        self.studies = self.studies.max(number.saturating_add(1));
    }

    /// What lies behind the step at which recording went on belongs to a path that was left.
    fn go_back(&mut self, resume: &Resume) {
        self.steps = resume.steps;
        self.batches = resume.batches;
        self.epochs.retain(|epoch| resume.keeps_moment(epoch.steps));
        self.snapshots.retain(|snapshot| resume.keeps_moment(snapshot.step));
        self.frozen.retain(|frozen| resume.keeps_step(frozen.step));
    }

    fn reached(&mut self, steps: u64, batches: u64) {
        self.steps = self.steps.max(steps);
        self.batches = self.batches.max(batches);
    }
}

fn cut(path: &Path, bytes: u64) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(bytes))
        .map_err(|source| Error::Truncate { path: path.to_owned(), source })
}
