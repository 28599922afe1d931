//! How the values behind a tap are spread over steps: a row an octave, a column a stretch of steps.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::model::{OCTAVES, OctaveColumns};
use crate::palette::{MUTED, level_of_share};
use crate::widgets::half_blocks::{self, Pixel};
use crate::widgets::scale::{ColourScale, Scale, ScaleChoice};
use crate::widgets::{areas, chart, colour_bar, text};

/// Cells for the powers of two at the left.
const LABELS: u16 = 8;
/// The least that shows a course: title, two rows, steps.
const SMALLEST: (u16, u16) = (LABELS + colour_bar::WIDTH + 10, 4);
/// The colours reach from a ten-thousandth of the values to all of them.
const EXPONENTS: (f64, f64) = (-4.0, 0.0);
const ABSENT: &str =
    "not recorded: turn it on with `activation_histograms: true` in `Measurements`";

/// Draws the title, the powers of two, the colours with their bar, and the steps.
pub(super) fn draw(
    title: &str,
    octaves: &OctaveColumns,
    growing: bool,
    area: Rect,
    buffer: &mut Buffer,
) {
    let (head, below) = areas::split_top(area, 1);
    text::put(buffer, head, title, Style::new().add_modifier(Modifier::BOLD));
    let Some(used) = octaves.used() else {
        return text::put(buffer, below, ABSENT, Style::new().fg(MUTED));
    };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return;
    }
    let (upper, steps) = areas::split_bottom(below, 1);
    let (labels, rest) = areas::split_left(upper, LABELS);
    let (cells, bar) = areas::split_right(rest, colour_bar::WIDTH + 1);
    let recorded = octaves.len();
    let columns = if growing { chart::with_room(0, recorded as u64) as usize } else { recorded };
    let map =
        Map { octaves, used, columns, recorded: recorded_columns(octaves), colours: colours() };
    map.draw_labels(labels, buffer);
    map.draw_cells(cells, buffer);
    let (_gap, bar) = areas::split_left(bar, 1);
    colour_bar::draw(bar, buffer, &map.colours, &["log10".into(), "share".into()]);
    let ends = match growing {
        true => (octaves.steps().0, octaves.first_step_of(columns)),
        false => octaves.steps(),
    };
    chart::draw_steps(Rect { x: cells.x, width: cells.width, ..steps }, buffer, ends);
}

fn colours() -> ColourScale {
    let scale = Scale::new(EXPONENTS.0, EXPONENTS.1, ScaleChoice::Linear);
    ColourScale { scale, clipped_below: 0, clipped_above: 0 }
}

struct Map<'a> {
    octaves: &'a OctaveColumns,
    used: std::ops::Range<usize>,
    /// Recorded columns, and room for more.
    columns: usize,
    /// For each recorded column the newest one until then in which there was an observation.
    recorded: Vec<usize>,
    colours: ColourScale,
}

impl Map<'_> {
    /// The powers of two at both ends.
    fn draw_labels(&self, area: Rect, buffer: &mut Buffer) {
        let (numbers, _gap) = areas::split_right(area, 1);
        let muted = Style::new().fg(MUTED);
        let high = format!("2^{}", OctaveColumns::exponent(self.used.end));
        let low = format!("2^{}", OctaveColumns::exponent(self.used.start));
        text::put_right(buffer, areas::row(numbers, 0), &high, muted);
        text::put_right(buffer, areas::split_bottom(numbers, 1).1, &low, muted);
    }

    fn draw_cells(&self, area: Rect, buffer: &mut Buffer) {
        let halves = 2 * usize::from(area.height);
        half_blocks::draw(area, buffer, |column, half| {
            let columns = part(usize::from(column), usize::from(area.width), self.columns);
            // The highest octave is at the top.
            let octaves = part(halves - 1 - usize::from(half), halves, self.used.len());
            let shares = columns.flat_map(|column| {
                octaves.clone().map(move |octave| self.share(column, self.used.start + octave))
            });
            self.pixel(shares.fold(0.0, f32::max))
        });
    }

    /// What is observed every so many steps only is drawn until it is observed again.
    fn share(&self, column: usize, octave: usize) -> f32 {
        let seen = self.recorded.get(column);
        seen.map_or(0.0, |&column| self.octaves.share(column, octave))
    }

    fn pixel(&self, share: f32) -> Pixel {
        if share <= 0.0 {
            return Pixel::Empty;
        }
        let place = self.colours.share(f64::from(share).log10());
        place.map_or(Pixel::Empty, |place| Pixel::Level(level_of_share(place)))
    }
}

/// For each column the newest one until then in which there was an observation.
fn recorded_columns(octaves: &OctaveColumns) -> Vec<usize> {
    let is_observed =
        |column: usize| (0..OCTAVES).any(|octave| octaves.share(column, octave) > 0.0);
    let newest = (0..octaves.len()).scan(0, |newest, column| {
        *newest = if is_observed(column) { column } else { *newest };
        Some(*newest)
    });
    newest.collect()
}

/// What of so many columns or octaves lies in a cell: stretched when they are few, merged when they are many.
fn part(cell: usize, cells: usize, of: usize) -> std::ops::Range<usize> {
    let first = cell * of / cells.max(1);
    let last = ((cell + 1) * of / cells.max(1)).max(first + 1);
    first..last.min(of)
}
