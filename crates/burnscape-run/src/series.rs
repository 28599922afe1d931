//! A series of any length in bounded memory: buckets that keep the extremes, so spikes survive.

/// Buckets of a series. Two per braille dot column of a terminal 500 cells wide.
pub const BUCKETS: usize = 2048;

/// What happened in one stretch of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Finite values.
    pub count: u64,
    /// Smallest finite value.
    pub min: f64,
    /// Largest finite value.
    pub max: f64,
    /// Sum of the finite values.
    pub sum: f64,
    /// Last finite value.
    pub last: f64,
    /// Step of the last value of any kind.
    pub last_step: u64,
    /// Values that are NaN.
    pub nan: u64,
    /// Values that are infinite.
    pub infinite: u64,
}

impl Bucket {
    const EMPTY: Self = Self {
        count: 0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        sum: 0.0,
        last: f64::NAN,
        last_step: 0,
        nan: 0,
        infinite: 0,
    };

    /// No value at all fell into the bucket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count + self.non_finite() == 0
    }

    /// NaN and infinite values.
    #[must_use]
    pub fn non_finite(&self) -> u64 {
        self.nan + self.infinite
    }

    /// Mean of the finite values; NaN where there are none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// A bucket of which no more is known than its ends and its last value, which then stands for the mean.
    pub(super) fn of_extremes((min, max): (f64, f64), last: f64, last_step: u64, nan: u64) -> Self {
        let has_any = min <= max;
        let (count, sum) = if has_any { (1, last) } else { (0, 0.0) };
        Self { count, min, max, sum, last, last_step, nan, infinite: 0 }
    }

    fn add(&mut self, step: u64, value: f64) {
        self.last_step = step;
        if value.is_nan() {
            self.nan += 1;
        } else if value.is_infinite() {
            self.infinite += 1;
        } else {
            self.count += 1;
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.sum += value;
            self.last = value;
        }
    }

    fn merged(self, later: Self) -> Self {
        Self {
            count: self.count + later.count,
            min: self.min.min(later.min),
            max: self.max.max(later.max),
            sum: self.sum + later.sum,
            last: if later.count > 0 { later.last } else { self.last },
            last_step: self.last_step.max(later.last_step),
            nan: self.nan + later.nan,
            infinite: self.infinite + later.infinite,
        }
    }
}

/// Values over steps. When the buckets are full, they double their width and merge in pairs.
#[derive(Debug, Clone, Default)]
pub struct Series {
    clock: BucketClock,
    buckets: Vec<Bucket>,
    last: Option<(u64, f64)>,
}

impl Series {
    /// A series of fewer buckets, for where there are many series.
    #[must_use]
    pub fn with_buckets(buckets: usize) -> Self {
        Self { clock: BucketClock::new(buckets.max(1)), ..Self::default() }
    }

    /// A series that does not grow, of buckets by step.
    pub(super) fn of_buckets(buckets: Vec<Bucket>) -> Self {
        let last = buckets.iter().rev().find(|bucket| !bucket.is_empty());
        let last = last.map(|bucket| (bucket.last_step, bucket.last));
        Self { last, buckets, ..Self::default() }
    }

    /// Values with errors, by step: buckets reach from the value less its error to the value and its error. NaN is no
    /// value, and an error that is none is 0.
    #[must_use]
    pub fn with_errors(values: impl Iterator<Item = (u64, (f64, f64))>) -> Self {
        let bucket = |(step, (value, error)): (u64, (f64, f64))| {
            let error = if error.is_finite() { error.abs() } else { 0.0 };
            let infinite = u64::from(value.is_infinite());
            let ends =
                if infinite > 0 { (f64::NAN, f64::NAN) } else { (value - error, value + error) };
            Bucket::of_extremes(ends, value, step, infinite)
        };
        Self::of_buckets(values.map(bucket).collect())
    }

    /// Adds a value. A step before the first one or before the last one is counted there.
    pub fn push(&mut self, step: u64, value: f64) {
        let (index, halvings) = self.clock.place(step);
        for _ in 0..halvings {
            self.halve();
        }
        if self.buckets.len() <= index {
            self.buckets.resize(index + 1, Bucket::EMPTY);
        }
        self.buckets[index].add(step, value);
        self.last = Some((step, value));
    }

    /// The value pushed last, with its step.
    #[must_use]
    pub fn last(&self) -> Option<(u64, f64)> {
        self.last
    }

    /// Nothing was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// The buckets that hold something, oldest first.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter().filter(|bucket| !bucket.is_empty())
    }

    /// Smallest and largest finite value.
    #[must_use]
    pub fn bounds(&self) -> Option<(f64, f64)> {
        self.buckets()
            .filter(|bucket| bucket.count > 0)
            .map(|bucket| (bucket.min, bucket.max))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// NaN and infinite values so far.
    #[must_use]
    pub fn non_finite(&self) -> u64 {
        self.buckets().map(Bucket::non_finite).sum()
    }

    /// Forgets what lies at or behind a step, to the width of a bucket: training went on from
    /// there, and what came after belongs to a path that it left.
    pub fn rewind(&mut self, step: u64) {
        self.buckets.truncate(self.clock.buckets_before(step));
        let last = self.buckets().last();
        self.last = last.map(|bucket| (bucket.last_step, bucket.last));
    }

    fn halve(&mut self) {
        self.buckets = self
            .buckets
            .chunks(2)
            .map(|pair| pair.iter().copied().reduce(Bucket::merged).unwrap_or(Bucket::EMPTY))
            .collect();
    }
}

/// Which bucket a step falls into, and when the buckets must double.
#[derive(Debug, Clone)]
pub(super) struct BucketClock {
    capacity: usize,
    origin: Option<u64>,
    /// Buckets are 2 to this power steps wide: no division for each value.
    width_power: u32,
}

impl Default for BucketClock {
    fn default() -> Self {
        Self::new(BUCKETS)
    }
}

impl BucketClock {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, origin: None, width_power: 0 }
    }

    /// Index of the bucket, and how many times all buckets must be merged in pairs before.
    pub(super) fn place(&mut self, step: u64) -> (usize, u32) {
        let offset = step.saturating_sub(*self.origin.get_or_insert(step));
        let mut halvings = 0;
        while offset >> self.width_power >= self.capacity as u64 {
            self.width_power += 1;
            halvings += 1;
        }
        ((offset >> self.width_power) as usize, halvings)
    }

    /// How many buckets begin before a step.
    pub(super) fn buckets_before(&self, step: u64) -> usize {
        let offset = step.saturating_sub(self.origin.unwrap_or(0));
        offset.div_ceil(1 << self.width_power) as usize
    }

    /// First step of a bucket.
    pub(super) fn first_step(&self, index: usize) -> u64 {
        self.origin
            .unwrap_or(0)
            .saturating_add((index as u64).saturating_mul(1 << self.width_power))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_survives_a_million_steps() {
        let mut series = Series::default();
        for step in 0..1_000_000_u64 {
            let value = if step == 123_457 { 1e9 } else { 1.0 };
            series.push(step, value);
        }
        assert_eq!(series.bounds(), Some((1.0, 1e9)));
        assert_eq!(series.last(), Some((999_999, 1.0)));
        assert!(series.buckets().count() <= BUCKETS);
        assert_eq!(series.buckets().map(|b| b.count).sum::<u64>(), 1_000_000);
        let spike = series.buckets().find(|b| b.max == 1e9).unwrap();
        assert!(spike.last_step.abs_diff(123_457) < 1024);
    }

    #[test]
    fn a_series_of_few_buckets_keeps_to_them() {
        let mut series = Series::with_buckets(8);
        (0..1000).for_each(|step| series.push(step, step as f64));
        assert!(series.buckets().count() <= 8);
        assert_eq!(series.bounds(), Some((0.0, 999.0)));
    }

    #[test]
    fn going_back_forgets_the_path_that_was_left() {
        let mut series = Series::default();
        (0..10).for_each(|step| series.push(step, step as f64));
        series.rewind(4);
        assert_eq!(series.last(), Some((3, 3.0)));
        series.push(4, 40.0);
        assert_eq!(series.bounds(), Some((0.0, 40.0)));
        assert_eq!(series.buckets().count(), 5);
    }

    #[test]
    fn non_finite_values_are_counted_and_never_drawn_as_numbers() {
        let mut series = Series::default();
        for (step, value) in
            [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2.0].iter().enumerate()
        {
            series.push(step as u64, *value);
        }
        assert_eq!(series.bounds(), Some((1.0, 2.0)));
        assert_eq!(series.non_finite(), 3);
    }

    #[test]
    fn steps_may_start_anywhere_jump_and_go_back() {
        let mut series = Series::default();
        for step in [u64::MAX / 2, u64::MAX, 3, u64::MAX - 1] {
            series.push(step, 1.0);
        }
        assert_eq!(series.buckets().map(|b| b.count).sum::<u64>(), 4);
    }
}
