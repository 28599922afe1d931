//! Snapshot files: all parameters and buffers at one moment, as safetensors that numpy reads.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use burnscape_landscape::layout::Layout;
use burnscape_landscape::pca::Snapshots;
use burnscape_trace::{RunFolder, Snapshot};
use safetensors::tensor::{Dtype, Metadata, TensorInfo, View};

use super::encoded::{Header, write_error, write_whole};
use super::map::ModelMap;
use super::tensors::{
    HostTensor, NamedTensor, dtype_of, f32_bytes, rounded, shape_in_words, widen,
};
use super::vector_file::StoredVector;
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

    /// Rounds numbers as those of a tensor of this file are.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`] if there is no such tensor.
    pub fn round_as(&self, name: &str, values: &mut [f32]) -> Result<()> {
        let dtype = self.info(name)?.dtype;
        let bytes = rounded(Dtype::F32, &f32_bytes(values), dtype);
        if dtype.bitsize() < Dtype::F32.bitsize() {
            widen(dtype, &bytes, values);
        }
        Ok(())
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

/// Hands the pieces of a vector over, one after the other.
pub(crate) type EachPiece<'a> = dyn FnMut(&mut dyn FnMut(&[f32]) -> Result<()>) -> Result<()> + 'a;

/// Writes the centre and the directions of a slice, all with `len` entries, as flat vectors `centre`, `d1` and, for a
/// plane, `d2`, with the buffers of a centre that no snapshot holds.
///
/// # Errors
///
/// [`Error::SnapshotWrite`], and what the vectors say.
pub(crate) fn write_directions(
    file: &Path,
    len: usize,
    vectors: &mut [Box<EachPiece<'_>>],
    buffers: &[NamedTensor],
) -> Result<()> {
    let buffers: Vec<NamedTensor> = buffers.iter().map(as_buffer).collect();
    let shapes: Vec<HostTensor<'_>> = buffers.iter().map(|it| HostTensor::of(&it.data)).collect();
    let shape = [len];
    let names = std::iter::once(CENTRE).chain(DIRECTIONS).take(vectors.len());
    let mut described: Vec<(&str, Dtype, &[usize])> =
        names.map(|name| (name, Dtype::F32, &shape[..])).collect();
    for (buffer, shape) in buffers.iter().zip(&shapes) {
        described.push((&buffer.path, shape.dtype(), shape.shape()));
    }
    let header = Header::of(&described).map_err(|reason| write_error(file, reason))?;
    write_whole(file, |out| {
        let mut write = |bytes: &[u8]| {
            out.write_all(bytes).map_err(|error| write_error(file, error.to_string()))
        };
        write(&header.bytes)?;
        for at in header.order {
            match vectors.get_mut(at) {
                Some(each_piece) => each_piece(&mut |piece| write(&f32_bytes(piece)))?,
                None => write(buffers[at - vectors.len()].data.as_bytes())?,
            }
        }
        Ok(())
    })
}

fn as_buffer(buffer: &NamedTensor) -> NamedTensor {
    NamedTensor { path: format!("{BUFFER}{}", buffer.path), data: buffer.data.clone() }
}

/// What [`write_directions`] wrote, of which vectors are read when they are needed.
#[derive(Debug)]
pub(crate) struct StoredSlice {
    pub centre: StoredVector,
    pub directions: Vec<StoredVector>,
    /// Those of a centre that no snapshot holds.
    pub buffers: Vec<NamedTensor>,
}

/// Opens what [`write_directions`] wrote.
///
/// # Errors
///
/// [`Error::SnapshotRead`].
pub(crate) fn open_directions(file: &Path, len: usize) -> Result<StoredSlice> {
    let failed = |reason: String| read_error(file, reason);
    let mut opened = File::open(file).map_err(|error| failed(error.to_string()))?;
    let (data_start, metadata) = read_header(&mut opened).map_err(failed)?;
    let begin = |name: &str| -> Result<u64> {
        let info = metadata.info(name).ok_or_else(|| failed(format!("it has no `{name}`")))?;
        if info.shape != [len] || info.dtype != Dtype::F32 {
            let (shape, dtype) = (&info.shape, info.dtype);
            return Err(failed(format!(
                "`{name}` has the shape {shape:?} of {dtype}, the model {len} parameters of F32"
            )));
        }
        Ok(data_start + info.data_offsets.0 as u64)
    };
    let names = DIRECTIONS.into_iter().filter(|name| metadata.info(name).is_some());
    let begins = std::iter::once(CENTRE).chain(names).map(begin).collect::<Result<Vec<_>>>()?;
    let mut vectors = StoredVector::in_file(file, &begins)?;
    let (centre, directions) = (vectors.remove(0), vectors);
    let mut buffers = SnapshotFile {
        path: file.to_path_buf(),
        file: Some(opened),
        data_start,
        metadata,
        bytes: Vec::new(),
    };
    let names = buffers.metadata.offset_keys();
    let paths = names.iter().filter_map(|name| Some((name, name.strip_prefix(BUFFER)?)));
    let buffer = |(name, path): (&String, &str)| {
        Ok(NamedTensor { path: path.to_string(), data: buffers.tensor(name)? })
    };
    let buffers = paths.map(buffer).collect::<Result<_>>()?;
    Ok(StoredSlice { centre, directions, buffers })
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
            let whole: Box<EachPiece<'_>> = Box::new(|visit| visit(update));
            write_directions(&path, update.len(), &mut [whole], &leads_to)
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
    let stored = open_directions(&path, parameters)?;
    let expected = identity(last);
    let is_of_last = |it: &NamedTensor| {
        it.path == expected.path && it.data.as_bytes() == expected.data.as_bytes()
    };
    if !stored.buffers.iter().any(is_of_last) {
        return Ok(None);
    }
    let mut update = vec![0.0; parameters];
    stored.centre.read(0, &mut update)?;
    Ok(Some(update))
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
