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
        Self::rounded(tensors, NamedTensor::dtype)
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
    let own = tensor.dtype();
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
    use burn::tensor::{TensorData, bf16, f16};
    use safetensors::SafeTensors;

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

    /// The nearest number of a type, found among all there are.
    fn nearest(value: f32, all: &[f32]) -> f32 {
        let at = all.partition_point(|it| *it < value);
        let (below, above) = (all[at.saturating_sub(1)], all[at.min(all.len() - 1)]);
        match (f64::from(value) - f64::from(below))
            .total_cmp(&(f64::from(above) - f64::from(value)))
        {
            std::cmp::Ordering::Less => below,
            std::cmp::Ordering::Greater => above,
            // Of two as near, the even one: every second number of a type is, and zero is.
            std::cmp::Ordering::Equal if (at - 1).is_multiple_of(2) == is_even_first(all) => below,
            std::cmp::Ordering::Equal => above,
        }
    }

    fn is_even_first(all: &[f32]) -> bool {
        let zero = all.iter().position(|it| *it == 0.0).expect("zero is a number");
        zero.is_multiple_of(2)
    }

    fn all_finite(of: impl Fn(u16) -> f32) -> Vec<f32> {
        let mut all: Vec<f32> = (0..=u16::MAX).map(of).filter(|it| it.is_finite()).collect();
        all.sort_by(f32::total_cmp);
        all.dedup_by(|a, b| *a == *b);
        all
    }

    #[test]
    fn parameters_are_rounded_to_the_nearest_number_there_is() {
        let halves = all_finite(|it| f16::from_bits(it).to_f32());
        let brains = all_finite(|it| bf16::from_bits(it).to_f32());
        let mut values: Vec<f32> =
            (0..4000).map(|it| 1.7_f32.powi(it % 41 - 33) * (it as f32).sin()).collect();
        // Halfway between two numbers, and at the end of those that are normal.
        values.extend([1.0 + 2.0_f32.powi(-11), 1.0 + 3.0 * 2.0_f32.powi(-11), 65_504.0, 65_519.0]);
        values.extend([2.0_f32.powi(-24), 2.0_f32.powi(-25), 3.0 * 2.0_f32.powi(-25), -0.0, 0.0]);
        let tensors = [tensor("w", TensorData::new(values.clone(), [values.len()]))];
        let folder = tempfile::tempdir().unwrap();
        for (dtype, all) in [(Dtype::F16, halves), (Dtype::BF16, brains)] {
            let encoded = Encoded::rounded(&tensors, |it| it.fitting(dtype)).unwrap();
            let file = folder.path().join(format!("{dtype}.safetensors"));
            encoded.write(&file).unwrap();
            let bytes = fs::read(&file).unwrap();
            let found = SafeTensors::deserialize(&bytes).unwrap();
            let view = found.tensor("w").unwrap();
            assert_eq!(view.dtype(), dtype);
            let mut widened = vec![0.0; values.len()];
            super::super::tensors::widen(view.dtype(), view.data(), &mut widened);
            for (value, found) in values.iter().zip(widened) {
                assert_eq!(found, nearest(*value, &all), "{value} in {dtype}");
            }
        }
    }

    #[test]
    fn a_tensor_with_numbers_beyond_a_type_keeps_its_own() {
        let of = |values: Vec<f32>| tensor("w", TensorData::new(values, [2]));
        assert_eq!(of(vec![1.0, 65_519.0]).fitting(Dtype::F16), Dtype::F16);
        assert_eq!(of(vec![1.0, -65_520.0]).fitting(Dtype::F16), Dtype::F32);
        assert_eq!(of(vec![f32::NAN, f32::INFINITY]).fitting(Dtype::F16), Dtype::F16);
        assert_eq!(of(vec![1.0, f32::MAX]).fitting(Dtype::BF16), Dtype::F32);
        assert_eq!(of(vec![1.0, 2.0]).fitting(Dtype::F64), Dtype::F32);
        let wide = tensor("w", TensorData::new(vec![1.0_f64, 1e300], [2]));
        assert_eq!(wide.fitting(Dtype::F32), Dtype::F64);
    }
}
