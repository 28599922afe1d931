//! Alerts: a line for each that finds room; all that is known of them, and what helps, where the reader asks for it.

use burnscape_trace::Alert;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::model::{Run, is_error};
use crate::palette::{BAD, MUTED, WARNING};
use crate::views::frame::{alerts_colour, counted_alerts};
use crate::widgets::text;

/// Alerts told in full at most: the others are counted by rule.
const MOST: usize = 20;
/// Cells that what is said of an alert is indented by.
const INDENT: usize = 2;

/// So many lines at most: the newest alert and the gravest ones, errors above warnings.
pub(super) fn lines(run: &Run, width: usize, rows: usize) -> Vec<Line<'static>> {
    let chosen = chosen(run, rows);
    let hidden = run.alerts().len() - chosen.len() as u64;
    let mut lines: Vec<_> = chosen.iter().map(|alert| line(run, alert, width)).collect();
    if let Some(last) = lines.last_mut() {
        let hint = if hidden > 0 { format!("{hidden} more, Enter") } else { "Enter".to_owned() };
        add_at_end(last, &format!("{hint}: what helps"), width);
    }
    lines
}

/// How many alerts there are of which rules, then each with its whole sentence, and once for each rule what helps.
pub(super) fn in_full(run: &Run, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut helped: Vec<&str> = Vec::new();
    if !run.alerts().is_empty() {
        lines.push(head(run, width));
    }
    for alert in chosen(run, MOST) {
        lines.push(line(run, alert, width));
        lines.extend(indented(&alert.text, width, Color::Reset));
        if !helped.contains(&alert.rule.as_str()) {
            helped.push(&alert.rule);
            lines.extend(indented(&alert.advice, width, MUTED));
        }
    }
    lines
}

/// The newest alert and the gravest, so many at most, the gravest first.
fn chosen(run: &Run, most: usize) -> Vec<&Alert> {
    let ordered = run.alerts().gravest_first();
    let newest = run.alerts().newest_first().next();
    let newest = ordered.iter().position(|alert| newest.is_some_and(|it| std::ptr::eq(*alert, it)));
    let others = (0..ordered.len()).filter(|rank| Some(*rank) != newest);
    let mut ranks: Vec<usize> = newest.into_iter().chain(others).take(most).collect();
    ranks.sort_unstable();
    ranks.into_iter().map(|rank| ordered[rank]).collect()
}

fn line(run: &Run, alert: &Alert, width: usize) -> Line<'static> {
    let colour = if is_error(alert) { BAD } else { WARNING };
    Line::styled(text::cut_end(&run.alert_line(alert), width), Style::new().fg(colour))
}

/// Adds words at the right, where there is room.
fn add_at_end(line: &mut Line<'static>, words: &str, width: usize) {
    let gap = width.saturating_sub(line.width() + text::width(words));
    if gap > 1 {
        line.push_span(Span::styled(" ".repeat(gap) + words, Style::new().fg(MUTED)));
    }
}

/// How many there are, and of which rules as long as they fit, the most frequent first.
fn head(run: &Run, width: usize) -> Line<'static> {
    let alerts = run.alerts();
    let style = Style::new().fg(alerts_colour(alerts)).add_modifier(Modifier::BOLD);
    let mut line = Line::from(Span::styled(counted_alerts(alerts), style));
    for (rule, count) in alerts.by_rule() {
        let words = format!("  {} {count}", text::printable(rule));
        if line.width() + text::width(&words) > width {
            line.push_span(Span::styled(" …", Style::new().fg(MUTED)));
            break;
        }
        line.push_span(Span::styled(words, Style::new().fg(MUTED)));
    }
    line
}

fn indented(words: &str, width: usize, colour: Color) -> Vec<Line<'static>> {
    let lines = text::wrapped(&text::printable(words), width.saturating_sub(INDENT));
    let indent = " ".repeat(INDENT);
    lines
        .iter()
        .map(|line| Line::styled(format!("{indent}{line}"), Style::new().fg(colour)))
        .collect()
}
