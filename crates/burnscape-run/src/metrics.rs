//! The metrics that the user registered: each over steps, split by split.

use burnscape_trace::Metric;

use super::Series;

/// The split of values that the program told itself, at any step.
pub const OWN: &str = "own";
/// Curves kept, one for each split of a metric; records of further ones are left out.
pub const MAX_METRICS: usize = 200;
/// Buckets of a curve: there are many.
const BUCKETS: usize = 256;

/// One split of a metric.
#[derive(Debug, Clone)]
pub struct MetricCurve {
    split: String,
    series: Series,
}

impl MetricCurve {
    /// `train`, `valid`, the name of a test, or [`OWN`].
    #[must_use]
    pub fn split(&self) -> &str {
        &self.split
    }

    /// Its values over steps.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.series
    }
}

/// One metric: splits share a chart.
#[derive(Debug, Clone)]
pub struct NamedMetric {
    name: String,
    curves: Vec<MetricCurve>,
}

impl NamedMetric {
    /// Its name, such as `accuracy`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its splits, in the order in which they came.
    #[must_use]
    pub fn curves(&self) -> &[MetricCurve] {
        &self.curves
    }
}

/// All metrics of a run, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    metrics: Vec<NamedMetric>,
    curves: usize,
}

impl Metrics {
    /// Takes a value.
    pub fn apply(&mut self, metric: &Metric) {
        if let Some(series) = self.series(&metric.split, &metric.name) {
            series.push(metric.step, metric.value);
        }
    }

    /// Training went on from a step: forgets what was taken behind it. What was taken after exactly so many steps
    /// is of the weights that training goes on from.
    pub fn rewind(&mut self, step: u64) {
        for metric in &mut self.metrics {
            metric.curves.iter_mut().for_each(|it| it.series.rewind(step.saturating_add(1)));
            metric.curves.retain(|curve| !curve.series.is_empty());
        }
        self.metrics.retain(|metric| !metric.curves.is_empty());
        self.curves = self.iter().map(|metric| metric.curves.len()).sum();
    }

    /// All metrics.
    pub fn iter(&self) -> impl Iterator<Item = &NamedMetric> {
        self.metrics.iter()
    }

    /// The values of a metric; `None`: there are too many.
    fn series(&mut self, split: &str, name: &str) -> Option<&mut Series> {
        let place = self.metrics.iter().position(|metric| metric.name == name);
        let known =
            place.and_then(|it| self.metrics[it].curves.iter().position(|it| it.split == split));
        if known.is_none() && self.curves == MAX_METRICS {
            return None;
        }
        let place = place.unwrap_or_else(|| {
            self.metrics.push(NamedMetric { name: name.to_owned(), curves: Vec::new() });
            self.metrics.len() - 1
        });
        let curves = &mut self.metrics.get_mut(place)?.curves;
        let known = known.unwrap_or_else(|| {
            self.curves += 1;
            let series = Series::with_buckets(BUCKETS);
            curves.push(MetricCurve { split: split.to_owned(), series });
            curves.len() - 1
        });
        curves.get_mut(known).map(|curve| &mut curve.series)
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn metric(split: &str, name: &str, step: u64, value: f64) -> Metric {
        record!(Metric { split: split.into(), name: name.into(), epoch: 1, step, value })
    }

    type Shape<'a> = (&'a str, &'a str, Option<(u64, f64)>);

    /// Name, split and last value of every curve.
    fn shape(metrics: &Metrics) -> Vec<Shape<'_>> {
        let mut found = Vec::new();
        for metric in &metrics.metrics {
            for curve in &metric.curves {
                found.push((metric.name(), curve.split(), curve.series().last()));
            }
        }
        found
    }

    #[test]
    fn splits_of_a_metric_share_it_and_going_back_forgets_what_was_left() {
        let mut metrics = Metrics::default();
        for (split, step, value) in [("train", 10, 0.5), ("valid", 10, 0.25), ("train", 20, 0.75)] {
            metrics.apply(&metric(split, "accuracy", step, value));
        }
        metrics.apply(&metric("valid", "f1", 20, 0.125));
        metrics.rewind(10);
        let accuracy = |split, value| ("accuracy", split, Some((10, value)));
        assert_eq!(shape(&metrics), [accuracy("train", 0.5), accuracy("valid", 0.25)]);
    }

    #[test]
    fn ever_new_names_take_bounded_memory() {
        let mut metrics = Metrics::default();
        (0..1000).for_each(|i| metrics.apply(&metric("train", &format!("m{i}"), 0, 0.0)));
        assert_eq!(metrics.iter().count(), MAX_METRICS);
        metrics.apply(&metric("train", "m7", 5, 1.0));
        let seventh = metrics.iter().nth(7).unwrap();
        assert_eq!(seventh.curves()[0].series().last(), Some((5, 1.0)));
    }
}
