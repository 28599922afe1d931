//! The output file: whole under its name, or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use burnscape_trace::RunFolder;
use tempfile::NamedTempFile;

use crate::Error;

/// So much is written at once.
pub(crate) const BUFFER_BYTES: usize = 64 << 10;

/// A file that is being written under a temporary name; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    temporary: NamedTempFile,
    force: bool,
}

impl Output {
    /// Checks that `path` may be written and makes the temporary file beside it.
    pub(crate) fn prepare(path: &Path, run: &RunFolder, force: bool) -> Result<Self, Error> {
        // A link stays, what it leads to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        check_existing(&path, force)?;
        check_apart(&path, run)?;
        let temporary = temporary_beside(&path).map_err(|source| prepare_error(&path, source))?;
        Ok(Self { path, temporary, force })
    }

    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// The error that says that writing failed.
    pub(crate) fn error(&self, source: io::Error) -> Error {
        write_error(&self.path, source)
    }

    /// Gives the file its name; its path and size.
    pub(crate) fn rename(self) -> Result<(PathBuf, u64), Error> {
        let Self { path, temporary, force } = self;
        let persisted = match force {
            true => temporary.persist(&path),
            false => temporary.persist_noclobber(&path),
        };
        let bytes = persisted.map_err(io::Error::from).and_then(|file| Ok(file.metadata()?.len()));
        match bytes {
            Ok(bytes) => Ok((path, bytes)),
            // It came into being while we wrote.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::OutputExists { path })
            }
            Err(source) => Err(write_error(&path, source)),
        }
    }
}

/// Text that goes to the output piece by piece.
pub(crate) struct Pieces<'a> {
    /// What is not written yet.
    pub(crate) text: Vec<u8>,
    output: &'a Output,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self { text: Vec::with_capacity(2 * BUFFER_BYTES), output }
    }

    /// Writes the text, when it has become long.
    pub(crate) fn drain(&mut self) -> Result<(), Error> {
        if self.text.len() < BUFFER_BYTES { Ok(()) } else { self.write(&[]) }
    }

    /// Writes the text and what stands behind it.
    pub(crate) fn write(&mut self, behind: &[u8]) -> Result<(), Error> {
        let mut file = self.output.file();
        let written = file.write_all(&self.text).and_then(|()| file.write_all(behind));
        self.text.clear();
        written.map_err(|source| self.output.error(source))
    }
}

fn check_existing(path: &Path, force: bool) -> Result<(), Error> {
    let path = path.to_owned();
    match fs::metadata(&path) {
        Err(_) => Ok(()),
        Ok(found) if !found.is_file() => Err(Error::OutputNotAFile { path }),
        Ok(_) if !force => Err(Error::OutputExists { path }),
        Ok(_) => Ok(()),
    }
}

/// No slip of the keyboard, forced or not, costs the run.
pub(crate) fn check_apart(path: &Path, run: &RunFolder) -> Result<(), Error> {
    let [Ok(folder), Ok(run)] = [folder_of(path), run.path()].map(fs::canonicalize) else {
        return Ok(());
    };
    let trace = path.file_name().is_some_and(|name| name == burnscape_trace::TRACE_FILE);
    let below = |name: &str| folder.starts_with(run.join(name));
    if (folder == run && trace) || below("snapshots") || below("directions") {
        return Err(Error::OutputInRun { path: path.to_owned() });
    }
    Ok(())
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".burnscape-").suffix(".tmp");
    // Else nobody but the user could read the export.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The error that says that nothing could be made beside `path`; what was tried there has a name of no use to anybody.
pub(crate) fn prepare_error(path: &Path, source: io::Error) -> Error {
    match folder_of(path).is_dir() {
        true => write_error(path, source.kind().into()),
        false => Error::NoOutputFolder { path: path.to_owned() },
    }
}

pub(crate) fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source }
}
