//! Eigenvalues at the ends of the spectrum, stopped by errors that cover what a start may have missed.

use super::krylov::{Krylov, Ritz};
use super::product::{Counted, CurvatureError, HessianProduct, Watch, check_finite, require};
use super::vectors::{add, norm, scale, stream, unit};
use crate::error::check_length;

/// How much of a random vector a warm start is mixed with: enough to find another eigenvalue that has become
/// the largest since, little enough to keep what the start knows.
const NOVELTY: f64 = 0.05;
/// Products before the residual of a warm start may be believed: the start alone looks converged however little it is.
const LEAST_WARM: usize = 3;

/// Which eigenvalues are wanted, and how exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExtremesOptions<'a> {
    /// How many of the largest, algebraically: of diag(1, −3) the largest is 1.
    pub largest: usize,
    /// How many of the smallest, algebraically: of diag(1, −3) the smallest is −3.
    pub smallest: usize,
    /// Errors that are small enough, as a share of the largest |λ| found. Default 1e-3.
    pub tolerance: f64,
    /// Whether it goes on until [errors](Eigenpair::error) are small enough. If not, residuals do: that takes a
    /// third less of products, and with a good start only a few, but what is found is an eigenvalue, perhaps not the
    /// largest. Default true.
    pub until_covered: bool,
    /// Products after which it ends, converged or not. Default 300.
    pub most_products: usize,
    /// Vectors that are held in memory, at least twice as many as are wanted plus four. Default 80.
    pub most_vectors: usize,
    /// Seed of the random start. Default 0.
    pub seed: u64,
    /// Where to begin: a vector near the wanted ones, such as the eigenvector of some steps ago.
    pub start: Option<&'a [f64]>,
}

impl Default for ExtremesOptions<'_> {
    fn default() -> Self {
        Self {
            largest: 1,
            smallest: 0,
            tolerance: 1e-3,
            until_covered: true,
            most_products: 300,
            most_vectors: 80,
            seed: 0,
            start: None,
        }
    }
}

/// An eigenvalue with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpair {
    /// The eigenvalue, λ.
    pub value: f64,
    /// The eigenvector, x, of unit length: never rescaled by layer, so that the curvature along it is λ.
    pub vector: Vec<f64>,
    /// ‖Hx − λx‖: some eigenvalue lies at most so far from `value`, as a rule far nearer.
    pub residual: f64,
    /// By how much the largest eigenvalue, or the smallest, may differ from `value`: at least the residual, and far
    /// more where the space is too small to have met what the start hardly held any of. It covers the eigenvalue for
    /// all but one of a thousand random starts. Of the further pairs of an end: every eigenvalue beyond the last one
    /// lies within the error of a pair; those that are as near to each other as their errors may count as one.
    pub error: f64,
}

/// What was found at the ends of the spectrum.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extremes {
    /// The largest, the largest first.
    pub largest: Vec<Eigenpair>,
    /// The smallest, the smallest first.
    pub smallest: Vec<Eigenpair>,
    /// Whether every error, or, where that was asked for, every residual, is within the tolerance.
    pub converged: bool,
    /// Products that it took.
    pub products: u64,
}

impl Extremes {
    /// The largest eigenvalue of either sign by magnitude, where both ends were asked for.
    #[must_use]
    pub fn largest_magnitude(&self) -> Option<f64> {
        let ends = self.largest.first().into_iter().chain(self.smallest.first());
        ends.map(|pair| pair.value).max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }
}

/// The eigenvalues at the ends of the spectrum, by Lanczos' iteration with full re-orthogonalisation.
///
/// It ends when the error of each is within the tolerance, or when the products are spent. A change that becomes small
/// proves nothing, and neither does a residual: a space that has not yet met an eigenvector also stands still, at another
/// one. The error bounds what may have been missed, by how fast the space has grown from its random start (van
/// Dorsselaer, Hochstenbach and van der Vorst 2000).
///
/// Where the space closes early, as with few distinct eigenvalues, multiple ones are looked for from further random
/// vectors until such a search finds no more. Multiple eigenvalues of a space that does not close appear once.
///
/// # Errors
///
/// [`CurvatureError`].
///
/// # Examples
///
/// ```
/// use burnscape_landscape::curvature::{ExtremesOptions, HessianProduct, extremes, unwatched};
///
/// /// H = diag(1, −3).
/// struct Saddle;
/// impl HessianProduct for Saddle {
///     type Error = std::convert::Infallible;
///     fn len(&self) -> usize { 2 }
///     fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Self::Error> {
///         out.copy_from_slice(&[v[0], -3.0 * v[1]]);
///         Ok(())
///     }
/// }
///
/// let options = ExtremesOptions { smallest: 1, ..Default::default() };
/// let found = extremes(&mut Saddle, &options, &mut unwatched)?;
/// assert!((found.largest[0].value - 1.0).abs() < 1e-9);
/// assert!((found.largest_magnitude().unwrap() + 3.0).abs() < 1e-9);
/// # Ok::<(), burnscape_landscape::curvature::CurvatureError<std::convert::Infallible>>(())
/// ```
pub fn extremes<P: HessianProduct>(
    product: &mut P,
    options: &ExtremesOptions<'_>,
    watch: Watch<'_>,
) -> Result<Extremes, CurvatureError<P::Error>> {
    check(options)?;
    let mut product = Counted::new(product, watch)?;
    let search = Search::new(options, product.len())?;
    let Ended { space, ritz, errors, converged } = search.run(&mut product)?;
    let pair = |(place, error): (usize, &f64)| Eigenpair {
        value: ritz.values[place],
        vector: space.vector(&ritz, place),
        residual: ritz.residuals[place],
        error: *error,
    };
    let wanted = Wanted::of(options, ritz.values.len());
    Ok(Extremes {
        largest: wanted.largest().zip(&errors[0]).map(pair).collect(),
        smallest: wanted.smallest().zip(&errors[1]).map(pair).collect(),
        converged,
        products: product.products,
    })
}

fn check<E>(options: &ExtremesOptions<'_>) -> Result<(), CurvatureError<E>> {
    let wanted = options.largest + options.smallest;
    require(wanted > 0, "largest + smallest", 0.0, "one eigenvalue or more")?;
    let tolerance = options.tolerance;
    require(tolerance > 0.0 && tolerance < 1.0, "tolerance", tolerance, "a share between 0 and 1")?;
    let most = options.most_products;
    require(most > 0, "most_products", 0.0, "one product or more")
}

/// Places of the wanted eigenvalues among so many ascending ones; the two ends may overlap.
#[derive(Clone, Copy)]
struct Wanted {
    found: usize,
    largest: usize,
    smallest: usize,
}

impl Wanted {
    fn of(options: &ExtremesOptions<'_>, found: usize) -> Self {
        let (largest, smallest) = (options.largest.min(found), options.smallest.min(found));
        Self { found, largest, smallest }
    }

    fn largest(self) -> impl Iterator<Item = usize> {
        (self.found - self.largest..self.found).rev()
    }

    fn smallest(self) -> impl Iterator<Item = usize> {
        0..self.smallest
    }

    fn all(self) -> impl Iterator<Item = usize> {
        self.largest().chain(self.smallest())
    }
}

/// The iteration and what it has to know between steps.
struct Search<'a> {
    options: &'a ExtremesOptions<'a>,
    rng: rand_chacha::ChaCha8Rng,
    space: Krylov,
    closing: Option<Closing>,
}

/// How it stood when the space closed last.
struct Closing {
    /// Wanted eigenvalues.
    values: Vec<f64>,
    /// The largest error at the first closing; from then on only multiple eigenvalues are looked for.
    error: f64,
}

/// Where an iteration ended.
struct Ended {
    space: Krylov,
    ritz: Ritz,
    /// Of the largest and of the smallest.
    errors: [Vec<f64>; 2],
    converged: bool,
}

impl<'a> Search<'a> {
    fn new<E>(options: &'a ExtremesOptions<'a>, len: usize) -> Result<Self, CurvatureError<E>> {
        let mut rng = stream(options.seed, "lanczos");
        let mut start = unit(&mut rng, len);
        let mut share = 1.0;
        if let Some(known) = options.start {
            check_length("the start", len, known.len())?;
            check_finite("the start", known)?;
            share = mix(&mut start, known);
        }
        Ok(Self { options, rng, space: Krylov::new(start, share), closing: None })
    }

    fn run<P: HessianProduct>(
        mut self,
        product: &mut Counted<'_, P>,
    ) -> Result<Ended, CurvatureError<P::Error>> {
        loop {
            self.space.step(product)?;
            let ritz = self.space.ritz();
            let errors = self.errors(&ritz);
            let converged = self.is_converged(&ritz, &errors, product.products as usize);
            let is_closed = self.space.is_closed();
            let is_over = match is_closed {
                true => self.is_complete(&ritz, &errors),
                false => converged && self.closing.is_none(),
            };
            let is_spent = product.products as usize >= self.options.most_products;
            if is_over || is_spent {
                let converged = converged && is_over;
                return Ok(Ended { space: self.space, ritz, errors, converged });
            }
            if self.space.dimension() >= self.most_vectors() {
                let kept = self.kept(&ritz);
                self.space.restart(&ritz, &kept);
            }
            if is_closed && !self.space.reopen(&mut self.rng) {
                return Ok(Ended { space: self.space, ritz, errors, converged });
            }
        }
    }

    fn errors(&self, ritz: &Ritz) -> [Vec<f64>; 2] {
        let wanted = Wanted::of(self.options, ritz.values.len());
        let residual = |place: usize| ritz.residuals[place];
        match &self.closing {
            None => [
                self.space.errors(ritz, wanted.largest(), 1.0),
                self.space.errors(ritz, wanted.smallest(), -1.0),
            ],
            Some(Closing { error, .. }) => [
                wanted.largest().map(|place| residual(place).max(*error)).collect(),
                wanted.smallest().map(|place| residual(place).max(*error)).collect(),
            ],
        }
    }

    fn is_converged(&self, ritz: &Ritz, errors: &[Vec<f64>; 2], products: usize) -> bool {
        let allowed = self.options.tolerance * ritz.size();
        let asked = self.options.largest.max(self.options.smallest);
        let are_there = self.space.is_closed() || ritz.values.len() >= asked;
        if !are_there || self.options.until_covered {
            return are_there && errors.iter().flatten().all(|error| *error <= allowed);
        }
        let is_early = self.options.start.is_some() && products < LEAST_WARM;
        let mut wanted = Wanted::of(self.options, ritz.values.len()).all();
        wanted.all(|place| ritz.residuals[place] <= allowed)
            && (!is_early || self.space.is_closed())
    }

    /// Whether a space that has closed holds all that is wanted, multiple eigenvalues included.
    fn is_complete(&mut self, ritz: &Ritz, errors: &[Vec<f64>; 2]) -> bool {
        let options = self.options;
        if self.space.is_whole() || (options.largest <= 1 && options.smallest <= 1) {
            return true;
        }
        let values: Vec<f64> =
            Wanted::of(options, ritz.values.len()).all().map(|k| ritz.values[k]).collect();
        let is_near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * ritz.size();
        let error = errors.iter().flatten().fold(0.0, |a: f64, b| a.max(*b));
        let before = self.closing.replace(Closing { values: values.clone(), error });
        let before = before.filter(|it| it.values.len() == values.len());
        before.is_some_and(|before| before.values.iter().zip(&values).all(is_near))
    }

    fn most_vectors(&self) -> usize {
        let wanted = self.options.largest + self.options.smallest;
        self.options.most_vectors.max(2 * wanted + 4)
    }

    /// What a restart keeps: the wanted, and as many beside them as speed it up.
    fn kept(&self, ritz: &Ritz) -> Vec<usize> {
        let found = ritz.values.len();
        let room = self.most_vectors() / 2;
        let wanted = self.options.largest + self.options.smallest;
        let spare = (room - wanted.min(room)) / 2;
        let share = |wanted: usize| if wanted == 0 { 0 } else { wanted + spare };
        let (largest, smallest) = (share(self.options.largest), share(self.options.smallest));
        (0..found).filter(|&k| k < smallest || k + largest >= found).collect()
    }
}

/// `random` becomes a unit vector that is mostly `known`, and how much of it is random still; a known vector without a
/// direction says nothing.
fn mix(random: &mut [f64], known: &[f64]) -> f64 {
    let size = norm(known);
    if !(size > 0.0 && size.is_finite()) {
        return 1.0;
    }
    scale(random, NOVELTY);
    add(random, 1.0 / size, known);
    let whole = norm(random);
    scale(random, 1.0 / whole);
    NOVELTY / whole
}
