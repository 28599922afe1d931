//! Loss along lines.

use burnscape_run::axis_label;

use super::chart::{self, Line, Names};
use super::options::FigureOptions;
use super::svg::Svg;
use crate::run::Run;
use crate::slice::Slice;

/// All lines in one chart; `None` where the run has none.
pub(super) fn draw(run: &Run, options: &FigureOptions) -> Option<Svg> {
    let is_line = |slice: &&Slice| slice.record.y.is_none();
    let lines: Vec<Line> = run.slices.values().filter(is_line).map(line).collect();
    let names = Names {
        title: "Loss along lines through the weights",
        x: "α: coefficient of the direction",
        y: "loss",
    };
    chart::draw(&lines, &names, options)
}

fn line(slice: &Slice) -> Line {
    let surface = &slice.surface;
    let point = |node: usize| Some((surface.grid().coordinates(node).0, surface.loss(node)?));
    Line {
        name: format!("slice {}: {}", slice.record.slice, axis_label(&slice.record.x)),
        points: (0..surface.grid().len()).filter_map(point).collect(),
        has_marks: false,
    }
}
