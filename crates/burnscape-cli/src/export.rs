//! `burnscape export`: a run as a file or folder for other programs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use burnscape_report::{ExportOptions, Exported, Figure, FigureOptions, Format, export, export_to};
use burnscape_run::counted;
use burnscape_trace::RunFolder;
use clap::Args;

const EXIT_CODES: &str = "\
Exit codes:
  0  written; also when the run is damaged: what is whole is exported, and what is lost is told on
     standard error
  2  nothing was written: the path is no run, the run cannot be read or lacks what the format shows,
     OUTPUT exists (--force replaces it) or cannot be written, a file that --with-directions needs is
     missing or damaged, or the arguments make no sense

One run is exported. Models that were trained with it have runs below it (`Probe::child`); which, is said.

csv is a folder of tables: steps.csv, epochs.csv, metrics.csv, nodes.csv, trajectory.csv and others; its
burnscape-export.txt says what is in which column. json is one document with all of it. vtk is a folder
for ParaView: slice0.vtk is the surface with the loss as height, slice0_trajectory.vtk the path through
it. tensorboard is a folder for `tensorboard --logdir`: scalars per block, histograms, surfaces as
images. NaN and infinities are kept in all of them: as words where JSON lacks numbers.

svg and png are a folder of figures for print: contour, surface and trajectory of each plane, lines,
loss, gradients.

npz is for numpy.load. `step`, `loss`, `lr`, `grad_norm` (steps × blocks) and so on have an entry per
step, `epoch_train_loss` one per epoch; `blocks` (JSON) names the blocks. Slice 0 of the run is `slice0_x`, `slice0_y`, `slice0_loss`, `slice0_stderr`,
`slice0_state` (0 not measured, 1 measured, 2 interpolated), further layers by their names,
`slice0_info` (JSON) and `slice0_trajectory_xy`; `trajectory_xy` is that of the first slice which has
one. With --with-directions also `centre`, `buffers`, `slice0_d1`, `slice0_d2`, `layout` and
`buffer_layout` (JSON): a node is the model with the parameters centre + x·d1 + y·d2 and these buffers,
such as the statistics of BatchNorm. A slice around another model than the others has a `slice0_centre`
and `slice0_buffers`; planes that a random one is only compared with have seeds and no directions.";

/// Write a run in a format of other programs: its course, its loss surfaces and the path through them.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Export {
    /// Folder of the run, or its trace.cbor
    run: PathBuf,

    /// npz, csv, json, vtk, tensorboard, svg or png
    #[arg(long, value_name = "FORMAT")]
    format: Format,

    /// File to write for npz and json, - for standard output; folder for all others
    #[arg(short, long, value_name = "OUTPUT")]
    output: PathBuf,

    /// npz: also centres, buffers and directions: what it takes to compute a surface again; for a run with
    /// the default slices five times the size of the model
    #[arg(long)]
    with_directions: bool,

    /// svg, png: only this figure: contour, surface, trajectory, lines, loss or gradients
    #[arg(long, value_name = "NAME")]
    figure: Option<Figure>,

    /// svg, png: width in millimetres
    #[arg(long, value_name = "MM")]
    width_mm: Option<f64>,

    /// svg, png: height in millimetres
    #[arg(long, value_name = "MM")]
    height_mm: Option<f64>,

    /// png: dots per inch
    #[arg(long, value_name = "N")]
    dpi: Option<f64>,

    /// csv: texts as they were recorded, also those that a spreadsheet would calculate or obey
    #[arg(long)]
    raw_texts: bool,

    /// Replace OUTPUT if it exists; of folders only those that an export has made
    #[arg(long)]
    force: bool,
}

/// Writes the file and says so; what the run has lost goes to standard error.
pub(crate) fn run(arguments: &Export) -> anyhow::Result<()> {
    refuse_without_effect(arguments)?;
    let options = options(arguments);
    if arguments.output == Path::new("-") {
        return to_stdout(arguments, &options);
    }
    let below = below(&arguments.run);
    let exported = export(&arguments.run, arguments.format, &options, &arguments.output);
    let exported = match (exported, &below) {
        (Err(error), Some(sentence)) => bail!("{error}; {sentence}"),
        (exported, _) => exported?,
    };
    tell_lost(&exported.lost);
    let said = std::iter::once(summary(&exported)).chain(below).collect::<Vec<_>>().join("\n");
    writeln!(io::stdout(), "{said}").context("could not say what was written")
}

fn tell_lost(lost: &[String]) {
    for sentence in lost {
        eprintln!("burnscape: lost: {sentence}");
    }
}

/// Nothing but the export may go there.
fn to_stdout(arguments: &Export, options: &ExportOptions) -> anyhow::Result<()> {
    let lost = export_to(&arguments.run, arguments.format, options, &mut io::stdout().lock())?;
    tell_lost(&lost);
    Ok(())
}

/// An option that changes nothing is a mistake.
fn refuse_without_effect(arguments: &Export) -> anyhow::Result<()> {
    let format = arguments.format;
    let is_figure = matches!(format, Format::Svg | Format::Png);
    let options = [
        ("--with-directions", arguments.with_directions, format == Format::Npz, "npz"),
        ("--raw-texts", arguments.raw_texts, format == Format::Csv, "csv"),
        ("--figure", arguments.figure.is_some(), is_figure, "svg and png"),
        ("--width-mm", arguments.width_mm.is_some(), is_figure, "svg and png"),
        ("--height-mm", arguments.height_mm.is_some(), is_figure, "svg and png"),
        ("--dpi", arguments.dpi.is_some(), format == Format::Png, "png"),
    ];
    for (option, is_given, has_effect, formats) in options {
        ensure!(!is_given || has_effect, "{option} has no effect on {format}; it is for {formats}");
    }
    Ok(())
}

/// Where the models are that were trained with this one.
fn below(run: &Path) -> Option<String> {
    let children = RunFolder::open(run).ok()?.children();
    let paths: Vec<String> = children
        .iter()
        .map(|it| it.path().display().to_string().escape_debug().to_string())
        .collect();
    let sentence =
        || format!("models trained with it are exported by themselves: {}", paths.join(", "));
    (!paths.is_empty()).then(sentence)
}

fn options(arguments: &Export) -> ExportOptions {
    let &Export { figure, with_directions, force, raw_texts, .. } = arguments;
    let usual = FigureOptions::DEFAULT;
    let figures = FigureOptions {
        figure,
        width_mm: arguments.width_mm.unwrap_or(usual.width_mm),
        height_mm: arguments.height_mm.unwrap_or(usual.height_mm),
        dpi: arguments.dpi.unwrap_or(usual.dpi),
    };
    ExportOptions { with_directions, force, raw_texts, figures }
}

fn summary(exported: &Exported) -> String {
    let Exported { file, bytes, slices, steps, .. } = exported;
    let (slices, steps) = (counted(*slices as u64, "slice"), counted(*steps, "step"));
    format!("wrote {}: {steps}, {slices}, {bytes} bytes", file.display())
}
