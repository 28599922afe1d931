//! Tensors on their way into a safetensors file: a header, then one tensor after the other, none of them copied as a whole.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorInfo, View};

use super::tensors::{HostTensor, NamedTensor, rounded};
use crate::{Error, Result};

/// Bytes that are rounded, compared and checked at a time.
const PIECE: usize = 1 << 20;

/// The header of a file, to the byte that of the safetensors crate, and the order in which it wants the tensors.
pub(super) struct Header {
    pub bytes: Vec<u8>,
    /// Which of the tensors comes first, which then.
    pub order: Vec<usize>,
    /// Bytes of the whole file.
    pub file_len: u64,
}

impl Header {
    /// Of tensors with these names, element types and shapes.
    ///
    /// # Errors
    ///
    /// Says what the safetensors crate does not take.
    pub fn of(tensors: &[(&str, Dtype, &[usize])]) -> Result<Self, String> {
        let mut order: Vec<usize> = (0..tensors.len()).collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(tensors[at].1), tensors[at].0));
        let (mut offset, mut infos) = (0, Vec::new());
        for &at in &order {
            let (name, dtype, shape) = tensors[at];
            let len = shape.iter().product::<usize>() * (dtype.bitsize() / 8);
            let data_offsets = (offset, offset + len);
            infos.push((
                name.to_string(),
                TensorInfo { dtype, shape: shape.to_vec(), data_offsets },
            ));
            offset += len;
        }
        let metadata = Metadata::new(None, infos).map_err(|error| error.to_string())?;
        let json = serde_json::to_string(&metadata).map_err(|error| error.to_string())?;
        // What follows is aligned for elements of eight bytes.
        let len = json.len().next_multiple_of(8);
        let mut bytes = (len as u64).to_le_bytes().to_vec();
        bytes.extend(json.bytes());
        bytes.resize(8 + len, b' ');
        let file_len = (bytes.len() + offset) as u64;
        Ok(Self { bytes, order, file_len })
    }
}

/// The bytes of a snapshot file. Equal tensors give equal bytes: nothing else is in the file.
pub(crate) struct Encoded<'a> {
    header: Vec<u8>,
    /// In the order of the file, each with its element type there.
    tensors: Vec<(&'a NamedTensor, Dtype)>,
    len: u64,
}

impl<'a> Encoded<'a> {
    /// Tensors in the element types that they have.
    ///
    /// # Errors
    ///
    /// As [`rounded`](Self::rounded).
    pub fn of(tensors: &'a [NamedTensor]) -> Result<Self, String> {
        Self::rounded(tensors, |it| HostTensor::of(&it.data).dtype())
    }

    /// Tensors in the element types that `stored_as` says: their own, or one that is narrower.
    ///
    /// # Errors
    ///
    /// Says what the format does not take.
    pub fn rounded(
        tensors: &'a [NamedTensor],
        stored_as: impl Fn(&NamedTensor) -> Dtype,
    ) -> Result<Self, String> {
        let shapes: Vec<HostTensor<'_>> =
            tensors.iter().map(|it| HostTensor::of(&it.data)).collect();
        let dtypes: Vec<Dtype> = tensors.iter().map(stored_as).collect();
        let described = tensors.iter().zip(&dtypes).zip(&shapes);
        let described: Vec<_> = described
            .map(|((it, dtype), shape)| (it.path.as_str(), *dtype, shape.shape()))
            .collect();
        let Header { bytes: header, order, file_len: len, .. } = Header::of(&described)?;
        let tensors = order.into_iter().map(|at| (&tensors[at], dtypes[at])).collect();
        Ok(Self { header, tensors, len })
    }

    /// Bytes of the file.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// CRC-32 (IEEE) of the file.
    pub fn crc32(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        self.pieces().for_each(|piece| hasher.update(&piece));
        hasher.finalize()
    }

    /// Whether a file has just these bytes.
    pub fn is_in(&self, file: &Path) -> bool {
        let same = || -> std::io::Result<bool> {
            let file = File::open(file)?;
            if file.metadata()?.len() != self.len {
                return Ok(false);
            }
            let (mut file, mut found) = (BufReader::new(file), Vec::new());
            for piece in self.pieces() {
                found.resize(piece.len(), 0);
                file.read_exact(&mut found)?;
                if *found != *piece {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        same().unwrap_or(false)
    }

    /// Writes the file under a temporary name, then renames it, so that it is whole or absent.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotWrite`] with the file and what the system said.
    pub fn write(&self, file: &Path) -> Result<()> {
        write_whole(file, |out| {
            let written: std::io::Result<()> =
                self.pieces().try_for_each(|piece| out.write_all(&piece));
            written.map_err(|error| write_error(file, error.to_string()))
        })
    }

    fn pieces(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        let tensors = self.tensors.iter().flat_map(|&(tensor, dtype)| pieces_of(tensor, dtype));
        std::iter::once(Cow::Borrowed(self.header.as_slice())).chain(tensors)
    }
}

fn pieces_of(tensor: &NamedTensor, dtype: Dtype) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let own = HostTensor::of(&tensor.data).dtype();
    let pieces = tensor.data.as_bytes().chunks(PIECE);
    pieces.map(move |piece| match dtype == own {
        true => Cow::Borrowed(piece),
        false => Cow::Owned(rounded(own, piece, dtype)),
    })
}

/// Has a file written under a temporary name, then renames it, so that it is whole or absent.
///
/// # Errors
///
/// What `write` says; [`Error::SnapshotWrite`] with the file and what the system said.
pub(super) fn write_whole(
    file: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let failed = |error: std::io::Error| write_error(file, error.to_string());
    let temporary = file.with_extension("safetensors.tmp");
    let whole = || -> Result<()> {
        // Not the run folder as well: where it was removed, half a run would come back.
        if let Some(folder) = file.parent().filter(|folder| !folder.is_dir()) {
            fs::create_dir(folder).map_err(failed)?;
        }
        let mut out = BufWriter::with_capacity(PIECE, File::create(&temporary).map_err(failed)?);
        write(&mut out)?;
        out.into_inner().map_err(|error| failed(error.into_error()))?;
        fs::rename(&temporary, file).map_err(failed)
    };
    whole().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

pub(super) fn write_error(file: &Path, reason: String) -> Error {
    Error::SnapshotWrite { file: file.to_path_buf(), reason }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    fn tensor(path: &str, data: TensorData) -> NamedTensor {
        NamedTensor { path: path.to_string(), data }
    }

    fn mixed() -> Vec<NamedTensor> {
        let values = |len: usize| (0..len).map(|it| (it as f32).sin()).collect::<Vec<f32>>();
        let wide: Vec<f64> = values(6).into_iter().map(f64::from).collect();
        vec![
            tensor("norm.running_mean", TensorData::new(wide, [6])),
            tensor("b.weight", TensorData::new(values(600_000), [1000, 600])),
            tensor("a.weight", TensorData::new(values(12), [3, 4])),
            tensor("a.bias", TensorData::new(values(3), [3])),
            tensor("scale", TensorData::new(vec![2.0_f32], [0_usize; 0])),
        ]
    }

    #[test]
    fn a_file_is_to_the_byte_what_the_safetensors_crate_makes() {
        let tensors = mixed();
        let views = tensors.iter().map(|it| (it.path.as_str(), HostTensor::of(&it.data)));
        let expected = safetensors::serialize(views, None).unwrap();
        let encoded = Encoded::of(&tensors).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("snapshots").join("0.safetensors");
        encoded.write(&file).unwrap();
        assert!(fs::read(&file).unwrap() == expected, "{} bytes", expected.len());
        assert_eq!(encoded.len(), expected.len() as u64);
        assert_eq!(encoded.crc32(), crc32fast::hash(&expected));
        assert!(encoded.is_in(&file));
        let mut other = tensors.clone();
        other[3] = tensor("a.bias", TensorData::new(vec![0.0_f32, 0.5, 0.25], [3]));
        assert!(!Encoded::of(&other).unwrap().is_in(&file));
        assert!(!encoded.is_in(&folder.path().join("missing")));
    }
}
