//! A new run made of an old one: a trace that has its name only when it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::record::{End, Record};
use crate::{Error, RunFolder, Tally, frame};

/// A trace that is being written beside its name; dropped, its beginning stays there.
pub(crate) struct Output {
    folder: RunFolder,
    file: BufWriter<File>,
    partial: PathBuf,
    bytes: u64,
    tally: Tally,
}

impl Output {
    /// Makes the folder; one that is there must be empty.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        if fs::symlink_metadata(path).is_ok() && !is_empty_folder(path) {
            return Err(Error::OutputExists { path: path.to_owned() });
        }
        let folder = RunFolder::create(path)?;
        let partial = folder.trace_path().with_extension("partial");
        match File::create_new(&partial) {
            Ok(file) => Ok(Self {
                folder,
                file: BufWriter::new(file),
                partial,
                bytes: 0,
                tally: Tally::default(),
            }),
            Err(source) => Err(Error::Output { path: partial, source }),
        }
    }

    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends frames as they are.
    pub(crate) fn copy(&mut self, frames: &[u8]) -> Result<(), Error> {
        self.bytes += frames.len() as u64;
        self.tally.add(frames);
        self.file.write_all(frames).map_err(|source| self.error(source))
    }

    pub(crate) fn push(&mut self, record: &Record) -> Result<(), Error> {
        let mut bytes = Vec::new();
        frame::encode(record, &mut bytes)?;
        self.copy(&bytes)
    }

    /// Appends an end that counts the records before it.
    pub(crate) fn push_end(&mut self, end: End) -> Result<(), Error> {
        let tally = Some(self.tally);
        self.push(&Record::End(End { tally, ..end }))
    }

    /// Waits for the disk and gives the trace its name.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let named = written.and_then(|()| fs::rename(&self.partial, self.folder.trace_path()));
        named.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Output { path: self.partial.clone(), source }
    }
}

fn is_empty_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
