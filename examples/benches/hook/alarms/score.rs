//! Precision and recall of each rule over the labelled set.

use std::collections::BTreeMap;

use burnscape::trace::{Alert, Record};
use serde_json::{Value, json};

use super::Label;

/// Recall that is aimed at.
const RECALL: f64 = 0.95;
/// Healthy steps in which one false alert is borne.
const STEPS_PER_FALSE_ALERT: f64 = 20_000.0;

/// A training, and what the rules made of it.
pub struct Judged {
    name: String,
    label: Label,
    steps: u64,
    alerts: Vec<Alert>,
}

impl Judged {
    pub fn new(name: String, label: Label, records: &[Record], alerts: Vec<Alert>) -> Self {
        let is_step = |record: &&Record| matches!(record, Record::Step(_));
        let steps = records.iter().filter(is_step).count() as u64;
        Self { name, label, steps, alerts }
    }

    /// Steps in which nothing is wrong.
    fn healthy_steps(&self) -> u64 {
        if self.label.is_healthy() { self.steps } else { self.label.from.min(self.steps) }
    }

    fn is_true(&self, alert: &Alert) -> bool {
        let is_known = |rules: &[String]| rules.iter().any(|rule| alert.rule == *rule);
        let is_told = is_known(&self.label.expected) || is_known(&self.label.allowed);
        is_told && alert.step >= self.label.from
    }

    fn false_alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| !self.is_true(alert))
    }

    fn is_found(&self, rule: &str) -> bool {
        self.alerts.iter().any(|alert| alert.rule == rule && self.is_true(alert))
    }

    /// One line, and one for each mistake.
    pub fn print(&self) {
        let missed = self.label.expected.iter().filter(|rule| !self.is_found(rule));
        let missed: Vec<String> = missed.map(|rule| format!("      missed: {rule}")).collect();
        let told = |alert: &Alert| format!("      false: {}, {}", alert.rule, alert.text);
        let mistakes: Vec<String> = self.false_alerts().map(told).chain(missed).collect();
        let verdict = if mistakes.is_empty() { "ok " } else { "BAD" };
        println!("{verdict} {:<52} {:>5} steps", self.name, self.steps);
        mistakes.iter().for_each(|line| println!("{line}"));
    }
}

/// What a rule made of the set, in trainings.
#[derive(Debug, Clone, Copy, Default)]
struct OfRule {
    planted: usize,
    found: usize,
    false_alerts: usize,
}

impl OfRule {
    fn recall(self) -> f64 {
        self.found as f64 / self.planted as f64
    }

    fn precision(self) -> f64 {
        self.found as f64 / (self.found + self.false_alerts) as f64
    }
}

/// The whole set.
#[derive(Default)]
pub struct Score {
    trainings: usize,
    healthy: usize,
    healthy_steps: u64,
    rules: BTreeMap<String, OfRule>,
    mistakes: Vec<Value>,
}

impl Score {
    pub fn take(&mut self, judged: Judged) {
        self.trainings += 1;
        self.healthy += usize::from(judged.label.is_healthy());
        self.healthy_steps += judged.healthy_steps();
        for rule in &judged.label.expected {
            let of_rule = self.rules.entry(rule.clone()).or_default();
            of_rule.planted += 1;
            of_rule.found += usize::from(judged.is_found(rule));
            if !judged.is_found(rule) {
                self.mistakes.push(json!({ "training": judged.name, "missed": rule }));
            }
        }
        for alert in judged.false_alerts() {
            self.rules.entry(alert.rule.to_string()).or_default().false_alerts += 1;
            self.mistakes.push(json!({ "training": judged.name, "false": alert.text }));
        }
    }

    fn false_alerts(&self) -> usize {
        self.rules.values().map(|rule| rule.false_alerts).sum()
    }

    fn total(&self) -> OfRule {
        let sum = |value: fn(&OfRule) -> usize| self.rules.values().map(value).sum();
        OfRule {
            planted: sum(|it| it.planted),
            found: sum(|it| it.found),
            false_alerts: sum(|it| it.false_alerts),
        }
    }

    pub fn print(&self) {
        println!(
            "\n{} trainings, {} of them healthy, {} healthy steps",
            self.trainings, self.healthy, self.healthy_steps
        );
        println!(
            "{:<22} {:>8} {:>6} {:>6} {:>7} {:>10}",
            "rule", "planted", "found", "false", "recall", "precision"
        );
        let total = ("all".to_string(), self.total());
        for (rule, it) in self.rules.clone().into_iter().chain([total]) {
            println!(
                "{rule:<22} {:>8} {:>6} {:>6} {:>7.3} {:>10.3}",
                it.planted,
                it.found,
                it.false_alerts,
                it.recall(),
                it.precision()
            );
        }
        println!(
            "false alerts in 20,000 healthy steps: {:.2} (aim ≤ 1); recall {:.3} (aim ≥ {RECALL})\n",
            self.false_rate(),
            self.total().recall()
        );
    }

    fn false_rate(&self) -> f64 {
        self.false_alerts() as f64 * STEPS_PER_FALSE_ALERT / self.healthy_steps as f64
    }

    pub fn to_json(&self) -> Value {
        let rules = self.rules.iter().map(|(rule, it)| {
            let row = json!({
                "planted": it.planted, "found": it.found, "false_alerts": it.false_alerts,
                "recall": it.recall(), "precision": it.precision(),
            });
            (rule.clone(), row)
        });
        json!({
            "trainings": self.trainings,
            "healthy_trainings": self.healthy,
            "healthy_steps": self.healthy_steps,
            "rules": rules.collect::<serde_json::Map<String, Value>>(),
            "recall": self.total().recall(),
            "false_alerts_in_20000_healthy_steps": self.false_rate(),
            "mistakes": self.mistakes,
        })
    }
}
