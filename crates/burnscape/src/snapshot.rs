//! Snapshot files: all parameters and buffers at one moment, as safetensors that numpy reads.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use burnscape_landscape::layout::Layout;
use burnscape_landscape::pca::Snapshots;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, View};

use crate::model_map::{ModelMap, NamedTensor, shape_in_words};
use crate::{Error, Result};

/// A safetensors header may be this long (the limit of the format's reference reader).
const MAX_HEADER_BYTES: u64 = 100_000_000;

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
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create(&temporary)?.write_all(bytes)?;
        fs::rename(&temporary, file)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

/// A tensor as the safetensors crate wants to see it.
struct HostTensor<'a> {
    data: &'a TensorData,
    shape: Vec<usize>,
}

impl<'a> HostTensor<'a> {
    fn of(data: &'a TensorData) -> Self {
        let shape = data.shape().iter().copied().collect();
        Self { data, shape }
    }
}

impl View for HostTensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.data.dtype() {
            DType::F64 => Dtype::F64,
            DType::F16 => Dtype::F16,
            _ => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.data.as_bytes())
    }

    fn data_len(&self) -> usize {
        self.data.as_bytes().len()
    }
}

/// An open snapshot file, checked against the model.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    file: File,
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
        let read = || -> Result<Self, String> {
            let mut file = File::open(path).map_err(|error| error.to_string())?;
            let (data_start, metadata) = read_header(&mut file)?;
            Ok(Self { path: path.to_path_buf(), file, data_start, metadata, bytes: Vec::new() })
        };
        let snapshot = read().map_err(|reason| read_error(path, reason))?;
        snapshot.check_against(map)?;
        Ok(snapshot)
    }

    fn check_against(&self, map: &ModelMap) -> Result<()> {
        let mut expected = 0;
        for (name, shape) in map.expected_tensors() {
            expected += 1;
            let found = self.metadata.info(name).map(|info| info.shape.as_slice());
            if found != Some(shape) {
                return Err(self.mismatch(name, found, Some(shape)));
            }
        }
        if self.metadata.tensors().len() == expected {
            return Ok(());
        }
        let names = self.metadata.offset_keys();
        let known: Vec<&str> = map.expected_tensors().map(|(name, _)| name).collect();
        let stranger = names.iter().find(|name| !known.contains(&name.as_str()));
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
        let dtype = match info.dtype {
            Dtype::F64 => DType::F64,
            Dtype::F16 => DType::F16,
            _ => DType::F32,
        };
        Ok(TensorData::from_bytes_vec(bytes, info.shape, dtype))
    }

    /// Elements `start..start + out.len()` of the flat parameter vector, as f32.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`].
    pub fn read_flat(&mut self, layout: &Layout, start: usize, out: &mut [f32]) -> Result<()> {
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

    fn read_at(&mut self, offset: usize, out: &mut [u8]) -> Result<()> {
        self.file
            .seek(SeekFrom::Start(self.data_start + offset as u64))
            .and_then(|_| self.file.read_exact(out))
            .map_err(|error| read_error(&self.path, error.to_string()))
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

/// A host tensor as f32.
pub(crate) fn widen_data(data: &TensorData, out: &mut [f32]) {
    widen(HostTensor::of(data).dtype(), data.as_bytes(), out);
}

/// Writes the centre and the directions of a slice as flat vectors `centre`, `d1`, `d2`.
///
/// # Errors
///
/// [`Error::SnapshotWrite`].
pub(crate) fn write_directions(file: &Path, vectors: [&[f32]; 3]) -> Result<()> {
    let tensor = |(name, values): (&str, &[f32])| NamedTensor {
        path: name.to_string(),
        data: TensorData::new(values.to_vec(), [values.len()]),
    };
    let tensors = ["centre", "d1", "d2"].into_iter().zip(vectors).map(tensor);
    let bytes = encode(&tensors.collect::<Vec<_>>());
    let bytes =
        bytes.map_err(|reason| Error::SnapshotWrite { file: file.to_path_buf(), reason })?;
    write(file, &bytes)
}

fn widen(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F64 => convert::<8>(bytes, out, |it| f64::from_le_bytes(it) as f32),
        Dtype::F16 => convert::<2>(bytes, out, |it| f32_from_f16(u16::from_le_bytes(it))),
        _ => convert::<4>(bytes, out, f32::from_le_bytes),
    }
}

fn convert<const N: usize>(bytes: &[u8], out: &mut [f32], read: impl Fn([u8; N]) -> f32) {
    let (values, _) = bytes.as_chunks::<N>();
    for (out, value) in out.iter_mut().zip(values) {
        *out = read(*value);
    }
}

fn f32_from_f16(bits: u16) -> f32 {
    burn::tensor::f16::from_bits(bits).to_f32()
}

/// The snapshots of a run as one matrix, read a stretch of columns at a time.
#[derive(Debug)]
pub(crate) struct SnapshotMatrix<'a> {
    pub files: Vec<SnapshotFile>,
    pub layout: &'a Layout,
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
        self.files[snapshot].read_flat(self.layout, start, out)
    }
}
