//! A run as plain lines, for where there is no terminal: a log file, a pipe, a dumb terminal.

use std::collections::BTreeMap;

use burnscape_trace::{
    Alert, Blackbox, Curvature, End, Epoch, Frozen, Head, Hyperparameters, Item, Metric, Note,
    Plan, Progress, Record, Runs, Slice, Snapshot, Step, Study, Trajectory,
};

use crate::json_lines::json_line;
use crate::model::{OWN, Run, caveats_of_checks};
use crate::numbers::{bytes, duration, loss, percent, short};
use crate::widgets::text::printable;

/// Turns items into lines. Of steps, of values that the program tells at steps and of progress only the last of a
/// batch of items is told, so that a fast run does not flood a log.
#[derive(Debug, Default)]
pub struct RunLines {
    run: Run,
}

/// What comes at every step and was not told yet.
#[derive(Default)]
struct Latest<'a> {
    step: Option<&'a Step>,
    own: BTreeMap<&'a str, &'a Metric>,
}

impl RunLines {
    /// Lines for a run with a name.
    #[must_use]
    pub fn new(run: Run) -> Self {
        Self { run }
    }

    /// The run so far.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The lines for a batch of items.
    pub fn lines(&mut self, items: &[Item]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut latest = Latest::default();
        let mut progress = None;
        for item in items {
            self.run.apply_item(item);
            match item {
                Item::Record { record: Record::Step(step), .. } => latest.step = Some(step),
                Item::Record { record: Record::Metric(own), .. } if own.split == OWN => {
                    latest.own.insert(&own.name, own);
                }
                Item::Record { record: Record::Progress(last), .. } => progress = Some(last),
                _ => {
                    // What is told stays in order: the step before an epoch comes before it.
                    let told = self.line(item);
                    if told.is_some() {
                        lines.extend(self.lines_of(std::mem::take(&mut latest)));
                        progress = None;
                    }
                    lines.extend(told);
                }
            }
        }
        lines.extend(self.lines_of(latest));
        lines.extend(progress.and_then(progress_line));
        lines.iter().map(|line| printable(line)).collect()
    }

    fn lines_of(&self, latest: Latest<'_>) -> Vec<String> {
        let step = latest.step.map(|step| self.step_line(step));
        let own = latest.own.into_values().map(own_line);
        step.into_iter().chain(own).collect()
    }

    /// A batch of items as JSON, an object each.
    pub(crate) fn json_lines(&mut self, items: &[Item]) -> Vec<String> {
        let told = items.iter().filter_map(|item| {
            self.run.apply_item(item);
            json_line(&self.run, item)
        });
        told.collect()
    }

    fn line(&self, item: &Item) -> Option<String> {
        let record = match item {
            Item::Record { record, .. } => record,
            Item::Lost(lost) => {
                return Some(format!("damaged: {} could not be read", bytes(lost.bytes)));
            }
            Item::Torn(torn) => {
                return Some(format!("the last record is not whole ({})", bytes(torn.bytes)));
            }
        };
        let line = match record {
            Record::Head(head) => self.head_line(head)?,
            Record::Hyperparameters(told) => hyperparameters_line(told),
            Record::Epoch(epoch) => epoch_line(epoch),
            Record::Metric(metric) => metric_line(metric),
            Record::Curvature(curvature) => curvature_line(curvature)?,
            Record::Alert(alert) => alert_line(alert),
            Record::Blackbox(black_box) => black_box_line(black_box),
            Record::Dropped(dropped) => format!("dropped {} step records", dropped.records),
            Record::Frozen(frozen) => frozen_line(frozen),
            Record::Snapshot(snapshot) => snapshot_line(snapshot),
            Record::Slice(slice) => slice_line(slice),
            Record::Trajectory(trajectory) => trajectory_line(trajectory)?,
            Record::Study(study) => study_line(study),
            Record::Plan(plan) => plan_line(plan),
            Record::Runs(runs) => runs_line(runs),
            Record::Note(note) => note_line(note),
            Record::Check(check) => caveats_of_checks([check]).next()?.to_string(),
            Record::Resume(resume) => format!("resumed after {} steps", resume.steps),
            Record::End(end) => self.end_line(end),
            _ => return None,
        };
        Some(line)
    }

    /// Heads are repeated; the first one is told.
    fn head_line(&self, head: &Head) -> Option<String> {
        (self.run.steps() == 0 && self.run.snapshots() == 0).then(|| {
            format!(
                "run {}: {} blocks of {} on {}",
                head.run_id,
                head.blocks.len(),
                head.dtype,
                head.device
            )
        })
    }

    fn step_line(&self, step: &Step) -> String {
        let mut line = format!("step {}", step.step);
        if let Some(epoch) = step.epoch {
            line += &format!(" epoch {epoch}");
        }
        if let Some(value) = step.loss {
            line += &format!(" loss {}", loss(value));
        }
        line += &format!(" lr {}", short(step.lr));
        if let Some((_, norm)) = self.run.global_grad_norm.last() {
            line += &format!(" grad_norm {}", short(norm));
        }
        line
    }

    pub(crate) fn end_line(&self, end: &End) -> String {
        let mut line =
            format!("{} after {} steps, {}", end.reason, end.steps, duration(end.elapsed_secs));
        if let Some(value) = self.run.last_loss() {
            line += &format!(", last loss {}", loss(value));
        }
        for landscape in self.run.landscapes().iter() {
            let ends = landscape.surface().ok().and_then(|it| it.lowest().zip(it.highest()));
            if let Some((low, high)) = ends {
                let name = &landscape.slice().name;
                line += &format!(", {name}: lowest {} highest {}", loss(low.loss), loss(high.loss));
            }
        }
        line + &format!(", snapshots {}, dropped {}", self.run.snapshots(), self.run.dropped())
    }
}

fn epoch_line(epoch: &Epoch) -> String {
    let named = |name: &str, value: Option<f64>| {
        value.map_or(String::new(), |value| format!(" {name} {}", loss(value)))
    };
    let train = named("train_loss", epoch.train_loss);
    let valid = named("valid_loss", epoch.valid_loss);
    let by = epoch.weighting().map_or(String::new(), |by| format!(" {by}"));
    format!("epoch {} done, steps {}{train}{valid}{by}", epoch.epoch, epoch.steps)
}

fn hyperparameters_line(told: &Hyperparameters) -> String {
    let set = told.values.iter().map(|(name, value)| format!("{name} = {value}"));
    format!("set {}", set.collect::<Vec<_>>().join(", "))
}

fn own_line(own: &Metric) -> String {
    format!("{} {} after {} steps", own.name, loss(own.value), own.step)
}

fn metric_line(metric: &Metric) -> String {
    let Metric { split, name, epoch, value, .. } = metric;
    format!("metric {split} {name} {} at epoch {epoch}", loss(*value))
}

/// The largest eigenvalue beside the largest that steps of this length bear.
fn curvature_line(curvature: &Curvature) -> Option<String> {
    let sharpness = curvature.largest.first()?;
    let mut line = format!("curvature at step {}: largest {}", curvature.step, short(*sharpness));
    if let Some(error) = curvature.largest_error.first() {
        line += &format!(" ± {}", short(*error));
    }
    if let Some(limit) = curvature.stability_limit.filter(|_| curvature.lr > 0.0) {
        line += &format!(", steps bear {}", short(limit / curvature.lr));
    }
    if let Some(trace) = curvature.trace {
        line += &format!(", trace {}", short(trace));
    }
    Some(line)
}

fn alert_line(alert: &Alert) -> String {
    let epoch = alert.epoch.map_or(String::new(), |epoch| format!(" epoch {epoch}"));
    let advice = if alert.advice.is_empty() { "" } else { " - " };
    format!(
        "alert {} {} at step {}{epoch}: {}{advice}{}",
        alert.level, alert.rule, alert.step, alert.text, alert.advice
    )
}

fn black_box_line(black_box: &Blackbox) -> String {
    let files = [&black_box.previous, &black_box.before, &black_box.after, &black_box.gradient];
    let files: String = files.into_iter().flatten().map(|file| format!(", {file}")).collect();
    let steps = black_box.steps.len();
    format!("black box of {} at step {}: {steps} steps{files}", black_box.rule, black_box.step)
}

fn frozen_line(frozen: &Frozen) -> String {
    match frozen.blocks.len() {
        0 => format!("no block is frozen from step {} on", frozen.step),
        1 => format!("one block is frozen from step {} on", frozen.step),
        blocks => format!("{blocks} blocks are frozen from step {} on", frozen.step),
    }
}

fn snapshot_line(snapshot: &Snapshot) -> String {
    format!(
        "snapshot {} ({}) at step {}, {}",
        snapshot.index,
        snapshot.reason,
        snapshot.step,
        bytes(snapshot.bytes)
    )
}

fn slice_line(slice: &Slice) -> String {
    let columns = slice.x.count;
    let rows = slice.y.as_ref().map_or(1, |y| y.count);
    let layers: String = slice.layers.iter().map(|layer| format!(", {}", layer.name)).collect();
    format!(
        "slice {} {}: {columns} x {rows} nodes around {}, loss{layers}",
        slice.slice, slice.name, slice.centre
    )
}

fn trajectory_line(trajectory: &Trajectory) -> Option<String> {
    let both = |shares: &[f64]| percent(shares.iter().take(2).sum());
    (!trajectory.explained.is_empty()).then(|| {
        let what = if trajectory.slice.is_some() { "trajectory" } else { "path so far" };
        format!(
            "{what} of {} snapshots: two components explain {}, of a random walk {}",
            trajectory.snapshots.len(),
            both(&trajectory.explained),
            both(&trajectory.random_walk),
        )
    })
}

fn study_line(study: &Study) -> String {
    let slices: Vec<String> = study.slices.iter().map(u32::to_string).collect();
    format!("study {} of slices {}: {}", study.kind, slices.join(", "), study.sentences.join(" "))
}

fn plan_line(plan: &Plan) -> String {
    let slices: Vec<String> = plan.slices.iter().map(u32::to_string).collect();
    format!("plan of slices {}: {}", slices.join(", "), plan.text)
}

fn runs_line(runs: &Runs) -> String {
    let told: Vec<String> =
        runs.runs.iter().map(|run| format!("{} ({})", run.name, run.path)).collect();
    format!("a comparison of {}", told.join(", "))
}

fn note_line(note: &Note) -> String {
    format!("{}: {}", note.level, note.text)
}

fn progress_line(progress: &Progress) -> Option<String> {
    (progress.split == "surface")
        .then(|| format!("surface {} of {} nodes", progress.done, progress.total))
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    #[test]
    fn an_alert_is_a_line_with_what_helps_and_a_black_box_one_with_its_files() {
        let alert = record!(Alert {
            rule: "loss-spike".into(),
            level: "warning".into(),
            step: 7,
            epoch: Some(2),
            text: "the training loss leaps".into(),
            advice: "Look at the batch.".into(),
        });
        let black_box = record!(Blackbox {
            step: 7,
            rule: "loss-spike".into(),
            steps: vec![Step::default(); 3],
            after: Some("blackbox/after.safetensors".into()),
        });
        let records = [Record::Alert(alert), Record::Blackbox(black_box)];
        let items = records.map(|record| Item::Record { offset: 0, record });
        assert_eq!(
            RunLines::default().lines(&items),
            [
                "alert warning loss-spike at step 7 epoch 2: the training loss leaps - Look at the batch.",
                "black box of loss-spike at step 7: 3 steps, blackbox/after.safetensors",
            ]
        );
    }

    #[test]
    fn of_values_of_ones_own_the_last_of_a_batch_is_told() {
        let own = |name: &str, step: u64| {
            let (split, name) = ("own".into(), name.into());
            Record::Metric(record!(Metric { split, name, epoch: 1, step, value: step as f64 }))
        };
        let values = [("lr", "0.5".to_owned()), ("name", "\"adam\u{1b}\"".to_owned())];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        let records = [
            Record::Hyperparameters(record!(Hyperparameters { values })),
            own("reward", 1),
            own("length", 1),
            own("reward", 2),
        ];
        let items = records.map(|record| Item::Record { offset: 0, record });
        let expected = [
            "set lr = 0.5, name = \"adam\u{fffd}\"",
            "length 1 after 1 steps",
            "reward 2 after 2 steps",
        ];
        assert_eq!(RunLines::default().lines(&items), expected);
    }

    #[test]
    fn an_epoch_says_what_its_batches_count_by() {
        let epoch = |by: &str| {
            record!(Epoch { epoch: 1, steps: 3, train_loss: Some(1.6), weighted_by: by.into() })
        };
        let [told, untold] = ["samples", ""].map(|by| epoch_line(&epoch(by)));
        assert_eq!(told, format!("{untold} by sample"));
        assert!(untold.starts_with("epoch 1 done, steps 3 train_loss 1.6"), "{untold}");
    }

    #[test]
    fn curvature_is_told_beside_what_steps_bear_and_metrics_by_their_names() {
        let curvature = record!(Curvature {
            step: 40,
            largest: vec![19.5, 2.0].into(),
            largest_error: vec![0.25, 0.1].into(),
            stability_limit: Some(2.0),
            lr: 0.1,
            trace: Some(31.0),
        });
        let metric = record!(Metric {
            split: "valid".into(),
            name: "accuracy".into(),
            epoch: 3,
            value: 0.75,
        });
        let records = [Record::Curvature(curvature), Record::Metric(metric)];
        let items = records.map(|record| Item::Record { offset: 0, record });
        assert_eq!(
            RunLines::default().lines(&items),
            [
                "curvature at step 40: largest 19.5 ± 0.25, steps bear 20, trace 31",
                "metric valid accuracy 0.75 at epoch 3",
            ]
        );
    }
}
