//! Curves in a frame, with a legend.

use super::frame::{Frame, Words};
use super::legend::{Entry, Mark};
use super::options::FigureOptions;
use super::scale::Scale;
use super::svg::{Look, Svg};

/// Colours that colour-blind readers can tell apart (Okabe and Ito, 2008), with dashes for those who print
/// in grey.
const COLOURS: [(&str, &str); 8] = [
    ("#0072b2", ""),
    ("#d55e00", "5 2"),
    ("#009e73", "2 2"),
    ("#cc79a7", "7 2 2 2"),
    ("#56b4e9", ""),
    ("#e69f00", "5 2"),
    ("#000000", "2 2"),
    ("#8a8a8a", "7 2 2 2"),
];

/// A curve and its name.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) has_marks: bool,
}

/// What stands around the curves.
pub(super) struct Names<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
}

/// `None` where no point is finite.
pub(super) fn draw(lines: &[Line], names: &Names<'_>, options: &FigureOptions) -> Option<Svg> {
    let all = || lines.iter().flat_map(|line| line.points.iter());
    let y = Scale::of(all().map(|point| point.1))?.widened(0.05);
    let x = all().map(|point| point.0).filter(|x| x.is_finite());
    let (low, high) = x.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let mut svg = options.canvas();
    svg.title(names.title);
    let kind = if y.is_log { " (logarithmic scale)" } else { "" };
    let (title, y_name) = (names.title, format!("{}{kind}", names.y));
    let words = Words { title, x: names.x, y: &y_name, bar: None, legend: legend(lines, &y) };
    let frame = Frame::new(&svg, Scale::linear(low, high), y, 52.0, words);
    frame.grid(&mut svg);
    svg.begin_clip(frame.left, frame.top, frame.width, frame.height);
    for (line, look) in lines.iter().zip(looks()) {
        curve(line, &look, &frame, &mut svg);
    }
    svg.end_group();
    frame.axes(&mut svg);
    Some(svg)
}

fn legend(lines: &[Line], y: &Scale) -> Vec<Entry<'static>> {
    let entry = |(line, look): (&Line, Look<'static>)| Entry::new(&line.name, Mark::Line(look));
    let mut entries: Vec<Entry<'static>> = lines.iter().zip(looks()).map(entry).collect();
    if lines.iter().flat_map(|line| &line.points).any(|point| !is_drawn(y, point.1)) {
        entries.push(Entry::new("× no finite value", Mark::None));
    }
    entries
}

fn is_drawn(y: &Scale, value: f64) -> bool {
    value.is_finite() && (!y.is_log || value > 0.0)
}

fn looks() -> impl Iterator<Item = Look<'static>> {
    let look = |(stroke, dashes)| Look { dashes, ..Look::line(stroke, 1.1) };
    COLOURS.into_iter().cycle().map(look)
}

/// A curve breaks where a value is not finite, and a cross on the upper border tells so.
fn curve(line: &Line, look: &Look<'_>, frame: &Frame<'_>, svg: &mut Svg) {
    let is_drawn = |value: f64| is_drawn(&frame.y, value);
    for piece in line.points.split(|point| !is_drawn(point.1)) {
        let places: Vec<(f64, f64)> = piece.iter().map(|&(x, y)| frame.at(x, y)).collect();
        svg.polyline(&places, look);
        let alone = if line.has_marks || places.len() == 1 { &places[..] } else { &[] };
        for &(x, y) in alone {
            svg.circle(x, y, 1.6, &Look::filled(look.stroke));
        }
    }
    for &(x, _) in line.points.iter().filter(|point| !is_drawn(point.1)) {
        let (x, y) = (frame.at(x, frame.y.low).0, frame.top + 4.0);
        let cross = Look { dashes: "", ..*look };
        svg.line((x - 2.0, y - 2.0), (x + 2.0, y + 2.0), &cross);
        svg.line((x - 2.0, y + 2.0), (x + 2.0, y - 2.0), &cross);
    }
}
