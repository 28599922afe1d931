//! How many snapshots a run keeps.

/// How many snapshots a run keeps on the path of its training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SnapshotLimits {
    /// Files, that of the initial one included.
    pub most: usize,
    /// Bytes of their files together.
    pub bytes: u64,
}

impl Default for SnapshotLimits {
    /// 2⁹ + 1, so that halving keeps both ends: more points than a picture of the path shows. 8 GiB.
    fn default() -> Self {
        Self { most: 513, bytes: 8 << 30 }
    }
}
