//! Lines of the words beside a picture.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::numbers::short;
use crate::palette::MUTED;
use crate::widgets::facts::{self, Fact};
use crate::widgets::text;

/// A point of the slice.
pub(super) fn coordinates((alpha, beta): (f64, f64), is_line: bool) -> String {
    if is_line {
        format!("({})", short(alpha))
    } else {
        format!("({}, {})", short(alpha), short(beta))
    }
}

/// A title.
pub(super) fn heading(title: &str, width: usize) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    text::wrapped(title, width).into_iter().map(|line| Line::styled(line, bold)).collect()
}

/// A sentence with a mark at its beginning and the other lines in line with it.
pub(super) fn paragraph(sentence: &str, width: usize) -> Vec<Line<'static>> {
    let lines = text::wrapped(sentence, width.saturating_sub(2));
    let marks = std::iter::once("· ").chain(std::iter::repeat("  "));
    let line = |(mark, line)| {
        Line::from(vec![Span::styled(mark, Style::new().fg(MUTED)), Span::raw(line)])
    };
    marks.zip(lines).map(line).collect()
}

/// Facts in lines, those that are too long for one on several.
pub(super) fn wrapped(facts: &[Fact], width: usize) -> Vec<Line<'static>> {
    let lines = facts::flowed(facts, width).into_iter();
    let broken = lines.flat_map(|line| match line.width() <= width {
        true => vec![line],
        false => text::wrapped(&line.to_string(), width).into_iter().map(Line::raw).collect(),
    });
    broken.collect()
}
