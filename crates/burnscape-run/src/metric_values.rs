//! Values of metrics, close together in memory: a program may tell one of its own at every step.

use std::collections::BTreeMap;

use burnscape_trace::{Metric, record};

/// The values, in the order of the trace; split and name are kept once for each series.
#[derive(Debug, Default)]
pub struct MetricValues {
    numbers: BTreeMap<(String, String), u32>,
    names: Vec<(String, String)>,
    rows: Vec<MetricValue>,
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub struct MetricValue {
    series: u32,
    /// Epoch, counted from 1; 0: unknown.
    pub epoch: u64,
    /// Optimizer steps before it was taken.
    pub step: u64,
    /// The value.
    pub value: f64,
}

/// The values of one metric on one split.
pub struct MetricSeries<'a> {
    /// Split.
    pub split: &'a str,
    /// Name of the metric.
    pub name: &'a str,
    /// Its values, in the order of the trace.
    pub rows: Vec<MetricValue>,
}

impl MetricValues {
    /// Takes a value.
    pub(crate) fn push(&mut self, metric: &Metric) {
        let &Metric { ref split, ref name, epoch, step, value, .. } = metric;
        let names = &mut self.names;
        let series =
            *self.numbers.entry((split.to_string(), name.clone())).or_insert_with_key(|key| {
                names.push(key.clone());
                (names.len() - 1) as u32
            });
        self.rows.push(MetricValue { series, epoch, step, value });
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All values, in the order of the trace.
    pub fn iter(&self) -> impl Iterator<Item = Metric> + '_ {
        self.rows.iter().map(|row| self.metric(row))
    }

    /// Every series that has values, in the order of splits and names.
    #[must_use]
    pub fn series(&self) -> Vec<MetricSeries<'_>> {
        let mut rows: Vec<Vec<MetricValue>> = self.names.iter().map(|_| Vec::new()).collect();
        self.rows.iter().for_each(|row| rows[row.series as usize].push(*row));
        let all = self.numbers.iter().map(|((split, name), &series)| {
            let rows = std::mem::take(&mut rows[series as usize]);
            MetricSeries { split, name, rows }
        });
        all.filter(|series| !series.rows.is_empty()).collect()
    }

    fn metric(&self, row: &MetricValue) -> Metric {
        let (split, name) = self.names[row.series as usize].clone();
        record!(Metric {
            split: split.into(),
            name,
            epoch: row.epoch,
            step: row.step,
            value: row.value
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(split: &str, name: &str, step: u64) -> Metric {
        record!(Metric {
            split: split.into(),
            name: name.into(),
            epoch: 1,
            step,
            value: step as f64 / 2.0
        })
    }

    #[test]
    fn values_come_back_in_their_order_and_by_series() {
        let told = [("own", "reward", 3), ("valid", "Loss", 3), ("own", "reward", 4)];
        let told = told.map(|(split, name, step)| metric(split, name, step));
        let mut metrics = MetricValues::default();
        told.iter().for_each(|it| metrics.push(it));
        assert_eq!(metrics.iter().collect::<Vec<_>>(), told);
        let [reward, loss] = &metrics.series()[..] else { panic!("two series") };
        assert_eq!((reward.split, reward.name, reward.rows.len()), ("own", "reward", 2));
        assert_eq!((loss.split, loss.name, loss.rows.len()), ("valid", "Loss", 1));
    }
}
