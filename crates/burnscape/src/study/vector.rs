//! A vector as long as the parameters, given back piece by piece: held, drawn again, or read from a file.

use std::sync::Arc;

use burnscape_landscape::direction::{DrawnDirection, DrawnPieces, GramSchmidt};
use burnscape_landscape::layout::{Block, Layout};

use super::weights::Weights;
use crate::Result;
use crate::model::vector_file::StoredVector;

/// A direction of a slice.
#[derive(Debug)]
pub(crate) enum Vector {
    Held(Vec<f32>),
    /// Of its seed: nothing of it is held but the scales of its filters.
    Drawn(DrawnDirection),
    Stored(StoredVector),
    /// Only some blocks of another one.
    Part {
        of: Arc<Vector>,
        moving: Vec<bool>,
    },
    /// The second one without its part along the first.
    Orthogonal {
        first: Arc<Vector>,
        second: Arc<Vector>,
        steps: GramSchmidt,
    },
}

impl Vector {
    /// All of it, where it is held.
    pub fn held(&self) -> Option<&[f32]> {
        match self {
            Self::Held(values) => Some(values),
            _ => None,
        }
    }

    /// The part of it that lies in some blocks.
    pub fn within(self: &Arc<Self>, layout: &Layout, moving: &[bool]) -> Self {
        let Self::Held(values) = self.as_ref() else {
            return Self::Part { of: self.clone(), moving: moving.to_vec() };
        };
        let mut values = values.clone();
        for (block, _) in layout.blocks().iter().zip(moving).filter(|(_, moves)| !**moves) {
            values[block.range()].fill(0.0);
        }
        Self::Held(values)
    }

    /// All of it in memory.
    ///
    /// # Errors
    ///
    /// As [`Pieces::next`], and what reading the centre says.
    pub fn whole(&self, layout: &Layout, centre: &Weights) -> Result<Vec<f32>> {
        if let Self::Held(values) = self {
            return Ok(values.clone());
        }
        let mut whole = vec![0.0; layout.len()];
        for (number, block) in layout.blocks().iter().enumerate() {
            let values = centre.block(number, block)?;
            self.pieces(number, block).next(&values, &mut whole[block.range()])?;
        }
        Ok(whole)
    }

    /// A block from its beginning: the one with this number in the layout.
    pub fn pieces(&self, number: usize, block: &Block) -> Pieces<'_> {
        match self {
            Self::Held(values) => Pieces::Held(&values[block.range()]),
            Self::Drawn(drawn) => Pieces::Drawn(Box::new(drawn.pieces(number))),
            Self::Part { moving, .. } if !moving[number] => Pieces::Still,
            Self::Part { of, .. } => of.pieces(number, block),
            Self::Stored(stored) => Pieces::Stored { stored, at: block.offset },
            Self::Orthogonal { first, second, steps } => Pieces::Orthogonal {
                first: Box::new(first.pieces(number, block)),
                second: Box::new(second.pieces(number, block)),
                steps,
                beside: Vec::new(),
            },
        }
    }
}

/// One block of a vector, piece by piece.
pub(crate) enum Pieces<'a> {
    /// Nothing but 0.
    Still,
    Held(&'a [f32]),
    Drawn(Box<DrawnPieces<'a>>),
    Stored {
        stored: &'a StoredVector,
        at: usize,
    },
    Orthogonal {
        first: Box<Self>,
        second: Box<Self>,
        steps: &'a GramSchmidt,
        beside: Vec<f32>,
    },
}

impl Pieces<'_> {
    /// The next entries, as many as there are in `out`, beside the same ones of the centre.
    ///
    /// # Errors
    ///
    /// [`Error::SnapshotRead`](crate::Error::SnapshotRead) of a file.
    pub fn next(&mut self, centre: &[f32], out: &mut [f32]) -> Result<()> {
        match self {
            Self::Still => out.fill(0.0),
            Self::Held(rest) => {
                let (piece, behind) = rest.split_at(out.len());
                out.copy_from_slice(piece);
                *rest = behind;
            }
            Self::Drawn(pieces) => pieces.next(centre, out),
            Self::Stored { stored, at } => {
                stored.read(*at, out)?;
                *at += out.len();
            }
            Self::Orthogonal { first, second, steps, beside } => {
                beside.resize(out.len(), 0.0);
                first.next(centre, beside)?;
                second.next(centre, out)?;
                steps.apply(beside, out);
            }
        }
        Ok(())
    }
}
