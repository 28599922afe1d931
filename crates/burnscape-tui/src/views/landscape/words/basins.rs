//! The basins of a slice, in words.

use burnscape_landscape::words;
use ratatui::text::Line;

use super::{heading, paragraph};
use crate::model::Landscape;

/// Basins that have a line of their own.
const MOST: usize = 9;

/// How many basins there are and what was not counted, then each by the number that it has on the map.
pub(super) fn lines(landscape: &Landscape, width: usize) -> Vec<Line<'static>> {
    let Some(tree) = landscape.basins() else { return Vec::new() };
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
