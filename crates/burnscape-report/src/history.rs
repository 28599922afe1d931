//! What a run tells beside its slices: settings, steps, epochs, metrics, activations, alerts, curvature and words.

use std::collections::BTreeMap;

use burnscape_run::{Freezing, take_check};
use burnscape_trace::{
    Activation, Alert, Check, ComparedRun, Curvature, Epoch, Frozen, Head, Histogram, Note, Plan,
    Record, Resume, Snapshot,
};

use crate::Error;
use crate::metrics::Metrics;
use crate::steps::Steps;

/// The course of a run, of records that no later resume leaves behind.
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
    /// What a comparison is about.
    pub(crate) runs: Vec<ComparedRun>,
    pub(crate) resumes: Vec<Resume>,
}

impl History {
    /// Takes a record; those of slices, and what the standing of the run tells, are of no concern here.
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
            Record::Snapshot(snapshot) => self.snapshots.push(snapshot),
            Record::Note(note) => self.notes.push(note),
            Record::Check(check) => take_check(&mut self.checks, &check),
            Record::Plan(plan) => self.plans.push(plan),
            Record::Frozen(frozen) => self.frozen.push(frozen),
            Record::Runs(told) => self.runs = told.runs,
            Record::Resume(resume) => self.resumes.push(resume),
            _ => {}
        }
        Ok(())
    }

    /// Which blocks of the head are frozen, and since when.
    pub(crate) fn freezing(&self, head: &Head) -> Freezing {
        let mut freezing = Freezing::new(&head.blocks);
        self.frozen.iter().for_each(|change| freezing.apply(change));
        freezing
    }

    /// Nothing of the course was recorded.
    pub(crate) fn is_empty(&self) -> bool {
        self.epochs.is_empty() && self.steps.count() == 0
    }
}
