//! Files that are written: none is replaced unless that was asked for.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

/// Writes a file, which must not exist unless it may be replaced.
pub(crate) fn write(path: &Path, contents: &[u8], force: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    let options = match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(contents));
    written.with_context(|| {
        format!("could not write {}: --force replaces a file that exists", path.display())
    })
}
