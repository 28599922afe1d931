//! What is in a run in figures, gathered record by record, so that memory does not grow with its steps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burnscape_trace::{
    Check, ComparedRun, Error, Head, Item, Lost, Metric, Record, RunFolder, Torn,
};

use crate::recorded::read_held;
use crate::{Freezing, Landscapes, Standing, take_check};

/// What is in a run, and how much of it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The run.
    pub folder: PathBuf,
    /// Length of its trace.
    pub trace_bytes: u64,
    /// The last head.
    pub head: Head,
    /// How many records there are of each kind, those that a resume leaves behind included.
    pub records: BTreeMap<String, u64>,
    /// Where the run stands.
    pub standing: Standing,
    /// Seconds until the last step or epoch, of all processes that trained; what came after it went into surfaces.
    pub training_secs: f64,
    /// The losses of its steps.
    pub loss: Option<Losses>,
    /// The last value of each metric, by split and name.
    pub metrics: BTreeMap<(String, String), Metric>,
    /// JSON texts by name.
    pub hyperparameters: BTreeMap<String, String>,
    /// How many alerts there are of each rule.
    pub alerts: BTreeMap<String, u64>,
    /// Bytes by file, as several snapshots may have one.
    pub snapshots: BTreeMap<String, u64>,
    /// Slices with their nodes, the path of training through them, and what they say about each other.
    pub landscapes: Landscapes,
    /// The runs that it compares; none unless it is a comparison.
    pub compared: Vec<ComparedRun>,
    /// Which blocks are frozen.
    pub freezing: Freezing,
    /// Self-checks, of each the answer that holds.
    pub checks: Vec<Check>,
    /// What could not be read.
    pub lost: Vec<Lost>,
    /// The unfinished record at the end.
    pub torn: Option<Torn>,
    /// Runs of further models that were trained with it.
    pub children: Vec<PathBuf>,
}

/// The losses of the steps.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Losses {
    /// Of the first step that has one.
    pub first: f64,
    /// Of the last step that has one.
    pub last: f64,
    /// The lowest; NaN while none was finite.
    pub lowest: f64,
    /// The highest; NaN while none was finite.
    pub highest: f64,
    /// How many are NaN or infinite.
    pub not_finite: u64,
}

impl Facts {
    /// Reads the run at `path`, and once more where a resume leaves some of it behind.
    ///
    /// # Errors
    ///
    /// [`Error::NotARun`] or [`Error::NoFolder`] where there is none, and those of [`Reader`](burnscape_trace::Reader).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let folder = RunFolder::open(path)?;
        let trace = folder.trace_path();
        let mut facts = read_held(&trace, |_| Self::default(), Self::take)?;
        facts.training_secs = facts.standing.training_secs();
        folder.path().clone_into(&mut facts.folder);
        facts.trace_bytes = std::fs::metadata(&trace).map_or(0, |found| found.len());
        facts.children = folder.children().iter().map(|it| it.path().to_owned()).collect();
        Ok(facts)
    }

    fn take(&mut self, item: &Item, holds: bool) {
        self.standing.apply_item(item);
        match item {
            Item::Record { record, .. } => {
                self.count_kind(record.kind());
                // Also a snapshot that is left behind took the place of others.
                if let Record::Snapshot(snapshot) = record {
                    for &index in &snapshot.given_up {
                        self.snapshots.remove(&RunFolder::snapshot_file(index));
                    }
                }
                if holds {
                    self.count(record);
                }
            }
            Item::Lost(lost) => self.lost.push(lost.clone()),
            Item::Torn(torn) => self.torn = Some(*torn),
        }
    }

    fn count(&mut self, record: &Record) {
        match record {
            Record::Head(head) => self.take_head(head),
            Record::Frozen(frozen) => self.freezing.apply(frozen),
            Record::Step(step) => {
                if let Some(loss) = step.loss {
                    self.loss.get_or_insert(Losses::beginning_with(loss)).take(loss);
                }
            }
            Record::Hyperparameters(told) => self.hyperparameters.extend(told.values.clone()),
            Record::Metric(metric) => {
                let name = (metric.split.to_string(), metric.name.clone());
                self.metrics.insert(name, metric.clone());
            }
            Record::Alert(alert) => *self.alerts.entry(alert.rule.to_string()).or_default() += 1,
            Record::Snapshot(it) => drop(self.snapshots.insert(it.file.clone(), it.bytes)),
            Record::Slice(slice) => self.landscapes.apply_slice(slice),
            Record::Nodes(nodes) => self.landscapes.apply_nodes(nodes),
            Record::Trajectory(path) => self.landscapes.apply_trajectory(path),
            Record::Study(study) => self.landscapes.apply_study(study),
            Record::Plan(plan) => self.landscapes.apply_plan(plan),
            Record::Check(check) => take_check(&mut self.checks, check),
            Record::Runs(told) => self.compared.clone_from(&told.runs),
            _ => {}
        }
    }

    fn count_kind(&mut self, kind: &str) {
        match self.records.get_mut(kind) {
            Some(records) => *records += 1,
            None => drop(self.records.insert(kind.to_owned(), 1)),
        }
    }

    /// Heads are repeated, and what changed since the first stays.
    fn take_head(&mut self, head: &Head) {
        if self.head.blocks != head.blocks {
            self.freezing = Freezing::new(&head.blocks);
        }
        self.head.clone_from(head);
    }

    /// Bytes of the files of its snapshots.
    #[must_use]
    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshots.values().fold(0, |sum, it| sum.saturating_add(*it))
    }

    /// How many checks hold, or do not.
    #[must_use]
    pub fn checks(&self, passed: bool) -> usize {
        self.checks.iter().filter(|check| check.passed == passed).count()
    }

    /// Why it ended; `None` where it did not.
    #[must_use]
    pub fn ended(&self) -> Option<&str> {
        self.standing.end().map(|end| end.reason.as_str())
    }
}

impl Losses {
    fn beginning_with(first: f64) -> Self {
        Self { first, last: first, lowest: f64::NAN, highest: f64::NAN, not_finite: 0 }
    }

    fn take(&mut self, loss: f64) {
        self.last = loss;
        if loss.is_finite() {
            // min and max give the other value where one is NaN.
            self.lowest = self.lowest.min(loss);
            self.highest = self.highest.max(loss);
        } else {
            self.not_finite += 1;
        }
    }
}
