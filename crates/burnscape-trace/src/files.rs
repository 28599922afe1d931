//! The files beside a trace: which a record names, and whether they are what it says.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::record::{Record, Snapshot};
use crate::{Error, RunFolder};

impl Record {
    /// The files that it names, relative to the run folder. A trace may come from anywhere: open them by
    /// [`RunFolder::resolve`].
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        match self {
            Self::Snapshot(snapshot) => vec![snapshot.file.as_str()],
            Self::Slice(slice) => slice.directions.as_deref().into_iter().collect(),
            Self::Blackbox(it) => {
                let files = [&it.previous, &it.before, &it.after, &it.gradient];
                files.into_iter().filter_map(Option::as_deref).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What a file is, beside what its record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// Length and checksum are those recorded.
    Whole,
    /// It is not there, such as after its snapshot was pruned.
    Missing,
    /// Its length or its checksum is another.
    Changed,
    /// Its name leads out of the run folder: it was not touched.
    Outside,
    /// It is there and cannot be read: no file, or not ours to read.
    Unreadable {
        /// What the system says.
        reason: String,
    },
}

/// Reads the file of a snapshot and holds it beside the length and the CRC-32 in the trace.
#[must_use]
pub fn state_of(folder: &RunFolder, snapshot: &Snapshot) -> FileState {
    let expected = (snapshot.bytes, snapshot.crc32);
    state(folder, snapshot, |path| Ok(length_and_checksum(path)? == expected))
}

/// The same by the length alone, for a file of gigabytes.
pub(crate) fn glance_at(folder: &RunFolder, snapshot: &Snapshot) -> FileState {
    state(folder, snapshot, |path| Ok(open_plain(path)?.metadata()?.len() == snapshot.bytes))
}

fn state(
    folder: &RunFolder,
    snapshot: &Snapshot,
    agrees: impl FnOnce(&Path) -> io::Result<bool>,
) -> FileState {
    let Ok(path) = folder.resolve(&snapshot.file) else {
        return FileState::Outside;
    };
    match agrees(&path) {
        Ok(true) => FileState::Whole,
        Ok(false) => FileState::Changed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Missing,
        Err(error) => FileState::Unreadable { reason: error.to_string() },
    }
}

/// Opens a plain file: reading a pipe or a device could take for ever.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    match std::fs::metadata(path)? {
        found if found.is_file() => File::open(path),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file")),
    }
}

fn length_and_checksum(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = open_plain(path)?;
    let (mut bytes, mut hasher) = (0, crc32fast::Hasher::new());
    let mut chunk = vec![0; 256 << 10];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hasher.finalize())),
            Ok(read) => {
                bytes += read as u64;
                hasher.update(&chunk[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Copies a file that a record of one run names to the same place in another; `None` if it is not there.
///
/// An error is [`Error::OutsideRun`], or that something could not be read or written.
pub(crate) fn copy(name: &str, from: &RunFolder, to: &RunFolder) -> Result<Option<u64>, Error> {
    let (source, target) = (from.resolve(name)?, to.resolve(name)?);
    let mut input = match open_plain(&source) {
        Ok(input) => input,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::Open { path: source, source: error }),
    };
    let written = create(&target).and_then(|mut output| io::copy(&mut input, &mut output));
    written.map(Some).map_err(|error| Error::Output { path: target, source: error })
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create_new(path)
}
