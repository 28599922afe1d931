//! What is asked about the curvature at a point.

use burnscape_landscape::curvature::{AscentOptions, DensityOptions, Optimizer, TraceMethod};

use crate::Result;
use crate::config::check::check;
use crate::model::point::Point;

/// What [`Study::sharpness`](crate::Study::sharpness) measures, where.
///
/// By default: the five largest eigenvalues of the Hessian and the smallest, its trace, the largest eigenvalue of
/// each block, and the measures of sharpness by losses nearby, at the final model.
///
/// # Examples
///
/// ```
/// use burnscape::{OptimizerKind, Point, SharpnessSpec};
///
/// let quick = SharpnessSpec::top(1);
/// let whole = SharpnessSpec::new().density(8, 40).centre(Point::Initial);
/// let head = SharpnessSpec::new().blocks(["output"]);
/// let stable = SharpnessSpec::top(1).optimizer(OptimizerKind::GradientDescent).lr(0.1);
/// # let _ = (quick, whole, head, stable);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to `Study::sharpness`"]
pub struct SharpnessSpec {
    pub(crate) centre: Point,
    pub(crate) largest: usize,
    pub(crate) smallest: usize,
    pub(crate) tolerance: f64,
    pub(crate) most_products: usize,
    pub(crate) blocks: Vec<String>,
    pub(crate) trace: Option<(TraceMethod, usize)>,
    pub(crate) density: Option<DensityOptions>,
    pub(crate) per_block: bool,
    pub(crate) measures: bool,
    pub(crate) radius: f64,
    pub(crate) adaptive_radius: f64,
    pub(crate) epsilon: f64,
    pub(crate) directions: usize,
    pub(crate) ascent: AscentOptions,
    pub(crate) plane: bool,
    pub(crate) optimizer: Option<Optimizer>,
    pub(crate) lr: Option<f64>,
    pub(crate) seed: Option<u64>,
}

impl Default for SharpnessSpec {
    fn default() -> Self {
        Self {
            centre: Point::Final,
            largest: 5,
            smallest: 1,
            tolerance: 1e-3,
            most_products: 300,
            blocks: Vec::new(),
            trace: Some((TraceMethod::Hutchinson, 30)),
            density: None,
            per_block: true,
            measures: true,
            radius: 0.05,
            adaptive_radius: 0.5,
            epsilon: 1e-3,
            directions: 20,
            ascent: AscentOptions::default(),
            plane: true,
            optimizer: None,
            lr: None,
            seed: None,
        }
    }
}

impl SharpnessSpec {
    /// Everything but the spectral density.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many of the largest eigenvalues, and nothing else.
    pub fn top(largest: usize) -> Self {
        let (trace, per_block, measures, plane) = (None, false, false, false);
        Self { largest, smallest: 0, trace, per_block, measures, plane, ..Self::default() }
    }

    /// Around which model. Default: the final one.
    pub fn centre(mut self, centre: Point) -> Self {
        self.centre = centre;
        self
    }

    /// How many of the largest eigenvalues. Default 5.
    pub fn largest(mut self, count: usize) -> Self {
        self.largest = count;
        self
    }

    /// How many of the smallest. Default 1.
    pub fn smallest(mut self, count: usize) -> Self {
        self.smallest = count;
        self
    }

    /// Errors of eigenvalues that are small enough, as a share of the largest. Default 1e-3.
    pub fn tolerance(mut self, share: f64) -> Self {
        self.tolerance = share;
        self
    }

    /// Products with the Hessian, of two gradients each, after which a search for eigenvalues gives up. Default 300.
    pub fn most_products(mut self, products: usize) -> Self {
        self.most_products = products;
        self
    }

    /// Restricts the Hessian to parameters with these paths, or below them: `encoder`, `head.weight`. Default: all
    /// that train.
    pub fn blocks<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.blocks = paths.into_iter().map(Into::into).collect();
        self
    }

    /// How the trace is estimated, with how many products. Default: Hutchinson, 30.
    pub fn trace(mut self, method: TraceMethod, products: usize) -> Self {
        self.trace = Some((method, products));
        self
    }

    /// The spectral density, from so many random starts of so many steps each (8 and 40 give a good picture); it
    /// costs twice their product in gradients. Default: not measured.
    pub fn density(mut self, probes: usize, steps: usize) -> Self {
        self.density = Some(DensityOptions { probes, steps, ..DensityOptions::default() });
        self
    }

    /// Whether the largest eigenvalue of each block alone is found. Default: yes.
    pub fn per_block(mut self, per_block: bool) -> Self {
        self.per_block = per_block;
        self
    }

    /// Whether sharpness is also measured by losses nearby (SAM, ball, Keskar, average direction, filter-normalised).
    /// Default: yes.
    pub fn measures(mut self, measures: bool) -> Self {
        self.measures = measures;
        self
    }

    /// Radius of SAM, ball and average direction. Default 0.05 (Foret et al. 2021).
    pub fn radius(mut self, radius: f64) -> Self {
        self.radius = radius;
        self
    }

    /// Radius of the adaptive variants, in units of the weights. Default 0.5 (Kwon et al. 2021).
    pub fn adaptive_radius(mut self, radius: f64) -> Self {
        self.adaptive_radius = radius;
        self
    }

    /// ε of Keskar's sharpness. Default 1e-3 (Keskar et al. 2017).
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The optimizer with its constants, which burn does not tell; it decides about the learning rate that a
    /// curvature allows. Default: not named, which is read as gradient descent.
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = Some(optimizer);
        self
    }

    /// The learning rate to hold the curvature against. Default: the last one of the training that has just ended.
    pub fn lr(mut self, lr: f64) -> Self {
        self.lr = Some(lr);
        self
    }

    /// Seed of random vectors. Default: that of the run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Setting`].
    pub(crate) fn validate(&self) -> Result<()> {
        let positive = |setting, value: f64| {
            check(setting, value.is_finite() && value > 0.0, &value, "a positive number")
        };
        let wanted = self.largest + self.smallest;
        check("largest", wanted > 0, &wanted, "one eigenvalue or more, at either end")?;
        let tolerance = self.tolerance;
        let is_share = tolerance > 0.0 && tolerance < 1.0;
        check("tolerance", is_share, &tolerance, "a share between 0 and 1")?;
        check("most_products", self.most_products > 0, &self.most_products, "1 or more")?;
        positive("radius", self.radius)?;
        positive("adaptive_radius", self.adaptive_radius)?;
        positive("epsilon", self.epsilon)?;
        let lr = self.lr.unwrap_or(0.0);
        check("lr", lr.is_finite() && lr >= 0.0, &lr, "a number that is 0 or more")?;
        check_optimizer(self.optimizer)
    }
}

/// Refuses constants that no optimizer has.
///
/// # Errors
///
/// [`crate::Error::Setting`].
pub(crate) fn check_optimizer(optimizer: Option<Optimizer>) -> Result<()> {
    let Some(optimizer) = optimizer else { return Ok(()) };
    let expected = "momenta in [0, 1), and a positive ε";
    check("optimizer", optimizer.is_sensible(), &optimizer, expected)
}
