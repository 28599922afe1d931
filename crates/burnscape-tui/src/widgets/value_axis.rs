//! The numbers of a vertical axis, at the left of a plot.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::scale::Scale;
use super::{areas, text};
use crate::palette::MUTED;

/// Draws round values of a scale at their rows, right-aligned with a gap to the plot. The area has
/// the rows of the plot: the low end is at its last row, the high end at its first.
pub fn draw(area: Rect, buffer: &mut Buffer, scale: &Scale) {
    let ticks = scale.ticks(usize::from(area.height.div_ceil(2)).clamp(2, 8));
    draw_ticks(area, buffer, scale, &ticks);
}

/// Draws some values of a scale, each at its row.
pub fn draw_ticks(area: Rect, buffer: &mut Buffer, scale: &Scale, ticks: &[f64]) {
    let (numbers, _gap) = areas::split_right(area, 1);
    for &tick in ticks {
        if let Some(row) = row_of(scale, tick, area.height) {
            let label = scale.tick_text(tick, ticks);
            text::put_right(buffer, areas::row(numbers, row), &label, Style::new().fg(MUTED));
        }
    }
}

/// The row of a value, counted from the top; `None` outside the scale.
#[must_use]
pub fn row_of(scale: &Scale, value: f64, rows: u16) -> Option<u16> {
    let share = scale.share(value).filter(|share| (0.0..=1.0).contains(share))?;
    Some(((1.0 - share) * f64::from(rows.saturating_sub(1))).round() as u16)
}
