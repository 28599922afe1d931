//! The time that a study may take, and what there is left of it.

use std::time::Duration;

use burn::module::Module;
use burn::train::InferenceStep;

use super::survey::Survey;
use crate::config::clock::Deadline;

/// Share of what is left of a budget that is spent on looking: on checks, and on how long nodes take.
pub(super) const ASIDE: f64 = 0.05;

impl<M> Survey<'_, M>
where
    M: InferenceStep + Module,
    M::Input: Clone,
{
    /// Runs something by when the budget is spent. What goes by in between, in the program of the user, does not count.
    pub(super) fn within_budget<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let clock = self.active.config.study.clock.clone();
        let begun = clock.now();
        let limit = self.active.config.study.budget.limit();
        let at = limit.map(|limit| begun + limit.saturating_sub(self.spent));
        self.deadline = Deadline::at(&clock, at);
        let result = run(self);
        self.spent += clock.now().saturating_sub(begun);
        result
    }

    /// Whether there is time for a look that takes so long.
    pub(super) fn affords(&self, secs: f64) -> bool {
        let fits = |left: Duration| !left.is_zero() && secs <= ASIDE * left.as_secs_f64();
        self.deadline.left().is_none_or(fits)
    }

    /// The whole budget again.
    pub(super) fn refill(&mut self) {
        self.spent = Duration::ZERO;
    }
}
