//! What a study knows of the snapshots on the path of training.

use std::collections::BTreeMap;
use std::sync::Arc;

use burnscape_landscape::pca::{ScoredComponent, Scores};
use burnscape_trace::Snapshot;

use super::vector::Vector;

/// The snapshots, and what was found out about them.
pub(super) struct TrainingPath {
    /// In order; one that repeats the one before it counts once.
    pub snapshots: Vec<Snapshot>,
    pub all: Vec<Snapshot>,
    /// Numbers of those that are read, once that was decided; none: all.
    pub read: Option<Vec<u32>>,
    pub geometry: Option<Geometry>,
    /// By the number of the snapshot.
    pub true_losses: BTreeMap<u64, f64>,
    /// What snapshots are called, by number, where they are of several runs.
    pub names: BTreeMap<u64, String>,
}

/// What is known of the snapshots together.
pub(super) struct Geometry {
    /// The finite ones.
    pub used: Vec<Snapshot>,
    /// Components that were asked for; more may exist.
    pub components: usize,
    /// `None` with fewer than two snapshots.
    pub scores: Option<Scores>,
    /// Of the components.
    pub directions: Vec<Arc<Vector>>,
}

impl Geometry {
    /// A component with its direction, counted from 0.
    pub fn component(&self, number: usize) -> Option<(&ScoredComponent, &Arc<Vector>)> {
        let component = self.scores.as_ref()?.components.get(number)?;
        Some((component, self.directions.get(number)?))
    }
}

impl TrainingPath {
    pub fn of(all: Vec<Snapshot>) -> Self {
        let mut snapshots = all.clone();
        snapshots.dedup_by(|next, kept| next.file == kept.file);
        let (true_losses, names) = (BTreeMap::new(), BTreeMap::new());
        Self { snapshots, all, read: None, geometry: None, true_losses, names }
    }

    pub fn name_of(&self, snapshot: u64) -> String {
        self.names.get(&snapshot).cloned().unwrap_or_else(|| format!("snapshot {snapshot}"))
    }

    /// The finite ones; none before they were analysed.
    pub fn used(&self) -> &[Snapshot] {
        self.geometry.as_ref().map_or(&[], |geometry| geometry.used.as_slice())
    }

    /// The principal components but their directions, once they are known.
    pub fn scores(&self) -> Option<&Scores> {
        self.geometry.as_ref()?.scores.as_ref()
    }
}
