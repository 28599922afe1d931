//! The black boxes of a run: how many, and what the last one holds.

use burnscape_trace::Blackbox;

use super::recent::{AtStep, Recent};

/// Black boxes of which the step is kept, so that those of a path that was left can be left out.
const MAX_BLACK_BOXES: usize = 1000;

/// What is told of a black box; the steps in it stay in the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlackBox {
    /// Optimizer steps in the run before the one that the alert concerns.
    pub step: u64,
    /// Rule of the alert.
    pub rule: String,
    /// There is a file of weights: of one step earlier, before or after the update.
    pub with_weights: bool,
    /// There is a file of the gradient.
    pub with_gradient: bool,
}

impl AtStep for BlackBox {
    fn step(&self) -> u64 {
        self.step
    }
}

/// The black boxes of a run, without those of a path that training has left.
#[derive(Debug, Clone)]
pub struct BlackBoxes {
    recent: Recent<BlackBox>,
    earlier: u64,
}

impl Default for BlackBoxes {
    fn default() -> Self {
        Self { recent: Recent::new(MAX_BLACK_BOXES), earlier: 0 }
    }
}

impl BlackBoxes {
    /// Takes a black box.
    pub fn apply(&mut self, black_box: &Blackbox) {
        let weights = [&black_box.previous, &black_box.before, &black_box.after];
        let oldest = self.recent.push(BlackBox {
            step: black_box.step,
            rule: black_box.rule.to_string(),
            with_weights: weights.into_iter().any(Option::is_some),
            with_gradient: black_box.gradient.is_some(),
        });
        self.earlier += u64::from(oldest.is_some());
    }

    /// Training went on from a step: forgets what lies at or behind it.
    pub fn rewind(&mut self, step: u64) {
        self.recent.rewind(step);
    }

    /// How many there were.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.recent.len() as u64 + self.earlier
    }

    /// There was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<&BlackBox> {
        self.recent.iter().next_back()
    }
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    #[test]
    fn the_last_one_tells_what_it_holds_until_training_goes_back_behind_it() {
        let mut boxes = BlackBoxes::default();
        let after = Some("black-box/after.safetensors".to_owned());
        boxes.apply(&record!(Blackbox { step: 4, rule: "plateau".into() }));
        boxes.apply(&record!(Blackbox { step: 9, after }));
        let last = boxes.last().unwrap();
        assert_eq!((last.step, last.with_weights, last.with_gradient), (9, true, false));
        boxes.rewind(9);
        assert_eq!((boxes.len(), boxes.last().map(|last| last.step)), (1, Some(4)));
        assert!(!boxes.last().unwrap().with_weights);
    }
}
