//! The columns of a step that are kept of blocks, found in one pass over the record.

use burnscape_trace::Step;
use burnscape_trace::columns::{
    DISTANCE, GRAD_CV, GRAD_MAX, GRAD_NON_FINITE, GRAD_NORM, GRAD_NORM_CLIPPED, GRAD_POWER,
    GRAD_SIGNAL, LR, PREVIOUS_UPDATE_NORM, UPDATE_DOT, UPDATE_NORM, WEIGHT_NON_FINITE, WEIGHT_NORM,
};

/// A column of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockColumn {
    /// ‖g‖.
    GradNorm,
    /// ‖θ‖.
    WeightNorm,
    /// ‖Δθ‖.
    UpdateNorm,
    /// max |g|.
    GradMax,
    /// Entries of g that are NaN or infinite.
    GradNonFinite,
    /// ‖g‖ after the optimizer's own clipping.
    GradNormClipped,
    /// Standard deviation of ‖g‖ over its mean.
    GradCv,
    /// Learning rate of the block.
    Lr,
    /// Entries of θ that are NaN or infinite.
    WeightNonFinite,
    /// ‖θ − θ₀‖.
    Distance,
    /// ‖E g‖².
    GradSignal,
    /// E‖g‖².
    GradPower,
    /// ⟨Δθ, Δθ′⟩ with the update before.
    UpdateDot,
    /// ‖Δθ′‖.
    PreviousUpdateNorm,
}

impl BlockColumn {
    /// How many there are.
    pub(super) const COUNT: usize = 14;

    /// All of them.
    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::GradNorm,
        Self::WeightNorm,
        Self::UpdateNorm,
        Self::GradMax,
        Self::GradNonFinite,
        Self::GradNormClipped,
        Self::GradCv,
        Self::Lr,
        Self::WeightNonFinite,
        Self::Distance,
        Self::GradSignal,
        Self::GradPower,
        Self::UpdateDot,
        Self::PreviousUpdateNorm,
    ];

    /// The column of a name; `None`: one that is not kept.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            GRAD_NORM => Self::GradNorm,
            WEIGHT_NORM => Self::WeightNorm,
            UPDATE_NORM => Self::UpdateNorm,
            GRAD_MAX => Self::GradMax,
            GRAD_NON_FINITE => Self::GradNonFinite,
            GRAD_NORM_CLIPPED => Self::GradNormClipped,
            GRAD_CV => Self::GradCv,
            LR => Self::Lr,
            WEIGHT_NON_FINITE => Self::WeightNonFinite,
            DISTANCE => Self::Distance,
            GRAD_SIGNAL => Self::GradSignal,
            GRAD_POWER => Self::GradPower,
            UPDATE_DOT => Self::UpdateDot,
            PREVIOUS_UPDATE_NORM => Self::PreviousUpdateNorm,
            _ => return None,
        })
    }

    /// It says nothing of a block that no gradient reached.
    pub(super) fn is_of_gradient(self) -> bool {
        matches!(
            self,
            Self::GradNorm
                | Self::GradMax
                | Self::GradNonFinite
                | Self::GradNormClipped
                | Self::GradCv
                | Self::GradSignal
                | Self::GradPower
        )
    }
}

/// The columns of one step that have one value per block.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepColumns<'a> {
    found: [Option<&'a [f32]>; BlockColumn::COUNT],
}

impl<'a> StepColumns<'a> {
    /// Finds the columns of a step for so many blocks.
    pub(super) fn of(step: &'a Step, blocks: usize) -> Self {
        let mut found = [None; BlockColumn::COUNT];
        for (name, values) in &step.columns {
            if let Some(column) = BlockColumn::named(name).filter(|_| values.len() == blocks) {
                found[column as usize] = Some(&values[..]);
            }
        }
        Self { found }
    }

    /// The values of a column; `None`: not measured in this step.
    pub(super) fn get(&self, column: BlockColumn) -> Option<&'a [f32]> {
        self.found[column as usize]
    }
}
