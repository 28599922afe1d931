//! How the eigenvalues are spread: a curve over λ with its standard error.

use burnscape_trace::Density;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::numbers::short;
use crate::palette::{ENVELOPE, MUTED, TRAIN};
use crate::widgets::dots::Dots;
use crate::widgets::scale::{Scale, ScaleChoice};
use crate::widgets::{areas, text, value_axis};

/// Cells left of the plot for the numbers of the vertical axis.
const LABELS: u16 = 8;
/// The least that shows a curve.
const SMALLEST: (u16, u16) = (LABELS + 10, 4);
/// A density so many times below its highest is the tail of a Gaussian, not an eigenvalue.
const FLOOR: f64 = 1e-6;

/// Draws the title, the density over λ, and λ below.
pub(super) fn draw(density: &Density, choice: ScaleChoice, area: Rect, buffer: &mut Buffer) {
    let (head, rest) = areas::split_top(area, 1);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let Some(plot) = Plot::of(density, choice) else {
        return text::put(buffer, head, "density: no finite value", bold);
    };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return text::put(buffer, head, "density", bold);
    }
    let mut title = Line::from(Span::styled("density of eigenvalues", bold));
    title.push_span(Span::styled(told(density, plot.scale.log), Style::new().fg(MUTED)));
    buffer.set_line(head.x, head.y, &title, head.width.saturating_sub(LABELS));
    let (upper, lower) = areas::split_bottom(rest, 1);
    let (numbers, cells) = areas::split_left(upper, LABELS);
    value_axis::draw(numbers, buffer, &plot.scale);
    plot.draw(cells, buffer);
    plot.draw_eigenvalues(areas::split_left(lower, LABELS).1, buffer);
}

fn told(density: &Density, is_log: bool) -> String {
    let log = if is_log { "  log scale" } else { "" };
    let width = short(density.width);
    format!("{log}  {} probes × {} steps, width {width}", density.probes, density.lanczos_steps)
}

/// The points that can be drawn, and the scales that hold them.
struct Plot {
    /// λ, density, and its standard error.
    points: Vec<(f64, f64, f64)>,
    eigenvalues: (f64, f64),
    scale: Scale,
}

impl Plot {
    fn of(density: &Density, choice: ScaleChoice) -> Option<Self> {
        let errors = density.stderr.iter().copied().chain(std::iter::repeat(f64::NAN));
        let points = density.eigenvalue.iter().copied().zip(density.density.iter().copied());
        let points =
            points.zip(errors).map(|((eigenvalue, height), error)| (eigenvalue, height, error));
        let points: Vec<_> =
            points.filter(|point| point.0.is_finite() && point.1.is_finite()).collect();
        let range = |of: fn(&(f64, f64, f64)) -> f64| {
            let ends = points.iter().map(|point| (of(point), of(point)));
            ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let (eigenvalues, (low, high)) = (range(|point| point.0)?, range(|point| point.1)?);
        let scale = Scale::new(low.max(high * FLOOR), high, choice).rounded();
        Some(Self { points, eigenvalues, scale })
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let mut dots = Dots::new(area);
        let (right, bottom) = (dots.width() as f64 - 1.0, dots.height() as f64 - 1.0);
        let across = |eigenvalue: f64| (self.share(eigenvalue) * right).round();
        // A tail below the scale runs along its foot.
        let share = |height: f64| self.scale.share(height.max(self.scale.low)).unwrap_or(0.0);
        let down = |height: f64| ((1.0 - share(height).clamp(0.0, 1.0)) * bottom).round();
        for &(eigenvalue, height, error) in self.points.iter().filter(|point| point.2.is_finite()) {
            let x = across(eigenvalue);
            dots.line((x, down(height - error)), (x, down(height + error)), ENVELOPE);
        }
        for pair in self.points.windows(2) {
            let ends = [pair[0], pair[1]].map(|point| (across(point.0), down(point.1)));
            dots.line(ends[0], ends[1], TRAIN);
        }
        dots.draw(area, buffer);
    }

    /// Where λ lies between the lowest and the highest.
    fn share(&self, eigenvalue: f64) -> f64 {
        let (low, high) = self.eigenvalues;
        if high > low { (eigenvalue - low) / (high - low) } else { 0.5 }
    }

    /// The ends of λ, and 0 where it lies between them.
    fn draw_eigenvalues(&self, row: Rect, buffer: &mut Buffer) {
        let muted = Style::new().fg(MUTED);
        let (low, high) = self.eigenvalues;
        let (left, right) = (format!("λ {}", short(low)), short(high));
        text::put(buffer, row, &left, muted);
        text::put_right(buffer, row, &right, muted);
        let zero = (self.share(0.0) * f64::from(row.width.saturating_sub(1))).round();
        let free = text::width(&left) as f64 + 1.0
            ..f64::from(row.width) - text::width(&right) as f64 - 1.0;
        if free.contains(&zero) {
            text::put(buffer, areas::split_left(row, zero as u16).1, "0", muted);
        }
    }
}
