//! The clock that budgets of time are kept by: the system's, or one that a test moves itself.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tells the time since any fixed moment; never goes back.
pub(crate) type Tells = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A clock; clones are the same one.
#[derive(Clone)]
pub(crate) struct Clock(Tells);

impl Clock {
    pub fn given(tells: Tells) -> Self {
        Self(tells)
    }

    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        let origin = Instant::now();
        Self(Arc::new(move || origin.elapsed()))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}

/// A moment by which something is to end, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    clock: Clock,
    at: Option<Duration>,
}

impl Deadline {
    pub fn at(clock: &Clock, at: Option<Duration>) -> Self {
        Self { clock: clock.clone(), at }
    }

    pub fn has_passed(&self) -> bool {
        self.at.is_some_and(|at| self.clock.now() >= at)
    }

    /// What is left of the time; `None`: as long as it takes.
    pub fn left(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_sub(self.clock.now()))
    }

    /// The same, so much earlier.
    pub fn earlier(&self, by: Duration) -> Self {
        Self { clock: self.clock.clone(), at: self.at.map(|at| at.saturating_sub(by)) }
    }
}
