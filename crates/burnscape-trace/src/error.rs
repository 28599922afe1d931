//! What can go wrong with a run folder or a trace, and what to do about it.

use std::io;
use std::path::PathBuf;

/// An error of this crate: what happened, where, and what to do.
///
/// Paths and causes are fields; the cause of an I/O error is also its
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder is not there at all.
    #[error("there is no run folder {}: check the path, or start the training first", path.display())]
    NoFolder {
        /// The folder looked for.
        path: PathBuf,
    },

    /// The path is there, and no run.
    #[error(
        "{} is not a run: a run is a folder with a file `trace.cbor` in it (and `snapshots/` beside \
         that file); give that folder or the file",
        path.display()
    )]
    NotARun {
        /// The path given.
        path: PathBuf,
    },

    /// What serde cannot write has no names and values.
    #[error("the hyperparameters cannot be written: {message}")]
    Settings {
        /// What serde says.
        message: String,
    },

    /// The folder holds a trace already, and a new one was asked for.
    #[error("{} already holds a run: choose another folder, or resume this one", path.display())]
    RunExists {
        /// The folder.
        path: PathBuf,
    },

    /// Something is where a new run was to be written.
    #[error("{} exists and nothing was overwritten; choose another folder", path.display())]
    OutputExists {
        /// The folder that was asked for.
        path: PathBuf,
    },

    /// A file of a new run could not be written.
    #[error(
        "could not write {}: check the free space and the quota of that disk; what is there of the new run \
         can be deleted",
        path.display()
    )]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A snapshot's file could not be deleted.
    #[error("could not delete {}: check that you may write its folder", path.display())]
    Delete {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// No copy of the head is left.
    #[error(
        "no `head` is left in {}: without one, what the other records mean is not known; \
         `Reader` gives them all the same",
        path.display()
    )]
    NoHead {
        /// The trace.
        path: PathBuf,
    },

    /// The run folder could not be made.
    #[error(
        "could not create the run folder {}: check that the folders above it are writable, or \
         choose another place",
        path.display()
    )]
    CreateFolder {
        /// What could not be created.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A record names a file that is not inside the run folder.
    #[error(
        "the trace names the file {file:?}, which is not inside the run folder {} (links are followed): \
         the trace is damaged or not to be trusted, the file was not touched",
        folder.display()
    )]
    OutsideRun {
        /// The name as recorded.
        file: String,
        /// The run folder.
        folder: PathBuf,
    },

    /// A trace could not be opened or created.
    #[error("could not open {}: check that it exists and that you may read and write it", path.display())]
    Open {
        /// The trace.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// Reading stopped in the middle.
    #[error("could not read {} from byte {offset} on", path.display())]
    Read {
        /// The trace.
        path: PathBuf,
        /// Position in the file up to which everything was read.
        offset: u64,
        /// Why.
        source: io::Error,
    },

    /// Records could not be written. They are lost, the ones before them are not.
    #[error(
        "could not write to {}; records lost: {records}. Check the free space and the quota of that disk: \
         recording goes on as soon as there is room",
        path.display()
    )]
    Write {
        /// The trace.
        path: PathBuf,
        /// How many records were lost.
        records: u64,
        /// Why.
        source: io::Error,
    },

    /// The disk did not confirm what was written.
    #[error(
        "{} was written, but the disk did not confirm it: after a power failure its last seconds \
         may be missing",
        path.display()
    )]
    Sync {
        /// The trace.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A torn tail could not be cut off.
    #[error("could not cut the torn tail off {}: check that you may write the file", path.display())]
    Truncate {
        /// The trace.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// Somebody else writes this run.
    #[error(
        "{} is being written by another process: wait until it ends, or record into another folder",
        path.display()
    )]
    Locked {
        /// The trace.
        path: PathBuf,
    },

    /// The file is no trace.
    #[error("{} is not a burnscape trace: {reason}", path.display())]
    NotATrace {
        /// The file.
        path: PathBuf,
        /// How we know.
        reason: NotATrace,
    },

    /// The trace is of a newer major version of the format.
    #[error(
        "{} has format {}.{}, this program knows {}.{}: update burnscape to read or resume it",
        path.display(), found[0], found[1], known[0], known[1]
    )]
    NewerMajor {
        /// The file.
        path: PathBuf,
        /// `[major, minor]` as the trace says.
        found: [u16; 2],
        /// `[major, minor]` that this crate knows.
        known: [u16; 2],
    },

    /// The trace became another one while it was followed or read once more.
    #[error("{} was replaced by another run while it was read: open it again", path.display())]
    Replaced {
        /// The trace.
        path: PathBuf,
    },

    /// The first record of a trace must be a `head`.
    #[error("the first record of {} must be a `head`, not `{kind}`: append the head first", path.display())]
    HeadFirst {
        /// The trace.
        path: PathBuf,
        /// Kind of the record that came instead.
        kind: String,
    },

    /// A head names another major version than this crate writes.
    #[error(
        "a head of format {}.{} cannot be written, this program writes {}.{}: set `Head::format` to \
         `FORMAT`",
        found[0], found[1], known[0], known[1]
    )]
    WrongFormat {
        /// `[major, minor]` of the head.
        found: [u16; 2],
        /// `[major, minor]` that this crate writes.
        known: [u16; 2],
    },

    /// A record of a kind that this version does not know can be read past, not written.
    #[error("a record of the unknown kind `{kind}` cannot be written: its fields were not read")]
    UnknownKind {
        /// The kind.
        kind: String,
    },

    /// A record is larger than readers accept.
    #[error(
        "a `{kind}` record of {bytes} bytes is over the limit of {limit}: split it into several"
    )]
    RecordTooLarge {
        /// Its kind.
        kind: String,
        /// Bytes of its payload.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },

    /// A record could not be turned into bytes.
    #[error("a `{kind}` record could not be encoded: {message}")]
    Encode {
        /// Its kind.
        kind: String,
        /// What the encoder says.
        message: String,
    },

    /// The bytes of a payload are not a record.
    #[error("not a record{}: {message}", at_byte(*at))]
    Payload {
        /// Byte of the payload at which it fails, where known.
        at: Option<usize>,
        /// What the decoder says.
        message: String,
    },
}

/// How we know that a file is no trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotATrace {
    /// There is no whole record in it, and it does not begin like one.
    #[error("no record was found in its {bytes} bytes; check the path")]
    NoRecord {
        /// Bytes looked at.
        bytes: u64,
    },
    /// The first record is not the `head`.
    #[error("its first record is `{kind}`, a trace begins with `head`")]
    FirstIsNotHead {
        /// Kind of the first record.
        kind: String,
    },
    /// The first record does not decode.
    #[error(
        "its first record cannot be decoded ({message}); the program that wrote it is at fault"
    )]
    FirstUndecodable {
        /// What the decoder says.
        message: String,
    },
    /// The head names a format that never was.
    #[error("its head names format {}.{}, which never was", format[0], format[1])]
    UnknownFormat {
        /// `[major, minor]` as the head says.
        format: [u16; 2],
    },
}

fn at_byte(at: Option<usize>) -> String {
    at.map(|at| format!(" at byte {at} of the payload")).unwrap_or_default()
}
