//! From values to places and colours: linear or logarithmic, with ticks at round numbers.

use burnscape_landscape::words;
use colorous::Gradient;

/// Beyond this quotient of highest and lowest value, a logarithm shows more.
const LOG_FROM: f64 = 100.0;

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
        match high > low {
            true => Self { low, high, is_log: false },
            false => {
                let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
                Self { low: low - room, high: low + room, is_log: false }
            }
        }
    }

    /// Over all finite values, logarithmic where they are positive and far apart; `None` without any.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold(None, |range: Option<(f64, f64)>, value| {
            Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        })?;
        match low > 0.0 && high / low > LOG_FROM {
            true => Some(Self { low, high, is_log: true }),
            false => Some(Self::linear(low, high)),
        }
    }

    /// Over the positive values, logarithmic.
    pub(crate) fn log_of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let positive = values.filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = positive.fold(None, |range: Option<(f64, f64)>, value| {
            Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        })?;
        let high = if high > low { high } else { low * 10.0 };
        Some(Self { low, high, is_log: true })
    }

    /// Wider on both sides by a share of the range.
    pub(crate) fn widened(self, share: f64) -> Self {
        let Self { low, high, is_log } = self;
        if is_log {
            let factor = (high / low).powf(share);
            return Self { low: low / factor, high: high * factor, is_log };
        }
        let room = (high - low) * share;
        Self { low: low - room, high: high + room, is_log }
    }

    /// 0 at the low end, 1 at the high end; others may lie beyond.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let Self { low, high, is_log } = *self;
        match is_log {
            true => (value.ln() - low.ln()) / (high.ln() - low.ln()),
            false => (value - low) / (high - low),
        }
    }

    pub(crate) fn colour(&self, value: f64, gradient: Gradient) -> String {
        let place = self.place(value).clamp(0.0, 1.0);
        format!("#{:x}", gradient.eval_continuous(place))
    }

    /// About `wanted` round numbers within the range.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        let ticks = if self.is_log { self.decades(wanted) } else { Vec::new() };
        if ticks.len() >= 2 { ticks } else { self.round_numbers(wanted) }
    }

    fn round_numbers(&self, wanted: usize) -> Vec<f64> {
        let raw = (self.high - self.low) / wanted.max(1) as f64;
        let power = 10_f64.powf(raw.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = round.into_iter().find(|step| *step >= raw * 0.999).unwrap_or(raw);
        // An end that is off by a rounding is within the range.
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let count = (last - first + 1.0).clamp(0.0, 50.0) as usize;
        (0..count).map(|index| (first + index as f64) * step).collect()
    }

    fn decades(&self, wanted: usize) -> Vec<f64> {
        // A power that is off by a rounding is within the range.
        let first = (self.low.log10() - 1e-9).ceil() as i32;
        let last = (self.high.log10() + 1e-9).floor() as i32;
        let stride = ((last - first).max(0) as usize / wanted.max(1)).max(1);
        let decades: Vec<f64> =
            (first..=last).step_by(stride).map(|power| 10_f64.powi(power)).collect();
        if decades.len() > 2 {
            return decades;
        }
        let all = (first - 1..=last)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10_f64.powi(power)));
        all.filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
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

    #[test]
    fn odd_ranges_have_a_scale() {
        assert_eq!(Scale::of([f64::NAN, f64::INFINITY].into_iter()), None);
        for value in [0.0, 3.0, -1e300, f64::MIN_POSITIVE] {
            let scale = Scale::of([value].into_iter()).unwrap();
            assert!(scale.place(value).is_finite() && scale.ticks(5).len() < 60, "{scale:?}");
        }
    }
}
