//! Principal components while a run goes on: every new snapshot adds one row of inner products.

use nalgebra::DMatrix;

use super::blocks::{check_finite, difference, ranges};
use super::found::{PcaError, Scores};
use super::moments::Moments;
use super::snapshots::Snapshots;
use super::spectrum::Spectrum;
use crate::direction::squared_norm;
use crate::error::{Error, check_length};

/// Parameters of a snapshot that are read at a time: 64 KiB.
const PIECE_DIMS: usize = 1 << 14;

/// The inner products of the snapshots so far, from which their principal components come at any time.
///
/// An inner product needs both snapshots, so [`push`](Self::push) reads every earlier one once: the t-th costs
/// t·P values read and 2·t·P additions and multiplications, T snapshots T²P/2 values, against 2·T·P for one
/// [`pca`](super::pca()) at the end. What is kept are T² numbers, no snapshots.
///
/// Everything is in `f64`, from differences to the first snapshot.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::pca::{InMemory, LivePca};
///
/// let snapshots = [[0.0_f32, 0.0, 7.0], [3.0, 4.0, 7.0], [6.0, 8.0, 7.0]];
/// let mut live = LivePca::new(3);
/// for (t, snapshot) in snapshots.iter().enumerate() {
///     let mut earlier = InMemory::new(snapshots[..t].iter().map(|row| &row[..]))?;
///     live.push(&mut earlier, snapshot)?;
/// }
/// let scores = live.scores(2)?;
/// assert!((scores.components[0].scores[2] - 5.0).abs() < 1e-12);
/// assert_eq!(scores.step_lengths, [5.0, 5.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LivePca {
    dims: usize,
    /// Row t: inner products of θₜ − θ₀ with θₛ − θ₀, s = 0 … t.
    products: Vec<Vec<f64>>,
    /// ‖θₜ‖².
    squared_norms: Vec<f64>,
    /// ‖θ_{t+1} − θ_t‖.
    step_lengths: Vec<f64>,
}

impl LivePca {
    /// No snapshots yet, of `dims` parameters each.
    #[must_use]
    pub fn new(dims: usize) -> Self {
        let (products, squared_norms) = (Vec::new(), Vec::new());
        Self { dims, products, squared_norms, step_lengths: Vec::new() }
    }

    /// Number of snapshots so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Whether there are no snapshots yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// Adds a snapshot. `earlier` are those pushed before, in the same order; all of them are read once, in
    /// pieces of 64 KiB.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the new one does not have `dims` parameters, or `earlier` not as many
    /// snapshots as were pushed, or not as many parameters; [`Error::NonFiniteSnapshot`] if one holds NaN or an
    /// infinity; [`PcaError::Read`] if an earlier one cannot be read. Then it is as if this had not been called.
    pub fn push<S: Snapshots>(
        &mut self,
        earlier: &mut S,
        new: &[f32],
    ) -> Result<(), PcaError<S::Error>> {
        check_length("the new snapshot", self.dims, new.len())?;
        check_length("the list of earlier snapshots", self.len(), earlier.count())?;
        if !self.is_empty() {
            check_length("an earlier snapshot", self.dims, earlier.dims())?;
        }
        check_finite(self.len(), 0, new)?;
        let row = Row::of(earlier, new)?;
        self.products.push(row.products);
        self.squared_norms.push(squared_norm(new));
        self.step_lengths.extend(row.squared_step.map(f64::sqrt));
        Ok(())
    }

    /// The leading components of the snapshots so far, as [`scores`](super::scores()) has them.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewSnapshots`] with fewer than two.
    pub fn scores(&self, components: usize) -> Result<Scores, Error> {
        let count = self.len();
        if count < 2 {
            return Err(Error::TooFewSnapshots { count });
        }
        let product = |s: usize, t: usize| self.products[s.max(t)][s.min(t)];
        let products = DMatrix::from_fn(count, count, product);
        let squared_norms = self.squared_norms.iter().sum();
        let moments = Moments::of_differences(products, squared_norms, self.step_lengths.clone());
        let spectrum = Spectrum::new(&moments, components);
        Ok(Scores {
            components: spectrum.components(components),
            variances: spectrum.variances(components),
            total_variance: spectrum.total_variance(),
            step_lengths: moments.step_lengths,
        })
    }
}

/// What one more snapshot adds.
struct Row {
    /// Inner products of its difference to the first snapshot with those of all snapshots, itself the last.
    products: Vec<f64>,
    /// Squared distance to the snapshot before, if there is one.
    squared_step: Option<f64>,
}

impl Row {
    fn of<S: Snapshots>(earlier: &mut S, new: &[f32]) -> Result<Self, PcaError<S::Error>> {
        let count = earlier.count();
        let mut products = vec![0.0; count + 1];
        let mut squared_step = 0.0;
        let (mut origin, mut piece) = (Vec::new(), Vec::new());
        for range in ranges(new.len(), PIECE_DIMS).filter(|_| count > 0) {
            let new = &new[range.clone()];
            read(earlier, 0, range.start, new.len(), &mut origin)?;
            piece.clone_from(&origin);
            for (t, product) in products.iter_mut().enumerate().take(count).skip(1) {
                read(earlier, t, range.start, new.len(), &mut piece)?;
                *product += product_of_differences(&piece, new, &origin);
            }
            products[count] += product_of_differences(new, new, &origin);
            squared_step += product_of_differences(new, new, &piece);
        }
        Ok(Self { products, squared_step: (count > 0).then_some(squared_step) })
    }
}

fn read<S: Snapshots>(
    snapshots: &mut S,
    snapshot: usize,
    start: usize,
    len: usize,
    out: &mut Vec<f32>,
) -> Result<(), PcaError<S::Error>> {
    out.resize(len, 0.0);
    let read = snapshots.read(snapshot, start, out);
    read.map_err(|source| PcaError::Read { snapshot, source })?;
    Ok(check_finite(snapshot, start, out)?)
}

/// Σ (a − o)(b − o).
fn product_of_differences(a: &[f32], b: &[f32], origin: &[f32]) -> f64 {
    const LANES: usize = 8;
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let (origins, origin_rest) = origin.as_chunks::<LANES>();
    // Independent sums, so that the additions need not wait for each other.
    let mut sums = [0.0; LANES];
    for ((a, b), origin) in a_chunks.iter().zip(b_chunks).zip(origins) {
        for lane in 0..LANES {
            sums[lane] += difference(a[lane], origin[lane]) * difference(b[lane], origin[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest).zip(origin_rest);
    let rest = rest.map(|((a, b), o)| difference(*a, *o) * difference(*b, *o));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}
