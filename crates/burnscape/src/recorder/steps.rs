//! Step samples and losses on their way into `step` records.

use std::collections::VecDeque;

use burnscape_trace::{F32s, Record, Step};

use super::Moment;
use super::epochs::Place;
use super::lanes::Spare;
use super::sample::{LossSample, StepSample, Values};

/// Losses of training batches that are kept: an epoch's mean needs all of its own.
const KEPT_LOSSES: usize = 1 << 20;

/// The losses that came in, by the batch they belong to.
#[derive(Debug, Default)]
pub(crate) struct LossBook {
    train: VecDeque<(u64, f64)>,
    validation_sum: f64,
    validation_count: u64,
}

impl LossBook {
    pub fn add(&mut self, sample: LossSample) {
        let loss = sample.loss.read();
        if sample.batch == 0 {
            self.validation_sum += loss;
            self.validation_count += 1;
            return;
        }
        if self.train.len() == KEPT_LOSSES {
            self.train.pop_front();
        }
        self.train.push_back((sample.batch, loss));
    }

    /// Mean loss of the batches `before < b <= through`; `None` without any.
    pub fn mean_of(&self, before: u64, through: u64) -> Option<f64> {
        let newest_first = self.train.iter().rev();
        let (mut sum, mut count) = (0.0, 0u64);
        // Batches of several devices come in any order within one step, hence the margin.
        for (batch, loss) in newest_first.take_while(|(batch, _)| batch + 64 > before) {
            if (before + 1..=through).contains(batch) {
                sum += loss;
                count += 1;
            }
        }
        (count > 0).then(|| sum / count as f64)
    }

    /// A new epoch starts: validation losses from now on are its own.
    pub fn forget_validation(&mut self) {
        self.validation_sum = 0.0;
        self.validation_count = 0;
    }

    /// Mean loss of the validation batches since the last call.
    pub fn take_validation_mean(&mut self) -> Option<f64> {
        let count = std::mem::take(&mut self.validation_count);
        let sum = std::mem::take(&mut self.validation_sum);
        (count > 0).then(|| sum / count as f64)
    }
}

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
    ) -> &Record {
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
        }
        self.spares.push((norms, sample.missing));
        &self.record
    }
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
