//! Curves of several runs over each other, a chart for each quantity that any of them has.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::MouseEvent;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::key::{colour, draw_key};
use super::member::Member;
use crate::message::Message;
use crate::model::{Run, Series};
use crate::palette::MUTED;
use crate::pointing::Pointing;
use crate::widgets::chart::{Chart, Curve, Reading};
use crate::widgets::plot::{Plot, Plots};
use crate::widgets::smoothing::Smoothing;
use crate::widgets::{areas, text};

/// From this width on, two charts stand side by side.
const WIDE_FROM: u16 = 100;
/// Rows of a chart, at least.
const ROWS: u16 = 8;

/// How they are drawn, and with which quantity they begin.
#[derive(Debug, Default)]
pub(super) struct Curves {
    reading: Reading,
    smoothing: Smoothing,
    first: usize,
    plots: Plots,
    pointing: Pointing,
}

/// One quantity, with the curve of each run that has it.
struct Shared<'a> {
    title: String,
    curves: Vec<(usize, &'a Series)>,
}

impl Curves {
    /// Takes what the reader asks for, of runs whose first and last step are these.
    pub(super) fn update(&mut self, message: Message, data: (u64, u64)) {
        if let Some(sight) = self.reading.sight.after(message, data) {
            return self.reading.sight = sight;
        }
        match message {
            Message::NextLayer => self.first = self.first.wrapping_add(1),
            Message::NextSmoothing => self.smoothing = self.smoothing.next(),
            Message::NextScale => self.reading.scale = self.reading.scale.next(),
            _ => {}
        }
    }

    /// Takes the mouse where it is on a chart.
    pub(super) fn take_mouse(&mut self, mouse: MouseEvent, data: (u64, u64)) {
        let plot = self.plots.at((mouse.column, mouse.row));
        let after = self.pointing.sight_after(mouse, plot, self.reading.sight, data);
        self.reading.sight = after.unwrap_or(self.reading.sight);
    }

    /// Follows what is new again; `false`: it does.
    pub(super) fn go_back(&mut self) -> bool {
        let was_elsewhere = !self.reading.sight.is_live();
        self.reading.sight = self.reading.sight.live();
        was_elsewhere
    }

    /// What the reader looks at, in words; nothing where that is all.
    pub(super) fn place(&self) -> String {
        let sight = self.reading.sight;
        let cursor = sight.cursor.map(|step| format!("  at step {step}"));
        let window = sight.window.map(|(from, to)| format!("  zoomed to {from}–{to}"));
        cursor.into_iter().chain(window).collect()
    }

    pub(super) fn draw(&self, members: &[Member], area: Rect, buffer: &mut Buffer) {
        self.plots.clear();
        let area = draw_key(members, area, buffer);
        let shared = shared(members);
        if shared.is_empty() {
            return text::put(buffer, area, "No curve was recorded yet.", Style::new().fg(MUTED));
        }
        let places = places(area, shared.len());
        let growing = members.iter().any(|member| !member.run().state().is_over());
        let chosen = shared.iter().cycle().skip(self.first % shared.len());
        for (shared, &place) in chosen.zip(&places) {
            self.plots.add(self.draw_chart(shared, growing, place, buffer));
        }
        let hidden = shared.len().saturating_sub(places.len());
        if let Some(&last) = places.last().filter(|_| hidden > 0) {
            let words = format!(" v: {hidden} more");
            text::put_right(buffer, areas::row(last, 0), &words, Style::new().fg(MUTED));
        }
    }

    fn draw_chart(
        &self,
        shared: &Shared<'_>,
        growing: bool,
        area: Rect,
        buffer: &mut Buffer,
    ) -> Option<Plot> {
        let numbers: Vec<String> =
            shared.curves.iter().map(|(number, _)| (number + 1).to_string()).collect();
        let curves = shared.curves.iter().zip(&numbers).map(|((number, series), label)| Curve {
            label,
            series,
            line: colour(*number),
            envelope: None,
        });
        let chart = self.reading.chart(&shared.title, curves.collect(), growing);
        Chart { smoothing: self.smoothing, ..chart }.draw(area, buffer)
    }
}

/// The losses, what else every run has, then the metrics in the order in which they are met.
fn shared(members: &[Member]) -> Vec<Shared<'_>> {
    type Of = fn(&Run) -> &Series;
    let usual: [(&str, Of); 6] = [
        ("validation loss", |run| &run.epoch_valid_loss),
        ("loss of each step", |run| &run.step_loss),
        ("training loss, by epoch", |run| &run.epoch_train_loss),
        ("gradient norm", |run| &run.global_grad_norm),
        ("learning rate", |run| &run.learning_rate),
        ("steps/s", |run| &run.throughput),
    ];
    let runs = || members.iter().map(Member::run).enumerate();
    let mut all: Vec<Shared> = Vec::new();
    for (title, of) in usual {
        let curves = runs().map(|(number, run)| (number, of(run)));
        let curves = curves.filter(|(_, series)| !series.is_empty()).collect();
        all.push(Shared { title: title.to_owned(), curves });
    }
    for (number, run) in runs() {
        for metric in run.metrics.iter() {
            for curve in metric.curves() {
                let title = text::printable(&format!("{}, {}", metric.name(), curve.split()));
                match all.iter_mut().find(|shared| shared.title == title) {
                    Some(shared) => shared.curves.push((number, curve.series())),
                    None => all.push(Shared { title, curves: vec![(number, curve.series())] }),
                }
            }
        }
    }
    all.retain(|shared| !shared.curves.is_empty());
    all
}

/// As many charts of equal size as fit, so many at most.
fn places(area: Rect, charts: usize) -> Vec<Rect> {
    let columns = if area.width >= WIDE_FROM && charts > 1 { 2 } else { 1 };
    let rows = (area.height / ROWS).max(1).min(charts.div_ceil(usize::from(columns)) as u16);
    let mut rest = area;
    let mut places = Vec::new();
    for left in (1..=rows).rev() {
        let (row, below) = areas::split_top(rest, rest.height.div_ceil(left));
        places.extend(areas::columns(row, columns));
        rest = below;
    }
    places.truncate(charts);
    places
}
