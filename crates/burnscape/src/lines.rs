//! Plain lines with values, for a terminal or a log: what burn's own line renderer leaves out.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use burn::train::LearnerSummary;
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::{MetricDefinition, MetricEntry, NumericEntry};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use burnscape_landscape::words::number;
use burnscape_trace::{Metric, Record};

use crate::recorder::lanes::Lanes;

/// Lines within an epoch come at most this often.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// A burn renderer that prints one line per epoch, and one every two seconds within long epochs:
///
/// ```text
/// epoch  3/20   Loss 0.412 (valid 0.398)   Accuracy 88.1 (valid 89.4)   ‖g‖ 0.52   lr 0.001   1.2 s
/// ```
///
/// Metrics of the user's appear like any other, and their values per epoch go into the trace.
/// Made by [`Probe::lines`](crate::Probe::lines), and by `Probe::dashboard`: it is silent while a dashboard has the
/// terminal, and goes on where the reader detaches.
pub struct Lines {
    lanes: Option<Lanes>,
    names: BTreeMap<String, String>,
    train: BTreeMap<String, f64>,
    valid: BTreeMap<String, f64>,
    test: BTreeMap<String, f64>,
    epoch: usize,
    total_epochs: usize,
    split: String,
    items: (usize, usize),
    epoch_started: Instant,
    last_line: Instant,
}

impl Lines {
    pub(crate) fn new(lanes: Option<Lanes>) -> Self {
        Self {
            lanes,
            names: BTreeMap::new(),
            train: BTreeMap::new(),
            valid: BTreeMap::new(),
            test: BTreeMap::new(),
            epoch: 0,
            total_epochs: 0,
            split: String::new(),
            items: (0, 0),
            epoch_started: Instant::now(),
            last_line: Instant::now(),
        }
    }

    fn name(&self, entry: &MetricEntry) -> String {
        let id = format!("{:?}", entry.metric_id);
        self.names.get(&id).cloned().unwrap_or(id)
    }

    /// Takes a value in; the authoritative one of an epoch also goes to the trace.
    fn take(&mut self, split: &'static str, state: MetricState) {
        let MetricState::Numeric(entry, Some(value)) = state else {
            return;
        };
        let name = self.name(&entry);
        if let NumericEntry::Final(value) = value {
            self.record(split, &name, value);
        }
        let values = match split {
            "train" => &mut self.train,
            "valid" => &mut self.valid,
            _ => &mut self.test,
        };
        values.insert(name, value.current());
    }

    fn record(&self, split: &str, name: &str, value: f64) {
        let Some(lanes) = &self.lanes else { return };
        lanes.record(Record::Metric(Metric {
            split: split.to_string(),
            name: name.to_string(),
            epoch: self.epoch as u64,
            step: 0,
            value,
        }));
    }

    /// The last values of a test, which has no authoritative ones.
    fn record_test(&self) {
        let split = format!("test {}", self.split);
        let split = if self.split.is_empty() { "test" } else { &split };
        self.test.iter().for_each(|(name, value)| self.record(split, name, *value));
    }

    /// A dashboard has the terminal: it shows what would be printed here.
    fn is_silent(&self) -> bool {
        self.lanes.as_ref().is_some_and(Lanes::has_dashboard)
    }

    /// burn's table of an ended training or test; beside a dashboard it is kept until the terminal is back.
    fn print_summary(&self, summary: Option<LearnerSummary>) {
        let Some(summary) = summary else { return };
        let text = summary.to_string();
        match self.lanes.as_ref().filter(|lanes| lanes.has_dashboard()) {
            Some(lanes) => lanes.say_at_end(text),
            None => drop(writeln!(std::io::stdout(), "{text}")),
        }
    }

    /// What the probe has to say besides values.
    fn print_notices(&mut self) {
        let notices = self.lanes.as_ref().map(Lanes::take_notices);
        for notice in notices.unwrap_or_default() {
            self.print(&format!("burnscape: {notice}"));
        }
    }

    fn values(&self) -> String {
        let value = |(name, train): (&String, &f64)| match self.valid.get(name) {
            Some(valid) => format!("{name} {} (valid {})", number(*train), number(*valid)),
            None => format!("{name} {}", number(*train)),
        };
        let mut values: Vec<String> = self.train.iter().map(value).collect();
        if let Some((lr, grad_norm)) = self.lanes.as_ref().and_then(Lanes::last_values) {
            values.push(format!("‖g‖ {}", number(grad_norm)));
            values.push(format!("lr {}", number(lr)));
        }
        values.join("   ")
    }

    fn print(&mut self, line: &str) {
        self.last_line = Instant::now();
        if self.is_silent() {
            return;
        }
        // A closed pipe or a full disk behind stdout is no reason to disturb training.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    fn print_epoch(&mut self) {
        self.print_notices();
        let width = self.total_epochs.to_string().len();
        let line = format!(
            "epoch {:>width$}/{}   {}   {:.1} s",
            self.epoch,
            self.total_epochs,
            self.values(),
            self.epoch_started.elapsed().as_secs_f64(),
        );
        self.print(&line);
    }

    fn print_within_epoch(&mut self) {
        self.print_notices();
        let line = format!(
            "  epoch {}/{} {} {}/{}   {}",
            self.epoch,
            self.total_epochs,
            self.split,
            self.items.0,
            self.items.1,
            self.values(),
        );
        self.print(&line);
    }
}

impl MetricsRendererTraining for Lines {
    fn update_train(&mut self, state: MetricState) {
        self.take("train", state);
    }

    fn update_valid(&mut self, state: MetricState) {
        self.take("valid", state);
    }

    fn on_train_end(&mut self, summary: Option<LearnerSummary>) -> Result<(), Box<dyn Error>> {
        self.print_summary(summary);
        Ok(())
    }
}

impl MetricsRendererEvaluation for Lines {
    fn update_test(&mut self, _name: EvaluationName, state: MetricState) {
        self.take("test", state);
    }

    fn on_test_end(&mut self, summary: Option<LearnerSummary>) -> Result<(), Box<dyn Error>> {
        self.print_summary(summary);
        Ok(())
    }
}

impl TrainingProgressLogger for Lines {
    fn start(
        &mut self,
        total_epochs: usize,
        starting_epoch: usize,
        _total_items: Option<usize>,
        _label: Option<&str>,
    ) {
        self.total_epochs = total_epochs;
        self.epoch = starting_epoch;
    }

    fn start_split(&mut self, split: &str, total_items: usize) {
        self.split = split.to_string();
        self.items = (0, total_items);
        if split == "train" {
            self.epoch_started = Instant::now();
        }
    }

    fn update_split(&mut self, items_processed: usize) {
        self.items.0 = items_processed;
        if self.last_line.elapsed() >= LINE_EVERY {
            self.print_within_epoch();
        }
    }

    fn end_split(&mut self) {}

    fn update_epoch(&mut self, epoch: usize) {
        self.epoch = epoch;
        self.print_epoch();
        self.epoch = epoch + 1;
    }

    fn end(&mut self) {
        self.print_notices();
    }

    fn log_event_training(&mut self, _event: String) {}
}

impl EvaluationProgressLogger for Lines {
    fn start_global_progress(&mut self, _total_tests: usize) {}

    fn start_test(&mut self, name: &str, total_items: usize) {
        self.test.clear();
        self.split = name.to_string();
        self.items = (0, total_items);
    }

    fn update_test_progress(&mut self, items_processed: usize) {
        self.items.0 = items_processed;
    }

    fn end_test(&mut self) {
        self.record_test();
        let values = self.test.iter();
        let values = values.map(|(name, value)| format!("{name} {}", number(*value)));
        let values = values.collect::<Vec<_>>().join("   ");
        let line = format!("test {}   {values}", self.split);
        self.print(&line);
    }

    fn end_global_progress(&mut self) {}

    fn log_event_evaluation(&mut self, _event: String) {}
}

impl MetricsRenderer for Lines {
    fn manual_close(&mut self) {
        if let Some(lanes) = &self.lanes {
            lanes.wait_for_reader();
        }
    }

    fn register_metric(&mut self, definition: MetricDefinition) {
        let id = format!("{:?}", definition.metric_id);
        self.names.insert(id, definition.name.to_string());
    }
}
