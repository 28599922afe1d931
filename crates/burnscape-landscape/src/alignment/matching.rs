//! Weight matching: units of one model are assigned to those of another so that their weights agree most.

use nalgebra::DMatrix;

use super::assignment::best;
use super::{Permutations, UnitGroup, Units, found_uses, identity, swap_units};
use crate::direction::dot;
use crate::error::{Error, check_length};
use crate::layout::{Block, Layout};

/// Rounds over all groups after which no more is tried; a round that changes nothing ends it, as a rule within ten.
const MOST_ROUNDS: usize = 100;

/// How the units of b are swapped to meet those of a.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// For each group the unit of b that comes to each place.
    pub permutations: Permutations,
    /// Inner product of a and b as it was.
    pub before: f64,
    /// Inner product of a and b with its units swapped: never less than before.
    pub after: f64,
    /// Rounds over all groups that changed something.
    pub rounds: usize,
    /// Units that come to another place.
    pub moved: usize,
}

/// Swaps the units of `b` so that its inner product with `a` becomes as large as is found: weight matching (Ainsworth et al.
/// 2023, "Git Re-Basin", arXiv 2209.04836, section 3.2, algorithm 1).
///
/// For each group in turn the linear assignment problem is solved that the others pose as they are, until a round changes
/// nothing. That finds a local maximum; which one depends on where it starts. It is done twice, from the units as they are,
/// and from those that are found going through the network, where each group is matched by what its units have in common
/// with inputs, outputs and groups matched before; the better one is kept. Where a group lies along both axes of a block,
/// its assignment problem is approximate, and what it says is taken only where it gains.
///
/// # Errors
///
/// As [`swap_units`].
pub fn match_weights(
    layout: &Layout,
    groups: &[UnitGroup],
    a: &[f32],
    b: &[f32],
) -> Result<Matching, Error> {
    check_length("the model to be met", layout.len(), a.len())?;
    let pair = Pair { layout, groups, a, b };
    let before = dot(a, &swap_units(layout, groups, &identity(groups), b)?);
    let as_they_are = pair.climb(identity(groups))?;
    let anew = pair.climb(pair.through_the_network()?)?;
    let (permutations, after, rounds) = if anew.1 > as_they_are.1 { anew } else { as_they_are };
    let moved = permutations.iter().flat_map(|it| it.iter().enumerate());
    let moved = moved.filter(|(place, unit)| place != *unit).count();
    Ok(Matching { permutations, before, after, rounds, moved })
}

struct Pair<'a> {
    layout: &'a Layout,
    groups: &'a [UnitGroup],
    a: &'a [f32],
    b: &'a [f32],
}

impl Pair<'_> {
    /// The permutations reached, the inner product with them, and the rounds that it took.
    fn climb(&self, mut permutations: Permutations) -> Result<(Permutations, f64, usize), Error> {
        let mut reached = self.inner_product(&permutations)?;
        for round in 0..MOST_ROUNDS {
            let mut gained = false;
            for group in 0..self.groups.len() {
                let similarities = self.similarities(group, &permutations, |_| true)?;
                let old = std::mem::replace(&mut permutations[group], best(&similarities));
                let product = self.inner_product(&permutations)?;
                if product > reached {
                    (reached, gained) = (product, true);
                } else {
                    permutations[group] = old;
                }
            }
            if !gained {
                return Ok((permutations, reached, round));
            }
        }
        Ok((permutations, reached, MOST_ROUNDS))
    }

    /// Each time the group of whose uses the greatest share is anchored: no other axis of theirs waits to be matched.
    fn through_the_network(&self) -> Result<Permutations, Error> {
        let mut permutations = identity(self.groups);
        let mut waiting: Vec<usize> = (0..self.groups.len()).collect();
        while !waiting.is_empty() {
            let share = |group: &usize| self.anchored_share(*group, &waiting);
            let shares: Vec<f64> = waiting.iter().map(share).collect();
            let first = (0..waiting.len()).rev().max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
            let group = waiting.remove(first.expect("one is waiting"));
            let is_anchored = |block: &Block| self.is_anchored(block, &waiting);
            let similarities = self.similarities(group, &permutations, is_anchored)?;
            permutations[group] = best(&similarities);
        }
        Ok(permutations)
    }

    /// Share of the squared weights.
    fn anchored_share(&self, group: usize, waiting: &[usize]) -> f64 {
        let others: Vec<usize> = waiting.iter().copied().filter(|&it| it != group).collect();
        let (mut anchored, mut all) = (0.0, 0.0);
        for block in self.groups[group].uses.iter().filter_map(|it| self.layout.block(&it.path)) {
            let squares = dot(&self.a[block.range()], &self.a[block.range()]);
            all += squares;
            anchored += if self.is_anchored(block, &others) { squares } else { 0.0 };
        }
        if all == 0.0 { 0.0 } else { anchored / all }
    }

    fn is_anchored(&self, block: &Block, waiting: &[usize]) -> bool {
        let uses = |group: &usize| self.groups[*group].uses.iter();
        !waiting.iter().flat_map(uses).any(|it| it.path == block.path)
    }

    fn inner_product(&self, permutations: &Permutations) -> Result<f64, Error> {
        Ok(dot(self.a, &swap_units(self.layout, self.groups, permutations, self.b)?))
    }

    /// Of each unit of a with each of b, over the blocks asked for; the other groups of b are swapped already.
    fn similarities(
        &self,
        group: usize,
        permutations: &Permutations,
        is_asked: impl Fn(&Block) -> bool,
    ) -> Result<DMatrix<f64>, Error> {
        let size = self.groups[group].size;
        let mut sum = DMatrix::zeros(size, size);
        for (block, along) in found_uses(self.layout, &self.groups[group])? {
            if is_asked(block) {
                let b = self.swapped_but(block, along, permutations, group)?;
                let a = &self.a[block.range()];
                sum += rows(a, along) * rows(&b, along).transpose();
            }
        }
        Ok(sum)
    }

    /// A block of b with its units swapped along all axes but this one.
    fn swapped_but(
        &self,
        block: &Block,
        but: Units,
        permutations: &Permutations,
        group: usize,
    ) -> Result<Vec<f32>, Error> {
        let mut values = self.b[block.range()].to_vec();
        for (other, permutation) in self.groups.iter().zip(permutations) {
            for it in other.uses.iter().filter(|it| it.path == block.path) {
                let along = Units::along(block, it, other)?;
                let is_itself = other.name == self.groups[group].name && along == but;
                if !is_itself {
                    along.permute(&mut values, permutation);
                }
            }
        }
        Ok(values)
    }
}

/// One row for each unit, with all of its entries.
fn rows(values: &[f32], along: Units) -> DMatrix<f64> {
    let entries = (0..along.count).flat_map(|unit| along.entries(unit));
    let entries = entries.map(|at| f64::from(values[at]));
    DMatrix::from_row_iterator(along.count, values.len() / along.count, entries)
}
