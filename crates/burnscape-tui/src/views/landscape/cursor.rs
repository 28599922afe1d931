//! The node of a surface that the reader looks at.

use crate::message::Towards;

/// A node of the grid, by column and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) column: usize,
    pub(super) row: usize,
}

impl Cursor {
    pub(super) fn moved(self, towards: Towards, nodes: usize) -> (usize, usize) {
        match towards {
            Towards::Up => (self.column, self.row + nodes),
            Towards::Down => (self.column, self.row.saturating_sub(nodes)),
            Towards::Left => (self.column.saturating_sub(nodes), self.row),
            Towards::Right => (self.column + nodes, self.row),
        }
    }
}
