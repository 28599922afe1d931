//! The basins of a slice, in words.

use burnscape_landscape::topology::MergeTree;
use burnscape_landscape::words;
use ratatui::text::Line;

use super::lines::{heading, paragraph};
use crate::model::Landscape;

/// Basins that have a line of their own.
const MOST: usize = 9;

/// How many basins there are and what was not counted, then each by the number that it has on the map; nothing where there
/// is a single one, which the picture says by itself.
pub(super) fn lines(landscape: &Landscape, width: usize) -> Vec<Line<'static>> {
    let tells = |tree: &&MergeTree| tree.minima() + tree.noise() + tree.filled_in() > 1;
    let Some(tree) = landscape.basins().filter(tells) else { return Vec::new() };
    let mut lines = vec![Line::default()];
    lines.extend(heading("Basins", width));
    lines.extend(paragraph(&words::topology(tree), width));
    if tree.minima() > 1 {
        let each = tree.numbered().take(MOST);
        let each = each.map(|(number, basin, into)| words::basin(number, basin, into));
        lines.extend(each.flat_map(|sentence| paragraph(&sentence, width)));
    }
    lines
}
