//! Eigenvalues and trace over steps, with bars for how far they may be off.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::numbers::stability_words;
use crate::model::{CurvatureHistory, Moment, Run, Series};
use crate::palette::{ENVELOPE, TRAIN, VALID};
use crate::widgets::chart::{Curve, Reading};
use crate::widgets::plot::Plot;

/// Draws the largest eigenvalue with its bars, and the line above which steps overshoot; tells where its steps lie.
pub(super) fn draw(
    run: &Run,
    history: &CurvatureHistory,
    reading: Reading,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Plot> {
    let largest = series(history, |moment| moment.largest);
    let limit = series(history, |moment| (moment.limit, 0.0));
    let words = history.last().and_then(stability_words);
    let mut curves = Vec::new();
    if let Some(words) = words.as_deref().filter(|_| !limit.is_empty()) {
        curves.push(Curve { label: words, series: &limit, line: VALID, envelope: None });
    }
    let envelope = Some(ENVELOPE);
    curves.push(Curve { label: "λ_max", series: &largest, line: TRAIN, envelope });
    let growing = !run.state().is_over();
    let chart = reading.chart("sharpness", curves, growing);
    chart.absent("no largest eigenvalue was measured").draw(area, buffer)
}

/// Draws the smallest eigenvalue with its bars.
pub(super) fn draw_smallest(
    run: &Run,
    history: &CurvatureHistory,
    reading: Reading,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Plot> {
    draw_one(run, "λ_min", &series(history, |moment| moment.smallest), reading, area, buffer)
}

/// Draws the trace with its standard error.
pub(super) fn draw_trace(
    run: &Run,
    history: &CurvatureHistory,
    reading: Reading,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Plot> {
    draw_one(run, "trace", &series(history, |moment| moment.trace), reading, area, buffer)
}

fn draw_one(
    run: &Run,
    title: &str,
    series: &Series,
    reading: Reading,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Plot> {
    let curve = Curve { label: "", series, line: TRAIN, envelope: Some(ENVELOPE) };
    let growing = !run.state().is_over();
    reading.chart(title, vec![curve], growing).draw(area, buffer)
}

/// One quantity of every moment, with its error on both sides.
fn series(history: &CurvatureHistory, of: impl Fn(&Moment) -> (f64, f64)) -> Series {
    let values = history.moments().iter().map(|moment| (moment.step, of(moment)));
    Series::with_errors(values)
}
