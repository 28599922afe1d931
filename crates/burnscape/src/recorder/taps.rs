//! What taps heard, on its way into `activation` records.

use std::collections::{BTreeMap, VecDeque};

use burnscape_trace::{Activation, Histogram, record};

use crate::channel::samples::TapSample;
use crate::measure::statistics::histogram::OctaveBins;
use crate::measure::statistics::host::values;

/// Observations over which units count as dead, and which the first measure of drift is of.
const WINDOW: usize = 10;

/// As near to a bound counts as at it.
const BOUND: f32 = 0.01;

/// All calls of a tap within one step.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    calls: u32,
    count: u64,
    non_finite: u64,
    sum: f64,
    squares: f64,
    min: f32,
    max: f32,
    zeros: u64,
    near_one: u64,
    near_minus_one: u64,
    near_zero: u64,
    /// Whether a unit was anything but 0.
    alive: Vec<bool>,
    bins: Vec<OctaveBins>,
}

/// The taps of a run, and what they remember.
#[derive(Debug, Default)]
pub(super) struct Taps {
    /// By training batch and tap.
    heard: BTreeMap<(u64, String), Heard>,
    memory: BTreeMap<String, Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    alive: VecDeque<Vec<bool>>,
    /// Mean and standard deviation of the first observations.
    first: Vec<(f64, f64)>,
}

impl Taps {
    /// Reads what a call handed over; nothing where the device cannot be read.
    pub fn hear(&mut self, sample: &TapSample, with_histogram: bool) {
        let Some(values) = values(&sample.values) else {
            return;
        };
        let key = (sample.batch, sample.tap.clone());
        let heard = self.heard.entry(key).or_insert_with(|| Heard::new(sample.units));
        heard.take_in(&values, sample);
        if with_histogram {
            heard.bins.push(OctaveBins::of(&values));
        }
    }

    /// The records of all that was heard up to a batch, which ended the step `step`.
    pub fn through(
        &mut self,
        batch: u64,
        step: u64,
        batches: u64,
    ) -> Vec<(Activation, Vec<Histogram>)> {
        let later = self.heard.split_off(&(batch + 1, String::new()));
        let mut of_step: BTreeMap<String, Heard> = BTreeMap::new();
        for ((_, tap), heard) in std::mem::replace(&mut self.heard, later) {
            match of_step.get_mut(&tap) {
                Some(known) => known.merge(heard),
                None => drop(of_step.insert(tap, heard)),
            }
        }
        let record = |(tap, heard): (String, Heard)| {
            let memory = self.memory.entry(tap.clone()).or_default();
            let histograms = heard.histograms(&tap, step);
            (heard.into_record(tap, step, batches, memory), histograms)
        };
        of_step.into_iter().map(record).collect()
    }
}

impl Heard {
    fn new(units: usize) -> Self {
        Self {
            calls: 0,
            count: 0,
            non_finite: 0,
            sum: 0.0,
            squares: 0.0,
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            zeros: 0,
            near_one: 0,
            near_minus_one: 0,
            near_zero: 0,
            alive: vec![false; units],
            bins: Vec::new(),
        }
    }

    fn take_in(&mut self, values: &[f32], sample: &TapSample) {
        self.calls += 1;
        self.count += values.len() as u64;
        self.alive.resize(self.alive.len().max(sample.units), false);
        let of_unit = values.len() / (sample.samples * sample.units).max(1);
        for (place, of_unit) in values.chunks(of_unit.max(1)).enumerate() {
            let unit = place % sample.units.max(1);
            for &value in of_unit {
                self.add(value);
            }
            if let Some(alive) = self.alive.get_mut(unit) {
                *alive |= of_unit.iter().any(|&value| value != 0.0);
            }
        }
    }

    fn add(&mut self, value: f32) {
        if !value.is_finite() {
            self.non_finite += 1;
            return;
        }
        self.sum += f64::from(value);
        self.squares += f64::from(value) * f64::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.zeros += u64::from(value == 0.0);
        self.near_one += u64::from(value > 1.0 - BOUND);
        self.near_minus_one += u64::from(value < BOUND - 1.0);
        self.near_zero += u64::from(value < BOUND);
    }

    /// Takes in what another batch of the same step heard.
    fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.count += other.count;
        self.non_finite += other.non_finite;
        self.sum += other.sum;
        self.squares += other.squares;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.zeros += other.zeros;
        self.near_one += other.near_one;
        self.near_minus_one += other.near_minus_one;
        self.near_zero += other.near_zero;
        self.alive.resize(self.alive.len().max(other.alive.len()), false);
        self.alive.iter_mut().zip(other.alive).for_each(|(alive, other)| *alive |= other);
        self.bins.extend(other.bins);
    }

    /// Share of values at the bounds of a sigmoid, or else of a tanh; NaN if they lie within neither. Values
    /// that are all 0 or 1 or between with many exact zeros come from a rectifier, not from a sigmoid, whose
    /// values are never 0.
    fn saturated_share(&self) -> f64 {
        let finite = (self.count - self.non_finite) as f64;
        if finite == 0.0 || self.zeros > 0 || self.max > 1.0 || self.min < -1.0 {
            return f64::NAN;
        }
        let at_lower = if self.min >= 0.0 { self.near_zero } else { self.near_minus_one };
        (self.near_one + at_lower) as f64 / finite
    }

    fn histograms(&self, tap: &str, step: u64) -> Vec<Histogram> {
        let record = |bins: &OctaveBins| {
            record!(Histogram {
                of: "activation".into(),
                tap: Some(tap.to_string()),
                step,
                ..bins.clone().into_record()
            })
        };
        self.bins.iter().map(record).collect()
    }

    fn into_record(self, tap: String, step: u64, batches: u64, memory: &mut Memory) -> Activation {
        let finite = (self.count - self.non_finite) as f64;
        let mean = self.sum / finite;
        let std = (self.squares / finite - mean * mean).max(0.0).sqrt();
        let saturated_share = self.saturated_share();
        let (units, alive) = (self.alive.len() as u64, self.alive);
        record!(Activation {
            tap,
            step,
            batches,
            calls: self.calls,
            values: self.count,
            non_finite: self.non_finite,
            mean,
            std,
            rms: (self.squares / finite).sqrt(),
            min: f64::from(self.min),
            max: f64::from(self.max),
            zero_share: self.zeros as f64 / finite,
            saturated_share,
            units,
            dead_units: memory.dead(alive),
            window: memory.alive.len() as u32,
            drift: memory.drift(mean, std),
        })
    }
}

impl Memory {
    /// Units that were 0 in all of the last observations, this one included.
    fn dead(&mut self, alive: Vec<bool>) -> u64 {
        if self.alive.len() == WINDOW {
            self.alive.pop_front();
        }
        self.alive.push_back(alive);
        let units = self.alive.back().map_or(0, Vec::len);
        let is_alive =
            |unit: usize| self.alive.iter().any(|it| it.get(unit).copied().unwrap_or(false));
        (0..units).filter(|&unit| !is_alive(unit)).count() as u64
    }

    /// The larger of the distances of mean and standard deviation from those of the first window, in its
    /// standard deviations; NaN while that lasts.
    fn drift(&mut self, mean: f64, std: f64) -> f64 {
        if self.first.len() < WINDOW {
            self.first.push((mean, std));
            return f64::NAN;
        }
        let average = |of: fn(&(f64, f64)) -> f64| {
            self.first.iter().map(of).sum::<f64>() / self.first.len() as f64
        };
        let (mean_then, std_then) = (average(|it| it.0), average(|it| it.1));
        (mean - mean_then).abs().max((std - std_then).abs()) / std_then
    }
}
