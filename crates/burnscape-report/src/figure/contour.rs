//! Loss over a plane from above: a cell per node, isolines, and the path of training.

use std::ops::Range;

use burnscape_landscape::grid::Axis;
use burnscape_landscape::isoline::isolines;
use burnscape_landscape::surface::{NodeState, Spacing};
use burnscape_landscape::words as honest;
use burnscape_trace::Trajectory;
use colorous::Color;

use super::FigureOptions;
use super::cells::Cells;
use super::frame::{Frame, Words};
use super::legend::{Entry, Mark};
use super::scale::Scale;
use super::svg::{Anchor, Look, Svg};
use crate::slice::Slice;

/// A loss that is NaN or infinite: a colour that no scale has.
const NON_FINITE: (&str, Color) = ("#d6006c", Color { r: 0xd6, g: 0x00, b: 0x6c });
const UNMEASURED: (&str, Color) = ("#e6e6e6", Color { r: 0xe6, g: 0xe6, b: 0xe6 });
const ISOLINES: usize = 12;
const LEFT: f64 = 56.0;
const PATH: &str = "#d55e00";

/// `None` for a line.
pub(super) fn draw(slice: &Slice, options: &FigureOptions) -> Option<Svg> {
    let y = slice.surface.grid().y()?;
    let mut svg = options.canvas();
    let title = super::surface::title(slice);
    svg.title(&title);
    let scale = Scale::of(slice.known_losses());
    let names = super::surface::axis_names(slice);
    let bar = scale.map(|scale| ("loss", scale));
    let words = Words { title: &title, x: &names[0], y: &names[1], bar, legend: legend(slice) };
    let frame = Frame::new(&svg, edges(slice.surface.grid().x()), edges(y), LEFT, words);
    Cells::new(slice.surface.grid().columns(), colours(slice, scale.as_ref()))
        .draw(&frame, &mut svg);
    svg.begin_clip(frame.left, frame.top, frame.width, frame.height);
    if has_marks(slice) {
        marks(slice, &frame, &mut svg);
    }
    lines(slice, &frame, scale.as_ref(), &mut svg);
    slice.trajectory.iter().for_each(|path| way(path, &frame, &mut svg));
    number_basins(slice, &frame, &mut svg);
    svg.end_group();
    frame.axes(&mut svg);
    scale.iter().for_each(|scale| frame.colour_bar(scale, colorous::VIRIDIS, &mut svg));
    Some(svg)
}

/// From half a cell before the first node to half a cell behind the last.
pub(super) fn edges(axis: &Axis) -> Scale {
    let half = axis.spacing() / 2.0;
    Scale::linear(axis.min() - half, axis.max() + half)
}

/// From the top left.
fn colours(slice: &Slice, scale: Option<&Scale>) -> Vec<Option<Color>> {
    let grid = slice.surface.grid();
    let rows = (0..grid.rows()).rev();
    let nodes = rows.flat_map(|row| (0..grid.columns()).map(move |column| grid.node(column, row)));
    nodes.map(|node| Some(colour_of(slice, node, scale))).collect()
}

fn colour_of(slice: &Slice, node: usize, scale: Option<&Scale>) -> Color {
    match (slice.surface.loss(node), scale) {
        (None, _) => UNMEASURED.1,
        (Some(loss), Some(scale)) if loss.is_finite() => scale.colour(loss, colorous::VIRIDIS),
        (Some(_), _) => NON_FINITE.1,
    }
}

/// Cells of a large plane are smaller than any mark.
fn has_marks(slice: &Slice) -> bool {
    Cells::are_shapes(slice.surface.grid().len())
}

/// A dot in cells that were interpolated, a stroke through cells that were not measured.
fn marks(slice: &Slice, frame: &Frame<'_>, svg: &mut Svg) {
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

fn lines(slice: &Slice, frame: &Frame<'_>, scale: Option<&Scale>, svg: &mut Svg) {
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

/// A triangle on the minimum of every basin that counts, with its number, where there are several.
fn number_basins(slice: &Slice, frame: &Frame<'_>, svg: &mut Svg) {
    let Some(tree) = slice.basins().filter(|tree| tree.minima() > 1) else { return };
    for (number, basin, _) in tree.numbered() {
        let (x, y) = frame.at(basin.minimum.alpha, basin.minimum.beta);
        svg.polygon(&minimum_mark(x, y), &Look::outlined("#ffffff", "#1a1a1a", 0.9));
        svg.text_on_colours(x + 5.5, y + 3.0, Anchor::Start, &number.to_string());
    }
}

fn minimum_mark(x: f64, y: f64) -> [(f64, f64); 3] {
    [(x - 3.6, y - 3.0), (x + 3.6, y - 3.0), (x, y + 3.4)]
}

/// The path of training: a filled start, a hollow end, in which of several runs the number of each stands.
pub(super) fn way(path: &Trajectory, frame: &Frame<'_>, svg: &mut Svg) {
    let runs = path.runs();
    for (number, run) in runs.iter().enumerate() {
        way_of_run(path, run, (runs.len() > 1).then_some(number + 1), frame, svg);
    }
}

fn way_of_run(
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

fn legend(slice: &Slice) -> Vec<Entry<'static>> {
    let counts = slice.surface.counts();
    let mut entries = Vec::new();
    if slice.trajectory.is_some() {
        entries.extend([Entry::new("start", Mark::Start), Entry::new("end", Mark::End)]);
    }
    if counts.non_finite > 0 {
        entries.push(Entry::new("NaN, ∞", Mark::Square(NON_FINITE.0)));
    }
    if counts.unmeasured > 0 {
        entries.push(Entry::new("not measured", Mark::Square(UNMEASURED.0)));
    }
    if counts.interpolated > 0 {
        let share = honest::percent(counts.interpolated as f64 / slice.surface.grid().len() as f64);
        entries.push(match has_marks(slice) {
            true => Entry::new("interpolated", Mark::Dotted),
            false => Entry::new(format!("{share} of the nodes interpolated"), Mark::None),
        });
    }
    entries
}
