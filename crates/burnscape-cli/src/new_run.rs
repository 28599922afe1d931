//! Runs that are made of others: where they go, and what they may replace.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use burnscape_trace::{Error, is_made_of_another};
use clap::Args;

/// Where a new run goes.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Folder of the new run; it must be empty or not there
    #[arg(
        short,
        long,
        value_name = "OUTPUT",
        required_unless_present = "out",
        conflicts_with = "out"
    )]
    output: Option<PathBuf>,

    /// The same without -o
    #[arg(value_name = "OUTPUT", hide = true)]
    out: Option<PathBuf>,

    /// Replace OUTPUT if it is a run that recover or thin has written
    #[arg(long)]
    pub(crate) force: bool,
}

impl Place {
    /// The folder.
    pub(crate) fn out(&self) -> anyhow::Result<&Path> {
        match self.output.as_deref().or(self.out.as_deref()) {
            Some(out) if out == Path::new("-") => {
                bail!("a run is a folder, which standard output cannot be: name one")
            }
            Some(out) => Ok(out),
            None => bail!("-o needs a folder"),
        }
    }
}

/// Writes a new run; with `force` in place of one that was made of another, which stays until the new one is whole.
pub(crate) fn write<T>(
    out: &Path,
    force: bool,
    write: impl Fn(&Path) -> Result<T, Error>,
) -> anyhow::Result<T> {
    match write(out) {
        Err(Error::OutputExists { path }) if !force => {
            bail!(
                "{} exists and nothing was overwritten; add --force to replace it",
                path.display()
            )
        }
        Err(Error::OutputExists { path }) => match is_made_of_another(out) {
            true => replace(out, write),
            false => bail!(
                "{} is not a run that recover or thin has written; --force will not replace it",
                path.display()
            ),
        },
        written => Ok(written?),
    }
}

fn replace<T>(out: &Path, write: impl Fn(&Path) -> Result<T, Error>) -> anyhow::Result<T> {
    let beside = |what: &str| {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{what}-{}", std::process::id()));
        out.with_file_name(name)
    };
    let (new, old) = (beside("new"), beside("old"));
    let written = write(&new).inspect_err(|_| drop(fs::remove_dir_all(&new)))?;
    let placed = fs::rename(out, &old)
        .and_then(|()| fs::rename(&new, out))
        .and_then(|()| fs::remove_dir_all(&old));
    placed.with_context(|| {
        format!("could not replace {}: the new run is {}", out.display(), new.display())
    })?;
    Ok(written)
}
