//! The alerts of a run: the last ones, and how many there were of each rule.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use burnscape_trace::{Alert, Severity};

use super::recent::{AtStep, Recent};

/// Alerts kept; of earlier ones their number by rule.
pub const MAX_ALERTS: usize = 1000;
/// Rules that are counted apart when their alerts are not kept any more.
const MAX_RULES: usize = 100;
/// What further rules are counted as.
const FURTHER_RULES: &str = "other";

impl AtStep for Alert {
    fn step(&self) -> u64 {
        self.step
    }
}

/// Training cannot go on in a sensible way.
#[must_use]
pub fn is_error(alert: &Alert) -> bool {
    alert.level == Severity::Error
}

/// The alerts of a run, without those of a path that training has left.
#[derive(Debug, Clone)]
pub struct Alerts {
    recent: Recent<Alert>,
    /// How many there were before the recent ones, by rule. A run that goes back behind all recent ones keeps
    /// these counts: their steps are not known any more.
    earlier: BTreeMap<String, u64>,
    earlier_errors: u64,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { recent: Recent::new(MAX_ALERTS), earlier: BTreeMap::new(), earlier_errors: 0 }
    }
}

impl Alerts {
    /// Takes an alert.
    pub fn apply(&mut self, alert: &Alert) {
        if let Some(oldest) = self.recent.push(alert.clone()) {
            self.count(&oldest);
        }
    }

    /// Training went on from a step: forgets what lies at or behind it.
    pub fn rewind(&mut self, step: u64) {
        self.recent.rewind(step);
    }

    /// How many there were.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.recent.len() as u64 + self.earlier.values().sum::<u64>()
    }

    /// There was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them were errors.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.earlier_errors + self.recent.iter().filter(|alert| is_error(alert)).count() as u64
    }

    /// How many there were of each rule, the most frequent first.
    #[must_use]
    pub fn by_rule(&self) -> Vec<(&str, u64)> {
        let earlier = self.earlier.iter().map(|(rule, count)| (rule.as_str(), *count));
        let recent = self.recent.iter().map(|alert| (alert.rule.as_str(), 1));
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        earlier.chain(recent).for_each(|(rule, count)| *counts.entry(rule).or_default() += count);
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        counts
    }

    /// The alerts kept: errors, then warnings, the newest of each first.
    #[must_use]
    pub fn gravest_first(&self) -> Vec<&Alert> {
        let newest_first = || self.recent.iter().rev();
        let errors = newest_first().filter(|alert| is_error(alert));
        errors.chain(newest_first().filter(|alert| !is_error(alert))).collect()
    }

    /// The alerts kept, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Alert> {
        self.recent.iter().rev()
    }

    /// The newest alert kept of each rule that names a parameter block, the newest first.
    #[must_use]
    pub fn of_block(&self, block: usize) -> Vec<&Alert> {
        let mut newest: Vec<&Alert> = Vec::new();
        let names = |alert: &&Alert| alert.block.is_some_and(|it| it as usize == block);
        for alert in self.newest_first().filter(names) {
            if newest.iter().all(|known| known.rule != alert.rule) {
                newest.push(alert);
            }
        }
        newest
    }

    /// The newest alert kept of a rule that names a tap.
    #[must_use]
    pub fn of_tap(&self, tap: &str, rule: &str) -> Option<&Alert> {
        self.newest_first().find(|alert| alert.tap.as_deref() == Some(tap) && alert.rule == rule)
    }

    fn count(&mut self, alert: &Alert) {
        let has_room =
            self.earlier.len() < MAX_RULES || self.earlier.contains_key(alert.rule.as_str());
        let rule = if has_room { alert.rule.as_str() } else { FURTHER_RULES };
        *self.earlier.entry(rule.to_owned()).or_default() += 1;
        self.earlier_errors += u64::from(is_error(alert));
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn alert(step: u64, rule: &str, level: &str) -> Alert {
        record!(Alert { step, rule: rule.into(), level: level.into() })
    }

    fn steps<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> Vec<u64> {
        alerts.into_iter().map(|alert| alert.step).collect()
    }

    #[test]
    fn errors_come_before_warnings_and_the_newest_of_each_first() {
        let mut alerts = Alerts::default();
        for (step, level) in [(1, "error"), (2, "warning"), (3, "error"), (4, "warning")] {
            alerts.apply(&alert(step, "rule", level));
        }
        assert_eq!(steps(alerts.gravest_first()), [3, 1, 4, 2]);
        assert_eq!(steps(alerts.newest_first()), [4, 3, 2, 1]);
        assert_eq!((alerts.len(), alerts.errors()), (4, 2));
    }

    #[test]
    fn what_is_not_kept_any_more_is_counted() {
        let mut alerts = Alerts::default();
        (0..1500).for_each(|step| alerts.apply(&alert(step, "plateau", "warning")));
        (1500..1503).for_each(|step| alerts.apply(&alert(step, "loss-spike", "error")));
        assert_eq!(alerts.by_rule(), [("plateau", 1500), ("loss-spike", 3)]);
        assert_eq!((alerts.newest_first().count(), alerts.errors()), (MAX_ALERTS, 3));
    }

    #[test]
    fn ever_new_rules_take_bounded_memory() {
        let mut alerts = Alerts::default();
        (0..5000).for_each(|step| alerts.apply(&alert(step, &format!("rule {step}"), "warning")));
        assert_eq!(alerts.len(), 5000);
        assert!(alerts.by_rule().len() <= MAX_ALERTS + MAX_RULES + 1);
    }

    #[test]
    fn a_block_has_the_newest_alert_of_each_rule() {
        let mut alerts = Alerts::default();
        for (step, rule, block) in [(1, "a", 0), (2, "b", 0), (3, "a", 0), (4, "c", 1)] {
            alerts.apply(&record!(Alert { block: Some(block), ..alert(step, rule, "warning") }));
        }
        alerts.apply(&alert(5, "d", "warning"));
        assert_eq!(steps(alerts.of_block(0)), [3, 2]);
    }

    #[test]
    fn alerts_of_a_path_that_was_left_are_left_out() {
        let mut alerts = Alerts::default();
        [3, 5, 7].into_iter().for_each(|step| alerts.apply(&alert(step, "plateau", "warning")));
        alerts.rewind(5);
        assert_eq!(steps(alerts.newest_first()), [3]);
        assert_eq!(alerts.by_rule(), [("plateau", 1)]);
    }
}
