//! What the surface does not show as a height: nodes that are not finite, or of which nothing is known.

use burnscape_landscape::grid::Grid;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::camera::{Camera, Place};
use super::mesh::Mesh;
use super::path::mark;
use crate::palette::{BAD, MUTED};
use crate::views::landscape::picture::Picture;
use crate::widgets::depth_dots::{DepthDots, DepthPoint};
use crate::widgets::dots::Dots;
use crate::widgets::half_blocks::{INFINITY_MARK, NAN_MARK};

/// The holes of a surface.
pub(super) struct Holes<'a> {
    pub(super) picture: &'a Picture<'a>,
    pub(super) mesh: &'a Mesh<'a>,
    pub(super) camera: &'a Camera,
}

impl Holes<'_> {
    /// Dots on the floor where nothing is measured, and single nodes that the mesh does not reach yet.
    pub(super) fn draw_unmeasured(&self, canvas: &DepthDots, area: Rect, buffer: &mut Buffer) {
        let surface = self.picture.surface();
        let mut dots = Dots::new(area);
        for node in (0..surface.grid().len()).filter(|&node| surface.loss(node).is_none()) {
            let floor = self.camera.project(&self.place(node, 0.0));
            if let Some((x, y)) = canvas.place(&floor).filter(|_| canvas.is_visible(&floor)) {
                dots.set(x, y, MUTED);
            }
        }
        // What is drawn there already tells more.
        let free: Vec<_> = dots.cells().collect();
        for (column, row, glyph, colour) in free {
            let at = (area.x + column, area.y + row);
            if let Some(cell) = buffer.cell_mut(at).filter(|cell| cell.symbol() == " ") {
                cell.set_char(glyph).set_fg(colour);
            }
        }
    }

    /// Marks at the height of what is around: × for NaN, ∞ for infinities.
    pub(super) fn mark_non_finite(&self, canvas: &DepthDots, area: Rect, buffer: &mut Buffer) {
        let style = Style::new().fg(BAD).add_modifier(Modifier::BOLD);
        let surface = self.picture.surface();
        for node in 0..surface.grid().len() {
            if let Some(value) = surface.loss(node).filter(|value| !value.is_finite()) {
                let symbol = if value.is_nan() { NAN_MARK } else { INFINITY_MARK };
                let point = self.among_neighbours(node);
                if canvas.is_visible(&point) {
                    mark(canvas, &point, symbol, style, area, buffer);
                }
            }
        }
    }

    fn among_neighbours(&self, node: usize) -> DepthPoint {
        let around = neighbours(self.picture.surface().grid(), node);
        let heights: Vec<f64> = around.filter_map(|node| self.mesh.height_at(node)).collect();
        let mean = heights.iter().sum::<f64>() / heights.len().max(1) as f64;
        self.camera.project(&self.place(node, mean))
    }

    /// A node at some height.
    pub(super) fn place(&self, node: usize, height: f64) -> Place {
        let (alpha, beta) = self.picture.surface().grid().coordinates(node);
        Place { alpha, beta, height }
    }
}

/// The up to eight nodes around a node.
fn neighbours(grid: &Grid, node: usize) -> impl Iterator<Item = usize> {
    let (column, row) = grid.column_row(node);
    let around = |at: usize, count: usize| at.saturating_sub(1)..(at + 2).min(count);
    let columns = around(column, grid.columns());
    let nodes =
        around(row, grid.rows()).flat_map(move |row| columns.clone().map(move |it| (it, row)));
    nodes.map(|(column, row)| grid.node(column, row)).filter(move |&other| other != node)
}
