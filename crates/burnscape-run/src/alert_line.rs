//! An alert in one line: at which step, what is wrong with what, and by how much.

use burnscape_landscape::words::percent;
use burnscape_trace::{Alert, AlertRule};

use super::numbers::significant;
use super::text::printable;
use super::{CurvatureHistory, Run, is_error};

/// Such as `step 792: edge of stability, λ·lr = 1.91 (limit 2)`; errors are called so. `block` is the path of the block
/// that it names, and `stability_limit` the `λ·lr` from which on steps overshoot, where that is known.
#[must_use]
pub fn alert_line(alert: &Alert, block: Option<&str>, stability_limit: Option<f64>) -> String {
    let level = if is_error(alert) { "error at " } else { "" };
    let what = what(alert, &place(alert, block), stability_limit);
    printable(&format!("{level}step {}: {what}", alert.step))
}

impl Run {
    /// One of its alerts in one line, as [`alert_line`] has it.
    #[must_use]
    pub fn alert_line(&self, alert: &Alert) -> String {
        let blocks = self.head.as_ref().map_or(&[][..], |head| &head.blocks);
        let block = alert.block.and_then(|it| blocks.get(it as usize));
        alert_line(alert, block.map(|it| it.path.as_str()), self.stability_limit(alert))
    }

    /// From which `λ·lr` on steps overshot when an alert was told, a little below it.
    fn stability_limit(&self, alert: &Alert) -> Option<f64> {
        let histories = (0..).map_while(|it| self.curvatures().get(it));
        let mut moments = histories.flat_map(CurvatureHistory::moments);
        let moment = moments.find(|moment| moment.step == alert.step)?;
        let limit = moment.limit / moment.largest.0 * alert.value;
        limit.is_finite().then_some(limit)
    }
}

fn what(alert: &Alert, of: &str, stability_limit: Option<f64>) -> String {
    let beyond = format!("{} (limit {})", short(alert.value), short(alert.threshold));
    match &alert.rule {
        AlertRule::NonFiniteLoss => format!("the loss is {}", short(alert.value)),
        AlertRule::NonFiniteRate => format!("the learning rate is {}", short(alert.value)),
        AlertRule::NonFiniteGradient => format!("NaN or infinity in the gradient{of}"),
        AlertRule::NonFiniteWeight => format!("NaN or infinity in the weights{of}"),
        AlertRule::ExplodingGradient => format!("exploding gradient{of}, {beyond}"),
        AlertRule::VanishingGradient => format!("vanishing gradient{of}, {beyond}"),
        AlertRule::UpdateRatio => format!("update ratio{of}, {beyond}"),
        AlertRule::LossSpike => format!("loss spike, {beyond}"),
        AlertRule::Plateau => {
            format!("plateau, loss {} after {}", short(alert.value), short(alert.threshold))
        }
        AlertRule::DeadUnits => format!("dead units{of}, {}", share(alert)),
        AlertRule::SaturatedUnits => format!("saturated units{of}, {}", share(alert)),
        AlertRule::EdgeOfStability => {
            let limit = stability_limit.unwrap_or(alert.threshold);
            format!("edge of stability, λ·lr = {} (limit {})", short(alert.value), short(limit))
        }
        // A rule of a newer writer has a sentence of its own.
        rule if alert.text.is_empty() => rule.to_string(),
        _ => alert.text.clone(),
    }
}

fn short(value: f64) -> String {
    significant(value, 3)
}

fn share(alert: &Alert) -> String {
    format!("{} (limit {})", percent(alert.value), percent(alert.threshold))
}

/// The block or tap that is named, and how many more there are.
fn place(alert: &Alert, block: Option<&str>) -> String {
    let more = match alert.places {
        0 | 1 => String::new(),
        places => format!(" and {} more", places - 1),
    };
    block.or(alert.tap.as_deref()).map_or(String::new(), |name| format!(" of {name}{more}"))
}

#[cfg(test)]
mod tests {
    use burnscape_trace::{Block, Curvature, Head, Record, record};

    use super::*;

    fn run() -> Run {
        let mut run = Run::named("run");
        let block = |path: &str| record!(Block { path: path.into() });
        let blocks = ["fc1.weight", "fc1.\u{1b}bias"].map(block).to_vec();
        run.apply(&Record::Head(record!(Head { blocks })));
        run
    }

    fn told(rule: &str, alert: Alert) -> String {
        let alert = record!(Alert { rule: rule.into(), step: 792, ..alert });
        run().alert_line(&alert)
    }

    #[test]
    fn the_edge_is_held_against_what_steps_bear() {
        let mut run = run();
        let (rule, step) = (AlertRule::EdgeOfStability, 792);
        let alert = record!(Alert { rule, step, value: 1.912, threshold: 1.9 });
        let expected = "step 792: edge of stability, λ·lr = 1.91 (limit 1.9)";
        assert_eq!(run.alert_line(&alert), expected, "what it was told by");
        let (largest, stability_limit) = (vec![19.12].into(), Some(2.0));
        let lr = 0.1;
        run.apply(&Record::Curvature(record!(Curvature { step, largest, stability_limit, lr })));
        let expected = "step 792: edge of stability, λ·lr = 1.91 (limit 2)";
        assert_eq!(run.alert_line(&alert), expected);
    }

    #[test]
    fn every_rule_says_what_is_wrong_with_what() {
        let of_block =
            |places, value, threshold| record!(Alert { block: Some(0), places, value, threshold });
        let exploding = told("exploding-gradient", of_block(3, 321.0, 100.0));
        assert_eq!(
            exploding,
            "step 792: exploding gradient of fc1.weight and 2 more, 321 (limit 100)"
        );
        let level = "error".into();
        let loss = told("non-finite-loss", record!(Alert { level, value: f64::NAN }));
        assert_eq!(loss, "error at step 792: the loss is NaN");
        let level = "error".into();
        let rate = told("non-finite-rate", record!(Alert { level, value: f64::INFINITY }));
        assert_eq!(rate, "error at step 792: the learning rate is Inf");
        let tap = Some("relu".to_owned());
        let dead = told("dead-units", record!(Alert { tap, value: 0.57, threshold: 0.5 }));
        assert_eq!(dead, "step 792: dead units of relu, 57.0 % (limit 50.0 %)");
    }

    #[test]
    fn a_rule_of_a_newer_writer_is_told_in_its_own_words_and_hostile_names_are_harmless() {
        let text = "the moon is full".to_owned();
        assert_eq!(told("moon", record!(Alert { text })), "step 792: the moon is full");
        assert_eq!(told("moon", Alert::default()), "step 792: moon");
        let hostile = told("vanishing-gradient", record!(Alert { block: Some(1) }));
        assert!(hostile.contains("fc1.\u{fffd}bias"), "{hostile}");
    }
}
