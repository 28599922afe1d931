//! The same in words, a line for each idea.

use burnscape_trace::Metric;

use super::facts::{Facts, Losses, Surface};
use crate::counted::counted;
use crate::losses;

/// Several lines, each with its line break. Texts of the trace are shown without control characters.
pub(super) fn of(facts: &Facts) -> String {
    let lines = [head(facts), training(facts), observed(facts), landscape(facts), state(facts)];
    lines.concat().into_iter().map(|line| line + "\n").collect()
}

fn head(facts: &Facts) -> Vec<String> {
    let head = &facts.head;
    let versions = [&head.burnscape_version, &head.burn_version].map(|it| it.escape_debug());
    let [burnscape, burn] = versions;
    let [major, minor] = head.format;
    vec![
        format!("run       {} ({})", facts.folder.display(), head.run_id.escape_debug()),
        format!("written   by burnscape {burnscape} with burn {burn}, format {major}.{minor}"),
        format!(
            "model     {} parameters in {}, {}, {} on {}",
            facts.parameters(),
            counted(head.blocks.len() as u64, "block"),
            counted(head.buffers.len() as u64, "buffer"),
            head.dtype.escape_debug(),
            head.device.escape_debug()
        ),
    ]
}

fn training(facts: &Facts) -> Vec<String> {
    let planned = facts.head.epochs_planned.map(|it| format!(" of {it}")).unwrap_or_default();
    let mut lines = vec![format!(
        "training  {} steps, {} batches, {}{planned} epochs in {:.1} s",
        facts.steps, facts.batches, facts.epochs, facts.elapsed_secs
    )];
    let resumed = facts.number_of("resume");
    if resumed > 0 {
        lines.push(format!("resumed   {}", counted(resumed, "time")));
    }
    lines.extend(facts.hyperparameters.iter().map(hyperparameter));
    lines.extend(facts.loss.map(loss));
    lines.extend(facts.metrics.values().map(metric));
    lines
}

fn loss(losses: Losses) -> String {
    let Losses { first, last, lowest, highest, not_finite } = losses;
    let broken = match not_finite {
        0 => String::new(),
        steps => format!(", not finite in {}", counted(steps, "step")),
    };
    format!("loss      {first} at first, {last} at last, from {lowest} to {highest}{broken}")
}

/// The value is JSON, whose quotes stay as they are.
fn hyperparameter((name, value): (&String, &String)) -> String {
    let value = value.escape_debug().to_string().replace("\\\"", "\"");
    format!("set       {} = {value}", name.escape_debug())
}

fn metric(metric: &Metric) -> String {
    let Metric { split, name, epoch, value, .. } = metric;
    let [split, name] = [split, name].map(|it| it.escape_debug());
    format!("metric    {name} ({split}): {value} at epoch {epoch}")
}

fn observed(facts: &Facts) -> Vec<String> {
    let alerts = facts.alerts.iter().map(|(rule, number)| {
        let rule = rule.escape_debug();
        format!("alert     {rule}, {}", counted(*number, "time"))
    });
    let snapshots = facts.number_of("snapshot");
    let bytes = facts.snapshot_bytes();
    alerts.chain([format!("snapshots {snapshots}, {bytes} bytes")]).collect()
}

fn landscape(facts: &Facts) -> Vec<String> {
    let mut lines: Vec<String> = facts.slices.iter().map(|(at, it)| slice(*at, it)).collect();
    let [passed, failed] = facts.checks;
    if passed + failed > 0 {
        lines.push(format!("checks    {passed} passed, {failed} failed"));
    }
    lines
}

fn slice(number: u32, surface: &Surface) -> String {
    let range = match (surface.lowest, surface.highest) {
        (Some(lowest), Some(highest)) => format!(", loss from {lowest} to {highest}"),
        _ => String::new(),
    };
    let (measured, nodes) = (surface.measured.len(), surface.nodes());
    let name = surface.slice.name.escape_debug();
    format!("slice {number:<3} {name}: {measured} of {nodes} nodes measured{range}")
}

fn state(facts: &Facts) -> Vec<String> {
    let records: u64 = facts.records.values().sum();
    let mut lines = vec![format!("trace     {records} records, {} bytes", facts.trace_bytes)];
    if facts.dropped > 0 {
        lines.push(format!("dropped   {} step records by a full queue", facts.dropped));
    }
    let lost = facts.lost.iter().map(losses::lost).chain(facts.torn.map(losses::torn));
    lines.extend(lost.map(|sentence| format!("lost      {sentence}")));
    let below = facts.children.iter().map(|run| run.display().to_string());
    lines.extend(below.map(|run| format!("with it   {}", run.escape_debug())));
    lines.push(match &facts.ended {
        Some(reason) => format!("ended     {}", reason.escape_debug()),
        None => "ended     no: it was stopped, or is still being recorded".to_owned(),
    });
    lines
}
