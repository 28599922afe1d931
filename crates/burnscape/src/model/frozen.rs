//! Which parameters were frozen when: models may be frozen and unfrozen in mid-run, and each moment has its own flags.

use burnscape_trace::{Frozen, Head, record};

/// The flags of all blocks through a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FrozenHistory {
    /// When recording began.
    initial: Vec<bool>,
    /// In the order of their steps.
    changes: Vec<Frozen>,
}

impl FrozenHistory {
    /// As the head of a run and what followed it tell.
    pub fn of(head: &Head, changes: Vec<Frozen>) -> Self {
        Self { initial: flags(head), changes }
    }

    /// Whether they ever changed.
    pub fn has_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The flags that the model of so many steps has trained with; `None`: those at the end.
    pub fn at(&self, steps: Option<u64>) -> Vec<bool> {
        let is_before = |it: &&Frozen| steps.is_none_or(|steps| it.step < steps);
        match self.changes.iter().rev().find(is_before) {
            Some(change) => {
                (0..self.initial.len() as u32).map(|it| change.blocks.contains(&it)).collect()
            }
            None => self.initial.clone(),
        }
    }

    /// Without what lies behind a step to which training went back.
    pub fn until(mut self, steps: u64) -> Self {
        self.changes.retain(|it| it.step < steps);
        self
    }

    /// Takes the flags from a step on; the change, if it is one.
    pub fn change(&mut self, step: u64, frozen: &[bool]) -> Option<Frozen> {
        if self.at(None) == frozen {
            return None;
        }
        let blocks = (0..).zip(frozen).filter(|(_, frozen)| **frozen).map(|(block, _)| block);
        let change = record!(Frozen { step, blocks: blocks.collect() });
        self.changes.push(change.clone());
        Some(change)
    }

    /// The head with the flags as recording began with them.
    pub fn as_begun(&self, mut head: Head) -> Head {
        freeze(&mut head, &self.initial);
        head
    }

    /// The head with the flags of now.
    pub fn as_now(&self, mut head: Head) -> Head {
        freeze(&mut head, &self.at(None));
        head
    }
}

/// Those of the blocks of a head.
pub(crate) fn flags(head: &Head) -> Vec<bool> {
    head.blocks.iter().map(|block| block.frozen).collect()
}

fn freeze(head: &mut Head, frozen: &[bool]) {
    for (block, frozen) in head.blocks.iter_mut().zip(frozen) {
        block.frozen = *frozen;
    }
}

/// What changed, as a sentence: the paths of blocks that are frozen now and were not, and the other way round.
pub(crate) fn change_in_words(paths: &[&str], before: &[bool], now: &[bool], step: u64) -> String {
    let changed = |to: bool| {
        let flags = paths.iter().zip(before.iter().zip(now));
        let changed = flags.filter(|(_, (before, now))| before != now && **now == to);
        named(&changed.map(|(path, _)| *path).collect::<Vec<_>>())
    };
    let parts = [
        changed(true).map(|it| format!("{it} frozen")),
        changed(false).map(|it| format!("{it} trained again")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("from step {step} on, {}", parts.join(", and "))
}

/// The paths of the blocks that are frozen, as a part of a sentence; `None`: none is.
pub(crate) fn frozen_in_words(paths: &[&str], frozen: &[bool]) -> Option<String> {
    let frozen = paths.iter().zip(frozen).filter(|(_, frozen)| **frozen);
    named(&frozen.map(|(path, _)| *path).collect::<Vec<_>>()).map(|it| format!("{it} frozen"))
}

/// `` `a` and 3 more are ``.
fn named(paths: &[&str]) -> Option<String> {
    const NAMED: usize = 3;
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| format!("`{path}`")).collect();
    let more = paths.len().saturating_sub(NAMED);
    Some(match (paths.len(), more) {
        (0, _) => return None,
        (1, _) => format!("{} is", named[0]),
        (_, 0) => format!("{} are", named.join(", ")),
        (_, more) => format!("{} and {more} more are", named.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burnscape_trace::Block;

    #[test]
    fn each_moment_has_the_flags_that_were_told_last_before_it() {
        let block = |frozen| record!(Block { frozen });
        let head = record!(Head { blocks: vec![block(true), block(false)] });
        let mut history = FrozenHistory::of(&head, Vec::new());
        assert_eq!(history.change(3, &[true, false]), None, "nothing changes");
        assert!(!history.has_changed());
        let change = history.change(5, &[false, false]).unwrap();
        assert_eq!((change.step, change.blocks.len()), (5, 0));
        assert_eq!(history.change(9, &[false, true]).unwrap().blocks.0, [1]);
        let at = |steps| history.at(steps);
        assert_eq!([at(Some(0)), at(Some(4))], [[true, false], [true, false]]);
        assert_eq!([at(Some(5)), at(Some(6))], [[true, false], [false, false]]);
        assert_eq!([at(Some(9)), at(Some(10))], [[false, false], [false, true]]);
        assert_eq!(at(None), [false, true]);
        assert_eq!(flags(&history.as_begun(history.as_now(head))), [true, false]);
    }

    #[test]
    fn a_change_names_what_was_frozen_and_what_trains_again() {
        let paths = ["a", "b", "c", "d", "e"];
        let sentence = change_in_words(
            &paths,
            &[true, false, false, false, false],
            &[false, true, true, true, true],
            5,
        );
        assert_eq!(
            sentence,
            "from step 5 on, `b`, `c`, `d` and 1 more are frozen, and `a` is trained again"
        );
        assert_eq!(frozen_in_words(&paths, &[false; 5]), None);
        assert_eq!(frozen_in_words(&["a"], &[true]).unwrap(), "`a` is frozen");
    }
}
