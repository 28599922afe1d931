//! Plain lines with values, for a terminal or a log: what burn's own line renderer leaves out.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use burn::train::LearnerSummary;
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::MetricDefinition;
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use burnscape_landscape::words::number;

use super::metric_values::MetricValues;
use crate::channel::epoch_values::LastValues;
use crate::channel::handle::RecorderHandle;
use crate::channel::message::Control;

/// Lines within an epoch come at most this often.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Lines of epochs that wait for their last steps; of more, the oldest do without.
const MOST_WAITING: usize = 32;

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
    handle: Option<RecorderHandle>,
    /// A training has begun to call it.
    prints: bool,
    metrics: MetricValues,
    train: BTreeMap<String, f64>,
    valid: BTreeMap<String, f64>,
    test: BTreeMap<String, f64>,
    epoch: usize,
    total_epochs: usize,
    split: String,
    items: (usize, usize),
    epoch_started: Instant,
    last_line: Instant,
    /// Epochs whose last step is not written yet.
    waiting: VecDeque<EpochLine>,
}

/// A line about an epoch, without what its last step came to.
struct EpochLine {
    epoch: usize,
    total_epochs: usize,
    metrics: Vec<String>,
    secs: f64,
    since: Instant,
}

impl EpochLine {
    fn with(&self, last: Option<LastValues>) -> String {
        let Self { epoch, total_epochs, metrics, secs, .. } = self;
        let width = total_epochs.to_string().len();
        let values = [&metrics[..], &words(last)].concat().join("   ");
        format!("epoch {epoch:>width$}/{total_epochs}   {values}   {secs:.1} s")
    }
}

/// ‖g‖ and the learning rate of a step.
fn words(last: Option<LastValues>) -> Vec<String> {
    last.map_or_else(Vec::new, |LastValues { lr, grad_norm }| {
        vec![format!("‖g‖ {}", number(grad_norm)), format!("lr {}", number(lr))]
    })
}

impl Lines {
    pub(crate) fn new(handle: Option<RecorderHandle>) -> Self {
        Self {
            metrics: MetricValues::new(handle.clone()),
            handle,
            prints: false,
            train: BTreeMap::new(),
            valid: BTreeMap::new(),
            test: BTreeMap::new(),
            epoch: 0,
            total_epochs: 0,
            split: String::new(),
            items: (0, 0),
            epoch_started: Instant::now(),
            last_line: Instant::now(),
            waiting: VecDeque::new(),
        }
    }

    /// Takes a value in.
    fn take(&mut self, split: &'static str, state: &MetricState) {
        let MetricState::Numeric(entry, Some(value)) = state else {
            return;
        };
        let name = self.metrics.name(entry);
        let values = match split {
            "train" => &mut self.train,
            "valid" => &mut self.valid,
            _ => &mut self.test,
        };
        values.insert(name, value.current());
    }

    /// A dashboard has the terminal: it shows what would be printed here.
    fn is_silent(&self) -> bool {
        self.handle.as_ref().is_some_and(RecorderHandle::has_dashboard)
    }

    /// burn's table of an ended training or test; beside a dashboard it is kept until the terminal is back.
    fn print_summary(&self, summary: Option<LearnerSummary>) {
        let Some(summary) = summary else { return };
        let text = summary.to_string();
        match self.handle.as_ref().filter(|handle| handle.has_dashboard()) {
            Some(handle) => handle.say_at_end(text),
            None => drop(writeln!(std::io::stdout(), "{text}")),
        }
    }

    /// What the probe has to say besides values.
    fn print_notices(&mut self) {
        let notices = self.handle.as_ref().map(|handle| handle.counters().voice.take_lines());
        for notice in notices.unwrap_or_default() {
            self.print(&format!("burnscape: {notice}"));
        }
    }

    fn metric_words(&self) -> Vec<String> {
        let value = |(name, train): (&String, &f64)| match self.valid.get(name) {
            Some(valid) => format!("{name} {} (valid {})", number(*train), number(*valid)),
            None => format!("{name} {}", number(*train)),
        };
        self.train.iter().map(value).collect()
    }

    fn print(&mut self, line: &str) {
        self.last_line = Instant::now();
        if self.is_silent() {
            return;
        }
        // A closed pipe or a full disk behind stdout is no reason to disturb training.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// The line of an epoch waits until the writer thread has its last step, which may be after burn told of its end.
    fn end_epoch(&mut self) {
        self.waiting.push_back(EpochLine {
            epoch: self.epoch,
            total_epochs: self.total_epochs,
            metrics: self.metric_words(),
            secs: self.epoch_started.elapsed().as_secs_f64(),
            since: Instant::now(),
        });
        self.handle.iter().for_each(RecorderHandle::wake);
        self.print_waiting(false);
    }

    /// Prints lines of epochs whose last steps are known; all of them if `force`, or when they have waited long enough.
    fn print_waiting(&mut self, force: bool) {
        while let Some(line) = self.next_line(force) {
            self.print_notices();
            self.print(&line);
        }
    }

    /// The line of the oldest epoch that waits, with the values of its own last step, or without any.
    fn next_line(&mut self, force: bool) -> Option<String> {
        let line = self.waiting.front()?;
        let values = self.handle.as_ref().map(|handle| &handle.counters().epoch_values);
        let told = values.map(|values| values.take(line.epoch as u64));
        let has_waited = || line.since.elapsed() >= LINE_EVERY || self.waiting.len() > MOST_WAITING;
        let last = match told {
            Some(None) if !force && !has_waited() => return None,
            told => told.flatten().flatten(),
        };
        let line = line.with(last);
        self.waiting.pop_front();
        Some(line)
    }

    fn print_within_epoch(&mut self) {
        self.print_notices();
        let last = self.handle.as_ref().and_then(RecorderHandle::last_values);
        let line = format!(
            "  epoch {}/{} {} {}/{}   {}",
            self.epoch,
            self.total_epochs,
            self.split,
            self.items.0,
            self.items.1,
            [self.metric_words(), words(last)].concat().join("   "),
        );
        self.print(&line);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.print_waiting(true);
        if let (Some(handle), true) = (&self.handle, self.prints) {
            handle.counters().voice.lines_end();
        }
    }
}

impl MetricsRendererTraining for Lines {
    fn update_train(&mut self, state: MetricState) {
        self.metrics.update("train", &state);
        self.take("train", &state);
    }

    fn update_valid(&mut self, state: MetricState) {
        self.metrics.update("valid", &state);
        self.take("valid", &state);
    }

    fn on_train_end(&mut self, summary: Option<LearnerSummary>) -> Result<(), Box<dyn Error>> {
        self.print_summary(summary);
        Ok(())
    }
}

impl MetricsRendererEvaluation for Lines {
    fn update_test(&mut self, _name: EvaluationName, state: MetricState) {
        self.metrics.update_test(&state);
        self.take("test", &state);
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
        self.metrics.start(starting_epoch);
        self.handle.iter().for_each(|handle| handle.counters().epoch_values.forget());
        if let (Some(handle), false) = (&self.handle, std::mem::replace(&mut self.prints, true)) {
            handle.counters().voice.lines_begin();
        }
    }

    fn start_split(&mut self, split: &str, total_items: usize) {
        self.print_waiting(false);
        self.split = split.to_string();
        self.items = (0, total_items);
        if split == "train" {
            self.epoch_started = Instant::now();
        }
    }

    fn update_split(&mut self, items_processed: usize) {
        self.print_waiting(false);
        self.items.0 = items_processed;
        if self.last_line.elapsed() >= LINE_EVERY {
            self.print_within_epoch();
        }
    }

    fn end_split(&mut self) {}

    fn update_epoch(&mut self, epoch: usize) {
        self.epoch = epoch;
        self.end_epoch();
        self.metrics.epoch_done(epoch);
        self.epoch = epoch + 1;
    }

    fn end(&mut self) {
        if let (Some(handle), false) = (&self.handle, self.waiting.is_empty()) {
            // Training is over: whoever prints may wait now.
            let _ = handle.ask(Control::Sync);
        }
        self.print_waiting(true);
        self.print_notices();
    }

    fn log_event_training(&mut self, _event: String) {}
}

impl EvaluationProgressLogger for Lines {
    fn start_global_progress(&mut self, _total_tests: usize) {}

    fn start_test(&mut self, name: &str, total_items: usize) {
        self.test.clear();
        self.metrics.start_test(name);
        self.split = name.to_string();
        self.items = (0, total_items);
    }

    fn update_test_progress(&mut self, items_processed: usize) {
        self.items.0 = items_processed;
    }

    fn end_test(&mut self) {
        self.metrics.end_test();
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
        if let Some(handle) = &self.handle {
            handle.wait_for_reader();
        }
    }

    fn register_metric(&mut self, definition: MetricDefinition) {
        self.metrics.register(&definition);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    /// Epochs that are quicker than the writer thread: none shows the norm of another one.
    #[test]
    fn a_line_has_the_norm_of_the_last_step_of_its_own_epoch_or_none() {
        let (handle, _inbox) = RecorderHandle::without_writer();
        let counters = handle.counters();
        counters.last_grad_norm.store(99.0_f64.to_bits(), Ordering::Relaxed);
        counters.last_lr.store(1.0_f64.to_bits(), Ordering::Relaxed);
        let mut lines = Lines::new(Some(handle.clone()));
        lines.start(4, 1, None, None);
        for epoch in 1..=4 {
            lines.update_epoch(epoch);
        }
        assert_eq!(lines.next_line(false), None);
        for (epoch, grad_norm) in [(1, 2.5), (2, 3.5)] {
            handle.counters().epoch_values.tell(epoch, Some(LastValues { lr: 0.5, grad_norm }));
        }
        let mut next = |force| lines.next_line(force).unwrap_or_default();
        assert!(next(false).starts_with("epoch 1/4   ‖g‖ 2.5"));
        assert!(next(false).starts_with("epoch 2/4   ‖g‖ 3.5"));
        assert_eq!(next(false), "");
        let last = next(true);
        assert!(last.starts_with("epoch 3/4") && !last.contains('‖'), "{last}");
    }
}
