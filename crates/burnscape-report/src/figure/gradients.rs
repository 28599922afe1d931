//! Gradient norm of each parameter block over steps, as colours.

use burnscape_trace::columns::GRAD_NORM;
use colorous::Color;

use super::cells::Cells;
use super::frame::{Frame, Words};
use super::legend::{Entry, Mark};
use super::options::FigureOptions;
use super::scale::Scale;
use super::svg::{Anchor, FONT, Look, Svg, cut_path, width_of};
use crate::Error;
use crate::heat::{Cell, Heat};
use crate::run::Run;

/// Columns of the picture.
const COLUMNS: usize = 240;
const NON_FINITE: (&str, Color) = ("#d6006c", Color { r: 0xd6, g: 0x00, b: 0x6c });
/// Room for names of blocks, in points.
const MOST_ROOM: f64 = 120.0;

/// `None` where no gradient norm was recorded.
pub(super) fn draw(run: &Run, options: &FigureOptions) -> Result<Option<Svg>, Error> {
    let heat = Heat::of(run, GRAD_NORM, usize::MAX, COLUMNS)?;
    Ok(heat.and_then(|heat| picture(&heat, run, options)))
}

fn picture(heat: &Heat, run: &Run, options: &FigureOptions) -> Option<Svg> {
    let scale = Scale::log_of(heat.values())?;
    let mut svg = options.canvas();
    let title = format!("Gradient norm of each parameter block of {}", run.name());
    svg.title(&title);
    let names: Vec<String> = (0..heat.rows.len()).map(|block| run.block_name(block)).collect();
    let widest = names.iter().map(|name| width_of(name)).fold(0.0, f64::max);
    let left = (widest + 10.0).min(MOST_ROOM).min(svg.width() * 0.4);
    let rows = Scale::linear(0.0, heat.rows.len() as f64);
    let has_holes = heat.values().any(|value| !value.is_finite());
    let hole = || Entry::new("NaN, ∞", Mark::Square(NON_FINITE.0));
    let words = Words {
        title: &title,
        x: "optimizer steps; each cell shows the largest norm of its stretch",
        y: "",
        bar: Some(("‖g‖", scale)),
        legend: has_holes.then(hole).into_iter().collect(),
    };
    let steps = Scale::linear(heat.first as f64, heat.last as f64 + 1.0);
    let frame = Frame::new(&svg, steps, rows, left, words);
    Cells::new(heat.columns, colours(heat, &scale)).draw(&frame, &mut svg);
    svg.rect(frame.left, frame.top, frame.width, frame.height, &Look::line("#1a1a1a", 0.6));
    row_names(&names, &frame, &mut svg);
    frame.x_axis(&mut svg);
    frame.headline(&mut svg);
    frame.colour_bar(&scale, colorous::VIRIDIS, &mut svg);
    Some(svg)
}

fn colours(heat: &Heat, scale: &Scale) -> Vec<Option<Color>> {
    let colour = |cell: Cell| match cell.value.is_finite() {
        true => scale.colour(cell.value.max(scale.low), colorous::VIRIDIS),
        false => NON_FINITE.1,
    };
    heat.rows.iter().flatten().map(|cell| cell.map(colour)).collect()
}

/// As many names as there is room for.
fn row_names(names: &[String], frame: &Frame<'_>, svg: &mut Svg) {
    let high = frame.height / names.len() as f64;
    let every = (FONT * 1.1 / high).ceil().max(1.0) as usize;
    for (row, name) in names.iter().enumerate().step_by(every) {
        let y = frame.top + (row as f64 + 0.5) * high + FONT * 0.36;
        svg.text(frame.left - 4.0, y, Anchor::End, &cut_path(name, frame.left - 6.0));
    }
}
