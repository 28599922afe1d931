//! From a place above the plane to a dot on the screen: turned about the vertical, tilted, without
//! perspective, so that equal heights look equal wherever they stand.

use burnscape_landscape::grid::Grid;
use ratatui::layout::Rect;

use super::pose::Pose;
use crate::widgets::depth_dots::DepthPoint;
use crate::widgets::dots;

/// A plane that is longer than so many times its breadth is drawn as if it were not.
const MOST_OBLONG: f64 = 3.0;
/// Dots that stay free around the picture.
const MARGIN: f64 = 1.0;
/// A window that is wider than the plane stretches what goes across, so many times at most.
const MOST_WIDER: f64 = 1.7;

/// A place: coordinates in the plane, and the height as a share of the range of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) height: f64,
}

/// How places are seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Camera {
    /// Middle and half length of both axes.
    middle: (f64, f64),
    half: (f64, f64),
    /// Half lengths of the plane as drawn; the longer one is 1.
    pub(super) base: (f64, f64),
    height: f64,
    turn: (f64, f64),
    tilt: (f64, f64),
    dots_per_unit: f64,
    /// How much wider than high a unit is drawn.
    wider: f64,
    /// The dot of the middle.
    origin: (f64, f64),
}

impl Camera {
    /// A camera that sees the whole plane, or, zoomed, what is around a place. The size of the picture does
    /// not change when it is turned. `None` for a line.
    pub(super) fn new(grid: &Grid, pose: &Pose, around: Option<Place>, area: Rect) -> Option<Self> {
        let y = grid.y()?;
        let ends = [grid.x(), y].map(|axis| (axis.min(), axis.max(), axis.spacing()));
        let [half_x, half_y] =
            ends.map(|(low, high, spacing)| ((high - low) / 2.0).max(spacing / 2.0));
        let [middle_x, middle_y] = ends.map(|(low, high, _)| low.midpoint(high));
        let longer = half_x.max(half_y);
        let base = [half_x, half_y].map(|half| (half / longer).max(1.0 / MOST_OBLONG));
        let radians = |degrees: i32| f64::from(degrees).to_radians().sin_cos();
        let mut camera = Self {
            middle: (middle_x, middle_y),
            half: (half_x, half_y),
            base: base.into(),
            height: pose.height(),
            turn: radians(pose.turn()),
            tilt: radians(pose.tilt()),
            dots_per_unit: 1.0,
            wider: 1.0,
            origin: centre_of(area),
        };
        let (unit, wider) = camera.fitting(area);
        (camera.dots_per_unit, camera.wider) = (pose.zoom() * unit, wider);
        if let Some(around) = around.filter(|_| pose.zoom() > 1.0) {
            camera.look_at(&around);
        }
        let (columns, rows) = pose.pan();
        camera.origin.0 += f64::from(columns) * dots::ACROSS as f64;
        camera.origin.1 += f64::from(rows) * dots::DOWN as f64;
        Some(camera)
    }

    /// Where a place is on the screen, in dots.
    pub(super) fn project(&self, place: &Place) -> DepthPoint {
        let w = self.in_box(place).2;
        let (sin_tilt, cos_tilt) = self.tilt;
        let [across, away, _] = self.before_the_reader(place);
        DepthPoint {
            x: self.origin.0 + self.dots_per_unit * self.wider * across,
            y: self.origin.1 - self.dots_per_unit * (w * cos_tilt + away * sin_tilt),
            depth: away * cos_tilt - w * sin_tilt,
        }
    }

    /// Across, away and up, before the reader: turned about the vertical, not tilted.
    pub(super) fn before_the_reader(&self, place: &Place) -> [f64; 3] {
        let (u, v, w) = self.in_box(place);
        let (sin, cos) = self.turn;
        [u * cos - v * sin, u * sin + v * cos, w]
    }

    /// Whether the first and the second coordinate grow away from the reader.
    pub(super) fn grows_away(&self) -> (bool, bool) {
        (self.turn.0 >= 0.0, self.turn.1 >= 0.0)
    }

    /// Dots from one end of each axis to the other, seen from above.
    pub(super) fn dots_along(&self) -> (f64, f64) {
        let unit = 2.0 * self.dots_per_unit;
        (self.base.0 * unit, self.base.1 * unit)
    }

    /// Dots from the lowest to the highest value.
    pub(super) fn dots_up(&self) -> f64 {
        self.height * self.tilt.1 * self.dots_per_unit
    }

    /// In units of half the longer side: along both axes and up, from the middle of the box.
    fn in_box(&self, place: &Place) -> (f64, f64, f64) {
        let u = (place.alpha - self.middle.0) / self.half.0 * self.base.0;
        let v = (place.beta - self.middle.1) / self.half.1 * self.base.1;
        (u, v, (place.height - 0.5) * self.height)
    }

    /// Dots of a unit so that all of it is in sight however it is turned, and how much wider a unit may be drawn.
    fn fitting(&self, area: Rect) -> (f64, f64) {
        let (width, height) = size_in_dots(area);
        let diagonal = self.base.0.hypot(self.base.1);
        let up = diagonal * self.tilt.0 + self.height / 2.0 * self.tilt.1;
        let room = |size: f64| ((size - 1.0) / 2.0 - MARGIN).max(0.5);
        let (across, upwards) = (room(width) / diagonal, room(height) / up);
        (across.min(upwards), (across / upwards).clamp(1.0, MOST_WIDER))
    }

    fn look_at(&mut self, place: &Place) {
        let (seen, centre) = (self.project(place), self.origin);
        self.origin = (2.0 * centre.0 - seen.x, 2.0 * centre.1 - seen.y);
    }
}

fn size_in_dots(area: Rect) -> (f64, f64) {
    (f64::from(area.width) * dots::ACROSS as f64, f64::from(area.height) * dots::DOWN as f64)
}

fn centre_of(area: Rect) -> (f64, f64) {
    let (width, height) = size_in_dots(area);
    ((width - 1.0) / 2.0, (height - 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use burnscape_landscape::grid::Axis;

    use super::*;
    use crate::message::Towards;

    /// 101 × 101 dots, less the last: the middle is at (50.5, 49.5).
    const AREA: Rect = Rect::new(0, 0, 51, 25);

    fn camera(turn: i32, tilt: i32) -> Camera {
        let axis = Axis::new(-2, 5, 0.5).unwrap();
        let start = Pose::default();
        let turned = (0..(turn - start.turn()).rem_euclid(360) / 5)
            .fold(start, |it, _| it.turned(Towards::Right));
        let tilted = (0..18).fold(turned, |it, _| it.turned(Towards::Down));
        let pose = (0..tilt / 5).fold(tilted, |it, _| it.turned(Towards::Up));
        assert_eq!((pose.turn(), pose.tilt()), (turn, tilt));
        Camera::new(&Grid::plane(axis, axis), &pose, None, AREA).unwrap()
    }

    fn assert_at(camera: &Camera, (alpha, beta, height): (f64, f64, f64), expected: (f64, f64)) {
        let point = camera.project(&Place { alpha, beta, height });
        let distance = (point.x - expected.0).hypot(point.y - expected.1);
        assert!(distance < 1e-9, "({alpha}, {beta}, {height}) is at {point:?}, not {expected:?}");
    }

    #[test]
    fn seen_from_above_the_plane_is_a_map() {
        // The plane is 2 × 2 units, its half diagonal √2; 48.5 dots up from the middle are left.
        let (unit, wider) = (48.5 / 2_f64.sqrt(), 49.5 / 48.5);
        let camera = camera(0, 90);
        for (alpha, beta) in [(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)] {
            for height in [0.0, 1.0] {
                let expected = (50.5 + wider * unit * alpha, 49.5 - unit * beta);
                assert_at(&camera, (alpha, beta, height), expected);
            }
        }
    }

    #[test]
    fn seen_along_the_plane_heights_are_all_there_is() {
        // Half the height of the box is 0.5 units; the width decides: 49.5 dots for √2.
        let unit = 49.5 / 2_f64.sqrt();
        let camera = camera(0, 0);
        assert_at(&camera, (1.0, -1.0, 0.0), (50.5 + unit, 49.5 + unit / 2.0));
        assert_at(&camera, (1.0, 1.0, 1.0), (50.5 + unit, 49.5 - unit / 2.0));
    }

    #[test]
    fn turned_by_a_quarter_the_first_axis_points_away() {
        // (1, 0) is 1 unit away, and (0, 1) 1 unit to the left; sin 30° = ½, cos 30° = √3/2.
        let up = 2_f64.sqrt() / 2.0 + 0.5 * 3_f64.sqrt() / 2.0;
        let unit = (49.5 / 2_f64.sqrt()).min(48.5 / up);
        // Upwards there is more room than across: nothing is stretched.
        assert!(48.5 / up > 49.5 / 2_f64.sqrt());
        let camera = camera(90, 30);
        assert_at(&camera, (1.0, 0.0, 0.5), (50.5, 49.5 - unit / 2.0));
        assert_at(&camera, (0.0, 1.0, 0.5), (50.5 - unit, 49.5));
        assert_at(&camera, (0.0, 0.0, 1.0), (50.5, 49.5 - unit * 0.5 * 3_f64.sqrt() / 2.0));
        let depth = |alpha, beta| camera.project(&Place { alpha, beta, height: 0.5 }).depth;
        assert!(depth(1.0, 0.0) > depth(-1.0, 0.0));
        assert_eq!(camera.grows_away(), (true, true));
    }

    #[test]
    fn a_wide_window_is_filled_to_the_sides() {
        let axis = Axis::new(-2, 5, 0.5).unwrap();
        let wide = Rect::new(0, 0, 70, 25);
        let camera = Camera::new(&Grid::plane(axis, axis), &Pose::default(), None, wide).unwrap();
        let corner = |alpha, beta| camera.project(&Place { alpha, beta, height: 0.5 }).x;
        let ends = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(a, b)| corner(a, b));
        let (left, right) = (
            ends.iter().copied().fold(f64::MAX, f64::min),
            ends.iter().copied().fold(0.0, f64::max),
        );
        // 140 dots across; turned by 30° the plane is 2 (cos 30° + sin 30°) of its longest 2 √2 wide.
        let share = (3_f64.sqrt() + 1.0) / 2.0 / 2_f64.sqrt();
        assert!(((right - left) / 137.0 - share).abs() < 0.02, "{left} {right}");
    }

    #[test]
    fn zoomed_the_place_looked_at_is_in_the_middle() {
        let axis = Axis::new(-2, 5, 0.5).unwrap();
        let place = Place { alpha: 1.0, beta: -0.5, height: 0.25 };
        let pose = Pose::default().closer();
        let camera = Camera::new(&Grid::plane(axis, axis), &pose, Some(place), AREA).unwrap();
        assert_at(&camera, (1.0, -0.5, 0.25), (50.5, 49.5));
    }
}
