//! How a principal component analysis is done.

/// How a principal component analysis is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcaOptions {
    /// Number of components, as a rule 2.
    pub components: usize,
    /// Memory for the pieces of all snapshots that are held at a time, in bytes. A piece has 4096
    /// parameters, 16 KiB of each snapshot; there is always at least one. No result depends on it.
    pub block_bytes: usize,
    /// Seed of the random directions that stand in for degenerate components.
    pub seed: u64,
    /// Threads that compute while the calling one reads; with one, it does both in turn. `None` is as many
    /// as the machine offers. No result depends on it.
    pub threads: Option<usize>,
}

impl Default for PcaOptions {
    /// Two components; at most 64 MiB of pieces, which are two for each of two threads with 800 snapshots.
    fn default() -> Self {
        Self { components: 2, block_bytes: 64 << 20, seed: 0, threads: None }
    }
}
