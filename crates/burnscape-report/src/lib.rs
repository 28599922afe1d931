#![doc = include_str!("../README.md")]

mod directions;
mod error;
mod format;
mod info;
mod layout;
mod npz;
mod output;
mod run;
mod slice;
mod tensors;

use std::path::{Path, PathBuf};

pub use error::{Error, FileProblem};
pub use format::{Format, UnknownFormat};

use crate::output::Output;
use crate::run::Run;

/// What is exported, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportOptions {
    /// Centres and directions as well: what it takes to compute a surface again.
    pub with_directions: bool,
    /// Replace the output if it exists.
    pub force: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Slices in it.
    pub slices: usize,
    /// What the trace no longer holds, as sentences; empty for a whole run.
    pub lost: Vec<String>,
}

/// Writes the slices of a run to `out`; `run` is its folder or its `trace.cbor`.
///
/// `out` is whole or untouched: it is written under a temporary name beside it and renamed. A run that is
/// still training is exported as far as it is written.
///
/// # Errors
///
/// [`Error::Trace`] where the path is no run, [`Error::NoSlices`] where nothing was measured,
/// [`Error::OutputExists`] and others about the output. With
/// [`with_directions`](ExportOptions::with_directions) also what keeps centre or directions from being
/// given back, such as [`Error::ParameterFile`]. Damage to the trace is no error: it is told in
/// [`Exported::lost`].
///
/// # Examples
///
/// ```
/// use burnscape_report::{ExportOptions, Format, export};
/// use burnscape_trace::{Axis, End, FORMAT, Head, Nodes, Record, RunFolder, Slice, Writer};
///
/// # let scratch = tempfile::tempdir()?;
/// # let runs = scratch.path();
/// let folder = RunFolder::create(runs.join("digits"))?;
/// let mut writer = Writer::create(&folder)?;
/// let axis = Axis { first: -1, count: 3, spacing: 0.5, ..Axis::default() };
/// let losses = vec![2.0, 0.25, f64::INFINITY];
/// for record in [
///     Record::from(Head { format: FORMAT, ..Head::default() }),
///     Record::from(Slice { name: "line".into(), x: axis, ..Slice::default() }),
///     Record::from(Nodes { index: vec![0, 1, 2].into(), loss: losses.into(), ..Nodes::default() }),
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
    let mut output = Output::prepare(out, run.folder(), options.force)?;
    match format {
        Format::Npz => npz::write(&run, options.with_directions, &mut output)?,
    }
    let (file, bytes) = output.rename()?;
    Ok(Exported { file, bytes, slices: run.slices.len(), lost: run.lost })
}
