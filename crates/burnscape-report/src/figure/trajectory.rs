//! The path of training in the coordinates of a plane, coloured by snapshot.

use super::frame::{Frame, Words};
use super::legend::{Entry, Mark};
use super::marks::{end_mark, start_mark};
use super::options::FigureOptions;
use super::path::finite_points;
use super::scale::Scale;
use super::svg::{Look, Svg};
use super::titles;
use crate::slice::Slice;

/// `None` for a line, and where fewer than two snapshots have a place.
pub(super) fn draw(slice: &Slice, options: &FigureOptions) -> Option<Svg> {
    slice.surface.grid().y()?;
    let path = slice.trajectory.as_ref()?;
    let points: Vec<(f64, f64)> = finite_points(path).collect();
    if points.len() < 2 {
        return None;
    }
    let mut svg = options.canvas();
    // A path that no training took has nodes.
    let (what, entry) = match path.snapshots.is_empty() {
        true => ("Path", "node"),
        false => ("Path of training", "snapshot"),
    };
    let title = format!("{what} in slice {} “{}”", slice.record.slice, slice.record.name);
    svg.title(&title);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let (low, high) = points
            .iter()
            .map(of)
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        Scale::linear(low, high).widened(0.06)
    };
    let longest = path.runs().iter().map(ExactSizeIterator::len).max().unwrap_or(0);
    let numbers = Scale::linear(0.0, (longest.clamp(2, points.len()) - 1) as f64);
    let names = titles::axis_names(slice);
    let legend = vec![Entry::new("start", Mark::Start), Entry::new("end", Mark::End)];
    let bar = Some((entry, numbers));
    let words = Words { title: &title, x: &names[0], y: &names[1], bar, legend };
    let (x, y) = (range(|point| point.0), range(|point| point.1));
    let frame = Frame::new(&svg, x, y, 56.0, words);
    frame.grid(&mut svg);
    for run in path.runs() {
        let places = path.x[run.clone()].iter().zip(&path.y[run]).map(|(&x, &y)| (x, y));
        let places: Vec<_> = places.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        draw_points(&places, &numbers, &frame, &mut svg);
    }
    frame.axes(&mut svg);
    frame.colour_bar(&numbers, colorous::CIVIDIS, &mut svg);
    Some(svg)
}

/// Those of one run.
fn draw_points(points: &[(f64, f64)], numbers: &Scale, frame: &Frame<'_>, svg: &mut Svg) {
    let places: Vec<(f64, f64)> = points.iter().map(|&(x, y)| frame.at(x, y)).collect();
    svg.polyline(&places, &Look::line("#8a8a8a", 0.8));
    for (number, &(x, y)) in places.iter().enumerate() {
        let colour = format!("#{:x}", numbers.colour(number as f64, colorous::CIVIDIS));
        svg.circle(x, y, 2.4, &Look::outlined(&colour, "#1a1a1a", 0.3));
    }
    if let (Some(&first), Some(&last)) = (places.first(), places.last()) {
        start_mark(first, svg);
        end_mark(last, svg);
    }
}
