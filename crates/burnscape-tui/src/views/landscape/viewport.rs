//! Which part of a plane is on the screen: coordinates to cells and dots, and back to nodes.

use burnscape_landscape::grid::{Axis, Grid};
use ratatui::layout::{Position, Rect};

use crate::widgets::dots;

/// How often the map was zoomed into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Zoom(u8);

impl Zoom {
    /// Deeper than this a cell is far smaller than the distance of two nodes.
    const MOST: u8 = 5;

    pub(super) fn closer(self) -> Self {
        Self((self.0 + 1).min(Self::MOST))
    }

    pub(super) fn farther(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    fn share(self) -> f64 {
        0.5_f64.powi(i32::from(self.0))
    }
}

/// One axis on the screen: from coordinate to share and back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) low: f64,
    pub(super) high: f64,
    axis: Axis,
}

impl Span {
    /// The whole axis, with half a spacing beyond the outer nodes so that each has equal room;
    /// zoomed around a coordinate, but never beyond the ends.
    pub(super) fn new(axis: &Axis, zoom: Zoom, around: f64) -> Self {
        let margin = axis.spacing() / 2.0;
        let (low, high) = (axis.min() - margin, axis.max() + margin);
        let width = (high - low) * zoom.share();
        let low = (around - width / 2.0).clamp(low, (high - width).max(low));
        Self { low, high: low + width, axis: *axis }
    }

    pub(super) fn share(&self, coordinate: f64) -> f64 {
        (coordinate - self.low) / (self.high - self.low)
    }

    fn coordinate(&self, share: f64) -> f64 {
        self.low + share * (self.high - self.low)
    }

    /// Nodes whose room overlaps the part of the screen between two shares; the nearest one where
    /// the screen is finer than the grid.
    pub(super) fn nodes_between(&self, from: f64, to: f64) -> std::ops::RangeInclusive<usize> {
        let nearest = self.node_at(self.coordinate((from + to) / 2.0));
        let first = self.node_at(self.coordinate(from) + self.axis.spacing() / 2.0);
        let last = self.node_at(self.coordinate(to) - self.axis.spacing() / 2.0);
        first.min(nearest)..=last.max(nearest)
    }

    /// The nodes on both sides of a share of the screen, and the share of the way from the first to the second.
    pub(super) fn nodes_around(&self, share: f64) -> (usize, usize, f64) {
        let last = self.axis.count() - 1;
        let at = self.coordinate(share) / self.axis.spacing() - self.axis.first() as f64;
        let at = at.clamp(0.0, last as f64);
        let before = (at.floor() as usize).min(last);
        (before, (before + 1).min(last), at - before as f64)
    }

    /// Where a node lies on the screen.
    pub(super) fn share_of_node(&self, node: usize) -> f64 {
        self.share((self.axis.first() + node as i64) as f64 * self.axis.spacing())
    }

    /// The nodes in sight.
    pub(super) fn nodes_in_sight(&self) -> std::ops::RangeInclusive<usize> {
        self.node_at(self.low)..=self.node_at(self.high)
    }

    fn node_at(&self, coordinate: f64) -> usize {
        let index = (coordinate / self.axis.spacing()).round() - self.axis.first() as f64;
        (index.max(0.0) as usize).min(self.axis.count() - 1)
    }
}

/// A plane on an area of the screen; the second axis points up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Viewport {
    pub(super) x: Span,
    pub(super) y: Span,
    pub(super) area: Rect,
}

impl Viewport {
    /// The plane of a grid, zoomed around a point; `None` for a line.
    pub(super) fn new(grid: &Grid, zoom: Zoom, around: (f64, f64), area: Rect) -> Option<Self> {
        let x = Span::new(grid.x(), zoom, around.0);
        let y = Span::new(grid.y()?, zoom, around.1);
        Some(Self { x, y, area })
    }

    /// A point in braille dots from the upper left.
    pub(super) fn dot(&self, (alpha, beta): (f64, f64)) -> (f64, f64) {
        let across = f64::from(self.area.width) * dots::ACROSS as f64;
        let down = f64::from(self.area.height) * dots::DOWN as f64;
        (self.x.share(alpha) * across - 0.5, (1.0 - self.y.share(beta)) * down - 0.5)
    }

    /// The cell of a point; `None` outside.
    pub(super) fn cell(&self, (alpha, beta): (f64, f64)) -> Option<(u16, u16)> {
        let column = (self.x.share(alpha) * f64::from(self.area.width)).floor();
        let row = ((1.0 - self.y.share(beta)) * f64::from(self.area.height)).floor();
        let inside = |at: f64, size: u16| at >= 0.0 && at < f64::from(size);
        (inside(column, self.area.width) && inside(row, self.area.height))
            .then(|| (self.area.x + column as u16, self.area.y + row as u16))
    }

    /// The place of the middle of a half cell, as shares of both axes.
    pub(super) fn middle_of(&self, column: u16, half: u16) -> (f64, f64) {
        let (width, halves) = (f64::from(self.area.width), 2.0 * f64::from(self.area.height));
        ((f64::from(column) + 0.5) / width, 1.0 - (f64::from(half) + 0.5) / halves)
    }

    /// Column and row of the node at a place of the screen; `None` outside.
    pub(super) fn node_at(&self, (column, row): (u16, u16)) -> Option<(usize, usize)> {
        let is_inside = self.area.contains(Position::new(column, row));
        let (columns, rows) =
            is_inside.then(|| self.nodes(column - self.area.x, 2 * (row - self.area.y)))?;
        Some(middle_node(&columns, &rows))
    }

    /// Columns and rows of the nodes behind a half cell.
    pub(super) fn nodes(
        &self,
        column: u16,
        half: u16,
    ) -> (std::ops::RangeInclusive<usize>, std::ops::RangeInclusive<usize>) {
        let (width, halves) = (f64::from(self.area.width), 2.0 * f64::from(self.area.height));
        let (left, top) = (f64::from(column), f64::from(half));
        let columns = self.x.nodes_between(left / width, (left + 1.0) / width);
        let rows = self.y.nodes_between(1.0 - (top + 1.0) / halves, 1.0 - top / halves);
        (columns, rows)
    }
}

/// The node in the middle of some columns and rows.
pub(super) fn middle_node(
    columns: &std::ops::RangeInclusive<usize>,
    rows: &std::ops::RangeInclusive<usize>,
) -> (usize, usize) {
    let middle = |of: &std::ops::RangeInclusive<usize>| usize::midpoint(*of.start(), *of.end());
    (middle(columns), middle(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewport(zoom: Zoom) -> Viewport {
        let axis = |count| Axis::new(-2, count, 0.5).unwrap();
        let grid = Grid::plane(axis(5), axis(5));
        Viewport::new(&grid, zoom, (0.0, 0.0), Rect::new(10, 5, 50, 25)).unwrap()
    }

    #[test]
    fn the_centre_is_in_the_middle_and_beta_points_up() {
        let view = viewport(Zoom::default());
        assert_eq!(view.cell((0.0, 0.0)), Some((35, 17)));
        assert_eq!(view.cell((1.0, 1.0)), Some((55, 7)));
        assert_eq!(view.cell((9.0, 0.0)), None);
        assert_eq!(view.cell((f64::NAN, 0.0)), None);
    }

    #[test]
    fn every_node_has_equal_room() {
        let view = viewport(Zoom::default());
        let columns: Vec<usize> = (0..50).map(|column| *view.nodes(column, 0).0.start()).collect();
        for node in 0..5 {
            assert_eq!(columns.iter().filter(|&&at| at == node).count(), 10);
        }
        assert_eq!(view.nodes(0, 0).1, 4..=4);
    }

    #[test]
    fn between_nodes_are_both_and_the_share_of_the_way() {
        let axis = Axis::new(-2, 5, 0.5).unwrap();
        let span = Span::new(&axis, Zoom::default(), 0.0);
        // From -1.25 to 1.25: the middle is node 2, and 0.6 is 0.25.
        assert_eq!(span.nodes_around(0.5), (2, 3, 0.0));
        let (before, after, share) = span.nodes_around(0.6);
        assert!((before, after) == (2, 3) && (share - 0.5).abs() < 1e-9);
        assert_eq!(span.nodes_around(0.0), (0, 1, 0.0), "beyond the outer node it is that one");
        assert_eq!(span.nodes_around(1.0), (4, 4, 0.0));
    }

    #[test]
    fn zooming_halves_what_is_seen_and_stays_inside() {
        let axis = Axis::new(-2, 5, 0.5).unwrap();
        let span = Span::new(&axis, Zoom(1), 1.0);
        assert_eq!((span.low, span.high), (0.0, 1.25));
    }
}
