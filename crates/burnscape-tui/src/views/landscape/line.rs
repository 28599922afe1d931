//! A line through the landscape: the loss over the coefficient of one direction, and below it the
//! layers that were measured at the same nodes.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::cursor::Cursor;
use super::picture::Picture;
use super::relief::TRUE_LOSS_MARK;
use super::viewport::{self, Zoom};
use crate::palette::{BAD, ENVELOPE, MUTED, TRAIN, VALID};
use crate::widgets::dots::Dots;
use crate::widgets::half_blocks::{INFINITY_MARK, INTERPOLATED_MARK, NAN_MARK};
use crate::widgets::scale::{Scale, ScaleChoice};
use crate::widgets::{areas, text, value_axis};

/// Cells left of the plot for the numbers of the vertical axis.
const LABELS: u16 = 9;
/// Rows of a plot among others: its title, four rows of curve, the coordinates.
const PLOT_ROWS: u16 = 6;

/// How many plots find room one above the other.
pub(super) fn plots(area: Rect) -> usize {
    usize::from(area.height / PLOT_ROWS).max(1)
}

/// Draws the lines of one slice one above the other.
pub(super) fn draw(
    pictures: &[Picture<'_>],
    cursor: Option<Cursor>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let mut rest = area;
    for (drawn, picture) in pictures.iter().enumerate() {
        let rows = rest.height / (pictures.len() - drawn) as u16;
        let (place, below) = areas::split_top(rest, rows);
        draw_line(picture, cursor, place, buffer);
        rest = below;
    }
}

/// Draws one line, its standard errors, its axes, and above them what it is.
fn draw_line(picture: &Picture<'_>, cursor: Option<Cursor>, area: Rect, buffer: &mut Buffer) {
    let (title, area) = areas::split_top(area, 1);
    let plot = Plot::new(picture, area);
    plot.draw_title(title, buffer);
    plot.draw_axes(area, buffer);
    let mut dots = Dots::new(plot.area);
    plot.draw_centre(&mut dots);
    plot.draw_band(&mut dots);
    plot.draw_values(&mut dots);
    dots.draw(plot.area, buffer);
    plot.mark_non_finite(buffer);
    plot.mark_interpolated(buffer);
    plot.mark_true_losses(buffer);
    plot.mark_snapshots(buffer);
    if let Some(cursor) = cursor {
        plot.mark_cursor(cursor.column, buffer);
    }
}

/// The range of the values with their errors, but none that a logarithmic scale could not hold.
fn range_with_errors(picture: &Picture<'_>) -> Option<(f64, f64)> {
    let (low, high) = picture.range()?;
    let surface = picture.surface();
    let bounds =
        surface.losses().iter().zip(surface.stderrs()).filter(|(_, stderr)| **stderr > 0.0);
    let bounds = bounds.filter(|(value, stderr)| value.is_finite() && stderr.is_finite());
    let lows = bounds.clone().map(|(value, stderr)| value - stderr);
    let highs = bounds.map(|(value, stderr)| value + stderr);
    let is_kept = |bound: &f64| low <= 0.0 || *bound > 0.0;
    Some((lows.filter(is_kept).fold(low, f64::min), highs.fold(high, f64::max)))
}

/// The band at a node, in dots.
#[derive(Debug, Clone, Copy)]
struct Band {
    x: f64,
    top: f64,
    bottom: f64,
}

/// Fills the band between two nodes.
fn fill(dots: &mut Dots, from: Band, to: Band) {
    let (first, last) = (from.x.round().max(0.0) as usize, to.x.round().max(0.0) as usize);
    for x in first..=last.min(dots.width()) {
        let share = ((x as f64 - from.x) / (to.x - from.x).max(1.0)).clamp(0.0, 1.0);
        let mix = |a: f64, b: f64| (a + share * (b - a)).clamp(0.0, dots.height() as f64);
        let (top, bottom) = (mix(from.top, to.top), mix(from.bottom, to.bottom));
        for y in
            (top.round() as usize..=bottom.round() as usize).filter(|y| x % 2 == 0 && y % 2 == 0)
        {
            dots.set(x, y, ENVELOPE);
        }
    }
}

struct Plot<'a> {
    picture: &'a Picture<'a>,
    span: viewport::Span,
    scale: Scale,
    area: Rect,
}

impl<'a> Plot<'a> {
    fn new(picture: &'a Picture<'a>, area: Rect) -> Self {
        let (low, high) = range_with_errors(picture).unwrap_or((0.0, 1.0));
        let labels = LABELS.min(area.width.saturating_sub(1));
        Self {
            picture,
            span: viewport::Span::new(picture.surface().grid().x(), Zoom::default(), 0.0),
            scale: Scale::new(low, high, picture.choice).padded(),
            area: Rect {
                x: area.x + labels,
                width: area.width - labels,
                height: area.height.saturating_sub(1),
                ..area
            },
        }
    }

    fn nodes(&self) -> std::ops::Range<usize> {
        0..self.picture.surface().grid().columns()
    }

    fn alpha(&self, node: usize) -> f64 {
        self.picture.surface().grid().x().value(node)
    }

    fn x_of(&self, dots: &Dots, node: usize) -> f64 {
        self.span.share(self.alpha(node)) * dots.width() as f64 - 0.5
    }

    fn y_of(&self, dots: &Dots, value: f64) -> Option<f64> {
        let bottom = dots.height() as f64 - 1.0;
        self.scale.share(value).map(|share| (1.0 - share) * bottom)
    }

    fn draw_values(&self, dots: &mut Dots) {
        let mut previous = None;
        for node in self.nodes() {
            let value = self.picture.surface().loss(node);
            let height = value.and_then(|value| self.y_of(dots, value));
            let point = height.map(|y| (self.x_of(dots, node), y));
            if let Some(point) = point {
                dots.line(previous.unwrap_or(point), point, self.colour(node));
            }
            // Unmeasured nodes leave gaps while the line fills in, non-finite ones for good.
            previous = point;
        }
    }

    /// What was filled in is fainter than what was measured.
    fn colour(&self, node: usize) -> Color {
        if self.picture.is_interpolated(node) { MUTED } else { TRAIN }
    }

    /// Where α is 0: the weights that the line goes through.
    fn draw_centre(&self, dots: &mut Dots) {
        let grid = self.picture.surface().grid();
        let node = grid.centre();
        if self.alpha(node) == 0.0 {
            let x = self.x_of(dots, node).round().max(0.0) as usize;
            (0..dots.height()).step_by(3).for_each(|y| dots.set(x, y, MUTED));
        }
    }

    /// One standard error up and down, between nodes along straight lines; every other dot of every other
    /// row, so that the curve is told from it without colour too.
    fn draw_band(&self, dots: &mut Dots) {
        let mut previous = None;
        for node in self.nodes() {
            let band = self.band(dots, node);
            if let Some(band) = band {
                fill(dots, previous.unwrap_or(band), band);
            }
            previous = band;
        }
    }

    /// Where the band begins and ends at a node.
    fn band(&self, dots: &Dots, node: usize) -> Option<Band> {
        let surface = self.picture.surface();
        let stderr = surface.stderrs()[node];
        let value = surface.loss(node).filter(|_| stderr > 0.0)?;
        let bottom = dots.height() as f64 - 1.0;
        // What is not positive lies below every logarithmic scale.
        let low = self.y_of(dots, value - stderr).unwrap_or(bottom);
        Some(Band { x: self.x_of(dots, node), top: self.y_of(dots, value + stderr)?, bottom: low })
    }

    fn mark_non_finite(&self, buffer: &mut Buffer) {
        let surface = self.picture.surface();
        for node in self.nodes() {
            if let Some(value) = surface.loss(node).filter(|value| !value.is_finite()) {
                let symbol = if value.is_nan() { NAN_MARK } else { INFINITY_MARK };
                let style = Style::new().fg(BAD).add_modifier(Modifier::BOLD);
                self.mark(self.alpha(node), 0, symbol, style, buffer);
            }
        }
    }

    /// Nodes that were filled in, on the lowest row: the curve alone does not tell them.
    fn mark_interpolated(&self, buffer: &mut Buffer) {
        let bottom = self.area.height.saturating_sub(1);
        for node in self.nodes().filter(|&node| self.picture.is_interpolated(node)) {
            let style = Style::new().fg(MUTED);
            self.mark(self.alpha(node), bottom, INTERPOLATED_MARK, style, buffer);
        }
    }

    /// Where the snapshots project to, on the lowest row: their own losses are not on the line.
    fn mark_snapshots(&self, buffer: &mut Buffer) {
        let Some(trajectory) = self.picture.landscape.trajectory() else {
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

    /// The losses that snapshots themselves have; those beyond the scale at its end, with an arrow.
    fn mark_true_losses(&self, buffer: &mut Buffer) {
        let Some(trajectory) = self.true_losses() else {
            return;
        };
        let style = Style::new().fg(VALID).add_modifier(Modifier::BOLD);
        for (&alpha, &loss) in trajectory.x.iter().zip(trajectory.loss.iter()) {
            let inside = value_axis::row_of(&self.scale, loss, self.area.height);
            match inside {
                Some(row) => self.mark(alpha, row, TRUE_LOSS_MARK, style, buffer),
                None if loss > self.scale.high => self.mark(alpha, 0, "↑", style, buffer),
                None if loss < self.scale.low => {
                    self.mark(alpha, self.area.height.saturating_sub(1), "↓", style, buffer);
                }
                None => {}
            }
        }
    }

    /// The path with true losses, where the line shows losses.
    fn true_losses(&self) -> Option<&burnscape_trace::Trajectory> {
        let path = self.picture.landscape.trajectory();
        path.filter(|path| self.picture.quantity.number == 0 && !path.loss.is_empty())
    }

    fn mark_cursor(&self, node: usize, buffer: &mut Buffer) {
        let node = node.min(self.nodes().end - 1);
        let value = self.picture.surface().loss(node);
        let row = value.and_then(|value| value_axis::row_of(&self.scale, value, self.area.height));
        let row = row.unwrap_or(0);
        let style = Style::new().add_modifier(Modifier::REVERSED);
        self.mark(self.alpha(node), row, "┼", style, buffer);
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

    fn draw_title(&self, row: Rect, buffer: &mut Buffer) {
        let common = if self.picture.common.is_some() { "  common scale" } else { "" };
        let log = if self.scale.log { "  log scale" } else { "" };
        let name = Span::styled(self.picture.name(), Modifier::BOLD);
        let marks =
            if self.true_losses().is_some() { "  ◇ true losses of snapshots" } else { "" };
        let remarks = Span::styled(format!("{log}{common}{marks}"), MUTED);
        let row = row.intersection(buffer.area);
        buffer.set_line(row.x, row.y, &Line::from(vec![name, remarks]), row.width);
    }

    fn draw_axes(&self, area: Rect, buffer: &mut Buffer) {
        let (left, _plot) = areas::split_left(area, self.area.x - area.x);
        let (values, corner) = areas::split_bottom(left, 1);
        value_axis::draw(values, buffer, &self.scale);
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
