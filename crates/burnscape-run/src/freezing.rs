//! Which blocks are frozen, and since when.

use std::collections::BTreeMap;

use burnscape_trace::{Block, Frozen};

/// The blocks that do not train, as the head tells them and as that changed.
#[derive(Debug, Clone, Default)]
pub struct Freezing {
    at_first: Vec<bool>,
    changes: Vec<Frozen>,
}

impl Freezing {
    /// As a head tells its blocks, which nothing has changed yet.
    #[must_use]
    pub fn new(blocks: &[Block]) -> Self {
        Self { at_first: blocks.iter().map(|block| block.frozen).collect(), changes: Vec::new() }
    }

    /// Takes which blocks are frozen from a step on.
    pub fn apply(&mut self, frozen: &Frozen) {
        self.changes.push(frozen.clone());
    }

    /// Training went on from a step: forgets what lies at or behind it.
    pub fn rewind(&mut self, step: u64) {
        self.changes.retain(|change| change.step < step);
    }

    /// Whether a block is frozen now.
    #[must_use]
    pub fn is_frozen(&self, block: usize) -> bool {
        let at_first = self.at_first.get(block) == Some(&true);
        self.changes.last().map_or(at_first, |change| holds(change, block))
    }

    /// The step from which on a block is frozen; `None` where it is not, or was when recording began.
    #[must_use]
    pub fn since(&self, block: usize) -> Option<u64> {
        let frozen = self.changes.iter().rev().take_while(|change| holds(change, block));
        let before = self.changes.len() - frozen.count();
        let was_frozen = before == 0 && self.at_first.get(block) == Some(&true);
        self.changes.get(before).filter(|_| !was_frozen).map(|change| change.step)
    }

    /// The frozen blocks by the step from which on they are: `None` first, for those that were from the beginning.
    #[must_use]
    pub fn by_step(&self) -> BTreeMap<Option<u64>, Vec<usize>> {
        let mut by_step: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for block in (0..self.at_first.len()).filter(|&block| self.is_frozen(block)) {
            by_step.entry(self.since(block)).or_default().push(block);
        }
        by_step
    }

    /// How many blocks are frozen, and since when; `None` where every block trains.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let by_step = self.by_step();
        let parts = by_step.iter().map(|(since, blocks)| match since {
            None => format!("{} from the beginning", blocks.len()),
            Some(step) => format!("{} since step {step}", blocks.len()),
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        (!by_step.is_empty()).then(|| format!("{parts}, of {} blocks", self.at_first.len()))
    }
}

fn holds(change: &Frozen, block: usize) -> bool {
    u32::try_from(block).is_ok_and(|block| change.blocks.contains(&block))
}

#[cfg(test)]
mod tests {
    use burnscape_trace::record;

    use super::*;

    fn blocks(frozen: &[bool]) -> Vec<Block> {
        frozen.iter().map(|&frozen| record!(Block { frozen })).collect()
    }

    fn told(step: u64, blocks: &[u32]) -> Frozen {
        record!(Frozen { step, blocks: blocks.to_vec().into() })
    }

    #[test]
    fn blocks_are_frozen_since_the_step_that_is_told() {
        let mut freezing = Freezing::new(&blocks(&[true, false]));
        let now = |it: &Freezing| [0, 1].map(|block| (it.is_frozen(block), it.since(block)));
        assert_eq!(now(&freezing), [(true, None), (false, None)], "as the head tells");
        freezing.apply(&told(5, &[0, 1]));
        assert_eq!(now(&freezing), [(true, None), (true, Some(5))]);
        freezing.apply(&told(7, &[1]));
        assert_eq!(now(&freezing), [(false, None), (true, Some(5))]);
        freezing.apply(&told(9, &[0, 1]));
        assert_eq!(now(&freezing), [(true, Some(9)), (true, Some(5))]);
        freezing.rewind(9);
        assert_eq!(now(&freezing), [(false, None), (true, Some(5))]);
        freezing.rewind(0);
        assert_eq!(now(&freezing), [(true, None), (false, None)]);
    }

    #[test]
    fn a_sentence_counts_what_is_frozen_by_the_step_since_which_it_is() {
        let mut freezing = Freezing::new(&blocks(&[true, false, true, false, false]));
        let said = |it: &Freezing| it.sentence();
        assert_eq!(said(&freezing).as_deref(), Some("2 from the beginning, of 5 blocks"));
        freezing.apply(&told(30, &[0, 1]));
        freezing.apply(&told(40, &[0, 1, 2, 3]));
        let expected = "1 from the beginning, 1 since step 30, 2 since step 40, of 5 blocks";
        assert_eq!(said(&freezing).as_deref(), Some(expected));
        freezing.apply(&told(50, &[]));
        assert_eq!(said(&freezing), None);
    }
}
