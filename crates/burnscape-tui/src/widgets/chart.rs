//! Curves over steps in braille: a line through the last values, an envelope from least to most.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::dots::Dots;
use super::scale::{Scale, ScaleChoice};
use super::smoothing::{Smoothing, smoothed};
use super::{areas, facts, text, value_axis};
use crate::model::Series;
use crate::palette::{BAD, MUTED};

/// Cells left of the plot for the numbers of the vertical axis.
const LABELS: u16 = 8;
/// The least that shows a curve: numbers, ten cells of plot; title, two rows, steps.
const SMALLEST: (u16, u16) = (LABELS + 10, 4);

/// One curve.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// Name in the legend; empty: none.
    pub label: &'a str,
    /// The values.
    pub series: &'a Series,
    /// Colour of the line through the last value of every bucket.
    pub line: Color,
    /// Colour of the stretch from the least to the most of every bucket; `None`: not drawn.
    pub envelope: Option<Color>,
}

/// Curves that share their axes.
#[derive(Debug, Clone)]
pub struct Chart<'a> {
    /// What is drawn, with its unit.
    pub title: &'a str,
    /// The curves, the last one on top.
    pub curves: Vec<Curve<'a>>,
    /// The vertical scale asked for.
    pub choice: ScaleChoice,
    /// More steps are to come: leaves room for them, so that not every step moves all others.
    pub growing: bool,
    /// How much the lines are smoothed.
    pub smoothing: Smoothing,
    /// What is said where there are no values; `None`: that there are none, or none yet.
    pub absent: Option<&'a str>,
}

impl<'a> Chart<'a> {
    /// A chart of a run that is over, without smoothing.
    #[must_use]
    pub fn new(title: &'a str, curves: Vec<Curve<'a>>, choice: ScaleChoice) -> Self {
        let smoothing = Smoothing::Off;
        Self { title, curves, choice, growing: false, smoothing, absent: None }
    }

    /// The same with words for where there are no values.
    #[must_use]
    pub fn absent(self, absent: &'a str) -> Self {
        Self { absent: Some(absent), ..self }
    }
}

impl Chart<'_> {
    /// Draws the chart; says so where it does not fit or has no values.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return text::put(buffer, area, self.title, Style::new().fg(MUTED));
        }
        let Some((steps, scale)) = self.axes() else {
            return self.draw_empty(area, buffer);
        };
        self.draw_title(area, buffer, &scale);
        let (_title, rest) = areas::split_top(area, 1);
        let (upper, lower) = areas::split_bottom(rest, 1);
        let (numbers, plot) = areas::split_left(upper, LABELS);
        value_axis::draw(numbers, buffer, &scale);
        draw_steps(areas::split_left(lower, LABELS).1, buffer, steps);
        self.draw_curves(plot, buffer, steps, &scale);
    }

    /// Steps and values that the curves cover; a chart of non-finite values alone still has axes.
    fn axes(&self) -> Option<((u64, u64), Scale)> {
        let buckets = || self.curves.iter().flat_map(|curve| curve.series.buckets());
        let first = buckets().map(|bucket| bucket.last_step).min()?;
        let last = buckets().map(|bucket| bucket.last_step).max()?;
        let bounds = self.curves.iter().filter_map(|curve| curve.series.bounds());
        let (low, high) = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, 1.0));
        let end = if self.growing { with_room(first, last) } else { last };
        Some(((first, end), Scale::new(low, high, self.choice).rounded()))
    }

    fn draw_empty(&self, area: Rect, buffer: &mut Buffer) {
        text::put(buffer, area, self.title, Style::new().add_modifier(Modifier::BOLD));
        let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let none = if self.growing { "no values yet" } else { "no values" };
        let words = text::wrapped(self.absent.unwrap_or(none), usize::from(below.width));
        let words: Vec<_> =
            words.into_iter().map(|it| Line::styled(it, Style::new().fg(MUTED))).collect();
        facts::draw_lines(below, buffer, &words);
    }

    fn draw_title(&self, area: Rect, buffer: &mut Buffer, scale: &Scale) {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let mut title = Line::from(Span::styled(self.title.to_owned(), bold));
        for curve in self.curves.iter().filter(|curve| !curve.label.is_empty()) {
            let name = format!("  ─ {}", curve.label);
            title.push_span(Span::styled(name, Style::new().fg(curve.line)));
        }
        if let Some(words) = self.smoothing.words() {
            title.push_span(Span::styled(format!("  {words}"), Style::new().fg(MUTED)));
        }
        if scale.log {
            title.push_span(Span::styled("  log scale", Style::new().fg(MUTED)));
        }
        if let Some(count) = self.non_finite() {
            title.push_span(Span::styled(format!("  × {count} not finite"), Style::new().fg(BAD)));
        }
        buffer.set_line(area.x, area.y, &title, area.width);
    }

    fn non_finite(&self) -> Option<u64> {
        let count = self.curves.iter().map(|curve| curve.series.non_finite()).sum();
        (count > 0).then_some(count)
    }

    fn draw_curves(&self, plot: Rect, buffer: &mut Buffer, steps: (u64, u64), scale: &Scale) {
        let mut dots = Dots::new(plot);
        let across = StepAxis { steps, dots: dots.width() };
        for curve in &self.curves {
            if let Some(colour) = curve.envelope {
                draw_envelope(&mut dots, curve.series, colour, across, scale);
            }
        }
        for curve in &self.curves {
            let line = match self.smoothing.alpha() {
                Some(_) => curve.envelope.unwrap_or(MUTED),
                None => curve.line,
            };
            draw_line(&mut dots, points(curve.series), line, across, scale);
        }
        if let Some(alpha) = self.smoothing.alpha() {
            for curve in &self.curves {
                let line = smoothed(points(curve.series), alpha);
                draw_line(&mut dots, line.into_iter(), curve.line, across, scale);
            }
        }
        dots.draw(plot, buffer);
        for curve in &self.curves {
            mark_non_finite(plot, buffer, curve.series, across);
        }
    }
}

/// The end of an axis that moves only when the steps have grown by an eighth.
#[must_use]
pub fn with_room(first: u64, last: u64) -> u64 {
    let span = last - first;
    let eighth = (span.max(1).ilog2()).saturating_sub(3);
    let rounded = ((span >> eighth) + 1) << eighth;
    first.saturating_add(rounded)
}

/// Steps to dots.
#[derive(Debug, Clone, Copy)]
struct StepAxis {
    steps: (u64, u64),
    dots: usize,
}

impl StepAxis {
    fn dot(&self, step: u64) -> f64 {
        let (first, last) = self.steps;
        let share = (step - first) as f64 / (last - first).max(1) as f64;
        (share * (self.dots as f64 - 1.0)).round()
    }
}

fn height_of(dots: &Dots, scale: &Scale, value: f64) -> Option<f64> {
    let bottom = dots.height() as f64 - 1.0;
    scale.share(value).map(|share| ((1.0 - share) * bottom).round())
}

fn draw_envelope(dots: &mut Dots, series: &Series, colour: Color, across: StepAxis, scale: &Scale) {
    for bucket in series.buckets().filter(|bucket| bucket.count > 0) {
        let x = across.dot(bucket.last_step);
        let ends = (height_of(dots, scale, bucket.min), height_of(dots, scale, bucket.max));
        if let (Some(low), Some(high)) = ends {
            dots.line((x, low), (x, high), colour);
        }
    }
}

/// The last value of every bucket with its step; `None` where nothing was finite.
fn points(series: &Series) -> impl Iterator<Item = (u64, Option<f64>)> {
    series
        .buckets()
        .map(|bucket| (bucket.last_step, Some(bucket.last).filter(|_| bucket.count > 0)))
}

fn draw_line(
    dots: &mut Dots,
    points: impl Iterator<Item = (u64, Option<f64>)>,
    colour: Color,
    across: StepAxis,
    scale: &Scale,
) {
    let mut previous = None;
    for (step, value) in points {
        let height = value.and_then(|value| height_of(dots, scale, value));
        let point = height.map(|y| (across.dot(step), y));
        if let Some(point) = point {
            dots.line(previous.unwrap_or(point), point, colour);
        }
        // A gap where nothing was finite: no line across it.
        previous = point;
    }
}

fn mark_non_finite(plot: Rect, buffer: &mut Buffer, series: &Series, across: StepAxis) {
    for bucket in series.buckets().filter(|bucket| bucket.non_finite() > 0) {
        let column = (across.dot(bucket.last_step) / 2.0) as u16;
        let cell = Rect { x: plot.x + column, width: 1, height: 1, ..plot };
        let style = Style::new().fg(BAD).add_modifier(Modifier::BOLD);
        text::put(buffer, cell, "×", style);
    }
}

/// First and last step below the ends of a plot.
pub fn draw_steps(row: Rect, buffer: &mut Buffer, steps: (u64, u64)) {
    let muted = Style::new().fg(MUTED);
    if steps.0 == steps.1 {
        return text::put(buffer, row, &format!("step {}", steps.0), muted);
    }
    let last = steps.1.to_string();
    text::put_right(buffer, row, &last, muted);
    let room = row.width.saturating_sub(text::width(&last) as u16 + 1);
    text::put(buffer, Rect { width: room, ..row }, &format!("step {}", steps.0), muted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::TRAIN;

    fn drawn(series: &Series) -> Vec<String> {
        let area = Rect::new(0, 0, 48, 8);
        let mut buffer = Buffer::empty(area);
        let curve = Curve { label: "train", series, line: TRAIN, envelope: None };
        Chart::new("loss", vec![curve], ScaleChoice::Linear).draw(area, &mut buffer);
        crate::frame_text::plain(&buffer).lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_falling_line_runs_from_upper_left_to_lower_right() {
        let mut series = Series::default();
        (0..=100).for_each(|step| series.push(step, f64::from(100 - step as u32)));
        let lines = drawn(&series);
        assert!(lines[0].starts_with("loss  ─ train"));
        let plot = |row: usize| lines[row].chars().skip(usize::from(LABELS)).collect::<String>();
        assert!(!plot(1).starts_with(' ') && plot(6).starts_with("     "));
        assert!(plot(6).trim_end().chars().count() > 36);
        assert!(lines[7].trim_start().starts_with("step 0") && lines[7].ends_with("100"));
    }

    #[test]
    fn a_growing_axis_leaves_at_most_an_eighth_free() {
        assert_eq!(with_room(0, 100), 104);
        assert_eq!(with_room(0, 103), 104);
        assert_eq!(with_room(50, 50), 51);
        for last in [9_u64, 1000, 123_456, u64::MAX / 2] {
            let end = with_room(0, last);
            assert!(end > last && end - last <= last.div_ceil(8), "{last} {end}");
        }
    }

    #[test]
    fn nan_is_a_mark_and_a_gap_never_a_spike() {
        let mut series = Series::default();
        for (step, value) in [1.0, 1.0, f64::NAN, 1.0, f64::INFINITY].into_iter().enumerate() {
            series.push(step as u64, value);
        }
        let lines = drawn(&series);
        assert_eq!(lines[1].matches('×').count(), 2, "{lines:?}");
        assert!(lines[0].contains("× 2 not finite"));
    }
}
