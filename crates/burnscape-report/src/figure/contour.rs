//! Loss over a plane from above: a cell per node, isolines, and the path of training.

use std::ops::Range;

use burnscape_landscape::grid::Axis;
use burnscape_landscape::isoline::isolines;
use burnscape_landscape::surface::{NodeState, Spacing};
use burnscape_trace::Trajectory;

use super::FigureOptions;
use super::frame::{Frame, Legend, Words};
use super::scale::Scale;
use super::svg::{Anchor, Look, Svg};
use crate::slice::Slice;

/// A loss that is NaN or infinite: a colour that no scale has.
const NON_FINITE: &str = "#d6006c";
const UNMEASURED: &str = "#e6e6e6";
const ISOLINES: usize = 12;
const LEFT: f64 = 56.0;
const PATH: &str = "#d55e00";

/// `None` for a line.
pub(super) fn draw(slice: &Slice, options: &FigureOptions) -> Option<Svg> {
    let y = slice.surface.grid().y()?;
    let mut svg = options.canvas();
    let title = super::surface::title(slice);
    svg.title(&title);
    let frame = Frame::new(&svg, edges(slice.surface.grid().x()), edges(y), LEFT, true);
    let scale = Scale::of(slice.known_losses());
    svg.begin_clip(frame.left, frame.top, frame.width, frame.height);
    cells(slice, &frame, scale.as_ref(), &mut svg);
    lines(slice, &frame, scale.as_ref(), &mut svg);
    slice.trajectory.iter().for_each(|path| way(path, &frame, &mut svg));
    svg.end_group();
    let names = super::surface::axis_names(slice);
    frame.axes(&Words { title: &title, x: &names[0], y: &names[1] }, &mut svg);
    if let Some(scale) = &scale {
        frame.colour_bar(scale, colorous::VIRIDIS, "loss", &mut svg);
    }
    legend(slice, &frame, &mut svg);
    Some(svg)
}

/// From half a cell before the first node to half a cell behind the last.
pub(super) fn edges(axis: &Axis) -> Scale {
    let half = axis.spacing() / 2.0;
    Scale::linear(axis.min() - half, axis.max() + half)
}

fn cells(slice: &Slice, frame: &Frame, scale: Option<&Scale>, svg: &mut Svg) {
    let grid = slice.surface.grid();
    let (columns, rows) = (grid.columns() as f64, grid.rows() as f64);
    let (wide, high) = (frame.width / columns, frame.height / rows);
    svg.begin_cells();
    for node in 0..grid.len() {
        let (column, row) = grid.column_row(node);
        let left = frame.left + column as f64 * wide;
        let top = frame.bottom() - (row + 1) as f64 * high;
        let colour = colour_of(slice, node, scale);
        svg.rect(left, top, wide, high, &Look::filled(&colour));
    }
    svg.end_group();
    marks(slice, frame, svg);
}

fn colour_of(slice: &Slice, node: usize, scale: Option<&Scale>) -> String {
    match (slice.surface.loss(node), scale) {
        (None, _) => UNMEASURED.to_owned(),
        (Some(loss), Some(scale)) if loss.is_finite() => scale.colour(loss, colorous::VIRIDIS),
        (Some(_), _) => NON_FINITE.to_owned(),
    }
}

/// A dot in cells that were interpolated, a stroke through cells that were not measured.
fn marks(slice: &Slice, frame: &Frame, svg: &mut Svg) {
    let grid = slice.surface.grid();
    let wide = frame.width / grid.columns() as f64;
    let high = frame.height / grid.rows() as f64;
    for (node, state) in slice.surface.states().iter().enumerate() {
        let (x, y) = grid.coordinates(node);
        let (x, y) = frame.at(x, y);
        match state {
            NodeState::Measured => {}
            NodeState::Interpolated => {
                svg.circle(x, y, (wide.min(high) * 0.12).min(1.2), &Look::filled("#ffffff"));
            }
            NodeState::Unmeasured => {
                let (from, to) =
                    ((x - wide / 2.0, y + high / 2.0), (x + wide / 2.0, y - high / 2.0));
                svg.line(from, to, &Look::line("#9e9e9e", 0.3));
            }
        }
    }
}

fn lines(slice: &Slice, frame: &Frame, scale: Option<&Scale>, svg: &mut Svg) {
    let is_log = scale.is_some_and(|scale| scale.is_log);
    let spacing = if is_log { Spacing::Log } else { Spacing::Linear };
    for level in slice.surface.levels(ISOLINES, spacing) {
        for line in isolines(&slice.surface, level) {
            let first = line.points.first().filter(|_| line.closed);
            let points = line.points.iter().chain(first);
            let points: Vec<_> = points.map(|&(x, y)| frame.at(x, y)).collect();
            svg.polyline(&points, &Look::line("#ffffff", 0.45));
        }
    }
}

/// The path of training: a filled start, a hollow end, in which of several runs the number of each stands.
pub(super) fn way(path: &Trajectory, frame: &Frame, svg: &mut Svg) {
    let runs = path.runs();
    for (number, run) in runs.iter().enumerate() {
        way_of_run(path, run, (runs.len() > 1).then_some(number + 1), frame, svg);
    }
}

fn way_of_run(
    path: &Trajectory,
    run: &Range<usize>,
    number: Option<usize>,
    frame: &Frame,
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

pub(super) fn start_mark((x, y): (f64, f64), svg: &mut Svg) {
    let corners = [(x - 3.2, y - 3.2), (x + 3.2, y - 3.2), (x + 3.2, y + 3.2), (x - 3.2, y + 3.2)];
    svg.polygon(&corners, &Look::outlined(PATH, "#ffffff", 0.9));
}

pub(super) fn end_mark((x, y): (f64, f64), svg: &mut Svg) {
    svg.circle(x, y, 3.8, &Look::outlined("#ffffff", PATH, 1.4));
}

fn legend(slice: &Slice, frame: &Frame, svg: &mut Svg) {
    let counts = slice.surface.counts();
    let mut legend = Legend::within(frame);
    let square = |(x, y): (f64, f64), colour: &str, svg: &mut Svg| {
        svg.rect(x - 3.0, y - 3.0, 6.0, 6.0, &Look::outlined(colour, "#1a1a1a", 0.4));
    };
    if slice.trajectory.is_some() {
        legend.entry("start", svg).into_iter().for_each(|at| start_mark(at, svg));
        legend.entry("end", svg).into_iter().for_each(|at| end_mark(at, svg));
    }
    if counts.non_finite > 0 {
        let at = legend.entry("NaN, ∞", svg);
        at.into_iter().for_each(|at| square(at, NON_FINITE, svg));
    }
    if counts.unmeasured > 0 {
        let at = legend.entry("not measured", svg);
        at.into_iter().for_each(|at| square(at, UNMEASURED, svg));
    }
    if counts.interpolated > 0 {
        let at = legend.entry("interpolated", svg);
        at.into_iter().for_each(|(x, y)| {
            square((x, y), "#31688e", svg);
            svg.circle(x, y, 1.2, &Look::filled("#ffffff"));
        });
    }
}
