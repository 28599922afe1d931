//! How many values slices may claim: a few for nothing, more as values are told, so that memory is bounded by the trace.

/// Values that all slices together may claim before any is told: two planes of 512 × 512 nodes.
pub(crate) const FREE_VALUES: u64 = 1 << 19;

/// Values that may be claimed for each one that is told: a sixteenth of a picture is worth its frame.
pub(crate) const CLAIMED_PER_VALUE: u64 = 16;

/// What slices have claimed, and what was told of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Room {
    claimed: u64,
    told: u64,
}

impl Room {
    /// Takes note of values that were told.
    pub(crate) fn tell(&mut self, values: u64) {
        self.told = self.told.saturating_add(values);
    }

    /// Gives room for so many values, if there is any.
    pub(crate) fn take(&mut self, values: u64) -> bool {
        let room = FREE_VALUES.saturating_add(self.told.saturating_mul(CLAIMED_PER_VALUE));
        let claimed = self.claimed.saturating_add(values);
        let fits = claimed <= room;
        if fits {
            self.claimed = claimed;
        }
        fits
    }

    /// Takes back what is no longer needed.
    pub(crate) fn give_back(&mut self, values: u64) {
        self.claimed = self.claimed.saturating_sub(values);
    }
}
