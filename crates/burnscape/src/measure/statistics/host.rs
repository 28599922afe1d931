//! A closer look in host memory: one pass over a gradient gives all that is asked of it, in f64.

use std::ops::Range;

use burn::tensor::{DType, Tensor};
use burnscape_landscape::layout::Block;
use burnscape_trace::columns;

use super::sample::{AVERAGE_SHARE, Columns, StatisticsSample};
use crate::config::measurements::StatisticsDue;
use crate::measure::norms::sum_of_squares_f32;
use crate::model::map::ModelMap;
use crate::model::tensors::to_host;

/// What is remembered, in layout order.
pub(super) struct OnHost {
    ranges: Vec<Range<usize>>,
    start: Vec<f32>,
    /// Average of the gradients; empty before the first.
    average: Vec<f32>,
    /// Average of ‖g‖² per block.
    power: Vec<f64>,
    /// Weights of all steps in the averages together, 1 in the end.
    weight: f64,
    /// The last update, and the step that made it.
    update: Option<(u64, Vec<f32>)>,
}

/// What one pass over a gradient gives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Pass {
    squares: f64,
    clipped_squares: f64,
    largest: f32,
    non_finite: u32,
}

impl OnHost {
    pub fn new(map: &ModelMap, start: Vec<f32>) -> Self {
        let ranges: Vec<_> = map.layout.blocks().iter().map(Block::range).collect();
        let power = vec![0.0; ranges.len()];
        Self { ranges, start, average: Vec::new(), power, weight: 0.0, update: None }
    }

    pub fn look(&mut self, sample: &StatisticsSample, columns: &mut Columns) {
        if sample.look.needs_gradients() {
            self.gradients(sample, columns);
        }
        if sample.look.broken_weights {
            let counts = sample.handles.before.iter().map(|it| pass_of(it, None).non_finite as f32);
            columns.insert(columns::WEIGHT_NON_FINITE, counts.collect());
        }
        if sample.look.needs_update() {
            self.updates(sample, columns);
        }
        if sample.look.distance {
            let after = sample.handles.after.iter().zip(&self.ranges);
            let distance = after.map(|(after, range)| {
                let after = values(after).unwrap_or_default();
                let away = after.iter().zip(&self.start[range.clone()]);
                away.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
            });
            columns.insert(columns::DISTANCE, distance.map(|it| it as f32).collect());
        }
    }

    fn gradients(&mut self, sample: &StatisticsSample, columns: &mut Columns) {
        let StatisticsDue { signal_to_noise, gradient_extremes, broken_gradient, .. } = sample.look;
        if signal_to_noise {
            self.average.resize(self.start.len(), 0.0);
            self.weight = (1.0 - AVERAGE_SHARE) * self.weight + AVERAGE_SHARE;
        }
        let (mut largest, mut broken, mut clipped) = (vec![], vec![], vec![]);
        let (mut signal, mut power) = (vec![], vec![]);
        for (block, gradient) in sample.handles.gradients.iter().enumerate() {
            let values = gradient.as_ref().and_then(values);
            let pass = values.as_ref().map(|it| pass(it, sample.clip_value));
            largest.push(pass.map_or(f32::NAN, |it| it.largest));
            broken.push(pass.map_or(0.0, |it| it.non_finite as f32));
            clipped.push(pass.map_or(f32::NAN, |it| it.clipped_squares.sqrt() as f32));
            if let (true, Some(values), Some(pass)) = (signal_to_noise, &values, pass) {
                let (of_mean, of_square) = self.average(block, values, pass.squares);
                signal.push(of_mean as f32);
                power.push(of_square as f32);
            } else if signal_to_noise {
                signal.push(f32::NAN);
                power.push(f32::NAN);
            }
        }
        if gradient_extremes {
            columns.insert(columns::GRAD_MAX, largest);
        }
        if gradient_extremes || broken_gradient {
            columns.insert(columns::GRAD_NON_FINITE, broken);
        }
        if sample.clip_value.is_some() {
            columns.insert(columns::GRAD_NORM_CLIPPED, clipped);
        }
        if signal_to_noise {
            columns.insert(columns::GRAD_SIGNAL, signal);
            columns.insert(columns::GRAD_POWER, power);
        }
    }

    /// Takes a gradient into the averages; gives ‖E g‖² and E‖g‖². One that is not finite is left out: it would
    /// stay in the average for ever.
    fn average(&mut self, block: usize, gradient: &[f32], squares: f64) -> (f64, f64) {
        if !squares.is_finite() {
            return (f64::NAN, f64::NAN);
        }
        let average = &mut self.average[self.ranges[block].clone()];
        let mut sum = 0.0;
        for (average, &entry) in average.iter_mut().zip(gradient) {
            *average += AVERAGE_SHARE as f32 * (entry - *average);
            sum += f64::from(*average).powi(2);
        }
        self.power[block] += AVERAGE_SHARE * (squares - self.power[block]);
        (sum / self.weight.powi(2), self.power[block] / self.weight)
    }

    fn updates(&mut self, sample: &StatisticsSample, columns: &mut Columns) {
        let update = self.update_of(sample);
        let previous = self.update.take().filter(|(step, _)| step + 1 == sample.step);
        if let (true, Some((_, previous))) = (sample.look.update_cosine, &previous) {
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let of = |measure: &dyn Fn(&[f32], &[f32]) -> f64| -> Vec<f32> {
                let parts = self.ranges.iter();
                let parts = parts.map(|it| measure(&update[it.clone()], &previous[it.clone()]));
                parts.map(|it| it as f32).collect()
            };
            columns.insert(columns::UPDATE_DOT, of(&dot));
            columns.insert(columns::UPDATE_NORM, of(&|update, _| dot(update, update).sqrt()));
            let previous_norm = of(&|_, previous| dot(previous, previous).sqrt());
            columns.insert(columns::PREVIOUS_UPDATE_NORM, previous_norm);
        }
        self.update = sample.look.keep_update.then_some((sample.step, update));
    }

    fn update_of(&self, sample: &StatisticsSample) -> Vec<f32> {
        let mut update = Vec::with_capacity(self.start.len());
        for (before, after) in sample.handles.before.iter().zip(&sample.handles.after) {
            let (before, after) = (values(before), values(after));
            let pairs = before.unwrap_or_default().into_iter().zip(after.unwrap_or_default());
            update.extend(pairs.map(|(before, after)| after - before));
        }
        update.resize(self.start.len(), f32::NAN);
        update
    }
}

/// A tensor as f32 in host memory; `None` if its device cannot be read.
pub(crate) fn values(tensor: &Tensor<1>) -> Option<Vec<f32>> {
    let data = to_host(tensor.clone()).ok()?;
    match data.dtype() {
        DType::F32 => data.try_into_vec::<f32>().ok(),
        _ => Some(data.iter::<f32>().collect()),
    }
}

fn pass_of(tensor: &Tensor<1>, clip: Option<f32>) -> Pass {
    values(tensor).map_or_else(Pass::default, |values| pass(&values, clip))
}

fn pass(values: &[f32], clip: Option<f32>) -> Pass {
    let squares = sum_of_squares_f32(values);
    let clipped_squares = match clip {
        Some(limit) => values.iter().map(|it| f64::from(it.clamp(-limit, limit)).powi(2)).sum(),
        None => squares,
    };
    // Of the numbers without their sign, larger bits are a larger number; those of NaN are the largest.
    let largest = values.iter().map(|it| it.abs().to_bits()).max().unwrap_or(0);
    let is_finite = largest < f32::INFINITY.to_bits();
    let non_finite = || values.iter().filter(|it| !it.is_finite()).count() as u32;
    Pass {
        squares,
        clipped_squares,
        largest: f32::from_bits(largest),
        non_finite: if is_finite { 0 } else { non_finite() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_gives_squares_the_largest_and_what_is_not_finite() {
        let found = pass(&[3.0, -4.0, 0.0], Some(3.5));
        assert_eq!((found.squares, found.clipped_squares), (25.0, 9.0 + 12.25));
        assert_eq!((found.largest, found.non_finite), (4.0, 0));
        let found = pass(&[1.0, f32::NEG_INFINITY, 2.0], None);
        assert_eq!((found.largest, found.non_finite), (f32::INFINITY, 1));
        let found = pass(&[f32::INFINITY, -f32::NAN, 2.0], None);
        assert!(found.largest.is_nan() && found.squares.is_nan() && found.non_finite == 2);
        assert_eq!(pass(&[], None).largest, 0.0);
    }
}
