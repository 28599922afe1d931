//! Where a learning rate stands in its schedule: small updates say nothing while it is small on purpose.

/// Below this share of the largest rate so far, training is meant to move little.
const USUAL_SHARE: f64 = 0.25;

/// What a schedule wants of training now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// Seen for the first time: it may be the beginning of anything.
    #[default]
    Unknown,
    /// On its way up, or run out.
    Small,
    /// At its height.
    Usual,
}

/// A learning rate, of the run or of a block, from one measurement to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct RateWatch {
    last: Option<f64>,
    largest: f64,
}

impl RateWatch {
    pub fn pace(&mut self, rate: f64) -> Pace {
        self.largest = self.largest.max(rate);
        match self.last.replace(rate) {
            None => Pace::Unknown,
            Some(last) if rate > last || rate < USUAL_SHARE * self.largest => Pace::Small,
            Some(_) => Pace::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn paces(rates: impl Iterator<Item = f64>) -> Vec<Pace> {
        let mut watch = RateWatch::default();
        rates.map(|rate| watch.pace(rate)).collect()
    }

    #[test]
    fn a_warm_up_and_what_a_cosine_leaves_are_small() {
        let warm_up = paces((0..9).map(|step| 1e-7 * f64::from(step + 1)));
        assert_eq!(warm_up, [[Pace::Unknown].as_slice(), &[Pace::Small; 8]].concat());
        // ½(1 + cos πt) falls under a quarter at t = ⅔.
        let cosine = paces((0..=30).map(|step| 0.5 * (1.0 + (PI * f64::from(step) / 30.0).cos())));
        let (height, end) = (&cosine[1..20], &cosine[21..]);
        assert!(height.iter().all(|&it| it == Pace::Usual), "{height:?}");
        assert!(end.iter().all(|&it| it == Pace::Small), "{end:?}");
        assert_eq!(paces([0.1; 3].into_iter())[1..], [Pace::Usual; 2]);
    }
}
