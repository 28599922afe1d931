//! Gram–Schmidt of two directions that come in pieces.

use super::pieces::DotInPieces;
use super::products::PARALLEL_SINE;
use crate::error::Error;

/// What a second direction loses so that it is orthogonal to the first and keeps its norm: found in three passes over the
/// pieces of both, then [applied](Self::apply) to any of them. To the bit [`orthogonalise`](super::orthogonalise), which
/// does this with one piece.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GramSchmidt {
    /// Multiples of the first direction, one after the other. Twice is enough: the second time removes what rounding left
    /// of nearly parallel vectors.
    multiples: [f64; 2],
    norm_before: f64,
    norm_after: f64,
}

impl GramSchmidt {
    /// Of two directions with `len` entries. Every call of `each_piece` hands their pieces over, all of them in order.
    ///
    /// # Errors
    ///
    /// [`Error::ParallelDirections`] if one is zero or a multiple of the other; what `each_piece` says.
    pub fn of<E: From<Error>>(
        len: usize,
        mut each_piece: impl FnMut(&mut dyn FnMut(&[f32], &[f32])) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut lengths = [const { None }; 2].map(|_: Option<()>| DotInPieces::new(len));
        let mut both = DotInPieces::new(len);
        each_piece(&mut |d1, d2| {
            lengths[0].add(d1, d1);
            lengths[1].add(d2, d2);
            both.add(d1, d2);
        })?;
        let [squared, squared_before] = lengths.map(|it| it.value());
        let mut found = Self { norm_before: squared_before.sqrt(), ..Self::default() };
        for time in 0..found.multiples.len() {
            // As sums of the standard library begin.
            let mut along = -0.0;
            each_piece(&mut |d1, d2| {
                let products =
                    d1.iter().zip(d2).map(|(d1, d2)| f64::from(*d1) * found.rest(*d1, *d2));
                along = products.fold(along, |sum, product| sum + product);
            })?;
            found.multiples[time] = if squared == 0.0 { 0.0 } else { along / squared };
        }
        let mut squared_after = -0.0;
        each_piece(&mut |d1, d2| {
            let rests = d1.iter().zip(d2).map(|(d1, d2)| found.rest(*d1, *d2));
            squared_after = rests.fold(squared_after, |sum, rest| sum + rest * rest);
        })?;
        found.norm_after = f64::sqrt(squared_after);
        // A norm of zero makes the sine NaN, which is not above the limit either.
        if squared > 0.0 && found.norm_after / found.norm_before > PARALLEL_SINE {
            return Ok(found);
        }
        let norms = squared.sqrt() * found.norm_before;
        let cosine = if norms == 0.0 { 0.0 } else { (both.value() / norms).clamp(-1.0, 1.0) };
        Err(Error::ParallelDirections { cosine }.into())
    }

    /// What remains of an entry.
    fn rest(&self, d1: f32, d2: f32) -> f64 {
        self.multiples.iter().fold(f64::from(d2), |rest, multiple| rest - multiple * f64::from(d1))
    }

    /// Makes a piece of the second direction what it becomes, beside the same piece of the first.
    pub fn apply(&self, d1: &[f32], d2: &mut [f32]) {
        for (d1, entry) in d1.iter().zip(d2) {
            *entry = (self.rest(*d1, *entry) * self.norm_before / self.norm_after) as f32;
        }
    }
}
