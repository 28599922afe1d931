//! A renderer around that of the user's: it hands every call on, and what it learns from them to the recorder.
//!
//! burn tells a renderer everything: progress, metrics, the end. So neither the one progress logger that burn keeps
//! nor a metric logger, whose presence silences burn's own files, is needed for what is recorded.

use std::error::Error;
use std::sync::atomic::Ordering;

use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::MetricDefinition;
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining, default_renderer,
};
use burn::train::{Interrupter, LearnerSummary};

use super::events::Events;
use super::metric_values::MetricValues;
use crate::channel::handle::RecorderHandle;

/// What renders, with ours beside it.
pub(crate) struct Beside {
    rendered: Rendered,
    events: Events,
    values: MetricValues,
    handle: RecorderHandle,
}

/// The renderer that was given, or burn's own.
enum Rendered {
    By(Box<dyn MetricsRenderer>),
    /// burn's, made when it is needed first: its screen has to come after the log that burn installs at the launch,
    /// since both set panic hooks.
    ByDefault(Interrupter, Option<usize>),
    Over,
}

impl Beside {
    /// Ours beside `renderer`, or beside the one that burn chooses for this interrupter and checkpoint.
    pub fn new(
        renderer: Option<Box<dyn MetricsRenderer>>,
        interrupter: Interrupter,
        checkpoint: Option<usize>,
        handle: RecorderHandle,
    ) -> Self {
        let rendered = match renderer {
            Some(renderer) => Rendered::By(renderer),
            None => Rendered::ByDefault(interrupter, checkpoint),
        };
        handle.counters().voice.screen_begins();
        let events = Events::telling(handle.clone());
        Self { rendered, events, values: MetricValues::new(Some(handle.clone())), handle }
    }

    fn pass_on<T>(&mut self, call: impl FnOnce(&mut dyn MetricsRenderer) -> T) -> Option<T> {
        if let Rendered::ByDefault(interrupter, checkpoint) = &self.rendered {
            self.rendered = Rendered::By(default_renderer(interrupter.clone(), *checkpoint));
        }
        match &mut self.rendered {
            Rendered::By(renderer) => {
                let is_beside = &self.handle.counters().is_beside;
                is_beside.store(true, Ordering::Relaxed);
                let answer = call(renderer.as_mut());
                is_beside.store(false, Ordering::Relaxed);
                Some(answer)
            }
            Rendered::ByDefault(..) | Rendered::Over => None,
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.rendered = Rendered::Over;
        self.handle.counters().voice.screen_ends();
    }
}

impl MetricsRendererTraining for Beside {
    fn update_train(&mut self, state: MetricState) {
        self.values.update("train", &state);
        self.pass_on(|it| it.update_train(state));
    }

    fn update_valid(&mut self, state: MetricState) {
        self.values.update("valid", &state);
        self.pass_on(|it| it.update_valid(state));
    }

    fn on_train_end(&mut self, summary: Option<LearnerSummary>) -> Result<(), Box<dyn Error>> {
        self.pass_on(|it| it.on_train_end(summary)).unwrap_or(Ok(()))
    }
}

impl MetricsRendererEvaluation for Beside {
    fn update_test(&mut self, name: EvaluationName, state: MetricState) {
        self.values.update_test(&state);
        self.pass_on(|it| it.update_test(name, state));
    }

    fn on_test_end(&mut self, summary: Option<LearnerSummary>) -> Result<(), Box<dyn Error>> {
        self.pass_on(|it| it.on_test_end(summary)).unwrap_or(Ok(()))
    }
}

impl TrainingProgressLogger for Beside {
    fn start(
        &mut self,
        total_epochs: usize,
        starting_epoch: usize,
        total_items: Option<usize>,
        label: Option<&str>,
    ) {
        self.values.start(starting_epoch);
        self.events.start(total_epochs, starting_epoch);
        self.pass_on(|it| it.start(total_epochs, starting_epoch, total_items, label));
    }

    fn start_split(&mut self, split: &str, total_items: usize) {
        self.events.start_split(split, total_items);
        self.pass_on(|it| it.start_split(split, total_items));
    }

    fn update_split(&mut self, items_processed: usize) {
        self.events.update_split(items_processed);
        self.pass_on(|it| it.update_split(items_processed));
    }

    fn end_split(&mut self) {
        self.events.end_split();
        self.pass_on(|it| it.end_split());
    }

    fn update_epoch(&mut self, epoch: usize) {
        self.events.update_epoch(epoch);
        self.pass_on(|it| it.update_epoch(epoch));
        self.values.epoch_done(epoch);
    }

    fn end(&mut self) {
        self.events.end();
        self.pass_on(|it| it.end());
    }

    fn log_event_training(&mut self, event: String) {
        self.pass_on(|it| it.log_event_training(event));
    }
}

impl EvaluationProgressLogger for Beside {
    fn start_global_progress(&mut self, total_tests: usize) {
        self.pass_on(|it| it.start_global_progress(total_tests));
    }

    fn start_test(&mut self, name: &str, total_items: usize) {
        self.values.start_test(name);
        self.pass_on(|it| it.start_test(name, total_items));
    }

    fn update_test_progress(&mut self, items_processed: usize) {
        self.pass_on(|it| it.update_test_progress(items_processed));
    }

    fn end_test(&mut self) {
        self.values.end_test();
        self.pass_on(|it| it.end_test());
    }

    fn end_global_progress(&mut self) {
        self.pass_on(|it| it.end_global_progress());
    }

    fn log_event_evaluation(&mut self, event: String) {
        self.pass_on(|it| it.log_event_evaluation(event));
    }
}

impl MetricsRenderer for Beside {
    fn manual_close(&mut self) {
        self.pass_on(|it| it.manual_close());
        self.handle.counters().voice.tell_if_free();
    }

    fn register_metric(&mut self, definition: MetricDefinition) {
        self.values.register(&definition);
        self.pass_on(|it| it.register_metric(definition));
    }
}
