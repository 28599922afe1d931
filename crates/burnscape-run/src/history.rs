//! What a run tells beside its slices: settings, steps, epochs, metrics, activations, alerts, curvature and words.

use std::collections::BTreeMap;

use burnscape_trace::{
    Activation, Alert, Check, ComparedRun, Curvature, Epoch, Frozen, Head, Histogram, Note, Plan,
    Record, Resume, Snapshot,
};

use crate::{Freezing, MetricValues, Steps, take_check};

/// The course of a run, of records that no later resume leaves behind.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct History {
    /// Hyperparameters: JSON texts by name.
    pub hyperparameters: BTreeMap<String, String>,
    /// The steps.
    pub steps: Steps,
    /// Complete epochs.
    pub epochs: Vec<Epoch>,
    /// Values of metrics.
    pub metrics: MetricValues,
    /// What was observed at taps.
    pub activations: Vec<Activation>,
    /// How values are spread.
    pub histograms: Vec<Histogram>,
    /// What went wrong, or looked as if it would.
    pub alerts: Vec<Alert>,
    /// How curved the loss was.
    pub curvature: Vec<Curvature>,
    /// Snapshots whose files were not given up.
    pub snapshots: Vec<Snapshot>,
    /// Sentences for the reader.
    pub notes: Vec<Note>,
    /// Self-checks, of each the answer that holds.
    pub checks: Vec<Check>,
    /// What was going to be measured of slices.
    pub plans: Vec<Plan>,
    /// How the blocks that are frozen changed.
    pub frozen: Vec<Frozen>,
    /// The runs that a comparison is about.
    pub runs: Vec<ComparedRun>,
    /// Where recording went on.
    pub resumes: Vec<Resume>,
}

impl History {
    /// With steps that are to come.
    pub(crate) fn of(steps: Steps) -> Self {
        Self { steps, ..Self::default() }
    }

    /// Takes a record that begins at a byte of the trace; those of slices, and what the standing of the run tells, are of
    /// no concern here.
    pub(crate) fn apply(&mut self, offset: u64, record: &Record) {
        match record {
            Record::Hyperparameters(told) => self.hyperparameters.extend(told.values.clone()),
            Record::Step(step) => self.steps.apply(offset, step),
            Record::Epoch(epoch) => self.epochs.push(epoch.clone()),
            Record::Metric(metric) => self.metrics.push(metric),
            Record::Activation(seen) => self.activations.push(seen.clone()),
            Record::Histogram(histogram) => self.histograms.push(histogram.clone()),
            Record::Alert(alert) => self.alerts.push(alert.clone()),
            Record::Curvature(curvature) => self.curvature.push(curvature.clone()),
            Record::Note(note) => self.notes.push(note.clone()),
            Record::Check(check) => take_check(&mut self.checks, check),
            Record::Plan(plan) => self.plans.push(plan.clone()),
            Record::Frozen(frozen) => self.frozen.push(frozen.clone()),
            Record::Runs(told) => self.runs.clone_from(&told.runs),
            Record::Resume(resume) => self.resumes.push(resume.clone()),
            _ => {}
        }
    }

    /// Which blocks of the head are frozen, and since when.
    #[must_use]
    pub fn freezing(&self, head: &Head) -> Freezing {
        let mut freezing = Freezing::new(&head.blocks);
        self.frozen.iter().for_each(|change| freezing.apply(change));
        freezing
    }

    /// Nothing of the course was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty() && self.steps.count() == 0
    }
}
