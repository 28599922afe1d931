//! How many snapshots a run keeps, and how exactly.

use burn::tensor::FloatDType;
use safetensors::Dtype;

/// How many snapshots a run keeps on the path of its training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SnapshotLimits {
    /// Files, that of the initial one included.
    pub most: usize,
    /// Bytes of their files together.
    pub bytes: u64,
}

impl Default for SnapshotLimits {
    /// 2⁹ + 1, so that halving keeps both ends: more points than a picture of the path shows. 8 GiB.
    fn default() -> Self {
        Self { most: 513, bytes: 8 << 30 }
    }
}

/// What parameters of snapshots on the path of training are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rounding(pub FloatDType);

impl Rounding {
    /// As files call it; `None` where nothing is narrower than it.
    pub fn dtype(self) -> Option<Dtype> {
        match self.0 {
            FloatDType::F64 => None,
            FloatDType::F32 | FloatDType::Flex32 => Some(Dtype::F32),
            FloatDType::F16 => Some(Dtype::F16),
            FloatDType::BF16 => Some(Dtype::BF16),
        }
    }

    /// As the trace calls it.
    pub fn name(self) -> String {
        format!("{:?}", self.0).to_lowercase()
    }
}

/// How far rounding moves so many parameters of this norm at most: half a unit in the last place of each, and below the
/// normal numbers of a type half of what lies between its numbers there.
pub(crate) fn rounding_distance(dtype: &str, norm: f64, parameters: usize) -> f64 {
    let (relative, smallest): (f64, f64) = match dtype {
        "f16" => (2.0_f64.powi(-11), 2.0_f64.powi(-25)),
        "bf16" => (2.0_f64.powi(-8), 0.0),
        _ => (2.0_f64.powi(-24), 0.0),
    };
    (relative * norm).hypot(smallest * (parameters as f64).sqrt())
}
