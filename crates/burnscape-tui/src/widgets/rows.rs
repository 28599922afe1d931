//! Which entries stand in the rows of a table, as it was drawn last: for the mouse.

use std::cell::Cell;

use ratatui::layout::{Position, Rect};

/// The rows of a table, and the first entry that is seen.
#[derive(Debug, Default)]
pub struct Rows(Cell<(Rect, usize)>);

impl Rows {
    /// Forgets them: what is drawn now has none.
    pub fn clear(&self) {
        self.0.set((Rect::ZERO, 0));
    }

    /// Takes where a table was drawn, and from which entry on.
    pub fn set(&self, area: Rect, first: usize) {
        self.0.set((area, first));
    }

    /// The entry at a place of the screen, of so many; `None`: there is none.
    #[must_use]
    pub fn at(&self, (column, row): (u16, u16), entries: usize) -> Option<usize> {
        let (area, first) = self.0.get();
        let is_there = area.contains(Position::new(column, row));
        let entry = first + usize::from(row.saturating_sub(area.y));
        (is_there && entry < entries).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_where_they_were_drawn_last() {
        let rows = Rows::default();
        rows.set(Rect::new(2, 5, 30, 4), 7);
        assert_eq!((rows.at((2, 5), 20), rows.at((31, 8), 20)), (Some(7), Some(10)));
        assert_eq!(
            (rows.at((2, 4), 20), rows.at((32, 5), 20), rows.at((2, 9), 20)),
            (None, None, None)
        );
        assert_eq!(rows.at((2, 8), 10), None, "below the last one");
        rows.clear();
        assert_eq!(rows.at((2, 5), 20), None);
    }
}
