//! `burnscape snapshots`: which snapshots a run has, and deleting those between.

use std::io::{self, Write};
use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::Context;
use burnscape_run::counted;
use burnscape_trace::{FileState, Keep, Listed, RunFolder, list_snapshots, prune_snapshots};
use clap::Args;

const HELP: &str = "\
With --keep-every, nothing is deleted until --yes is given as well. Always kept are the first and the last
snapshot, those that a slice lies around or whose curvature was measured, those that a black box names, and
files that another snapshot needs. The trace is not changed: it says what was measured, and a deleted
snapshot is listed as missing. A run that is being recorded is not pruned.

Exit codes:
  0  listed or deleted
  2  not done: the path is no run or cannot be read, a writer has it, a file cannot be deleted, or the
     arguments make no sense";

/// List the snapshots of a run, or delete all but every Nth.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Snapshots {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// Keep those whose number is a multiple of N, and those that are needed
    #[arg(long, value_name = "N")]
    keep_every: Option<NonZeroU64>,

    /// Delete the others
    #[arg(long, requires = "keep_every")]
    yes: bool,
}

/// Prints the list, and deletes where that was confirmed.
pub(crate) fn run(arguments: &Snapshots) -> anyhow::Result<()> {
    let folder = RunFolder::open(&arguments.run)?;
    let listed = list_snapshots(&folder, arguments.keep_every)?;
    let lines = listed.iter().map(|it| line(it, arguments.keep_every.is_some()));
    let mut lines: Vec<String> = lines.collect();
    lines.push(match arguments.keep_every {
        Some(every) if arguments.yes => {
            let (files, bytes) = prune_snapshots(&folder, every)?;
            format!("deleted {}, {bytes} bytes", counted(files, "file"))
        }
        Some(_) => would_delete(&listed),
        None => counted(listed.len() as u64, "snapshot"),
    });
    writeln!(io::stdout(), "{}", lines.join("\n")).context("could not print the snapshots")
}

fn would_delete(listed: &[Listed]) -> String {
    let deleted = listed.iter().filter(|it| it.keep.is_none() && it.state != FileState::Missing);
    let bytes: Vec<u64> = deleted.map(|it| it.snapshot.bytes).collect();
    let sum = bytes.iter().fold(0, |sum: u64, it| sum.saturating_add(*it));
    format!("--yes would delete {}, {sum} bytes", counted(bytes.len() as u64, "file"))
}

fn line(listed: &Listed, prunes: bool) -> String {
    let snapshot = &listed.snapshot;
    let epoch = snapshot.epoch.map_or_else(|| "?".to_owned(), |epoch| epoch.to_string());
    let mut line = format!(
        "{:>6}  {:<8}  epoch {epoch:>5}  step {:>9}  {:>13} bytes  {}",
        snapshot.index,
        snapshot.reason.escape_debug().to_string(),
        snapshot.step,
        snapshot.bytes,
        snapshot.file.escape_debug(),
    );
    if let Some(same) = snapshot.same_as {
        line += &format!("  (same as {same})");
    }
    line += state(&listed.state);
    match listed.keep {
        Some(keep) if prunes => line + "  kept: " + reason(keep),
        None if prunes && listed.state != FileState::Missing => line + "  to be deleted",
        _ => line,
    }
}

fn state(state: &FileState) -> &'static str {
    match state {
        FileState::Whole => "",
        FileState::Missing => "  (missing)",
        FileState::Changed => "  (of another length)",
        FileState::Outside => "  (leads out of the run)",
        FileState::Unreadable { .. } => "  (unreadable)",
    }
}

fn reason(keep: Keep) -> &'static str {
    match keep {
        Keep::First => "the first",
        Keep::Last => "the last",
        Keep::Centre => "a slice lies around it",
        Keep::Curvature => "curvature was measured around it",
        Keep::Blackbox => "a black box names it",
        Keep::EveryNth => "every Nth",
        Keep::Shared => "another one needs the file",
        _ => "not a snapshot's file",
    }
}
