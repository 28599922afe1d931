//! Curves over steps in braille: a line through the last values, an envelope from least to most.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::dots::Dots;
use super::panel::{self, Panel};
use super::plot::Plot;
use super::scale::{Scale, ScaleChoice, robust_range};
use super::smoothing::{Smoothing, smoothed};
use super::step_axis::StepAxis;
use super::{areas, facts, text, value_axis};
use crate::model::Series;
use crate::numbers::short;
use crate::palette::{BAD, ENVELOPE, MUTED, RULE, WARNING};
use crate::sight::Sight;

/// Cells left of the plot for the numbers of the vertical axis, where there is room: charts below each other then
/// have their steps below each other too.
const LABELS: u16 = 8;
/// Plots from this width on have names at the ends of their lines.
const NAMES_FROM: u16 = 40;
/// Rows of a plot that has guides.
const GUIDES_FROM: u16 = 5;
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

/// How the reader wants charts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// The vertical scale.
    pub scale: ScaleChoice,
    /// The steps in sight, and the cursor.
    pub sight: Sight,
}

impl Reading {
    /// A chart that is read so; more steps are to come while it is growing.
    #[must_use]
    pub fn chart<'a>(self, title: &'a str, curves: Vec<Curve<'a>>, growing: bool) -> Chart<'a> {
        Chart { growing, sight: self.sight, ..Chart::new(title, curves, self.scale) }
    }
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
    /// Which steps are in sight, and the cursor.
    pub sight: Sight,
}

impl<'a> Chart<'a> {
    /// A chart of a run that is over, without smoothing.
    #[must_use]
    pub fn new(title: &'a str, curves: Vec<Curve<'a>>, choice: ScaleChoice) -> Self {
        let smoothing = Smoothing::Off;
        let sight = Sight::default();
        Self { title, curves, choice, growing: false, smoothing, absent: None, sight }
    }

    /// The same with words for where there are no values.
    #[must_use]
    pub fn absent(self, absent: &'a str) -> Self {
        Self { absent: Some(absent), ..self }
    }
}

impl Chart<'_> {
    /// Draws the chart, and tells where its steps lie; says so where it does not fit or has no values.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<Plot> {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            text::put(buffer, area, self.title, Style::new().fg(MUTED));
            return None;
        }
        let panel = Panel::new(area);
        let Some(axes) = self.axes(panel.inner.height) else {
            self.draw_empty(&panel, buffer);
            return None;
        };
        let plot = self.plot(&panel, &axes);
        panel.draw(self.heading(&axes, panel.title.width), &self.remarks(&axes), buffer);
        let numbers = Rect { width: plot.x - panel.inner.x, ..panel.inner };
        value_axis::draw_ticks(numbers, buffer, &axes.scale, &axes.ticks);
        axes.steps.draw(
            Rect { x: plot.x, width: plot.width, ..panel.below },
            self.sight.cursor,
            buffer,
        );
        draw_guides(plot, &axes, self.sight.cursor, buffer);
        self.draw_curves(plot, &axes, buffer);
        self.draw_names(plot, panel.inner, &axes, buffer);
        Some(Plot { area: plot, steps: axes.steps })
    }

    /// Steps and values that the curves cover; a chart of non-finite values alone still has axes.
    fn axes(&self, rows: u16) -> Option<Axes> {
        let buckets = || self.curves.iter().flat_map(|curve| curve.series.buckets());
        let first = buckets().map(|bucket| bucket.last_step).min()?;
        let last = buckets().map(|bucket| bucket.last_step).max()?;
        let whole = (first, if self.growing { with_room(first, last) } else { last });
        let ends =
            if self.sight.window.is_some() { self.sight.steps((first, last)) } else { whole };
        let steps = StepAxis { ends, data: (first, last), log: self.sight.log_steps };
        let mut values: Vec<f64> = buckets()
            .filter(|bucket| bucket.count > 0 && (ends.0..=ends.1).contains(&bucket.last_step))
            .flat_map(|bucket| [bucket.min, bucket.max])
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        let (scale, ticks) = self.scale_of(&values).on_rows(rows);
        Some(Axes { steps, scale, ticks })
    }

    /// The scale of sorted values: a few that lie far away from all others are left out and marked, and on a
    /// logarithmic one those that are not positive.
    fn scale_of(&self, values: &[f64]) -> Scale {
        let positive = &values[values.partition_point(|value| *value <= 0.0)..];
        let values =
            if self.choice == ScaleChoice::Log && !positive.is_empty() { positive } else { values };
        let (low, high) = values.first().copied().zip(values.last().copied()).unwrap_or((0.0, 1.0));
        let whole = Scale::new(low, high, self.choice);
        let (low, high) = robust_range(values, &whole);
        Scale { low, high, ..whole }
    }

    /// What the numbers at the left and the names at the right leave.
    fn plot(&self, panel: &Panel, axes: &Axes) -> Rect {
        let labels =
            axes.ticks.iter().map(|&tick| text::width(&axes.scale.tick_text(tick, &axes.ticks)));
        let left = (labels.max().unwrap_or(0) as u16 + 1).max(LABELS.min(panel.inner.width / 5));
        let rest = areas::split_left(panel.inner, left).1;
        areas::split_right(rest, self.names_width(rest.width)).0
    }

    fn draw_empty(&self, panel: &Panel, buffer: &mut Buffer) {
        panel.draw(Line::from(panel::name(self.title)), "", buffer);
        let none = if self.growing { "no values yet" } else { "no values" };
        let words = text::wrapped(self.absent.unwrap_or(none), usize::from(panel.inner.width));
        let words: Vec<_> =
            words.into_iter().map(|it| Line::styled(it, Style::new().fg(MUTED))).collect();
        facts::draw_lines(panel.inner, buffer, &words);
    }

    /// The name, then of every curve its name and its value, at the cursor if there is one; what does not fit whole is
    /// left out.
    fn heading(&self, axes: &Axes, width: u16) -> Line<'static> {
        let mut line = Line::from(panel::name(self.title));
        let mut add = |span: Span<'static>| {
            if line.width() + span.width() + 4 <= usize::from(width) {
                line.push_span(span);
            }
        };
        if let Some(count) = self.non_finite() {
            add(Span::styled(format!("  × {count} not finite"), Style::new().fg(BAD)));
        }
        // The edges of a band are no values of their own.
        let is_band = |curve: &&Curve<'_>| curve.label.is_empty() && curve.line == ENVELOPE;
        for curve in self.curves.iter().filter(|curve| !is_band(curve)) {
            let value = self
                .value_of(curve, axes)
                .map_or(String::new(), |value| format!(" {}", short(value)));
            let name = if curve.label.is_empty() {
                value
            } else {
                format!("  ─ {}{value}", curve.label)
            };
            add(Span::styled(name, Style::new().fg(curve.text_colour())));
        }
        line
    }

    /// The last value, or that at the cursor.
    fn value_of(&self, curve: &Curve<'_>, axes: &Axes) -> Option<f64> {
        let Some(cursor) = self.sight.cursor else {
            return curve.series.last().map(|(_, value)| value);
        };
        let data = axes.steps.data;
        let mut buckets = curve.series.buckets().filter(|bucket| bucket.count > 0);
        buckets.find(|bucket| bucket.last_step >= cursor.min(data.1)).map(|bucket| bucket.last)
    }

    /// How it is drawn where that is not plain.
    fn remarks(&self, axes: &Axes) -> String {
        let scale = match (axes.scale.log, axes.scale.within > 0.0) {
            (true, _) => Some("log scale".to_owned()),
            (_, true) => Some("symmetric log scale".to_owned()),
            _ => None,
        };
        let steps = self.sight.log_steps.then(|| "log steps".to_owned());
        scale.into_iter().chain(steps).chain(self.smoothing.words()).collect::<Vec<_>>().join(", ")
    }

    fn non_finite(&self) -> Option<u64> {
        let count = self.curves.iter().map(|curve| curve.series.non_finite()).sum();
        (count > 0).then_some(count)
    }

    fn draw_curves(&self, plot: Rect, axes: &Axes, buffer: &mut Buffer) {
        let mut below = Vec::new();
        let mut lines = Vec::new();
        for curve in &self.curves {
            if let Some(colour) = curve.envelope {
                let mut dots = Dots::new(plot);
                draw_envelope(&mut dots, curve.series, colour, axes);
                below.push(dots);
            }
            let mut dots = Dots::new(plot);
            match self.smoothing.alpha() {
                Some(alpha) => {
                    let mut raw = Dots::new(plot);
                    draw_line(
                        &mut raw,
                        points(curve.series),
                        curve.envelope.unwrap_or(MUTED),
                        axes,
                    );
                    below.push(raw);
                    draw_line(
                        &mut dots,
                        smoothed(points(curve.series), alpha).into_iter(),
                        curve.line,
                        axes,
                    );
                }
                None => draw_line(&mut dots, points(curve.series), curve.line, axes),
            }
            lines.push(dots);
        }
        if let Some(dots) = Dots::layered(&below, &lines) {
            dots.draw(plot, buffer);
        }
        for curve in &self.curves {
            mark_outside(plot, buffer, curve.series, axes);
            mark_non_finite(plot, buffer, curve.series, axes);
        }
    }

    /// Columns for the names at the ends of the lines, where there are several and there is room.
    fn names_width(&self, width: u16) -> u16 {
        let names = || self.curves.iter().filter(|curve| !curve.label.is_empty());
        let longest = names().map(|curve| text::width(curve.label) as u16 + 1).max().unwrap_or(0);
        if names().count() > 1 && width >= NAMES_FROM.max(4 * longest) { longest } else { 0 }
    }

    /// Each name beside the end of its line, or as near to it as others leave room.
    fn draw_names(&self, plot: Rect, inner: Rect, axes: &Axes, buffer: &mut Buffer) {
        let place = Rect {
            x: plot.right() + 1,
            width: inner.right().saturating_sub(plot.right() + 1),
            ..plot
        };
        let mut taken = Vec::new();
        for curve in self.curves.iter().filter(|curve| !curve.label.is_empty() && !place.is_empty())
        {
            let value = self
                .value_of(curve, axes)
                .map(|value| value.clamp(axes.scale.low, axes.scale.high));
            let row = value.and_then(|value| value_axis::row_of(&axes.scale, value, plot.height));
            let by_distance = |row: u16| {
                let mut rows: Vec<u16> =
                    (0..plot.height).filter(|it| !taken.contains(it)).collect();
                rows.sort_by_key(|it| it.abs_diff(row));
                rows.first().copied()
            };
            if let Some(row) = row.and_then(by_distance) {
                text::put(
                    buffer,
                    areas::row(place, row),
                    curve.label,
                    Style::new().fg(curve.text_colour()),
                );
                taken.push(row);
            }
        }
    }
}

impl Curve<'_> {
    /// Words need more contrast than a line.
    fn text_colour(&self) -> Color {
        if self.line == ENVELOPE { MUTED } else { self.line }
    }
}

/// What places a value.
struct Axes {
    steps: StepAxis,
    scale: Scale,
    ticks: Vec<f64>,
}

impl Axes {
    /// The dot of a step; outside of the canvas where it is out of sight.
    fn across(&self, dots: &Dots, step: u64) -> f64 {
        (self.steps.share(step) * (dots.width() as f64 - 1.0)).round()
    }

    /// The dot of a value; at an edge if it is beyond. What has no place on a logarithmic scale is beyond its lower end.
    fn height(&self, dots: &Dots, value: f64) -> Option<f64> {
        let bottom = dots.height() as f64 - 1.0;
        let share =
            self.scale.share(value).or((value.is_finite() && value <= 0.0).then_some(0.0))?;
        Some(((1.0 - share.clamp(0.0, 1.0)) * bottom).round())
    }

    fn is_in_sight(&self, step: u64) -> bool {
        (self.steps.ends.0..=self.steps.ends.1).contains(&step)
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

/// Faint lines at the ticks, and the rule of the cursor.
fn draw_guides(plot: Rect, axes: &Axes, cursor: Option<u64>, buffer: &mut Buffer) {
    let guide = "┈".repeat(usize::from(plot.width));
    let rows =
        axes.ticks.iter().filter_map(|&tick| value_axis::row_of(&axes.scale, tick, plot.height));
    for row in rows.filter(|_| plot.height >= GUIDES_FROM) {
        text::put(buffer, areas::row(plot, row), &guide, Style::new().fg(RULE));
    }
    if let Some(column) = cursor.and_then(|step| axes.steps.column(step, plot.width)) {
        for y in plot.top()..plot.bottom() {
            buffer.set_string(plot.x + column, y, "│", Style::new().fg(MUTED));
        }
    }
}

fn draw_envelope(dots: &mut Dots, series: &Series, colour: Color, axes: &Axes) {
    for bucket in
        series.buckets().filter(|bucket| bucket.count > 0 && axes.is_in_sight(bucket.last_step))
    {
        let x = axes.across(dots, bucket.last_step);
        let ends = (axes.height(dots, bucket.min), axes.height(dots, bucket.max));
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
    axes: &Axes,
) {
    let mut previous = None;
    for (step, value) in points {
        let height = value.and_then(|value| axes.height(dots, value));
        let point = height.map(|y| (axes.across(dots, step), y));
        if let Some(point) = point {
            dots.line(previous.unwrap_or(point), point, colour);
        }
        // A gap where nothing was finite: no line across it.
        previous = point;
    }
}

/// Marks at the edge beyond which values lie.
fn mark_outside(plot: Rect, buffer: &mut Buffer, series: &Series, axes: &Axes) {
    let style = Style::new().fg(WARNING).add_modifier(Modifier::BOLD);
    let room = (axes.scale.high - axes.scale.low).abs() * 1e-9;
    for bucket in series.buckets().filter(|bucket| bucket.count > 0) {
        let Some(column) = axes.steps.column(bucket.last_step, plot.width) else {
            continue;
        };
        let mut put = |row: u16, mark: &str| {
            let cell = Rect { x: plot.x + column, y: plot.y + row, width: 1, height: 1 };
            text::put(buffer, cell, mark, style);
        };
        if bucket.max > axes.scale.high + room {
            put(0, "▲");
        }
        if bucket.min < axes.scale.low - room {
            put(plot.height.saturating_sub(1), "▼");
        }
    }
}

fn mark_non_finite(plot: Rect, buffer: &mut Buffer, series: &Series, axes: &Axes) {
    for bucket in series.buckets().filter(|bucket| bucket.non_finite() > 0) {
        if let Some(column) = axes.steps.column(bucket.last_step, plot.width) {
            let cell = Rect { x: plot.x + column, width: 1, height: 1, ..plot };
            let style = Style::new().fg(BAD).add_modifier(Modifier::BOLD);
            text::put(buffer, cell, "×", style);
        }
    }
}

/// First and last step below the ends of a plot, and round ones between them.
pub fn draw_steps(row: Rect, buffer: &mut Buffer, steps: (u64, u64)) {
    StepAxis { ends: steps, data: steps, log: false }.draw(row, None, buffer);
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
        assert!(lines[0].starts_with("loss  ─ train 0"), "{lines:?}");
        let plot = |row: usize| lines[row].chars().skip(usize::from(LABELS)).collect::<String>();
        let has_dots = |text: &str| text.chars().any(|it| ('\u{2801}'..='\u{28ff}').contains(&it));
        assert!(has_dots(&plot(1)[..12]) && !has_dots(&plot(1)[24..]), "{lines:?}");
        assert!(has_dots(&plot(6)) && plot(6).starts_with("┈┈┈"), "{lines:?}");
        assert!(lines[7].trim_start().starts_with("step 0") && lines[7].ends_with("100"));
    }

    fn labels(series: &Series, choice: ScaleChoice, (width, height): (u16, u16)) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let curve = Curve { label: "", series, line: TRAIN, envelope: None };
        Chart::new("loss", vec![curve], choice).draw(area, &mut buffer);
        crate::frame_text::plain(&buffer).lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_value_far_away_from_all_others_is_a_mark_at_the_edge() {
        let mut series = Series::default();
        (0..200).for_each(|step| {
            series.push(step, if step == 100 { 1e6 } else { f64::from(step as u32 % 7) });
        });
        let lines = labels(&series, ScaleChoice::Linear, (60, 12));
        assert_eq!(lines[1].matches('▲').count(), 1, "{lines:#?}");
        assert!(
            !lines.iter().any(|line| line.contains("e6") || line.contains("1000000")),
            "{lines:#?}"
        );
    }

    #[test]
    fn on_a_logarithmic_scale_zeros_are_marked_at_its_lower_edge() {
        let mut series = Series::default();
        (0..100).for_each(|step| {
            series.push(step, if step % 50 == 25 { 0.0 } else { 10_f64.powi(step as i32 % 4) });
        });
        let lines = labels(&series, ScaleChoice::Log, (60, 12));
        assert_eq!(lines[10].matches('▼').count(), 2, "{lines:#?}");
        let symmetric = labels(&series, ScaleChoice::Symmetric, (60, 12));
        assert!(
            !symmetric.concat().contains('▼') && symmetric[0].contains("symmetric"),
            "{symmetric:#?}"
        );
    }

    #[test]
    fn the_cursor_has_a_rule_and_tells_the_values_there() {
        let mut series = Series::default();
        (0..=100).for_each(|step| series.push(step, f64::from(step as u32)));
        let area = Rect::new(0, 0, 60, 12);
        let mut buffer = Buffer::empty(area);
        let curve = Curve { label: "train", series: &series, line: TRAIN, envelope: None };
        let chart = Chart::new("loss", vec![curve], ScaleChoice::Linear);
        let sight = Sight { cursor: Some(42), ..Sight::default() };
        Chart { sight, ..chart }.draw(area, &mut buffer);
        let text = crate::frame_text::plain(&buffer);
        assert!(text.contains("train 42 ") && text.contains(" 42 "), "{text}");
        let rules = text
            .lines()
            .skip(1)
            .filter(|line| line.chars().skip(9).take(49).any(|it| it == '│'))
            .count();
        assert!(rules >= 8, "{text}");
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
        assert!(lines[0].contains("× 2 not finite"), "{lines:?}");
    }
}
