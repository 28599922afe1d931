//! Points in parameter space, by what they are called.

use std::sync::Arc;

use super::tensors::NamedTensor;

/// A point in parameter space.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Point {
    /// The model that training returned: the last snapshot of the run.
    #[default]
    Final,
    /// The model before the first update: the first snapshot of the run.
    Initial,
    /// The snapshot with the lowest finite loss on the batches of the study.
    Best,
    /// The snapshot with this number in the run.
    Snapshot(u64),
    /// Any other model of the same structure; made by [`Study::point`](crate::Study::point).
    Weights(Weights),
}

/// Parameters and buffers of a model, detached from it.
#[derive(Debug, Clone)]
pub struct Weights(pub(crate) Arc<WeightsOf>);

#[derive(Debug)]
pub(crate) struct WeightsOf {
    pub label: String,
    pub tensors: Vec<NamedTensor>,
}

impl PartialEq for Weights {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
