#![doc = include_str!("../README.md")]

mod basins;
mod cells;
mod csv;
mod curves;
mod digits;
mod directions;
mod error;
mod fields;
mod figure;
mod format;
mod heat;
mod info;
mod json;
mod layout;
mod npz;
mod output;
mod output_folder;
mod report;
mod run;
mod slice;
mod step_columns;
mod tensorboard;
mod tensors;
mod thin;
mod vtk;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use error::{Error, FileProblem};
pub use figure::{Figure, FigureOptions, UnknownFigure};
pub use format::{Format, UnknownFormat};
pub use report::{Reported, report};

use crate::cells::Texts;
use crate::figure::As;
use crate::output::Output;
use crate::output_folder::OutputFolder;
use crate::run::Run;

/// What is exported, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExportOptions {
    /// Centres and directions as well: what it takes to compute a surface again.
    pub with_directions: bool,
    /// Replace the output if it exists.
    pub force: bool,
    /// Of CSV: texts as they were recorded, also where a spreadsheet takes them for formulas.
    pub raw_texts: bool,
    /// Which figures, and how large.
    pub figures: FigureOptions,
}

impl ExportOptions {
    /// Everything but what costs much, and nothing replaced.
    pub const DEFAULT: Self = Self {
        with_directions: false,
        force: false,
        raw_texts: false,
        figures: FigureOptions::DEFAULT,
    };
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// The file or folder.
    pub file: PathBuf,
    /// Its size; of a folder, that of its files.
    pub bytes: u64,
    /// Slices of the run.
    pub slices: usize,
    /// Optimizer steps that training took, recorded or not; those that a resume has left behind not counted.
    pub steps: u64,
    /// What the trace no longer holds, as sentences; empty for a whole run.
    pub lost: Vec<String>,
}

/// Writes a run to `out`, a file or a folder as the format [is](Format::is_folder); `run` is its folder or its
/// `trace.cbor`.
///
/// `out` is whole or untouched: it is written under a temporary name beside it and renamed. A run that is
/// still training is exported as far as it is written.
///
/// # Errors
///
/// [`Error::Trace`] where the path is no run, [`Error::NoSlices`] where what is asked for was not recorded,
/// [`Error::OutputExists`] and others about the output. With
/// [`with_directions`](ExportOptions::with_directions) also what keeps centre or directions from being
/// given back, such as [`Error::ParameterFile`]. Damage to the trace is no error: it is told in
/// [`Exported::lost`].
///
/// # Examples
///
/// ```
/// use burnscape_report::{ExportOptions, Format, export};
/// use burnscape_trace::{Axis, End, FORMAT, Head, Nodes, Record, RunFolder, Slice, Writer, record};
///
/// # let scratch = tempfile::tempdir()?;
/// # let runs = scratch.path();
/// let folder = RunFolder::create(runs.join("digits"))?;
/// let mut writer = Writer::create(&folder)?;
/// let axis = record!(Axis { first: -1, count: 3, spacing: 0.5 });
/// let losses = vec![2.0, 0.25, f64::INFINITY];
/// for record in [
///     Record::from(record!(Head { format: FORMAT })),
///     Record::from(record!(Slice { name: "line".into(), x: axis })),
///     Record::from(record!(Nodes { index: vec![0, 1, 2].into(), loss: losses.into() })),
/// ] {
///     writer.append(&record)?;
/// }
/// writer.finish(End::default())?;
///
/// let out = runs.join("digits.npz");
/// let exported = export(folder.path(), Format::Npz, &ExportOptions::default(), &out)?;
/// assert_eq!((exported.slices, exported.lost.len()), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn export(
    run: &Path,
    format: Format,
    options: &ExportOptions,
    out: &Path,
) -> Result<Exported, Error> {
    let run = Run::read(run)?;
    let (file, bytes) = match format.is_folder() {
        true => export_folder(&run, format, options, out)?,
        false => export_file(&run, format, options, out)?,
    };
    let steps = run.standing.steps();
    Ok(Exported { file, bytes, slices: run.slices.len(), steps, lost: run.lost })
}

/// Writes a run to a stream, in a format that is one file; gives what the trace no longer holds, as sentences.
///
/// # Errors
///
/// [`Error::FolderToStream`] for a format that is a folder, and those of [`export`].
pub fn export_to(
    run: &Path,
    format: Format,
    options: &ExportOptions,
    out: &mut impl Write,
) -> Result<Vec<String>, Error> {
    if format.is_folder() {
        return Err(Error::FolderToStream { format });
    }
    let mut lost = Vec::new();
    by_a_file(out, |file| {
        lost = export(run, format, options, file)?.lost;
        Ok(())
    })?;
    Ok(lost)
}

/// Writes a page on runs to a stream; gives what the traces no longer hold, as sentences.
///
/// # Errors
///
/// Those of [`report`].
pub fn report_to(runs: &[&Path], out: &mut impl Write) -> Result<Vec<String>, Error> {
    let mut lost = Vec::new();
    by_a_file(out, |file| {
        lost = report(runs, file, false)?.lost;
        Ok(())
    })?;
    Ok(lost)
}

/// A stream gets what is whole, or nothing.
fn by_a_file(
    out: &mut impl Write,
    write: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let folder = tempfile::tempdir().map_err(|source| Error::Stream { source })?;
    let file = folder.path().join("export");
    write(&file)?;
    let copied = File::open(&file).and_then(|mut file| io::copy(&mut file, out));
    copied.and_then(|_| out.flush()).map_err(|source| Error::Stream { source })
}

fn texts(options: &ExportOptions) -> Texts {
    if options.raw_texts { Texts::Raw } else { Texts::Safe }
}

fn export_file(
    run: &Run,
    format: Format,
    options: &ExportOptions,
    out: &Path,
) -> Result<(PathBuf, u64), Error> {
    let mut output = Output::prepare(out, run.folder(), options.force)?;
    match format {
        Format::Json => json::write(run, &output)?,
        _ => npz::write(run, options.with_directions, &mut output)?,
    }
    output.rename()
}

fn export_folder(
    run: &Run,
    format: Format,
    options: &ExportOptions,
    out: &Path,
) -> Result<(PathBuf, u64), Error> {
    let output = OutputFolder::prepare(out, run.folder(), options.force)?;
    match format {
        Format::Vtk => vtk::write(run, &output)?,
        Format::Svg => figure::write(run, &options.figures, As::Svg, &output)?,
        Format::Png => figure::write(run, &options.figures, As::Png, &output)?,
        Format::Tensorboard => tensorboard::write(run, &output)?,
        _ => csv::write(run, texts(options), &output)?,
    }
    output.rename()
}
