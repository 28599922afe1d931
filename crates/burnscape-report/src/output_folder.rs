//! The output folder: whole under its name, or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use burnscape_trace::RunFolder;
use tempfile::TempDir;

use crate::Error;
use crate::output::{BUFFER_BYTES, check_apart, folder_of, prepare_error, write_error};

/// Says what lies in the folder, and that an export has made it.
pub(crate) const LEAFLET: &str = "burnscape-export.txt";

/// A folder that is being filled under a temporary name; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    temporary: TempDir,
    force: bool,
}

impl OutputFolder {
    /// Checks that `path` may be written and makes the temporary folder beside it.
    pub(crate) fn prepare(path: &Path, run: &RunFolder, force: bool) -> Result<Self, Error> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.components().collect());
        check_existing(&path, force)?;
        check_apart(&path, run)?;
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(".burnscape-").suffix(".tmp");
        // Else nobody but the user could read the export.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let temporary = builder.tempdir_in(folder_of(&path));
        let temporary = temporary.map_err(|source| prepare_error(&path, source))?;
        Ok(Self { path, temporary, force })
    }

    /// Writes a file of it.
    pub(crate) fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let file = File::create_new(self.temporary.path().join(name));
        let file = file.map_err(|source| self.error(source))?;
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
        write(&mut file)?;
        file.flush().map_err(|source| self.error(source))
    }

    /// Writes the leaflet.
    pub(crate) fn leaflet(&self, text: &str) -> Result<(), Error> {
        self.file(LEAFLET, |file| file.write_all(text.as_bytes()).map_err(|it| self.error(it)))
    }

    /// The error that says that writing failed.
    pub(crate) fn error(&self, source: io::Error) -> Error {
        write_error(&self.path, source)
    }

    /// Gives the folder its name; its path and the size of what is in it.
    pub(crate) fn rename(self) -> Result<(PathBuf, u64), Error> {
        let path = self.path.clone();
        self.place().map_err(|source| match source.kind() {
            // It came into being while we wrote.
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                Error::OutputExists { path: path.clone() }
            }
            _ => write_error(&path, source),
        })
    }

    fn place(self) -> io::Result<(PathBuf, u64)> {
        let Self { path, temporary, force } = self;
        let bytes = size_of_files(temporary.path())?;
        let old = match force && path.exists() {
            true => Some(put_aside(&path)?),
            false => None,
        };
        // To rename onto an empty folder would replace it, and that onto any other fails.
        fs::rename(temporary.path(), &path)?;
        let _gone = temporary.keep();
        old.map_or(Ok(()), TempDir::close)?;
        Ok((path, bytes))
    }
}

/// Moves the folder that is replaced into another one, which is deleted when the new one is in place.
fn put_aside(path: &Path) -> io::Result<TempDir> {
    let aside = tempfile::Builder::new().prefix(".burnscape-").tempdir_in(folder_of(path))?;
    fs::rename(path, aside.path().join("replaced"))?;
    Ok(aside)
}

fn size_of_files(folder: &Path) -> io::Result<u64> {
    let sizes = fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len()));
    sizes.sum()
}

fn check_existing(path: &Path, force: bool) -> Result<(), Error> {
    let owned = path.to_owned();
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(_) if !force => Err(Error::OutputExists { path: owned }),
        Ok(found) if found.is_dir() && is_ours(path) => Ok(()),
        Ok(_) => Err(Error::OutputNotOurs { path: owned }),
    }
}

/// Whether an export has made the folder, and nobody has put a folder into it.
fn is_ours(path: &Path) -> bool {
    let only_files = fs::read_dir(path).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|it| it.file_type().is_ok_and(|it| it.is_file())))
    });
    only_files && path.join(LEAFLET).is_file()
}
