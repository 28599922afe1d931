//! Charts of many points by few: of each stretch the first, lowest, highest and last point, and one that is
//! not finite. No spike is lost, and every point that is left is one that was recorded.

/// Points kept of a stretch.
const PER_STRETCH: usize = 5;

/// Takes points in order, as many as there are, and keeps a bounded number.
#[derive(Debug, Clone)]
pub(crate) struct Thinner {
    wanted: usize,
    /// Points of a stretch; it doubles as stretches become too many.
    length: u64,
    taken: u64,
    stretches: Vec<Stretch>,
}

/// What of a stretch is kept, each with its place among all points.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: Point,
    lowest: Option<Point>,
    highest: Option<Point>,
    hole: Option<Point>,
    last: Point,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    place: u64,
    x: f64,
    y: f64,
}

impl Thinner {
    /// Keeps at most `wanted` points; of fewer, all.
    pub(crate) fn new(wanted: usize) -> Self {
        Self { wanted: wanted.max(2 * PER_STRETCH), length: 1, taken: 0, stretches: Vec::new() }
    }

    pub(crate) fn push(&mut self, x: f64, y: f64) {
        let stretch = Stretch::of(Point { place: self.taken, x, y });
        match self.stretches.last_mut() {
            Some(last) if !self.taken.is_multiple_of(self.length) => *last = last.with(&stretch),
            _ => self.stretches.push(stretch),
        }
        self.taken += 1;
        if self.stretches.len() > self.most_stretches() {
            self.halve();
        }
    }

    /// The points that are left, in order.
    pub(crate) fn finish(&self) -> Vec<(f64, f64)> {
        self.stretches.iter().flat_map(Stretch::points).map(|point| (point.x, point.y)).collect()
    }

    fn most_stretches(&self) -> usize {
        if self.length == 1 { self.wanted } else { self.wanted / PER_STRETCH }
    }

    fn halve(&mut self) {
        while self.stretches.len() > self.wanted / PER_STRETCH {
            self.length *= 2;
            let pairs = self.stretches.chunks(2);
            self.stretches = pairs
                .map(|pair| pair[1..].iter().fold(pair[0], |one, other| one.with(other)))
                .collect();
        }
    }
}

impl Stretch {
    fn of(point: Point) -> Self {
        let (finite, hole) = match point.y.is_finite() {
            true => (Some(point), None),
            false => (None, Some(point)),
        };
        Self { first: point, lowest: finite, highest: finite, hole, last: point }
    }

    /// This stretch and the next one as one.
    fn with(&self, next: &Self) -> Self {
        let better =
            |a: Option<Point>, b: Option<Point>, is_better: fn(f64, f64) -> bool| match (a, b) {
                (Some(a), Some(b)) => Some(if is_better(b.y, a.y) { b } else { a }),
                (a, b) => a.or(b),
            };
        Self {
            first: self.first,
            lowest: better(self.lowest, next.lowest, |new, old| new < old),
            highest: better(self.highest, next.highest, |new, old| new > old),
            hole: self.hole.or(next.hole),
            last: next.last,
        }
    }

    fn points(&self) -> Vec<Point> {
        let Self { first, lowest, highest, hole, last } = *self;
        let mut points: Vec<Point> =
            [Some(first), lowest, highest, hole, Some(last)].into_iter().flatten().collect();
        points.sort_by_key(|point| point.place);
        points.dedup_by_key(|point| point.place);
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinned(values: &[f64], wanted: usize) -> Vec<(f64, f64)> {
        let mut thinner = Thinner::new(wanted);
        for (x, y) in values.iter().enumerate() {
            thinner.push(x as f64, *y);
        }
        thinner.finish()
    }

    #[test]
    fn few_points_stay_as_they_are() {
        assert_eq!(thinned(&[1.0, 3.0, 2.0], 10), [(0.0, 1.0), (1.0, 3.0), (2.0, 2.0)]);
        assert_eq!(thinned(&[], 10), []);
        assert_eq!(thinned(&[0.0; 1000], 1000).len(), 1000);
    }

    #[test]
    fn spikes_ends_and_holes_of_many_points_stay() {
        let mut values = vec![0.5; 100_000];
        values[77_777] = 9.0;
        values[31_313] = -9.0;
        values[50_001] = f64::NAN;
        values[99_999] = 0.25;
        let left = thinned(&values, 1000);
        assert!(left.len() <= 1000, "{}", left.len());
        for point in [(0.0, 0.5), (77_777.0, 9.0), (31_313.0, -9.0), (99_999.0, 0.25)] {
            assert!(left.contains(&point), "{point:?}");
        }
        assert!(left.iter().any(|(x, y)| *x == 50_001.0 && y.is_nan()));
        assert!(left.is_sorted_by(|a, b| a.0 < b.0), "in order, none twice");
    }
}
