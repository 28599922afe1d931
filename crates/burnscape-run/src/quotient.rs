//! Quotients of columns of a step, per block.

use super::block_columns::{BlockColumn, StepColumns};

/// A quotient of columns of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// It says nothing of a block that no gradient reached.
    pub(super) fn is_of_gradient(self) -> bool {
        self == Self::SignalToNoise
    }

    /// Its value by block, with `None` where it is not defined; `None` at all unless all columns that it is made of
    /// are of this step: a column is not measured as often as another.
    pub(super) fn in_step<'a>(
        self,
        columns: &StepColumns<'a>,
    ) -> Option<impl Fn(usize) -> Option<f64> + use<'a>> {
        let get = |column| columns.get(column);
        let (a, b, c) = match self {
            Self::UpdateRatio => {
                (get(BlockColumn::UpdateNorm)?, get(BlockColumn::WeightNorm)?, None)
            }
            Self::SignalToNoise => {
                (get(BlockColumn::GradSignal)?, get(BlockColumn::GradPower)?, None)
            }
            Self::UpdateCosine => (
                get(BlockColumn::UpdateDot)?,
                get(BlockColumn::UpdateNorm)?,
                Some(get(BlockColumn::PreviousUpdateNorm)?),
            ),
        };
        Some(move |block: usize| {
            let at = |values: &[f32]| values.get(block).copied().map(f64::from);
            self.of(at(a)?, at(b)?, c.and_then(at).unwrap_or(1.0))
        })
    }

    /// Its value from those of its columns, in the order in which they are named above.
    fn of(self, a: f64, b: f64, c: f64) -> Option<f64> {
        match self {
            Self::UpdateRatio => (b != 0.0).then(|| a / b),
            Self::SignalToNoise => {
                let noise = b - a;
                // Nothing at all is no signal without noise.
                (a != 0.0 || noise != 0.0).then(|| a / noise.max(0.0))
            }
            Self::UpdateCosine => (b * c != 0.0).then(|| a / (b * c)),
        }
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::columns::{
        Blocks, GRAD_POWER, GRAD_SIGNAL, PREVIOUS_UPDATE_NORM, UPDATE_DOT, UPDATE_NORM, WEIGHT_NORM,
    };
    use burnscape_trace::{F32s, Step, record};

    use super::*;

    /// The second route: the trace's own arithmetic over blocks.
    fn told(step: &Step, quotient: Quotient, block: usize) -> Option<f64> {
        let block = Blocks::one(block);
        match quotient {
            Quotient::UpdateRatio => step.update_ratio(&block),
            Quotient::SignalToNoise => step.signal_to_noise(&block),
            Quotient::UpdateCosine => step.update_cosine(&block),
        }
    }

    #[test]
    fn quotients_are_those_that_the_trace_forms() {
        let nan = f32::NAN;
        let columns = [
            (UPDATE_NORM, [0.5_f32, 0.0, nan, 3.0]),
            (WEIGHT_NORM, [2.0, 0.0, 1.0, 4.0]),
            (GRAD_SIGNAL, [1.0, 0.0, 3.0, nan]),
            (GRAD_POWER, [2.0, 0.0, 3.0, 1.0]),
            (UPDATE_DOT, [-0.25, 0.0, 1.0, 6.0]),
            (PREVIOUS_UPDATE_NORM, [1.0, 1.0, 1.0, 4.0]),
        ];
        let columns = columns.map(|(name, it)| (name.to_owned(), F32s(it.to_vec())));
        let step = record!(Step { columns: columns.into_iter().collect() });
        let found = StepColumns::of(&step, 4);
        for quotient in Quotient::ALL {
            let ours = quotient.in_step(&found).unwrap();
            for block in 0..4 {
                let [ours, told] = [ours(block), told(&step, quotient, block)];
                let bits =
                    |value: Option<f64>| value.map(|it| if it.is_nan() { 0 } else { it.to_bits() });
                assert_eq!(bits(ours), bits(told), "{quotient:?} of block {block}");
            }
        }
        assert_eq!(Quotient::UpdateCosine.in_step(&found).unwrap()(3), Some(0.5));
    }

    #[test]
    fn columns_of_another_step_form_none() {
        let columns = [(UPDATE_NORM.to_owned(), F32s(vec![1.0]))].into();
        let step = record!(Step { columns });
        assert!(Quotient::UpdateRatio.in_step(&StepColumns::of(&step, 1)).is_none());
    }
}
