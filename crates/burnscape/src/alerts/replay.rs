//! The rules held against a run that was recorded before.

use burnscape_trace::{Alert, Block, Record, Step};

use super::watchdog::Watchdog;
use crate::config::alerts::AlertRules;

impl AlertRules {
    /// The alerts that these rules raise on the records of a run, in their order: what other thresholds would have said.
    /// Updates were measured when the run was recorded; what was not measured is not judged.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use burnscape::AlertRules;
    /// use burnscape::trace::read_run;
    ///
    /// let strict = AlertRules { loss_spike: Some(2.0), ..AlertRules::default() };
    /// let alerts = strict.replay(&read_run("runs/digits")?.records);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn replay<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Vec<Alert> {
        let mut replay = Replay::new(*self);
        records.into_iter().for_each(|record| replay.take(record));
        replay.alerts
    }
}

struct Replay {
    rules: AlertRules,
    watchdog: Watchdog,
    blocks: Vec<Block>,
    step: Step,
    alerts: Vec<Alert>,
}

impl Replay {
    fn new(rules: AlertRules) -> Self {
        let (watchdog, step) = (Watchdog::new(rules, ""), Step::default());
        Self { rules, watchdog, blocks: Vec::new(), step, alerts: Vec::new() }
    }

    fn take(&mut self, record: &Record) {
        let found = match record {
            Record::Head(head) => {
                // Heads are repeated.
                if self.blocks.len() != head.blocks.len() {
                    self.watchdog = Watchdog::new(self.rules, &head.dtype);
                }
                self.blocks.clone_from(&head.blocks);
                return;
            }
            Record::Step(step) => {
                self.step.clone_from(step);
                self.watchdog.judge(step, &self.blocks)
            }
            Record::Activation(seen) => self.watchdog.judge_activation(seen, &self.step),
            Record::Curvature(it) if it.reason == "live" => {
                self.watchdog.judge_curvature(it).into_iter().collect()
            }
            _ => return,
        };
        self.alerts.extend(found);
    }
}
