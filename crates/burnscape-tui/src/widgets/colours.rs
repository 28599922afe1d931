//! From values to colours: along a scale, or by rank.

use super::scale::{ColourScale, ScaleChoice};

/// What lies at a share of the colours, from 0 at the lowest to 1 at the highest.
pub trait ValueAt {
    /// The value at a share.
    fn value_at(&self, share: f64) -> f64;
}

impl ValueAt for ColourScale {
    fn value_at(&self, share: f64) -> f64 {
        self.scale.value_at(share)
    }
}

/// Colours of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Colours {
    /// Along a linear or logarithmic scale.
    Values(ColourScale),
    /// By rank: every colour stands for equally many values.
    Ranks(Ranks),
}

impl Colours {
    /// The colours of some values; `None` without a finite one.
    #[must_use]
    pub fn fit(values: impl Iterator<Item = f64>, choice: ScaleChoice) -> Option<Self> {
        match choice {
            ScaleChoice::Rank => Ranks::of(values).map(Self::Ranks),
            _ => ColourScale::fit(values, choice).map(Self::Values),
        }
    }

    /// The share of a value, ends included; `None`: not drawable as a colour.
    #[must_use]
    pub fn share(&self, value: f64) -> Option<f64> {
        match self {
            Self::Values(scale) => scale.share(value),
            Self::Ranks(ranks) => ranks.share(value),
        }
    }

    /// What of the values the colours do not show, in words. Ranks show them all.
    #[must_use]
    pub fn clipping(&self) -> Option<String> {
        match self {
            Self::Values(scale) => scale.clipping(),
            Self::Ranks(_) => None,
        }
    }

    /// The kind of scale in a word or two.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Values(scale) if scale.scale.log => "log",
            Self::Values(_) => "linear",
            Self::Ranks(_) => "by rank",
        }
    }
}

impl ValueAt for Colours {
    fn value_at(&self, share: f64) -> f64 {
        match self {
            Self::Values(scale) => scale.value_at(share),
            Self::Ranks(ranks) => ranks.value_at(share),
        }
    }
}

/// Values in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    sorted: Vec<f64>,
}

impl Ranks {
    /// The finite ones of some values; `None` if there are none.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        (!sorted.is_empty()).then_some(Self { sorted })
    }

    /// The share of values below a value, equal ones counted half; `None`: not finite.
    #[must_use]
    pub fn share(&self, value: f64) -> Option<f64> {
        let below = self.sorted.partition_point(|&other| other < value);
        let not_above = self.sorted.partition_point(|&other| other <= value);
        let share = (below + not_above) as f64 / 2.0 / self.sorted.len() as f64;
        value.is_finite().then_some(share)
    }

    /// The value that a share of the values do not exceed.
    fn value_at(&self, share: f64) -> f64 {
        let last = self.sorted.len() - 1;
        self.sorted[((share.clamp(0.0, 1.0) * last as f64).round() as usize).min(last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::{LEVELS, level_of_share};

    #[test]
    fn by_rank_every_colour_stands_for_equally_many_values() {
        let values = || (0..160).map(|i| 10_f64.powf(f64::from(i) / 20.0));
        let colours = Colours::fit(values(), ScaleChoice::Rank).unwrap();
        let mut counts = [0; LEVELS];
        for value in values() {
            counts[level_of_share(colours.share(value).unwrap())] += 1;
        }
        assert_eq!(counts, [160 / LEVELS; LEVELS]);
        assert_eq!((colours.kind(), colours.clipping()), ("by rank", None));
    }

    #[test]
    fn equal_values_have_one_rank_and_the_ends_are_the_extremes() {
        let values = [3.0, 1.0, f64::NAN, 3.0, 7.0, f64::INFINITY];
        let ranks = Ranks::of(values.into_iter()).unwrap();
        assert_eq!(ranks.share(1.0), Some(0.125));
        assert_eq!(ranks.share(3.0), Some(0.5));
        assert_eq!((ranks.share(0.0), ranks.share(99.0)), (Some(0.0), Some(1.0)));
        assert_eq!(ranks.share(f64::NAN), None);
        assert_eq!(
            (ranks.value_at(0.0), ranks.value_at(0.5), ranks.value_at(1.0)),
            (1.0, 3.0, 7.0)
        );
        assert_eq!(Ranks::of([f64::NAN].into_iter()), None);
    }
}
