//! How buffers are read while training goes on.

use burn::module::Module;

use crate::model::map::{self, ModelMap};
use crate::model::tensors::NamedTensor;

/// How the statistics of BatchNorm are read, which burn merges one update late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// Up to date, which merges them: burn's `Learner` does so itself before anybody looks.
    Merged,
    /// As a hand-written loop has them, which may look at them at any time.
    AsTheyAre,
}

impl Statistics {
    pub fn read<M: Module>(self, model: &M, map: &ModelMap) -> crate::Result<Vec<NamedTensor>> {
        match self {
            Self::Merged => map::read_tensors(&model.valid(), map),
            Self::AsTheyAre => map::read_tensors(model, map),
        }
    }
}
