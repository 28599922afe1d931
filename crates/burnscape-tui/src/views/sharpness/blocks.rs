//! The largest eigenvalue of every block alone, the largest first, as bars.

use burnscape_trace::Curvature;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::numbers::with_error;
use crate::model::Run;
use crate::palette::TRAIN;
use crate::widgets::text;

/// Cells of a number with its error.
const NUMBER: usize = 22;
/// Cells of the longest bar, at least.
const BAR: usize = 8;

/// A line a block.
pub(super) fn lines(run: &Run, record: &Curvature, width: usize) -> Vec<Line<'static>> {
    let known = record.block_largest.iter().copied().enumerate();
    let mut known: Vec<(usize, f64)> = known.filter(|(_, value)| !value.is_nan()).collect();
    known.sort_by(|a, b| b.1.total_cmp(&a.1));
    let highest = known.iter().map(|(_, value)| *value).filter(|it| it.is_finite());
    let highest = highest.fold(0.0, f64::max);
    let names: Vec<String> = known.iter().map(|(block, _)| name(run, *block)).collect();
    let longest = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
    let room = width.saturating_sub(NUMBER + BAR + 2).max(width / 3).min(longest);
    let bar = width.saturating_sub(NUMBER + room + 2);
    known
        .iter()
        .zip(names)
        .map(|(&(block, value), name)| {
            let error = record.block_largest_error.get(block).copied();
            let name = text::cut_start(&name, room);
            let gap = " ".repeat(room.saturating_sub(text::width(&name)));
            let number = with_error(value, error);
            let cells = (value / highest * bar as f64).clamp(0.0, bar as f64).round() as usize;
            Line::from(vec![
                Span::raw(format!("{name}{gap}")),
                Span::raw(format!(" {number:>NUMBER$} ")),
                Span::styled("█".repeat(cells), Style::new().fg(TRAIN)),
            ])
        })
        .collect()
}

fn name(run: &Run, block: usize) -> String {
    match run.blocks.path(block) {
        "" => format!("block {block}"),
        path => text::printable(path),
    }
}
