//! Lines drawn calmer than the values are; the values themselves stay as they are.

/// How much lines are smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Smoothing {
    /// Not at all.
    #[default]
    Off,
    /// By an exponential average that follows within a few points.
    Little,
    /// By one that follows within some dozens of points.
    Much,
}

impl Smoothing {
    /// The next one, the first after the last.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Off => Self::Little,
            Self::Little => Self::Much,
            Self::Much => Self::Off,
        }
    }

    /// Weight of a new point in the average; `None`: not smoothed.
    #[must_use]
    pub fn alpha(self) -> Option<f64> {
        match self {
            Self::Off => None,
            Self::Little => Some(0.2),
            Self::Much => Some(0.05),
        }
    }

    /// What a chart says of it.
    #[must_use]
    pub fn words(self) -> Option<String> {
        self.alpha().map(|alpha| format!("smoothed, α={alpha}"))
    }
}

/// The exponential average y of points x that are drawn: y₀ = x₀, yᵢ = α xᵢ + (1 − α) yᵢ₋₁. A point without a value
/// is a gap and does not change the average.
#[must_use]
pub fn smoothed(
    points: impl Iterator<Item = (u64, Option<f64>)>,
    alpha: f64,
) -> Vec<(u64, Option<f64>)> {
    let mut average: Option<f64> = None;
    let point = |(step, value): (u64, Option<f64>)| {
        let next =
            value.map(|value| average.map_or(value, |it| alpha * value + (1.0 - alpha) * it));
        average = next.or(average);
        (step, next)
    };
    points.map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_is_followed_as_the_formula_says() {
        let leap = (0..60).map(|step| (step, Some(if step < 10 { 0.0 } else { 1.0 })));
        for alpha in [0.2, 0.05] {
            let line = smoothed(leap.clone(), alpha);
            assert!(line[..10].iter().all(|(_, value)| *value == Some(0.0)));
            for (after, (step, value)) in (1..).zip(&line[10..]) {
                let expected = 1.0 - (1.0_f64 - alpha).powi(after);
                // Sixty roundings.
                assert!((value.unwrap() - expected).abs() < 1e-14, "step {step}");
            }
        }
    }

    #[test]
    fn a_gap_stays_one_and_the_average_goes_on_behind_it() {
        let points = [(0, Some(4.0)), (1, None), (2, Some(8.0))];
        let line = smoothed(points.into_iter(), 0.5);
        assert_eq!(line, [(0, Some(4.0)), (1, None), (2, Some(6.0))]);
    }
}
