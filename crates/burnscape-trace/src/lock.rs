//! One writer per run, as long as it lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;

/// A lock is asked for this often before it counts as held by another writer: while any thread of a program
/// starts a child process, that child has a copy of every open file, locks and all, until it runs.
const ATTEMPTS: u32 = 25;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(4);

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
        for _ in 0..ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(TryLockError::Error(_)) => return Ok(None),
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_ATTEMPTS),
            }
        }
        Err(Error::Locked { path: trace.to_owned() })
    }
}

/// Whether a writer has a trace; `None` where that is not known: it cannot be read, or there are no locks. A writer that
/// begins at this very moment asks again.
pub(crate) fn is_held(trace: &Path) -> Option<bool> {
    let file = File::open(lock_path(trace)).ok()?;
    match file.try_lock_shared() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

// On Windows a locked file cannot be read by others, and a run is to be followed while it grows.
fn lock_path(trace: &Path) -> PathBuf {
    if cfg!(windows) { trace.with_extension("lock") } else { trace.to_owned() }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(cfg!(windows)).truncate(false).open(path)
}
