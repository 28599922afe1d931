//! Files that are written: none is replaced unless that was asked for.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, bail};

/// Writes a file, which must not exist unless it may be replaced.
pub(crate) fn write(path: &Path, contents: &[u8], force: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    let options = match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(contents));
    let path = path.display();
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{path} exists and nothing was overwritten; add --force to replace it")
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("cannot write {path}: its folder does not exist")
        }
        written => written.with_context(|| format!("cannot write {path}")),
    }
}
