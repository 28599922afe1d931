//! Quotients of columns of a step, block by block.

use burnscape_trace::columns::Quotient;

use super::block_columns::StepColumns;

/// A quotient by block, with `None` where it is not defined; `None` at all unless all columns that it is formed of are of
/// this step: a column is not measured as often as another.
pub(super) fn in_step<'a>(
    quotient: Quotient,
    columns: &StepColumns<'a>,
) -> Option<impl Fn(usize) -> Option<f64> + use<'a>> {
    let mut of = [None; 3];
    for (slot, &column) in of.iter_mut().zip(quotient.columns()) {
        *slot = Some(columns.get(column)?);
    }
    let at = |values: Option<&[f32]>, block: usize| match values {
        Some(values) => values.get(block).copied().map(f64::from),
        None => Some(1.0),
    };
    Some(move |block| quotient.formed_of([at(of[0], block)?, at(of[1], block)?, at(of[2], block)?]))
}

#[cfg(test)]
mod tests {
    use burnscape_trace::columns::{
        Blocks, GRAD_POWER, GRAD_SIGNAL, PREVIOUS_UPDATE_NORM, UPDATE_DOT, UPDATE_NORM, WEIGHT_NORM,
    };
    use burnscape_trace::{F32s, Step, record};

    use super::*;

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
            let ours = in_step(quotient, &found).unwrap();
            for block in 0..4 {
                let [ours, told] = [ours(block), step.quotient(&Blocks::one(block), quotient)];
                let bits =
                    |value: Option<f64>| value.map(|it| if it.is_nan() { 0 } else { it.to_bits() });
                assert_eq!(bits(ours), bits(told), "{quotient:?} of block {block}");
            }
        }
        assert_eq!(in_step(Quotient::UpdateCosine, &found).unwrap()(3), Some(0.5));
    }

    #[test]
    fn columns_of_another_step_form_none() {
        let columns = [(UPDATE_NORM.to_owned(), F32s(vec![1.0]))].into();
        let step = record!(Step { columns });
        assert!(in_step(Quotient::UpdateRatio, &StepColumns::of(&step, 1)).is_none());
    }
}
