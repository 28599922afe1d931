//! What a run tells beside its slices: settings, steps, epochs, metrics, activations, alerts, curvature and words.

use std::collections::BTreeMap;

use burnscape_trace::{
    Activation, Alert, Check, Curvature, End, Epoch, Frozen, Histogram, Note, Plan, Record, Resume,
    Snapshot,
};

use crate::Error;
use crate::metrics::Metrics;
use crate::steps::Steps;

/// The course of a run. Where a resume went back, what was left behind is not in it.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Hyperparameters: JSON texts by name.
    pub(crate) hyperparameters: BTreeMap<String, String>,
    pub(crate) steps: Steps,
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) metrics: Metrics,
    pub(crate) activations: Vec<Activation>,
    pub(crate) histograms: Vec<Histogram>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) curvature: Vec<Curvature>,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) notes: Vec<Note>,
    pub(crate) checks: Vec<Check>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) frozen: Vec<Frozen>,
    pub(crate) dropped: u64,
    pub(crate) resumes: Vec<Resume>,
    pub(crate) end: Option<End>,
}

impl History {
    /// Takes a record; those of slices are of no concern here.
    pub(crate) fn apply(&mut self, record: Record) -> Result<(), Error> {
        match record {
            Record::Hyperparameters(told) => self.hyperparameters.extend(told.values),
            Record::Step(step) => self.steps.push(&step)?,
            Record::Epoch(epoch) => self.epochs.push(epoch),
            Record::Metric(metric) => self.metrics.push(metric),
            Record::Activation(seen) => self.activations.push(seen),
            Record::Histogram(histogram) => self.histograms.push(histogram),
            Record::Alert(alert) => self.alerts.push(alert),
            Record::Curvature(curvature) => self.curvature.push(curvature),
            Record::Snapshot(snapshot) => {
                snapshot.forget_given_up(&mut self.snapshots);
                self.snapshots.push(snapshot);
            }
            Record::Note(note) => self.notes.push(note),
            Record::Check(check) => self.checks.push(check),
            Record::Plan(plan) => self.plans.push(plan),
            Record::Frozen(frozen) => self.frozen.push(frozen),
            Record::Dropped(dropped) => {
                self.dropped = self.dropped.saturating_add(dropped.records);
            }
            Record::Resume(resume) => self.rewind(resume),
            Record::End(end) => self.end = Some(end),
            _ => {}
        }
        Ok(())
    }

    /// The rules are those of [`Resume`].
    fn rewind(&mut self, resume: Resume) {
        let steps = resume.steps;
        self.steps.rewind(steps);
        self.activations.retain(|seen| seen.step < steps);
        self.histograms.retain(|histogram| histogram.step < steps);
        self.alerts.retain(|alert| alert.step < steps);
        self.frozen.retain(|frozen| frozen.step < steps);
        self.epochs.retain(|epoch| epoch.steps <= steps);
        self.snapshots.retain(|snapshot| snapshot.step <= steps);
        self.metrics.rewind(steps);
        self.curvature.retain(|curvature| curvature.step <= steps);
        self.resumes.push(resume);
        self.end = None;
    }

    /// Nothing of the course was recorded.
    pub(crate) fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.epochs.is_empty() && self.steps.count()? == 0)
    }
}
