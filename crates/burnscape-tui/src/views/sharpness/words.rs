//! Measures of sharpness with the rescalings that leave them unchanged, and what can be concluded, in words.

use burnscape_trace::{Curvature, Measure};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::numbers::with_error;
use crate::numbers::short;
use crate::palette::MUTED;
use crate::widgets::text;

/// A line a measure, and below it what it means.
pub(super) fn measures(record: &Curvature, width: usize) -> Vec<Line<'static>> {
    record.measures.iter().flat_map(|measure| one(measure, width)).collect()
}

fn one(measure: &Measure, width: usize) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let value = with_error(measure.value, measure.error);
    let radius = measure.radius.map_or(String::new(), |it| format!("  radius {}", short(it)));
    let mut lines = vec![Line::from(vec![
        Span::raw(text::printable(&measure.name)),
        Span::raw("  "),
        Span::styled(value, bold),
        Span::styled(radius, Style::new().fg(MUTED)),
    ])];
    lines.extend(indented(&measure.meaning, width));
    lines
}

fn indented(words: &str, width: usize) -> impl Iterator<Item = Line<'static>> {
    let lines = text::wrapped(&text::printable(words), width.saturating_sub(2));
    lines.into_iter().map(|line| Line::styled(format!("  {line}"), Style::new().fg(MUTED)))
}

/// The sentences of a record, each from a line of its own on.
pub(super) fn sentences(record: &Curvature, width: usize) -> Vec<Line<'static>> {
    let sentence = |words: &String| {
        let lines = text::wrapped(&text::printable(words), width.saturating_sub(2));
        let mark = |i: usize| if i == 0 { "∙ " } else { "  " };
        lines.into_iter().enumerate().map(move |(i, line)| Line::raw(format!("{}{line}", mark(i))))
    };
    record.sentences.iter().flat_map(sentence).collect()
}
