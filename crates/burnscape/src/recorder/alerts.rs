//! What becomes of an alert: the trace, the log, the user's answer, the black box.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use burnscape_trace::{Alert, AlertRule, Blackbox, Curvature, Record, record};

use super::worker::Worker;
use crate::channel::samples::BoxedTensors;
use crate::config::alerts::AlertAction;
use crate::model::snapshot;
use crate::model::tensors::NamedTensor;

impl Worker {
    /// Tells alerts wherever they are to be told. `of_process` counts steps of this process.
    pub(super) fn raise(
        &mut self,
        alerts: Vec<Alert>,
        of_process: u64,
        boxed: Option<Box<BoxedTensors>>,
    ) {
        let Some(first) = alerts.first() else { return };
        self.counters.alerted_after.store(of_process + 1, Ordering::Relaxed);
        let (step, rule) = (first.step, first.rule.clone());
        for alert in alerts {
            self.tell_alert(&alert);
            self.append(&Record::Alert(alert));
        }
        self.write_black_box(step, rule, boxed);
        self.flush();
    }

    /// Places what was measured live in the run, and judges it. An edge is no fault: no black box is opened.
    pub(super) fn live_curvature(&mut self, curvature: &mut Curvature) {
        curvature.step += self.base.steps;
        curvature.epoch = self.epochs_complete();
        let alert = self.alarm.watchdog.judge_curvature(curvature);
        self.append(&Record::Curvature(std::mem::take(curvature)));
        if let Some(alert) = alert {
            self.tell_alert(&alert);
            self.append(&Record::Alert(alert));
        }
    }

    fn tell_alert(&mut self, alert: &Alert) {
        log::warn!("burnscape: {}. {}", alert.text, alert.advice);
        let sentence = format!("{}. {}", alert.text, alert.advice);
        self.counters.voice.alert(sentence, self.counters.has_dashboard());
        let Some(answer) = &self.config.on_alert else { return };
        if (answer.0)(alert) == AlertAction::Stop {
            self.counters.stop_asked.store(true, Ordering::Release);
            if let Some(interrupter) = self.counters.interrupter.get() {
                interrupter.stop(Some(&format!("burnscape: {}", alert.text)));
            }
        }
    }

    fn write_black_box(&mut self, step: u64, rule: AlertRule, boxed: Option<Box<BoxedTensors>>) {
        if self.alarm.boxes_left == 0 || self.alarm.black_box.steps == 0 {
            return;
        }
        self.alarm.boxes_left -= 1;
        let steps = self.alarm.last_steps.iter().cloned().collect();
        let mut record = record!(Blackbox { step, rule, steps });
        if let Some(boxed) = boxed {
            let BoxedTensors { previous, before, after, gradient } = *boxed;
            let folder = self.free_box_name(step);
            record.previous = previous.and_then(|it| self.write_boxed(&folder, "previous", &it));
            record.before = self.write_boxed(&folder, "before", &before);
            record.after = after.and_then(|it| self.write_boxed(&folder, "after", &it));
            record.gradient = self.write_boxed(&folder, "gradient", &gradient);
        }
        self.append(&Record::Blackbox(record));
    }

    /// `blackbox/000037`, or with a number behind it where an earlier recording went through this step as well.
    fn free_box_name(&self, step: u64) -> String {
        let name = |number: u32| match number {
            1 => format!("blackbox/{step:06}"),
            _ => format!("blackbox/{step:06}-{number}"),
        };
        let is_free = |name: &String| !self.folder.path().join(name).exists();
        (1..).map(name).find(is_free).unwrap_or_default()
    }

    /// Writes one file of a black box; gives its name, or counts a problem.
    fn write_boxed(&mut self, folder: &str, what: &str, tensors: &[NamedTensor]) -> Option<String> {
        if let Some(sentence) = self.gone() {
            self.problem(sentence);
            return None;
        }
        let name = format!("{folder}/{what}.safetensors");
        let path: PathBuf = self.folder.path().join(&name);
        let written = std::fs::create_dir_all(self.folder.path().join(folder))
            .map_err(|error| error.to_string())
            .and_then(|()| snapshot::encode(tensors))
            .and_then(|bytes| snapshot::write(&path, &bytes).map_err(|error| error.to_string()));
        match written {
            Ok(()) => Some(name),
            Err(reason) => {
                self.problem(format!(
                    "the black box {} cannot be written: {reason}",
                    path.display()
                ));
                None
            }
        }
    }
}
