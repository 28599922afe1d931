//! The gradient of the mean loss at a point, as a direction.

use std::any::Any;

use burn::module::Module;
use burn::train::TrainStep;

use super::gradients::Gradients;
use crate::model::loss::Losses;
use crate::model::map::ModelMap;
use crate::{Error, Result};

/// The gradient in layout order; 0 for frozen parameters and for those that the loss does not depend on.
///
/// # Errors
///
/// As [`Gradients::new`]; [`Error::NonFiniteDirection`] if a loss or a gradient is not finite.
pub(crate) fn mean_gradient<M>(
    model: &M,
    map: &ModelMap,
    batches: &[<M as TrainStep>::Input],
    losses: &Losses,
) -> Result<Vec<f32>>
where
    M: TrainStep + Module,
    <M as TrainStep>::Input: Clone,
{
    let broken = || Error::NonFiniteDirection { direction: "gradient".to_string() };
    let loss_of = |output: &dyn Any| losses.of(output);
    let gradients = Gradients::new(model, map, vec![(None, batches.to_vec())], &loss_of);
    let gradients = match gradients {
        Err(Error::NonFiniteLoss { .. }) => return Err(broken()),
        gradients => gradients?,
    };
    let mean: Vec<f32> = gradients.slope.iter().map(|&entry| entry as f32).collect();
    match mean.iter().all(|entry| entry.is_finite()) {
        true => Ok(mean),
        false => Err(broken()),
    }
}
