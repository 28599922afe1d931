//! What can be wrong with a request, told so that the reader knows what to change.

/// A request that has no mathematical answer.
///
/// Every variant carries the offending numbers and its message names the way out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two blocks of a layout share one path.
    #[error(
        "the parameter path {path:?} occurs twice: give each block its own path, count a shared parameter once"
    )]
    DuplicatePath {
        /// The path that occurs twice.
        path: String,
    },
    /// The filters of a block do not fit its shape.
    #[error(
        "{filters} does not fit the shape {shape:?} of {path:?}: name an axis that the tensor has"
    )]
    FiltersDoNotFit {
        /// Path of the block.
        path: String,
        /// The filters, in words.
        filters: String,
        /// Shape of the block.
        shape: Vec<usize>,
    },
    /// A vector does not have the length of the others.
    #[error("{what} has {found} entries, expected {expected}: all vectors must follow one layout")]
    LengthMismatch {
        /// Which vector.
        what: &'static str,
        /// Entries that it should have.
        expected: usize,
        /// Entries that it has.
        found: usize,
    },
    /// The second direction is a multiple of the first.
    #[error(
        "the two directions are parallel (cosine {cosine}): nothing remains to span a plane; draw the second with another seed"
    )]
    ParallelDirections {
        /// Cosine of the angle between them; 0 if one of them is zero.
        cosine: f64,
    },
    /// An axis has too few nodes.
    #[error(
        "an axis takes at least {least} nodes, an odd number to have the centre in the middle, and was to have {count}"
    )]
    AxisTooShort {
        /// Nodes asked for.
        count: usize,
        /// Nodes needed.
        least: usize,
    },
    /// An axis has no finite, positive extent.
    #[error(
        "the range {min} to {max} is not finite and wider than zero: give the two ends in ascending order"
    )]
    AxisRange {
        /// Lower end asked for.
        min: f64,
        /// Upper end asked for.
        max: f64,
    },
    /// The margin of an axis is negative or not finite.
    #[error(
        "the margin {margin} is not a finite share of the range that is zero or more: 0.1 adds a tenth at both ends"
    )]
    AxisMargin {
        /// Margin asked for, as a share of the range.
        margin: f64,
    },
    /// An axis does not have the centre among its nodes.
    #[error(
        "an axis from node {first} with {count} nodes misses node 0, the centre: begin at 0 or below and reach 0 or above"
    )]
    AxisWithoutCentre {
        /// Index of the first node.
        first: i64,
        /// Number of nodes.
        count: usize,
    },
    /// Too few snapshots for a trajectory.
    #[error(
        "a trajectory takes at least 2 snapshots, such as the initial and the final parameters, and was given {count}"
    )]
    TooFewSnapshots {
        /// Snapshots given.
        count: usize,
    },
    /// A snapshot holds NaN or an infinity.
    #[error(
        "snapshot {snapshot} is not finite ({value} at parameter {index}): leave it and the later ones out, the run diverged"
    )]
    NonFiniteSnapshot {
        /// Index of the snapshot.
        snapshot: usize,
        /// Index of the first offending entry in the flat parameter vector.
        index: usize,
        /// The entry.
        value: f32,
    },
    /// A step length is negative or not finite.
    #[error(
        "step {step} of the trajectory has length {length}: a length is finite and not negative"
    )]
    StepLength {
        /// Index of the step.
        step: usize,
        /// Its length.
        length: f64,
    },
    /// A tolerance is no share of the range.
    #[error(
        "the tolerance {tolerance} is not a share of the range of losses between 0 and 1: 0.01 allows one hundredth of the range"
    )]
    Tolerance {
        /// Tolerance asked for.
        tolerance: f64,
    },
    /// The nodes of a line between two models do not run from one to the other.
    #[error(
        "the nodes of the line, {nodes} in all, do not ascend from 0 to 1: a line between two models begins at the one and ends at the other"
    )]
    LineNodes {
        /// Nodes given.
        nodes: usize,
    },
    /// A block does not have the units of the group that it is said to have.
    #[error(
        "axis {axis} of {path:?} with the shape {shape:?} does not hold the {units} units of {group:?}: check which layers feed it and write into the same units"
    )]
    UnitsDoNotFit {
        /// Path of the block.
        path: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The axis.
        axis: usize,
        /// Name of the group.
        group: String,
        /// Units of the group.
        units: usize,
    },
    /// A layer is not in the layout, or of a kind whose units are not known.
    #[error(
        "{path:?} is no layer whose units can be swapped: name the module that holds the parameters, a Linear, a convolution, a normalisation or an embedding"
    )]
    UnknownLayer {
        /// Path of the layer or of its block.
        path: String,
    },
    /// A curvature needs nodes that are missing, not finite, or in one line.
    #[error(
        "a quadratic takes {needed} finite measured nodes in general position near the centre, and there are {usable}: measure more, or widen the window"
    )]
    TooFewNodes {
        /// Finite measured nodes found in the window.
        usable: usize,
        /// Nodes that a quadratic has unknowns.
        needed: usize,
    },
}

/// Says that `what` must have `expected` entries.
pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::LengthMismatch { what, expected, found })
}
