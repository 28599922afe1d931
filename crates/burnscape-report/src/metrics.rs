//! Values of metrics, close together in memory: a program may tell one of its own at every step.

use std::collections::BTreeMap;

use burnscape_trace::{Metric, record};

/// The values, in the order of the trace; split and name are kept once for each series.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    numbers: BTreeMap<(String, String), u32>,
    names: Vec<(String, String)>,
    rows: Vec<Row>,
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    series: u32,
    pub(crate) epoch: u64,
    pub(crate) step: u64,
    pub(crate) value: f64,
}

/// The values of one metric on one split.
pub(crate) struct Series<'a> {
    pub(crate) split: &'a str,
    pub(crate) name: &'a str,
    pub(crate) rows: Vec<Row>,
}

impl Metrics {
    pub(crate) fn push(&mut self, metric: Metric) {
        let Metric { split, name, epoch, step, value, .. } = metric;
        let names = &mut self.names;
        let series = *self.numbers.entry((split.into(), name)).or_insert_with_key(|key| {
            names.push(key.clone());
            (names.len() - 1) as u32
        });
        self.rows.push(Row { series, epoch, step, value });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All values, in the order of the trace.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Metric> + '_ {
        self.rows.iter().map(|row| self.metric(row))
    }

    /// Every series that has values, in the order of splits and names.
    pub(crate) fn series(&self) -> Vec<Series<'_>> {
        let mut rows: Vec<Vec<Row>> = self.names.iter().map(|_| Vec::new()).collect();
        self.rows.iter().for_each(|row| rows[row.series as usize].push(*row));
        let all = self.numbers.iter().map(|((split, name), &series)| {
            let rows = std::mem::take(&mut rows[series as usize]);
            Series { split, name, rows }
        });
        all.filter(|series| !series.rows.is_empty()).collect()
    }

    fn metric(&self, row: &Row) -> Metric {
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
        let mut metrics = Metrics::default();
        told.iter().cloned().for_each(|it| metrics.push(it));
        assert_eq!(metrics.iter().collect::<Vec<_>>(), told);
        let [reward, loss] = &metrics.series()[..] else { panic!("two series") };
        assert_eq!((reward.split, reward.name, reward.rows.len()), ("own", "reward", 2));
        assert_eq!((loss.split, loss.name, loss.rows.len()), ("valid", "Loss", 1));
    }
}
