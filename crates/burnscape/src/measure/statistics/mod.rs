//! A closer look at the gradients and weights of a step, on the writer thread.

pub(crate) mod device;
pub(crate) mod histogram;
pub(crate) mod host;
pub(crate) mod sample;
pub(crate) mod variation;

use std::collections::VecDeque;

use burn::tensor::Tensor;
use burnscape_trace::{F32s, Histogram, columns, record};

use crate::measure::handles::Handles;
use crate::model::map::ModelMap;
use device::OnDevice;
use histogram::OctaveBins;
use host::{OnHost, values};
use sample::{Columns, StatisticsSample};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub step: u64,
    pub columns: Columns,
    pub histograms: Vec<Histogram>,
}

/// What has to be remembered from step to step, and what was found and not yet written.
#[derive(Default)]
pub(crate) struct StatisticsReader {
    memory: Option<Memory>,
    found: VecDeque<Found>,
}

/// Vectors as long as the parameters, where the parameters are.
enum Memory {
    Host(Box<OnHost>),
    Device(Box<OnDevice>),
}

impl StatisticsReader {
    /// Training starts with this model.
    pub fn begin(&mut self, map: &ModelMap, start: Vec<f32>) {
        self.memory = Some(match map.defers_reads {
            true => Memory::Device(Box::new(OnDevice::new(map, &start))),
            false => Memory::Host(Box::new(OnHost::new(map, start))),
        });
    }

    /// Measures what is asked for; nothing before the beginning.
    pub fn look(&mut self, sample: StatisticsSample) {
        let mut found = Found { step: sample.step, ..Found::default() };
        match &mut self.memory {
            Some(Memory::Host(memory)) => memory.look(&sample, &mut found.columns),
            Some(Memory::Device(memory)) => memory.look(&sample, &mut found.columns),
            None => return,
        }
        found.histograms = histograms(&sample);
        if !sample.lrs.is_empty() {
            found.columns.insert(columns::LR, sample.lrs);
        }
        self.found.push_back(found);
    }

    /// What was found at a step; what belongs to earlier ones is let go.
    pub fn take(&mut self, step: u64) -> Option<Found> {
        while self.found.front().is_some_and(|found| found.step < step) {
            self.found.pop_front();
        }
        let is_there = self.found.front().is_some_and(|found| found.step == step);
        is_there.then(|| self.found.pop_front()).flatten()
    }
}

impl Found {
    /// The columns of the step record, and the histograms with the step that they are of.
    pub fn into_records(
        self,
        step: u64,
    ) -> (impl Iterator<Item = (&'static str, F32s)>, Vec<Histogram>) {
        let columns = self.columns.into_iter().map(|(name, values)| (name, F32s(values)));
        let of_step = |histogram| record!(Histogram { step, ..histogram });
        (columns, self.histograms.into_iter().map(of_step).collect())
    }
}

fn histograms(sample: &StatisticsSample) -> Vec<Histogram> {
    let of = |of: &str, block: usize, tensor: &Tensor<1>| {
        let values = values(tensor)?;
        let block = Some(block as u32);
        Some(record!(Histogram { of: of.into(), block, ..OctaveBins::of(&values).into_record() }))
    };
    let Handles { gradients, before, .. } = &sample.handles;
    let gradients = gradients.iter().enumerate().filter(|_| sample.look.gradient_histograms);
    let gradients = gradients.filter_map(|(block, it)| of("gradient", block, it.as_ref()?));
    let weights = before.iter().enumerate().filter(|_| sample.look.weight_histograms);
    gradients.chain(weights.filter_map(|(block, it)| of("weight", block, it))).collect()
}
