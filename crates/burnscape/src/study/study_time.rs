//! The time that a study may take, and what there is left of it.

use std::time::Duration;

use crate::config::Config;
use crate::config::clock::{Clock, Deadline};

/// Share of what is left of a budget that is spent on looking: on checks, and on how long nodes take.
pub(super) const ASIDE: f64 = 0.05;

/// A budget, and what became of it. What goes by in between, in the program of the user, does not count.
pub(super) struct StudyTime {
    clock: Clock,
    limit: Option<Duration>,
    /// When the budget of what goes on now is spent.
    pub deadline: Deadline,
    /// How much of it was spent before.
    spent: Duration,
    /// What of it is kept for what comes later.
    pub reserve: Duration,
    /// What it takes to end the study.
    pub closing: Duration,
}

impl StudyTime {
    pub fn begun(config: &Config, at: Duration) -> Self {
        let (clock, limit) = (config.clock.clone(), config.study.limit());
        let deadline = Deadline::at(&clock, limit.map(|limit| at + limit));
        let (spent, reserve, closing) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        Self { clock, limit, deadline, spent, reserve, closing }
    }

    /// Something begins, which ends when the budget is spent; gives when.
    pub fn go_on(&mut self) -> Duration {
        let begun = self.clock.now();
        let at = self.limit.map(|limit| begun + limit.saturating_sub(self.spent));
        self.deadline = Deadline::at(&self.clock, at);
        begun
    }

    /// What began then is over.
    pub fn spent_since(&mut self, begun: Duration) {
        self.spent += self.clock.now().saturating_sub(begun);
    }

    /// Whether there is time for a look that takes so long.
    pub fn affords(&self, secs: f64) -> bool {
        let fits = |left: Duration| !left.is_zero() && secs <= ASIDE * left.as_secs_f64();
        self.deadline.left().is_none_or(fits)
    }

    /// The whole budget again.
    pub fn refill(&mut self) {
        self.spent = Duration::ZERO;
    }
}
