//! A device beside the one that the model of a study is on.

use std::cell::RefCell;

use crate::model::map::ModelMap;

/// A device that takes nodes of every slice.
pub(super) struct FurtherDevice<I> {
    /// The map of the model there.
    pub map: ModelMap,
    pub name: String,
    /// All batches of the first set.
    pub batches: Vec<I>,
    /// Seconds that the loss of a batch takes there.
    pub batch_secs: f64,
    /// Why it measures no more.
    pub gave_up: RefCell<Option<String>>,
}

impl<I: Clone> FurtherDevice<I> {
    pub fn is_at_work(&self) -> bool {
        self.gave_up.borrow().is_none()
    }

    /// The batches that are used, by their places among all.
    pub fn used(&self, places: &[usize]) -> Vec<Vec<I>> {
        vec![places.iter().map(|&place| self.batches[place].clone()).collect()]
    }
}
