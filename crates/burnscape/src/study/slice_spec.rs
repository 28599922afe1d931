//! What slice of the landscape is asked for: its centre, its directions, its range, how it is measured.

use std::ops::RangeInclusive;
use std::sync::Arc;

use burnscape_landscape::direction::{Biases, Normalisation};

use crate::config::chosen::Chosen;
use crate::model::point::Point;

/// A direction in parameter space, as it is asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Direction {
    /// Drawn at random and normalised as the slice says.
    Random {
        /// Seed of this direction; `None`: from the seed of the slice, another one for each axis.
        seed: Option<u64>,
    },
    /// A principal component of the snapshots, counted from 1: a unit vector.
    Component(usize),
    /// From the centre to a point, which then has the coordinate 1.
    To(Point),
    /// The difference `second − first` of two points, whatever the centre: between neighbouring
    /// snapshots, what a momentum would follow.
    Difference(Point, Point),
    /// The last update of the optimizer: the model before it has the coordinate −1 from the final model.
    /// The probe has to be told to [keep it](crate::ProbeBuilder::keep_last_update).
    LastUpdate,
    /// The eigenvector of the Hessian at the centre with the k-th largest eigenvalue, counted from 1: a unit vector,
    /// not normalised by filter, so that the curvature along it is the eigenvalue.
    /// [`Study::sharpness`](crate::Study::sharpness) has to find it first, around the same point.
    Eigenvector(usize),
    /// Any vector in layout order, such as a gradient ([`Study::gradient`](crate::Study::gradient)) or an
    /// eigenvector of the Hessian.
    Given(GivenDirection),
}

/// A vector with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenDirection {
    /// What it is, for the axis of a picture.
    pub label: String,
    /// `gradient`, `hessian` or `given`.
    pub(crate) kind: &'static str,
    /// One entry per parameter, in layout order.
    pub values: Arc<Vec<f32>>,
}

impl Direction {
    /// A random direction; each axis of a slice draws another one.
    pub fn random() -> Self {
        Self::Random { seed: None }
    }

    /// The random direction of one seed.
    pub fn seeded(seed: u64) -> Self {
        Self::Random { seed: Some(seed) }
    }

    /// Any vector in layout order, with a name for the axis.
    pub fn given(label: impl Into<String>, values: Vec<f32>) -> Self {
        Self::Given(GivenDirection { label: label.into(), kind: "given", values: Arc::new(values) })
    }

    /// The eigenvector of the Hessian at the centre with the k-th largest eigenvalue, counted from 1.
    pub fn hessian(k: usize) -> Self {
        Self::Eigenvector(k)
    }

    pub(crate) fn is_random(&self) -> bool {
        matches!(self, Self::Random { .. })
    }
}

/// What the statistics of BatchNorm are at the nodes of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BatchNormMode {
    /// Those of the centre, at every node.
    #[default]
    Centre,
    /// Recomputed at every node, on the fixed batches of the study.
    Recalibrate,
}

/// How far an axis reaches.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Reach {
    /// What suits the direction: see [`SliceSpec`].
    #[default]
    Natural,
    /// Over the projections of all snapshots.
    Trajectory,
    /// Both ends, in units of the direction.
    Given(RangeInclusive<f64>),
}

/// A slice of the loss landscape: a line or a plane, and how it is measured.
///
/// Nodes lie at `centre + α·d₁ + β·d₂`, where α and β are multiples of a spacing and 0 is always one.
/// Unless a range is given, an axis reaches
///
/// * along a random direction: ± [`random_range`](crate::ProbeBuilder::random_range) (1);
/// * along a principal component or a given vector: over the path of training, or over a hundredth of ‖θ‖
///   either way where that has no extent;
/// * to a point: from 0 to 1; along a difference or the last update: from −1 to 1;
///
/// and, except for random directions, by the [`margin`](crate::ProbeBuilder::margin) further.
///
/// # Examples
///
/// ```
/// use burnscape::{Biases, Direction, Normalisation, Point, SliceSpec};
///
/// let wide = SliceSpec::random().seed(7).range(-2.0..=2.0).biases(Biases::Filter);
/// let third = SliceSpec::plane(Direction::Component(1), Direction::Component(3));
/// let line = SliceSpec::between(Point::Initial, Point::Final).resolution(101, 1);
/// let layerwise = SliceSpec::line(Direction::random()).normalisation(Normalisation::Layer);
/// # let _ = (wide, third, line, layerwise);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Study::slice`"]
pub struct SliceSpec {
    pub(crate) name: Option<String>,
    pub(crate) centre: Point,
    pub(crate) x: Direction,
    pub(crate) y: Option<Direction>,
    pub(crate) reach: [Reach; 2],
    pub(crate) resolution: Option<[usize; 2]>,
    pub(crate) seed: Option<u64>,
    pub(crate) normalisation: Normalisation,
    pub(crate) biases: Biases,
    pub(crate) move_frozen: bool,
    pub(crate) orthogonal: bool,
    pub(crate) batchnorm: BatchNormMode,
    pub(crate) tolerance: Option<f64>,
    pub(crate) blocks: Chosen,
}

impl SliceSpec {
    fn new(x: Direction, y: Option<Direction>) -> Self {
        Self {
            name: None,
            centre: Point::Final,
            x,
            y,
            reach: [Reach::Natural, Reach::Natural],
            resolution: None,
            seed: None,
            normalisation: Normalisation::default(),
            biases: Biases::default(),
            move_frozen: false,
            orthogonal: false,
            batchnorm: BatchNormMode::default(),
            tolerance: None,
            blocks: Chosen::default(),
        }
    }

    /// The plane of two directions through the centre.
    pub fn plane(x: Direction, y: Direction) -> Self {
        Self::new(x, Some(y))
    }

    /// The line of one direction through the centre.
    pub fn line(direction: Direction) -> Self {
        Self::new(direction, None)
    }

    /// The plane of the first two principal components of the snapshots.
    pub fn pca() -> Self {
        Self::plane(Direction::Component(1), Direction::Component(2)).name("pca")
    }

    /// The plane of the eigenvectors of the two largest eigenvalues of the Hessian at the centre, which
    /// [`Study::sharpness`](crate::Study::sharpness) has to find first.
    pub fn hessian() -> Self {
        Self::plane(Direction::hessian(1), Direction::hessian(2)).name("hessian")
    }

    /// A plane of two random directions, normalised filter by filter (Li et al. 2018).
    pub fn random() -> Self {
        Self::plane(Direction::random(), Direction::random()).name("random")
    }

    /// The line from one point (coordinate 0) to another (1).
    pub fn between(from: Point, to: Point) -> Self {
        Self::line(Direction::To(to)).centre(from).name("between")
    }

    /// The plane through three points: (0, 0), (1, 0) and (0, 1).
    pub fn through(origin: Point, x: Point, y: Point) -> Self {
        Self::plane(Direction::To(x), Direction::To(y)).centre(origin).name("through")
    }

    /// A name for the slice, by which it is found again. Default: from its directions.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where (0, 0) lies. Default: the final model.
    pub fn centre(mut self, centre: Point) -> Self {
        self.centre = centre;
        self
    }

    /// Seed of random directions: the first axis draws with `2·seed`, the second with `2·seed + 1`.
    /// Default: the seed of the run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// To what random directions are scaled. Default: filter by filter.
    pub fn normalisation(mut self, normalisation: Normalisation) -> Self {
        self.normalisation = normalisation;
        self
    }

    /// What biases and norm parameters do in random directions. Default: they stay.
    pub fn biases(mut self, biases: Biases) -> Self {
        self.biases = biases;
        self
    }

    /// Whether frozen parameters move in random directions. Default: they stay.
    pub fn move_frozen(mut self, moves: bool) -> Self {
        self.move_frozen = moves;
        self
    }

    /// Moves only the blocks whose paths match one of these patterns, in which `*` stands for any characters and `?` for
    /// one: every direction is 0 in the others. What is left of a principal component is none any more. Default: all.
    pub fn blocks<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.blocks = Chosen::of(patterns);
        self
    }

    /// Makes the second direction orthogonal to the first (Gram–Schmidt), with the norm that it had.
    pub fn orthogonal(mut self) -> Self {
        self.orthogonal = true;
        self
    }

    /// Both axes from and to these coordinates, in units of the directions; widened to whole multiples of
    /// the spacing, so that 0 is a node.
    pub fn range(mut self, range: RangeInclusive<f64>) -> Self {
        self.reach = [Reach::Given(range.clone()), Reach::Given(range)];
        self
    }

    /// The axes from and to these coordinates, one range for each.
    pub fn ranges(mut self, x: RangeInclusive<f64>, y: RangeInclusive<f64>) -> Self {
        self.reach = [Reach::Given(x), Reach::Given(y)];
        self
    }

    /// Both axes over the projections of all snapshots.
    pub fn around_trajectory(mut self) -> Self {
        self.reach = [Reach::Trajectory, Reach::Trajectory];
        self
    }

    /// Nodes per axis, α and β; a line has only the first. Default: that of the probe, 49 × 49.
    pub fn resolution(mut self, x: usize, y: usize) -> Self {
        self.resolution = Some([x, y]);
        self
    }

    /// What the statistics of BatchNorm are at the nodes. Default: those of the centre.
    pub fn batchnorm(mut self, mode: BatchNormMode) -> Self {
        self.batchnorm = mode;
        self
    }

    /// Measures only where interpolation is not known to come within this share of the range of losses
    /// (0.01: a hundredth); other nodes are interpolated and flagged.
    pub fn adaptive(mut self, tolerance: f64) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Measures every node, also where the probe was told to be adaptive.
    pub fn exact(mut self) -> Self {
        self.tolerance = Some(0.0);
        self
    }

    pub(crate) fn directions(&self) -> impl Iterator<Item = &Direction> {
        std::iter::once(&self.x).chain(&self.y)
    }
}
