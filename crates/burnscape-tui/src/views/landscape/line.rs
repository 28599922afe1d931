//! A line through the landscape: loss over the coefficient of one direction.

use burnscape_landscape::surface::Surface;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::Cursor;
use super::viewport::{Span, Zoom};
use crate::model::Landscape;
use crate::palette::{BAD, ENVELOPE, MUTED, TRAIN, VALID};
use crate::widgets::dots::Dots;
use crate::widgets::scale::{Scale, ScaleChoice};
use crate::widgets::{areas, text, value_axis};

/// Cells left of the plot for the numbers of the vertical axis.
const LABELS: u16 = 9;

/// Draws the line, its standard errors and its axes.
pub(super) fn draw(
    landscape: &Landscape,
    surface: &Surface,
    choice: ScaleChoice,
    cursor: Option<Cursor>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let plot = Plot::new(surface, choice, area);
    plot.draw_axes(area, buffer);
    let mut dots = Dots::new(plot.area);
    plot.draw_stderrs(&mut dots);
    plot.draw_losses(&mut dots);
    dots.draw(plot.area, buffer);
    plot.mark_non_finite(buffer);
    plot.mark_snapshots(landscape, buffer);
    if let Some(cursor) = cursor {
        plot.mark_cursor(cursor.column, buffer);
    }
}

struct Plot<'a> {
    surface: &'a Surface,
    span: Span,
    scale: Scale,
    area: Rect,
}

impl<'a> Plot<'a> {
    fn new(surface: &'a Surface, choice: ScaleChoice, area: Rect) -> Self {
        let ends = surface.lowest().zip(surface.highest());
        let (low, high) = ends.map_or((0.0, 1.0), |(low, high)| (low.loss, high.loss));
        let labels = LABELS.min(area.width.saturating_sub(1));
        Self {
            surface,
            span: Span::new(surface.grid().x(), Zoom::default(), 0.0),
            scale: Scale::new(low, high, choice).padded(),
            area: Rect {
                x: area.x + labels,
                width: area.width - labels,
                height: area.height.saturating_sub(1),
                ..area
            },
        }
    }

    fn x_of(&self, dots: &Dots, node: usize) -> f64 {
        self.span.share(self.surface.grid().x().value(node)) * dots.width() as f64 - 0.5
    }

    fn y_of(&self, dots: &Dots, loss: f64) -> Option<f64> {
        let bottom = dots.height() as f64 - 1.0;
        self.scale.share(loss).map(|share| (1.0 - share) * bottom)
    }

    fn draw_losses(&self, dots: &mut Dots) {
        let mut previous = None;
        for node in 0..self.surface.grid().columns() {
            let height = self.surface.loss(node).and_then(|loss| self.y_of(dots, loss));
            let point = height.map(|y| (self.x_of(dots, node), y));
            if let Some(point) = point {
                dots.line(previous.unwrap_or(point), point, TRAIN);
            }
            // Unmeasured nodes leave gaps while the line fills in, non-finite ones for good.
            previous = point;
        }
    }

    fn draw_stderrs(&self, dots: &mut Dots) {
        for node in 0..self.surface.grid().columns() {
            let stderr = self.surface.stderrs()[node];
            let Some(loss) = self.surface.loss(node).filter(|_| stderr > 0.0) else {
                continue;
            };
            let ends = (self.y_of(dots, loss - stderr), self.y_of(dots, loss + stderr));
            if let (Some(low), Some(high)) = ends {
                let x = self.x_of(dots, node);
                dots.line((x, low), (x, high), ENVELOPE);
            }
        }
    }

    fn mark_non_finite(&self, buffer: &mut Buffer) {
        for node in 0..self.surface.grid().columns() {
            if self.surface.loss(node).is_some_and(|loss| !loss.is_finite()) {
                let symbol = if self.surface.losses()[node].is_nan() { "×" } else { "∞" };
                let style = Style::new().fg(BAD).add_modifier(Modifier::BOLD);
                self.mark(self.surface.grid().x().value(node), 0, symbol, style, buffer);
            }
        }
    }

    /// Where the snapshots project to, on the lowest row: their own losses are not on the line.
    fn mark_snapshots(&self, landscape: &Landscape, buffer: &mut Buffer) {
        let Some(trajectory) = landscape.trajectory() else {
            return;
        };
        let style = Style::new().fg(VALID).add_modifier(Modifier::BOLD);
        let bottom = self.area.height.saturating_sub(1);
        let ends = [(trajectory.x.first(), "○"), (trajectory.x.last(), "●")];
        for (alpha, symbol) in ends {
            if let Some(&alpha) = alpha {
                self.mark(alpha, bottom, symbol, style, buffer);
            }
        }
    }

    fn mark_cursor(&self, node: usize, buffer: &mut Buffer) {
        let alpha = self.surface.grid().x().value(node);
        let loss = self.surface.loss(node);
        let row = loss.and_then(|loss| value_axis::row_of(&self.scale, loss, self.area.height));
        let row = row.unwrap_or(0);
        let style = Style::new().add_modifier(Modifier::REVERSED);
        self.mark(alpha, row, "┼", style, buffer);
    }

    fn mark(&self, alpha: f64, row: u16, symbol: &str, style: Style, buffer: &mut Buffer) {
        let column = (self.span.share(alpha) * f64::from(self.area.width)).floor();
        if column >= 0.0 && column < f64::from(self.area.width) && row < self.area.height {
            let at = Position::new(self.area.x + column as u16, self.area.y + row);
            if let Some(cell) = buffer.cell_mut(at) {
                cell.set_symbol(symbol).set_style(style);
            }
        }
    }

    fn draw_axes(&self, area: Rect, buffer: &mut Buffer) {
        let (left, _plot) = areas::split_left(area, self.area.x - area.x);
        let (values, corner) = areas::split_bottom(left, 1);
        value_axis::draw(values, buffer, &self.scale);
        let name = if self.scale.log { "loss log" } else { "loss" };
        text::put(buffer, areas::row(left, 0), name, Style::new());
        text::put(buffer, corner, "α", Style::new());
        self.draw_coordinates(buffer);
    }

    fn draw_coordinates(&self, buffer: &mut Buffer) {
        let row = Rect { y: self.area.bottom(), height: 1, ..self.area };
        let scale = Scale::new(self.span.low, self.span.high, ScaleChoice::Linear);
        let ticks = scale.ticks(usize::from(row.width / 14).clamp(2, 7));
        for &tick in &ticks {
            let label = scale.tick_text(tick, &ticks);
            let centre = (self.span.share(tick) * f64::from(row.width)) as u16;
            let indent = centre.saturating_sub(text::width(&label) as u16 / 2);
            let (_left, place) = areas::split_left(row, indent);
            text::put(buffer, place, &label, Style::new().fg(MUTED));
        }
    }
}
