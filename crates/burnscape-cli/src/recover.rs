//! `burnscape recover`: a whole run out of a damaged one.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use burnscape_run::counted;
use burnscape_trace::{Recovered, recover};
use clap::Args;

use crate::losses;

const HELP: &str = "\
OUT gets all undamaged records of RUN, byte for byte and in their order, and an `end` with the reason
`recovered`; and the snapshots, directions and black boxes that they name, where these are in the run folder.
RUN stays as it is.

Exit codes:
  0  written; what could not be saved is told on standard error
  2  not written: the path is no run or cannot be read, no copy of the head is left in it, OUT is there and
     not empty or cannot be written, or the arguments make no sense";

/// Write all undamaged records of a run into a new one.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Recover {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// Folder of the new run; it must be empty or not there
    out: PathBuf,
}

/// Writes the new run and says what is in it; what is lost goes to standard error.
pub(crate) fn run(arguments: &Recover) -> anyhow::Result<()> {
    let recovered = recover(&arguments.run, &arguments.out)?;
    for sentence in losses_of(&recovered) {
        eprintln!("burnscape: {sentence}");
    }
    let out = arguments.out.display();
    writeln!(io::stdout(), "wrote {out}: {}", summary(&recovered))
        .context("could not say what was written")
}

fn summary(recovered: &Recovered) -> String {
    let Recovered { records, bytes, files, .. } = recovered;
    format!("{records} records, {bytes} bytes, {} beside them", counted(*files, "file"))
}

fn losses_of(recovered: &Recovered) -> Vec<String> {
    let lost = recovered.lost.iter().map(losses::lost);
    let torn = recovered.torn.map(losses::torn);
    let missing = recovered.missing.iter().map(|file| format!("missing: {file:?} is not there"));
    let refused = recovered.refused.iter().map(|(file, why)| format!("left out: {file:?}: {why}"));
    lost.chain(torn).chain(missing).chain(refused).collect()
}
