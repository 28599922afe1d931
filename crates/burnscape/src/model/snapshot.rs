//! Snapshot files: all parameters and buffers at one moment, as safetensors that numpy reads.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use burnscape_landscape::layout::Layout;
use burnscape_landscape::pca::Snapshots;
use burnscape_trace::{RunFolder, Snapshot};
use safetensors::SafeTensors;
use safetensors::tensor::{Metadata, TensorInfo};

use super::map::ModelMap;
use super::tensors::{HostTensor, NamedTensor, dtype_of, shape_in_words, widen};
use crate::{Error, Result};

/// A safetensors header may be this long (the limit of the format's reference reader).
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Files of a [`SnapshotMatrix`] that stay open: a process may have a thousand, and does not read only these.
const OPEN_FILES: usize = 200;

/// Names in a file of directions.
const CENTRE: &str = "centre";

const DIRECTIONS: [&str; 2] = ["d1", "d2"];

/// Stands before the paths of buffers there.
const BUFFER: &str = "buffer:";

/// The bytes of a snapshot file. Equal tensors give equal bytes: nothing else is in the file.
pub(crate) fn encode(tensors: &[NamedTensor]) -> Result<Vec<u8>, String> {
    let views = tensors.iter().map(|it| (it.path.as_str(), HostTensor::of(&it.data)));
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}

/// Writes a snapshot under a temporary name, then renames it, so that a file is whole or absent.
///
/// # Errors
///
/// [`Error::SnapshotWrite`] with the file and what the system said.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Error::SnapshotWrite {
        file: file.to_path_buf(),
        reason: error.to_string(),
    };
    let temporary = file.with_extension("safetensors.tmp");
    let write = || -> std::io::Result<()> {
        // Not the run folder as well: where it was removed, half a run would come back.
        if let Some(folder) = file.parent().filter(|folder| !folder.is_dir()) {
            fs::create_dir(folder)?;
        }
        File::create(&temporary)?.write_all(bytes)?;
        fs::rename(&temporary, file)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

/// An open snapshot file, checked against the model.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    /// `None`: it is opened again for every read.
    file: Option<File>,
    data_start: u64,
    metadata: Metadata,
    bytes: Vec<u8>,
}

impl SnapshotFile {
    /// Opens a snapshot and checks that it holds exactly the model's tensors.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`] if it is no whole safetensors file, [`Error::SnapshotMismatch`]
    /// naming the first parameter that does not fit.
    pub fn open(path: &Path, map: &ModelMap) -> Result<Self> {
        Self::open_with(path, &map.expected_tensors().collect::<Vec<_>>())
    }

    /// The same for the tensors with these paths and shapes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, expected: &[(&str, &[usize])]) -> Result<Self> {
        let read = || -> Result<Self, String> {
            let mut file = File::open(path).map_err(|error| error.to_string())?;
            let (data_start, metadata) = read_header(&mut file)?;
            let (path, file) = (path.to_path_buf(), Some(file));
            Ok(Self { path, file, data_start, metadata, bytes: Vec::new() })
        };
        let snapshot = read().map_err(|reason| read_error(path, reason))?;
        snapshot.check_against(expected)?;
        Ok(snapshot)
    }

    fn check_against(&self, expected: &[(&str, &[usize])]) -> Result<()> {
        for &(name, shape) in expected {
            let found = self.metadata.info(name).map(|info| info.shape.as_slice());
            if found != Some(shape) {
                return Err(self.mismatch(name, found, Some(shape)));
            }
        }
        if self.metadata.tensors().len() == expected.len() {
            return Ok(());
        }
        let names = self.metadata.offset_keys();
        let is_known = |name: &str| expected.iter().any(|(known, _)| *known == name);
        let stranger = names.iter().find(|name| !is_known(name));
        match stranger {
            Some(name) => {
                let shape = self.metadata.info(name).map(|info| info.shape.as_slice());
                Err(self.mismatch(name, shape, None))
            }
            None => Ok(()),
        }
    }

    fn mismatch(&self, path: &str, found: Option<&[usize]>, expected: Option<&[usize]>) -> Error {
        Error::SnapshotMismatch {
            file: self.path.clone(),
            path: path.to_string(),
            found: shape_in_words(found),
            expected: shape_in_words(expected),
        }
    }

    /// One tensor, in the element type of the file.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`].
    pub fn tensor(&mut self, name: &str) -> Result<TensorData> {
        let info = self.info(name)?;
        let (start, end) = info.data_offsets;
        let mut bytes = vec![0; end - start];
        self.read_at(start, &mut bytes)?;
        Ok(TensorData::from_bytes_vec(bytes, info.shape, dtype_of(info.dtype)))
    }

    /// All tensors of the model.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`].
    pub fn tensors(&mut self, map: &ModelMap) -> Result<Vec<NamedTensor>> {
        let read = |(path, _): (&str, &[usize])| {
            Ok(NamedTensor { path: path.to_string(), data: self.tensor(path)? })
        };
        map.expected_tensors().map(read).collect()
    }

    /// Elements `start..start + out.len()` of the flat parameter vector, as f32.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`].
    pub fn read_flat(&mut self, layout: &Layout, start: usize, out: &mut [f32]) -> Result<()> {
        let was_open = self.file.is_some();
        self.reopen()?;
        let read = self.read_blocks(layout, start, out);
        if !was_open {
            self.close();
        }
        read
    }

    fn read_blocks(&mut self, layout: &Layout, start: usize, out: &mut [f32]) -> Result<()> {
        let end = start + out.len();
        for block in layout.blocks() {
            let range = block.range();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let part = &mut out[from - start..to - start];
                self.read_block(&block.path, from - range.start, part)?;
            }
        }
        Ok(())
    }

    fn read_block(&mut self, name: &str, skip: usize, out: &mut [f32]) -> Result<()> {
        let info = self.info(name)?;
        let width = info.dtype.bitsize() / 8;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.resize(out.len() * width, 0);
        let read = self.read_at(info.data_offsets.0 + skip * width, &mut bytes);
        widen(info.dtype, &bytes, out);
        self.bytes = bytes;
        read
    }

    fn info(&self, name: &str) -> Result<TensorInfo> {
        let info = self.metadata.info(name);
        info.cloned().ok_or_else(|| read_error(&self.path, format!("it has no tensor `{name}`")))
    }

    /// Gives the file back to the system; it is opened again for every read.
    pub fn close(&mut self) {
        self.file = None;
        self.bytes = Vec::new();
    }

    /// Holds the file open, if it is not.
    fn reopen(&mut self) -> Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                File::open(&self.path).map_err(|error| read_error(&self.path, error.to_string()))?
            }
        };
        Ok(self.file.insert(file))
    }

    fn read_at(&mut self, offset: usize, out: &mut [u8]) -> Result<()> {
        let at = SeekFrom::Start(self.data_start + offset as u64);
        let file = self.reopen()?;
        let read = file.seek(at).and_then(|_| file.read_exact(out));
        read.map_err(|error| read_error(&self.path, error.to_string()))
    }
}

fn read_error(path: &Path, reason: String) -> Error {
    Error::SnapshotRead { file: path.to_path_buf(), reason }
}

/// Reads the header; claimed lengths are checked against the file before anything is allocated.
fn read_header(file: &mut File) -> Result<(u64, Metadata), String> {
    let words = |error: std::io::Error| error.to_string();
    let file_len = file.metadata().map_err(words)?.len();
    let mut len = [0; 8];
    file.read_exact(&mut len).map_err(words)?;
    let header_len = u64::from_le_bytes(len);
    if header_len > MAX_HEADER_BYTES || header_len + 8 > file_len {
        return Err(format!("its header claims {header_len} bytes, the file has {file_len}"));
    }
    let mut header = vec![0; header_len as usize];
    file.read_exact(&mut header).map_err(words)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| error.to_string())?;
    let data_start = header_len + 8;
    let expected = data_start + metadata.data_len() as u64;
    if expected != file_len {
        return Err(format!("it should have {expected} bytes and has {file_len}"));
    }
    Ok((data_start, metadata))
}

/// Writes the centre and the directions of a slice as flat vectors `centre`, `d1` and, for a plane, `d2`, with
/// the buffers of a centre that no snapshot holds.
///
/// # Errors
///
/// [`Error::SnapshotWrite`].
pub(crate) fn write_directions(
    file: &Path,
    centre: &[f32],
    directions: &[Vec<f32>],
    buffers: &[NamedTensor],
) -> Result<()> {
    let vector = |(name, values): (&str, &[f32])| NamedTensor {
        path: name.to_string(),
        data: TensorData::new(values.to_vec(), [values.len()]),
    };
    let names = DIRECTIONS.into_iter().zip(directions.iter().map(Vec::as_slice));
    let vectors = std::iter::once((CENTRE, centre)).chain(names).map(vector);
    let tensors: Vec<NamedTensor> = vectors.chain(buffers.iter().map(as_buffer)).collect();
    let bytes = encode(&tensors);
    let bytes =
        bytes.map_err(|reason| Error::SnapshotWrite { file: file.to_path_buf(), reason })?;
    write(file, &bytes)
}

fn as_buffer(buffer: &NamedTensor) -> NamedTensor {
    NamedTensor { path: format!("{BUFFER}{}", buffer.path), data: buffer.data.clone() }
}

/// What [`write_directions`] wrote.
#[derive(Debug)]
pub(crate) struct StoredDirections {
    pub centre: Vec<f32>,
    pub directions: Vec<Vec<f32>>,
    /// Those of a centre that no snapshot holds.
    pub buffers: Vec<NamedTensor>,
}

/// Reads what [`write_directions`] wrote.
///
/// # Errors
///
/// [`Error::SnapshotRead`].
pub(crate) fn read_directions(file: &Path, len: usize) -> Result<StoredDirections> {
    let failed = |reason: String| read_error(file, reason);
    let bytes = fs::read(file).map_err(|error| failed(error.to_string()))?;
    let found = SafeTensors::deserialize(&bytes).map_err(|error| failed(error.to_string()))?;
    let vector = |name: &str| -> Result<Vec<f32>> {
        let view = found.tensor(name).map_err(|error| failed(error.to_string()))?;
        if view.shape() != [len] {
            let shape = view.shape();
            return Err(failed(format!(
                "`{name}` has the shape {shape:?}, the model {len} parameters"
            )));
        }
        let mut values = vec![0.0; len];
        widen(view.dtype(), view.data(), &mut values);
        Ok(values)
    };
    let centre = vector(CENTRE)?;
    let names = DIRECTIONS.into_iter().filter(|name| found.names().contains(name));
    let directions = names.map(vector).collect::<Result<Vec<_>>>()?;
    let buffer = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        let path = name.strip_prefix(BUFFER)?.to_string();
        let data = view.data().to_vec();
        let data = TensorData::from_bytes_vec(data, view.shape().to_vec(), dtype_of(view.dtype()));
        Some(NamedTensor { path, data })
    };
    let buffers = found.tensors().into_iter().filter_map(buffer).collect();
    Ok(StoredDirections { centre, directions, buffers })
}

/// Where the last update of a run is kept, as the centre of a file of directions.
fn last_update_path(folder: &RunFolder) -> PathBuf {
    folder.directions_dir().join("last_update.safetensors")
}

/// Keeps the update that led to the last snapshot of a run, or, without one, none: what an earlier training
/// has left is removed.
///
/// # Errors
///
/// [`Error::SnapshotWrite`].
pub(crate) fn keep_last_update(
    folder: &RunFolder,
    update: Option<&[f32]>,
    last: Option<&Snapshot>,
) -> Result<()> {
    let path = last_update_path(folder);
    match update {
        Some(update) => {
            let leads_to = last.map(identity).into_iter().collect::<Vec<_>>();
            write_directions(&path, update, &[], &leads_to)
        }
        None if path.is_file() => fs::remove_file(&path)
            .map_err(|error| Error::SnapshotWrite { file: path, reason: error.to_string() }),
        None => Ok(()),
    }
}

/// The update that led to this snapshot, if it is kept.
///
/// # Errors
///
/// [`Error::SnapshotRead`].
pub(crate) fn last_update(
    folder: &RunFolder,
    parameters: usize,
    last: &Snapshot,
) -> Result<Option<Vec<f32>>> {
    let path = last_update_path(folder);
    if !path.is_file() {
        return Ok(None);
    }
    let stored = read_directions(&path, parameters)?;
    let expected = identity(last);
    let is_of_last = |it: &NamedTensor| {
        it.path == expected.path && it.data.as_bytes() == expected.data.as_bytes()
    };
    Ok(stored.buffers.iter().any(is_of_last).then_some(stored.centre))
}

/// Step and checksum of a snapshot, to tell it from one of a later training.
fn identity(snapshot: &Snapshot) -> NamedTensor {
    let values = vec![snapshot.step as f64, f64::from(snapshot.crc32)];
    NamedTensor { path: "step and crc32".to_string(), data: TensorData::new(values, [2]) }
}

/// The snapshots of a run as one matrix, read from their files a stretch of columns at a time.
///
/// Rows are snapshots in the order of training, columns parameters in layout order. However many there are,
/// at most 200 files are open.
#[derive(Debug)]
pub struct SnapshotMatrix<'a> {
    files: Vec<SnapshotFile>,
    layout: Cow<'a, Layout>,
}

impl<'a> SnapshotMatrix<'a> {
    /// Rows from files that are opened one after the other.
    pub(crate) fn new(
        files: impl Iterator<Item = Result<SnapshotFile>>,
        layout: Cow<'a, Layout>,
    ) -> Result<Self> {
        let file = |(number, file): (usize, Result<SnapshotFile>)| {
            let mut file = file?;
            // Pieces are read of all snapshots in turn: to reopen always the same ones is the least work.
            if number >= OPEN_FILES {
                file.close();
            }
            Ok(file)
        };
        let files = files.enumerate().map(file).collect::<Result<_>>()?;
        Ok(Self { files, layout })
    }

    /// Rows from files that were [closed](Self::into_closed); one that is gone is told when it is read.
    pub(crate) fn reopened(mut files: Vec<SnapshotFile>, layout: Cow<'a, Layout>) -> Self {
        for file in files.iter_mut().take(OPEN_FILES) {
            let _ = file.reopen();
        }
        Self { files, layout }
    }

    pub(crate) fn into_closed(mut self) -> Vec<SnapshotFile> {
        self.files.iter_mut().for_each(SnapshotFile::close);
        self.files
    }
}

impl Snapshots for SnapshotMatrix<'_> {
    type Error = Error;

    fn count(&self) -> usize {
        self.files.len()
    }

    fn dims(&self) -> usize {
        self.layout.len()
    }

    fn read(&mut self, snapshot: usize, start: usize, out: &mut [f32]) -> Result<()> {
        self.files[snapshot].read_flat(&self.layout, start, out)
    }
}
