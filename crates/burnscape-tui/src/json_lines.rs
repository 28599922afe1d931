//! The items of a run as JSON, one object a line, for programs that follow it.
//!
//! Every line has `run` (its name) and `kind`; what else it has is listed in the help of `burnscape watch`. JSON knows
//! no NaN and no infinities: they are the texts `"NaN"`, `"Infinity"`, `"-Infinity"`. What was not recorded is null.

use burnscape_trace::{Alert, Curvature, End, Epoch, Head, Item, Metric, Progress, Record, Step};
use serde_json::{Value, json};

use crate::model::{Run, json_number as number, json_printable};

/// The line of an item that was just applied to a run; `None` where there is nothing to follow it by.
pub(crate) fn json_line(run: &Run, item: &Item) -> Option<String> {
    let mut line = match item {
        Item::Record { record, .. } => of_record(run, record)?,
        Item::Lost(lost) => json!({ "kind": "lost", "bytes": lost.bytes }),
        Item::Torn(torn) => json!({ "kind": "torn", "bytes": torn.bytes }),
    };
    line["run"] = json!(run.name());
    Some(json_printable(&line.to_string()))
}

fn of_record(run: &Run, record: &Record) -> Option<Value> {
    Some(match record {
        Record::Head(head) => of_head(head),
        Record::Hyperparameters(told) => {
            json!({ "kind": "hyperparameters", "values": told.values })
        }
        Record::Step(step) => of_step(run, step),
        Record::Epoch(epoch) => of_epoch(epoch),
        Record::Metric(metric) => of_metric(metric),
        Record::Curvature(curvature) => of_curvature(curvature),
        Record::Alert(alert) => of_alert(alert),
        Record::Progress(progress) => of_progress(progress),
        Record::Snapshot(it) => {
            json!({ "kind": "snapshot", "index": it.index, "step": it.step, "epoch": it.epoch,
                "reason": it.reason, "file": it.file, "bytes": it.bytes })
        }
        Record::Frozen(it) => {
            json!({ "kind": "frozen", "step": it.step, "blocks": it.blocks.0 })
        }
        Record::Dropped(it) => json!({ "kind": "dropped", "records": it.records }),
        Record::Note(it) => json!({ "kind": "note", "level": it.level, "text": it.text }),
        Record::Resume(it) => json!({ "kind": "resume", "steps": it.steps }),
        Record::End(end) => of_end(end),
        _ => return None,
    })
}

fn of_head(head: &Head) -> Value {
    json!({ "kind": "head", "run_id": head.run_id, "started_unix_secs": number(head.started_unix_secs),
        "device": head.device, "dtype": head.dtype, "blocks": head.blocks.len(),
        "epochs_planned": head.epochs_planned })
}

/// The norm of the whole gradient is there where that step was measured.
fn of_step(run: &Run, step: &Step) -> Value {
    let norm = run.global_grad_norm.last().filter(|(at, _)| *at == step.step);
    json!({ "kind": "step", "step": step.step, "epoch": step.epoch, "loss": step.loss.map(number),
        "lr": number(step.lr), "grad_norm": norm.map(|(_, norm)| number(norm)),
        "elapsed_secs": number(step.elapsed_secs) })
}

fn of_epoch(epoch: &Epoch) -> Value {
    json!({ "kind": "epoch", "epoch": epoch.epoch, "steps": epoch.steps,
        "train_loss": epoch.train_loss.map(number), "valid_loss": epoch.valid_loss.map(number),
        "weighted_by": epoch.weighted_by, "elapsed_secs": number(epoch.elapsed_secs) })
}

fn of_metric(metric: &Metric) -> Value {
    json!({ "kind": "metric", "split": metric.split, "name": metric.name, "epoch": metric.epoch,
        "step": metric.step, "value": number(metric.value) })
}

fn of_curvature(curvature: &Curvature) -> Value {
    json!({ "kind": "curvature", "step": curvature.step, "epoch": curvature.epoch,
        "largest": curvature.largest.iter().map(|&it| number(it)).collect::<Value>(),
        "largest_error": curvature.largest_error.iter().map(|&it| number(it)).collect::<Value>(),
        "trace": curvature.trace.map(number), "lr": number(curvature.lr),
        "stability_limit": curvature.stability_limit.map(number) })
}

fn of_alert(alert: &Alert) -> Value {
    json!({ "kind": "alert", "level": alert.level, "rule": alert.rule, "step": alert.step,
        "epoch": alert.epoch, "text": alert.text, "advice": alert.advice })
}

fn of_progress(progress: &Progress) -> Value {
    json!({ "kind": "progress", "split": progress.split, "epoch": progress.epoch,
        "done": progress.done, "total": progress.total, "eta_secs": progress.eta_secs.map(number) })
}

fn of_end(end: &End) -> Value {
    json!({ "kind": "end", "reason": end.reason, "steps": end.steps, "dropped": end.dropped,
        "elapsed_secs": number(end.elapsed_secs) })
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn parsed(record: Record) -> Value {
        let mut run = Run::named("a\u{1b}\"b");
        run.apply(&record);
        let line = json_line(&run, &Item::Record { offset: 0, record }).unwrap();
        assert!(!line.chars().any(char::is_control), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn a_step_is_an_object_with_its_values_and_hostile_names_are_escaped() {
        let step = record!(Step { step: 7, loss: Some(f64::NAN), lr: 0.5 });
        let line = parsed(Record::Step(step));
        assert_eq!(line["run"], "a\u{1b}\"b");
        assert_eq!((&line["kind"], &line["step"]), (&json!("step"), &json!(7)));
        assert_eq!((&line["loss"], &line["lr"]), (&json!("NaN"), &json!(0.5)));
        assert_eq!(line["grad_norm"], Value::Null);
    }

    #[test]
    fn curvature_and_metrics_of_the_user_are_told() {
        let curvature = record!(Curvature { largest: vec![3.5, f64::INFINITY].into() });
        assert_eq!(parsed(Record::Curvature(curvature))["largest"], json!([3.5, "Infinity"]));
        let metric = record!(Metric { name: "accuracy".into(), value: 0.75 });
        assert_eq!(parsed(Record::Metric(metric))["value"], json!(0.75));
    }
}
