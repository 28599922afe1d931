//! From a broken rule to everything that becomes of it: the trace, the log, the user's answer, the black box.

use std::collections::VecDeque;

use burnscape_trace::{Activation, Alert, Head, Step, columns, record};

use crate::alerts::suspicion::Suspicions;
use crate::alerts::watchdog::Watchdog;
use crate::config::Config;
use crate::config::alerts::AlertRules;
use crate::config::black_box::BlackBox;

/// The rules, and the last steps.
pub(super) struct Alarm {
    pub rules: AlertRules,
    pub watchdog: Watchdog,
    pub suspicions: Suspicions,
    pub black_box: BlackBox,
    pub last_steps: VecDeque<Step>,
    /// Black boxes that may still be written.
    pub boxes_left: usize,
}

impl Alarm {
    pub fn new(config: &Config) -> Self {
        Self {
            rules: config.alerts,
            watchdog: Watchdog::new(config.alerts, ""),
            suspicions: Suspicions::new(Vec::new()),
            black_box: config.black_box,
            last_steps: VecDeque::new(),
            boxes_left: config.black_box.most,
        }
    }

    /// The model is known from now on.
    pub fn introduce(&mut self, head: &Head) {
        let is_weight = head.blocks.iter().map(|block| block.role == "weight").collect();
        self.suspicions = Suspicions::new(is_weight);
        self.watchdog = Watchdog::new(self.rules, &head.dtype);
    }

    pub fn judge(&mut self, step: &Step, head: Option<&Head>) -> Vec<Alert> {
        head.map(|head| self.watchdog.judge(step, &head.blocks)).unwrap_or_default()
    }

    pub fn judge_activation(&mut self, seen: &Activation, step: &Step) -> Vec<Alert> {
        self.watchdog.judge_activation(seen, step)
    }

    /// Whether a step that was judged, whose norms nobody else has seen, calls for the update of a later one to be measured.
    pub fn is_suspicious(&mut self, step: &Step) -> bool {
        self.watchdog.is_in_doubt() | self.gradients_are_suspicious(step)
    }

    fn gradients_are_suspicious(&mut self, step: &Step) -> bool {
        let Some(norms) = step.columns.get(columns::GRAD_NORM) else { return false };
        let rates = step.columns.get(columns::LR).into_iter().flat_map(|rates| rates.iter());
        let rate = rates.fold(step.lr, |largest, &rate| largest.max(f64::from(rate)));
        let missing = step.missing.len();
        self.suspicions.look(step.step, norms, missing, rate, &self.rules).is_raised
    }

    /// Keeps a step for the black box, in the memory of the oldest one.
    pub fn remember(&mut self, step: &Step) {
        if self.black_box.steps == 0 {
            return;
        }
        let full = self.last_steps.len() == self.black_box.steps;
        let mut kept = full.then(|| self.last_steps.pop_front()).flatten().unwrap_or_default();
        copy_step(step, &mut kept);
        self.last_steps.push_back(kept);
    }
}

/// A copy in memory that is there already, where columns are the same.
fn copy_step(step: &Step, into: &mut Step) {
    let mut columns = std::mem::take(&mut into.columns);
    let mut missing = std::mem::take(&mut into.missing);
    columns.retain(|name, _| step.columns.contains_key(name));
    for (name, values) in &step.columns {
        match columns.get_mut(name) {
            Some(kept) => kept.0.clone_from(&values.0),
            None => drop(columns.insert(name.clone(), values.clone())),
        }
    }
    missing.0.clone_from(&step.missing.0);
    *into = record!(Step { columns, missing, ..plain(step) });
}

/// Everything of a step but what lies in memory of its own.
fn plain(step: &Step) -> Step {
    record!(Step {
        step: step.step,
        batches: step.batches,
        epoch: step.epoch,
        iteration: step.iteration,
        accumulated: step.accumulated,
        elapsed_secs: step.elapsed_secs,
        lr: step.lr,
        loss: step.loss,
    })
}
