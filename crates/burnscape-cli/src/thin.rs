//! `burnscape thin`: a shorter trace out of a long one.

use std::io::{self, Write};
use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::Context;
use burnscape_trace::{Thinned, thin};
use clap::Args;

use crate::losses;
use crate::new_run::{self, Place};
use crate::words::one_or_more;

const HELP: &str = "\
Of every N consecutive steps these are kept as they were measured: the first; those with the lowest and the
highest loss and the first whose loss is not finite; for each block the same by its gradient norm; those that
an alert or a black box refers to. The first one also gets the means of all columns over the N steps, as columns
`grad_norm_mean` and so on; a metric `loss` of the split `thinned` is the mean loss. All other records are
copied byte for byte. OUTPUT is a trace without snapshots. RUN stays as it is.

Exit codes:
  0  written; also when RUN is damaged: what is lost is told on standard error
  2  not written: the path is no run or cannot be read, OUTPUT is there and not empty
     (--force replaces what recover or thin has written) or cannot be written, or the arguments make no sense";

/// Write a run with fewer steps, minima, maxima and means kept, into a new one.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Thin {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    #[command(flatten)]
    place: Place,

    /// Steps of which a few are kept
    #[arg(long, value_name = "N", default_value = "100", value_parser = one_or_more)]
    every: NonZeroU64,
}

/// Writes the new run and says what is in it; what is lost goes to standard error.
pub(crate) fn run(arguments: &Thin) -> anyhow::Result<()> {
    let out = arguments.place.out()?;
    let force = arguments.place.force;
    let thinned = new_run::write(out, force, |out| thin(&arguments.run, out, arguments.every))?;
    let Thinned { steps, kept, bytes, lost, torn } = &thinned;
    for sentence in lost.iter().map(losses::lost).chain(torn.map(losses::torn)) {
        eprintln!("burnscape: {sentence}");
    }
    let out = out.display();
    writeln!(io::stdout(), "wrote {out}: {kept} of {steps} steps, {bytes} bytes")
        .context("could not say what was written")
}
