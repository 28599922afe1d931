//! What lies on the floor below the surface: lines of equal value, and the shadow of the path of training.

use burnscape_landscape::isoline::isolines;
use burnscape_landscape::surface::Surface;
use burnscape_trace::Trajectory;

use super::camera::{Camera, Place};
use crate::palette::{LEVELS, MUTED, scale};
use crate::views::landscape::overlay::CONTOURS;
use crate::widgets::colours::{Colours, ValueAt};
use crate::widgets::depth_dots::DepthDots;

/// A line on the floor leaves out every other dot: what stands on it is drawn through.
const EVERY: usize = 2;

/// What is projected down.
pub(super) struct Floor<'a> {
    pub(super) camera: &'a Camera,
    pub(super) surface: &'a Surface,
    pub(super) colours: &'a Colours,
    pub(super) trajectory: Option<&'a Trajectory>,
}

impl Floor<'_> {
    /// Draws it where nothing of the surface stands before it.
    pub(super) fn draw(&self, canvas: &mut DepthDots) {
        for level in CONTOURS {
            let value = self.colours.value_at(level as f64 / LEVELS as f64);
            for line in isolines(self.surface, value) {
                let closing = line.points.first().filter(|_| line.closed);
                let ends = line.points.iter().zip(line.points.iter().skip(1).chain(closing));
                ends.for_each(|(from, to)| self.draw_line(*from, *to, scale(level), canvas));
            }
        }
        for (from, to) in self.trajectory.into_iter().flat_map(stretches) {
            self.draw_line(from, to, MUTED, canvas);
        }
    }

    fn draw_line(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        colour: ratatui::style::Color,
        canvas: &mut DepthDots,
    ) {
        let on_floor = |(alpha, beta)| self.camera.project(&Place { alpha, beta, height: 0.0 });
        let (from, to) = (on_floor(from), on_floor(to));
        if [from, to].iter().all(|point| point.x.is_finite() && point.y.is_finite()) {
            canvas.line_among_faces(from, to, EVERY, colour);
        }
    }
}

/// Between neighbouring snapshots of one run.
pub(super) fn stretches(path: &Trajectory) -> impl Iterator<Item = ((f64, f64), (f64, f64))> {
    let starts: Vec<usize> = path.runs().iter().map(|run| run.start).collect();
    let points = path.x.iter().copied().zip(path.y.iter().copied());
    let stretches = points.clone().zip(points.skip(1)).enumerate();
    let within = stretches.filter(move |(place, _)| !starts.contains(&(place + 1)));
    within.map(|(_, stretch)| stretch)
}

#[cfg(test)]
mod tests {
    use burnscape_landscape::grid::{Axis, Grid};
    use burnscape_landscape::surface::NodeValue;
    use burnscape_trace::record;
    use ratatui::layout::Rect;
    use ratatui::style::Color;

    use super::*;
    use crate::message::Towards;
    use crate::views::landscape::relief::pose::Pose;
    use crate::widgets::dots;
    use crate::widgets::scale::ScaleChoice;

    const AREA: Rect = Rect::new(0, 0, 60, 40);

    /// α² + β² on a grid of 21 × 21 nodes.
    fn bowl() -> Surface {
        let axis = Axis::new(-10, 21, 0.1).unwrap();
        let mut surface = Surface::new(Grid::plane(axis, axis));
        for node in 0..surface.grid().len() {
            let (alpha, beta) = surface.grid().coordinates(node);
            surface.set(node, NodeValue { mean: alpha * alpha + beta * beta, stderr: 0.0 });
        }
        surface
    }

    /// From above, with the first axis across: what is drawn of it, dot by dot, in coordinates of the plane.
    fn drawn(trajectory: Option<&Trajectory>) -> Vec<((f64, f64), Color)> {
        let surface = bowl();
        let from_above = (0..18).fold(Pose::default(), |it, _| it.turned(Towards::Up));
        let pose = (0..6).fold(from_above, |it, _| it.turned(Towards::Left));
        assert_eq!((pose.turn(), pose.tilt()), (0, 90));
        let camera = Camera::new(surface.grid(), &pose, None, AREA).unwrap();
        let colours = Colours::fit(surface.losses().iter().copied(), ScaleChoice::Linear).unwrap();
        let mut canvas = DepthDots::new(AREA);
        let floor = Floor { camera: &camera, surface: &surface, colours: &colours, trajectory };
        floor.draw(&mut canvas);
        let at = |alpha, beta| camera.project(&Place { alpha, beta, height: 0.0 });
        let (zero, across, up) = (at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0));
        let place = |x: usize, y: usize| {
            ((x as f64 - zero.x) / (across.x - zero.x), (y as f64 - zero.y) / (up.y - zero.y))
        };
        let all = (0..usize::from(AREA.height) * dots::DOWN)
            .flat_map(|y| (0..usize::from(AREA.width) * dots::ACROSS).map(move |x| (x, y)));
        all.filter_map(|(x, y)| Some((place(x, y), canvas.dots().at(x, y)?))).collect()
    }

    /// Levels 4, 8 and 12 of 16 from 0 to 2 are circles of radius √0.5, 1 and √1.5.
    #[test]
    fn lines_of_equal_value_are_those_of_the_map() {
        let radii = [0.5_f64.sqrt(), 1.0, 1.5_f64.sqrt()];
        let mut seen = [0; 3];
        for ((alpha, beta), colour) in drawn(None) {
            let radius = alpha.hypot(beta);
            let place = CONTOURS.iter().position(|level| scale(*level) == colour).unwrap();
            assert!((radius - radii[place]).abs() < 0.03, "({alpha}, {beta}) is {radius} away");
            seen[place] += 1;
        }
        assert!(seen.iter().all(|&dots| dots > 20), "{seen:?}");
    }

    #[test]
    fn the_path_throws_its_shadow_straight_down_and_runs_are_not_joined() {
        let trajectory = record!(Trajectory {
            snapshots: vec![0, 1, 0, 1].into(),
            starts: vec![0, 2].into(),
            x: vec![-0.9, 0.9, -0.9, 0.9].into(),
            y: vec![-0.8, -0.8, 0.8, 0.8].into(),
        });
        let shadow: Vec<_> =
            drawn(Some(&trajectory)).into_iter().filter(|(_, colour)| *colour == MUTED).collect();
        assert!(shadow.len() > 40, "{}", shadow.len());
        // A cell has one colour: dots of a contour in it look like those of the shadow.
        for ((alpha, beta), _) in shadow {
            assert!((beta.abs() - 0.8).abs() < 0.12 && alpha.abs() < 1.0, "({alpha}, {beta})");
        }
    }
}
