//! `burnscape dump`: every record as a line of JSON.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use burnscape_run::json_printable;
use burnscape_trace::{Item, LossCause, Reader, RunFolder, frame};
use clap::Args;
use serde_json::{Value, json};

use crate::json;

const HELP: &str = "\
Each line is one of
  {\"at\": BYTE, \"bytes\": N, \"kind\": \"step\", \"fields\": {...}}    a record, its frame at that byte of the trace
  {\"at\": BYTE, \"bytes\": N, \"lost\": \"damaged\"}                 bytes that belong to no record
  {\"at\": BYTE, \"bytes\": N, \"lost\": \"undecodable: ...\"}        a record whose content is none
  {\"at\": BYTE, \"bytes\": N, \"torn\": true}                      an unfinished record at the end

NaN and infinities are the strings \"NaN\", \"Infinity\", \"-Infinity\". Kinds and fields that this version does
not know are printed as well. The fields are explained in the README and the schema of burnscape-trace.

Exit codes:
  0  printed; also when the run is damaged: its lines say so
  2  the path is no run, the run cannot be read, or the arguments make no sense";

/// Print every record of a run as one line of JSON.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Dump {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// Only records of this kind, such as `step`; may be given several times
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
}

/// Prints the lines.
pub(crate) fn run(arguments: &Dump) -> anyhow::Result<()> {
    let mut reader = Reader::open(RunFolder::open(&arguments.run)?.trace_path())?;
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(item) = reader.next() {
        if let Some(line) = line(&item?, reader.frame(), &arguments.kind)? {
            writeln!(out, "{}", json_printable(&line.to_string()))
                .context("could not print the records")?;
        }
    }
    out.flush().context("could not print the records")
}

fn line(item: &Item, frame: &[u8], kinds: &[String]) -> anyhow::Result<Option<Value>> {
    Ok(match item {
        Item::Record { record, .. } if !is_wanted(record.kind(), kinds) => None,
        Item::Record { offset, .. } => Some(record(*offset, frame)?),
        Item::Lost(lost) => {
            let why = match &lost.cause {
                LossCause::Damaged => "damaged".to_owned(),
                LossCause::Undecodable { message } => format!("undecodable: {message}"),
            };
            Some(json!({ "at": lost.offset, "bytes": lost.bytes, "lost": why }))
        }
        Item::Torn(torn) => Some(json!({ "at": torn.offset, "bytes": torn.bytes, "torn": true })),
    })
}

fn is_wanted(kind: &str, kinds: &[String]) -> bool {
    kinds.is_empty() || kinds.iter().any(|it| it == kind)
}

fn record(offset: u64, frame: &[u8]) -> anyhow::Result<Value> {
    let payload = &frame[frame::OVERHEAD_BYTES..];
    let value = json::of(&frame::decode_value(payload)?);
    let (kind, fields) = (&value[0], &value[1]);
    Ok(json!({ "at": offset, "bytes": frame.len(), "kind": kind, "fields": fields }))
}
