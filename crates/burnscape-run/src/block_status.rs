//! What is to be said about a parameter block, in a word or two.

use burnscape_trace::{Alert, AlertRule, Block};

use super::BlockRow;

/// Update over weight that is out of the ordinary: the range in which training usually moves.
const USUAL_UPDATE_RATIO: std::ops::RangeInclusive<f64> = 1e-5..=1e-1;

/// Up to this share of the weights, an update moves nothing in f32: the distance of neighbouring numbers.
const STILL_UPDATE_RATIO: f64 = 1e-7;

/// What is to be said about a block after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockStatus {
    /// Nothing unusual.
    Ok,
    /// The parameter requires no gradient.
    Frozen,
    /// It requires a gradient and none reached it.
    NoGradient,
    /// The gradient is exactly zero.
    ZeroGradient,
    /// A norm is NaN.
    Nan,
    /// A norm is infinite.
    Infinite,
    /// The last update was under 1e-5 of the weights.
    SmallUpdate,
    /// The last update was over a tenth of the weights.
    LargeUpdate,
    /// An alert says that updates are too long, and the last one still is.
    Explodes,
    /// An alert says that the gradient moves nothing, and it still does not.
    Vanishes,
    /// An alert of a rule that is not known here.
    Alert,
    /// An alert said that something was NaN; it is finite now.
    WasNan,
    /// An alert said that something was infinite; it is finite now.
    WasInfinite,
    /// An alert said that updates were too long; the last one was not.
    Exploded,
    /// An alert said that the gradient moved nothing; it does now.
    Vanished,
    /// An alert said that updates were too small; the last one was not.
    WasSmallUpdate,
    /// An alert said that updates were too large; the last one was not.
    WasLargeUpdate,
}

impl BlockStatus {
    /// The status in a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Frozen => "frozen",
            Self::NoGradient => "no gradient",
            Self::ZeroGradient => "zero",
            Self::Nan => "NaN",
            Self::Infinite => "Inf",
            Self::SmallUpdate => "small update",
            Self::LargeUpdate => "large update",
            Self::Explodes => "explodes",
            Self::Vanishes => "vanishes",
            Self::Alert => "alert",
            Self::WasNan => "NaN before",
            Self::WasInfinite => "Inf before",
            Self::Exploded => "exploded",
            Self::Vanished => "vanished",
            Self::WasSmallUpdate => "small before",
            Self::WasLargeUpdate => "large before",
        }
    }

    /// An alert speaks of it, and it is over.
    #[must_use]
    pub fn is_past(self) -> bool {
        matches!(
            self,
            Self::WasNan
                | Self::WasInfinite
                | Self::Exploded
                | Self::Vanished
                | Self::WasSmallUpdate
                | Self::WasLargeUpdate
        )
    }

    /// The status of a block: what its numbers say, and what its alerts say: what still holds, or
    /// else the newest.
    pub(super) fn of(
        block: &Block,
        row: &BlockRow<'_>,
        recorded: Recorded,
        alerts: &[&Alert],
    ) -> Self {
        let told = || alerts.iter().map(|alert| Self::of_alert(alert, row));
        let told = told().find(|told| !told.is_past()).or_else(|| told().next());
        match (of_numbers(block, row, recorded), told) {
            // The rule of an alert says more than the size of an update.
            (Self::Ok | Self::SmallUpdate | Self::LargeUpdate, Some(told)) if !told.is_past() => {
                told
            }
            (Self::Ok, Some(told)) => told,
            (numbers, _) => numbers,
        }
    }

    /// What an alert says, held against what was measured since: an alert is raised once while its rule stays
    /// broken, so it alone does not tell whether it still is.
    fn of_alert(alert: &Alert, row: &BlockRow<'_>) -> Self {
        // A norm that was not recorded contradicts nothing.
        let still = |number: f64, is_broken: bool| number.is_nan() || is_broken;
        // In the first traces a jump of the norm is told that lies on the good side of the threshold.
        let (low, high) = (alert.threshold.min(alert.value), alert.threshold.max(alert.value));
        let (norm, ratio) = (row.grad_norm, row.update_ratio);
        // What the optimizer does decides, where it was measured.
        let long = if row.update_norm.is_nan() { norm } else { row.update_norm };
        let moves = ratio > STILL_UPDATE_RATIO;
        let was = if alert.value.is_infinite() { Self::WasInfinite } else { Self::WasNan };
        let (holds, now, before) = match alert.rule {
            AlertRule::NonFiniteGradient => (norm.is_nan(), Self::Nan, was),
            AlertRule::NonFiniteWeight => (row.weight_norm.is_nan(), Self::Nan, was),
            AlertRule::ExplodingGradient => {
                (still(long, long >= low), Self::Explodes, Self::Exploded)
            }
            AlertRule::VanishingGradient => {
                (still(norm, norm <= high) && !moves, Self::Vanishes, Self::Vanished)
            }
            AlertRule::UpdateRatio if alert.value > alert.threshold => {
                (still(ratio, ratio > low), Self::LargeUpdate, Self::WasLargeUpdate)
            }
            AlertRule::UpdateRatio => {
                (still(ratio, ratio < high), Self::SmallUpdate, Self::WasSmallUpdate)
            }
            _ => (true, Self::Alert, Self::Alert),
        };
        if holds { now } else { before }
    }
}

/// What was recorded at all, so that a number that is missing is told from one that is NaN.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    pub(super) gradients: bool,
    pub(super) weights: bool,
    /// A gradient reached this block in the last step with gradients.
    pub(super) has_gradient: bool,
}

fn of_numbers(block: &Block, row: &BlockRow<'_>, recorded: Recorded) -> BlockStatus {
    let norms = [row.grad_norm, row.weight_norm, row.update_norm];
    match () {
        () if norms.iter().any(|norm| norm.is_infinite()) => BlockStatus::Infinite,
        () if row.weight_norm.is_nan() && recorded.weights => BlockStatus::Nan,
        () if block.frozen => BlockStatus::Frozen,
        () if !recorded.gradients => BlockStatus::Ok,
        () if !recorded.has_gradient => BlockStatus::NoGradient,
        () if row.grad_norm.is_nan() => BlockStatus::Nan,
        () if row.grad_norm == 0.0 => BlockStatus::ZeroGradient,
        () if row.update_ratio < *USUAL_UPDATE_RATIO.start() => BlockStatus::SmallUpdate,
        () if row.update_ratio > *USUAL_UPDATE_RATIO.end() => BlockStatus::LargeUpdate,
        () => BlockStatus::Ok,
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    const ROW: BlockRow<'static> = BlockRow {
        path: "fc1.weight",
        grad_norm: 1.0,
        weight_norm: 1.0,
        update_norm: 1e-3,
        update_ratio: 1e-3,
        signal_to_noise: f64::NAN,
        update_cosine: f64::NAN,
        status: BlockStatus::Ok,
    };
    /// A block of which no update was measured.
    const UNMOVED: BlockRow<'static> =
        BlockRow { update_norm: f64::NAN, update_ratio: f64::NAN, ..ROW };
    const RECORDED: Recorded = Recorded { gradients: true, weights: true, has_gradient: true };

    fn status(row: BlockRow<'_>, rule: &str, value: f64, threshold: f64) -> BlockStatus {
        let alert = record!(Alert { rule: rule.into(), value, threshold });
        BlockStatus::of(&Block::default(), &row, RECORDED, &[&alert])
    }

    #[test]
    fn an_alert_holds_until_the_numbers_say_otherwise() {
        let with_norm = |grad_norm| BlockRow { grad_norm, ..UNMOVED };
        let with_update = |update_norm| BlockRow { update_norm, ..ROW };
        let explodes = |row| status(row, "exploding-gradient", 300.0, 100.0);
        assert_eq!(
            [with_update(150.0), with_update(1.0), with_norm(150.0), with_norm(1.0)].map(explodes),
            [
                BlockStatus::Explodes,
                BlockStatus::Exploded,
                BlockStatus::Explodes,
                BlockStatus::Exploded
            ]
        );
        let clipped = BlockRow { grad_norm: 150.0, ..ROW };
        assert_eq!(explodes(clipped), BlockStatus::Exploded, "the update tells more");
        let jumped = |norm| status(with_norm(norm), "exploding-gradient", 50.0, 100.0);
        assert_eq!([jumped(50.0), jumped(40.0)], [BlockStatus::Explodes, BlockStatus::Exploded]);
        let vanishes = |norm| status(with_norm(norm), "vanishing-gradient", 1e-12, 1e-9);
        assert_eq!(
            [vanishes(1e-10), vanishes(1.0)],
            [BlockStatus::Vanishes, BlockStatus::Vanished]
        );
        let small = BlockRow { grad_norm: 1e-10, ..ROW };
        let moves = status(small, "vanishing-gradient", 1e-12, 1e-9);
        assert_eq!(moves, BlockStatus::Vanished, "the update moves the weights all the same");
        let nan = |norm| status(with_norm(norm), "non-finite-gradient", f64::NAN, 0.0);
        assert_eq!([nan(f64::NAN), nan(1.0)], [BlockStatus::Nan, BlockStatus::WasNan]);
        let infinite = status(ROW, "non-finite-weight", f64::INFINITY, 0.0);
        assert_eq!(infinite, BlockStatus::WasInfinite);
    }

    #[test]
    fn an_alert_about_updates_tells_which_way() {
        let with_ratio = |update_ratio| BlockRow { update_ratio, ..ROW };
        let large = |ratio| status(with_ratio(ratio), "update-ratio", 0.5, 0.1);
        let small = |ratio| status(with_ratio(ratio), "update-ratio", 1e-7, 1e-5);
        assert_eq!(
            [large(0.2), large(0.01)],
            [BlockStatus::LargeUpdate, BlockStatus::WasLargeUpdate]
        );
        assert_eq!(
            [small(1e-6), small(0.01)],
            [BlockStatus::SmallUpdate, BlockStatus::WasSmallUpdate]
        );
        assert_eq!(status(ROW, "a rule of tomorrow", 0.0, 0.0), BlockStatus::Alert);
    }

    #[test]
    fn what_still_holds_is_said_before_what_is_newer_and_over() {
        let alert =
            |rule: &str, value, threshold| record!(Alert { rule: rule.into(), value, threshold });
        let over = alert("update-ratio", 0.5, 0.1);
        let holds = alert("exploding-gradient", 2.0, 0.5);
        let long = BlockRow { update_norm: 2.0, ..ROW };
        let status = BlockStatus::of(&Block::default(), &long, RECORDED, &[&over, &holds]);
        assert_eq!(status, BlockStatus::Explodes);
    }

    #[test]
    fn what_is_plain_from_the_numbers_needs_no_alert() {
        let zero = BlockRow { grad_norm: 0.0, ..ROW };
        assert_eq!(status(zero, "vanishing-gradient", 0.0, 1e-9), BlockStatus::ZeroGradient);
        let infinite = BlockRow { grad_norm: f64::INFINITY, ..ROW };
        assert_eq!(status(infinite, "plateau", 0.0, 0.0), BlockStatus::Infinite);
    }
}
