//! The path of training over a plane.

use std::ops::Range;

use burnscape_trace::Trajectory;

use super::frame::Frame;
use super::marks::{PATH, end_mark, start_mark};
use super::svg::{Anchor, Look, Svg};

/// The path of training: a filled start, a hollow end, in which of several runs the number of each stands.
pub(super) fn draw(path: &Trajectory, frame: &Frame<'_>, svg: &mut Svg) {
    let runs = path.runs();
    for (number, run) in runs.iter().enumerate() {
        draw_run(path, run, (runs.len() > 1).then_some(number + 1), frame, svg);
    }
}

fn draw_run(
    path: &Trajectory,
    run: &Range<usize>,
    number: Option<usize>,
    frame: &Frame<'_>,
    svg: &mut Svg,
) {
    let points = finite_points_of(path, run).map(|(x, y)| frame.at(x, y));
    let points: Vec<(f64, f64)> = points.collect();
    svg.polyline(&points, &Look::line("#ffffff", 2.2));
    svg.polyline(&points, &Look::line(PATH, 1.1));
    for &(x, y) in &points {
        svg.circle(x, y, 1.3, &Look::filled(PATH));
    }
    if let [first, .., last] = points[..] {
        start_mark(first, svg);
        end_mark(last, svg);
        if let Some(number) = number {
            svg.text(last.0 + 6.0, last.1 + 3.0, Anchor::Start, &number.to_string());
        }
    }
}

/// Those of all runs that have a place.
pub(super) fn finite_points(path: &Trajectory) -> impl Iterator<Item = (f64, f64)> {
    finite_points_of(path, &(0..path.x.len()))
}

/// Of some of its entries.
fn finite_points_of(
    path: &Trajectory,
    entries: &Range<usize>,
) -> impl Iterator<Item = (f64, f64)> + use<> {
    let points = path.x.iter().copied().zip(path.y.iter().copied());
    let points: Vec<_> = points.skip(entries.start).take(entries.len()).collect();
    points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite())
}
