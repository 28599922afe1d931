//! `burnscape export`: a run as a file for other programs.

use std::io::{self, Write};

use anyhow::Context;
use burnscape_report::{ExportOptions, Exported, export};

use crate::arguments::Export;

/// Writes the file and says so; what the run has lost goes to standard error.
pub(crate) fn run(arguments: &Export) -> anyhow::Result<()> {
    let options =
        ExportOptions { with_directions: arguments.with_directions, force: arguments.force };
    let exported = export(&arguments.run, arguments.format, &options, &arguments.output)?;
    for sentence in &exported.lost {
        eprintln!("burnscape: lost: {sentence}");
    }
    writeln!(io::stdout(), "{}", summary(&exported)).context("could not say what was written")
}

fn summary(exported: &Exported) -> String {
    let Exported { file, bytes, slices, .. } = exported;
    let slices = if *slices == 1 { "1 slice".to_owned() } else { format!("{slices} slices") };
    format!("wrote {}: {slices}, {bytes} bytes", file.display())
}
