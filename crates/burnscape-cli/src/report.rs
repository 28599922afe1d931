//! `burnscape report`: one page on one run or several.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use burnscape_report::{report, report_to};
use clap::Args;

const EXIT_CODES: &str = "\
Exit codes:
  0  written; also when a run is damaged: what is whole is shown, and what is lost is told on standard
     error
  2  nothing was written: a path is no run, a run cannot be read or is empty, FILE exists (--force
     replaces it) or cannot be written, or the arguments make no sense

The page works offline and asks nothing of any network: loss, gradients and parameter blocks over steps,
activations, alerts and sharpness where recorded, loss surfaces from above and to be turned, provenance,
and the data of every figure as a table. Several runs are shown side by side on common scales. Curves of
many points are thinned: of each stretch the ends, the peaks and what is not finite stay.";

/// Write a page on runs, to be read in a browser or sent to somebody.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Report {
    /// Folders of the runs, or their trace.cbor; with a run come the models that were trained with it
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Page to write, - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Replace FILE if it exists
    #[arg(long)]
    force: bool,
}

/// Writes the page and says so; what the runs have lost goes to standard error.
pub(crate) fn run(arguments: &Report) -> anyhow::Result<()> {
    let runs: Vec<&Path> = arguments.runs.iter().map(PathBuf::as_path).collect();
    if arguments.output == Path::new("-") {
        let lost = report_to(&runs, &mut io::stdout().lock())?;
        lost.iter().for_each(|sentence| eprintln!("burnscape: lost: {sentence}"));
        return Ok(());
    }
    let reported = report(&runs, &arguments.output, arguments.force)?;
    for sentence in &reported.lost {
        eprintln!("burnscape: lost: {sentence}");
    }
    let (file, bytes) = (reported.file.display(), reported.bytes);
    writeln!(io::stdout(), "wrote {file}: {bytes} bytes").context("could not say what was written")
}
