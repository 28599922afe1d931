//! The same in words, a line for each idea.

use burnscape_run::{
    Caveat, Facts, Landscape, Losses, caveat_of_plan, caveat_of_stop, caveats_of_checks,
    caveats_of_path, caveats_of_slice, caveats_of_values, counted, parameters, printable,
};
use burnscape_trace::Metric;

use crate::losses;

/// Several lines, each with its line break. Texts of the trace are shown without control characters.
pub(super) fn of(facts: &Facts) -> String {
    let lines = [
        head(facts),
        compared(facts),
        training(facts),
        observed(facts),
        landscape(facts),
        state(facts),
    ];
    lines.concat().into_iter().map(|line| line + "\n").collect()
}

fn head(facts: &Facts) -> Vec<String> {
    let head = &facts.head;
    let versions = [&head.burnscape_version, &head.burn_version].map(|it| it.escape_debug());
    let [burnscape, burn] = versions;
    let [major, minor] = head.format;
    vec![
        format!(
            "run       {} ({})",
            printable(&facts.folder.display().to_string()),
            head.run_id.escape_debug()
        ),
        format!("written   by burnscape {burnscape} with burn {burn}, format {major}.{minor}"),
        format!(
            "model     {} parameters in {}, {}, {} on {}",
            parameters(head),
            counted(head.blocks.len() as u64, "block"),
            counted(head.buffers.len() as u64, "buffer"),
            head.dtype.escape_debug(),
            head.device.escape_debug()
        ),
    ]
}

/// The runs of a comparison, with what is to be known of each.
fn compared(facts: &Facts) -> Vec<String> {
    let told = facts.compared.iter().map(|run| {
        let remarks: String = run.remarks.iter().map(|it| format!(" {it}")).collect();
        let line = format!("compares  {} ({}){remarks}", run.name, run.path);
        printable(&line)
    });
    told.collect()
}

fn training(facts: &Facts) -> Vec<String> {
    let standing = &facts.standing;
    let planned = facts.head.epochs_planned.map(|it| format!(" of {it}")).unwrap_or_default();
    let mut lines = vec![format!(
        "training  {} steps, {} batches, {}{planned} epochs in {:.1} s",
        standing.steps(),
        standing.batches(),
        standing.epochs(),
        facts.training_secs
    )];
    lines.extend(after_training(facts));
    let resumed = standing.resumes();
    if resumed > 0 {
        lines.push(format!("resumed   {}", counted(resumed, "time")));
    }
    lines.extend(facts.freezing.sentence().map(|blocks| format!("frozen    {blocks}")));
    lines.extend(facts.hyperparameters.iter().map(hyperparameter));
    lines.extend(facts.loss.map(loss));
    lines.extend(facts.metrics.values().map(metric));
    lines
}

/// What came after it: surfaces, mostly.
fn after_training(facts: &Facts) -> Option<String> {
    let secs = facts.standing.elapsed_secs() - facts.training_secs;
    let what = match facts.landscapes.is_empty() {
        true => "until its end",
        false => "in which surfaces were measured",
    };
    (secs >= 0.05).then(|| format!("after it  {secs:.1} s, {what}"))
}

fn loss(losses: Losses) -> String {
    let Losses { first, last, lowest, highest, not_finite, .. } = losses;
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
    let [split, name] = [split.as_str(), name].map(|it| it.escape_debug());
    format!("metric    {name} ({split}): {value} at epoch {epoch}")
}

fn observed(facts: &Facts) -> Vec<String> {
    let alerts = facts.alerts.iter().map(|(rule, number)| {
        let rule = rule.escape_debug();
        format!("alert     {rule}, {}", counted(*number, "time"))
    });
    let snapshots = facts.standing.snapshots();
    let bytes = facts.snapshot_bytes();
    alerts.chain([format!("snapshots {snapshots}, {bytes} bytes")]).collect()
}

fn landscape(facts: &Facts) -> Vec<String> {
    // What repeats another slice with another seed is read as that is.
    let offered = facts.landscapes.offered();
    let is_offered = |it: &Landscape| offered.iter().any(|other| std::ptr::eq(*other, it));
    let told = |it: &Landscape| if is_offered(it) { caveats(facts, it) } else { Vec::new() };
    let slices = facts.landscapes.iter();
    let mut lines: Vec<String> =
        slices.flat_map(|it| [vec![slice(it)], told(it)].concat()).collect();
    let studies = facts.landscapes.studies().values();
    let said = studies.flat_map(|study| &study.sentences);
    lines.extend(said.map(|sentence| format!("slices    {}", printable(sentence))));
    let [passed, failed] = [true, false].map(|passed| facts.checks(passed));
    if passed + failed > 0 {
        lines.push(format!("checks    {passed} passed, {failed} failed"));
    }
    lines
}

fn slice(landscape: &Landscape) -> String {
    let (slice, surface) = (landscape.slice(), landscape.surface().ok());
    let range = match surface.and_then(|it| it.lowest().zip(it.highest())) {
        Some((lowest, highest)) => format!(", loss from {} to {}", lowest.loss, highest.loss),
        None => String::new(),
    };
    let measured = surface.map_or(0, |it| it.counts().measured);
    let (number, name, nodes) = (slice.slice, slice.name.escape_debug(), landscape.claimed_nodes());
    format!("slice {number:<3} {name}: {measured} of {nodes} nodes measured{range}")
}

/// What must be known to read a slice, a sentence a line.
fn caveats(facts: &Facts, landscape: &Landscape) -> Vec<String> {
    let slice = landscape.slice();
    let plan = facts.landscapes.plan_of(slice).and_then(caveat_of_plan);
    let path = landscape.trajectory();
    let of_path = path.map(|path| caveats_of_path(slice, path));
    let values = landscape.surface().ok();
    let values = values.map(|it| caveats_of_values("loss", slice.samples, &slice.unit, it));
    let stop = landscape.surface().ok().and_then(|it| caveat_of_stop(it, facts.standing.state()));
    let all =
        caveats_of_checks(landscape.checks()).chain(values.into_iter().chain(of_path).flatten());
    let all = all.chain(stop).chain(plan).chain(caveats_of_slice(slice, Some(&facts.head)));
    // How many nodes were measured stands above.
    let all = all.filter(|it| !matches!(it, Caveat::Nodes(_)));
    let words = |caveat: Caveat| match path {
        Some(path) => caveat.of_path_in_words(path, &facts.compared),
        None => caveat.to_string(),
    };
    all.map(|caveat| format!("          {}", printable(&words(caveat)))).collect()
}

fn state(facts: &Facts) -> Vec<String> {
    let records: u64 = facts.records.values().sum();
    let mut lines = vec![match records + facts.lost.len() as u64 {
        0 => "trace     empty: nothing was recorded".to_owned(),
        _ => format!("trace     {records} records, {} bytes", facts.trace_bytes),
    }];
    let dropped = facts.standing.dropped();
    if dropped > 0 {
        lines.push(format!("dropped   {dropped} step records by a full queue"));
    }
    let lost = facts.lost.iter().map(losses::lost).chain(facts.torn.map(losses::torn));
    lines.extend(lost.map(|sentence| format!("lost      {sentence}")));
    let below = facts.children.iter().map(|run| run.display().to_string());
    lines.extend(below.map(|run| format!("with it   {}", run.escape_debug())));
    lines.push(match facts.ended() {
        Some(reason) => format!("ended     {}", reason.escape_debug()),
        None => "ended     no: it was stopped, or is still being recorded".to_owned(),
    });
    lines
}
