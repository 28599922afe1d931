//! burn's metrics as its renderers are told them, on their way to the trace: the value that is final for an epoch.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use burn::train::metric::{MetricDefinition, MetricEntry, MetricId, NumericEntry};
use burn::train::renderer::MetricState;
use burnscape_trace::{Metric, Record, record};

use crate::channel::handle::RecorderHandle;

/// A mean over batches as burn takes it: weighted by what they count, where they tell it.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: f64,
    last: Option<f64>,
}

impl Mean {
    fn add(&mut self, value: &NumericEntry) {
        let (value, count) = match *value {
            NumericEntry::Aggregated { aggregated_value, count } => (aggregated_value, count),
            NumericEntry::Value(value) => (value, 1),
            NumericEntry::Final(value) => return self.last = Some(value),
        };
        self.sum += value * count as f64;
        self.count += count as f64;
    }

    fn value(&self) -> f64 {
        self.last.unwrap_or(self.sum / self.count)
    }
}

/// Where a renderer learns what a metric is called, and in which epoch it is.
pub(crate) struct MetricValues {
    handle: Option<RecorderHandle>,
    names: HashMap<MetricId, String>,
    /// The epoch that is being trained or validated.
    epoch: u64,
    /// Means over the batches of the test that goes on.
    test: Vec<(String, Mean)>,
    test_split: String,
}

impl MetricValues {
    pub fn new(handle: Option<RecorderHandle>) -> Self {
        let (names, test) = (HashMap::new(), Vec::new());
        Self { handle, names, epoch: 1, test, test_split: "test".to_owned() }
    }

    pub fn register(&mut self, definition: &MetricDefinition) {
        self.names.insert(definition.metric_id.clone(), definition.name.to_string());
    }

    /// What the metric of an entry is called.
    pub fn name(&self, entry: &MetricEntry) -> String {
        let name = self.names.get(&entry.metric_id).cloned();
        name.unwrap_or_else(|| format!("{:?}", entry.metric_id))
    }

    pub fn start(&mut self, starting_epoch: usize) {
        self.epoch = starting_epoch as u64;
    }

    pub fn epoch_done(&mut self, epoch: usize) {
        self.epoch = epoch as u64 + 1;
    }

    /// Takes a value in; the one that is final for its epoch goes to the trace.
    pub fn update(&self, split: &str, state: &MetricState) {
        if let MetricState::Numeric(entry, Some(NumericEntry::Final(value))) = state {
            self.record(split, self.name(entry), self.epoch, *value);
        }
    }

    pub fn start_test(&mut self, name: &str) {
        self.test.clear();
        self.test_split = match name {
            "" => "test".to_owned(),
            name => format!("test {name}"),
        };
    }

    /// Takes the value of a batch of a test in: burn tells none that is final.
    pub fn update_test(&mut self, state: &MetricState) {
        let MetricState::Numeric(entry, Some(value)) = state else { return };
        let name = self.name(entry);
        let place = self.test.iter().position(|(known, _)| *known == name);
        let place = place.unwrap_or_else(|| {
            self.test.push((name, Mean::default()));
            self.test.len() - 1
        });
        self.test[place].1.add(value);
    }

    /// The means of the test go to the trace, with the epoch that was complete before it.
    pub fn end_test(&mut self) {
        for (name, mean) in std::mem::take(&mut self.test) {
            self.record(&self.test_split, name, self.epoch.saturating_sub(1), mean.value());
        }
    }

    fn record(&self, split: &str, name: String, epoch: u64, value: f64) {
        // A renderer of ours around this one has told it.
        let is_outermost = |it: &&RecorderHandle| !it.counters().is_beside.load(Ordering::Relaxed);
        let Some(handle) = self.handle.as_ref().filter(is_outermost) else { return };
        let split = split.into();
        handle.record(Record::Metric(record!(Metric { split, name, epoch, step: 0, value })));
    }
}
