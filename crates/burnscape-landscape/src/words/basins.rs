//! Sentences on the basins of a surface.

use super::number;
use crate::surface::Extreme;
use crate::topology::{Basin, MergeTree};

/// How many minima a surface has, how deep their basins are, and what was not counted.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::grid::{Axis, Grid};
/// use burnscape_landscape::surface::{NodeValue, Surface};
/// use burnscape_landscape::topology::{Doubts, MergeTree};
/// use burnscape_landscape::words;
///
/// let grid = Grid::line(Axis::symmetric(1.5, 61)?);
/// let mut surface = Surface::new(grid);
/// for node in 0..grid.len() {
///     let (x, _) = grid.coordinates(node);
///     surface.set(node, NodeValue { mean: (x * x - 1.0).powi(2), stderr: 0.01 });
/// }
/// let tree = MergeTree::of(&surface, Doubts::default());
/// assert_eq!(
///     words::topology(&tree),
///     "The slice has 2 minima and 1 saddle; basins beside the lowest are 1.000 deep."
/// );
/// # Ok::<(), burnscape_landscape::Error>(())
/// ```
#[must_use]
pub fn topology(tree: &MergeTree) -> String {
    let count = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    };
    let minima = count(tree.minima(), "minimum", "minima");
    let saddles = count(tree.saddles(), "saddle", "saddles");
    let depths: Vec<String> =
        tree.counted().filter_map(|(_, basin)| basin.persistence).map(number).collect();
    let deep = match depths.is_empty() {
        true => String::new(),
        false => format!("; basins beside the lowest are {} deep", listed(&depths)),
    };
    let mut sentences = vec![format!("The slice has {minima} and {saddles}{deep}.")];
    if tree.noise() > 0 {
        let dips = count(tree.noise(), "dip is", "dips are");
        sentences.push(format!(
            "{dips} no deeper than twice the standard error of the difference: noise."
        ));
    }
    if tree.filled_in() > 0 {
        let dips = count(tree.filled_in(), "dip", "dips");
        sentences.push(format!("Not counted: {dips} of interpolated losses."));
    }
    let at_border = tree.counted().filter(|(_, basin)| basin.at_border).count();
    if at_border > 0 {
        let lie = count(at_border, "minimum lies", "minima lie");
        sentences.push(format!("{lie} on the border, where the loss may go on falling."));
    }
    sentences.join(" ")
}

/// A basin by its number: where its minimum lies, and where it runs into which other one.
#[must_use]
pub fn basin(number_of: usize, basin: &Basin, into: Option<usize>) -> String {
    let at = |it: &Extreme| {
        format!("{} at ({}, {})", number(it.loss), number(it.alpha), number(it.beta))
    };
    let minimum = at(&basin.minimum);
    match (basin.saddle, basin.persistence, into) {
        (Some(saddle), Some(depth), Some(into)) => format!(
            "{number_of}: minimum {minimum}, {} deep, over a saddle {} into {into}",
            number(depth),
            at(&saddle)
        ),
        _ => format!("{number_of}: minimum {minimum}"),
    }
}

/// The deepest first, of many only five.
fn listed(depths: &[String]) -> String {
    const MOST: usize = 5;
    let shown = depths[..depths.len().min(MOST)].join(", ");
    if depths.len() > MOST { format!("{shown}, …") } else { shown }
}
