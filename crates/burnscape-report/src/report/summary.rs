//! What a run was and how it ended, in a few figures.

use burnscape_run::{counted, parameters};
use serde_json::{Value, json};

use super::numbers::short;
use crate::run::Run;

/// Figures for the first screen; what is not known is null.
pub(super) fn of_run(run: &Run) -> Value {
    let (head, history, standing) = (&run.head, &run.history, &run.standing);
    let alerts =
        |level: &str| history.alerts.iter().filter(|alert| alert.level.as_str() == level).count();
    json!({
        "state": standing.state().word(),
        "ended": standing.end().map(|end| end.reason.as_str()),
        "started_unix_secs": head.started_unix_secs,
        "training_secs": Some(standing.training_secs()).filter(|secs| *secs > 0.0).map(short),
        "elapsed_secs": short(standing.elapsed_secs()),
        "steps": standing.steps(),
        "epochs": standing.epochs(),
        "epochs_planned": standing.planned_epochs(),
        "parameters": parameters(head),
        "blocks": head.blocks.len(),
        "optimizer": optimizer(run),
        "device": head.device,
        "alerts": { "error": alerts("error"), "warning": alerts("warning"), "info": alerts("info") },
    })
}

/// As it was named with a curvature, or among what the training was set to.
fn optimizer(run: &Run) -> Option<String> {
    let named = run.history.curvature.iter().rev().map(|measured| &measured.optimizer);
    let set = run.history.hyperparameters.iter();
    let set = set.filter(|(name, _)| name.to_lowercase().contains("optimizer"));
    let set = set.map(|(_, value)| value).find(|value| value.starts_with('"'));
    let named = named.into_iter().find(|name| !name.is_empty());
    named.or(set).map(|name| name.trim_matches('"').to_owned())
}

/// Where a run comes from, by name.
pub(super) fn facts(run: &Run) -> Value {
    let (head, standing) = (&run.head, &run.standing);
    let mut facts = vec![
        ("run", head.run_id.clone()),
        ("steps", standing.steps().to_string()),
        ("epochs", standing.epochs().to_string()),
        ("parameter blocks", head.blocks.len().to_string()),
        ("snapshots", standing.snapshots().to_string()),
        ("device", head.device.clone()),
        ("element type", head.dtype.clone()),
        ("seed of directions", head.seed.to_string()),
        ("burnscape", head.burnscape_version.clone()),
        ("burn", head.burn_version.clone()),
    ];
    facts.extend(run.history.freezing(head).sentence().map(|blocks| ("frozen", blocks)));
    let ended = standing.end().map_or("not yet, or killed", |end| end.reason.as_str());
    facts.push(("ended", ended.to_owned()));
    if standing.dropped() > 0 {
        facts.push(("step records dropped", standing.dropped().to_string()));
    }
    if standing.resumes() > 0 {
        facts.push(("resumed", counted(standing.resumes(), "time")));
    }
    json!(facts)
}
