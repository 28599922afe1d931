//! The losses measured on a grid, and what can be read off them.

use nalgebra::{DMatrix, DVector, Matrix2, RowDVector, SymmetricEigen};

use crate::error::{Error, check_length};
use crate::grid::{Axis, Grid};
use crate::noise::{around_centre, window};
use crate::plane::PlaneGram;

/// What is known about a node. Losses themselves never mean "not done": NaN, 0 and −1 are losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NodeState {
    /// Nothing.
    #[default]
    Unmeasured,
    /// The loss was evaluated here.
    Measured,
    /// The loss was filled in from measured neighbours.
    Interpolated,
}

/// Loss at one node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeValue {
    /// Mean loss over the samples.
    pub mean: f64,
    /// Standard error of the mean; NaN if unknown.
    pub stderr: f64,
}

/// A node that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extreme {
    /// Number of the node.
    pub node: usize,
    /// Coefficient of the first direction.
    pub alpha: f64,
    /// Coefficient of the second direction.
    pub beta: f64,
    /// Loss at the node.
    pub loss: f64,
}

/// How many nodes are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Nodes where the loss was evaluated.
    pub measured: usize,
    /// Nodes filled in from neighbours.
    pub interpolated: usize,
    /// Nodes of which nothing is known.
    pub unmeasured: usize,
    /// Measured nodes whose loss is NaN or infinite.
    pub non_finite: usize,
}

/// One of the two directions of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Along {
    /// The first direction.
    X,
    /// The second direction.
    Y,
}

/// How contour levels are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Spacing {
    /// Equal differences.
    Linear,
    /// Equal ratios: of the losses if they are all positive, else of their heights above the lowest node.
    #[default]
    Log,
    /// Equal numbers of nodes between neighbouring levels.
    Quantile,
}

/// A principal direction of the surface's curvature at the centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Principal {
    /// Second derivative of the loss per unit of distance in parameter space: vᵀHv with ‖v‖ = 1.
    pub curvature: f64,
    /// By how much it may be off: losses are rounded, and a quadratic leaves something unexplained.
    pub error: f64,
    /// Coefficient of d₁ in v = α·d₁ + β·d₂.
    pub alpha: f64,
    /// Coefficient of d₂ in v.
    pub beta: f64,
    /// Angle in the plane from d₁ to v, towards d₂, in degrees, in (−90, 90].
    pub angle_degrees: f64,
}

/// A quadratic fitted to the nodes around the centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curvature {
    /// The direction of the plane in which the loss bends up most.
    pub largest: Principal,
    /// The direction, at a right angle to it, in which the loss bends up least.
    pub smallest: Principal,
    /// [[d₁ᵀHd₁, d₁ᵀHd₂], [d₁ᵀHd₂, d₂ᵀHd₂]]: derivatives by the coefficients, not by distance.
    pub hessian: [[f64; 2]; 2],
    /// [g·d₁, g·d₂].
    pub gradient: [f64; 2],
    /// Root mean square of what the quadratic leaves unexplained, in units of the loss.
    pub residual_rms: f64,
    /// The part of the errors that rounding of the losses makes by itself.
    pub rounding: f64,
    /// Nodes that the fit used.
    pub nodes: usize,
}

/// Losses on a grid, with the state of every node.
///
/// Stored values are never altered: no smoothing, no clipping, no filling in of what is not finite.
#[derive(Debug, Clone)]
pub struct Surface {
    grid: Grid,
    resolution: f64,
    loss: Vec<f64>,
    stderr: Vec<f64>,
    state: Vec<NodeState>,
}

impl Surface {
    /// A surface of which nothing is known yet.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        let nodes = grid.len();
        Self {
            grid,
            resolution: f64::from(f32::EPSILON),
            loss: vec![f64::NAN; nodes],
            stderr: vec![f64::NAN; nodes],
            state: vec![NodeState::Unmeasured; nodes],
        }
    }

    /// A surface from stored values, in node order.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if a list does not have one entry per node.
    pub fn from_parts(
        grid: Grid,
        loss: Vec<f64>,
        stderr: Vec<f64>,
        state: Vec<NodeState>,
    ) -> Result<Self, Error> {
        check_length("the list of losses", grid.len(), loss.len())?;
        check_length("the list of standard errors", grid.len(), stderr.len())?;
        check_length("the list of states", grid.len(), state.len())?;
        Ok(Self { loss, stderr, state, ..Self::new(grid) })
    }

    /// By how much a loss may be off, as a share of it, because of the numbers that it was computed in: 2⁻²³ for `f32`,
    /// as which losses are taken until told otherwise.
    #[must_use]
    pub fn resolution(&self) -> f64 {
        self.resolution
    }

    /// Tells in which numbers losses are computed.
    pub fn set_resolution(&mut self, resolution: f64) {
        self.resolution = resolution;
    }

    /// The grid.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Losses in node order; where [`states`](Self::states) says unmeasured, the entry means nothing.
    #[must_use]
    pub fn losses(&self) -> &[f64] {
        &self.loss
    }

    /// Standard errors in node order; NaN where unknown.
    #[must_use]
    pub fn stderrs(&self) -> &[f64] {
        &self.stderr
    }

    /// States in node order.
    #[must_use]
    pub fn states(&self) -> &[NodeState] {
        &self.state
    }

    /// Records an evaluated loss, whatever its value.
    ///
    /// # Panics
    ///
    /// If the grid has no such node.
    pub fn set(&mut self, node: usize, value: NodeValue) {
        self.loss[node] = value.mean;
        self.stderr[node] = value.stderr;
        self.state[node] = NodeState::Measured;
    }

    /// Records a loss filled in from neighbours; its standard error is unknown.
    ///
    /// # Panics
    ///
    /// If the grid has no such node.
    pub fn set_interpolated(&mut self, node: usize, loss: f64) {
        self.loss[node] = loss;
        self.stderr[node] = f64::NAN;
        self.state[node] = NodeState::Interpolated;
    }

    /// Loss at a node; none if unmeasured.
    ///
    /// # Panics
    ///
    /// If the grid has no such node.
    #[must_use]
    pub fn loss(&self, node: usize) -> Option<f64> {
        (self.state[node] != NodeState::Unmeasured).then(|| self.loss[node])
    }

    /// Loss at the centre; none if unmeasured.
    #[must_use]
    pub fn centre_loss(&self) -> Option<f64> {
        self.loss(self.grid.centre())
    }

    /// Whether the loss at a node was evaluated, not filled in.
    ///
    /// # Panics
    ///
    /// If the grid has no such node.
    #[must_use]
    pub fn is_measured(&self, node: usize) -> bool {
        self.state[node] == NodeState::Measured
    }

    /// Whether every node has a loss, measured or interpolated.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.counts().unmeasured == 0
    }

    /// How many nodes are in which state.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let in_state = |wanted| self.state.iter().filter(|&&state| state == wanted).count();
        let measured = in_state(NodeState::Measured);
        Counts {
            measured,
            interpolated: in_state(NodeState::Interpolated),
            unmeasured: in_state(NodeState::Unmeasured),
            non_finite: measured - self.finite().count(),
        }
    }

    /// Measured nodes with a finite loss, and the loss.
    fn finite(&self) -> impl Iterator<Item = (usize, f64)> {
        let measured = (0..self.grid.len()).filter(|&node| self.is_measured(node));
        measured.map(|node| (node, self.loss[node])).filter(|(_, loss)| loss.is_finite())
    }

    /// The measured node with the lowest finite loss; of equals the first.
    #[must_use]
    pub fn lowest(&self) -> Option<Extreme> {
        let lowest = self.finite().min_by(|a, b| a.1.total_cmp(&b.1));
        lowest.map(|found| self.extreme(found))
    }

    /// The measured node with the highest finite loss; of equals the first.
    #[must_use]
    pub fn highest(&self) -> Option<Extreme> {
        let highest = self.finite().min_by(|a, b| b.1.total_cmp(&a.1));
        highest.map(|found| self.extreme(found))
    }

    /// Highest minus lowest finite measured loss; none if no loss is.
    #[must_use]
    pub fn range(&self) -> Option<f64> {
        Some(self.highest()?.loss - self.lowest()?.loss)
    }

    fn extreme(&self, (node, loss): (usize, f64)) -> Extreme {
        let (alpha, beta) = self.grid.coordinates(node);
        Extreme { node, alpha, beta, loss }
    }

    /// The measured node with a finite loss that lies farthest from the centre, and how far; of equals the first.
    #[must_use]
    pub fn farthest_finite(&self, gram: &PlaneGram) -> Option<(Extreme, f64)> {
        let away = |found| {
            let extreme = self.extreme(found);
            (extreme, gram.length(extreme.alpha, extreme.beta))
        };
        self.finite().map(away).min_by(|a, b| b.1.total_cmp(&a.1))
    }

    /// Second derivative along one direction at the centre: the second difference over h², dᵀHd. Exact
    /// for quadratics. Where the centre lies on the border, the three nodes next to it are used.
    ///
    /// None if one of the nodes is not measured, not finite, or not there.
    #[must_use]
    pub fn second_difference(&self, along: Along) -> Option<f64> {
        self.second_difference_with_error(along).map(|(curvature, _)| curvature)
    }

    /// [`second_difference`](Self::second_difference), and by how much [rounding](Self::resolution) of the three losses,
    /// or their scatter where that is more, may move it.
    #[must_use]
    pub fn second_difference_with_error(&self, along: Along) -> Option<(f64, f64)> {
        let (column, row) = self.grid.column_row(self.grid.centre());
        let (axis, at): (_, &dyn Fn(usize) -> usize) = match along {
            Along::X => (self.grid.x(), &|index| self.grid.node(index, row)),
            Along::Y => (self.grid.y()?, &|index| self.grid.node(column, index)),
        };
        let mut nodes = window(axis, 1).map(at);
        let mut next = || self.finite_loss(nodes.next()?);
        let (left, middle, right) = (next()?, next()?, next()?);
        let per_square = (axis.spacing() * axis.spacing()).recip();
        let noise = self.noise();
        let off = |loss: f64| (self.resolution * loss.abs()).max(noise);
        let error = off(left) + 2.0 * off(middle) + off(right);
        Some(((left - 2.0 * middle + right) * per_square, error * per_square))
    }

    pub(crate) fn finite_loss(&self, node: usize) -> Option<f64> {
        Some(self.loss[node]).filter(|loss| self.is_measured(node) && loss.is_finite())
    }

    /// The sharpest direction of the plane at the centre, with the least sharp one.
    ///
    /// A quadratic `c + g·(α, β) + ½ (α, β) A (α, β)ᵀ` is fitted by least squares to the measured, finite
    /// nodes of a window of `2·reach + 1` columns and rows around the centre (moved inwards at the border);
    /// `gram` turns coefficients into distances: the principal curvatures λ solve `A v = λ M v` with the
    /// Gram matrix M of the directions, whatever their lengths and angle. Exact for quadratics; `reach` 1
    /// uses 3 × 3 nodes, a greater one averages over noise and over true changes of curvature alike.
    ///
    /// λ is linear in the losses, so their errors are carried over with the weights that they have in it: a loss is off by
    /// [rounding](Self::resolution), or, where that is more, by what the quadratic leaves unexplained or by how losses
    /// scatter around the centre. Nodes that lie so near to each other that their losses hardly differ leave little but
    /// the error.
    ///
    /// It is the curvature of this plane: no more than the largest eigenvalue of the whole Hessian, and as a
    /// rule much less.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewNodes`] if the nodes do not determine a quadratic (always on a line),
    /// [`Error::ParallelDirections`] if the directions do not span a plane.
    pub fn curvature(&self, gram: &PlaneGram, reach: usize) -> Result<Curvature, Error> {
        if gram.is_degenerate() {
            let cosine = gram.cosine();
            return Err(Error::ParallelDirections { cosine });
        }
        let nodes = self.nodes_around_centre(reach);
        let fit = self.fit_quadratic(&nodes)?;
        let [mut largest, mut smallest] = principals(fit.hessian, gram);
        let by_rounding: Vec<f64> =
            nodes.iter().map(|&node| self.resolution * self.loss[node].abs()).collect();
        let noise = fit.noise().max(self.noise());
        let off: Vec<f64> = by_rounding.iter().map(|rounding| rounding.max(noise)).collect();
        let rounding = fit.errors([&largest, &smallest], &by_rounding);
        [largest.error, smallest.error] = fit.errors([&largest, &smallest], &off);
        Ok(Curvature {
            largest,
            smallest,
            hessian: fit.hessian,
            gradient: fit.gradient,
            residual_rms: fit.residual / (nodes.len() as f64).sqrt(),
            rounding: rounding[0].max(rounding[1]),
            nodes: nodes.len(),
        })
    }

    /// By how much a loss scatters around the centre: twice the standard deviation.
    fn noise(&self) -> f64 {
        2.0 * around_centre(self, NOISE_REACH)
    }

    fn nodes_around_centre(&self, reach: usize) -> Vec<usize> {
        let rows = self.grid.y().map_or(0..1, |y| window(y, reach));
        let columns = window(self.grid.x(), reach);
        rows.flat_map(|iy| columns.clone().map(move |ix| (ix, iy)))
            .map(|(ix, iy)| self.grid.node(ix, iy))
            .filter(|&node| self.finite_loss(node).is_some())
            .collect()
    }

    /// Solved in units of the spacing, where all columns have like sizes.
    fn fit_quadratic(&self, nodes: &[usize]) -> Result<QuadraticFit, Error> {
        let spacings = (self.grid.x().spacing(), self.grid.y().map_or(1.0, Axis::spacing));
        let scaled = |node: &usize| {
            let (alpha, beta) = self.grid.coordinates(*node);
            monomials(alpha / spacings.0, beta / spacings.1)
        };
        let rows: Vec<f64> = nodes.iter().flat_map(scaled).collect();
        let design = DMatrix::from_row_slice(nodes.len(), UNKNOWNS, &rows);
        let losses = DVector::from_iterator(nodes.len(), nodes.iter().map(|&n| self.loss[n]));
        let inverse = pseudo_inverse(&design)?;
        let unknowns = &inverse * &losses;
        let residual = (design * &unknowns - losses).norm();
        Ok(QuadraticFit::new(&unknowns, spacings, inverse, residual))
    }

    /// `count` contour levels strictly between the lowest and the highest finite loss, ascending; fewer if
    /// levels would coincide, none if all losses are equal.
    #[must_use]
    pub fn levels(&self, count: usize, spacing: Spacing) -> Vec<f64> {
        let mut losses: Vec<f64> = self.finite().map(|(_, loss)| loss).collect();
        losses.sort_unstable_by(f64::total_cmp);
        let (Some(&low), Some(&high)) = (losses.first(), losses.last()) else {
            return Vec::new();
        };
        let shares = (1..=count).map(|k| k as f64 / (count + 1) as f64);
        let mut levels: Vec<f64> = match spacing {
            Spacing::Linear => shares.map(|share| between(low, high, share)).collect(),
            Spacing::Log => shares.map(|share| log_between(&losses, share)).collect(),
            Spacing::Quantile => shares.map(|share| quantile(&losses, share)).collect(),
        };
        levels.retain(|&level| low < level && level < high);
        levels.dedup();
        levels
    }
}

/// Nodes on either side of the centre from which the scatter of losses is told.
const NOISE_REACH: usize = 8;

/// Unknowns of a quadratic in two variables.
const UNKNOWNS: usize = 6;

fn monomials(x: f64, y: f64) -> [f64; UNKNOWNS] {
    [1.0, x, y, 0.5 * x * x, x * y, 0.5 * y * y]
}

/// The matrix that makes unknowns from losses by least squares.
fn pseudo_inverse(design: &DMatrix<f64>) -> Result<DMatrix<f64>, Error> {
    let too_few = Error::TooFewNodes { usable: design.nrows(), needed: UNKNOWNS };
    if design.nrows() < UNKNOWNS {
        return Err(too_few);
    }
    let svd = design.clone().svd(true, true);
    let threshold = 1e-9 * svd.singular_values.max();
    if svd.rank(threshold) < UNKNOWNS {
        return Err(too_few);
    }
    Ok(svd.pseudo_inverse(threshold).expect("both factors were computed"))
}

struct QuadraticFit {
    gradient: [f64; 2],
    hessian: [[f64; 2]; 2],
    spacings: (f64, f64),
    /// Unknowns from losses.
    inverse: DMatrix<f64>,
    /// Root of the sum of squares that is left unexplained.
    residual: f64,
}

impl QuadraticFit {
    fn new(
        unknowns: &DVector<f64>,
        spacings: (f64, f64),
        inverse: DMatrix<f64>,
        residual: f64,
    ) -> Self {
        let (hx, hy) = spacings;
        let mixed = unknowns[4] / (hx * hy);
        Self {
            gradient: [unknowns[1] / hx, unknowns[2] / hy],
            hessian: [[unknowns[3] / (hx * hx), mixed], [mixed, unknowns[5] / (hy * hy)]],
            spacings,
            inverse,
            residual,
        }
    }

    /// Deviation of a loss from the quadratic, by what the unknowns leave free; 0 where they leave nothing.
    fn noise(&self) -> f64 {
        let free = self.inverse.ncols() - UNKNOWNS;
        if free == 0 { 0.0 } else { self.residual / (free as f64).sqrt() }
    }

    /// By how much two principal curvatures may be off if each loss is off by `off`: in their own frame the Hessian is
    /// off by e₁ and e₂ on its diagonal and by e₁₂ beside it, which moves an eigenvalue by at most
    /// e + (√(g² + 4e₁₂²) − g)/2 where the two stay g apart.
    fn errors(&self, [first, second]: [&Principal; 2], off: &[f64]) -> [f64; 2] {
        let moved = |a: &Principal, b: &Principal| {
            let weights = self.weights(a, b);
            weights.iter().zip(off).map(|(weight, off)| weight.abs() * off).sum::<f64>()
        };
        let (on_first, on_second) = (moved(first, first), moved(second, second));
        let beside = moved(first, second);
        let apart = first.curvature - second.curvature - on_first - on_second;
        if apart <= 0.0 {
            return [on_first.max(on_second) + beside; 2];
        }
        let turned = 0.5 * (apart.hypot(2.0 * beside) - apart);
        [on_first + turned, on_second + turned]
    }

    /// What each loss counts in aᵀAb.
    fn weights(&self, a: &Principal, b: &Principal) -> RowDVector<f64> {
        let (hx, hy) = self.spacings;
        let row = |unknown: usize| self.inverse.row(unknown);
        row(3) * (a.alpha * b.alpha / (hx * hx))
            + row(4) * ((a.alpha * b.beta + a.beta * b.alpha) / (hx * hy))
            + row(5) * (a.beta * b.beta / (hy * hy))
    }
}

/// Largest and smallest principal curvature, by way of the orthonormal frame e₁ ∥ d₁, e₂ ⊥ d₁.
fn principals(hessian: [[f64; 2]; 2], gram: &PlaneGram) -> [Principal; 2] {
    let to_coefficients = frame(gram);
    let [[a, b], [_, d]] = hessian;
    let in_frame = to_coefficients.transpose() * Matrix2::new(a, b, b, d) * to_coefficients;
    let eigen = SymmetricEigen::new(in_frame);
    let order = if eigen.eigenvalues[0] >= eigen.eigenvalues[1] { [0, 1] } else { [1, 0] };
    order.map(|k| {
        let direction = eigen.eigenvectors.column(k).into_owned();
        let coefficients = to_coefficients * direction;
        principal(
            eigen.eigenvalues[k],
            [direction[0], direction[1]],
            [coefficients[0], coefficients[1]],
        )
    })
}

/// Columns: the coefficients (α, β) of e₁ and of e₂.
fn frame(gram: &PlaneGram) -> Matrix2<f64> {
    let along = gram.d1_d1.sqrt();
    let slant = gram.d1_d2 / along;
    let across = (gram.d2_d2 - slant * slant).sqrt();
    Matrix2::new(1.0 / along, -slant / (along * across), 0.0, 1.0 / across)
}

/// An eigenvector has two signs: the one with the angle in (−90°, 90°] is taken.
fn principal(curvature: f64, [e1, e2]: [f64; 2], [alpha, beta]: [f64; 2]) -> Principal {
    let sign = if e1 < 0.0 || (e1 == 0.0 && e2 < 0.0) { -1.0 } else { 1.0 };
    Principal {
        curvature,
        error: 0.0,
        alpha: sign * alpha,
        beta: sign * beta,
        angle_degrees: (sign * e2).atan2(sign * e1).to_degrees(),
    }
}

fn between(low: f64, high: f64, share: f64) -> f64 {
    // Not low + share · (high − low): the difference of two huge losses can overflow.
    low * (1.0 - share) + high * share
}

fn log_between(sorted: &[f64], share: f64) -> f64 {
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    if low > 0.0 {
        return geometric(low, high, share);
    }
    let heights = sorted.iter().map(|loss| loss - low);
    let lowest_step = heights.clone().find(|&height| height > 0.0).unwrap_or(0.0);
    low + geometric(lowest_step, high - low, share)
}

fn geometric(low: f64, high: f64, share: f64) -> f64 {
    low.powf(1.0 - share) * high.powf(share)
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    between(sorted[below], sorted[above], position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(mean: f64) -> NodeValue {
        NodeValue { mean, stderr: f64::NAN }
    }

    fn surface(grid: Grid, loss: impl Fn(f64, f64) -> f64) -> Surface {
        let mut surface = Surface::new(grid);
        for node in 0..grid.len() {
            let (alpha, beta) = grid.coordinates(node);
            surface.set(node, measured(loss(alpha, beta)));
        }
        surface
    }

    fn plane(columns: usize, rows: usize) -> Grid {
        let axis = |count| Axis::symmetric(1.0, count).unwrap();
        Grid::plane(axis(columns), axis(rows))
    }

    /// Directions of length 2 and 3 at 60°.
    const SKEW: PlaneGram = PlaneGram { d1_d1: 4.0, d1_d2: 3.0, d2_d2: 9.0 };

    #[test]
    fn any_loss_may_be_stored_and_none_means_unmeasured() {
        let mut surface = Surface::new(plane(3, 3));
        assert_eq!(surface.counts(), Counts { unmeasured: 9, ..Counts::default() });
        assert_eq!(surface.centre_loss(), None);
        let losses = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0];
        for (node, loss) in losses.into_iter().enumerate() {
            surface.set(node, measured(loss));
            assert_eq!(surface.loss(node).unwrap().to_bits(), loss.to_bits());
        }
        surface.set_interpolated(5, 0.5);
        let counts = Counts { measured: 5, interpolated: 1, unmeasured: 3, non_finite: 3 };
        assert_eq!(surface.counts(), counts);
        assert!(!surface.is_complete());
        assert_eq!(surface.centre_loss(), Some(0.0));
    }

    #[test]
    fn lowest_and_highest_are_measured_finite_nodes() {
        let mut surface = surface(plane(5, 3), |alpha, beta| 3.0 * alpha + 10.0 * beta);
        let corner = Extreme { node: 14, alpha: 1.0, beta: 1.0, loss: 13.0 };
        assert_eq!(surface.highest(), Some(corner));
        surface.set(14, measured(f64::INFINITY));
        surface.set_interpolated(13, 99.0);
        assert_eq!(surface.highest().unwrap().loss, 10.0);
        assert_eq!((surface.range(), Surface::new(plane(3, 3)).range()), (Some(23.0), None));
        let corner = Extreme { node: 0, alpha: -1.0, beta: -1.0, loss: -13.0 };
        assert_eq!(surface.lowest(), Some(corner));
        assert_eq!(Surface::new(plane(3, 3)).lowest(), None);
    }

    #[test]
    fn the_second_difference_of_a_quadratic_is_its_second_derivative_along_each_axis() {
        let quadratic =
            |a: f64, b: f64| 1.0 - 2.0 * a + 3.0 * b + 2.5 * a * a - a * b - 0.75 * b * b;
        let grid = plane(5, 9);
        let surface = surface(grid, quadratic);
        assert!((surface.second_difference(Along::X).unwrap() - 5.0).abs() < 1e-12);
        assert!((surface.second_difference(Along::Y).unwrap() + 1.5).abs() < 1e-12);
    }

    #[test]
    fn the_second_difference_holds_on_the_border_and_says_when_it_cannot() {
        let mut line = surface(Grid::line(Axis::new(0, 4, 0.5).unwrap()), |a, _| 3.0 * a * a + a);
        assert!((line.second_difference(Along::X).unwrap() - 6.0).abs() < 1e-12);
        assert_eq!(line.second_difference(Along::Y), None);
        line.set(1, measured(f64::NAN));
        assert_eq!(line.second_difference(Along::X), None);
        let two = surface(Grid::line(Axis::new(0, 2, 0.5).unwrap()), |a, _| a);
        assert_eq!(two.second_difference(Along::X), None);
    }

    /// δ = α d₁ + β d₂ with d₁ = (2, 0), d₂ = (1.5, 1.5√3); L = 1 + δ₀ − 2δ₁ + ½(5δ₀² + δ₁²).
    fn skew_quadratic(alpha: f64, beta: f64) -> f64 {
        let d0 = 2.0 * alpha + 1.5 * beta;
        let d1 = 1.5 * 3.0_f64.sqrt() * beta;
        1.0 + d0 - 2.0 * d1 + 0.5 * (5.0 * d0 * d0 + d1 * d1)
    }

    #[test]
    fn curvature_is_exact_for_a_quadratic_seen_through_skew_long_directions() {
        for (grid, reach) in [(plane(3, 3), 1), (plane(9, 5), 2), (plane(9, 5), 100)] {
            let fit = surface(grid, skew_quadratic).curvature(&SKEW, reach).unwrap();
            assert!((fit.largest.curvature - 5.0).abs() < 1e-9, "{fit:?}");
            assert!((fit.smallest.curvature - 1.0).abs() < 1e-9);
            // The first axis is d₁/2 itself; the second is ⊥ to it.
            assert!(fit.largest.angle_degrees.abs() < 1e-6);
            assert!((fit.largest.alpha - 0.5).abs() < 1e-9 && fit.largest.beta.abs() < 1e-9);
            assert!((fit.smallest.angle_degrees.abs() - 90.0).abs() < 1e-6);
            assert!((SKEW.length(fit.smallest.alpha, fit.smallest.beta) - 1.0).abs() < 1e-9);
            // d₁ᵀHd₁ = 5·4, d₁ᵀHd₂ = 5·3, d₂ᵀHd₂ = 5·2.25 + 6.75; g·d₁ = 2, g·d₂ = 1.5 − 3√3.
            assert!((fit.hessian[0][0] - 20.0).abs() < 1e-9);
            assert!((fit.hessian[0][1] - 15.0).abs() < 1e-9);
            assert!((fit.hessian[1][1] - 18.0).abs() < 1e-9);
            assert!((fit.gradient[1] - (1.5 - 3.0 * 3.0_f64.sqrt())).abs() < 1e-9);
            assert!(fit.residual_rms < 1e-9);
        }
    }

    #[test]
    fn the_sharpest_direction_may_be_a_diagonal() {
        let unit = PlaneGram { d1_d1: 1.0, d1_d2: 0.0, d2_d2: 1.0 };
        // ½ (α − β)² · 3: largest curvature 6 along (1, −1)/√2, none along (1, 1)/√2.
        let fit = surface(plane(5, 7), |a, b| 1.5 * (a - b).powi(2)).curvature(&unit, 1).unwrap();
        assert!((fit.largest.curvature - 6.0).abs() < 1e-9);
        assert!((fit.largest.angle_degrees + 45.0).abs() < 1e-6);
        assert!(fit.smallest.curvature.abs() < 1e-9);
        assert!((fit.smallest.angle_degrees - 45.0).abs() < 1e-6);
    }

    #[test]
    fn curvature_uses_inner_nodes_at_the_border_and_leaves_holes_out() {
        let grid = Grid::plane(Axis::new(0, 4, 0.3).unwrap(), Axis::new(-4, 5, 0.2).unwrap());
        let mut surface = surface(grid, skew_quadratic);
        surface.set(grid.centre(), measured(f64::NAN));
        let fit = surface.curvature(&SKEW, 1).unwrap();
        assert_eq!(fit.nodes, 8);
        assert!((fit.largest.curvature - 5.0).abs() < 1e-8, "{fit:?}");
    }

    #[test]
    fn curvature_refuses_what_does_not_determine_it() {
        let line = surface(Grid::line(Axis::symmetric(1.0, 9).unwrap()), |a, _| a * a);
        assert!(matches!(line.curvature(&SKEW, 4), Err(Error::TooFewNodes { usable: 9, .. })));
        let two_columns =
            Grid::plane(Axis::new(0, 2, 0.3).unwrap(), Axis::symmetric(1.0, 5).unwrap());
        let error = surface(two_columns, skew_quadratic).curvature(&SKEW, 2).unwrap_err();
        assert!(matches!(error, Error::TooFewNodes { usable: 10, .. }));
        let parallel = PlaneGram { d1_d1: 4.0, d1_d2: 6.0, d2_d2: 9.0 };
        let error = surface(plane(3, 3), skew_quadratic).curvature(&parallel, 1).unwrap_err();
        assert_eq!(error, Error::ParallelDirections { cosine: 1.0 });
        assert!(Surface::new(plane(3, 3)).curvature(&SKEW, 1).is_err());
    }

    #[test]
    fn levels_lie_between_the_finite_extremes() {
        let line = Grid::line(Axis::new(0, 5, 1.0).unwrap());
        let mut positive = surface(line, |a, _| 10.0_f64.powf(a));
        positive.set(4, measured(f64::INFINITY));
        // 1, 10, 100, 1000
        let near = |levels: Vec<f64>, expected: &[f64]| {
            assert_eq!(levels.len(), expected.len(), "{levels:?}");
            for (level, expected) in levels.iter().zip(expected) {
                assert!((level / expected - 1.0).abs() < 1e-12, "{levels:?}");
            }
        };
        near(positive.levels(2, Spacing::Log), &[10.0, 100.0]);
        near(positive.levels(2, Spacing::Linear), &[334.0, 667.0]);
        near(positive.levels(2, Spacing::Quantile), &[10.0, 100.0]);
    }

    #[test]
    fn log_levels_of_losses_below_zero_space_the_heights() {
        let line = Grid::line(Axis::new(0, 4, 1.0).unwrap());
        // Heights 0, 1, 100, 10000 above −7.
        let negative =
            surface(line, |a, _| if a == 0.0 { -7.0 } else { 100.0_f64.powf(a - 1.0) - 7.0 });
        let levels = negative.levels(3, Spacing::Log);
        for (level, height) in levels.iter().zip([10.0, 100.0, 1000.0]) {
            assert!((level + 7.0 - height).abs() < 1e-9, "{levels:?}");
        }
    }

    #[test]
    fn a_flat_or_empty_surface_has_no_levels() {
        for spacing in [Spacing::Linear, Spacing::Log, Spacing::Quantile] {
            assert!(surface(plane(3, 3), |_, _| 2.5).levels(5, spacing).is_empty());
            assert!(surface(plane(3, 3), |_, _| 0.0).levels(5, spacing).is_empty());
            assert!(Surface::new(plane(3, 3)).levels(5, spacing).is_empty());
        }
    }

    #[test]
    fn stored_lists_of_another_length_are_refused() {
        let states = vec![NodeState::Measured; 9];
        let error =
            Surface::from_parts(plane(3, 3), vec![0.0; 9], vec![0.0; 8], states).unwrap_err();
        assert!(matches!(error, Error::LengthMismatch { expected: 9, found: 8, .. }));
    }
}
