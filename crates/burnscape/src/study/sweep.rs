//! One walk over a centre and the directions from it, piece by piece, and what it tells of them.

use std::ops::Range;

use burnscape_landscape::direction::DotInPieces;
use burnscape_landscape::layout::{Block, Layout};
use burnscape_landscape::plane::PlaneGram;

use super::vector::{Pieces, Vector};
use super::weights::Weights;
use crate::Result;

/// Entries that are looked at together: large enough that several threads can draw them, small enough to forget.
const PIECE: usize = 1 << 20;

/// Entries from which on two directions are found by two threads.
const SHARED: usize = 1 << 14;

/// The same entries of the centre and of all directions.
pub(super) struct Piece<'a> {
    /// Number of their block.
    pub block: usize,
    /// Where they are among all parameters.
    pub range: Range<usize>,
    pub centre: &'a [f32],
    pub directions: &'a [Vec<f32>],
}

/// Walks over all parameters in layout order.
///
/// # Errors
///
/// What reading and `visit` say.
pub(super) fn sweep(
    layout: &Layout,
    centre: &Weights,
    directions: &[&Vector],
    mut visit: impl FnMut(&Piece<'_>) -> Result<()>,
) -> Result<()> {
    for (number, block) in layout.blocks().iter().enumerate() {
        let values = centre.block(number, block)?;
        let offset = block.offset;
        each_piece(number, block, &values, directions, |within, directions| {
            let range = offset + within.start..offset + within.end;
            visit(&Piece { block: number, range, centre: &values[within], directions })
        })?;
    }
    Ok(())
}

/// Walks over one block, whose part of the centre is known.
///
/// # Errors
///
/// As [`sweep`].
pub(super) fn each_piece(
    number: usize,
    block: &Block,
    centre: &[f32],
    directions: &[&Vector],
    mut visit: impl FnMut(Range<usize>, &[Vec<f32>]) -> Result<()>,
) -> Result<()> {
    let mut pieces: Vec<Pieces<'_>> =
        directions.iter().map(|it| it.pieces(number, block)).collect();
    let mut found = vec![Vec::new(); directions.len()];
    for start in (0..block.len()).step_by(PIECE) {
        let within = start..(start + PIECE).min(block.len());
        found.iter_mut().for_each(|it: &mut Vec<f32>| it.resize(within.len(), 0.0));
        next(&mut pieces, &centre[within.clone()], &mut found)?;
        visit(within, &found)?;
    }
    Ok(())
}

/// The next piece of each: of two at the same time.
fn next(pieces: &mut [Pieces<'_>], centre: &[f32], out: &mut [Vec<f32>]) -> Result<()> {
    if let ([first, second], [x, y]) = (&mut *pieces, &mut *out)
        && centre.len() >= SHARED
    {
        let both = rayon::join(|| first.next(centre, x), || second.next(centre, y));
        return both.0.and(both.1);
    }
    pieces.iter_mut().zip(out).try_for_each(|(pieces, out)| pieces.next(centre, out))
}

/// What is known of one or two directions when all of their entries were seen.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Lengths and angle; a line has a second direction of length 0.
    pub gram: PlaneGram,
    /// Squared length of each within each block.
    squared: Vec<Vec<f64>>,
    pub are_finite: Vec<bool>,
}

impl Facts {
    /// # Errors
    ///
    /// As [`sweep`].
    pub fn of(layout: &Layout, centre: &Weights, directions: &[&Vector]) -> Result<Self> {
        let (count, blocks) = (directions.len(), layout.blocks());
        let mut products = [const { None }; 3].map(|_: Option<()>| DotInPieces::new(layout.len()));
        let by_block = || blocks.iter().map(|block| DotInPieces::new(block.len()));
        let mut parts: Vec<Vec<_>> = (0..count).map(|_| by_block().collect()).collect();
        let mut are_finite = vec![true; count];
        sweep(layout, centre, directions, |piece| {
            let (first, last) = (&piece.directions[0], &piece.directions[count - 1]);
            for (product, (a, b)) in
                products.iter_mut().zip([(first, first), (first, last), (last, last)])
            {
                product.add(a, b);
            }
            for (number, entries) in piece.directions.iter().enumerate() {
                parts[number][piece.block].add(entries, entries);
                are_finite[number] &= entries.iter().fold(true, |all, it| all & it.is_finite());
            }
            Ok(())
        })?;
        let [d1_d1, d1_d2, d2_d2] = products.map(|it| it.value());
        let gram = match count {
            1 => PlaneGram { d1_d1, d1_d2: 0.0, d2_d2: 0.0 },
            _ => PlaneGram { d1_d1, d1_d2, d2_d2 },
        };
        let values = |parts: &Vec<DotInPieces>| parts.iter().map(DotInPieces::value).collect();
        Ok(Self { gram, squared: parts.iter().map(values).collect(), are_finite })
    }

    /// Length of one of them.
    pub fn norm(&self, direction: usize) -> f64 {
        let squared = if direction == 0 { self.gram.d1_d1 } else { self.gram.d2_d2 };
        squared.sqrt()
    }

    /// Whether one of them has an entry that is not 0.
    pub fn moves(&self, direction: usize) -> bool {
        self.squared[direction].iter().any(|&squared| squared != 0.0)
    }

    /// Which blocks any of them moves.
    pub fn moving(&self) -> Vec<bool> {
        let blocks = self.squared.first().map_or(0, Vec::len);
        let moves = |block: usize| self.squared.iter().any(|it| it[block] != 0.0);
        (0..blocks).map(moves).collect()
    }

    /// Share of the squared length of one of them that lies in each block.
    pub fn shares(&self, direction: usize) -> Vec<f64> {
        let parts = &self.squared[direction];
        let total: f64 = parts.iter().sum();
        let share = |part: &f64| if total == 0.0 { 0.0 } else { part / total };
        parts.iter().map(share).collect()
    }
}
