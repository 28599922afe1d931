//! One writer per run, as long as it lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

/// An exclusive lock on a trace, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// `None` where the file system has no locks (some network disks): recording is worth more than
    /// the protection.
    pub(crate) fn take(trace: &Path) -> Result<Option<Self>, Error> {
        let file = open(&lock_path(trace))
            .map_err(|source| Error::Open { path: trace.to_owned(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::Error(_)) => Ok(None),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: trace.to_owned() }),
        }
    }
}

// On Windows a locked file cannot be read by others, and a run is to be followed while it grows.
fn lock_path(trace: &Path) -> PathBuf {
    if cfg!(windows) { trace.with_extension("lock") } else { trace.to_owned() }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(cfg!(windows)).truncate(false).open(path)
}
