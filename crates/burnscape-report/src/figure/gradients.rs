//! Gradient norm of each parameter block over steps, as colours.

use burnscape_trace::columns::GRAD_NORM;

use super::FigureOptions;
use super::frame::Frame;
use super::scale::Scale;
use super::svg::{Anchor, FONT, Look, Svg, cut, width_of};
use crate::curves::Curves;
use crate::heat::Heat;
use crate::run::Run;

/// Columns of the picture.
const COLUMNS: usize = 240;
const NON_FINITE: &str = "#d6006c";
/// Room for names of blocks, in points.
const MOST_ROOM: f64 = 120.0;

/// `None` where no gradient norm was recorded.
pub(super) fn draw(run: &Run, curves: &Curves, options: &FigureOptions) -> Option<Svg> {
    let heat = Heat::of(curves.blocks.get(GRAD_NORM)?, COLUMNS)?;
    let scale = Scale::log_of(heat.values().filter(|value| value.is_finite()))?;
    let mut svg = options.canvas();
    let title = format!("Gradient norm of each parameter block of {}", run.name());
    svg.title(&title);
    let names: Vec<String> = (0..heat.rows.len()).map(|block| run.block_name(block)).collect();
    let widest = names.iter().map(|name| width_of(name)).fold(0.0, f64::max);
    let left = (widest + 10.0).min(MOST_ROOM);
    let rows = Scale::linear(0.0, heat.rows.len() as f64);
    let frame = Frame::new(&svg, Scale::linear(heat.first, heat.last), rows, left, true);
    cells(&heat, &scale, &frame, &mut svg);
    svg.rect(frame.left, frame.top, frame.width, frame.height, &Look::line("#1a1a1a", 0.6));
    row_names(&names, &frame, &mut svg);
    frame.x_axis("optimizer steps; each column shows the largest norm", &mut svg);
    frame.headline(&title, &mut svg);
    frame.colour_bar(&scale, colorous::VIRIDIS, "‖g‖", &mut svg);
    Some(svg)
}

fn cells(heat: &Heat, scale: &Scale, frame: &Frame, svg: &mut Svg) {
    let high = frame.height / heat.rows.len() as f64;
    let wide = frame.width / heat.columns as f64;
    svg.begin_cells();
    for (row, values) in heat.rows.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            let Some(value) = value else { continue };
            let colour = match value.is_finite() {
                true => scale.colour(value.max(scale.low), colorous::VIRIDIS),
                false => NON_FINITE.to_owned(),
            };
            let (left, top) = (frame.left + column as f64 * wide, frame.top + row as f64 * high);
            svg.rect(left, top, wide, high, &Look::filled(&colour));
        }
    }
    svg.end_group();
}

/// As many names as there is room for.
fn row_names(names: &[String], frame: &Frame, svg: &mut Svg) {
    let high = frame.height / names.len() as f64;
    let every = (FONT * 1.1 / high).ceil().max(1.0) as usize;
    for (row, name) in names.iter().enumerate().step_by(every) {
        let y = frame.top + (row as f64 + 0.5) * high + FONT * 0.36;
        svg.text(frame.left - 4.0, y, Anchor::End, &cut(name, frame.left - 6.0));
    }
}
