//! What a principal component analysis finds, or why it does not.

use crate::error::Error;

/// One principal component.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Unit vector with P entries; exactly 0 where no snapshot differs from another.
    pub direction: Vec<f32>,
    /// Coordinate of every snapshot along it, from the mean of the snapshots: a distance.
    pub scores: Vec<f64>,
    /// Variance of the scores, Σ score² / (T − 1).
    pub variance: f64,
    /// Share of the total variance, in [0, 1]; 0 if there is none.
    pub explained: f64,
    /// Whether the snapshots do not vary along it by more than rounding to `f32` makes them vary. Then the
    /// direction is a random one, at a right angle to the components before it, so that a plane can be
    /// drawn; `scores`, `variance` and `explained` are 0.
    pub degenerate: bool,
}

/// Principal components of T snapshots about their mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// The components asked for, in descending order of variance.
    pub components: Vec<Component>,
    /// Variances along all T − 1 possible components, descending, together the total variance; of more than 600
    /// snapshots only those asked for.
    pub variances: Vec<f64>,
    /// Mean squared distance from the mean, with the divisor T − 1.
    pub total_variance: f64,
    /// Distance between neighbouring snapshots: T − 1 entries. 0 says that a snapshot is there twice.
    pub step_lengths: Vec<f64>,
}

impl Pca {
    /// Number of snapshots, T.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.step_lengths.len() + 1
    }

    /// Share of the total variance of each component.
    #[must_use]
    pub fn explained(&self) -> Vec<f64> {
        self.components.iter().map(|component| component.explained).collect()
    }
}

/// What one read of T snapshots tells of their principal components: all but the directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The components asked for, in descending order of variance.
    pub components: Vec<ScoredComponent>,
    /// Variances along all T − 1 possible components, descending, together the total variance; of more than 600
    /// snapshots only those asked for.
    pub variances: Vec<f64>,
    /// Mean squared distance from the mean, with the divisor T − 1.
    pub total_variance: f64,
    /// Distance between neighbouring snapshots: T − 1 entries. 0 says that a snapshot is there twice.
    pub step_lengths: Vec<f64>,
}

/// One principal component without its direction; the fields are those of [`Component`].
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredComponent {
    /// Coordinate of every snapshot along it, from the mean of the snapshots: a distance.
    pub scores: Vec<f64>,
    /// Variance of the scores, Σ score² / (T − 1).
    pub variance: f64,
    /// Share of the total variance, in [0, 1]; 0 if there is none.
    pub explained: f64,
    /// Whether the snapshots do not vary along it by more than rounding to `f32` makes them vary.
    pub degenerate: bool,
}

/// Why there are no principal components.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PcaError<E> {
    /// The snapshots have none.
    #[error(transparent)]
    Request(#[from] Error),
    /// A snapshot could not be read.
    #[error("snapshot {snapshot} could not be read")]
    Read {
        /// Index of the snapshot.
        snapshot: usize,
        /// What the source of snapshots said.
        source: E,
    },
}

impl Component {
    pub(super) fn of((scored, direction): (ScoredComponent, Vec<f32>)) -> Self {
        let ScoredComponent { scores, variance, explained, degenerate } = scored;
        Self { direction, scores, variance, explained, degenerate }
    }
}

impl From<Component> for ScoredComponent {
    fn from(component: Component) -> Self {
        let Component { scores, variance, explained, degenerate, .. } = component;
        Self { scores, variance, explained, degenerate }
    }
}

impl From<Pca> for Scores {
    fn from(pca: Pca) -> Self {
        let Pca { components, variances, total_variance, step_lengths } = pca;
        let components = components.into_iter().map(Into::into).collect();
        Self { components, variances, total_variance, step_lengths }
    }
}
