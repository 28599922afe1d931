//! How values are spread over steps: the share of every octave, in bounded memory.

use burnscape_trace::Histogram;

use super::series::BucketClock;

/// Columns kept.
const COLUMNS: usize = 64;
/// Octaves kept: 2⁻⁴⁰ to 2²⁴; what lies beyond counts as the first or last.
pub const OCTAVES: usize = 64;
const FIRST_EXPONENT: i64 = -40;

/// Shares of values by octave over steps; columns double their width when they are full, and the largest share stays.
#[derive(Debug, Clone)]
pub struct OctaveColumns {
    clock: BucketClock,
    columns: Vec<[f32; OCTAVES]>,
    last_step: u64,
}

impl Default for OctaveColumns {
    fn default() -> Self {
        Self { clock: BucketClock::new(COLUMNS), columns: Vec::new(), last_step: 0 }
    }
}

impl OctaveColumns {
    /// Adds how values were spread at a step, whatever their sign.
    pub fn push(&mut self, histogram: &Histogram) {
        let (column, halvings) = self.clock.place(histogram.step);
        for _ in 0..halvings {
            self.columns = self.columns.chunks(2).map(merged).collect();
        }
        if self.columns.len() <= column {
            self.columns.resize(column + 1, [0.0; OCTAVES]);
        }
        self.columns[column] = merged(&[self.columns[column], shares(histogram)]);
        self.last_step = histogram.step;
    }

    /// Columns so far; the newest is the last one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Nothing was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The largest share of all finite values that an octave had in a column: 0 where there was none.
    #[must_use]
    pub fn share(&self, column: usize, octave: usize) -> f32 {
        let column = self.columns.get(column);
        column.and_then(|shares| shares.get(octave)).copied().unwrap_or(0.0)
    }

    /// The octaves from the lowest to the highest in which there ever was a value; `None` without any.
    #[must_use]
    pub fn used(&self) -> Option<std::ops::Range<usize>> {
        let is_used = |octave: &usize| self.columns.iter().any(|shares| shares[*octave] > 0.0);
        let mut used = (0..OCTAVES).filter(is_used);
        let first = used.next()?;
        Some(first..used.next_back().unwrap_or(first) + 1)
    }

    /// The power of two at which an octave begins.
    #[must_use]
    pub fn exponent(octave: usize) -> i64 {
        FIRST_EXPONENT + octave as i64
    }

    /// First and last step.
    #[must_use]
    pub fn steps(&self) -> (u64, u64) {
        (self.clock.first_step(0), self.last_step)
    }

    /// First step of a column, also of one to come.
    #[must_use]
    pub fn first_step_of(&self, column: usize) -> u64 {
        self.clock.first_step(column)
    }

    /// Forgets what lies at or behind a step, to the width of a column.
    pub(super) fn rewind(&mut self, step: u64) {
        self.columns.truncate(self.clock.buckets_before(step));
        self.last_step = self.last_step.min(step.saturating_sub(1));
    }
}

fn shares(histogram: &Histogram) -> [f32; OCTAVES] {
    let mut shares = [0.0; OCTAVES];
    let bins = [&histogram.positive[..], &histogram.negative[..]];
    let values = bins.iter().flat_map(|bins| bins.iter()).map(|&count| f64::from(count));
    let total = values.sum::<f64>() + histogram.zeros as f64;
    for (bin, &count) in bins.iter().flat_map(|bins| bins.iter().enumerate()) {
        let exponent = i64::from(histogram.first_exponent) + bin as i64;
        let octave = (exponent - FIRST_EXPONENT).clamp(0, OCTAVES as i64 - 1) as usize;
        if count > 0 {
            shares[octave] += (f64::from(count) / total) as f32;
        }
    }
    shares
}

fn merged(columns: &[[f32; OCTAVES]]) -> [f32; OCTAVES] {
    let largest = |octave: usize| columns.iter().map(|shares| shares[octave]).fold(0.0, f32::max);
    std::array::from_fn(largest)
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn histogram(step: u64, first_exponent: i16, positive: &[u32], zeros: u64) -> Histogram {
        let positive = positive.to_vec().into();
        record!(Histogram { step, first_exponent, positive, zeros })
    }

    #[test]
    fn shares_are_of_all_finite_values_and_of_both_signs() {
        let mut columns = OctaveColumns::default();
        let negative = vec![2, 0, 0].into();
        columns.push(&record!(Histogram { negative, ..histogram(5, -3, &[1, 0, 3], 2) }));
        let used = columns.used().unwrap();
        assert_eq!(OctaveColumns::exponent(used.start), -3);
        assert_eq!(
            used.clone().map(|it| columns.share(0, it)).collect::<Vec<_>>(),
            [0.375, 0.0, 0.375]
        );
        assert_eq!(columns.steps(), (5, 5));
    }

    #[test]
    fn one_odd_histogram_of_very_many_is_never_lost() {
        let mut columns = OctaveColumns::default();
        for step in 0..100_000 {
            let first_exponent = if step == 4321 { 10 } else { -3 };
            columns.push(&histogram(step, first_exponent, &[7], 0));
        }
        let used = columns.used().unwrap();
        assert!(columns.len() <= COLUMNS && OctaveColumns::exponent(used.end - 1) == 10);
        columns.rewind(0);
        assert!(columns.is_empty() && columns.used().is_none());
    }

    #[test]
    fn what_lies_beyond_all_octaves_is_counted_at_the_ends() {
        let mut columns = OctaveColumns::default();
        columns.push(&histogram(0, i16::MIN, &[1], 0));
        columns.push(&histogram(1, i16::MAX, &[1; 4], 0));
        assert_eq!([columns.share(0, 0), columns.share(1, OCTAVES - 1)], [1.0, 1.0]);
    }
}
