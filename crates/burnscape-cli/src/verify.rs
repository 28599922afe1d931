//! `burnscape verify`: whether a run is whole and ended, and if not, where.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use burnscape_run::{Contiguity, Standing, counted, json_printable, printable};
use burnscape_trace::{
    FileState, Item, Note, Reader, Record, RunFolder, Snapshot, Tally, state_of,
};
use clap::Args;
use serde_json::{Value, json};

use crate::losses;

const HELP: &str = "\
Whole means: every byte of the trace belongs to a record; none is missing, repeated or in another place than it
was written, which the end tells by its tally (before format 1.2 by its number of steps, and numbers of steps,
epochs, snapshots, slices and nodes follow each other); the last record is an `end`; and every snapshot that is
there has the length and checksum that the trace tells. A snapshot that is not there is told, and no damage: it
may have been pruned. What was noted as a warning while the run was recorded, such as records that a full disk
took, is told as well: it never came to the file.

--json prints one object:
  run           its folder
  whole         true or false
  records       whole records
  ended         why recording ended, or null
  problems      [text], what keeps it from being whole
  remarks       [text], what is no damage
Keys may be added.

Exit codes:
  0  whole and ended
  1  not whole: each line says what, and at which byte
  2  the path is no run, the run cannot be read, or the arguments make no sense";

/// Notes that are told; whoever wants more of them asks `info`.
const MOST_NOTES: usize = 20;

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

    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Prints what is wrong, and a summary.
pub(crate) fn run(arguments: &Verify) -> anyhow::Result<ExitCode> {
    let folder = RunFolder::open(&arguments.run)?;
    let mut found = Found::read(&folder)?;
    if !arguments.trace_only {
        found.check_snapshots(&folder);
    }
    let text = match arguments.json {
        true => json_printable(&format!("{:#}", found.to_json(&folder))),
        false => found.to_lines().join("\n"),
    };
    writeln!(io::stdout(), "{text}").context("could not print what was found")?;
    Ok(if found.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
}

#[derive(Default)]
struct Found {
    records: u64,
    problems: Vec<String>,
    remarks: Vec<String>,
    standing: Standing,
    contiguity: Contiguity,
    snapshots: Vec<Snapshot>,
}

impl Found {
    fn read(folder: &RunFolder) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let mut reader = Reader::open(folder.trace_path())?.tolerating_a_lost_head();
        let mut item = Item::default();
        while reader.next_into(&mut item)? {
            found.take(&item, reader.tally());
        }
        found.remarks.extend(found.unproven());
        found.problems.extend(std::mem::take(&mut found.contiguity).faults());
        found.problems.extend(found.missing_end());
        Ok(found)
    }

    fn take(&mut self, item: &Item, tally: Tally) {
        self.standing.apply_item(item);
        self.contiguity.apply(item, tally);
        match item {
            Item::Record { record, .. } => {
                self.records += 1;
                match record {
                    Record::Snapshot(snapshot) => {
                        snapshot.forget_given_up(&mut self.snapshots);
                        self.snapshots.push(snapshot.clone());
                    }
                    Record::Note(note) if note.level == "warning" => self.remark_on(note),
                    _ => {}
                }
            }
            Item::Lost(lost) => self.problems.push(losses::lost(lost)),
            Item::Torn(torn) => self.problems.push(losses::torn(*torn)),
        }
    }

    /// What went wrong while the run was recorded.
    fn remark_on(&mut self, note: &Note) {
        let remark = format!("noted while recording: {}", printable(&note.text));
        if self.remarks.len() < MOST_NOTES && !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    fn unproven(&self) -> Option<String> {
        let has_end = self.standing.end().is_some();
        (has_end && !self.contiguity.is_proven()).then(|| {
            "no tally: in formats 1.0 and 1.1 a record goes missing unnoticed where no number tells of it"
                .to_owned()
        })
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

    fn to_lines(&self) -> Vec<String> {
        let lines = self.problems.iter().chain(&self.remarks).cloned();
        lines.chain([self.summary()]).collect()
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

    fn to_json(&self, folder: &RunFolder) -> Value {
        json!({
            "run": folder.path().to_string_lossy(),
            "whole": self.problems.is_empty(),
            "records": self.records,
            "ended": self.standing.end().map(|end| &end.reason),
            "problems": self.problems,
            "remarks": self.remarks,
        })
    }
}
