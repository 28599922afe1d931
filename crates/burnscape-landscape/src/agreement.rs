//! Whether slices through one centre tell the same: a few numbers of each, and how far they spread.

use crate::grid::Grid;
use crate::plane::PlaneGram;
use crate::surface::{Along, Surface};

/// What random slices are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measures {
    /// Share in [0, 1] of the inner nodes at which the slice is convex; see [`Measures::of`].
    pub convexity: Option<f64>,
    /// Distance in parameter space from the centre at which the loss has doubled; see [`Measures::of`].
    pub doubling_radius: Option<f64>,
    /// Largest eigenvalue of the slice's Hessian at the centre, per unit of distance in parameter space.
    pub largest_curvature: Option<f64>,
    /// Smallest eigenvalue of it.
    pub smallest_curvature: Option<f64>,
    /// By how much either may be off.
    pub curvature_error: Option<f64>,
}

/// One measure over several slices.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// Of the slice shown.
    pub shown: Option<f64>,
    /// Slices that have the measure, the one shown among them.
    pub count: usize,
    /// Mean over these slices.
    pub mean: f64,
    /// Standard deviation of a slice, √(Σ(x − mean)² / (count − 1)); 0 with one slice.
    pub standard_deviation: f64,
    /// Lowest of these slices.
    pub min: f64,
    /// Highest of these slices.
    pub max: f64,
    /// By how much a value may be off by itself, as rounding of losses, or what is no quadratic, moves curvatures; 0 where
    /// that is not known.
    pub error: f64,
}

/// How far random slices through one centre agree.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Agreement {
    /// Slices compared, the one shown among them; those of which no measure is known do not count.
    pub planes: usize,
    /// Of [`Measures::convexity`].
    pub convexity: Option<Spread>,
    /// Of [`Measures::doubling_radius`].
    pub doubling_radius: Option<Spread>,
    /// Of [`Measures::largest_curvature`].
    pub largest_curvature: Option<Spread>,
    /// Of [`Measures::smallest_curvature`].
    pub smallest_curvature: Option<Spread>,
}

impl Measures {
    /// The measures of one slice; `gram` turns its coefficients into distances.
    ///
    /// **Convexity**: at every inner node all of whose eight neighbours have finite losses, measured or
    /// interpolated, the discrete Hessian
    ///
    /// ```text
    /// A = [[f₊₀ − 2f + f₋₀, m], [m, f₀₊ − 2f + f₀₋]],  m = (f₊₊ − f₊₋ − f₋₊ + f₋₋) / 4
    /// ```
    ///
    /// counts as positive semidefinite if its smallest eigenvalue is at least −6 ε max|f|, the maximum over
    /// the nine nodes. Each loss may be off by ε|f| with ε their [resolution](Surface::resolution); that moves no
    /// eigenvalue by more than √(4² + 4² + 2) ε max|f|. A is in units of the spacings: the Hessian per
    /// distance is BᵀAB with an invertible B made of spacings and `gram`, and by Sylvester's law of inertia
    /// it is positive semidefinite where A is. Li et al. 2018 (arXiv 1712.09913, section 6) map the ratio
    /// |λ_min / λ_max| of the full Hessian for the same question; the share here is about the slice alone,
    /// and a slice can be convex where the loss is not. On a line A is the second difference. None if no
    /// node has all neighbours.
    ///
    /// **Doubling radius**: a ray runs from the centre to each node on the border of the grid. The loss on
    /// it is known where it crosses a line of nodes, by linear interpolation between the two nodes beside
    /// it, and linear in between. The radius of the ray is the first distance at which the loss is twice
    /// that of the centre. Rays that meet an unknown or non-finite loss before that are left out; rays on
    /// which the loss does not double count as beyond the border. The result is the median of all rays (the
    /// lower one of two), in parameter space. None if the centre's loss is not known, not finite or not
    /// positive, or if the median lies beyond the border.
    ///
    /// **Curvatures**: [`Surface::curvature`] with a reach of 1, of measured nodes only. On a line both are
    /// the [second difference](Surface::second_difference) over ‖d₁‖². None where these are none. Their error is the
    /// larger one of the two.
    #[must_use]
    pub fn of(surface: &Surface, gram: &PlaneGram) -> Self {
        let curvatures = curvatures(surface, gram);
        Self {
            convexity: convexity(surface),
            doubling_radius: doubling_radius(surface, gram),
            largest_curvature: curvatures.map(|[largest, ..]| largest),
            smallest_curvature: curvatures.map(|[_, smallest, _]| smallest),
            curvature_error: curvatures.map(|[.., error]| error),
        }
    }

    /// Whether the slice can be compared by anything: too few measured nodes give nothing.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let Self { convexity, doubling_radius, largest_curvature, smallest_curvature, .. } = self;
        let all = [convexity, doubling_radius, largest_curvature, smallest_curvature];
        all.into_iter().any(Option::is_some)
    }
}

impl Agreement {
    /// Compares slices, the first being the one shown.
    #[must_use]
    pub fn of(planes: &[Measures]) -> Self {
        let spread = |read: fn(&Measures) -> Option<f64>| Spread::of(planes.iter().map(read));
        let error = planes.iter().filter_map(|it| it.curvature_error).fold(0.0, f64::max);
        let off = |spread: Option<Spread>| spread.map(|spread| Spread { error, ..spread });
        Self {
            planes: planes.iter().filter(|plane| plane.is_known()).count(),
            convexity: spread(|it| it.convexity),
            doubling_radius: spread(|it| it.doubling_radius),
            largest_curvature: off(spread(|it| it.largest_curvature)),
            smallest_curvature: off(spread(|it| it.smallest_curvature)),
        }
    }
}

impl Spread {
    /// Of one value per slice, the first being the one shown; none if no slice has a value.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        let mut values = values.into_iter().peekable();
        let shown = values.peek().copied().flatten();
        let known: Vec<f64> = values.flatten().collect();
        let min = known.iter().copied().min_by(f64::total_cmp)?;
        let max = known.iter().copied().max_by(f64::total_cmp)?;
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let squares: f64 = known.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_deviation = (squares / (known.len() - 1).max(1) as f64).sqrt();
        Some(Self { shown, count: known.len(), mean, standard_deviation, min, max, error: 0.0 })
    }
}

/// The largest, the smallest, and by how much they may be off.
fn curvatures(surface: &Surface, gram: &PlaneGram) -> Option<[f64; 3]> {
    if surface.grid().is_line() {
        let (along, error) = surface.second_difference_with_error(Along::X)?;
        let (along, error) = (along / gram.d1_d1, error / gram.d1_d1);
        return along.is_finite().then_some([along, along, error]);
    }
    let found = surface.curvature(gram, 1).ok()?;
    let error = found.largest.error.max(found.smallest.error);
    Some([found.largest.curvature, found.smallest.curvature, error])
}

/// See [`Measures::of`].
const ROUNDINGS: f64 = 6.0;

fn convexity(surface: &Surface) -> Option<f64> {
    let nodes = 0..surface.grid().len();
    let convex: Vec<bool> = nodes.filter_map(|node| is_convex(surface, node)).collect();
    let count = convex.iter().filter(|&&it| it).count();
    (!convex.is_empty()).then(|| count as f64 / convex.len() as f64)
}

/// None at the border and beside unknown or non-finite losses.
fn is_convex(surface: &Surface, node: usize) -> Option<bool> {
    let grid = surface.grid();
    let (column, row) = grid.column_row(node);
    let mut largest: f64 = 0.0;
    let mut at = |dx: isize, dy: isize| {
        let loss = finite_at(surface, column.checked_add_signed(dx)?, row.checked_add_signed(dy)?)?;
        largest = largest.max(loss.abs());
        Some(loss)
    };
    let middle = at(0, 0)?;
    let along_x = at(1, 0)? - 2.0 * middle + at(-1, 0)?;
    if grid.is_line() {
        return Some(along_x >= -ROUNDINGS * surface.resolution() * largest);
    }
    let along_y = at(0, 1)? - 2.0 * middle + at(0, -1)?;
    let mixed = (at(1, 1)? - at(1, -1)? - at(-1, 1)? + at(-1, -1)?) / 4.0;
    let rounding = ROUNDINGS * surface.resolution() * largest;
    Some(smallest_eigenvalue(along_x, mixed, along_y) >= -rounding)
}

/// Of [[a, b], [b, d]].
fn smallest_eigenvalue(a: f64, b: f64, d: f64) -> f64 {
    0.5 * (a + d) - (0.5 * (a - d)).hypot(b)
}

/// None outside the grid, and where the loss is unknown or not finite.
fn finite_at(surface: &Surface, column: usize, row: usize) -> Option<f64> {
    let grid = surface.grid();
    let is_inside = column < grid.columns() && row < grid.rows();
    let loss = is_inside.then(|| surface.loss(grid.node(column, row)))??;
    loss.is_finite().then_some(loss)
}

fn doubling_radius(surface: &Surface, gram: &PlaneGram) -> Option<f64> {
    let centre = surface.centre_loss().filter(|loss| loss.is_finite() && *loss > 0.0)?;
    let rays = border(surface.grid());
    let mut radii: Vec<f64> = rays
        .filter_map(|end| {
            let share = doubling_share(surface, end, centre)?;
            let (alpha, beta) = surface.grid().coordinates(end);
            Some(share * gram.length(alpha, beta))
        })
        .collect();
    radii.sort_unstable_by(f64::total_cmp);
    let median = radii.get(radii.len().saturating_sub(1) / 2).copied()?;
    median.is_finite().then_some(median)
}

/// All nodes on the border but the centre.
fn border(grid: &Grid) -> impl Iterator<Item = usize> {
    let is_end = |place: usize, count: usize| place == 0 || place + 1 == count;
    let is_border = move |&node: &usize| {
        let (column, row) = grid.column_row(node);
        let at_row_end = !grid.is_line() && is_end(row, grid.rows());
        node != grid.centre() && (is_end(column, grid.columns()) || at_row_end)
    };
    (0..grid.len()).filter(is_border)
}

/// Where on the ray from the centre to `end` the loss has doubled, as a share of the ray; infinite if
/// nowhere, none if that is not known.
fn doubling_share(surface: &Surface, end: usize, centre: f64) -> Option<f64> {
    let mut before = centre;
    let steps = steps(surface.grid(), end);
    for step in 1..=steps {
        let loss = loss_on_ray(surface, end, step as f64 / steps as f64)?;
        if loss >= 2.0 * centre {
            let within = (2.0 * centre - before) / (loss - before);
            return Some(((step - 1) as f64 + within) / steps as f64);
        }
        before = loss;
    }
    Some(f64::INFINITY)
}

/// Lines of nodes that the ray crosses, counted along the axis on which it is longer.
fn steps(grid: &Grid, end: usize) -> usize {
    let ((x, y), (centre_x, centre_y)) = (grid.column_row(end), grid.column_row(grid.centre()));
    x.abs_diff(centre_x).max(y.abs_diff(centre_y))
}

/// Between the two nodes beside the point; the node itself where the ray meets one.
fn loss_on_ray(surface: &Surface, end: usize, share: f64) -> Option<f64> {
    let grid = surface.grid();
    let ((x, y), (centre_x, centre_y)) = (grid.column_row(end), grid.column_row(grid.centre()));
    let place = |centre: usize, end: usize| {
        let place = centre as f64 + share * (end as f64 - centre as f64);
        // A node is met up to rounding.
        if (place - place.round()).abs() < 1e-9 { place.round() } else { place }
    };
    let (column, row) = (place(centre_x, x), place(centre_y, y));
    let first = finite_at(surface, column.floor() as usize, row.floor() as usize)?;
    let within = column.fract() + row.fract();
    if within == 0.0 {
        return Some(first);
    }
    let second = finite_at(surface, column.ceil() as usize, row.ceil() as usize)?;
    Some(first + within * (second - first))
}
