//! How curved the loss was around the weights over training, from curvature records.

use burnscape_trace::Curvature;

/// Moments kept in full number; beyond it, neighbours merge and the sharper one stays.
pub const MAX_MOMENTS: usize = 1024;
/// Hessians told apart: the whole one, preconditioned ones, those restricted to some blocks.
const MAX_HISTORIES: usize = 16;

/// One measurement, reduced to what is drawn over steps; NaN where it was not measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Optimizer steps before it.
    pub step: u64,
    /// Largest eigenvalue, and by how much it may be off.
    pub largest: (f64, f64),
    /// Smallest eigenvalue, and by how much it may be off.
    pub smallest: (f64, f64),
    /// Trace, and its standard error.
    pub trace: (f64, f64),
    /// Largest eigenvalue from which on a step overshoots, `stability_limit / lr`.
    pub limit: f64,
    is_live: bool,
}

impl Moment {
    fn of(record: &Curvature) -> Self {
        let at = |values: &[f64]| values.first().copied().unwrap_or(f64::NAN);
        Self {
            step: record.step,
            largest: (at(&record.largest), at(&record.largest_error)),
            smallest: (at(&record.smallest), at(&record.smallest_error)),
            trace: (record.trace.unwrap_or(f64::NAN), record.trace_stderr.unwrap_or(f64::NAN)),
            limit: stability_bound(record),
            is_live: record.is_live(),
        }
    }

    fn is_sharper(&self, other: &Self) -> bool {
        self.largest.0 > other.largest.0 || other.largest.0.is_nan()
    }
}

/// The largest eigenvalue at which a step of the optimizer just does not overshoot: limit of `λ · lr`
/// over the learning rate; NaN where there is none.
#[must_use]
pub fn stability_bound(record: &Curvature) -> f64 {
    let limit = record.stability_limit.unwrap_or(f64::NAN);
    if record.lr > 0.0 { limit / record.lr } else { f64::NAN }
}

/// The measurements of one Hessian: the whole one, one restricted to some blocks, or one in the
/// coordinates of an adaptive optimizer. Numbers of different ones are not comparable.
#[derive(Debug, Clone)]
pub struct CurvatureHistory {
    moments: Vec<Moment>,
    last: Option<Curvature>,
    preconditioned: bool,
    blocks: Vec<u32>,
}

impl CurvatureHistory {
    fn of(record: &Curvature) -> Self {
        Self {
            moments: Vec::new(),
            last: None,
            preconditioned: record.preconditioned,
            blocks: record.blocks.to_vec(),
        }
    }

    /// Measurements by step, oldest first.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The measurement that came last, in full; `None` where it belongs to a path that was left.
    #[must_use]
    pub fn last(&self) -> Option<&Curvature> {
        self.last.as_ref()
    }

    /// The Hessian is that in the coordinates of an adaptive optimizer.
    #[must_use]
    pub fn is_preconditioned(&self) -> bool {
        self.preconditioned
    }

    /// Blocks that the Hessian is restricted to; empty: all that train.
    #[must_use]
    pub fn blocks(&self) -> &[u32] {
        &self.blocks
    }

    fn is_of(&self, record: &Curvature) -> bool {
        self.preconditioned == record.preconditioned && self.blocks == record.blocks[..]
    }

    fn apply(&mut self, record: &Curvature) {
        let moment = Moment::of(record);
        let is_same = |known: &Moment| known.step == moment.step && known.is_live == moment.is_live;
        self.moments.retain(|known| !is_same(known));
        let place = self.moments.partition_point(|known| known.step <= moment.step);
        self.moments.insert(place, moment);
        if self.moments.len() > MAX_MOMENTS {
            self.moments = self.moments.chunks(2).filter_map(sharpest).collect();
        }
        self.last = Some(record.clone());
    }

    fn rewind(&mut self, step: u64) {
        self.moments.retain(|moment| !moment.is_live || moment.step <= step);
        self.last.take_if(|last| last.is_live() && last.step > step);
    }
}

fn sharpest(moments: &[Moment]) -> Option<Moment> {
    moments.iter().copied().reduce(|a, b| if b.is_sharper(&a) { b } else { a })
}

/// All curvature records of a run, one history for each Hessian, in the order of their first record.
#[derive(Debug, Clone, Default)]
pub struct Curvatures {
    histories: Vec<CurvatureHistory>,
    overlooked: u64,
}

impl Curvatures {
    /// Takes a record.
    pub fn apply(&mut self, record: &Curvature) {
        let known = self.histories.iter().position(|history| history.is_of(record));
        if known.is_none() && self.histories.len() == MAX_HISTORIES {
            self.overlooked += 1;
            return;
        }
        let place = known.unwrap_or_else(|| {
            self.histories.push(CurvatureHistory::of(record));
            self.histories.len() - 1
        });
        self.histories[place].apply(record);
    }

    /// Training went on from a step: forgets what was measured behind it while training went on.
    /// What was measured after exactly so many steps is of the weights that training goes on from.
    pub fn rewind(&mut self, step: u64) {
        self.histories.iter_mut().for_each(|history| history.rewind(step));
        self.histories.retain(|history| !history.moments.is_empty());
    }

    /// Number of Hessians told apart.
    #[must_use]
    pub fn len(&self) -> usize {
        self.histories.len()
    }

    /// Nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.histories.is_empty()
    }

    /// The history with a number; `None` past the last one.
    #[must_use]
    pub fn get(&self, history: usize) -> Option<&CurvatureHistory> {
        self.histories.get(history)
    }

    /// Records of further Hessians, which are not kept.
    #[must_use]
    pub fn overlooked(&self) -> u64 {
        self.overlooked
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn record(reason: &str, step: u64, largest: f64) -> Curvature {
        let reason = reason.into();
        record!(Curvature { reason, step, largest: vec![largest].into() })
    }

    fn steps(curvatures: &Curvatures) -> Vec<u64> {
        let history = curvatures.get(0).map(CurvatureHistory::moments);
        history.unwrap_or_default().iter().map(|moment| moment.step).collect()
    }

    #[test]
    fn going_back_forgets_what_was_measured_behind_and_keeps_what_was_asked_for() {
        let mut curvatures = Curvatures::default();
        for (reason, step) in [("live", 10), ("live", 20), ("live", 30), ("study", 30)] {
            curvatures.apply(&record(reason, step, 1.0));
        }
        curvatures.rewind(20);
        assert_eq!(steps(&curvatures), [10, 20, 30]);
        curvatures.apply(&record("live", 20, 7.0));
        assert_eq!(steps(&curvatures), [10, 20, 30]);
        assert_eq!(curvatures.get(0).unwrap().moments()[1].largest.0, 7.0);
        let mut live = Curvatures::default();
        live.apply(&record("live", 30, 1.0));
        live.rewind(29);
        assert!(live.is_empty());
    }

    #[test]
    fn the_sharpest_of_very_many_moments_is_kept() {
        let mut curvatures = Curvatures::default();
        for step in 0..100_000 {
            let largest = if step == 12_345 { 1e6 } else { 1.0 };
            curvatures.apply(&record("live", step, largest));
        }
        let moments = curvatures.get(0).unwrap().moments();
        assert!(moments.len() <= MAX_MOMENTS);
        let sharpest = moments.iter().find(|moment| moment.largest.0 == 1e6);
        assert_eq!(sharpest.map(|moment| moment.step), Some(12_345));
    }

    #[test]
    fn hessians_that_cannot_be_compared_are_told_apart_and_bounded() {
        let mut curvatures = Curvatures::default();
        curvatures.apply(&record("live", 1, 1.0));
        curvatures.apply(&record!(Curvature { preconditioned: true, ..record("live", 1, 9.0) }));
        assert_eq!(curvatures.len(), 2);
        for block in 0..100 {
            curvatures.apply(&record!(Curvature {
                blocks: vec![block].into(),
                ..record("live", 1, 2.0)
            }));
        }
        assert_eq!((curvatures.len(), curvatures.overlooked()), (MAX_HISTORIES, 86));
    }

    #[test]
    fn the_bound_is_the_limit_over_the_learning_rate() {
        let limit =
            |stability_limit, lr| stability_bound(&record!(Curvature { stability_limit, lr }));
        assert_eq!(limit(Some(2.0), 0.125), 16.0);
        assert!(limit(None, 0.125).is_nan() && limit(Some(2.0), 0.0).is_nan());
    }
}
