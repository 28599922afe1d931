//! Shapes painted as dots, for drawings of more shapes than a file should hold.

use colorous::Color;
use resvg::tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

/// A picture being painted, in points.
pub(super) struct Painter {
    dots: Pixmap,
    to_dots: Transform,
}

impl Painter {
    /// With `scale` dots per point.
    pub(super) fn new(dots: Pixmap, scale: f64) -> Self {
        let scale = scale as f32;
        Self { dots, to_dots: Transform::from_scale(scale, scale) }
    }

    /// Without smoothed edges, so that no seams show between cells.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], colour: Color) {
        let Some(path) = path(points, true) else { return };
        let paint = paint(colour, false);
        self.dots.fill_path(&path, &paint, FillRule::Winding, self.to_dots, None);
    }

    pub(super) fn line(&mut self, points: &[(f64, f64)], colour: Color, width: f64) {
        let Some(path) = path(points, false) else { return };
        let stroke = Stroke { width: width as f32, ..Stroke::default() };
        self.dots.stroke_path(&path, &paint(colour, true), &stroke, self.to_dots, None);
    }

    pub(super) fn into_dots(self) -> Pixmap {
        self.dots
    }
}

fn paint(Color { r, g, b }: Color, anti_alias: bool) -> Paint<'static> {
    let mut paint = Paint { anti_alias, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, u8::MAX);
    paint
}

fn path(points: &[(f64, f64)], is_closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let ((x, y), rest) = points.split_first()?;
    builder.move_to(*x as f32, *y as f32);
    rest.iter().for_each(|(x, y)| builder.line_to(*x as f32, *y as f32));
    if is_closed {
        builder.close();
    }
    builder.finish()
}
