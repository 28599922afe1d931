//! `burnscape verify`: whether a run is whole and ended, and if not, where.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use burnscape_run::Standing;
use burnscape_trace::{FileState, Item, Reader, Record, RunFolder, Snapshot, state_of};
use clap::Args;

use crate::counted::counted;
use crate::losses;

const HELP: &str = "\
Exit codes:
  0  whole and ended: every byte of the trace belongs to a record, the last of which is an `end`, and every
     snapshot that is there has the length and checksum that the trace tells. A snapshot that is not there is
     told, and no damage: it may have been pruned
  1  damaged, torn or without an end; each line says what, and at which byte
  2  the path is no run, the run cannot be read, or the arguments make no sense";

/// Exit code for a run that is not whole.
const NOT_WHOLE: u8 = 1;

/// Check that a run is whole and ended, and say where it is not.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Verify {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// Do not read the snapshots
    #[arg(long)]
    trace_only: bool,
}

/// Prints what is wrong, and a summary.
pub(crate) fn run(arguments: &Verify) -> anyhow::Result<ExitCode> {
    let folder = RunFolder::open(&arguments.run)?;
    let mut found = Found::default();
    for item in Reader::open(folder.trace_path())? {
        found.take(item?);
    }
    found.problems.extend(found.missing_end());
    if !arguments.trace_only {
        found.check_snapshots(&folder);
    }
    print(&found).context("could not print what was found")?;
    Ok(if found.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
}

#[derive(Default)]
struct Found {
    records: u64,
    problems: Vec<String>,
    remarks: Vec<String>,
    standing: Standing,
    snapshots: Vec<Snapshot>,
}

impl Found {
    fn take(&mut self, item: Item) {
        self.standing.apply_item(&item);
        match item {
            Item::Record { record, .. } => {
                self.records += 1;
                if let Record::Snapshot(snapshot) = record {
                    snapshot.forget_given_up(&mut self.snapshots);
                    self.snapshots.push(snapshot);
                }
            }
            Item::Lost(lost) => self.problems.push(losses::lost(&lost)),
            Item::Torn(torn) => self.problems.push(losses::torn(torn)),
        }
    }

    fn missing_end(&self) -> Option<String> {
        self.standing.end().is_none().then(|| {
            "no end: the last record is no `end`; the run was stopped, or is still being recorded"
                .to_owned()
        })
    }

    fn check_snapshots(&mut self, folder: &RunFolder) {
        for snapshot in std::mem::take(&mut self.snapshots) {
            let (index, file) = (snapshot.index, snapshot.file.escape_debug());
            let sentence = |what: String| format!("snapshot {index}, `{file}`: {what}");
            match state_of(folder, &snapshot) {
                FileState::Whole => {}
                FileState::Missing => self.remarks.push(sentence("is not there".to_owned())),
                FileState::Changed => self.problems.push(sentence(format!(
                    "is not the {} bytes with checksum {:08x} that the trace tells",
                    snapshot.bytes, snapshot.crc32
                ))),
                FileState::Outside => {
                    self.problems
                        .push(sentence("leads out of the run and was not read".to_owned()));
                }
                FileState::Unreadable { reason } => {
                    self.problems.push(sentence(format!("cannot be read: {reason}")));
                }
            }
        }
    }

    fn summary(&self) -> String {
        let records = self.records;
        match (self.standing.end(), self.problems.len()) {
            (Some(end), 0) => {
                format!("whole: {records} records, ended ({})", end.reason.escape_debug())
            }
            (_, problems) => {
                format!("{}, {records} records are whole", counted(problems as u64, "problem"))
            }
        }
    }
}

fn print(found: &Found) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in found.problems.iter().chain(&found.remarks) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", found.summary())
}
