//! From a broken rule to everything that becomes of it: the trace, the log, the user's answer, the black box.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use burnscape_run::alert_line;
use burnscape_trace::{
    Activation, Alert, AlertRule, Blackbox, Curvature, Head, Record, RunFolder, Step, columns,
    record,
};

use super::journal::Journal;
use crate::alerts::suspicion::Suspicions;
use crate::alerts::watchdog::Watchdog;
use crate::channel::counters::Counters;
use crate::channel::samples::BoxedTensors;
use crate::config::Config;
use crate::config::alerts::{AlertAction, AlertRules, OnAlert};
use crate::config::black_box::BlackBox;
use crate::model::encoded::Encoded;
use crate::model::tensors::NamedTensor;

/// The rules, and the last steps.
pub(super) struct Alarm {
    rules: AlertRules,
    watchdog: Watchdog,
    suspicions: Suspicions,
    black_box: BlackBox,
    last_steps: VecDeque<Step>,
    /// Black boxes that may still be written.
    boxes_left: usize,
    on_alert: Option<OnAlert>,
    counters: Arc<Counters>,
    /// Paths of the blocks, for what is said of them.
    blocks: Vec<String>,
    /// What was said to help.
    helped: Vec<String>,
}

impl Alarm {
    pub fn new(config: &Config, counters: Arc<Counters>) -> Self {
        Self {
            rules: config.alerts,
            watchdog: Watchdog::new(config.alerts, ""),
            suspicions: Suspicions::new(Vec::new()),
            black_box: config.black_box,
            last_steps: VecDeque::new(),
            boxes_left: config.black_box.most,
            on_alert: config.on_alert.clone(),
            counters,
            blocks: Vec::new(),
            helped: Vec::new(),
        }
    }

    /// The model is known from now on.
    pub fn introduce(&mut self, head: &Head) {
        let is_weight = head.blocks.iter().map(|block| block.role == "weight").collect();
        self.suspicions = Suspicions::new(is_weight);
        self.blocks = head.blocks.iter().map(|block| block.path.clone()).collect();
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

    /// Tells alerts wherever they are to be told. `of_process` counts steps of this process.
    pub fn raise(
        &mut self,
        alerts: Vec<Alert>,
        of_process: u64,
        boxed: Option<Box<BoxedTensors>>,
        journal: &mut Journal,
    ) {
        let Some(first) = alerts.first() else { return };
        self.counters.alerted_after.store(of_process + 1, Ordering::Relaxed);
        let (step, rule) = (first.step, first.rule.clone());
        for alert in alerts {
            self.tell_alert(&alert, None);
            journal.append(&Record::Alert(alert));
        }
        self.write_black_box(step, rule, boxed, journal);
        journal.flush();
    }

    /// Tells what was measured live, and judges it. An edge is no fault: no black box is opened.
    pub fn live_curvature(&mut self, curvature: Curvature, journal: &mut Journal) {
        let alert = self.watchdog.judge_curvature(&curvature);
        let limit = curvature.stability_limit;
        journal.append(&Record::Curvature(curvature));
        if let Some(alert) = alert {
            self.tell_alert(&alert, limit);
            journal.append(&Record::Alert(alert));
        }
    }

    /// A line, and below it what helps, each advice once.
    fn tell_alert(&mut self, alert: &Alert, stability_limit: Option<f64>) {
        log::warn!("burnscape: {}. {}", alert.text, alert.advice);
        let block = alert.block.and_then(|it| self.blocks.get(it as usize));
        let mut told = alert_line(alert, block.map(String::as_str), stability_limit);
        if !self.helped.contains(&alert.advice) {
            self.helped.push(alert.advice.clone());
            told += &format!("\n  what helps: {}", alert.advice);
        }
        self.counters.voice.alert(told, self.counters.has_dashboard());
        match self.answer(alert) {
            AlertAction::Continue => {}
            AlertAction::Stop => self.ask_to_stop(alert),
        }
    }

    /// What the user's answer says; one that panics is not asked again, and costs nothing of the recording.
    fn answer(&mut self, alert: &Alert) -> AlertAction {
        let Some(answer) = &self.on_alert else { return AlertAction::Continue };
        catch_unwind(AssertUnwindSafe(|| (answer.0)(alert))).unwrap_or_else(|_| {
            self.on_alert = None;
            let sentence = "the answer to an alert (`on_alert`) has panicked: it is not asked again, and training goes on";
            self.counters.voice.alert(sentence.to_string(), self.counters.has_dashboard());
            AlertAction::Continue
        })
    }

    fn ask_to_stop(&self, alert: &Alert) {
        self.counters.stop_asked.store(true, Ordering::Release);
        if let Some(interrupter) = self.counters.interrupter.get() {
            interrupter.stop(Some(&format!("burnscape: {}", alert.text)));
        }
    }

    fn write_black_box(
        &mut self,
        step: u64,
        rule: AlertRule,
        boxed: Option<Box<BoxedTensors>>,
        journal: &mut Journal,
    ) {
        if self.boxes_left == 0 || self.black_box.steps == 0 {
            return;
        }
        self.boxes_left -= 1;
        let steps = self.last_steps.iter().cloned().collect();
        let mut record = record!(Blackbox { step, rule, steps });
        if let Some(boxed) = boxed {
            let BoxedTensors { previous, before, after, gradient } = *boxed;
            let folder = free_box_name(&journal.folder, step);
            let mut write = |what, tensors: &[_]| write_boxed(&folder, what, tensors, journal);
            record.previous = previous.and_then(|it| write("previous", &it));
            record.before = write("before", &before);
            record.after = after.and_then(|it| write("after", &it));
            record.gradient = write("gradient", &gradient);
        }
        journal.append(&Record::Blackbox(record));
    }
}

/// `blackbox/000037`, or with a number behind it where an earlier recording went through this step as well.
fn free_box_name(run: &RunFolder, step: u64) -> String {
    let name = |number: u32| match number {
        1 => format!("blackbox/{step:06}"),
        _ => format!("blackbox/{step:06}-{number}"),
    };
    let is_free = |name: &String| !run.path().join(name).exists();
    (1..).map(name).find(is_free).unwrap_or_default()
}

/// Writes one file of a black box; gives its name, or counts a problem.
fn write_boxed(
    folder: &str,
    what: &str,
    tensors: &[NamedTensor],
    journal: &mut Journal,
) -> Option<String> {
    if let Some(sentence) = journal.gone() {
        journal.problem(sentence);
        return None;
    }
    let name = format!("{folder}/{what}.safetensors");
    let path = journal.folder.path().join(&name);
    let written = std::fs::create_dir_all(journal.folder.path().join(folder))
        .map_err(|error| error.to_string())
        .and_then(|()| Encoded::of(tensors))
        .and_then(|encoded| encoded.write(&path).map_err(|error| error.to_string()));
    match written {
        Ok(()) => Some(name),
        Err(reason) => {
            let path = path.display();
            journal.problem(format!("the black box {path} cannot be written: {reason}"));
            None
        }
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
