//! What was told already: a run that stays broken says so once.

use std::collections::BTreeMap;

/// Where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Loss,
    Block(u32),
    Tap(String),
}

/// When each rule was broken last at each place.
#[derive(Debug, Clone, Default)]
pub(super) struct AlreadyTold(BTreeMap<(&'static str, Place), Last>);

#[derive(Debug, Clone, Copy)]
struct Last {
    broken: u64,
    /// It was judged since, and kept.
    was_kept: bool,
}

impl AlreadyTold {
    /// Notes that a rule is broken; whether that is news: it was kept since it was broken last, which is more than
    /// `cool_down` steps ago.
    pub fn is_news(&mut self, rule: &'static str, place: Place, step: u64, cool_down: u64) -> bool {
        let before = self.0.insert((rule, place), Last { broken: step, was_kept: false });
        before.is_none_or(|it| it.was_kept && step.saturating_sub(it.broken) > cool_down)
    }

    /// Notes that a rule is kept at some places.
    pub fn keep(&mut self, rule: &'static str, is_kept: impl Fn(&Place) -> bool) {
        for ((broken, place), last) in &mut self.0 {
            last.was_kept |= *broken == rule && is_kept(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_broken_is_no_news_however_seldom_it_is_judged() {
        let mut told = AlreadyTold::default();
        let mut at = |step| told.is_news("rule", Place::Block(3), step, 100);
        assert!(at(0) && !at(500) && !at(5000));
        told.keep("rule", |place| *place == Place::Block(3));
        assert!(!told.is_news("rule", Place::Block(3), 5100, 100), "too soon");
        told.keep("rule", |_| true);
        assert!(!told.is_news("rule", Place::Block(3), 5200, 100));
        told.keep("rule", |_| true);
        assert!(told.is_news("rule", Place::Block(3), 5301, 100));
        told.keep("another rule", |_| true);
        assert!(!told.is_news("rule", Place::Block(3), 9000, 100));
        assert!(told.is_news("rule", Place::Loss, 9000, 100), "another place");
    }
}
