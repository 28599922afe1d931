//! The model that a study is about: as it was given, as slices lie around it, and what the run knows of it.

use burn::module::Module;

use crate::model::frozen::FrozenHistory;
use crate::model::map::{ModelMap, checksums};

/// It is to be the same after the study as before.
pub(crate) struct StudiedModel<M> {
    pub map: ModelMap,
    /// As the user gave it: shares its state with theirs.
    pub given: M,
    /// What slices lie around unless they say otherwise, in inference mode, with state of its own.
    pub model: M,
    /// The name of that point.
    pub final_label: String,
    /// The snapshot that has its tensors.
    pub final_snapshot: Option<u64>,
    /// Which blocks were frozen when; the map has the flags of the end.
    pub frozen: FrozenHistory,
    pub last_update: Option<Vec<f32>>,
    /// Checksums of the given model's tensors when the study began.
    fingerprint: Result<Vec<u32>, String>,
}

impl<M: Module> StudiedModel<M> {
    pub fn new(map: ModelMap, given: &M, model: M, frozen: FrozenHistory) -> Self {
        Self {
            map,
            given: given.clone(),
            model,
            final_label: "final".to_string(),
            final_snapshot: None,
            frozen,
            last_update: None,
            fingerprint: Err("it was not looked at yet".to_string()),
        }
    }

    /// Remembers what the given model is like.
    pub fn remember(&mut self) {
        self.fingerprint = fingerprint(&self.given, &self.map);
    }

    /// Whether the given model is bit for bit as it was remembered.
    pub fn is_unchanged(&self) -> bool {
        self.fingerprint.is_ok() && self.fingerprint == fingerprint(&self.given, &self.map)
    }
}

/// A checksum of every parameter and buffer of a model.
fn fingerprint<M: Module>(model: &M, map: &ModelMap) -> Result<Vec<u32>, String> {
    checksums(&model.valid(), map).map_err(|error| error.to_string())
}
