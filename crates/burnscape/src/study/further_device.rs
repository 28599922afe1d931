//! A device beside the one that the model of a study is on.

use std::cell::RefCell;

use crate::model::map::ModelMap;

/// A device that takes nodes of every slice.
pub(super) struct FurtherDevice {
    /// The map of the model there.
    pub map: ModelMap,
    pub name: String,
    /// Seconds that the loss of a batch takes there.
    pub batch_secs: f64,
    /// Why it measures no more.
    pub gave_up: RefCell<Option<String>>,
}

impl FurtherDevice {
    pub fn is_at_work(&self) -> bool {
        self.gave_up.borrow().is_none()
    }
}
