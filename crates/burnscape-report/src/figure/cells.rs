//! Cells of colour that fill a rectangle: shapes while they are few, one picture where they are many.

use colorous::Color;
use resvg::tiny_skia::{IntSize, Pixmap};

use super::frame::Frame;
use super::svg::{Look, Svg};

/// A shape takes 70 bytes, and a cell of a picture at most 4.
const MOST_SHAPES: usize = 10_000;
/// How far a shape reaches below the next one, in points, so that no seam shows between them.
const OVERLAP: f64 = 0.3;

/// Rows of colours from the top left; `None` shows what is behind.
pub(super) struct Cells {
    columns: usize,
    colours: Vec<Option<Color>>,
}

impl Cells {
    pub(super) fn new(columns: usize, colours: Vec<Option<Color>>) -> Self {
        Self { columns, colours }
    }

    /// Whether so many are drawn as shapes, so that each can have a mark of its own.
    pub(super) fn are_shapes(count: usize) -> bool {
        count <= MOST_SHAPES
    }

    /// Fills a frame; it stands in no group.
    pub(super) fn draw(&self, frame: &Frame, svg: &mut Svg) {
        match Self::are_shapes(self.colours.len()) {
            true => self.shapes(frame, svg),
            false => self.picture(frame, svg),
        }
    }

    fn shapes(&self, frame: &Frame, svg: &mut Svg) {
        let rows = self.colours.len() / self.columns.max(1);
        let (wide, high) = (frame.width / self.columns as f64, frame.height / rows as f64);
        svg.begin_cells();
        for (cell, colour) in self.colours.iter().enumerate() {
            let Some(colour) = colour else { continue };
            let (column, row) = (cell % self.columns, cell / self.columns);
            let (left, top) = (frame.left + column as f64 * wide, frame.top + row as f64 * high);
            let right = if self.is_filled(column + 1, row) { OVERLAP } else { 0.0 };
            let below = if self.is_filled(column, row + 1) { OVERLAP } else { 0.0 };
            let look = format!("#{colour:x}");
            svg.rect(left, top, wide + right, high + below, &Look::filled(&look));
        }
        svg.end_group();
    }

    fn is_filled(&self, column: usize, row: usize) -> bool {
        let cell = row * self.columns + column;
        column < self.columns && self.colours.get(cell).is_some_and(Option::is_some)
    }

    fn picture(&self, frame: &Frame, svg: &mut Svg) {
        let rgba =
            |colour: &Option<Color>| colour.map_or([0; 4], |Color { r, g, b }| [r, g, b, u8::MAX]);
        let rows = self.colours.len() / self.columns.max(1);
        let size = IntSize::from_wh(self.columns as u32, rows as u32);
        let bytes = self.colours.iter().flat_map(rgba).collect();
        let picture = size.and_then(|size| Pixmap::from_vec(bytes, size));
        let (left, top) = (frame.left, frame.top);
        picture.into_iter().for_each(|it| svg.picture(left, top, frame.width, frame.height, it));
    }
}
