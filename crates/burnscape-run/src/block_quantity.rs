//! What of every block is followed over steps.

use burnscape_trace::columns::{Column, Quotient};

/// A quantity of every block that is followed over steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockQuantity {
    /// ‖g‖.
    #[default]
    GradNorm,
    /// ‖θ‖.
    WeightNorm,
    /// ‖Δθ‖.
    UpdateNorm,
    /// ‖Δθ‖ / ‖θ‖.
    UpdateRatio,
    /// Signal-to-noise ratio of the gradient.
    SignalToNoise,
    /// Cosine of the angle between an update and the one before.
    UpdateCosine,
}

impl BlockQuantity {
    pub(super) const COUNT: usize = 6;

    /// The next one, the first after the last.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::GradNorm => Self::WeightNorm,
            Self::WeightNorm => Self::UpdateNorm,
            Self::UpdateNorm => Self::UpdateRatio,
            Self::UpdateRatio => Self::SignalToNoise,
            Self::SignalToNoise => Self::UpdateCosine,
            Self::UpdateCosine => Self::GradNorm,
        }
    }

    /// What it is, to be followed by "of" and the block.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::GradNorm => "‖g‖",
            Self::WeightNorm => "‖θ‖",
            Self::UpdateNorm => "‖Δθ‖",
            Self::UpdateRatio => "‖Δθ‖/‖θ‖",
            Self::SignalToNoise => "S/N of the gradient",
            Self::UpdateCosine => "cosine of updates",
        }
    }

    /// Where a column belongs; `None`: it is not followed.
    pub(super) fn of_column(column: Column) -> Option<Self> {
        match column {
            Column::GradNorm => Some(Self::GradNorm),
            Column::WeightNorm => Some(Self::WeightNorm),
            Column::UpdateNorm => Some(Self::UpdateNorm),
            _ => None,
        }
    }

    /// Where a quotient belongs.
    pub(super) fn of_quotient(quotient: Quotient) -> Self {
        match quotient {
            Quotient::UpdateRatio => Self::UpdateRatio,
            Quotient::SignalToNoise => Self::SignalToNoise,
            Quotient::UpdateCosine => Self::UpdateCosine,
        }
    }
}
