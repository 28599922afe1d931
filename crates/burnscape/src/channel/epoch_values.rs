//! What the last step of each epoch came to: from the writer thread to whoever prints a line about the epoch.

use std::collections::VecDeque;
use std::sync::Mutex;

/// Epochs kept for whoever will print them; nobody may.
const MOST_KEPT: usize = 64;

/// Numbers of a step that is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LastValues {
    pub lr: f64,
    /// ‖g‖ over all blocks.
    pub grad_norm: f64,
}

/// Those of the last steps of epochs, oldest first.
#[derive(Debug, Default)]
pub(crate) struct EpochValues(Mutex<VecDeque<(u64, Option<LastValues>)>>);

impl EpochValues {
    /// All steps of an epoch, as burn counts it, are written.
    pub fn tell(&self, epoch: u64, values: Option<LastValues>) {
        let Ok(mut told) = self.0.lock() else { return };
        if told.len() == MOST_KEPT {
            told.pop_front();
        }
        told.push_back((epoch, values));
    }

    /// The values of an epoch, once it was told; then it and those before it are let go.
    pub fn take(&self, epoch: u64) -> Option<Option<LastValues>> {
        let mut told = self.0.lock().ok()?;
        let place = told.iter().position(|(of, _)| *of == epoch)?;
        told.drain(..=place).next_back().map(|(_, values)| values)
    }

    /// Another training begins, which counts its epochs anew.
    pub fn forget(&self) {
        if let Ok(mut told) = self.0.lock() {
            told.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(grad_norm: f64) -> Option<LastValues> {
        Some(LastValues { lr: 0.1, grad_norm })
    }

    #[test]
    fn an_epoch_has_the_values_of_its_own_last_step() {
        let told = EpochValues::default();
        assert_eq!(told.take(1), None);
        (1..=3).for_each(|epoch| told.tell(epoch, values(epoch as f64)));
        assert_eq!(told.take(2), Some(values(2.0)));
        assert_eq!((told.take(1), told.take(2)), (None, None));
        assert_eq!(told.take(3), Some(values(3.0)));
        told.tell(4, None);
        assert_eq!(told.take(4), Some(None), "nothing was measured");
    }

    #[test]
    fn epochs_that_nobody_prints_are_no_leak_and_not_taken_for_those_of_another_training() {
        let told = EpochValues::default();
        (1..=1000).for_each(|epoch| told.tell(epoch, values(1.0)));
        assert_eq!(told.0.lock().unwrap().len(), MOST_KEPT);
        told.forget();
        assert_eq!(told.take(1000), None);
    }
}
