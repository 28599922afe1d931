//! What else was measured of the selected block: further numbers, and how its values are spread.

use burnscape_trace::Histogram;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{BlockColumn, BlockValues, Blocks};
use crate::numbers::short;
use crate::widgets::facts::{self, Fact, Tone};
use crate::widgets::{areas, octaves};

/// Rows of the histograms: what shows a shape, and more on high terminals.
const HISTOGRAM_ROWS: u16 = 6;
/// Height that the map and the table keep for themselves.
const LEAST_ABOVE: u16 = 14;
/// Rows of further numbers.
const NUMBER_ROWS: u16 = 2;

/// The numbers beside norms, ratio and cosine.
const NUMBERS: [(BlockColumn, &str); 5] = [
    (BlockColumn::GradMax, "max |g|"),
    (BlockColumn::GradNormClipped, "clipped ‖g‖"),
    (BlockColumn::GradCv, "variation of ‖g‖"),
    (BlockColumn::Lr, "lr"),
    (BlockColumn::Distance, "distance from start"),
];
/// What is worth a word only where there is any.
const COUNTS: [(BlockColumn, &str); 2] = [
    (BlockColumn::GradNonFinite, "not finite in g"),
    (BlockColumn::WeightNonFinite, "not finite in θ"),
];

/// Rows that are well spent here; 0 where nothing more was measured or there is no room.
pub(super) fn rows(blocks: &Blocks, selected: usize, area: Rect) -> u16 {
    let lines = facts::flowed(&numbers(blocks, selected), usize::from(area.width)).len() as u16;
    let histograms = if blocks.has_histograms() { HISTOGRAM_ROWS.max(area.height / 4) } else { 0 };
    let wanted = lines.min(NUMBER_ROWS) + histograms;
    if area.height >= LEAST_ABOVE + wanted { wanted } else { 0 }
}

/// Draws the numbers above the histograms, that of the gradient at the left.
pub(super) fn draw(blocks: &Blocks, selected: usize, area: Rect, buffer: &mut Buffer) {
    let lines = facts::flowed(&numbers(blocks, selected), usize::from(area.width));
    let (above, below) = areas::split_top(area, (lines.len() as u16).min(NUMBER_ROWS));
    facts::draw_lines(above, buffer, &lines);
    draw_histograms(blocks, selected, below, buffer);
}

/// Draws how the values of a block are spread, its gradient at the left.
pub(super) fn draw_histograms(blocks: &Blocks, selected: usize, area: Rect, buffer: &mut Buffer) {
    let (left, right) = areas::split_left(area, area.width / 2);
    let (left, _gap) = areas::split_right(left, 2);
    let of = |values| blocks.histogram(values, selected);
    draw_histogram("gradient", of(BlockValues::Gradient), left, buffer);
    draw_histogram("weights", of(BlockValues::Weight), right, buffer);
}

fn draw_histogram(what: &str, histogram: Option<&Histogram>, area: Rect, buffer: &mut Buffer) {
    if let Some(histogram) = histogram {
        octaves::draw(area, buffer, &format!("{what}, step {}", histogram.step), histogram);
    }
}

/// The numbers beside norms, ratio and cosine.
pub(super) fn numbers(blocks: &Blocks, selected: usize) -> Vec<Fact> {
    let last = |column: BlockColumn| Some(blocks.last(column, selected)).filter(|it| !it.is_nan());
    let number = |(column, label): (BlockColumn, &str)| {
        let when = of_step(blocks, blocks.measured_at(column));
        last(column)
            .map(|value| Fact::new(label, format!("{}{when}", short(value))).toned(tone_of(value)))
    };
    let count = |(column, label): (BlockColumn, &str)| {
        let count = last(column).filter(|count| *count > 0.0);
        count.map(|count| Fact::new(label, count.to_string()).toned(Tone::Bad))
    };
    NUMBERS.into_iter().filter_map(number).chain(COUNTS.into_iter().filter_map(count)).collect()
}

/// Of which step a number is, unless it is of the last one.
pub(super) fn of_step(blocks: &Blocks, step: Option<u64>) -> String {
    match step.filter(|_| step != blocks.newest_step()) {
        Some(step) => format!(" (step {step})"),
        None => String::new(),
    }
}

fn tone_of(value: f64) -> Tone {
    if value.is_finite() { Tone::Plain } else { Tone::Bad }
}
