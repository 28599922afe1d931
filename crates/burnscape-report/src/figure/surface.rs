//! Loss over a plane from the side: cells from the farthest to the nearest, so that near ones hide far ones.

use super::FigureOptions;
use super::contour::{end_mark, start_mark};
use super::frame::Frame;
use super::scale::{Scale, label};
use super::svg::{Anchor, FONT, Look, Svg, cut};
use crate::slice::Slice;

/// From where it is looked at, in degrees: around, and up.
const AZIMUTH: f64 = -60.0;
const ELEVATION: f64 = 28.0;
/// Height of the box, its sides being 1.
const TALL: f64 = 0.62;
const PATH: &str = "#d55e00";

/// `None` for a line, and where no loss is finite.
pub(super) fn draw(slice: &Slice, options: &FigureOptions) -> Option<Svg> {
    let y = slice.surface.grid().y()?;
    let loss = Scale::of(slice.known_losses())?;
    let axis = |axis: &burnscape_landscape::grid::Axis| Scale::linear(axis.min(), axis.max());
    let mut svg = options.canvas();
    let title = title(slice);
    svg.title(&title);
    let view = View::new(&svg, axis(slice.surface.grid().x()), axis(y), loss);
    view.floor(slice, &mut svg);
    let mut parts = cells(slice, &view);
    parts.extend(way(slice, &view));
    parts.sort_by(|a, b| b.depth.total_cmp(&a.depth));
    for part in &parts {
        part.draw(&mut svg);
    }
    ends_of_way(slice, &view, &mut svg);
    let frame = Frame::new(&svg, view.x, view.y, 46.0, true);
    frame.headline(&title, &mut svg);
    frame.colour_bar(&loss, colorous::VIRIDIS, "loss", &mut svg);
    Some(svg)
}

/// Name and centre of a slice.
pub(super) fn title(slice: &Slice) -> String {
    let record = &slice.record;
    let centre = if record.centre.is_empty() { "its centre" } else { &record.centre };
    format!("Loss, slice {} “{}” around {centre}", record.slice, record.name)
}

/// What the axes are, with their units.
pub(super) fn axis_names(slice: &Slice) -> [String; 2] {
    let name = |symbol: &str, axis: &burnscape_trace::Axis| {
        let label = if axis.label.is_empty() { "direction" } else { &axis.label };
        format!("{symbol}: {label} (‖d‖ = {})", self::label(axis.direction_norm))
    };
    let y = slice.record.y.as_ref().map_or(String::new(), |y| name("β", y));
    [name("α", &slice.record.x), y]
}

/// A piece of the picture and how far it is away.
struct Part {
    depth: f64,
    points: Vec<(f64, f64)>,
    fill: Option<String>,
}

impl Part {
    fn draw(&self, svg: &mut Svg) {
        match &self.fill {
            Some(fill) => svg.polygon(&self.points, &Look::outlined(fill, "#20202060", 0.25)),
            None => svg.polyline(&self.points, &Look::line(PATH, 1.6)),
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
    fn new(svg: &Svg, x: Scale, y: Scale, z: Scale) -> Self {
        let (wide, high) = (svg.width() - 62.0 - 40.0, svg.height() - 24.0 - 30.0);
        let scale = (wide / 1.42).min(high / (1.40 * sine(ELEVATION) + TALL * cosine(ELEVATION)));
        Self { x, y, z, scale, middle: (24.0 + wide / 2.0, 24.0 + high / 2.0 + 2.0) }
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
        let [x_name, y_name] = axis_names(slice);
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
        let bottom = svg.height() - 6.0;
        let half = (svg.width() - 62.0) / 2.0;
        svg.text(8.0, bottom, Anchor::Start, &cut(&format!("left: {x_name}"), half - 8.0));
        svg.text(half + 8.0, bottom, Anchor::Start, &cut(&format!("right: {y_name}"), half));
        let (x, y) = self.project(0.0, 0.0, 1.0).0;
        let kind = if self.z.is_log { "loss (log)" } else { "loss" };
        svg.text(x, (y - 6.0).max(30.0), Anchor::Middle, kind);
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
    Some(Part { depth, points, fill: Some(view.z.colour(mean, colorous::VIRIDIS)) })
}

/// The path of training at the height of its losses, a part per step, in front of the cell it lies on.
fn way(slice: &Slice, view: &View) -> Vec<Part> {
    let points = way_points(slice, view);
    let segment = |pair: &[((f64, f64), f64)]| Part {
        depth: pair[0].1.min(pair[1].1) - 0.05,
        points: vec![pair[0].0, pair[1].0],
        fill: None,
    };
    points.windows(2).map(segment).collect()
}

/// Snapshots whose place and loss are finite and inside of the box.
fn way_points(slice: &Slice, view: &View) -> Vec<((f64, f64), f64)> {
    let Some(path) = &slice.trajectory else { return Vec::new() };
    let points = path.x.iter().zip(path.y.iter()).zip(path.loss.iter());
    let inside = points.filter(|((x, y), loss)| {
        let shares = [view.x.place(**x), view.y.place(**y), view.z.place(**loss)];
        shares.iter().all(|share| (-0.02..=1.02).contains(share))
    });
    inside.map(|((x, y), loss)| view.point(*x, *y, *loss)).collect()
}

fn ends_of_way(slice: &Slice, view: &View, svg: &mut Svg) {
    if let [(first, _), .., (last, _)] = way_points(slice, view)[..] {
        start_mark(first, svg);
        end_mark(last, svg);
        svg.text(8.0, 24.0, Anchor::Start, "■ start  ○ end");
    }
}
