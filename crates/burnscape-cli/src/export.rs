//! `burnscape export`: a run as a file for other programs.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use burnscape_report::{ExportOptions, Exported, Format, export};
use clap::Args;

const EXIT_CODES: &str = "\
Exit codes:
  0  written; also when the run is damaged: what is whole is exported, and what is lost is told on
     standard error
  2  nothing was written: the path is no run, the run cannot be read or has no loss surface, FILE
     exists (--force replaces it) or cannot be written, a file that --with-directions needs is
     missing or damaged, or the arguments make no sense

npz is for numpy.load. Slice 0 of the run is `slice0_x`, `slice0_y`, `slice0_loss`, `slice0_stderr`,
`slice0_state` (0 not measured, 1 measured, 2 interpolated), further layers by their names,
`slice0_info` (JSON) and `slice0_trajectory_xy`; `trajectory_xy` is that of the first slice which has
one. With --with-directions also `centre`, `buffers`, `slice0_d1`, `slice0_d2`, `layout` and
`buffer_layout` (JSON): a node is the model with the parameters centre + x·d1 + y·d2 and these buffers,
such as the statistics of BatchNorm. A slice around another model than the others has a `slice0_centre`
and `slice0_buffers`; planes that a random one is only compared with have seeds and no directions.";

/// Write the loss surfaces of a run, and the path through them, in a format of other programs.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Export {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// npz
    #[arg(long, value_name = "FORMAT")]
    format: Format,

    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Also centres, buffers and directions: what it takes to compute a surface again; for a run with
    /// the default slices five times the size of the model
    #[arg(long)]
    with_directions: bool,

    /// Replace FILE if it exists
    #[arg(long)]
    force: bool,
}

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
