//! Facts: a label and a value each, flowing into lines; what finds no room is counted.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::{areas, text};
use crate::palette::{BAD, GOOD, MUTED, WARNING};

/// How a value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As any other.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// The reader should know.
    Warning,
    /// Something is wrong.
    Bad,
}

impl Tone {
    /// The colour of the tone.
    #[must_use]
    pub fn colour(self) -> Color {
        match self {
            Self::Plain => Color::Reset,
            Self::Good => GOOD,
            Self::Warning => WARNING,
            Self::Bad => BAD,
        }
    }
}

/// A label and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    label: String,
    value: String,
    tone: Tone,
}

impl Fact {
    /// A fact to be read as any other.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), tone: Tone::Plain }
    }

    /// The same in another tone.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// The same of something that is named where the fact stands among others.
    #[must_use]
    pub fn of(self, what: &str) -> Self {
        Self { label: format!("{what} {}", self.label), ..self }
    }

    /// What it is of.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it is.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// How it is to be read.
    #[must_use]
    pub fn tone(&self) -> Tone {
        self.tone
    }

    fn width(&self) -> usize {
        let gap = usize::from(!self.label.is_empty() && !self.value.is_empty());
        text::width(&self.label) + gap + text::width(&self.value)
    }

    fn spans(&self) -> Vec<Span<'static>> {
        let value = Style::new().fg(self.tone.colour()).add_modifier(Modifier::BOLD);
        let label = Span::styled(self.label.clone(), Style::new().fg(MUTED));
        if self.value.is_empty() {
            return vec![Span::styled(self.label.clone(), Style::new().fg(self.tone.colour()))];
        }
        let gap = if self.label.is_empty() { "" } else { " " };
        vec![label, Span::raw(gap), Span::styled(self.value.clone(), value)]
    }
}

const GAP: &str = "  ";

/// Facts in lines of at most `cells` cells, in order.
#[must_use]
pub fn flowed(facts: &[Fact], cells: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for fact in facts {
        let room = lines.last().map(|line| cells.saturating_sub(line.width()));
        match (room, lines.last_mut()) {
            (Some(room), Some(line)) if GAP.len() + fact.width() <= room => {
                line.push_span(Span::raw(GAP));
                line.spans.extend(fact.spans());
            }
            _ => lines.push(Line::from(fact.spans())),
        }
    }
    lines
}

/// Draws lines from the top of an area; the last row says how many found no room.
pub fn draw_lines(area: Rect, buffer: &mut Buffer, lines: &[Line<'_>]) {
    draw_lines_or("enlarge the window", area, buffer, lines);
}

/// The same with what shows all of them.
pub fn draw_lines_or(remedy: &str, area: Rect, buffer: &mut Buffer, lines: &[Line<'_>]) {
    let area = area.intersection(buffer.area);
    for (row, line) in (area.top()..area.bottom()).zip(lines) {
        buffer.set_line(area.x, row, line, area.width);
    }
    let missing = lines.len().saturating_sub(usize::from(area.height));
    if missing > 0 && area.height > 0 {
        let note = format!(" … {missing} more: {remedy}");
        let row = Rect { y: area.bottom() - 1, height: 1, ..area };
        text::put_right(buffer, row, &note, Style::new().fg(MUTED));
    }
}

/// Draws lines that can be scrolled from the top of an area; the last row says how many are below it.
pub fn draw_as_many(area: Rect, buffer: &mut Buffer, lines: &[Line<'_>]) {
    let height = usize::from(area.height);
    let hidden = lines.len().saturating_sub(height);
    let seen = if hidden > 0 { height.saturating_sub(1) } else { height };
    for (row, line) in (area.top()..area.bottom()).zip(lines.iter().take(seen)) {
        buffer.set_line(area.x, row, line, area.width);
    }
    if hidden > 0 {
        let more = format!("↓ {} more", hidden + 1);
        text::put_right(buffer, areas::split_bottom(area, 1).1, &more, Style::new().fg(MUTED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_flow_and_never_break_inside() {
        let facts = [
            Fact::new("last loss", "0.5"),
            Fact::new("lowest", "0.25 at (0, 1)"),
            Fact::new("snapshots", "12"),
        ];
        let lines: Vec<String> = flowed(&facts, 40).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["last loss 0.5  lowest 0.25 at (0, 1)", "snapshots 12"]);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let area = Rect::new(0, 0, 40, 1);
        let mut buffer = Buffer::empty(area);
        draw_lines(area, &mut buffer, &[Line::raw("a"), Line::raw("b"), Line::raw("c")]);
        let row: String = (0..40).map(|x| buffer[(x, 0)].symbol()).collect();
        assert!(row.contains("2 more"), "{row}");
    }
}
