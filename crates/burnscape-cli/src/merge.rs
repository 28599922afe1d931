//! `burnscape merge`: what the shards of a surface have measured, put into the run.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use burnscape_run::{Gap, Merged, MergedSlice, counted, json_printable, merge, printable};
use burnscape_trace::RunFolder;
use clap::Args;
use serde_json::{Value, json};

const HELP: &str = "\
Shards are processes that each measure a share of the nodes of a surface, started with BURNSCAPE_SHARD=1/16 to
16/16. They write below RUN/shards. What they have measured by now goes to the trace of RUN, where every other
command and program finds it. Shards may go on meanwhile: merge again later, only what is new is added. When
nothing is missing, RUN/shards may be removed.

A plan or trace that is damaged, or of which weights, batches, seed, grid or versions are others than those of
the plan, is left out, and said by name. Of nodes that several shards measured, the first of them holds, and the
largest difference is told: 0 on equal hardware.

--json prints one object:
  run           its folder
  complete      nothing is missing, left out, or differs by more than unlike hardware makes it differ
  slices        [{slice, name, nodes, measured, added, agrees, agreement,
                  gaps: [{shard, nodes, path}]}]; path: the losses on the path of training are missing
  refused       [{name, why}]
  remarks       [text]
Keys may be added.

Exit codes:
  0  merged, and complete
  1  merged as far as possible: something is missing, left out, or differs
  2  not merged: the path is no run, it cannot be written, somebody is recording it, or the arguments make no sense";

/// Exit code where something is missing, left out, or differs.
const INCOMPLETE: u8 = 1;

/// Put what several processes have measured of a surface into the run.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Merge {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Merges, and prints what came of it; what was left out goes to standard error.
pub(crate) fn run(arguments: &Merge) -> anyhow::Result<ExitCode> {
    let folder = RunFolder::open(&arguments.run)?;
    let merged = merge(&folder)?;
    let text = match arguments.json {
        true => json_printable(&format!("{:#}", to_json(&folder, &merged))),
        false => merged.slices.iter().flat_map(lines).collect::<Vec<_>>().join("\n"),
    };
    if !arguments.json {
        let refused = merged.refused.iter().map(|it| format!("left out: {}: {}", it.name, it.why));
        for sentence in refused.chain(merged.remarks.iter().cloned()) {
            eprintln!("burnscape: {}", printable(&sentence));
        }
        anyhow::ensure!(!merged.slices.is_empty(), "{}", nothing(&folder, &merged));
    }
    writeln!(io::stdout(), "{text}").context("could not print what was merged")?;
    Ok(if merged.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

fn nothing(folder: &RunFolder, merged: &Merged) -> String {
    let run = folder.path().display();
    match merged.refused.len() {
        0 => format!(
            "{run} has no shards: measure some with BURNSCAPE_SHARD=1/2 and BURNSCAPE_SHARD=2/2"
        ),
        _ => format!("no slice of {run} can be merged"),
    }
}

fn lines(slice: &MergedSlice) -> Vec<String> {
    let MergedSlice { name, nodes, measured, added, .. } = slice;
    let mut lines = vec![
        format!("{name}: {measured} of {nodes} nodes, {added} of them new"),
        format!("  {}", slice.agreement),
    ];
    lines.extend(slice.gaps.iter().map(|gap| format!("  missing: {}", missing(gap))));
    lines.iter().map(|line| printable(line)).collect()
}

fn missing(gap: &Gap) -> String {
    let nodes = counted(gap.nodes as u64, "node");
    let what = match (gap.nodes, gap.path) {
        (0, _) => "the losses on the path of training".to_owned(),
        (_, true) => format!("{nodes} and the losses on the path of training"),
        (_, false) => nodes,
    };
    format!("{what}, which BURNSCAPE_SHARD={}/{} measures", gap.index, gap.count)
}

fn to_json(folder: &RunFolder, merged: &Merged) -> Value {
    let gap = |it: &Gap| {
        let shard = format!("{}/{}", it.index, it.count);
        json!({ "shard": shard, "nodes": it.nodes, "path": it.path })
    };
    let slice = |it: &MergedSlice| {
        json!({ "slice": it.slice, "name": it.name, "nodes": it.nodes, "measured": it.measured,
            "added": it.added, "agrees": it.agrees, "agreement": it.agreement,
            "gaps": it.gaps.iter().map(gap).collect::<Value>() })
    };
    json!({
        "run": folder.path().to_string_lossy(),
        "complete": merged.is_complete(),
        "slices": merged.slices.iter().map(slice).collect::<Value>(),
        "refused": merged.refused.iter().map(|it| json!({ "name": it.name, "why": it.why })).collect::<Value>(),
        "remarks": merged.remarks,
    })
}
