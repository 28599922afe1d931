//! What is in a run as JSON.

use burnscape_run::{Facts, Landscape, Losses, json_number as number, parameters};
use burnscape_trace::{ComparedRun, Head, LossCause, Lost, Metric};
use serde_json::{Value, json};

/// All facts.
pub(super) fn of(facts: &Facts) -> Value {
    let mut value = head_json(&facts.head);
    let more = json!({
        "run": facts.folder.to_string_lossy(),
        "trace_bytes": facts.trace_bytes,
        "records": facts.records,
        "parameters": parameters(&facts.head),
        "steps": facts.standing.steps(),
        "batches": facts.standing.batches(),
        "epochs": facts.standing.epochs(),
        "resumed": facts.standing.resumes(),
        "elapsed_secs": number(facts.standing.elapsed_secs()),
        "training_secs": number(facts.training_secs),
        "loss": facts.loss.map(losses_json),
        "metrics": facts.metrics.values().map(metric_json).collect::<Value>(),
        "hyperparameters": facts.hyperparameters.iter().map(hyperparameter_json).collect::<Value>(),
        "alerts": facts.alerts,
        "snapshots": { "number": facts.standing.snapshots(), "bytes": facts.snapshot_bytes() },
        "frozen": frozen_json(facts),
        "compares": facts.compared.iter().map(compared_json).collect::<Value>(),
        "slices": facts.landscapes.iter().map(slice_json).collect::<Value>(),
        "checks": { "passed": facts.checks(true), "failed": facts.checks(false) },
        "dropped": facts.standing.dropped(),
        "lost": facts.lost.iter().map(lost_json).collect::<Value>(),
        "torn": facts.torn.map(|it| json!({ "at": it.offset, "bytes": it.bytes })),
        "ended": facts.ended(),
        "children": facts.children.iter().map(|it| it.to_string_lossy()).collect::<Value>(),
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
        all.extend(more);
    }
    value
}

fn head_json(head: &Head) -> Value {
    json!({
        "run_id": head.run_id,
        "format": head.format,
        "burnscape_version": head.burnscape_version,
        "burn_version": head.burn_version,
        "device": head.device,
        "dtype": head.dtype,
        "seed": head.seed,
        "started_unix_secs": number(head.started_unix_secs),
        "epochs_planned": head.epochs_planned,
        "blocks": head.blocks.len(),
        "buffers": head.buffers.len(),
    })
}

fn metric_json(metric: &Metric) -> Value {
    let Metric { split, name, epoch, value, .. } = metric;
    json!({ "split": split, "name": name, "epoch": epoch, "value": number(*value) })
}

fn compared_json(run: &ComparedRun) -> Value {
    json!({ "name": run.name, "path": run.path, "run_id": run.run_id, "side": run.side, "remarks": run.remarks })
}

/// A text that is no JSON stays one.
fn hyperparameter_json((name, text): (&String, &String)) -> (String, Value) {
    let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    (name.clone(), value)
}

fn slice_json(landscape: &Landscape) -> Value {
    let surface = landscape.surface().ok();
    json!({
        "slice": landscape.slice().slice,
        "name": landscape.slice().name,
        "nodes": landscape.claimed_nodes(),
        "measured": surface.map_or(0, |it| it.counts().measured),
        "lowest": surface.and_then(|it| Some(it.lowest()?.loss)),
        "highest": surface.and_then(|it| Some(it.highest()?.loss)),
    })
}

fn lost_json(lost: &Lost) -> Value {
    let why = match &lost.cause {
        LossCause::Damaged => "damaged".to_owned(),
        LossCause::Undecodable { message } => format!("undecodable: {message}"),
    };
    json!({ "at": lost.offset, "bytes": lost.bytes, "why": why })
}

fn frozen_json(facts: &Facts) -> Value {
    let by_step = facts.freezing.by_step().into_iter();
    let blocks = by_step.flat_map(|(since, blocks)| blocks.into_iter().map(move |it| (it, since)));
    let json = |(block, since): (usize, _)| json!({ "block": facts.head.blocks[block].path, "since": since });
    blocks.map(json).collect()
}

/// The losses of the steps.
fn losses_json(losses: Losses) -> Value {
    json!({
        "first": number(losses.first),
        "last": number(losses.last),
        "lowest": number(losses.lowest),
        "highest": number(losses.highest),
        "not_finite": losses.not_finite,
    })
}
