//! Inner products of vectors that come in pieces, to the bit those of the vectors as a whole.

use super::products::LANES;

/// An inner product of two long vectors, of which a piece after the other is added: to the bit
/// [`dot`](super::products::dot) of the whole, wherever they are cut.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::direction::{DotInPieces, dot};
///
/// let (a, b) = ([0.1_f32; 21], [0.7_f32; 21]);
/// let mut product = DotInPieces::new(21);
/// product.add(&a[..5], &b[..5]);
/// product.add(&a[5..], &b[5..]);
/// assert_eq!(product.value(), dot(&a, &b));
/// ```
#[derive(Debug, Clone)]
pub struct DotInPieces {
    sums: [f64; LANES],
    rest: f64,
    at: usize,
    /// Entries that fill all lanes; those behind them are the rest.
    in_lanes: usize,
}

impl DotInPieces {
    /// Of vectors with so many entries, none of which was added yet.
    #[must_use]
    pub fn new(len: usize) -> Self {
        // As sums of the standard library begin, so that no sign of a zero differs.
        Self { sums: [0.0; LANES], rest: -0.0, at: 0, in_lanes: len - len % LANES }
    }

    /// Adds the next entries of both.
    ///
    /// # Panics
    ///
    /// If the pieces differ in length.
    pub fn add(&mut self, a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len(), "pieces of both vectors are equally long");
        let to_lanes = (self.at.next_multiple_of(LANES) - self.at).min(a.len());
        self.add_singly(&a[..to_lanes], &b[..to_lanes]);
        let (a, b) = (&a[to_lanes..], &b[to_lanes..]);
        let full = a.len().min(self.in_lanes.saturating_sub(self.at)) / LANES * LANES;
        self.add_full(&a[..full], &b[..full]);
        self.add_singly(&a[full..], &b[full..]);
    }

    fn add_full(&mut self, a: &[f32], b: &[f32]) {
        let (a_chunks, b_chunks) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
        for (a, b) in a_chunks.iter().zip(b_chunks) {
            for lane in 0..LANES {
                self.sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
            }
        }
        self.at += a.len();
    }

    fn add_singly(&mut self, a: &[f32], b: &[f32]) {
        for (a, b) in a.iter().zip(b) {
            let product = f64::from(*a) * f64::from(*b);
            match self.at < self.in_lanes {
                true => self.sums[self.at % LANES] += product,
                false => self.rest += product,
            }
            self.at += 1;
        }
    }

    /// The inner product of what was added.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.sums.iter().sum::<f64>() + self.rest
    }
}
