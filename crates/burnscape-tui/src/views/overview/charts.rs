//! The charts of the overview: the loss, and beside or below it as many small ones as fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::model::{NamedMetric, Run, Series};
use crate::palette::{ENVELOPE, GOOD, MUTED, TRAIN, VALID};
use crate::widgets::chart::{Chart, Curve, Reading};
use crate::widgets::plot::{Plot, Plots};
use crate::widgets::smoothing::Smoothing;
use crate::widgets::{areas, text};

/// From this width on, small charts stand at the right of the loss.
const WIDE_FROM: u16 = 100;
/// Cells and rows of a small chart, at least.
const SMALL: (u16, u16) = (38, 7);
const NO_LOSS: &str = "not recorded: what the training step returns has no loss";
const NO_NORM: &str = "not recorded: turn it on with `probe.grad_norms_every(1)`";

/// How charts are drawn, and with which small one they begin.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charts {
    pub(super) reading: Reading,
    pub(super) smoothing: Smoothing,
    pub(super) first: usize,
}

impl Charts {
    /// Draws the loss and the small charts that fit, and tells where their steps lie.
    pub(super) fn draw(self, run: &Run, area: Rect, buffer: &mut Buffer, plots: &Plots) {
        let all = small_charts(run);
        let (loss, places) = places(area, all.len());
        plots.add(self.draw_loss(run, loss, buffer));
        let growing = !run.state().is_over();
        let chosen = all.iter().cycle().skip(self.first % all.len().max(1));
        for (small, &place) in chosen.zip(&places) {
            plots.add(small.draw(self, growing, place, buffer));
        }
        let hidden = all.len().saturating_sub(places.len());
        if let Some(&last) = places.last().filter(|_| hidden > 0) {
            let words = format!(" v: {hidden} more");
            text::put_right(buffer, areas::row(last, 0), &words, Style::new().fg(MUTED));
        }
    }

    fn draw_loss(self, run: &Run, area: Rect, buffer: &mut Buffer) -> Option<Plot> {
        // The line of the steps stands out where it is calm.
        let line = if self.smoothing == Smoothing::Off { ENVELOPE } else { TRAIN };
        let curve = |label, series, line, envelope| Curve { label, series, line, envelope };
        let curves = [
            curve("step", &run.step_loss, line, Some(ENVELOPE)),
            curve("train epoch", &run.epoch_train_loss, TRAIN, None),
            curve("valid epoch", &run.epoch_valid_loss, VALID, None),
        ];
        let curves = curves.into_iter().filter(|curve| !curve.series.is_empty()).collect();
        let absent = (run.steps() > 0).then_some(NO_LOSS);
        let chart = self.chart("loss", curves, !run.state().is_over());
        Chart { absent, ..chart }.draw(area, buffer)
    }

    fn chart<'a>(self, title: &'a str, curves: Vec<Curve<'a>>, growing: bool) -> Chart<'a> {
        Chart { smoothing: self.smoothing, ..self.reading.chart(title, curves, growing) }
    }
}

/// A chart beside the loss: a name, and curves with theirs.
struct Small<'a> {
    title: String,
    curves: Vec<(String, &'a Series, Color)>,
    absent: Option<&'static str>,
}

impl Small<'_> {
    fn draw(&self, charts: Charts, growing: bool, area: Rect, buffer: &mut Buffer) -> Option<Plot> {
        let curves = self.curves.iter().map(|(label, series, line)| Curve {
            label,
            series,
            line: *line,
            envelope: Some(ENVELOPE),
        });
        let chart = charts.chart(&self.title, curves.collect(), growing);
        Chart { absent: self.absent, ..chart }.draw(area, buffer)
    }
}

/// Learning rate and gradient norm, what the user registered, and the throughput.
fn small_charts(run: &Run) -> Vec<Small<'_>> {
    let own = |title: &str, series, absent| Small {
        title: title.to_owned(),
        curves: vec![(String::new(), series, TRAIN)],
        absent,
    };
    let no_norm = (run.steps() > 0).then_some(NO_NORM);
    let mut charts = vec![
        own("learning rate", &run.learning_rate, None),
        own("gradient norm", &run.global_grad_norm, no_norm),
    ];
    charts.extend(run.metrics.iter().map(of_metric));
    charts.push(own("steps/s", &run.throughput, None));
    charts
}

fn of_metric(metric: &NamedMetric) -> Small<'_> {
    let colour = |split: &str| match split {
        "train" => TRAIN,
        "valid" => VALID,
        _ => GOOD,
    };
    let curves = metric
        .curves()
        .iter()
        .map(|curve| (text::printable(curve.split()), curve.series(), colour(curve.split())));
    let title = text::printable(metric.name());
    Small { title, curves: curves.collect(), absent: None }
}

/// Room for the loss, and for as many small charts as fit, so many at most.
fn places(area: Rect, charts: usize) -> (Rect, Vec<Rect>) {
    if area.width >= WIDE_FROM {
        let (left, right) = areas::split_left(area, area.width * 3 / 5);
        return (left, grid(areas::split_left(right, 1).1, charts));
    }
    // Where there is little room, all of it is the loss's.
    let below = if area.height < 2 * SMALL.1 { 0 } else { area.height * 2 / 5 };
    let (upper, lower) = areas::split_bottom(area, below);
    (upper, if below == 0 { Vec::new() } else { grid(lower, charts) })
}

/// As many equal parts as fit, in rows; one at least.
fn grid(area: Rect, most: usize) -> Vec<Rect> {
    let fit = |room: u16, least: u16| usize::from(room / least).max(1);
    let rows = fit(area.height, SMALL.1).min(most.max(1));
    let columns = fit(area.width + 1, SMALL.0).min(most.div_ceil(rows).max(1));
    let mut places = Vec::new();
    let mut below = area;
    // All of one height, or some would have room for a border and others not.
    let height = area.height / rows as u16;
    for _ in 0..rows {
        let (line, rest) = areas::split_top(below, height);
        let mut right = line;
        for column in 0..columns {
            let (cell, others) = areas::split_left(right, right.width / (columns - column) as u16);
            let gap = u16::from(column + 1 < columns);
            places.push(areas::split_right(cell, gap).0);
            right = others;
        }
        below = rest;
    }
    places.truncate(most);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_in_rows_of_one_height_and_are_no_more_than_charts() {
        let area = Rect::new(0, 0, 79, 15);
        let places = grid(area, 9);
        assert_eq!(places.len(), 4);
        assert_eq!((places[0], places[3]), (Rect::new(0, 0, 38, 7), Rect::new(39, 7, 40, 7)));
        assert_eq!(grid(area, 1), [area]);
        assert_eq!(grid(Rect::new(0, 0, 3, 1), 5), [Rect::new(0, 0, 3, 1)]);
    }
}
