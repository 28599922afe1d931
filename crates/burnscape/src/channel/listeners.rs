//! Who passes burn's progress events on.

use std::sync::atomic::{AtomicU64, Ordering};

/// Who tells the recorder what burn told.
#[derive(Debug, Default)]
pub(crate) struct Teller(AtomicU64);

impl Teller {
    pub fn is(&self, number: u64) -> bool {
        self.0.load(Ordering::Acquire) == number
    }

    pub fn take(&self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    pub fn take_if_free(&self, number: u64) {
        let _ = self.0.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
    }

    pub fn leave(&self, number: u64) {
        let _ = self.0.compare_exchange(number, 0, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// Those that pass burn's progress events on, as far as they may still come or have come.
#[derive(Debug, Default)]
pub(crate) struct Listeners(AtomicU64);

impl Listeners {
    pub fn enter(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// One goes that has heard nothing.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}
