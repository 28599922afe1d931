//! Loss over a plane from the side: cells from the farthest to the nearest, so that near ones hide far ones.
//!
//! The path of training lies on the surface, where the snapshots' projections are; a stem leads from there to the
//! true loss of each snapshot, or to the edge of the box if that lies beyond; the legend counts those.

use std::ops::RangeInclusive;

use colorous::Color;
use resvg::tiny_skia::Pixmap;

use super::cells::Cells;
use super::frame::{Frame, Words};
use super::legend::{Entry, Mark};
use super::marks::{PATH, end_mark, start_mark};
use super::options::FigureOptions;
use super::paint::Painter;
use super::scale::{Scale, label};
use super::svg::{Anchor, FONT, Look, Svg, cut};
use super::titles;
use crate::slice::Slice;

/// From where it is looked at, in degrees: around, and up.
const AZIMUTH: f64 = -60.0;
const ELEVATION: f64 = 28.0;
/// Height of the box, its sides being 1.
const TALL: f64 = 0.62;
/// Heights that stems reach, the box's being 0 to 1.
const IN_THE_BOX: RangeInclusive<f64> = -0.02..=1.02;
/// That of [`PATH`].
const PATH_COLOUR: Color = Color { r: 0xd5, g: 0x5e, b: 0x00 };
/// Points of the path per cell that it crosses.
const POINTS_PER_CELL: f64 = 4.0;

/// `None` for a line, and where no loss is finite.
pub(super) fn draw(slice: &Slice, options: &FigureOptions) -> Option<Svg> {
    let y = slice.surface.grid().y()?;
    let loss = Scale::of(losses(slice))?;
    let axis = |axis: &burnscape_landscape::grid::Axis| Scale::linear(axis.min(), axis.max());
    let mut svg = options.canvas();
    let title = titles::title(slice);
    svg.title(&title);
    let (x, y) = (axis(slice.surface.grid().x()), axis(y));
    let bar = Some(("loss", loss));
    let words = Words { title: &title, x: "", y: "", bar, legend: legend(slice, &loss) };
    let frame = Frame::new(&svg, x, y, 46.0, words);
    let view = View::new(&svg, frame.top, x, y, loss);
    view.floor(slice, &mut svg);
    let mut parts = cells(slice, &view);
    parts.extend(way(slice, &view));
    parts.sort_by(|a, b| b.depth.total_cmp(&a.depth));
    match Cells::are_shapes(parts.len()) {
        true => parts.iter().for_each(|part| part.draw(&mut svg)),
        false => painted(&parts, options.dpi, &mut svg),
    }
    ends_of_way(slice, &view, &mut svg);
    frame.headline(&mut svg);
    frame.colour_bar(&loss, colorous::VIRIDIS, &mut svg);
    Some(svg)
}

/// Those of the nodes; the true ones of the path may lie above and below.
fn losses(slice: &Slice) -> impl Iterator<Item = f64> {
    let path = slice.trajectory.iter().flat_map(|path| path.loss.iter().copied());
    let known = slice.known_losses().filter(|loss| loss.is_finite());
    let low = known.fold(f64::INFINITY, f64::min);
    // A true loss far above the surface would press it flat.
    slice.scaled_losses().chain(path.filter(move |loss| *loss < low))
}

fn legend(slice: &Slice, scale: &Scale) -> Vec<Entry<'static>> {
    let Some(path) = &slice.trajectory else { return Vec::new() };
    let mut entries = vec![
        Entry::new("start", Mark::Start),
        Entry::new("end", Mark::End),
        Entry::new("path on the surface", Mark::Line(Look::line(PATH, 1.6))),
        Entry::new("up to the true loss", Mark::Line(STEM)),
    ];
    let beyond = path.loss.iter().filter(|loss| !IN_THE_BOX.contains(&scale.place(**loss))).count();
    if beyond > 0 {
        let told = format!("{beyond} of {} true losses beyond the box", path.loss.len());
        entries.push(Entry::new(told, Mark::None));
    }
    entries
}

/// As dots: so many shapes would take hundreds of megabytes.
fn painted(parts: &[Part], dpi: f64, svg: &mut Svg) {
    let scale = dpi / 72.0;
    let size = [svg.width(), svg.height()].map(|points| (points * scale).ceil() as u32);
    let Some(dots) = Pixmap::new(size[0], size[1]) else { return };
    let mut painter = Painter::new(dots, scale);
    for part in parts {
        match part.kind {
            Kind::Cell(colour) => painter.polygon(&part.points, colour),
            Kind::Path => painter.line(&part.points, PATH_COLOUR, 1.6),
            Kind::Stem => painter.line(&part.points, PATH_COLOUR, 0.5),
        }
    }
    let (wide, high) = (f64::from(size[0]) / scale, f64::from(size[1]) / scale);
    svg.picture(0.0, 0.0, wide, high, painter.into_dots());
}

/// A piece of the picture and how far it is away.
struct Part {
    depth: f64,
    points: Vec<(f64, f64)>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Cell(Color),
    Path,
    Stem,
}

const STEM: Look<'_> = Look::line(PATH, 0.5);

impl Part {
    fn draw(&self, svg: &mut Svg) {
        match self.kind {
            Kind::Cell(colour) => {
                let fill = format!("#{colour:x}");
                svg.polygon(&self.points, &Look::outlined(&fill, "#20202060", 0.25));
            }
            Kind::Path => svg.polyline(&self.points, &Look::line(PATH, 1.6)),
            Kind::Stem => svg.polyline(&self.points, &STEM),
        }
    }
}

/// An orthographic view of the box.
struct View {
    x: Scale,
    y: Scale,
    z: Scale,
    scale: f64,
    middle: (f64, f64),
}

impl View {
    fn new(svg: &Svg, top: f64, x: Scale, y: Scale, z: Scale) -> Self {
        let (wide, high) = (svg.width() - 62.0 - 40.0, (svg.height() - top - 36.0).max(10.0));
        let scale = (wide / 1.42).min(high / (1.40 * sine(ELEVATION) + TALL * cosine(ELEVATION)));
        let middle = (24.0 + wide / 2.0, top + high / 2.0);
        Self { x, y, z, scale: scale.max(1.0), middle }
    }

    /// Place on the page, and distance, of a point of the box.
    fn project(&self, x: f64, y: f64, z: f64) -> ((f64, f64), f64) {
        let (x, y, z) = (x - 0.5, y - 0.5, (z - 0.5) * TALL);
        let (sin, cos) = (sine(AZIMUTH), cosine(AZIMUTH));
        let across = -sin * x + cos * y;
        let along = cos * x + sin * y;
        let up = z * cosine(ELEVATION) - along * sine(ELEVATION);
        let depth = -(along * cosine(ELEVATION) + z * sine(ELEVATION));
        ((self.middle.0 + across * self.scale, self.middle.1 - up * self.scale), depth)
    }

    fn point(&self, x: f64, y: f64, loss: f64) -> ((f64, f64), f64) {
        self.project(self.x.place(x), self.y.place(y), self.z.place(loss))
    }

    /// The floor with its ticks, and the axis upwards.
    fn floor(&self, slice: &Slice, svg: &mut Svg) {
        let at = |x: f64, y: f64, z: f64| self.project(x, y, z).0;
        let thin = Look::line("#b0b0b0", 0.5);
        let floor = [at(0.0, 0.0, 0.0), at(1.0, 0.0, 0.0), at(1.0, 1.0, 0.0), at(0.0, 1.0, 0.0)];
        svg.polygon(&floor, &Look::outlined("#f5f5f5", "#b0b0b0", 0.5));
        for (x, y) in [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            svg.line(at(x, y, 0.0), at(x, y, 1.0), &thin);
        }
        svg.polyline(&[at(0.0, 0.0, 1.0), at(0.0, 1.0, 1.0), at(1.0, 1.0, 1.0)], &thin);
        self.ticks(slice, svg);
    }

    fn ticks(&self, slice: &Slice, svg: &mut Svg) {
        let [x_name, y_name] = titles::axis_names(slice);
        for tick in self.x.ticks(4) {
            let (x, y) = self.project(self.x.place(tick), -0.04, 0.0).0;
            svg.text(x, y + FONT, Anchor::End, &label(tick));
        }
        for tick in self.y.ticks(4) {
            let (x, y) = self.project(1.04, self.y.place(tick), 0.0).0;
            svg.text(x + 2.0, y + FONT, Anchor::Start, &label(tick));
        }
        for tick in self.z.ticks(5) {
            let (x, y) = self.project(0.0, -0.02, self.z.place(tick)).0;
            svg.text(x - 2.0, y + FONT * 0.36, Anchor::End, &label(tick));
        }
        for (name, below) in [(format!("left: {x_name}"), 16.0), (format!("right: {y_name}"), 6.0)]
        {
            let name = cut(&name, svg.width() - 16.0);
            svg.text(8.0, svg.height() - below, Anchor::Start, &name);
        }
        let (x, y) = self.project(0.0, 0.0, 1.0).0;
        let kind = if self.z.is_log { "loss (log)" } else { "loss" };
        svg.text(x, y - 6.0, Anchor::Middle, kind);
    }
}

fn sine(degrees: f64) -> f64 {
    degrees.to_radians().sin()
}

fn cosine(degrees: f64) -> f64 {
    degrees.to_radians().cos()
}

/// A part per cell whose four corners have finite losses.
fn cells(slice: &Slice, view: &View) -> Vec<Part> {
    let grid = slice.surface.grid();
    let mut parts = Vec::new();
    for row in 1..grid.rows() {
        for column in 1..grid.columns() {
            let corners =
                [(column - 1, row - 1), (column, row - 1), (column, row), (column - 1, row)];
            parts.extend(cell(slice, view, corners.map(|(ix, iy)| grid.node(ix, iy))));
        }
    }
    parts
}

fn cell(slice: &Slice, view: &View, nodes: [usize; 4]) -> Option<Part> {
    let loss = |node: usize| slice.surface.loss(node).filter(|loss| loss.is_finite());
    let losses = nodes.map(loss);
    let mean = losses.into_iter().sum::<Option<f64>>()? / 4.0;
    let mut points = Vec::with_capacity(4);
    let mut depth = 0.0;
    for (node, loss) in nodes.into_iter().zip(losses) {
        let (x, y) = slice.surface.grid().coordinates(node);
        let (point, away) = view.point(x, y, loss?);
        points.push(point);
        depth += away / 4.0;
    }
    Some(Part { depth, points, kind: Kind::Cell(view.z.colour(mean, colorous::VIRIDIS)) })
}

/// The path of training on the surface, and stems to the true losses, each in front of the cell it stands on.
fn way(slice: &Slice, view: &View) -> Vec<Part> {
    let on = |(x, y): (f64, f64)| Some(view.point(x, y, height(slice, x, y)?));
    let mut parts = Vec::new();
    let runs = runs(slice);
    for pair in runs.iter().flat_map(|snapshots| snapshots.windows(2)) {
        let points: Vec<_> = between(slice, pair[0], pair[1]).map(on).collect();
        for piece in points.windows(2) {
            let [Some((from, near)), Some((to, far))] = piece else { continue };
            let depth = near.min(*far) - 0.05;
            parts.push(Part { depth, points: vec![*from, *to], kind: Kind::Path });
        }
    }
    parts.extend(stems(slice, view));
    parts
}

/// Snapshots of each run whose place is on the grid.
fn runs(slice: &Slice) -> Vec<Vec<(f64, f64)>> {
    let Some(path) = &slice.trajectory else { return Vec::new() };
    let of_run = |run: std::ops::Range<usize>| {
        let points = run.map(|at| (path.x[at], path.y[at]));
        points.filter(|&(x, y)| height(slice, x, y).is_some()).collect()
    };
    path.runs().into_iter().map(of_run).collect()
}

/// Points of a straight way, close enough to follow the surface.
fn between(
    slice: &Slice,
    from: (f64, f64),
    to: (f64, f64),
) -> impl Iterator<Item = (f64, f64)> + use<> {
    let grid = slice.surface.grid();
    let step = |axis: Option<&burnscape_landscape::grid::Axis>, length: f64| {
        axis.map_or(0.0, |axis| (length / axis.spacing()).abs())
    };
    let cells = step(Some(grid.x()), to.0 - from.0).max(step(grid.y(), to.1 - from.1));
    let count = (cells * POINTS_PER_CELL).ceil().clamp(1.0, 10_000.0) as usize;
    (0..=count).map(move |at| {
        let share = at as f64 / count as f64;
        (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
    })
}

/// Height of the surface as it is drawn between four nodes; `None` beside the grid and where one of them is not finite.
fn height(slice: &Slice, x: f64, y: f64) -> Option<f64> {
    let grid = slice.surface.grid();
    let cell = |axis: &burnscape_landscape::grid::Axis, value: f64| {
        let place = (value - axis.min()) / axis.spacing();
        let last = axis.count().checked_sub(2)? as f64;
        // The end of the axis is an end of its last cell, however the place is rounded.
        let is_on = (-1e-9..=last + 1.0 + 1e-9).contains(&place);
        let cell = place.floor().clamp(0.0, last);
        is_on.then_some((cell as usize, place - cell))
    };
    let ((column, across), (row, along)) = (cell(grid.x(), x)?, cell(grid.y()?, y)?);
    let loss = |ix, iy| slice.surface.loss(grid.node(ix, iy)).filter(|loss| loss.is_finite());
    let low = loss(column, row)? * (1.0 - across) + loss(column + 1, row)? * across;
    let high = loss(column, row + 1)? * (1.0 - across) + loss(column + 1, row + 1)? * across;
    Some(low * (1.0 - along) + high * along)
}

fn stems(slice: &Slice, view: &View) -> Vec<Part> {
    let Some(path) = &slice.trajectory else { return Vec::new() };
    let points = path.x.iter().zip(path.y.iter()).zip(path.loss.iter());
    let stem = |((&x, &y), &loss): ((&f64, &f64), &f64)| {
        let (foot, depth) = view.point(x, y, height(slice, x, y)?);
        let place = (!loss.is_nan()).then(|| view.z.place(loss))?;
        let end = place.clamp(*IN_THE_BOX.start(), *IN_THE_BOX.end());
        let head = view.project(view.x.place(x), view.y.place(y), end).0;
        Some(Part { depth: depth - 0.05, points: vec![foot, head], kind: Kind::Stem })
    };
    points.filter_map(stem).collect()
}

fn ends_of_way(slice: &Slice, view: &View, svg: &mut Svg) {
    let place = |&(x, y): &(f64, f64)| Some(view.point(x, y, height(slice, x, y)?).0);
    for points in runs(slice) {
        if let [first, .., last] = &points[..] {
            place(first).into_iter().for_each(|at| start_mark(at, svg));
            place(last).into_iter().for_each(|at| end_mark(at, svg));
        }
    }
}
