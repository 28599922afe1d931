//! What surrounds the map of a plane: coordinates, names of the directions, and the colour bar.

use burnscape_trace::Slice;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::viewport::{Span, Viewport};
use crate::palette::MUTED;
use crate::widgets::scale::{ColourScale, Scale, ScaleChoice};
use crate::widgets::{areas, colour_bar, text};

/// Cells left of the map: numbers such as `-0.125`, a name such as `β PC 2`, and a gap.
pub(super) const WIDTH: u16 = 8;

pub(super) fn draw_bar(view: &Viewport, colours: &ColourScale, area: Rect, buffer: &mut Buffer) {
    let x = view.area.right() + 1;
    if x + colour_bar::WIDTH > area.right() {
        return;
    }
    let bar = Rect { x, width: colour_bar::WIDTH, ..view.area };
    let mut remarks = vec!["loss", if colours.scale.log { "log" } else { "linear" }];
    if colours.clipping().is_some() {
        remarks.push("clipped");
    }
    colour_bar::draw(bar, buffer, colours, &remarks);
}

/// Draws coordinates and names at the left of the map and below it.
pub(super) fn draw(view: &Viewport, slice: &Slice, area: Rect, buffer: &mut Buffer) {
    let (left, rest) = areas::split_left(area, WIDTH);
    let (left, _gap) = areas::split_right(left, 1);
    let (numbers, _corner) = areas::split_bottom(left, 1);
    draw_vertical(view, numbers, buffer);
    let beta = slice.y.as_ref().map_or("", |axis| axis.label.as_str());
    draw_name("β", beta, areas::row(left, 0), buffer);
    let (below, right) = areas::split_left(areas::split_bottom(rest, 1).1, view.area.width);
    draw_horizontal(view, below, buffer);
    draw_name("α", &slice.x.label, areas::split_left(right, 1).1, buffer);
}

fn draw_name(symbol: &str, label: &str, area: Rect, buffer: &mut Buffer) {
    let name = text::printable(&format!("{symbol} {label}"));
    text::put(buffer, area, &name, Style::new());
}

/// Round coordinates of a span, with their text.
fn ticks_of(span: &Span, most: u16) -> Vec<(f64, String)> {
    let scale = Scale::new(span.low, span.high, ScaleChoice::Linear);
    let ticks = scale.ticks(usize::from(most).clamp(2, 7));
    ticks.iter().map(|&tick| (tick, scale.tick_text(tick, &ticks))).collect()
}

/// Numbers at their rows; the first row is left to the name.
fn draw_vertical(view: &Viewport, area: Rect, buffer: &mut Buffer) {
    for (tick, label) in ticks_of(&view.y, area.height / 3) {
        let row = ((1.0 - view.y.share(tick)) * f64::from(area.height)).floor() as u16;
        if (1..area.height).contains(&row) {
            let line = areas::row(area, row);
            text::put_right(buffer, line, &label, Style::new().fg(MUTED));
        }
    }
}

/// Numbers centred below their places, as many as stand apart.
fn draw_horizontal(view: &Viewport, row: Rect, buffer: &mut Buffer) {
    let mut free_from = row.x;
    for (tick, label) in ticks_of(&view.x, row.width / 12) {
        let centre = f64::from(row.x) + view.x.share(tick) * f64::from(row.width);
        let width = text::width(&label) as u16;
        let x = (centre as u16).saturating_sub(width / 2).max(row.x);
        if x >= free_from && x + width <= row.right() {
            text::put(buffer, Rect { x, width, ..row }, &label, Style::new().fg(MUTED));
            free_from = x + width + 1;
        }
    }
}
