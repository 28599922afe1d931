//! Hidden units can be swapped without changing the function: which of one model is which of another.

mod assignment;
mod matching;
mod wiring;

use crate::error::{Error, check_length};
use crate::layout::{Block, Layout};

pub use matching::{Matching, match_weights};
pub use wiring::Wiring;

/// Units that can be swapped for each other, all in one go: the outputs of a layer, or of several that are added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitGroup {
    /// A name for it.
    pub name: String,
    /// Number of units.
    pub size: usize,
    /// Where they occur.
    pub uses: Vec<AxisUse>,
}

/// One axis of one block along which units lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisUse {
    /// Path of the block.
    pub path: String,
    /// The axis.
    pub axis: usize,
    /// Neighbouring entries along the axis that belong to one unit: 1, or, after channels were flattened, as many as a
    /// channel has places.
    pub inner: usize,
}

/// For each group the old place of the unit that comes to each place.
pub type Permutations = Vec<Vec<usize>>;

/// Writes a model with its units swapped: at place i of a group the unit that was at `permutations[group][i]`.
///
/// `values` follow the layout; uses of blocks that it does not have are passed over, so that parameters and buffers may
/// each have a layout of their own.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if there are not as many values as the layout has, or permutations as groups, and
/// [`Error::UnitsDoNotFit`] if an axis does not have the units of its group.
pub fn swap_units(
    layout: &Layout,
    groups: &[UnitGroup],
    permutations: &Permutations,
    values: &[f32],
) -> Result<Vec<f32>, Error> {
    check_length("the model", layout.len(), values.len())?;
    check_length("the list of permutations", groups.len(), permutations.len())?;
    let mut swapped = values.to_vec();
    for (group, permutation) in groups.iter().zip(permutations) {
        for (block, along) in found_uses(layout, group)? {
            along.permute(&mut swapped[block.range()], permutation);
        }
    }
    Ok(swapped)
}

/// The permutation that leaves everything where it is.
#[must_use]
pub fn identity(groups: &[UnitGroup]) -> Permutations {
    groups.iter().map(|group| (0..group.size).collect()).collect()
}

fn found_uses<'a>(layout: &'a Layout, group: &UnitGroup) -> Result<Vec<(&'a Block, Units)>, Error> {
    let with_block = |it: &'_ AxisUse| Some((layout.block(&it.path)?, it.clone()));
    let found = group.uses.iter().filter_map(with_block);
    found.map(|(block, it)| Ok((block, Units::along(block, &it, group)?))).collect()
}

/// How the units along one axis lie in a row-major tensor: `outer` times all of them, `run` neighbouring entries each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Units {
    outer: usize,
    count: usize,
    run: usize,
}

impl Units {
    fn along(block: &Block, it: &AxisUse, group: &UnitGroup) -> Result<Self, Error> {
        let along = block.shape.get(it.axis).copied().unwrap_or(0);
        if along == 0 || along != group.size * it.inner {
            let (path, shape, axis) = (it.path.clone(), block.shape.clone(), it.axis);
            let (group, units) = (group.name.clone(), group.size);
            return Err(Error::UnitsDoNotFit { path, shape, axis, group, units });
        }
        let product = |dims: &[usize]| dims.iter().product::<usize>();
        let run = it.inner * product(&block.shape[it.axis + 1..]);
        Ok(Self { outer: product(&block.shape[..it.axis]), count: group.size, run })
    }

    /// All entries of a unit, in order.
    fn entries(self, unit: usize) -> impl Iterator<Item = usize> {
        (0..self.outer).flat_map(move |outer| {
            let start = (outer * self.count + unit) * self.run;
            start..start + self.run
        })
    }

    fn permute(self, values: &mut [f32], permutation: &[usize]) {
        let mut row = Vec::with_capacity(self.count * self.run);
        for values in values.chunks_exact_mut(self.count * self.run) {
            row.clear();
            row.extend_from_slice(values);
            for (unit, &from) in permutation.iter().enumerate() {
                let (to, from) = (unit * self.run, from * self.run);
                values[to..to + self.run].copy_from_slice(&row[from..from + self.run]);
            }
        }
    }
}
