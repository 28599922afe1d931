//! Some consecutive steps, with what was recorded between them: which are kept, and their means.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{Metric, Record, Step};
use crate::vocabulary::Split;
use crate::{Error, F32s, columns, frame};

/// Kinds that tell of single steps and may stand between them; any other ends the bucket.
const BETWEEN: [&str; 6] = ["progress", "metric", "activation", "histogram", "alert", "blackbox"];

/// A bucket that holds more than this is emptied early, so that memory stays bounded.
const MOST_BYTES: usize = 64 << 20;

pub(super) struct Bucket {
    every: u64,
    steps: Vec<Step>,
    /// Frames of what stands between the steps, each after so many of them.
    others: Vec<(usize, Vec<u8>)>,
    /// Steps that alerts and black boxes refer to.
    named: BTreeSet<u64>,
    bytes: usize,
}

/// What is left of a bucket.
pub(super) struct Frames {
    pub(super) steps: u64,
    pub(super) bytes: Vec<u8>,
}

impl Bucket {
    pub(super) fn new(every: u64) -> Self {
        Self { every, steps: Vec::new(), others: Vec::new(), named: BTreeSet::new(), bytes: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.steps.len() as u64 >= self.every || self.bytes >= MOST_BYTES
    }

    pub(super) fn push_step(&mut self, step: Step) {
        self.bytes += step.columns.values().map(|column| 4 * column.len()).sum::<usize>();
        self.bytes += size_of::<Step>();
        self.steps.push(step);
    }

    /// Whether the record may stand between steps, and does so now.
    pub(super) fn push_other(&mut self, record: &Record, frame: &[u8]) -> bool {
        let belongs = BETWEEN.contains(&record.kind()) && !self.steps.is_empty();
        if belongs {
            self.named.extend(step_named(record));
            self.bytes += frame.len();
            self.others.push((self.steps.len(), frame.to_vec()));
        }
        belongs
    }

    /// Empties it, into frames in the order of the trace.
    pub(super) fn take(&mut self) -> Result<Frames, Error> {
        let kept = self.kept();
        let mut bytes = Vec::new();
        let mut others = std::mem::take(&mut self.others).into_iter().peekable();
        self.add_means(&mut bytes)?;
        for (at, step) in self.steps.drain(..).enumerate() {
            while let Some((_, frame)) = others.next_if(|(after, _)| *after <= at) {
                bytes.extend(frame);
            }
            if kept.contains(&at) {
                frame::encode(&Record::Step(step), &mut bytes)?;
            }
        }
        others.for_each(|(_, frame)| bytes.extend(frame));
        self.named.clear();
        self.bytes = 0;
        Ok(Frames { steps: kept.len() as u64, bytes })
    }

    /// Indices of the steps that are kept.
    fn kept(&self) -> BTreeSet<usize> {
        let mut kept: BTreeSet<usize> = (0..self.steps.len().min(1)).collect();
        kept.extend(extremes(self.steps.iter().map(|step| step.loss.unwrap_or(f64::NAN)), |at| {
            self.steps[at].loss.is_some()
        }));
        for block in 0..self.blocks() {
            let norm = |step: &Step| step.columns.get(columns::GRAD_NORM)?.get(block).copied();
            let norms = self.steps.iter().map(|step| f64::from(norm(step).unwrap_or(f32::NAN)));
            // What the columns hold of a block that no gradient reached says nothing.
            let is_told = |at: usize| {
                norm(&self.steps[at]).is_some()
                    && !self.steps[at].missing.iter().any(|it| *it as usize == block)
            };
            kept.extend(extremes(norms, is_told));
        }
        let named = |(at, step): (usize, &Step)| self.named.contains(&step.step).then_some(at);
        kept.extend(self.steps.iter().enumerate().filter_map(named));
        kept
    }

    fn blocks(&self) -> usize {
        let norms = self.steps.iter().filter_map(|step| step.columns.get(columns::GRAD_NORM));
        norms.map(|column| column.len()).max().unwrap_or(0)
    }

    /// The means of the columns into the first step, that of the loss into a metric before it.
    fn add_means(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let means = column_means(&self.steps);
        let loss = mean(self.steps.iter().filter_map(|step| step.loss));
        let Some(first) = self.steps.first_mut().filter(|_| self.every > 1) else {
            return Ok(());
        };
        first.columns.extend(means);
        let (step, epoch) = (first.step, first.epoch.unwrap_or(0));
        let (split, name) = (Split::Thinned, "loss".to_owned());
        match loss {
            Some(value) => {
                let metric = Metric { split, name, epoch, step, value };
                frame::encode(&Record::Metric(metric), bytes)
            }
            None => Ok(()),
        }
    }
}

fn step_named(record: &Record) -> Option<u64> {
    match record {
        Record::Alert(alert) => Some(alert.step),
        Record::Blackbox(blackbox) => Some(blackbox.step),
        _ => None,
    }
}

/// Indices of the lowest, the highest and the first value that is not finite, of those that count.
fn extremes(values: impl Iterator<Item = f64>, counts: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut found: [Option<(usize, f64)>; 3] = [None; 3];
    for (at, value) in values.enumerate().filter(|(at, _)| counts(*at)) {
        let better = match value.is_finite() {
            true => [
                found[0].is_none_or(|(_, lowest)| value < lowest),
                found[1].is_none_or(|(_, highest)| value > highest),
                false,
            ],
            false => [false, false, found[2].is_none()],
        };
        for (slot, _) in found.iter_mut().zip(better).filter(|(_, better)| *better) {
            *slot = Some((at, value));
        }
    }
    found.into_iter().flatten().map(|(at, _)| at).collect()
}

/// Means of the finite values.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn column_means(steps: &[Step]) -> BTreeMap<String, F32s> {
    let names = steps.iter().flat_map(|step| step.columns.keys());
    // In a trace that was thinned before, what was kept would bias the means of means.
    let names: BTreeSet<&String> = names.filter(|name| !name.ends_with("_mean")).collect();
    let means = names.into_iter().map(|name| {
        let columns: Vec<&F32s> = steps.iter().filter_map(|step| step.columns.get(name)).collect();
        let blocks = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        let of_block =
            |block| mean(columns.iter().filter_map(|it| it.get(block)).map(|it| f64::from(*it)));
        let means = (0..blocks).map(|block| of_block(block).map_or(f32::NAN, |mean| mean as f32));
        (format!("{name}_mean"), means.collect())
    });
    means.collect()
}
