//! Scales: from a value to a share of an axis or of the colours, linear or logarithmic.

use std::cmp::Ordering;

use super::ticks;
use crate::numbers::significant;

/// Which scale the reader asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScaleChoice {
    /// Logarithmic where all values are positive and the largest is over 50 times the smallest.
    #[default]
    Auto,
    /// Logarithmic wherever a value is positive; where there are others, what is drawn says so.
    Log,
    /// Logarithmic on both sides of 0.
    Symmetric,
    /// Linear.
    Linear,
    /// By rank: every colour stands for equally many values; an axis is as with `Auto`.
    Rank,
}

impl ScaleChoice {
    /// The next choice for an axis, as the key `y` walks through them.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Auto => Self::Log,
            Self::Log => Self::Symmetric,
            Self::Symmetric => Self::Linear,
            Self::Linear | Self::Rank => Self::Auto,
        }
    }

    /// The next choice for colours, which can also tell ranks.
    #[must_use]
    pub fn next_of_colours(self) -> Self {
        match self {
            Self::Linear => Self::Rank,
            Self::Log => Self::Linear,
            other => other.next(),
        }
    }

    fn is_log(self, low: f64, high: f64) -> bool {
        match self {
            Self::Auto | Self::Rank => low > 0.0 && high > LOG_FROM_RATIO * low,
            Self::Log => low > 0.0,
            Self::Linear | Self::Symmetric => false,
        }
    }
}

/// Of the largest value, the share around 0 in which a symmetric scale is linear.
const LINEAR_SHARE: f64 = 1e-3;
/// Rows from one tick to the next.
const ROWS_PER_TICK: std::ops::RangeInclusive<u16> = 2..=6;
/// More ticks than this tell no more: of a tall plot, some have no number.
const MOST_TICKS: usize = 12;
/// Less of a range has ticks within decades.
const LEAST_DECADES: f64 = 2.0;

fn linear_within(low: f64, high: f64) -> f64 {
    let largest = low.abs().max(high.abs());
    10_f64.powf((largest * LINEAR_SHARE).max(1e-300).log10().round())
}

/// Below this ratio a linear scale shows the low end well enough.
const LOG_FROM_RATIO: f64 = 50.0;
/// Values beyond the inner 96 % may be clipped …
const TAIL: f64 = 0.02;
/// … when they stretch the scale more than this many times.
const STRETCH: f64 = 4.0;
/// Steps of a rounded scale: finer ones move more often, coarser ones waste more room.
const ROUND_STEPS: usize = 12;

/// A range of values, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Value at share 0.
    pub low: f64,
    /// Value at share 1.
    pub high: f64,
    /// Equal ratios, not equal differences, are equally far apart.
    pub log: bool,
    /// Where it is positive, the scale is logarithmic on both sides of 0 and linear within so much of it.
    pub within: f64,
}

impl Scale {
    /// A scale over a range.
    #[must_use]
    pub fn new(low: f64, high: f64, choice: ScaleChoice) -> Self {
        let within = if choice == ScaleChoice::Symmetric { linear_within(low, high) } else { 0.0 };
        Self { low, high, log: choice.is_log(low, high), within }
    }

    /// The same with a little room at both ends, so that no curve runs along the frame; a range
    /// of one value gets room too.
    #[must_use]
    pub fn padded(self) -> Self {
        let (low, high) = (self.forward(self.low), self.forward(self.high));
        let smallest = if self.log { 0.05 } else { (low.abs() * 0.05).max(1e-12) };
        let room = ((high - low) * 0.04).max(if high > low { 0.0 } else { smallest });
        Self { low: self.backward(low - room), high: self.backward(high + room), ..self }
    }

    /// The same with its ends moved out to round values: it stays as it is while values change a
    /// little, so that a picture that is drawn again is mostly the same.
    #[must_use]
    pub fn rounded(self) -> Self {
        let (low, high) = (self.forward(self.low), self.forward(self.high));
        let Some(step) = round_step(high - low, ROUND_STEPS) else {
            return self.padded();
        };
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low: self.backward(low), high: self.backward(high), ..self }
    }

    /// Where a value lies: 0 at the low end, 1 at the high end, outside beyond; `None`: not a
    /// finite number, or not positive on a logarithmic scale.
    #[must_use]
    pub fn share(&self, value: f64) -> Option<f64> {
        let (low, high) = (self.forward(self.low), self.forward(self.high));
        let share = if high > low { (self.forward(value) - low) / (high - low) } else { 0.5 };
        (value.is_finite() && share.is_finite()).then_some(share)
    }

    /// The value at a share.
    #[must_use]
    pub fn value_at(&self, share: f64) -> f64 {
        match share {
            0.0 => self.low,
            1.0 => self.high,
            _ => {
                let (low, high) = (self.forward(self.low), self.forward(self.high));
                self.backward(low + share * (high - low))
            }
        }
    }

    /// Round values along the scale, at most `most`, lowest first; of a single value, that one.
    #[must_use]
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let ticks = match self.is_log() {
            true => self.log_ticks(most),
            false => self.round_steps(most),
        };
        if ticks.is_empty() { vec![self.value_at(0.5)] } else { ticks }
    }

    /// A tick as text, with as many digits as tell it from its neighbours, written as they are.
    #[must_use]
    pub fn tick_text(&self, tick: f64, ticks: &[f64]) -> String {
        ticks::text(tick, ticks, self.is_log())
    }

    /// A scale that holds the range, and ticks on it that stand exactly on rows, at equal distances: the lowest one in
    /// the last of `rows` rows. It stays as it is while values change a little.
    #[must_use]
    pub fn on_rows(self, rows: u16) -> (Self, Vec<f64>) {
        let gaps = f64::from(rows.saturating_sub(1).max(1));
        if self.high.partial_cmp(&self.low) != Some(Ordering::Greater) {
            return (self.padded(), vec![self.low]);
        }
        let fitted = match self.is_log() {
            true => self.decades_on(gaps),
            false => steps_on((self.low, self.high), gaps, 0.0, *ROWS_PER_TICK.end())
                .map(|(low, high, ticks)| (Self { low, high, ..self }, thinned(ticks))),
        };
        fitted.unwrap_or_else(|| {
            let padded = if self.is_log() { self.rounded() } else { self.padded() };
            (padded, padded.ticks(usize::from(rows.div_ceil(2)).clamp(2, 6)))
        })
    }

    fn decades_on(self, gaps: f64) -> Option<(Self, Vec<f64>)> {
        let exponents = (self.low.log10(), self.high.log10());
        if self.is_symmetric() || exponents.1 - exponents.0 < LEAST_DECADES {
            return None;
        }
        let (low, high, ticks) = steps_on(exponents, gaps, 1.0, gaps as u16)?;
        let power = |exponent: f64| 10_f64.powf(exponent);
        Some((
            Self { low: power(low), high: power(high), ..self },
            ticks.into_iter().map(power).collect(),
        ))
    }

    fn round_steps(&self, most: usize) -> Vec<f64> {
        let Some(step) = round_step(self.high - self.low, most) else {
            return Vec::new();
        };
        // A tick at the very end must not fall out by rounding.
        let (first, last) = ((self.low / step - 1e-6).ceil(), (self.high / step + 1e-6).floor());
        (0..=most).map(|i| first + i as f64).take_while(|n| *n <= last).map(|n| n * step).collect()
    }

    fn log_ticks(&self, most: usize) -> Vec<f64> {
        if self.is_symmetric() {
            return self.symmetric_ticks(most);
        }
        let (low, high) = ((self.low.log10() - 1e-9).ceil(), (self.high.log10() + 1e-9).floor());
        let count = high - low + 1.0;
        if count < 3.0 {
            return self.ticks_within_decades(most);
        }
        let stride = (count / most.max(1) as f64).ceil().max(1.0);
        let decades = (0..most).map(|i| low + i as f64 * stride);
        decades.take_while(|decade| *decade <= high).map(|decade| 10_f64.powf(decade)).collect()
    }

    /// 1, 2 and 5 of each decade, or less of them.
    fn ticks_within_decades(&self, most: usize) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let of = |factors: &'static [f64]| {
            let all = decades
                .clone()
                .flat_map(move |it| factors.iter().map(move |f| f * 10_f64.powi(it)));
            let is_inside =
                |tick: &f64| (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(tick);
            all.filter(is_inside).collect::<Vec<f64>>()
        };
        let choices = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]].map(of);
        let fitting = choices.into_iter().find(|ticks| (2..=most.max(2)).contains(&ticks.len()));
        fitting.unwrap_or_else(|| Self { log: false, ..*self }.round_steps(most.min(3)))
    }

    /// 0, and powers of ten on both sides.
    fn symmetric_ticks(&self, most: usize) -> Vec<f64> {
        let largest = self.low.abs().max(self.high.abs()).log10().floor() as i32;
        let smallest = self.within.log10().ceil() as i32;
        let each = (most / 2).max(1) as i32;
        let stride = ((largest - smallest + 1).max(1) as f64 / f64::from(each)).ceil() as usize;
        let powers: Vec<f64> =
            (smallest..=largest).rev().step_by(stride.max(1)).map(|it| 10_f64.powi(it)).collect();
        let below = powers.iter().map(|it| -it);
        let all = below.chain([0.0]).chain(powers.iter().rev().copied());
        all.filter(|it| (self.low..=self.high).contains(it)).collect()
    }

    fn is_symmetric(&self) -> bool {
        self.within > 0.0
    }

    fn is_log(&self) -> bool {
        self.log || self.is_symmetric()
    }

    /// On the symmetric scale as Webber 2012, "A bi-symmetric log transformation": linear around 0.
    fn forward(&self, value: f64) -> f64 {
        match self.is_symmetric() {
            true => value.signum() * (value.abs() / self.within).ln_1p() / std::f64::consts::LN_10,
            false if self.log => value.log10(),
            false => value,
        }
    }

    fn backward(&self, position: f64) -> f64 {
        match self.is_symmetric() {
            true => {
                position.signum()
                    * (position.abs() * std::f64::consts::LN_10).exp_m1()
                    * self.within
            }
            false if self.log => 10_f64.powf(position),
            false => position,
        }
    }
}

/// The smallest of 1, 2, 5 times a power of ten that goes at most so many times into a span.
pub(crate) fn round_step(span: f64, most: usize) -> Option<f64> {
    let rough = span / most as f64;
    if !(rough > 0.0 && rough.is_finite()) {
        return None;
    }
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| span / step <= most as f64)
}

/// A range that holds another one, and multiples of a round step in it: one each of some rows, of which there are
/// `gaps + 1`. `None`: there is nothing between the ends.
fn steps_on(
    (low, high): (f64, f64),
    gaps: f64,
    least_step: f64,
    most_rows: u16,
) -> Option<(f64, f64, Vec<f64>)> {
    let rows_per_tick = *ROWS_PER_TICK.start()..=most_rows.max(2).min(gaps as u16);
    let fitted = rows_per_tick.filter_map(|rows_per_tick| {
        let steps = gaps / f64::from(rows_per_tick);
        let mut step = round_step(high - low, (steps.floor() as usize).max(1))?.max(least_step);
        let below = |step: f64| (low / step + 1e-9).floor();
        // A range that begins between two ticks may need the next larger step.
        while (below(step) + steps) * step < high - 1e-9 * step {
            step = next_round_step(step);
        }
        Some((below(step), steps, step))
    });
    let (first, steps, step) = fitted.min_by(|a, b| (a.1 * a.2).total_cmp(&(b.1 * b.2)))?;
    let ticks = (0..=steps.floor() as u32).map(|i| (first + f64::from(i)) * step).collect();
    Some((first * step, (first + steps) * step, ticks))
}

/// Those of evenly placed ticks that are multiples of a larger round step, where they are many.
fn thinned(ticks: Vec<f64>) -> Vec<f64> {
    if ticks.len() <= MOST_TICKS {
        return ticks;
    }
    let gap = next_round_step(ticks[1] - ticks[0]);
    let multiples = |step: f64| {
        let is_multiple = |tick: &f64| (tick / step - (tick / step).round()).abs() < 1e-6;
        ticks.iter().copied().filter(is_multiple).collect::<Vec<f64>>()
    };
    let steps = std::iter::successors(Some(gap), |step| Some(next_round_step(*step)));
    let fewer = steps.map(multiples).find(|fewer| fewer.len() <= MOST_TICKS).unwrap_or_default();
    if fewer.len() > 1 { fewer } else { ticks }
}

/// The next of 1, 2, 5 times a power of ten after one of them.
fn next_round_step(step: f64) -> f64 {
    round_step(step * 1.5, 1).unwrap_or(step)
}

/// A scale of colours: when a few values would stretch it beyond use, it stops short of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColourScale {
    /// What the colours cover.
    pub scale: Scale,
    /// Finite values below the scale, drawn in its lowest colour.
    pub clipped_below: usize,
    /// Finite values above the scale, drawn in its highest colour.
    pub clipped_above: usize,
}

impl ColourScale {
    /// The scale of some values; `None` without a finite one.
    #[must_use]
    pub fn fit(values: impl Iterator<Item = f64>, choice: ScaleChoice) -> Option<Self> {
        let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let whole = Scale::new(low, high, choice);
        let (low, high) = inner_range(&sorted, &whole);
        Some(Self {
            scale: Scale { low, high, ..whole },
            clipped_below: sorted.iter().filter(|value| **value < low).count(),
            clipped_above: sorted.iter().filter(|value| **value > high).count(),
        })
    }

    /// A scale over a given range, whatever the values.
    #[must_use]
    pub fn over(
        (low, high): (f64, f64),
        values: impl Iterator<Item = f64> + Clone,
        choice: ScaleChoice,
    ) -> Self {
        let finite = values.filter(|value| value.is_finite());
        Self {
            scale: Scale::new(low, high, choice),
            clipped_below: finite.clone().filter(|value| *value < low).count(),
            clipped_above: finite.filter(|value| *value > high).count(),
        }
    }

    /// The share of a value, ends included; `None`: not drawable as a colour.
    #[must_use]
    pub fn share(&self, value: f64) -> Option<f64> {
        if value.is_finite() && self.scale.log && value <= 0.0 {
            return Some(0.0);
        }
        self.scale.share(value).map(|share| share.clamp(0.0, 1.0))
    }

    /// What of the values the colours do not show, in words.
    #[must_use]
    pub fn clipping(&self) -> Option<String> {
        let side = |count: usize, word: &str, limit: f64| {
            (count > 0).then(|| format!("{count} {word} {}", significant(limit, 3)))
        };
        let sides = [
            side(self.clipped_below, "below", self.scale.low),
            side(self.clipped_above, "above", self.scale.high),
        ];
        let sides: Vec<String> = sides.into_iter().flatten().collect();
        (!sides.is_empty()).then(|| sides.join(", "))
    }
}

/// What of a sorted range is not far away from all else: a few values must not make a line of the others.
#[must_use]
pub(crate) fn robust_range(sorted: &[f64], whole: &Scale) -> (f64, f64) {
    if sorted.is_empty() { (whole.low, whole.high) } else { inner_range(sorted, whole) }
}

fn inner_range(sorted: &[f64], whole: &Scale) -> (f64, f64) {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let (low, high) = (whole.forward(at(TAIL)), whole.forward(at(1.0 - TAIL)));
    let inner = high - low;
    let below = low - whole.forward(whole.low);
    let above = whole.forward(whole.high) - high;
    let stretched = |tail: f64| inner > 0.0 && tail > STRETCH * inner;
    (
        if stretched(below) { at(TAIL) } else { whole.low },
        if stretched(above) { at(1.0 - TAIL) } else { whole.high },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::new(-1.3, 2.2, ScaleChoice::Linear);
        assert_eq!(scale.ticks(5), [-1.0, 0.0, 1.0, 2.0]);
        let scale = Scale::new(3e-4, 2.0, ScaleChoice::Auto);
        assert_eq!(scale.ticks(5).len(), 4);
        assert!(scale.log);
    }

    #[test]
    fn a_rounded_scale_stays_while_values_change_a_little() {
        let scale = |low, high| Scale::new(low, high, ScaleChoice::Linear).rounded();
        assert_eq!(scale(0.11, 2.3), scale(0.17, 2.21));
        assert_eq!(scale(0.11, 2.3).low, 0.0);
        assert!((scale(0.11, 2.3).high - 2.4).abs() < 1e-9);
        assert!(scale(1.0, 1.0).low < 1.0);
        let log = Scale::new(3e-4, 0.8, ScaleChoice::Log).rounded();
        assert!(log.low >= 0.99e-4 && log.low <= 3e-4 && log.high >= 0.8);
    }

    #[test]
    fn ticks_are_evenly_placed_on_rows() {
        // Pairs of ends by a multiplicative congruence (Park and Miller 1988).
        let mut state = 1_u64;
        let mut drawn = || {
            state = state * 48_271 % 2_147_483_647;
            state as f64 / 2_147_483_647.0
        };
        for _ in 0..2000 {
            let magnitude = 10_f64.powf(16.0 * drawn() - 8.0);
            let low = (drawn() - 0.5) * magnitude;
            let high = low + drawn() * magnitude * 10_f64.powf(-3.0 * drawn());
            let rows = 5 + (drawn() * 40.0) as u16;
            let (scale, ticks) = Scale::new(low, high, ScaleChoice::Linear).on_rows(rows);
            let at = |tick: f64| scale.share(tick).unwrap() * f64::from(rows - 1);
            assert!(
                ticks.iter().all(|&it| (at(it) - at(it).round()).abs() < 1e-6),
                "{low} {high} {rows}: {ticks:?}"
            );
            let count = ticks.len();
            assert!((2..=MOST_TICKS).contains(&count), "{low} {high} {rows}: {ticks:?}");
            assert!(
                scale.low <= low + 1e-9 * magnitude && high <= scale.high + 1e-9 * magnitude,
                "{low} {high}: {scale:?}"
            );
            // Half of the room is used at least.
            assert!(
                scale.high - scale.low <= 5.0 * (high - low) + 1e-300,
                "{low} {high} {rows}: {scale:?}"
            );
        }
    }

    #[test]
    fn a_symmetric_scale_has_zero_in_it_and_powers_on_both_sides() {
        let scale = Scale::new(-50.0, 2000.0, ScaleChoice::Symmetric);
        assert_eq!(scale.within, 1.0);
        let zero = scale.share(0.0).unwrap();
        assert!(scale.share(-50.0) == Some(0.0) && zero > 0.2 && zero < 0.5, "{zero}");
        for value in [-50.0, -0.3, 0.0, 7.0, 2000.0] {
            assert!(
                (scale.value_at(scale.share(value).unwrap()) - value).abs()
                    < 1e-9 * (1.0 + value.abs())
            );
        }
        let ticks = scale.ticks(6);
        assert!(ticks.contains(&0.0) && ticks.is_sorted() && ticks.len() <= 7, "{ticks:?}");
    }

    #[test]
    fn ticks_close_together_get_the_digits_they_need() {
        let scale = Scale::new(2.3001, 2.3004, ScaleChoice::Auto);
        let ticks = scale.ticks(4);
        let texts: Vec<String> = ticks.iter().map(|&t| scale.tick_text(t, &ticks)).collect();
        assert_eq!(texts, ["2.3001", "2.3002", "2.3003", "2.3004"]);
    }

    #[test]
    fn a_log_share_is_linear_in_the_exponent() {
        let scale = Scale::new(1e-4, 1.0, ScaleChoice::Auto);
        assert!((scale.share(1e-2).unwrap() - 0.5).abs() < 1e-12);
        assert!((scale.value_at(0.25) - 1e-3).abs() < 1e-12);
        assert_eq!(scale.share(f64::NAN), None);
        assert_eq!(scale.share(-1.0), None);
    }

    #[test]
    fn one_outlier_is_clipped_and_told() {
        let values = (0..1000).map(|i| 1.0 + f64::from(i) / 1000.0).chain([1e4]);
        let scale = ColourScale::fit(values, ScaleChoice::Linear).unwrap();
        assert!(scale.scale.high < 2.1);
        let clipping = scale.clipping().unwrap();
        assert!(clipping.contains("above"), "{clipping}");
        assert_eq!(scale.share(1e4), Some(1.0));
    }

    #[test]
    fn a_given_range_is_kept_whatever_the_values() {
        let values = [0.5, 1.0, 9.0, f64::NAN].into_iter();
        let scale = ColourScale::over((1.0, 3.0), values, ScaleChoice::Auto);
        assert_eq!((scale.scale.low, scale.scale.high), (1.0, 3.0));
        assert_eq!((scale.clipped_below, scale.clipped_above), (1, 1));
    }

    #[test]
    fn a_bowl_is_not_clipped() {
        let values = (-24..25).flat_map(|x| (-24..25).map(move |y| f64::from(x * x + y * y)));
        let scale = ColourScale::fit(values, ScaleChoice::Auto).unwrap();
        assert_eq!(scale.clipping(), None);
        assert_eq!((scale.scale.low, scale.scale.high), (0.0, 1152.0));
    }

    #[test]
    fn flat_and_empty_ranges_do_not_divide_by_zero() {
        assert_eq!(ColourScale::fit([f64::NAN].into_iter(), ScaleChoice::Auto), None);
        let flat = ColourScale::fit([2.0, 2.0].into_iter(), ScaleChoice::Auto).unwrap();
        assert_eq!(flat.share(2.0), Some(0.5));
        let padded = Scale::new(0.0, 0.0, ScaleChoice::Auto).padded();
        assert!(padded.low < padded.high);
        assert!(padded.ticks(3).iter().all(|tick| tick.is_finite()));
    }
}
