//! Every tap as it was seen last: a row per tap, as many columns as fit.

use burnscape_trace::Activation;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::model::{Run, Tap, Taps, dead_share};
use crate::numbers::{fitting, percent, short};
use crate::palette::{BAD, MUTED, WARNING};
use crate::widgets::areas;
use crate::widgets::half_blocks::NAN_MARK;
use crate::widgets::rows::Rows;
use crate::widgets::table::{Cell, Column, Placed, first_visible, longest_name};

/// Cells of a mean or a standard deviation.
const NUMBER: usize = 9;
/// Cells of the names, for which columns give way.
const NAME: u16 = 10;

const COLUMNS: [Column; 5] = [
    column("mean ± std", 22, 0),
    column("zero", 8, 1),
    column("dead units", 14, 2),
    column("saturated", 10, 3),
    column("drift", 8, 4),
];

const fn column(label: &'static str, width: u16, rank: u8) -> Column {
    Column { label, width, rank, is_number: true }
}

/// Draws the head and the taps around the selected one, and tells which stand in which rows.
pub(super) fn draw(run: &Run, selected: usize, area: Rect, buffer: &mut Buffer, seen: &Rows) {
    let taps = run.taps();
    let (head, rows) = areas::split_top(area, 1);
    let place = place(taps, selected);
    let longest = longest_name(taps.iter().map(Tap::name).chain([place.as_str()]));
    let name = NAME..=longest.max(NAME);
    let placed = Placed::new(head, name.clone(), &COLUMNS);
    placed.draw_head(&place, &COLUMNS, Style::new().fg(MUTED), buffer);
    let first = first_visible(selected, taps.len(), usize::from(rows.height));
    seen.set(rows, first);
    for (index, number) in (0..rows.height).zip(first..taps.len()) {
        if let Some(tap) = taps.get(number) {
            let placed = Placed::new(areas::row(rows, index), name.clone(), &COLUMNS);
            draw_row(run, tap, number == selected, &placed, buffer);
        }
    }
}

/// Which tap is selected, and whether there are more than are kept.
fn place(taps: &Taps, selected: usize) -> String {
    let further = if taps.overlooked() > 0 { " and more" } else { "" };
    format!("tap {} of {}{further}", selected + 1, taps.len())
}

fn draw_row(run: &Run, tap: &Tap, is_selected: bool, placed: &Placed, buffer: &mut Buffer) {
    placed.draw_name(tap.name(), is_selected, buffer);
    if let Some(seen) = tap.last() {
        placed.draw_cells(&cells(run, seen), &COLUMNS, buffer);
    }
}

fn cells(run: &Run, seen: &Activation) -> [Cell; 5] {
    let alerted = |rule, share| style_of(run, seen, rule, share);
    [
        mean_and_std(seen),
        (percent(seen.zero_share), Style::new()),
        (dead_units(seen), alerted("dead-units", dead_share(seen))),
        (share_or_dash(seen), alerted("saturated-units", seen.saturated_share)),
        number_or_dash(seen.drift),
    ]
}

/// Values that are left out of the mean are marked.
fn mean_and_std(seen: &Activation) -> Cell {
    let number = |value: f64| fitting(value, NUMBER);
    let words = format!("{} ± {}", number(seen.mean), number(seen.std));
    match seen.non_finite {
        0 => (words, Style::new()),
        _ => (format!("{NAN_MARK}{words}"), Style::new().fg(BAD).add_modifier(Modifier::BOLD)),
    }
}

fn dead_units(seen: &Activation) -> String {
    format!("{} of {}", seen.dead_units, seen.units)
}

fn share_or_dash(seen: &Activation) -> String {
    if seen.saturated_share.is_nan() { "–".to_owned() } else { percent(seen.saturated_share) }
}

/// NaN means that it is not defined yet.
fn number_or_dash(number: f64) -> Cell {
    if number.is_nan() {
        ("–".to_owned(), Style::new().fg(MUTED))
    } else {
        (short(number), Style::new())
    }
}

/// A share stands out where an alert spoke of it and it still is as large as the alert's threshold.
fn style_of(run: &Run, seen: &Activation, rule: &str, share: f64) -> Style {
    let alert = run.alerts().of_tap(&seen.tap, rule);
    if alert.is_some_and(|alert| share >= alert.threshold) {
        Style::new().fg(WARNING).add_modifier(Modifier::BOLD)
    } else {
        Style::new()
    }
}
