//! Alerts: how many of which rule, and the gravest and the newest ones as sentences.

use burnscape_trace::Alert;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::model::{Alerts, is_error};
use crate::palette::{BAD, MUTED, WARNING};
use crate::views::frame::{alerts_colour, counted_alerts};
use crate::widgets::text;

/// Alerts told at most: the others are counted by rule.
const MOST: usize = 5;
/// Cells that further lines of a sentence are indented by.
const INDENT: usize = 2;

/// Lines for alerts, at most so many: a head, the newest alert whole, then the gravest, then others as long as
/// there is room, each in one line; then what helps. Errors stand above warnings.
pub(super) fn lines(alerts: &Alerts, width: usize, rows: usize) -> Vec<Line<'static>> {
    if alerts.is_empty() || rows == 0 {
        return Vec::new();
    }
    let told = with_advice(chosen(alerts, width, rows - 1), width, rows - 1);
    let told = told.iter().flat_map(Told::lines);
    std::iter::once(head(alerts, width)).chain(told).collect()
}

/// The colour of an alert.
fn colour(alert: &Alert) -> Color {
    if is_error(alert) { BAD } else { WARNING }
}

/// How many there are, and of which rules as long as they fit, the most frequent first.
fn head(alerts: &Alerts, width: usize) -> Line<'static> {
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

/// An alert in lines.
struct Told<'a> {
    alert: &'a Alert,
    /// Where it stands among the alerts, the gravest first.
    rank: usize,
    sentence: Vec<String>,
    advice: Vec<String>,
}

impl<'a> Told<'a> {
    fn new(alert: &'a Alert, rank: usize, width: usize, rows: usize) -> Self {
        let sentence = cut_to(broken(&sentence(alert), width, 0), rows);
        Self { alert, rank, sentence, advice: Vec::new() }
    }

    fn rows(&self) -> usize {
        self.sentence.len() + self.advice.len()
    }

    fn lines(&self) -> impl Iterator<Item = Line<'static>> {
        let line = |text: &String, colour| Line::styled(text.clone(), Style::new().fg(colour));
        let colour = colour(self.alert);
        let sentence = self.sentence.iter().map(move |text| line(text, colour));
        sentence.chain(self.advice.iter().map(move |text| line(text, MUTED)))
    }
}

/// The alerts that find room, the gravest first.
fn chosen(alerts: &Alerts, width: usize, mut rows: usize) -> Vec<Told<'_>> {
    let ordered = alerts.gravest_first();
    let newest = alerts.newest_first().next();
    let newest = ordered.iter().position(|alert| newest.is_some_and(|it| std::ptr::eq(*alert, it)));
    let others = (0..ordered.len()).filter(|rank| Some(*rank) != newest);
    let mut told: Vec<Told<'_>> = Vec::new();
    for rank in newest.into_iter().chain(others).take(MOST) {
        let is_whole = rank == 0 || Some(rank) == newest;
        let one = Told::new(ordered[rank], rank, width, if is_whole { rows } else { rows.min(1) });
        rows -= one.rows();
        told.push(one);
    }
    told.retain(|one| one.rows() > 0);
    told.sort_by_key(|one| one.rank);
    told
}

/// The same with what usually helps, once for each rule, as long as it fits as a whole.
fn with_advice(mut told: Vec<Told<'_>>, width: usize, rows: usize) -> Vec<Told<'_>> {
    let mut left = rows - told.iter().map(Told::rows).sum::<usize>();
    let mut rules: Vec<&str> = Vec::new();
    for one in &mut told {
        let advice = broken(&text::printable(&one.alert.advice), width, INDENT);
        let is_new = !one.alert.advice.is_empty() && !rules.contains(&one.alert.rule.as_str());
        if is_new && advice.len() <= left {
            left -= advice.len();
            rules.push(&one.alert.rule);
            one.advice = advice;
        }
    }
    told
}

/// What happened and when, without colour too.
fn sentence(alert: &Alert) -> String {
    let level = if is_error(alert) { "error" } else { "warning" };
    let epoch = alert.epoch.map_or(String::new(), |epoch| format!(", epoch {epoch}"));
    text::printable(&format!("{level} at step {}{epoch}: {}", alert.step, alert.text))
}

/// Lines of which the first is indented as said, and all others too.
fn broken(words: &str, width: usize, first: usize) -> Vec<String> {
    let lines = text::wrapped(words, width.saturating_sub(INDENT));
    let indent = |i: usize| if i > 0 { INDENT } else { first };
    lines.iter().enumerate().map(|(i, line)| " ".repeat(indent(i)) + line).collect()
}

/// The first lines, with a mark where there are more.
fn cut_to(mut lines: Vec<String>, rows: usize) -> Vec<String> {
    let is_cut = lines.len() > rows;
    lines.truncate(rows);
    if let Some(last) = lines.last_mut().filter(|_| is_cut) {
        last.push_str(" …");
    }
    lines
}
