//! What surrounds the map of a plane: coordinates, names of the directions, and the colour bar.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span as TextSpan};

use super::picture::Picture;
use super::viewport::{Span, Viewport};
use crate::palette::{LEVELS, MUTED, faint_ink, scale};
use crate::widgets::colours::Colours;
use crate::widgets::half_blocks::INTERPOLATED_MARK;
use crate::widgets::scale::{Scale, ScaleChoice};
use crate::widgets::{areas, colour_bar, text};

/// Cells left of the map: numbers such as `-0.125`, a name such as `β PC 2`, and a gap.
pub(super) const WIDTH: u16 = 8;

/// The area of the map: what numbers at the left and below leave.
pub(super) fn inner(area: Rect) -> Rect {
    areas::split_bottom(areas::split_left(area, WIDTH).1, 1).0
}

pub(super) fn draw_bar(
    view: &Viewport,
    picture: &Picture<'_>,
    colours: &Colours,
    area: Rect,
    buffer: &mut Buffer,
) {
    let x = view.area.right() + 1;
    if x + colour_bar::WIDTH > area.right() {
        return;
    }
    let bar = Rect { x, width: colour_bar::WIDTH, ..view.area };
    draw_bar_at(bar, picture, colours, buffer);
}

/// Draws the colour bar over an area that is as wide as it; not in a narrower one.
pub(super) fn draw_bar_at(
    area: Rect,
    picture: &Picture<'_>,
    colours: &Colours,
    buffer: &mut Buffer,
) {
    if area.width >= colour_bar::WIDTH {
        colour_bar::draw(area, buffer, colours, &remarks(picture, colours));
    }
}

/// What the colours stand for, and how.
fn remarks(picture: &Picture<'_>, colours: &Colours) -> Vec<Line<'static>> {
    let name = text::cut_end(&picture.name(), usize::from(colour_bar::TEXT_WIDTH));
    let mut remarks = vec![Line::raw(name), Line::raw(colours.kind())];
    if picture.common.is_some() {
        remarks.push(Line::raw("common"));
    }
    if colours.clipping().is_some() {
        remarks.push(Line::raw("clipped"));
    }
    if picture.surface().counts().interpolated > 0 {
        remarks.extend([interpolated_swatch(), Line::raw("interp.")]);
    }
    remarks
}

/// How what was filled in looks, from low to high.
fn interpolated_swatch() -> Line<'static> {
    let levels = (0..LEVELS).step_by(2);
    let cell = |level| {
        let style = Style::new().fg(faint_ink(level)).bg(scale(level));
        TextSpan::styled(INTERPOLATED_MARK, style)
    };
    Line::from(levels.map(cell).collect::<Vec<_>>())
}

/// Draws coordinates and the names of both directions at the left of the map and below it.
pub(super) fn draw(view: &Viewport, [alpha, beta]: [&str; 2], area: Rect, buffer: &mut Buffer) {
    draw_numbers(view, area, buffer);
    let (left, rest) = areas::split_left(area, WIDTH);
    let (left, _gap) = areas::split_right(left, 1);
    draw_name("β", beta, areas::row(left, 0), buffer);
    let (_, right) = areas::split_left(areas::split_bottom(rest, 1).1, view.area.width);
    draw_name("α", alpha, areas::split_left(right, 1).1, buffer);
}

/// Draws the coordinates alone.
pub(super) fn draw_numbers(view: &Viewport, area: Rect, buffer: &mut Buffer) {
    let (left, rest) = areas::split_left(area, WIDTH);
    let (left, _gap) = areas::split_right(left, 1);
    let (numbers, _corner) = areas::split_bottom(left, 1);
    draw_vertical(view, numbers, buffer);
    let below = areas::split_bottom(rest, 1).1;
    draw_horizontal(view, areas::split_left(below, view.area.width).0, buffer);
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
