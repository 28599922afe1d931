//! Where principal directions are put while they are found, and what is done to them there, piece by piece.

use nalgebra::DMatrix;

use super::blocks::ranges;
use crate::direction::DotInPieces;

/// Entries that are worked on at a time.
const PIECE: usize = 1 << 16;

/// Where the directions of principal components are put: memory, or files where they are longer than that.
pub trait DirectionStore {
    /// Puts the entries of a component from `start` on; all of one component are written before any are read.
    fn write(&mut self, component: usize, start: usize, entries: &[f32]);

    /// Fills `out` with the entries of a component from `start` on. What cannot be read is 0: the store tells its owner.
    fn read(&mut self, component: usize, start: usize, out: &mut [f32]);
}

/// In memory.
#[derive(Debug, Clone)]
pub(super) struct Held(pub Vec<Vec<f32>>);

impl Held {
    pub fn new(components: usize, dims: usize) -> Self {
        Self(vec![vec![0.0; dims]; components])
    }
}

impl DirectionStore for Held {
    fn write(&mut self, component: usize, start: usize, entries: &[f32]) {
        self.0[component][start..start + entries.len()].copy_from_slice(entries);
    }

    fn read(&mut self, component: usize, start: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.0[component][start..start + out.len()]);
    }
}

/// Directions with so many entries in a store.
pub(super) struct Stored<'a, D> {
    store: &'a mut D,
    dims: usize,
}

impl<'a, D: DirectionStore> Stored<'a, D> {
    pub fn new(store: &'a mut D, dims: usize) -> Self {
        Self { store, dims }
    }

    /// The first directions k become Σ mixing(i, k) · direction i.
    pub fn mix(&mut self, mixing: &DMatrix<f64>) {
        let rank = mixing.ncols();
        let mut entries = vec![0.0; rank];
        for range in ranges(self.dims, PIECE) {
            let mut pieces: Vec<Vec<f32>> =
                (0..rank).map(|k| self.piece(k, range.start, range.len())).collect();
            for index in 0..range.len() {
                for (entry, piece) in entries.iter_mut().zip(&pieces) {
                    *entry = f64::from(piece[index]);
                }
                for (piece, column) in pieces.iter_mut().zip(mixing.column_iter()) {
                    let products = entries.iter().zip(&column).map(|(e, m)| e * m);
                    piece[index] = products.sum::<f64>() as f32;
                }
            }
            for (k, piece) in pieces.iter().enumerate() {
                self.store.write(k, range.start, piece);
            }
        }
    }

    /// Makes so many directions orthonormal to the last bit that `f32` has. One of which nothing remains, because fewer
    /// parameters moved than there are components, becomes zero.
    pub fn make_orthonormal(&mut self, count: usize) {
        for k in 0..count {
            let norm_before = self.dot(k, k).sqrt();
            // Twice, because the first time may leave rounding of the size of what remains.
            for other in (0..k).chain(0..k) {
                let along = self.dot(other, k);
                self.change(k, Some(other), |entry, unit| entry - along * unit);
            }
            let norm_after = self.dot(k, k).sqrt();
            let vanished = norm_after <= 1e-6 * norm_before;
            let scale = if vanished { 0.0 } else { norm_after.recip() };
            self.change(k, None, |entry, _| entry * scale);
        }
    }

    fn piece(&mut self, component: usize, start: usize, len: usize) -> Vec<f32> {
        let mut piece = vec![0.0; len];
        self.store.read(component, start, &mut piece);
        piece
    }

    fn dot(&mut self, a: usize, b: usize) -> f64 {
        let mut product = DotInPieces::new(self.dims);
        for range in ranges(self.dims, PIECE) {
            let [a, b] = [a, b].map(|k| self.piece(k, range.start, range.len()));
            product.add(&a, &b);
        }
        product.value()
    }

    /// Every entry of a direction becomes what `change` makes of it and of the same entry of another one.
    fn change(&mut self, component: usize, other: Option<usize>, change: impl Fn(f64, f64) -> f64) {
        for range in ranges(self.dims, PIECE) {
            let mut piece = self.piece(component, range.start, range.len());
            let beside = match other {
                Some(other) => self.piece(other, range.start, range.len()),
                None => vec![0.0; range.len()],
            };
            for (entry, beside) in piece.iter_mut().zip(&beside) {
                *entry = change(f64::from(*entry), f64::from(*beside)) as f32;
            }
            self.store.write(component, range.start, &piece);
        }
    }
}
