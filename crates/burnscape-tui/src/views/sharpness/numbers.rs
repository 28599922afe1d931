//! The numbers of the last measurement, and how near the learning rate is to the limit of stability.

use burnscape_landscape::words;
use burnscape_trace::Curvature;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use crate::model::{CurvatureHistory, Run};
use crate::numbers::{duration, percent, short};
use crate::palette::{GOOD, MUTED, WARNING};
use crate::widgets::facts::{self, Fact, Tone};
use crate::widgets::{areas, gauge, text};

/// From this share of the limit on, the bar is no good news.
const NEAR_LIMIT: f64 = 0.9;
/// Cells of the bar, at least.
const GAUGE: u16 = 8;
/// Cells of a name of an optimizer.
const OPTIMIZER: usize = 40;

/// A number and by how much it may be off.
pub(super) fn with_error(value: f64, error: Option<f64>) -> String {
    match error.filter(|error| !error.is_nan()) {
        Some(error) => format!("{} ± {}", short(value), short(error)),
        None => short(value),
    }
}

/// What the line of stability is: its limit, and of which optimizer; `None` where there is no limit.
pub(super) fn stability_words(record: &Curvature) -> Option<String> {
    let limit = short(record.stability_limit?);
    Some(format!("{limit}/lr, {}", optimizer(record)))
}

fn optimizer(record: &Curvature) -> String {
    match record.optimizer.as_str() {
        "" => "gradient descent assumed".to_owned(),
        named => text::cut_end(&text::printable(named), OPTIMIZER),
    }
}

/// Draws how much of the stability limit λ_max · lr takes up.
pub(super) fn draw_gauge(history: &CurvatureHistory, row: Rect, buffer: &mut Buffer) {
    let Some(record) = history.last() else {
        let left = "the last measurement is of a path that training has left";
        return text::put(buffer, row, left, Style::new().fg(MUTED));
    };
    let Some((product, limit)) = product_and_limit(record) else {
        let unknown = "λ_max · lr: no limit of stability is known";
        return text::put(buffer, row, unknown, Style::new().fg(MUTED));
    };
    let share = product / limit;
    let beyond = if share > 1.0 { ", steps overshoot" } else { "" };
    let share_words = percent(share);
    let words = format!("λ_max·lr {} of {} ({share_words}{beyond})", short(product), short(limit));
    let style = match share > 1.0 {
        true => Style::new().fg(WARNING).add_modifier(Modifier::BOLD),
        false => Style::new().add_modifier(Modifier::BOLD),
    };
    text::put(buffer, row, &words, style);
    let (_words, bar) = areas::split_left(row, text::width(&words) as u16 + 2);
    if bar.width >= GAUGE {
        let colour = if share < NEAR_LIMIT { GOOD } else { WARNING };
        gauge::draw_in(colour, bar, buffer, share);
    }
}

fn product_and_limit(record: &Curvature) -> Option<(f64, f64)> {
    let (largest, limit) = (record.largest.first()?, record.stability_limit?);
    let product = largest * record.lr;
    (limit > 0.0 && product.is_finite()).then_some((product, limit))
}

/// All numbers of the last measurement; which of several Hessians it is of.
pub(super) fn lines(
    run: &Run,
    history: &CurvatureHistory,
    (place, count): (usize, usize),
    width: usize,
) -> Vec<Line<'static>> {
    let mut facts = Vec::new();
    if count > 1 {
        facts.push(Fact::new("Hessian", format!("{} of {count}", place + 1)));
    }
    if run.curvatures().overlooked() > 0 {
        let overlooked = run.curvatures().overlooked().to_string();
        facts.push(Fact::new("records of further Hessians", overlooked).toned(Tone::Warning));
    }
    if history.is_preconditioned() {
        facts.push(Fact::new("in the coordinates of the optimizer", ""));
    }
    if !history.blocks().is_empty() {
        facts.push(Fact::new("restricted to", restriction(run, history)));
    }
    facts.extend(history.last().map_or_else(Vec::new, of_record));
    facts::flowed(&facts, width)
}

/// The blocks that the Hessian is restricted to: the first one by name.
fn restriction(run: &Run, history: &CurvatureHistory) -> String {
    let first = history.blocks().first().map_or("", |&block| run.blocks.path(block as usize));
    let first = text::cut_start(&text::printable(first), OPTIMIZER);
    match history.blocks().len() {
        1 => first,
        count => format!("{first} and {} more", count - 1),
    }
}

fn of_record(record: &Curvature) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(extremes("λ_max", &record.largest, &record.largest_error));
    facts.extend(extremes("λ_min", &record.smallest, &record.smallest_error));
    if let Some(trace) = record.trace {
        let probes = format!("({} probes)", record.trace_probes);
        facts.push(Fact::new(
            "trace",
            format!("{} {probes}", with_error(trace, record.trace_stderr)),
        ));
    }
    facts.extend(moment(record));
    facts.push(Fact::new("loss", short(record.loss)));
    facts.push(Fact::new("‖g‖", short(record.grad_norm)));
    facts.push(Fact::new("lr", short(record.lr)));
    facts.extend(cost(record));
    facts
}

/// The outermost eigenvalue with its error, and how many further ones there are.
fn extremes(label: &str, values: &[f64], errors: &[f64]) -> Option<Fact> {
    let words = with_error(*values.first()?, errors.first().copied());
    let further: Vec<String> = values[1..].iter().take(4).map(|value| short(*value)).collect();
    let further =
        if further.is_empty() { further.join("") } else { format!(", {}", further.join(", ")) };
    Some(Fact::new(label, words + &further))
}

fn moment(record: &Curvature) -> Vec<Fact> {
    let mut facts = vec![Fact::new("at step", record.step.to_string())];
    facts.extend(record.epoch.map(|epoch| Fact::new("epoch", epoch.to_string())));
    facts.extend(record.snapshot.map(|index| Fact::new("snapshot", index.to_string())));
    if !record.reason.is_empty() {
        facts.push(Fact::new("", text::printable(&record.reason)));
    }
    facts
}

/// What it was taken from, how exact its products are, and what it took.
fn cost(record: &Curvature) -> [Fact; 4] {
    let samples = format!("{} in {} batches", record.samples, record.batches);
    [
        Fact::new(text::printable(words::unit(&record.unit)), samples),
        Fact::new("in", text::printable(&record.dtype)),
        Fact::new("error of a product", short(record.product_error)),
        Fact::new(
            "cost",
            format!("{} gradients, {}", record.gradients, duration(record.took_secs)),
        ),
    ]
}
