//! The last so many of what happens at steps, such as alerts.

use std::collections::VecDeque;

/// Something that belongs to a step.
pub(super) trait AtStep {
    /// Optimizer steps in the run before the one that it belongs to.
    fn step(&self) -> u64;
}

/// The last so many, oldest first.
#[derive(Debug, Clone)]
pub(super) struct Recent<T> {
    items: VecDeque<T>,
    most: usize,
}

impl<T: AtStep> Recent<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { items: VecDeque::new(), most }
    }

    /// Adds one; gives the oldest, if it had to go for it.
    pub(super) fn push(&mut self, item: T) -> Option<T> {
        let oldest = (self.items.len() >= self.most).then(|| self.items.pop_front()).flatten();
        self.items.push_back(item);
        oldest
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// Forgets what lies at or behind a step.
    pub(super) fn rewind(&mut self, step: u64) {
        self.items.retain(|item| item.step() < step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl AtStep for u64 {
        fn step(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn the_oldest_go_first_and_a_path_that_was_left_goes_whole() {
        let mut recent = Recent::new(3);
        let gone: Vec<u64> = (0..5).filter_map(|step| recent.push(step)).collect();
        assert_eq!(gone, [0, 1]);
        recent.rewind(4);
        assert_eq!(recent.iter().copied().collect::<Vec<_>>(), [2, 3]);
        recent.rewind(2);
        assert_eq!(recent.len(), 0);
    }
}
