//! Quotients of columns of a step, per block.

use burnscape_trace::Step;
use burnscape_trace::columns::{
    Blocks, GRAD_POWER, GRAD_SIGNAL, PREVIOUS_UPDATE_NORM, UPDATE_DOT, UPDATE_NORM, WEIGHT_NORM,
};

/// A quotient of columns of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quotient {
    /// ‖Δθ‖ / ‖θ‖.
    UpdateRatio,
    /// ‖E g‖² / (E‖g‖² − ‖E g‖²).
    SignalToNoise,
    /// Cosine of the angle between this update and the one before.
    UpdateCosine,
}

impl Quotient {
    pub(super) const ALL: [Self; 3] = [Self::UpdateRatio, Self::SignalToNoise, Self::UpdateCosine];

    /// The columns that it is made of. All of one step: a column is not measured as often as another.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::UpdateRatio => &[UPDATE_NORM, WEIGHT_NORM],
            Self::SignalToNoise => &[GRAD_SIGNAL, GRAD_POWER],
            Self::UpdateCosine => &[UPDATE_DOT, UPDATE_NORM, PREVIOUS_UPDATE_NORM],
        }
    }

    /// It says nothing of a block that no gradient reached.
    pub(super) fn is_of_gradient(self) -> bool {
        self == Self::SignalToNoise
    }

    /// Its value for a block in a step; `None` where it is not defined.
    pub(super) fn of(self, step: &Step, block: usize) -> Option<f64> {
        let block = Blocks::one(block);
        match self {
            Self::UpdateRatio => step.update_ratio(&block),
            Self::SignalToNoise => step.signal_to_noise(&block),
            Self::UpdateCosine => step.update_cosine(&block),
        }
    }
}
