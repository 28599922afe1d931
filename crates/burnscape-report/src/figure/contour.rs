//! Loss over a plane from above: a cell per node, isolines, and the path of training.

use burnscape_landscape::grid::Axis;
use burnscape_landscape::isoline::isolines;
use burnscape_landscape::surface::{NodeState, Spacing};
use burnscape_landscape::words as honest;
use colorous::Color;

use super::cells::Cells;
use super::frame::{Frame, Words};
use super::legend::{Entry, Mark};
use super::marks::minimum_mark;
use super::options::FigureOptions;
use super::scale::Scale;
use super::svg::{Anchor, Look, Svg};
use super::{path, titles};
use crate::slice::Slice;

/// A loss that is NaN or infinite: a colour that no scale has.
const NON_FINITE: (&str, Color) = ("#d6006c", Color { r: 0xd6, g: 0x00, b: 0x6c });
const UNMEASURED: (&str, Color) = ("#e6e6e6", Color { r: 0xe6, g: 0xe6, b: 0xe6 });
const ISOLINES: usize = 12;
const LEFT: f64 = 56.0;

/// `None` for a line.
pub(super) fn draw(slice: &Slice, options: &FigureOptions) -> Option<Svg> {
    let y = slice.surface.grid().y()?;
    let mut svg = options.canvas();
    let title = titles::title(slice);
    svg.title(&title);
    let scale = Scale::of(slice.scaled_losses());
    let names = titles::axis_names(slice);
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
    slice.trajectory.iter().for_each(|it| path::draw(it, &frame, &mut svg));
    number_basins(slice, &frame, &mut svg);
    svg.end_group();
    frame.axes(&mut svg);
    scale.iter().for_each(|scale| frame.colour_bar(scale, colorous::VIRIDIS, &mut svg));
    Some(svg)
}

/// From half a cell before the first node to half a cell behind the last.
fn edges(axis: &Axis) -> Scale {
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
        minimum_mark((x, y), svg);
        svg.text_on_colours(x + 5.5, y + 3.0, Anchor::Start, &number.to_string());
    }
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
