//! Points that slices lie around.

use std::cell::RefCell;

use super::quantities::Measured;
use super::subject::ModelAt;
use super::weights::Weights;
use crate::model::tensors::NamedTensor;

/// Parameters and buffers of a point.
pub(super) struct Located {
    /// As the slice names it: `final`, `snapshot 3` …
    pub label: String,
    /// The snapshot that has just these tensors.
    pub snapshot: Option<u64>,
    pub tensors: Vec<NamedTensor>,
}

/// A point that slices lie around.
pub(super) struct Centre {
    pub label: String,
    pub snapshot: Option<u64>,
    pub weights: Weights,
    /// Euclidean norm of the parameters.
    pub norm: f64,
    /// The model there, in inference mode, with state of its own.
    pub model: ModelAt,
    /// Per buffer, whether it moves with the parameter that it is the second name of.
    pub tied: Vec<bool>,
    /// Every layer at the centre itself, once it is measured, and on which batches.
    pub(super) found: RefCell<Option<(Vec<u32>, Measured)>>,
    /// It is the model that the batches were looked at with.
    pub(super) is_given: bool,
    /// Its buffers, where no snapshot holds them.
    pub buffers: Vec<NamedTensor>,
}

/// Bit for bit, or both NaN.
pub(super) fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}
