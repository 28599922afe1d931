//! From values to places and colours: linear or logarithmic, with ticks at round numbers.

use burnscape_landscape::words;
use colorous::{Color, Gradient};

/// Beyond this quotient of highest and lowest value, a logarithm shows more.
const LOG_FROM: f64 = 100.0;

/// The smallest number above 0.
const LEAST: f64 = f64::from_bits(1);

/// A range of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) is_log: bool,
}

impl Scale {
    /// Linear from `low` to `high`; of a single value, a range around it.
    pub(crate) fn linear(low: f64, high: f64) -> Self {
        let is_range = high > low && high / 2.0 - low / 2.0 >= f64::MIN_POSITIVE;
        let (low, high) = match is_range {
            true => (low, high),
            false => {
                let room = if low.abs() < 1e-290 { 1.0 } else { low.abs() * 0.1 };
                ((low - room).max(f64::MIN), (low + room).min(f64::MAX))
            }
        };
        Self { low, high, is_log: false }
    }

    /// Over all finite values, logarithmic where they are positive and far apart; `None` without any.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = range_of(finite)?;
        match low > 0.0 && high / LOG_FROM > low {
            true => Some(Self { low, high, is_log: true }),
            false => Some(Self::linear(low, high)),
        }
    }

    /// Over the positive values, logarithmic.
    pub(crate) fn log_of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let positive = values.filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = range_of(positive)?;
        let (low, high) = match high > low {
            true => (low, high),
            false if low < 1.0 => (low, low * 10.0),
            false => (low / 10.0, low),
        };
        Some(Self { low, high, is_log: true })
    }

    /// Wider on both sides by a share of the range, as far as there are numbers.
    pub(crate) fn widened(self, share: f64) -> Self {
        let Self { low, high, is_log } = self;
        if is_log {
            let room = (high.ln() - low.ln()) * share;
            let (low, high) = ((low.ln() - room).exp(), (high.ln() + room).exp());
            return Self { low: low.max(LEAST), high: high.min(f64::MAX), is_log };
        }
        let room = high * share - low * share;
        Self { low: (low - room).max(f64::MIN), high: (high + room).min(f64::MAX), is_log }
    }

    /// 0 at the low end, 1 at the high end; others may lie beyond.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let Self { low, high, is_log } = *self;
        match is_log {
            true => (value.ln() - low.ln()) / (high.ln() - low.ln()),
            // The width of a range may be beyond all numbers; half of it is not.
            false => (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0),
        }
    }

    pub(crate) fn colour(&self, value: f64, gradient: Gradient) -> Color {
        gradient.eval_continuous(self.place(value).clamp(0.0, 1.0))
    }

    /// About `wanted` round numbers within the range.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        let ticks = if self.is_log { self.decades(wanted) } else { Vec::new() };
        if ticks.len() >= 2 { ticks } else { self.round_numbers(wanted) }
    }

    fn round_numbers(&self, wanted: usize) -> Vec<f64> {
        let wanted = wanted.max(1) as f64;
        let raw = self.high / wanted - self.low / wanted;
        let power = 10_f64.powf(raw.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = round.into_iter().find(|step| *step >= raw * 0.999).unwrap_or(raw);
        // An end that is off by a rounding is within the range.
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let count = (last - first + 1.0).clamp(0.0, 50.0) as usize;
        let ticks = (0..count).map(|index| (first + index as f64) * step);
        ticks.filter(|tick| tick.is_finite()).collect()
    }

    fn decades(&self, wanted: usize) -> Vec<f64> {
        // A power that is off by a rounding is within the range.
        let first = (self.low.log10() - 1e-9).ceil() as i32;
        let last = (self.high.log10() + 1e-9).floor() as i32;
        let stride = ((last - first).max(0) as usize / wanted.max(1)).max(1);
        let decades: Vec<f64> = (first..=last).step_by(stride).map(power_of_ten).collect();
        if decades.len() > 2 {
            return decades;
        }
        let all = (first - 1..=last)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * power_of_ten(power)));
        all.filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

/// Lowest and highest of some values; `None` without any.
fn range_of(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range: Option<(f64, f64)>, value| {
        Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    })
}

/// By way of text, since a product of tens is rounded, and 0 where the power is the smallest there is.
fn power_of_ten(power: i32) -> f64 {
    format!("1e{power}").parse().unwrap_or(0.0)
}

/// A number at a tick.
pub(crate) fn label(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e5).contains(&size) {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = trimmed(digits);
        return format!("{digits}e{power}").replace('-', "−");
    }
    // Sums of steps are off by a rounding.
    trimmed(&words::number(value)).replace('-', "−")
}

fn trimmed(digits: &str) -> &str {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<String> {
        scale.ticks(5).into_iter().map(label).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&Scale::linear(-1.0, 1.0)), ["−1", "−0.5", "0", "0.5", "1"]);
        assert_eq!(labels(&Scale::linear(0.0, 0.3)), ["0", "0.1", "0.2", "0.3"]);
        let log = Scale::of([1e-3, 20.0].into_iter()).unwrap();
        assert!(log.is_log);
        assert_eq!(labels(&log), ["0.001", "0.01", "0.1", "1", "10"]);
        assert_eq!(label(1.5e-7), "1.5e−7");
    }

    /// Two finite doubles of any size, of random bits (xorshift, Marsaglia 2003).
    fn pairs() -> impl Iterator<Item = [f64; 2]> {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        let mut drawn = move || {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            f64::from_bits(bits)
        };
        let extremes = [[1e-10, 1e300], [f64::MIN, f64::MAX], [5e-324, 1e308], [0.0, 5e-324]];
        let random = std::iter::repeat_with(move || [drawn(), drawn()]);
        let random = random.filter(|pair| pair.iter().all(|value| value.is_finite()));
        extremes.into_iter().chain(random.take(10_000))
    }

    #[test]
    fn any_two_numbers_have_a_scale_with_few_ticks_within_it() {
        for pair in pairs() {
            let positive = pair.map(f64::abs);
            let scales = [Scale::of(pair.into_iter()), Scale::of(positive.into_iter())];
            let logs = Scale::log_of(positive.into_iter());
            for scale in scales.into_iter().flatten().chain(logs) {
                for scale in [scale, scale.widened(0.05)] {
                    let Scale { low, high, .. } = scale;
                    assert!(low.is_finite() && high.is_finite() && low < high, "{scale:?}");
                    assert_eq!((scale.place(low), scale.place(high)), (0.0, 1.0), "{scale:?}");
                    let ticks = scale.ticks(5);
                    assert!(ticks.len() < 60, "{} ticks of {scale:?}", ticks.len());
                    let is_within = |tick: &f64| (-1e-6..=1.0 + 1e-6).contains(&scale.place(*tick));
                    assert!(ticks.iter().all(is_within), "{ticks:?} of {scale:?}");
                }
            }
        }
    }

    #[test]
    fn odd_ranges_have_a_scale() {
        assert_eq!(Scale::of([f64::NAN, f64::INFINITY].into_iter()), None);
        for value in [0.0, 3.0, -1e300, f64::MIN_POSITIVE] {
            let scale = Scale::of([value].into_iter()).unwrap();
            assert!(scale.place(value).is_finite() && scale.ticks(5).len() < 60, "{scale:?}");
        }
    }
}
