//! Tensors of a model in host memory, by name.

use std::borrow::Cow;

use burn::tensor::{DType, Tensor, TensorData, bf16, f16};
use safetensors::tensor::{Dtype, View};

/// A shape, or that there is none.
pub(crate) fn shape_in_words(shape: Option<&[usize]>) -> String {
    shape.map_or_else(|| "missing".to_string(), |shape| format!("{shape:?}"))
}

/// A named tensor in host memory.
#[derive(Debug, Clone)]
pub(crate) struct NamedTensor {
    pub path: String,
    pub data: TensorData,
}

impl NamedTensor {
    /// Its element type, as files call it.
    pub fn dtype(&self) -> Dtype {
        HostTensor::of(&self.data).dtype()
    }

    /// The narrower one of its own element type and another one, unless that cannot hold its numbers.
    pub fn fitting(&self, other: Dtype) -> Dtype {
        let own = self.dtype();
        // The least magnitude that is rounded to infinity.
        let beyond = match other {
            Dtype::F16 => 65_520.0,
            Dtype::BF16 => 3.396_177_5e38,
            _ => f64::from(f32::MAX),
        };
        let fits = |value: f64| !value.is_finite() || value.abs() < beyond;
        let is_narrower = other.bitsize() < own.bitsize();
        if is_narrower && self.data.iter::<f64>().all(fits) { other } else { own }
    }
}

/// Reads a tensor in its own element type; bfloat16 and packed weights become f32, which numpy
/// can read.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>) -> Result<TensorData, String> {
    let tensor = tensor.inner();
    let tensor = match tensor.dtype() {
        DType::QFloat(_) => tensor.dequantize(),
        _ => tensor,
    };
    let widen = matches!(tensor.dtype(), DType::BF16 | DType::Flex32 | DType::QFloat(_));
    match widen {
        true => tensor.try_into_data_dtype(DType::F32).map_err(|e| e.to_string()),
        false => tensor.try_into_data().map_err(|e| e.to_string()),
    }
}

/// A tensor as the safetensors crate wants to see it.
pub(super) struct HostTensor<'a> {
    data: &'a TensorData,
    shape: Vec<usize>,
}

impl<'a> HostTensor<'a> {
    pub fn of(data: &'a TensorData) -> Self {
        let shape = data.shape().iter().copied().collect();
        Self { data, shape }
    }
}

impl View for HostTensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.data.dtype() {
            DType::F64 => Dtype::F64,
            DType::F16 => Dtype::F16,
            DType::BF16 => Dtype::BF16,
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

/// A host tensor as f32.
pub(crate) fn widen_data(data: &TensorData, out: &mut [f32]) {
    widen(HostTensor::of(data).dtype(), data.as_bytes(), out);
}

pub(super) fn dtype_of(dtype: Dtype) -> DType {
    match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        _ => DType::F32,
    }
}

pub(super) fn widen(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F64 => convert::<8>(bytes, out, |it| f64::from_le_bytes(it) as f32),
        Dtype::F16 => convert::<2>(bytes, out, |it| f16::from_le_bytes(it).to_f32()),
        Dtype::BF16 => convert::<2>(bytes, out, |it| bf16::from_le_bytes(it).to_f32()),
        _ => convert::<4>(bytes, out, f32::from_le_bytes),
    }
}

pub(super) fn convert<const N: usize>(
    bytes: &[u8],
    out: &mut [f32],
    read: impl Fn([u8; N]) -> f32,
) {
    let (values, _) = bytes.as_chunks::<N>();
    for (out, value) in out.iter_mut().zip(values) {
        *out = read(*value);
    }
}

/// Elements of a file, each rounded to the nearest one of a narrower type, ties to even.
pub(super) fn rounded(from: Dtype, bytes: &[u8], to: Dtype) -> Vec<u8> {
    match (from, to) {
        (Dtype::F64, Dtype::F32) => each(bytes, |it| (f64::from_le_bytes(it) as f32).to_le_bytes()),
        (Dtype::F64, Dtype::F16) => {
            each(bytes, |it| f16::from_f64(f64::from_le_bytes(it)).to_le_bytes())
        }
        (Dtype::F64, Dtype::BF16) => {
            each(bytes, |it| bf16::from_f64(f64::from_le_bytes(it)).to_le_bytes())
        }
        (Dtype::F32, Dtype::F16) => {
            each(bytes, |it| f16::from_f32(f32::from_le_bytes(it)).to_le_bytes())
        }
        (Dtype::F32, Dtype::BF16) => {
            each(bytes, |it| bf16::from_f32(f32::from_le_bytes(it)).to_le_bytes())
        }
        _ => bytes.to_vec(),
    }
}

fn each<const N: usize, const M: usize>(bytes: &[u8], to: impl Fn([u8; N]) -> [u8; M]) -> Vec<u8> {
    bytes.as_chunks::<N>().0.iter().flat_map(|value| to(*value)).collect()
}

/// The bytes of `f32`s in a file.
pub(super) fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
