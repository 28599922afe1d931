//! What the list says of a run: a few numbers, whatever the length of the run.

use burnscape_trace::{Item, Record};

use crate::model::{Alerts, RunState};

/// A run in a line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    /// Seconds since 1970-01-01 UTC.
    pub(crate) started_unix_secs: Option<f64>,
    pub(crate) planned_epochs: Option<u64>,
    pub(crate) epoch: Option<u64>,
    pub(crate) steps: u64,
    pub(crate) last_loss: Option<f64>,
    pub(crate) is_damaged: bool,
    pub(crate) alerts: Alerts,
    is_at_surface: bool,
    end: Option<String>,
}

impl Summary {
    /// Where the run is.
    pub(crate) fn state(&self) -> RunState {
        RunState::told_by(self.end.as_deref(), self.is_at_surface, self.steps)
    }

    /// Takes an item of a reader or follower.
    pub(crate) fn apply_item(&mut self, item: &Item) {
        match item {
            Item::Record { record, .. } => self.apply(record),
            Item::Lost(_) => self.is_damaged = true,
            Item::Torn(_) => {}
        }
    }

    fn apply(&mut self, record: &Record) {
        match record {
            Record::Head(head) => {
                self.started_unix_secs.get_or_insert(head.started_unix_secs);
                self.planned_epochs = head.epochs_planned.or(self.planned_epochs);
            }
            Record::Step(step) => {
                self.steps = step.step.saturating_add(1);
                self.epoch = step.epoch.or(self.epoch);
                self.last_loss = step.loss.or(self.last_loss);
            }
            Record::Epoch(epoch) => {
                (self.epoch, self.steps) = (Some(epoch.epoch), epoch.steps);
                self.last_loss = self.last_loss.or(epoch.train_loss);
            }
            Record::Progress(progress) => self.is_at_surface = progress.split == "surface",
            Record::Alert(alert) => self.alerts.apply(alert),
            Record::Resume(resume) => {
                self.end = None;
                self.steps = self.steps.min(resume.steps);
                self.alerts.rewind(resume.steps);
            }
            Record::End(end) => self.end = Some(end.reason.clone()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::{Alert, End, Epoch, Head, LossCause, Lost, Progress, Resume, Step};

    use super::*;

    fn after(records: Vec<Record>) -> Summary {
        let mut summary = Summary::default();
        records.iter().for_each(|record| summary.apply(record));
        summary
    }

    fn step(step: u64, loss: f64) -> Record {
        Record::Step(Step { step, epoch: Some(2), loss: Some(loss), ..Step::default() })
    }

    /// The list and the views must not tell different things of one run.
    #[test]
    fn the_summary_agrees_with_the_whole_model() {
        let alert = |step| Record::Alert(Alert { step, level: "error".into(), ..Alert::default() });
        let records = vec![
            Record::Head(Head { started_unix_secs: 5.0, ..Head::default() }),
            step(0, 2.0),
            alert(0),
            step(1, 1.5),
            alert(1),
            Record::Epoch(Epoch { epoch: 2, steps: 2, train_loss: Some(9.0), ..Epoch::default() }),
            Record::Progress(Progress { split: "surface".into(), ..Progress::default() }),
            Record::End(End { reason: "interrupted".into(), ..End::default() }),
            Record::Resume(Resume { steps: 1, ..Resume::default() }),
            Record::Progress(Progress { split: "train".into(), ..Progress::default() }),
            step(1, 1.25),
        ];
        for count in 0..=records.len() {
            let mut run = crate::model::Run::default();
            records[..count].iter().for_each(|record| run.apply(record));
            let summary = after(records[..count].to_vec());
            assert_eq!(summary.state(), run.state(), "after {count} records");
            assert_eq!(summary.steps, run.steps(), "after {count} records");
            assert_eq!(summary.alerts.len(), run.alerts().len(), "after {count} records");
        }
        assert_eq!(after(records).last_loss, Some(1.25));
    }

    #[test]
    fn what_is_lost_makes_a_run_damaged() {
        let mut summary = Summary::default();
        summary.apply_item(&Item::Lost(Lost { offset: 1, bytes: 2, cause: LossCause::Damaged }));
        assert!(summary.is_damaged);
    }
}
