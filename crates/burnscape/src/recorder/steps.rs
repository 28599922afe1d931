//! Step samples on their way into `step` records.

use burnscape_trace::{F32s, Histogram, Record, Step, columns};

use super::epoch_map::Place;
use crate::channel::handle::Spare;
use crate::channel::message::Moment;
use crate::channel::samples::{Clipping, StepSample};
use crate::measure::Values;
use crate::measure::statistics::Found;
use crate::measure::statistics::variation::Variation;

/// One reused `step` record, and the buffers that go back to training.
#[derive(Debug)]
pub(crate) struct StepRow {
    record: Record,
    pub spares: Vec<Spare>,
}

impl Default for StepRow {
    fn default() -> Self {
        Self { record: Record::Step(Step::default()), spares: Vec::new() }
    }
}

impl StepRow {
    /// Turns a sample into the record of step `base + sample`.
    pub fn fill(
        &mut self,
        sample: StepSample,
        blocks: usize,
        base: Moment,
        place: Option<Place>,
        loss: Option<f64>,
    ) {
        let norms = read_norms(sample.values);
        if let Record::Step(step) = &mut self.record {
            step.step = base.steps + sample.step;
            step.batches = base.batches + sample.batches;
            step.epoch = place.map(|place| place.epoch);
            step.iteration = place.map(|place| place.iteration);
            step.accumulated = sample.accumulated;
            step.elapsed_secs = sample.elapsed_secs;
            step.lr = sample.lr;
            step.loss = loss;
            step.missing.0.clone_from(&sample.missing);
            let columns = sample.columns;
            step.columns.retain(|known, _| columns.names().any(|name| name == known));
            for (name, values) in columns.names().zip(norms.chunks(blocks.max(1))) {
                set_column(step, name, values);
            }
            if let Clipping::Norm(limit) = sample.clipping {
                add_clipped_norms(step, limit);
            }
        }
        self.spares.push((norms, sample.missing));
    }

    /// Adds what a closer look found to the record; gives the histograms.
    pub fn add(&mut self, found: Option<Found>, variation: &mut Variation) -> Vec<Histogram> {
        let Record::Step(step) = &mut self.record else {
            return Vec::new();
        };
        variation.push(step);
        let Some(found) = found else {
            return Vec::new();
        };
        let has_signal = found.columns.contains_key(columns::GRAD_SIGNAL);
        if let Some(coefficients) = variation.coefficients().filter(|_| has_signal) {
            set_column(step, columns::GRAD_CV, &coefficients);
        }
        let (columns, histograms) = found.into_records(step.step);
        for (name, values) in columns {
            step.columns.insert(name.to_string(), values);
        }
        histograms
    }

    pub fn record(&self) -> &Record {
        &self.record
    }

    pub fn step(&self) -> Option<&Step> {
        match &self.record {
            Record::Step(step) => Some(step),
            _ => None,
        }
    }
}

/// burn clips the gradient of every parameter by itself.
fn add_clipped_norms(step: &mut Step, limit: f32) {
    let Some(norms) = step.columns.get(columns::GRAD_NORM) else {
        return;
    };
    // Not `min`, which would hide NaN.
    let clipped = norms.iter().map(|&norm| if norm > limit { limit } else { norm });
    let clipped: F32s = clipped.collect();
    step.columns.insert(columns::GRAD_NORM_CLIPPED.to_string(), clipped);
}

/// Reuses the column that an earlier step left, if it had one.
fn set_column(step: &mut Step, name: &str, values: &[f32]) {
    match step.columns.get_mut(name) {
        Some(F32s(column)) => {
            column.clear();
            column.extend_from_slice(values);
        }
        None => {
            step.columns.insert(name.to_string(), F32s(values.to_vec()));
        }
    }
}

/// The norms in host memory; squares that were left on the device are read and rooted here.
fn read_norms(values: Values) -> Vec<f32> {
    match values {
        Values::Host(norms) => norms,
        Values::SquaresOnDevice(squares) => squares
            .try_into_data_as::<f32>()
            .ok()
            .and_then(|data| data.as_slice::<f32>().map(<[f32]>::to_vec).ok())
            .unwrap_or_default()
            .into_iter()
            .map(f32::sqrt)
            .collect(),
    }
}
