//! One self-contained page on one run, or on several side by side.

mod caveats;
mod compared;
mod histograms;
mod model;
mod names;
mod numbers;
mod page;
mod planes;
mod sharpness;
mod summary;

use std::io::Write;
use std::path::{Path, PathBuf};

use burnscape_trace::RunFolder;

use crate::Error;
use crate::output::Output;
use crate::run::Run;

/// A page that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// The page.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What the traces no longer hold, as sentences; empty for whole runs.
    pub lost: Vec<String>,
}

/// Writes a page on runs to `out`: charts, loss surfaces to be turned, provenance, and all data as tables. With a run
/// come those below it: the further models that were trained with it.
///
/// The page needs nothing but itself: no network, no other file. `force` replaces an existing one; it is
/// whole or untouched, as an [export](crate::export) is.
///
/// # Errors
///
/// [`Error::NoRuns`] without any, [`Error::NoSlices`] where a run has neither steps nor slices,
/// [`Error::Trace`] where a path is no run, [`Error::OutputExists`] and others about the output.
pub fn report(runs: &[&Path], out: &Path, force: bool) -> Result<Reported, Error> {
    let mut told = Vec::new();
    let mut lost = Vec::new();
    let mut output = None;
    let families: Vec<Vec<Run>> = runs.iter().map(|path| family(path)).collect::<Result<_, _>>()?;
    let names = names::distinct(families.iter().flatten());
    for (run, name) in families.iter().flatten().zip(&names) {
        match &output {
            None => output = Some(Output::prepare(out, run.folder(), force)?),
            Some(_) => crate::output::check_apart(out, run.folder())?,
        }
        told.push(model::of_run(run, name, names.len())?);
        lost.extend(run.lost.iter().map(|sentence| format!("{name}: {sentence}")));
    }
    let output = output.ok_or(Error::NoRuns)?;
    let page = page::page(told);
    output.file().write_all(page.as_bytes()).map_err(|source| output.error(source))?;
    let (file, bytes) = output.rename()?;
    Ok(Reported { file, bytes, lost })
}

/// A run with those below it, those left out that hold nothing.
///
/// # Errors
///
/// As [`report`] has them: also if none of them holds anything.
fn family(path: &Path) -> Result<Vec<Run>, Error> {
    let (mut runs, mut empty) = (Vec::new(), None);
    for folder in RunFolder::open(path)?.family() {
        let run = Run::read(folder.path())?;
        match run.require_anything() {
            Ok(()) => runs.push(run),
            Err(error) => drop(empty.get_or_insert(error)),
        }
    }
    match empty {
        Some(error) if runs.is_empty() => Err(error),
        _ => Ok(runs),
    }
}
