//! Everything that is known of one block: what it is, all that was measured last, its course and histograms.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::course::Course;
use super::selected;
use crate::model::{BlockColumn, BlockRow, Blocks, Quotient, Run};
use crate::numbers::significant;
use crate::palette::{MUTED, WARNING};
use crate::widgets::facts::{self, Fact};
use crate::widgets::plot::Plot;
use crate::widgets::{areas, text};

/// Digits of a number that somebody looks at closely.
const DIGITS: usize = 6;
/// Rows of a course, at least.
const COURSE_ROWS: u16 = 6;

/// Draws all of a block, and tells where the steps of its course lie; words give way to the course and the histograms
/// only on low terminals.
pub(super) fn draw(
    run: &Run,
    block: usize,
    course: Course,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Plot> {
    let lines = lines(run, block, usize::from(area.width));
    let most = area.height.saturating_sub(COURSE_ROWS).max(area.height / 2);
    let (above, below) = areas::split_top(area, (lines.len() as u16).min(most));
    facts::draw_lines(above, buffer, &lines);
    let histograms = if run.blocks.has_histograms() { below.height / 2 } else { 0 };
    let (upper, lower) = areas::split_bottom(below, histograms);
    selected::draw_histograms(&run.blocks, block, lower, buffer);
    course.draw(&run.blocks, block, !run.state().is_over(), upper, buffer)
}

fn lines(run: &Run, block: usize, width: usize) -> Vec<Line<'static>> {
    let path = text::printable(run.blocks.path(block));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    // A path has no spaces to break at.
    let characters: Vec<char> = path.chars().collect();
    let path = characters.chunks(width.max(1)).map(|part| part.iter().collect::<String>());
    let mut lines: Vec<Line<'static>> =
        path.map(|part| Line::from(Span::styled(part, bold))).collect();
    lines.extend(facts::flowed(&layout(run, block), width));
    lines.extend(facts::flowed(&numbers(run, block), width));
    lines.extend(alerts(run, block, width));
    lines
}

/// What the block is.
fn layout(run: &Run, block: usize) -> Vec<Fact> {
    let Some(layout) = run.blocks.layout(block) else {
        return Vec::new();
    };
    let lengths: Vec<String> = layout.shape.iter().map(ToString::to_string).collect();
    let entries = layout.shape.iter().fold(1_u64, |all, &length| all.saturating_mul(length));
    let mut facts = vec![
        Fact::new("block", format!("{} of {}", block + 1, run.blocks.len())),
        Fact::new("shape", format!("[{}]", lengths.join(", "))),
        Fact::new("parameters", entries.to_string()),
        Fact::new("role", text::printable(&layout.role)),
        Fact::new("in", text::printable(&layout.container)),
    ];
    if let Some(axis) = layout.filter_axis {
        let guess = if layout.filter_guessed { " (guessed)" } else { "" };
        facts.push(Fact::new("filters along dimension", format!("{axis}{guess}")));
    }
    if layout.frozen {
        let since = run.blocks.frozen_since(block);
        facts.push(Fact::new(
            "frozen",
            since.map_or(String::new(), |it| format!("since step {it}")),
        ));
    }
    facts
}

/// All that was measured last.
fn numbers(run: &Run, block: usize) -> Vec<Fact> {
    let row = run.block_row(block);
    let mut facts = row.as_ref().map_or_else(Vec::new, |row| of_row(&run.blocks, row));
    facts.extend(selected::numbers(&run.blocks, block));
    facts.extend(row.map(|row| Fact::new("status", row.status.word())));
    facts
}

fn of_row(blocks: &Blocks, row: &BlockRow<'_>) -> Vec<Fact> {
    let of = |column| blocks.measured_at(column);
    let quotient = |quotient| blocks.quotient_at(quotient);
    let numbers = [
        ("‖g‖", row.grad_norm, of(BlockColumn::GradNorm)),
        ("‖θ‖", row.weight_norm, of(BlockColumn::WeightNorm)),
        ("‖Δθ‖", row.update_norm, of(BlockColumn::UpdateNorm)),
        ("‖Δθ‖/‖θ‖", row.update_ratio, quotient(Quotient::UpdateRatio)),
        ("S/N", row.signal_to_noise, quotient(Quotient::SignalToNoise)),
        ("cosine", row.update_cosine, quotient(Quotient::UpdateCosine)),
    ];
    let known = numbers.into_iter().filter(|(_, value, _)| !value.is_nan());
    let fact = |(label, value, step)| {
        let when = selected::of_step(blocks, step);
        Fact::new(label, format!("{}{when}", significant(value, DIGITS)))
    };
    known.map(fact).collect()
}

/// The newest alert of each rule that names the block, with what usually helps.
fn alerts(run: &Run, block: usize, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for alert in run.alerts().of_block(block) {
        let told =
            [(&alert.text, Style::new().fg(WARNING)), (&alert.advice, Style::new().fg(MUTED))];
        for (words, style) in told {
            let words = text::wrapped(&text::printable(words), width);
            lines.extend(words.into_iter().map(|line| Line::styled(line, style)));
        }
    }
    lines
}
