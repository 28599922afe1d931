//! The overview: progress, alerts, the numbers of the moment, loss, learning rate and gradient norm.

mod alerts;
mod charts;

use std::cell::Cell;

use burnscape_landscape::surface::Counts;
use burnscape_run::counted;
use burnscape_trace::Epoch;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use self::charts::Charts;
use super::view::View;
use crate::message::Message;
use crate::model::{OWN, Run, RunState, Series, caveats_of_checks};
use crate::numbers::{EMPTY, bytes, duration, percent, short};
use crate::palette::{BAD, MUTED, WARNING};
use crate::scroll;
use crate::sight::Sight;
use crate::widgets::facts::{self, Fact, Tone};
use crate::widgets::plot::{Plot, Plots};
use crate::widgets::{areas, figures, gauge, text, too_small};

const SMALLEST: (u16, u16) = (20, 4);
/// Rows that the loss keeps before notes have any: its title, five rows of it, and the steps.
const LOSS_ROWS: u16 = 9;
/// From this height on, key figures have two rows …
const TALL_FROM: u16 = 18;
/// … and from this one on, other numbers and notes have lines as well: below it Enter tells them.
const ROOMY_FROM: u16 = 45;
/// Figures that are always seen.
const KEY_FIGURES: usize = 6;
/// Columns of a hyperparameter's value.
const LONGEST_VALUE: usize = 24;
/// Lines of notes and warnings.
const NOTE_LINES: usize = 3;
/// Lines of alerts at most, and rows that there are for each.
const ALERT_LINES: (u16, u16) = (5, 6);

const KEYS: [(&str, &str); 4] = [
    ("Enter", "all numbers; ↑ ↓"),
    ("v", "further charts"),
    ("s", "smooth the line drawn"),
    ("y", "scale of values"),
];

const WORDS: [(&str, &str); 7] = [
    ("alerts", "broken rules; after an error, training on makes no sense"),
    ("black boxes", "last steps before alerts in the trace, some with weights"),
    ("smoothed", "average of the points drawn, y += α (x - y); raw stays visible"),
    ("loss", "worry when the line leaps, stays, or × marks NaN"),
    ("‖g‖", "norm of the whole gradient; worry at leaps and near 0"),
    ("dropped", "step records lost to a full queue; training lost nothing"),
    ("×", "NaN or infinite"),
];

/// The overview; it keeps how the reader wants charts.
#[derive(Debug, Default)]
pub struct OverviewView {
    charts: Charts,
    tells_all: bool,
    /// First line of all numbers and sentences that is seen, and the last one that could be when they were drawn.
    first: usize,
    last: Cell<usize>,
    plots: Plots,
}

impl View for OverviewView {
    fn title(&self) -> &'static str {
        "Overview"
    }

    fn keys(&self) -> &'static str {
        "← → step  + - zoom  Enter all numbers  v further charts  s smoothing  y scale"
    }

    fn explained_keys(&self) -> &'static [(&'static str, &'static str)] {
        &KEYS
    }

    fn words(&self) -> &'static [(&'static str, &'static str)] {
        &WORDS
    }

    fn go_back(&mut self) -> bool {
        std::mem::take(&mut self.tells_all)
    }

    fn scrolls(&self) -> bool {
        self.tells_all
    }

    fn plot_at(&self, place: (u16, u16)) -> Option<Plot> {
        self.plots.at(place)
    }

    fn look_at(&mut self, sight: Sight) {
        self.charts.reading.sight = sight;
    }

    fn update(&mut self, message: Message, _run: &Run) {
        match message {
            Message::NextScale => self.charts.reading.scale = self.charts.reading.scale.next(),
            Message::NextSmoothing => self.charts.smoothing = self.charts.smoothing.next(),
            Message::ToggleWords => (self.tells_all, self.first) = (!self.tells_all, 0),
            _ if self.tells_all && scroll::moved(&mut self.first, self.last.get(), message) => {}
            Message::NextLayer => self.charts.first = self.charts.first.wrapping_add(1),
            _ => {}
        }
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        self.plots.clear();
        if !too_small::fits(area, buffer, "overview", SMALLEST) {
            return;
        }
        let (first, rest) = areas::split_top(area, 1);
        draw_progress(first, buffer, run);
        if self.tells_all {
            return self.draw_all(run, rest, buffer);
        }
        let rest = draw_alerts(rest, buffer, run);
        let rows = if area.height >= TALL_FROM { 2 } else { 1 };
        let (above, rest) = areas::split_top(rest, rows);
        let (key, mut others) = numbers(run);
        figures::draw(above, buffer, &key);
        let is_roomy = area.height >= ROOMY_FROM;
        // What stands out is told in any case.
        others.retain(|fact| is_roomy || matches!(fact.tone(), Tone::Warning | Tone::Bad));
        let lines = facts::flowed(&others, usize::from(area.width));
        // However many metrics there are, nearly all of the room is the charts'.
        let height = (lines.len() as u16).min(area.height / 6);
        let (below, rest) = areas::split_top(rest, height);
        facts::draw_lines(below, buffer, &lines);
        self.draw_charts_and_notes(run, is_roomy, rest, buffer);
    }
}

impl OverviewView {
    /// Every number and every sentence there is, without charts.
    fn draw_all(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        let width = usize::from(area.width);
        let (key, others) = numbers(run);
        let mut lines = facts::flowed(&[key, others].concat(), width);
        lines.extend(alerts::in_full(run, width));
        lines.extend(notes(run, true, width));
        let last = lines.len().saturating_sub(usize::from(area.height));
        self.last.set(last);
        facts::draw_as_many(area, buffer, &lines[self.first.min(last)..]);
    }

    fn draw_charts_and_notes(&self, run: &Run, is_roomy: bool, area: Rect, buffer: &mut Buffer) {
        let notes = notes(run, is_roomy, usize::from(area.width));
        // Charts shrink for warnings, down to two thirds of the room.
        let notes_height =
            if area.height < LOSS_ROWS { 0 } else { (notes.len() as u16).min(area.height / 3) };
        let (charts, below) = areas::split_bottom(area, notes_height);
        self.charts.draw(run, charts, buffer, &self.plots);
        facts::draw_lines(below, buffer, &notes);
    }
}

/// Draws alerts in what they are worth of the room; gives the rest.
fn draw_alerts(area: Rect, buffer: &mut Buffer, run: &Run) -> Rect {
    let (most, rows) = ALERT_LINES;
    let most = (area.height / rows).clamp(1, most);
    let lines = alerts::lines(run, usize::from(area.width), usize::from(most));
    let (above, rest) = areas::split_top(area, lines.len() as u16);
    facts::draw_lines(above, buffer, &lines);
    rest
}

fn draw_progress(row: Rect, buffer: &mut Buffer, run: &Run) {
    let left = position(run);
    let right = time_left(run);
    let (left_width, right_width) = (text::width(&left) as u16, text::width(&right) as u16);
    text::put(buffer, row, &left, Style::new());
    let (_left, rest) = areas::split_left(row, left_width + 2);
    let (bar, _right) = areas::split_right(rest, right_width + 2);
    // What is over has no progress.
    if bar.width >= 5 && !run.state().is_over() {
        gauge::draw(bar, buffer, share_done(run));
    }
    if row.width > left_width + right_width {
        text::put_right(buffer, row, &right, Style::new());
    }
}

fn share_done(run: &Run) -> f64 {
    match run.state() {
        RunState::Finished if run.landscapes().counts().unmeasured == 0 => 1.0,
        _ => run.progress.share().unwrap_or(0.0),
    }
}

/// Epoch and place in it, or nodes of the surface.
fn position(run: &Run) -> String {
    let Some(latest) = run.progress.latest() else {
        return position_from_steps(run);
    };
    if latest.split == "surface" && run.state().is_over() {
        return surfaces(run.landscapes().counts());
    }
    if latest.split == "surface" {
        return format!("surface node {} of {}", latest.done, latest.total);
    }
    let epochs = run.progress.planned_epochs().map_or(String::new(), |all| format!("/{all}"));
    let iteration = run.last_step.as_ref().and_then(|step| step.iteration);
    let place = iteration.map_or(String::new(), |iteration| format!("  iteration {iteration}"));
    // Steps come more often than progress records.
    let epoch_of_step = run.last_step.as_ref().and_then(|step| step.epoch);
    let epoch = latest.epoch.max(epoch_of_step.unwrap_or(0));
    let split = if latest.split == "valid" { "  validating" } else { "" };
    format!("epoch {epoch}{epochs}{place}{split}")
}

/// What there is in the end of the nodes of all surfaces.
fn surfaces(counts: Counts) -> String {
    let Counts { measured, interpolated, unmeasured, .. } = counts;
    let all = measured + interpolated + unmeasured;
    let filled = match interpolated {
        0 => String::new(),
        nodes => format!(", {nodes} interpolated"),
    };
    format!("{measured} of {all} surface nodes measured{filled}")
}

fn position_from_steps(run: &Run) -> String {
    let Some(step) = &run.last_step else {
        return match run.standing().is_empty() {
            true => EMPTY.to_owned(),
            false => format!("no step recorded{}", run.yet()),
        };
    };
    let epoch = step.epoch.map_or(String::new(), |epoch| format!("epoch {epoch}  "));
    format!("{epoch}step {}", step.step)
}

fn time_left(run: &Run) -> String {
    match (run.state(), run.end()) {
        (_, Some(_)) => format!("took {}", duration(run.standing().elapsed_secs())),
        (RunState::Waiting, _) => String::new(),
        _ => {
            let share = run.progress.share().map_or(String::new(), percent);
            let eta = run.progress.eta_secs();
            eta.map_or(share.clone(), |secs| format!("{share}  ETA {}", duration(secs)))
        }
    }
}

/// The six numbers that tell most, and all others.
fn numbers(run: &Run) -> (Vec<Fact>, Vec<Fact>) {
    let mut key = vec![super::landscape::last_loss(run)];
    let by = run.last_epoch.as_ref().and_then(Epoch::weighting);
    let by = by.map_or(String::new(), |by| format!(" {by}"));
    if let Some((_, value)) = run.epoch_train_loss.last() {
        key.push(Fact::new("train epoch", short(value) + &by));
    }
    if let Some((_, value)) = run.epoch_valid_loss.last() {
        key.push(Fact::new("valid epoch", short(value) + &by));
    }
    key.extend(step_numbers(run));
    let mut others = key.split_off(key.len().min(KEY_FIGURES));
    others.extend(alerts_and_boxes(run));
    others.extend(landscape_numbers(run));
    others.push(snapshots(run));
    others.push(dropped(run));
    others.extend(rarities(run));
    others.extend(metrics(run));
    others.extend(hyperparameters(run));
    (key, others)
}

fn step_numbers(run: &Run) -> Vec<Fact> {
    let last = |label: &str, series: &Series| {
        series.last().map(|(_, value)| Fact::new(label, short(value)).toned(tone_of(value)))
    };
    let pace = run.pace.steps_per_sec().map(|pace| Fact::new("steps/s", short(pace)));
    let steps = Fact::new("steps", run.steps().to_string());
    [last("lr", &run.learning_rate), last("‖g‖", &run.global_grad_norm), Some(steps), pace]
        .into_iter()
        .flatten()
        .collect()
}

fn tone_of(value: f64) -> Tone {
    if value.is_finite() { Tone::Plain } else { Tone::Bad }
}

fn landscape_numbers(run: &Run) -> Vec<Fact> {
    let landscape = run.landscapes().iter().next();
    let surface = landscape.and_then(|landscape| landscape.surface().ok());
    let extremes = surface.map_or_else(Vec::new, super::landscape::extremes);
    // Beside the loss of training it would read as a contradiction.
    extremes.into_iter().map(|fact| fact.of("surface")).collect()
}

fn snapshots(run: &Run) -> Fact {
    super::landscape::snapshots(run)
}

fn dropped(run: &Run) -> Fact {
    let fact = Fact::new("dropped", run.dropped().to_string());
    if run.dropped() > 0 { fact.toned(Tone::Warning) } else { fact }
}

/// A quiet word where there are no alerts; what the last black box holds where there is one.
fn alerts_and_boxes(run: &Run) -> impl Iterator<Item = Fact> {
    let none = run.alerts().is_empty().then(|| Fact::new("alerts", "0"));
    let last = run.black_boxes().last().map(|last| {
        let weights = if last.with_weights { "with weights" } else { "without weights" };
        let rule = text::printable(&last.rule);
        let count = run.black_boxes().len();
        let words = format!("{count}, last at step {}: {rule}, {weights}", last.step);
        Fact::new("black boxes", words)
    });
    none.into_iter().chain(last)
}

/// What most runs have none of.
fn rarities(run: &Run) -> impl Iterator<Item = Fact> {
    let counts = [("resumed", run.resumes()), ("records of unknown kinds", run.unknown_records())];
    let present = counts.into_iter().filter(|(_, count)| *count > 0);
    present.map(|(label, count)| Fact::new(label, count.to_string()))
}

/// The last value of every split of every metric.
fn metrics(run: &Run) -> impl Iterator<Item = Fact> {
    run.metrics.iter().flat_map(|metric| {
        metric.curves().iter().filter_map(|curve| {
            let (_, value) = curve.series().last()?;
            let label = match curve.split() {
                OWN => text::printable(metric.name()),
                split => text::printable(&format!("{split} {}", metric.name())),
            };
            Some(Fact::new(label, short(value)).toned(tone_of(value)))
        })
    })
}

/// What the training was set to.
fn hyperparameters(run: &Run) -> impl Iterator<Item = Fact> {
    run.hyperparameters.iter().map(|(name, value)| {
        let value = text::cut_end(&text::printable(value), LONGEST_VALUE);
        Fact::new(text::printable(name), value)
    })
}

/// Damage, failed checks, then the notes of the run: warnings, and all others where they are asked for.
fn notes(run: &Run, with_others: bool, width: usize) -> Vec<Line<'static>> {
    let line = |sentence: &str, colour| {
        let cut = text::cut_end(&text::printable(sentence), width);
        Line::from(Span::styled(cut, Style::new().fg(colour)))
    };
    let damage = damage(run).into_iter().map(|sentence| line(&sentence, BAD));
    let checks = caveats_of_checks(run.failed_checks()).map(|it| line(&it.to_string(), BAD));
    let warnings = run.notes().iter().filter(|note| note.level == "warning");
    let warnings = warnings.rev().map(|note| line(&note.text, WARNING));
    let others = run.notes().iter().filter(|note| with_others && note.level != "warning");
    let others = others.rev().map(|note| line(&note.text, MUTED));
    let mut lines: Vec<Line<'static>> =
        damage.chain(checks).chain(warnings).chain(others).collect();
    let further = if with_others { run.further_notes() } else { 0 };
    let hidden = lines.len().saturating_sub(NOTE_LINES) + further;
    lines.truncate(NOTE_LINES);
    if hidden > 0 {
        lines.push(line(&format!("and {hidden} more notes"), MUTED));
    }
    lines
}

fn damage(run: &Run) -> Vec<String> {
    let damage = run.damage();
    let lost = damage.is_damaged().then(|| {
        let size = bytes(damage.lost_bytes);
        format!("damaged: {size} in {} could not be read", counted(damage.places, "place"))
    });
    let torn = (damage.torn_bytes > 0).then(|| {
        let size = bytes(damage.torn_bytes);
        format!("the last record is not whole ({size}): the writer was stopped in it")
    });
    lost.into_iter().chain(torn).collect()
}
