//! The selected tap: numbers of the last observation, a quantity over steps, values by octaves.

use burnscape_trace::{Activation, Histogram};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::octave_map;
use crate::model::{Series, Tap, TapQuantity};
use crate::numbers::short;
use crate::palette::{ENVELOPE, TRAIN};
use crate::widgets::chart::{Curve, Reading};
use crate::widgets::facts::{self, Fact, Tone};
use crate::widgets::plot::Plot;
use crate::widgets::{areas, octaves, text};

/// From this width on, the histogram stands beside the chart …
const BESIDE_FROM: u16 = 64;
/// … and from this height on below it, where there is no room beside it.
const BELOW_FROM: u16 = 12;

/// From this height on, histograms over steps stand above the last one.
const MAP_FROM: u16 = 14;

/// The selected tap, and what of it the reader wants to see over steps.
pub(super) struct Picture<'a> {
    pub(super) tap: &'a Tap,
    pub(super) quantity: TapQuantity,
    pub(super) reading: Reading,
    /// More steps are to come.
    pub(super) growing: bool,
}

impl Picture<'_> {
    /// Draws the numbers above the chart and the histogram, and tells where the steps of the chart lie.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<Plot> {
        let numbers = self.tap.last().map_or_else(Vec::new, numbers);
        let lines = facts::flowed(&numbers, usize::from(area.width));
        let (above, below) = areas::split_top(area, (lines.len() as u16).min(area.height / 4));
        facts::draw_lines(above, buffer, &lines);
        let Some(histogram) = self.tap.histogram() else {
            return self.draw_chart(below, buffer);
        };
        let (chart, octaves) = parts(below);
        let plot = self.draw_chart(chart, buffer);
        let (map, octaves) = areas::split_bottom(octaves, self.octave_rows(octaves));
        draw_octaves(histogram, octaves, buffer);
        if map.height > 0 {
            self.draw_map(map, buffer);
        }
        plot
    }

    /// Rows of the last histogram where there is room for those before it above, else all.
    fn octave_rows(&self, area: Rect) -> u16 {
        let is_drawn_already = self.quantity == TapQuantity::Spread;
        if area.height < MAP_FROM || is_drawn_already { area.height } else { area.height / 2 }
    }

    fn draw_map(&self, area: Rect, buffer: &mut Buffer) {
        let name = text::printable(self.tap.name());
        let title = format!("{} of {name}, over steps", TapQuantity::Spread.words());
        octave_map::draw(&title, self.tap.octaves(), self.growing, area, buffer);
    }

    fn draw_chart(&self, area: Rect, buffer: &mut Buffer) -> Option<Plot> {
        if self.quantity == TapQuantity::Spread {
            self.draw_map(area, buffer);
            return None;
        }
        let title = format!("{} of {}", self.quantity.words(), text::printable(self.tap.name()));
        let (values, band) = self.tap.series(self.quantity);
        let curve = |label, series, line| Curve { label, series, line, envelope: Some(ENVELOPE) };
        let around: &[Series] = band.map_or(&[], |band| &band[..]);
        let mut curves: Vec<Curve<'_>> =
            around.iter().map(|series| curve("", series, ENVELOPE)).collect();
        curves.push(curve("", values, TRAIN));
        let chart = self.reading.chart(&title, curves, self.growing);
        let none = match self.growing {
            true => "no values: not defined here, or not yet",
            false => "no values: not defined here",
        };
        chart.absent(none).draw(area, buffer)
    }
}

/// Room for the chart, and for the histogram, if both fit.
fn parts(area: Rect) -> (Rect, Rect) {
    if area.width >= BESIDE_FROM {
        let (chart, octaves) = areas::split_left(area, area.width / 2);
        return (chart, areas::split_left(octaves, 2).1);
    }
    let below = if area.height >= BELOW_FROM { area.height / 2 } else { 0 };
    areas::split_bottom(area, below)
}

fn draw_octaves(histogram: &Histogram, area: Rect, buffer: &mut Buffer) {
    octaves::draw(area, buffer, &format!("values, step {}", histogram.step), histogram);
}

/// What the table does not say of the last observation.
fn numbers(seen: &Activation) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new("at step", seen.step.to_string()),
        Fact::new("rms", short(seen.rms)),
        Fact::new("lowest", short(seen.min)),
        Fact::new("highest", short(seen.max)),
        Fact::new("values", seen.values.to_string()),
        Fact::new("calls", seen.calls.to_string()),
        Fact::new("window", seen.window.to_string()),
    ];
    if seen.non_finite > 0 {
        let count = format!("{} of {}", seen.non_finite, seen.values);
        facts.insert(1, Fact::new("not finite", count).toned(Tone::Bad));
    }
    facts
}
