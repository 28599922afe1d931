//! The taps of a run: what passed each, over steps, and how the last values were spread.

use burnscape_trace::{Activation, Histogram};

use super::{OctaveColumns, Series};

/// Taps kept; records of further ones are counted.
pub const MAX_TAPS: usize = 1000;
/// Buckets of a series of a tap: there are many taps with several series each.
const BUCKETS: usize = 256;

/// What of a tap is followed over steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TapQuantity {
    /// Mean, and one standard deviation around it.
    #[default]
    Values,
    /// Share of values that are exactly 0.
    ZeroShare,
    /// Share of units that were 0 for every sample of the window.
    DeadShare,
    /// Share of values at the bounds of a tanh or sigmoid.
    SaturatedShare,
    /// Distance of mean and standard deviation from those of the first window, in units of its
    /// standard deviation.
    Drift,
    /// Share of values in every octave.
    Spread,
}

impl TapQuantity {
    /// The next one, the first after the last.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Values => Self::ZeroShare,
            Self::ZeroShare => Self::DeadShare,
            Self::DeadShare => Self::SaturatedShare,
            Self::SaturatedShare => Self::Drift,
            Self::Drift => Self::Spread,
            Self::Spread => Self::Values,
        }
    }

    /// What it is, to be followed by "of" and the tap.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Values => "mean ± std",
            Self::ZeroShare => "share of zeros",
            Self::DeadShare => "share of dead units",
            Self::SaturatedShare => "share of saturated values",
            Self::Drift => "drift",
            Self::Spread => "values by octaves",
        }
    }
}

/// One place in the model whose values are looked at.
#[derive(Debug, Clone)]
pub struct Tap {
    name: String,
    last: Option<Activation>,
    histogram: Option<Histogram>,
    octaves: OctaveColumns,
    mean: Series,
    /// Mean minus, and mean plus standard deviation.
    band: [Series; 2],
    zero_share: Series,
    dead_share: Series,
    saturated_share: Series,
    drift: Series,
}

impl Tap {
    fn new(name: &str) -> Self {
        let series = || Series::with_buckets(BUCKETS);
        Self {
            name: name.to_owned(),
            last: None,
            histogram: None,
            octaves: OctaveColumns::default(),
            mean: series(),
            band: [series(), series()],
            zero_share: series(),
            dead_share: series(),
            saturated_share: series(),
            drift: series(),
        }
    }

    /// Its name, such as `fc1.relu`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What passed it last; `None` where that belongs to a path that training has left.
    #[must_use]
    pub fn last(&self) -> Option<&Activation> {
        self.last.as_ref()
    }

    /// How the values were spread when that was last recorded.
    #[must_use]
    pub fn histogram(&self) -> Option<&Histogram> {
        self.histogram.as_ref()
    }

    /// How the values were spread over steps.
    #[must_use]
    pub fn octaves(&self) -> &OctaveColumns {
        &self.octaves
    }

    /// A quantity over steps: its values, and what lies around them where there is something; of how they are spread
    /// their mean.
    #[must_use]
    pub fn series(&self, quantity: TapQuantity) -> (&Series, Option<&[Series; 2]>) {
        match quantity {
            TapQuantity::Values | TapQuantity::Spread => (&self.mean, Some(&self.band)),
            TapQuantity::ZeroShare => (&self.zero_share, None),
            TapQuantity::DeadShare => (&self.dead_share, None),
            TapQuantity::SaturatedShare => (&self.saturated_share, None),
            TapQuantity::Drift => (&self.drift, None),
        }
    }

    fn apply(&mut self, seen: &Activation) {
        let step = seen.step;
        self.mean.push(step, seen.mean);
        let [low, high] = &mut self.band;
        push_if(f64::is_finite, low, step, seen.mean - seen.std);
        push_if(f64::is_finite, high, step, seen.mean + seen.std);
        self.zero_share.push(step, seen.zero_share);
        // NaN is nothing wrong in these: no units, not bounded, still in the first window.
        let is_defined = |value: f64| !value.is_nan();
        push_if(is_defined, &mut self.dead_share, step, dead_share(seen));
        push_if(is_defined, &mut self.saturated_share, step, seen.saturated_share);
        push_if(is_defined, &mut self.drift, step, seen.drift);
        self.last = Some(seen.clone());
    }

    fn rewind(&mut self, step: u64) {
        self.last.take_if(|last| last.step >= step);
        self.histogram.take_if(|histogram| histogram.step >= step);
        self.octaves.rewind(step);
        let [low, high] = &mut self.band;
        let shares = [&mut self.zero_share, &mut self.dead_share, &mut self.saturated_share];
        let others = [&mut self.mean, low, high, &mut self.drift];
        shares.into_iter().chain(others).for_each(|series| series.rewind(step));
    }

    fn is_empty(&self) -> bool {
        self.mean.is_empty() && self.histogram.is_none()
    }
}

/// Adds a value where it is one.
fn push_if(is_value: impl Fn(f64) -> bool, series: &mut Series, step: u64, value: f64) {
    if is_value(value) {
        series.push(step, value);
    }
}

/// Share of units that are dead; NaN where there are none.
#[must_use]
pub fn dead_share(seen: &Activation) -> f64 {
    seen.dead_units as f64 / seen.units as f64
}

/// All taps of a run, in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
pub struct Taps {
    taps: Vec<Tap>,
    overlooked: u64,
}

impl Taps {
    /// Takes what passed a tap.
    pub fn apply(&mut self, seen: &Activation) {
        if let Some(tap) = self.tap(&seen.tap) {
            tap.apply(seen);
        }
    }

    /// Takes how the values behind a tap are spread.
    pub fn apply_histogram(&mut self, tap: &str, histogram: &Histogram) {
        if let Some(tap) = self.tap(tap) {
            tap.octaves.push(histogram);
            tap.histogram = Some(histogram.clone());
        }
    }

    /// Training went on from a step: forgets what lies at or behind it.
    pub fn rewind(&mut self, step: u64) {
        self.taps.iter_mut().for_each(|tap| tap.rewind(step));
        self.taps.retain(|tap| !tap.is_empty());
    }

    /// Number of taps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taps.len()
    }

    /// Nothing was recorded of any tap.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    /// A tap; `None` past the last one.
    #[must_use]
    pub fn get(&self, tap: usize) -> Option<&Tap> {
        self.taps.get(tap)
    }

    /// All taps.
    pub fn iter(&self) -> impl Iterator<Item = &Tap> {
        self.taps.iter()
    }

    /// Records of taps that are not kept, as there are too many.
    #[must_use]
    pub fn overlooked(&self) -> u64 {
        self.overlooked
    }

    /// The tap of a name; `None`: there are too many.
    fn tap(&mut self, name: &str) -> Option<&mut Tap> {
        let known = self.taps.iter().position(|tap| tap.name == name);
        if known.is_none() && self.taps.len() == MAX_TAPS {
            self.overlooked += 1;
            return None;
        }
        let place = known.unwrap_or_else(|| {
            self.taps.push(Tap::new(name));
            self.taps.len() - 1
        });
        self.taps.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn seen(tap: &str, step: u64, mean: f64) -> Activation {
        record!(Activation { tap: tap.into(), step, mean, std: 0.5, units: 8 })
    }

    fn last_of(tap: &Tap, quantity: TapQuantity) -> Option<(u64, f64)> {
        tap.series(quantity).0.last()
    }

    #[test]
    fn a_tap_is_followed_over_steps_and_the_band_is_one_deviation_wide() {
        let mut taps = Taps::default();
        (0..10).for_each(|step| taps.apply(&seen("relu", step, step as f64)));
        let tap = taps.get(0).unwrap();
        let (mean, band) = tap.series(TapQuantity::Values);
        assert_eq!(mean.bounds(), Some((0.0, 9.0)));
        let [low, high] = band.unwrap();
        assert_eq!((low.bounds(), high.bounds()), (Some((-0.5, 8.5)), Some((0.5, 9.5))));
        assert_eq!(taps.len(), 1);
    }

    #[test]
    fn what_is_not_defined_is_no_value_and_what_is_nan_is_one() {
        let nan = f64::NAN;
        let undefined =
            record!(Activation { saturated_share: nan, drift: nan, ..seen("relu", 3, nan) });
        let mut taps = Taps::default();
        taps.apply(&undefined);
        let tap = taps.get(0).unwrap();
        assert!(tap.series(TapQuantity::Drift).0.is_empty());
        assert!(tap.series(TapQuantity::SaturatedShare).0.is_empty());
        assert_eq!(tap.series(TapQuantity::Values).0.non_finite(), 1);
        assert_eq!(last_of(tap, TapQuantity::DeadShare), Some((3, 0.0)));
    }

    #[test]
    fn what_belongs_to_a_path_that_was_left_is_left_out() {
        let mut taps = Taps::default();
        taps.apply(&seen("early", 2, 1.0));
        taps.apply(&seen("early", 6, 2.0));
        taps.apply_histogram("early", &record!(Histogram { step: 6 }));
        taps.apply(&seen("late", 6, 3.0));
        taps.rewind(6);
        let tap = taps.get(0).unwrap();
        assert_eq!((taps.len(), tap.name()), (1, "early"));
        assert_eq!(last_of(tap, TapQuantity::Values), Some((2, 1.0)));
        assert!(tap.last().is_none() && tap.histogram().is_none());
    }

    #[test]
    fn ever_new_names_take_bounded_memory() {
        let mut taps = Taps::default();
        (0..MAX_TAPS + 7).for_each(|i| taps.apply(&seen(&format!("tap {i}"), 0, 0.0)));
        assert_eq!((taps.len(), taps.overlooked()), (MAX_TAPS, 7));
    }
}
