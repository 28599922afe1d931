//! What the run knows of the model that a study is about.

use crate::model::frozen::FrozenHistory;
use crate::model::map::ModelMap;

/// The model is to be the same after the study as before.
pub(crate) struct StudiedModel {
    pub map: ModelMap,
    /// The name of the point that slices lie around unless they say otherwise.
    pub final_label: String,
    /// The snapshot that has its tensors.
    pub final_snapshot: Option<u64>,
    /// Which blocks were frozen when; the map has the flags of the end.
    pub frozen: FrozenHistory,
    pub last_update: Option<Vec<f32>>,
    /// Checksums of the given model's tensors when the study began.
    pub fingerprint: Result<Vec<u32>, String>,
}

impl StudiedModel {
    pub fn new(map: ModelMap, frozen: FrozenHistory) -> Self {
        Self {
            map,
            final_label: "final".to_string(),
            final_snapshot: None,
            frozen,
            last_update: None,
            fingerprint: Err("it was not looked at yet".to_string()),
        }
    }
}
