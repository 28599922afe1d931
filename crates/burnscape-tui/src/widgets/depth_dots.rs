//! A canvas of dots that knows how far away what covers each of them is: hidden lines stay hidden.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::dots::{self, Dots};
use super::half_blocks;
use crate::palette::{level_of_share, lit, lit_level};

/// A point on the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DepthPoint {
    /// Dots from the left.
    pub x: f64,
    /// Dots from the top.
    pub y: f64,
    /// Distance from the reader, in any unit; more is farther away.
    pub depth: f64,
}

impl DepthPoint {
    /// The point at a share of the way to another one.
    #[must_use]
    pub fn towards(&self, other: &Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + share * (b - a);
        Self {
            x: mix(self.x, other.x),
            y: mix(self.y, other.y),
            depth: mix(self.depth, other.depth),
        }
    }

    /// Dots to another point along the longer side.
    fn steps_to(&self, other: &Self) -> usize {
        (other.x - self.x).abs().max((other.y - self.y).abs()).ceil().max(1.0) as usize
    }
}

/// Dots, and the depth of the nearest face at each of them.
///
/// Faces come front to back: lines are drawn where no face covers them yet, then their own face covers
/// what comes later. So the lines around a face are never hidden by the face itself, and no tolerance is
/// needed. What lies on finished faces asks [`is_visible`](Self::is_visible).
#[derive(Debug, Clone)]
pub struct DepthDots {
    dots: Dots,
    width: usize,
    height: usize,
    nearest: Vec<f64>,
    /// The colour of the nearest face, where it has one.
    faces: Vec<Color>,
}

/// What a face looks like: a value at each of its corners, from 0 to 1, and how much light falls on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    /// The values, as shares of the scale.
    pub values: [f64; 3],
    /// One of the lights of the palette.
    pub light: usize,
}

impl DepthDots {
    /// A canvas for an area, with nothing on it.
    #[must_use]
    pub fn new(area: Rect) -> Self {
        let dots = Dots::new(area);
        let (width, height) = (dots.width(), dots.height());
        let nearest = vec![f64::INFINITY; width * height];
        Self { dots, width, height, nearest, faces: vec![Color::Reset; width * height] }
    }

    /// What is drawn.
    #[must_use]
    pub fn dots(&self) -> &Dots {
        &self.dots
    }

    /// The colour at a dot: that of what is drawn there, else of the nearest face; `Reset`: nothing is there.
    #[must_use]
    pub fn colour_at(&self, x: usize, y: usize) -> Color {
        self.dots.at(x, y).unwrap_or_else(|| self.faces[y * self.width + x])
    }

    /// Draws a line where nothing covers it yet, in the colour of each share of it; a dotted one leaves
    /// out every other dot.
    pub fn line(
        &mut self,
        from: DepthPoint,
        to: DepthPoint,
        is_dotted: bool,
        colour: impl Fn(f64) -> Color,
    ) {
        let steps = from.steps_to(&to);
        for step in (0..=steps).step_by(if is_dotted { 2 } else { 1 }) {
            let share = step as f64 / steps as f64;
            let point = from.towards(&to, share);
            if let Some((x, y)) = self.place(&point).filter(|&at| self.depth_at(at).is_infinite()) {
                self.dots.set(x, y, colour(share));
            }
        }
    }

    /// Draws one of so many dots of a line, where the finished faces do not hide it; lines that are there keep their
    /// colours.
    pub fn line_among_faces(
        &mut self,
        from: DepthPoint,
        to: DepthPoint,
        every: usize,
        colour: Color,
    ) {
        for point in points_between(from, to).step_by(every.max(1)) {
            if let Some((x, y)) = self.place(&point).filter(|_| self.is_visible(&point)) {
                self.dots.set_behind(x, y, colour);
            }
        }
    }

    /// Lets a triangle cover what is farther away.
    pub fn cover(&mut self, corners: [DepthPoint; 3]) {
        self.cover_with(corners, |_, _| Color::Reset);
    }

    /// Lets a triangle cover what is farther away, in bands of colour whose edges are lines of equal value.
    pub fn fill(&mut self, corners: [DepthPoint; 3], fill: Fill) {
        let plane = Plane::through(&corners, fill.values);
        self.cover_with(corners, |x, y| lit(level_of_share(plane.at(x, y)), fill.light));
    }

    fn cover_with(&mut self, corners: [DepthPoint; 3], colour: impl Fn(f64, f64) -> Color) {
        let ys = corners.map(|corner| corner.y);
        let (top, bottom) = (least(ys), -least(ys.map(|y| -y)));
        for y in dots_between(top, bottom, self.height) {
            self.cover_row(y, &corners, &colour);
        }
    }

    fn cover_row(
        &mut self,
        y: usize,
        corners: &[DepthPoint; 3],
        colour: impl Fn(f64, f64) -> Color,
    ) {
        let Some((left, right)) = row_ends(y as f64, corners) else {
            return;
        };
        for x in dots_between(left.x, right.x, self.width) {
            let share = (x as f64 - left.x) / (right.x - left.x).max(f64::MIN_POSITIVE);
            let depth = left.towards(&right, share.clamp(0.0, 1.0)).depth;
            let place = y * self.width + x;
            if depth < self.nearest[place] {
                self.nearest[place] = depth;
                self.faces[place] = colour(x as f64, y as f64);
            }
        }
    }

    /// Draws the faces, two colours to a cell, one above the other; coarse, one colour to a cell, of half as many.
    pub fn draw_faces(&self, area: Rect, is_coarse: bool, buffer: &mut Buffer) {
        for row in 0..area.height {
            for column in 0..area.width {
                let faces = [0, 1].map(|half| self.face_at(column, 2 * row + half));
                let [upper, lower] = match (is_coarse, faces) {
                    (true, [Some(upper), Some(_)]) => [Some(coarser(upper)); 2],
                    (true, faces) => faces.map(|face| face.map(coarser)),
                    (false, faces) => faces,
                };
                if let Some(cell) = buffer.cell_mut((area.x + column, area.y + row)) {
                    half_blocks::split(cell, upper, lower);
                }
            }
        }
    }

    /// The colour of a half cell: that of the dot in it that is seen by most of its neighbours.
    fn face_at(&self, column: u16, half: u16) -> Option<Color> {
        let (x, y) = (usize::from(column) * dots::ACROSS, usize::from(half) * dots::DOWN / 2);
        let places = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
        let colours = places.map(|(x, y)| self.faces[y * self.width + x]);
        let covered = colours.iter().filter(|colour| **colour != Color::Reset).count();
        let most =
            colours.iter().max_by_key(|colour| colours.iter().filter(|it| it == colour).count());
        // Half of a half cell is the edge of the surface.
        most.copied()
            .filter(|colour| covered >= 2 && *colour != Color::Reset)
            .or_else(|| colours.into_iter().find(|colour| covered >= 3 && *colour != Color::Reset))
    }

    /// Whether no face hides a point, up to one dot: a point on a face lies between what is seen in the dots
    /// around it, or beyond it by no more than those differ, at the bottom of a bowl.
    #[must_use]
    pub fn is_visible(&self, point: &DepthPoint) -> bool {
        let Some(place) = self.place(point) else {
            return false;
        };
        let (nearest, farthest) = self.depths_around(place);
        farthest.is_infinite() || point.depth <= farthest + (farthest - nearest) + 1e-9
    }

    fn depths_around(&self, (x, y): (usize, usize)) -> (f64, f64) {
        let around = |at: usize, size: usize| at.saturating_sub(1)..(at + 2).min(size);
        let places =
            around(y, self.height).flat_map(|y| around(x, self.width).map(move |x| (x, y)));
        let wider =
            |(nearest, farthest): (f64, f64), depth: f64| (nearest.min(depth), farthest.max(depth));
        let depths = places.map(|at| self.depth_at(at));
        depths.fold((f64::INFINITY, f64::NEG_INFINITY), wider)
    }

    /// The dot of a point; `None` outside.
    #[must_use]
    pub fn place(&self, point: &DepthPoint) -> Option<(usize, usize)> {
        let inside = |at: f64, size: usize| at >= 0.0 && at < size as f64;
        let (x, y) = (point.x.round(), point.y.round());
        (inside(x, self.width) && inside(y, self.height)).then_some((x as usize, y as usize))
    }

    fn depth_at(&self, (x, y): (usize, usize)) -> f64 {
        self.nearest[y * self.width + x]
    }
}

/// The points of a line, a dot apart.
pub fn points_between(from: DepthPoint, to: DepthPoint) -> impl Iterator<Item = DepthPoint> {
    let steps = from.steps_to(&to);
    (0..=steps).map(move |step| from.towards(&to, step as f64 / steps as f64))
}

/// One of every two bands, in one of every two lights.
fn coarser(colour: Color) -> Color {
    lit_level(colour).map_or(colour, |(level, light)| lit(level | 1, light & !1))
}

/// A value over the canvas: a + b x + c y.
#[derive(Debug, Clone, Copy)]
struct Plane {
    a: f64,
    b: f64,
    c: f64,
}

impl Plane {
    /// The plane with these values at three corners; where they lie on a line, their mean everywhere.
    fn through(corners: &[DepthPoint; 3], values: [f64; 3]) -> Self {
        let [p, q, r] = corners;
        let (ux, uy, vx, vy) = (q.x - p.x, q.y - p.y, r.x - p.x, r.y - p.y);
        let (du, dv) = (values[1] - values[0], values[2] - values[0]);
        let area = ux * vy - uy * vx;
        if area.abs() < 1e-9 {
            return Self { a: values.iter().sum::<f64>() / 3.0, b: 0.0, c: 0.0 };
        }
        let (b, c) = ((du * vy - dv * uy) / area, (dv * ux - du * vx) / area);
        Self { a: values[0] - b * p.x - c * p.y, b, c }
    }

    fn at(&self, x: f64, y: f64) -> f64 {
        self.a + self.b * x + self.c * y
    }
}

fn least(values: [f64; 3]) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// Dots that a stretch touches, half a dot beyond its ends: neighbouring faces leave no gap.
fn dots_between(low: f64, high: f64, size: usize) -> std::ops::Range<usize> {
    let first = (low - 0.5).ceil().max(0.0);
    let last = (high + 0.5).floor().min(size as f64 - 1.0);
    if first <= last { first as usize..last as usize + 1 } else { 0..0 }
}

/// Where a triangle begins and ends in a row of dots; a row just beyond it has the nearest corner.
fn row_ends(y: f64, corners: &[DepthPoint; 3]) -> Option<(DepthPoint, DepthPoint)> {
    let crossings = (0..3).filter_map(|i| crossing(y, &corners[i], &corners[(i + 1) % 3]));
    let mut crossings: Vec<DepthPoint> = crossings.collect();
    if crossings.is_empty() {
        crossings.extend(corners.iter().filter(|corner| (corner.y - y).abs() <= 0.5));
    }
    let by_x = |a: &&DepthPoint, b: &&DepthPoint| a.x.total_cmp(&b.x);
    Some((*crossings.iter().min_by(by_x)?, *crossings.iter().max_by(by_x)?))
}

fn crossing(y: f64, from: &DepthPoint, to: &DepthPoint) -> Option<DepthPoint> {
    let (above, below) = (from.y.min(to.y), from.y.max(to.y));
    let is_crossed = above <= y && y <= below && below > above;
    is_crossed.then(|| from.towards(to, (y - from.y) / (to.y - from.y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, y: f64, depth: f64) -> DepthPoint {
        DepthPoint { x, y, depth }
    }

    /// A canvas of 20 × 20 dots with a square from 4 to 12 at depth 5.
    fn covered() -> DepthDots {
        let mut canvas = DepthDots::new(Rect::new(0, 0, 10, 5));
        let corners = [(4.0, 4.0), (12.0, 4.0), (12.0, 12.0), (4.0, 12.0)];
        let [a, b, c, d] = corners.map(|(x, y)| point(x, y, 5.0));
        canvas.cover([a, b, c]);
        canvas.cover([a, c, d]);
        canvas
    }

    #[test]
    fn two_triangles_cover_their_square_without_a_gap() {
        let canvas = covered();
        for y in 0..20 {
            for x in 0..20 {
                let is_inside = (4..=12).contains(&x) && (4..=12).contains(&y);
                assert_eq!(canvas.depth_at((x, y)).is_finite(), is_inside, "({x}, {y})");
            }
        }
    }

    #[test]
    fn a_point_behind_a_face_is_hidden_and_one_before_or_beside_it_is_not() {
        let canvas = covered();
        assert!(!canvas.is_visible(&point(8.0, 8.0, 6.0)));
        assert!(canvas.is_visible(&point(8.0, 8.0, 5.0)), "on the face");
        assert!(canvas.is_visible(&point(8.0, 8.0, 4.0)));
        assert!(canvas.is_visible(&point(16.0, 8.0, 6.0)));
        assert!(!canvas.is_visible(&point(25.0, 8.0, 1.0)), "outside the canvas");
        assert!(!canvas.is_visible(&point(f64::NAN, 8.0, 1.0)));
    }

    #[test]
    fn a_face_is_filled_in_bands_between_its_corners_and_the_nearer_one_is_seen() {
        let mut canvas = DepthDots::new(Rect::new(0, 0, 10, 5));
        let corners =
            |depth| [point(0.0, 0.0, depth), point(19.0, 0.0, depth), point(0.0, 19.0, depth)];
        canvas.fill(corners(5.0), Fill { values: [0.0, 1.0, 0.0], light: 2 });
        canvas.fill(corners(9.0), Fill { values: [0.5; 3], light: 0 });
        let area = Rect::new(0, 0, 10, 5);
        let mut buffer = Buffer::empty(area);
        canvas.draw_faces(area, false, &mut buffer);
        // The value grows by 1 over 19 dots: at dots 8 and 9 it is 8/19 and 9/19, levels 6 and 7 of 16.
        let seen = [buffer[(4, 0)].bg, buffer[(4, 0)].fg];
        assert!(seen.iter().any(|it| [lit(6, 2), lit(7, 2)].contains(it)), "{seen:?}");
        assert_eq!(buffer[(9, 4)].symbol(), " ");
        assert_eq!(buffer[(9, 4)].bg, Color::Reset);
    }

    #[test]
    fn a_later_line_is_drawn_only_where_no_earlier_face_is() {
        let mut canvas = covered();
        canvas.line(point(0.0, 8.0, 9.0), point(19.0, 8.0, 9.0), false, |_| Color::Reset);
        let cells: Vec<u16> = canvas.dots().cells().map(|cell| cell.0).collect();
        assert_eq!(cells, [0, 1, 6, 7, 8, 9]);
    }

    #[test]
    fn a_slanted_face_hides_what_is_behind_its_near_part_only() {
        let mut canvas = DepthDots::new(Rect::new(0, 0, 10, 5));
        canvas.cover([point(0.0, 0.0, 0.0), point(19.0, 0.0, 10.0), point(0.0, 19.0, 0.0)]);
        assert!(!canvas.is_visible(&point(2.0, 2.0, 5.0)));
        assert!(canvas.is_visible(&point(14.0, 2.0, 5.0)));
    }

    #[test]
    fn a_dotted_line_leaves_out_every_other_dot() {
        let mut canvas = DepthDots::new(Rect::new(0, 0, 2, 1));
        canvas.line(point(0.0, 0.0, 1.0), point(3.0, 0.0, 1.0), true, |_| Color::Reset);
        let glyphs: String = canvas.dots().cells().map(|cell| cell.2).collect();
        assert_eq!(glyphs, "⠁⠁");
    }
}
