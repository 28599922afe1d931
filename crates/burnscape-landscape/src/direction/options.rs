//! How a random direction is made.

use crate::layout::{Block, Role};

/// To which norms of the centre a random direction d is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Normalisation {
    /// Every filter f: `d_f ← d_f · ‖θ_f‖ / ‖d_f‖` (Li et al. 2018, arXiv 1712.09913, §4). The only choice
    /// that sees no difference between rescaled copies of one ReLU network.
    #[default]
    Filter,
    /// Every block as a whole, by the same rule.
    Layer,
    /// Every single entry: `d_i ← sign(d_i) · |θ_i|`.
    Weight,
    /// The draw as it is, N(0, 1) in every entry.
    None,
}

/// What biases and normalisation parameters do in a random direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Biases {
    /// They stay where they are, as in the figures of Li et al. 2018 (`--xignore biasbn`).
    #[default]
    Ignored,
    /// They move along themselves: d = θ, so that at α they are (1 + α)·θ. This is what the program of Li
    /// et al. does with parameters that have one entry per node, unless told to ignore them.
    Kept,
    /// They are drawn and normalised like weights, each tensor as one filter.
    Filter,
}

/// How a random direction is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DirectionOptions {
    /// Scaling of the draw.
    pub normalisation: Normalisation,
    /// What biases and normalisation parameters do.
    pub biases: Biases,
    /// Whether frozen blocks move. By default they do not.
    pub move_frozen: bool,
}

impl DirectionOptions {
    pub(super) fn moves(&self, block: &Block) -> bool {
        let role_moves = block.role == Role::Weight || self.biases != Biases::Ignored;
        let training_moves = !block.frozen || self.move_frozen;
        role_moves && training_moves
    }

    pub(super) fn keeps(&self, block: &Block) -> bool {
        block.role != Role::Weight && self.biases == Biases::Kept
    }
}
