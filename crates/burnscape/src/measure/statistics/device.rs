//! A closer look on an accelerator: all numbers of a step leave the device as one transfer.
//!
//! Sums are in the element type of the device: squares that leave its range make a norm infinite or zero.

use burn::tensor::{DType, Device, Tensor, TensorData};
use burnscape_landscape::layout::Block;
use burnscape_trace::columns;

use super::sample::{AVERAGE_SHARE, Columns, StatisticsSample};
use crate::measure::norms::{squares, widened};
use crate::model::map::ModelMap;

/// What is remembered, by block, on the device.
pub(super) struct OnDevice {
    device: Device,
    /// Length and element type of each block.
    blocks: Vec<(usize, DType)>,
    /// Empty where nobody asks for the distance.
    start: Vec<Tensor<1>>,
    average: Vec<Option<Tensor<1>>>,
    power: Vec<f64>,
    weight: f64,
    update: Option<(u64, Vec<Tensor<1>>)>,
}

/// Numbers on their way from the device: which column each run of them belongs to.
#[derive(Default)]
struct Parcel {
    columns: Vec<&'static str>,
    numbers: Vec<Tensor<1>>,
}

impl OnDevice {
    pub fn new(map: &ModelMap, start: &[f32]) -> Self {
        let device = map.device.clone().inner();
        let wide = |dtype: DType| if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let part = |(block, dtype): (&Block, &DType)| {
            let values = start.get(block.range())?.to_vec();
            let data = TensorData::new(values, [block.len()]);
            Some(Tensor::from_data(data, (&device, wide(*dtype))))
        };
        let with_types = map.layout.blocks().iter().zip(&map.dtypes);
        let start: Vec<_> = with_types.clone().filter_map(part).collect();
        let blocks: Vec<_> = with_types.map(|(it, dtype)| (it.len(), wide(*dtype))).collect();
        let (average, power) = (vec![None; blocks.len()], vec![0.0; blocks.len()]);
        Self { device, blocks, start, average, power, weight: 0.0, update: None }
    }

    pub fn look(&mut self, sample: &StatisticsSample, columns: &mut Columns) {
        let mut parcel = Parcel::default();
        self.gradients(sample, &mut parcel);
        if sample.look.broken_weights {
            parcel.add(columns::WEIGHT_NON_FINITE, sample.handles.before.iter().map(non_finite));
        }
        if sample.look.needs_update() {
            self.updates(sample, &mut parcel);
        }
        if sample.look.distance {
            let after = sample.handles.after.iter().zip(&self.start);
            let away =
                after.map(|(after, start)| squares(widened(after.clone()) - start.clone()).sqrt());
            parcel.add(columns::DISTANCE, away);
        }
        parcel.unpack(self.blocks.len(), columns);
        self.take_in_power(sample, columns);
    }

    fn gradients(&mut self, sample: &StatisticsSample, parcel: &mut Parcel) {
        let gradients = || {
            let with_blocks = sample.handles.gradients.iter().zip(&self.blocks);
            with_blocks.map(|(gradient, &(len, dtype))| {
                // What no gradient reached is not a number.
                let gradient = gradient.as_ref().map(|it| widened(it.clone()));
                gradient.unwrap_or_else(|| Tensor::full([len], f32::NAN, (&self.device, dtype)))
            })
        };
        let look = sample.look;
        if look.gradient_extremes {
            parcel.add(columns::GRAD_MAX, gradients().map(|it| it.abs().max()));
        }
        if look.gradient_extremes || look.broken_gradient {
            parcel.add(columns::GRAD_NON_FINITE, gradients().map(|it| non_finite(&it)));
        }
        if let Some(limit) = sample.clip_value.filter(|_| look.needs_gradients()) {
            let clipped = gradients().map(|it| squares(it.clamp(-limit, limit)).sqrt());
            parcel.add(columns::GRAD_NORM_CLIPPED, clipped);
        }
        if look.signal_to_noise {
            let power: Vec<_> = gradients().map(squares).collect();
            let gradients: Vec<_> = gradients().collect();
            self.weight = (1.0 - AVERAGE_SHARE) * self.weight + AVERAGE_SHARE;
            for (average, gradient) in self.average.iter_mut().zip(gradients) {
                let before = average.take().unwrap_or_else(|| gradient.zeros_like());
                *average = Some(before.clone() + (gradient - before).mul_scalar(AVERAGE_SHARE));
            }
            let signal = self.average.iter().flatten().map(|it| squares(it.clone()));
            parcel.add(columns::GRAD_SIGNAL, signal);
            parcel.add(columns::GRAD_POWER, power.into_iter());
        }
    }

    /// Averages ‖g‖² over steps, and corrects both averages for their beginning.
    fn take_in_power(&mut self, sample: &StatisticsSample, columns: &mut Columns) {
        if !sample.look.signal_to_noise {
            return;
        }
        let weight = self.weight;
        if let Some(values) = columns.get_mut(columns::GRAD_POWER) {
            for (value, power) in values.iter_mut().zip(&mut self.power) {
                *power += AVERAGE_SHARE * (f64::from(*value) - *power);
                *value = (*power / weight) as f32;
            }
        }
        if let Some(values) = columns.get_mut(columns::GRAD_SIGNAL) {
            values.iter_mut().for_each(|it| *it = (f64::from(*it) / (weight * weight)) as f32);
        }
    }

    fn updates(&mut self, sample: &StatisticsSample, parcel: &mut Parcel) {
        let pairs = sample.handles.before.iter().zip(&sample.handles.after);
        let update: Vec<Tensor<1>> =
            pairs.map(|(before, after)| widened(after.clone()) - widened(before.clone())).collect();
        let previous = self.update.take().filter(|(step, _)| step + 1 == sample.step);
        if let (true, Some((_, previous))) = (sample.look.update_cosine, &previous) {
            let both = update.iter().zip(previous);
            let dot = both.map(|(a, b)| (a.clone() * b.clone()).sum());
            parcel.add(columns::UPDATE_DOT, dot);
            let norm = |it: &Tensor<1>| squares(it.clone()).sqrt();
            parcel.add(columns::UPDATE_NORM, update.iter().map(norm));
            parcel.add(columns::PREVIOUS_UPDATE_NORM, previous.iter().map(norm));
        }
        self.update = sample.look.keep_update.then_some((sample.step, update));
    }
}

impl Parcel {
    fn add(&mut self, column: &'static str, numbers: impl Iterator<Item = Tensor<1>>) {
        self.columns.push(column);
        self.numbers.extend(numbers.map(|it| it.reshape([1]).cast(DType::F32)));
    }

    /// Reads all numbers at once.
    fn unpack(self, blocks: usize, columns: &mut Columns) {
        if self.numbers.is_empty() {
            return;
        }
        let Ok(data) = Tensor::cat(self.numbers, 0).try_into_data() else {
            return;
        };
        let numbers: Vec<f32> = data.iter::<f32>().collect();
        for (name, values) in self.columns.into_iter().zip(numbers.chunks(blocks)) {
            columns.insert(name, values.to_vec());
        }
    }
}

fn non_finite(tensor: &Tensor<1>) -> Tensor<1> {
    tensor.clone().is_finite().bool_not().float().sum()
}
