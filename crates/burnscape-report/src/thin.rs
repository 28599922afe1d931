//! Charts of many points by few: of each stretch the first, lowest, highest and last point, and one that is
//! not finite. No spike is lost, and every point that is left is one that was recorded.

/// Points kept of a stretch.
const PER_STRETCH: usize = 5;

/// Takes points in order, as many as there are, and keeps a bounded number.
#[derive(Debug, Clone)]
pub(crate) struct Thinner {
    wanted: usize,
    taken: u64,
    /// All points, while there are few.
    points: Vec<Point>,
    /// Later the stretches of 2 to this power points each, which doubles as they become too many.
    length_power: u32,
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
        let wanted = wanted.max(2 * PER_STRETCH);
        Self { wanted, taken: 0, points: Vec::new(), length_power: 0, stretches: Vec::new() }
    }

    pub(crate) fn push(&mut self, x: f64, y: f64) {
        let point = Point { place: self.taken, x, y };
        self.taken += 1;
        if self.length_power == 0 {
            self.points.push(point);
            if self.points.len() > self.wanted {
                self.begin_stretches();
            }
            return;
        }
        match self.stretches.last_mut() {
            Some(last) if point.place & ((1 << self.length_power) - 1) != 0 => last.take(point),
            _ => self.stretches.push(Stretch::of(point)),
        }
        self.merge();
    }

    /// The points that are left, in order.
    pub(crate) fn finish(&self) -> Vec<(f64, f64)> {
        let left = self.stretches.iter().flat_map(Stretch::points);
        self.points.iter().copied().chain(left).map(|point| (point.x, point.y)).collect()
    }

    fn begin_stretches(&mut self) {
        self.length_power = 1;
        let points = std::mem::take(&mut self.points);
        self.stretches = points.chunks(2).map(Stretch::of_all).collect();
        self.merge();
    }

    fn merge(&mut self) {
        while self.stretches.len() > self.wanted / PER_STRETCH {
            self.length_power += 1;
            let pairs = self.stretches.chunks(2);
            self.stretches = pairs
                .map(|pair| pair[1..].iter().fold(pair[0], |one, other| one.with(other)))
                .collect();
        }
    }
}

impl Stretch {
    fn of(point: Point) -> Self {
        let mut stretch =
            Self { first: point, lowest: None, highest: None, hole: None, last: point };
        stretch.take(point);
        stretch
    }

    fn of_all(points: &[Point]) -> Self {
        let mut stretch = Self::of(points[0]);
        points[1..].iter().for_each(|point| stretch.take(*point));
        stretch
    }

    /// The stretch and the point behind it.
    fn take(&mut self, point: Point) {
        self.last = point;
        if !point.y.is_finite() {
            self.hole.get_or_insert(point);
            return;
        }
        if self.lowest.is_none_or(|lowest| point.y < lowest.y) {
            self.lowest = Some(point);
        }
        if self.highest.is_none_or(|highest| point.y > highest.y) {
            self.highest = Some(point);
        }
    }

    /// This stretch and the next one as one.
    fn with(&self, next: &Self) -> Self {
        let mut both = Self { last: next.last, hole: self.hole.or(next.hole), ..*self };
        for point in next.lowest.into_iter().chain(next.highest) {
            both.take(point);
        }
        Self { last: next.last, ..both }
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
