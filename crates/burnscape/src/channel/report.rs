//! What the writer thread tells about itself: how much it wrote, and what went wrong.

use burnscape_trace::{Error as TraceError, Snapshot};

use crate::Error;
use crate::model::frozen::FrozenHistory;

/// Sentences kept; further ones are only counted.
const MAX_PROBLEMS: usize = 20;

/// The state of a recording.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// Snapshots in the run.
    pub snapshots: Vec<Snapshot>,
    /// Which blocks were frozen when.
    pub frozen: FrozenHistory,
    /// Optimizer steps in the run.
    pub steps: u64,
    /// Step records lost to a full queue.
    pub dropped_steps: u64,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
    /// What went wrong, each sentence once.
    pub problems: Vec<String>,
    /// How often something went wrong.
    pub problem_count: u64,
    recurring: Vec<Recurring>,
}

/// What goes wrong again and again while a disk is full: it is told once, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Trace,
    Snapshot,
}

#[derive(Debug, Clone)]
struct Recurring {
    cause: Cause,
    /// Where its sentence stands among the problems.
    place: usize,
    count: u64,
}

impl Report {
    /// Counts a problem; a new one is told once through `log`. Gives whether it is new.
    pub fn problem(&mut self, sentence: String) -> bool {
        self.problem_count += 1;
        if self.problems.contains(&sentence) || self.problems.len() == MAX_PROBLEMS {
            return false;
        }
        log::warn!("burnscape: {sentence}");
        self.problems.push(sentence);
        true
    }

    /// Counts a failure; gives its sentence if it is new.
    pub fn failed(&mut self, error: Error) -> Option<String> {
        match error {
            Error::Trace(TraceError::Write { path, records, source }) => {
                let cause = source.to_string();
                let sentence = |records| {
                    let error = TraceError::Write { path, records, source };
                    format!("{error} ({cause})")
                };
                self.recurs(Cause::Trace, records, sentence)
            }
            Error::SnapshotWrite { .. } => {
                self.recurs(Cause::Snapshot, 1, |count| snapshot_sentence(&error, count))
            }
            error => {
                let sentence = error.to_string();
                self.problem(sentence.clone()).then_some(sentence)
            }
        }
    }

    /// What was lost of the trace, as a sentence.
    pub fn lost_records(&self) -> Option<String> {
        let lost = self.recurring.iter().find(|it| it.cause == Cause::Trace)?;
        Some(self.problems[lost.place].clone())
    }

    fn recurs(
        &mut self,
        cause: Cause,
        count: u64,
        sentence: impl FnOnce(u64) -> String,
    ) -> Option<String> {
        if let Some(known) = self.recurring.iter_mut().find(|it| it.cause == cause) {
            known.count += count;
            self.problem_count += 1;
            self.problems[known.place] = sentence(known.count);
            return None;
        }
        let (sentence, place) = (sentence(count), self.problems.len());
        let is_new = self.problem(sentence.clone());
        is_new.then(|| self.recurring.push(Recurring { cause, place, count }));
        is_new.then_some(sentence)
    }
}

fn snapshot_sentence(error: &Error, count: u64) -> String {
    match count {
        1 => error.to_string(),
        _ => format!("{error}; it is one of {count} that could not be written"),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;

    fn full(records: u64) -> Error {
        let source = io::ErrorKind::StorageFull.into();
        Error::Trace(TraceError::Write {
            path: PathBuf::from("runs/x/trace.cbor"),
            records,
            source,
        })
    }

    fn snapshot(number: u32) -> Error {
        let (file, reason) = (PathBuf::from(format!("snapshots/{number}")), "full".to_string());
        Error::SnapshotWrite { file, reason }
    }

    #[test]
    fn a_full_disk_is_one_problem_that_counts_what_it_costs() {
        let mut report = Report::default();
        assert!(report.failed(full(3)).is_some_and(|it| it.contains("records lost: 3.")));
        assert_eq!(report.failed(full(4)), None);
        assert!(report.failed(snapshot(7)).is_some());
        report.failed(snapshot(8));
        report.failed(full(5));
        let [trace, snapshots] = &report.problems[..] else { panic!("{:?}", report.problems) };
        assert!(
            trace.contains("records lost: 12.") && trace.contains("no storage space"),
            "{trace}"
        );
        assert!(snapshots.contains("snapshots/8") && snapshots.contains("one of 2"), "{snapshots}");
        assert_eq!(report.problem_count, 5);
        assert_eq!(report.lost_records().as_ref(), Some(trace));
    }
}
