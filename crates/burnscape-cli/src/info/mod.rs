//! `burnscape info`: what is in a run, in words or as JSON.

mod json;
mod summary;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use burnscape_run::{Facts, json_printable};
use clap::Args;

const HELP: &str = "\
--json prints one object:
  run, run_id, format, burnscape_version, burn_version, device, dtype, seed   texts and numbers of the head
  started_unix_secs, elapsed_secs      start, and seconds of recording until the last record, over all processes
  training_secs                        of these until the last step or epoch; the rest went into surfaces
  trace_bytes, records                 length of the trace; number of records of each kind
  blocks, parameters, buffers          of the model
  steps, batches, epochs, epochs_planned, resumed
  loss                                 {first, last, lowest, highest, not_finite} over the steps, or null
  metrics                              [{split, name, epoch, value}], the last value of each; the split own is
                                       what the program told itself
  hyperparameters                      {name: value}, what the training was set to
  alerts                               {rule: number of records}
  frozen                               [{block, since}], the blocks that do not train at the end, and the
                                       step since which; null from the beginning
  snapshots                            {number, bytes} as the trace tells
  slices                               [{slice, name, nodes, measured, lowest, highest}]
  checks                               {passed, failed}
  dropped                              step records that a full queue has cost
  lost                                 [{at, bytes, why}], bytes that could not be read
  torn                                 {at, bytes} of an unfinished record at the end, or null
  ended                                why recording ended, or null
  children                             [folder], the runs of models that were trained with this one
  compares                             [{name, path, run_id, side, remarks}], the runs that a comparison is about
NaN and infinities are the strings \"NaN\", \"Infinity\", \"-Infinity\"; what is unknown is null. Keys may be added.

Exit codes:
  0  printed; also when the run is damaged: that is part of what is said
  2  the path is no run, the run cannot be read, or the arguments make no sense";

/// Say what is in a run.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Info {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Prints what is in the run.
pub(crate) fn run(arguments: &Info) -> anyhow::Result<()> {
    let facts = Facts::read(&arguments.run)?;
    let text = match arguments.json {
        true => json_printable(&format!("{:#}\n", json::of(&facts))),
        false => summary::of(&facts),
    };
    io::stdout().write_all(text.as_bytes()).context("could not print what is in the run")
}
