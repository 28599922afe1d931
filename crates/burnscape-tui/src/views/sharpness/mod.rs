//! Sharpness: how curved the loss was around the weights over training, against the limit of stability for the learning rate.

mod blocks;
mod course;
mod density;
mod numbers;
mod panel;
mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use self::panel::Panel;
use super::view::View;
use crate::message::{Message, Towards};
use crate::model::{CurvatureHistory, Run};
use crate::palette::MUTED;
use crate::sight::Sight;
use crate::widgets::chart::Reading;
use crate::widgets::plot::{Plot, Plots};
use crate::widgets::{areas, facts, text, too_small};

const SMALLEST: (u16, u16) = (20, 4);
/// From this width on, panels stand beside the course.
const BESIDE_FROM: u16 = 110;
/// Rows that a course or a panel needs to tell something.
const PANEL_ROWS: u16 = 7;
/// Lines of numbers that the pictures may be left without room for.
const NUMBER_LINES: u16 = 3;

const KEYS: [(&str, &str); 4] = [
    ("v", "further panels"),
    ("↑ ↓, k j", "scroll the panel"),
    ("[ ]", "previous, next Hessian"),
    ("y", "scale of values"),
];

const WORDS: [(&str, &str); 8] = [
    ("λ_max", "sharpest direction: gradients there change the fastest"),
    ("limit/lr", "steps overshoot above it; near it, at the edge of stability"),
    ("λ_min", "below 0 the loss also bends down: no minimum yet"),
    ("trace", "sum of all λ: curvature of all directions together"),
    ("density", "most λ lie near 0; a few far outliers are usual"),
    ("block", "λ_max of one block alone, never above that of the whole"),
    ("measures", "with rescalings that leave it unchanged; compare only within"),
    ("±", "of λ how far it may be off; of trace, density standard errors"),
];

/// Sharpness; it keeps which Hessian, which panel and which scale the reader looks at.
#[derive(Debug, Default)]
pub struct SharpnessView {
    history: usize,
    panel: usize,
    scroll: usize,
    reading: Reading,
    plots: Plots,
}

impl View for SharpnessView {
    fn title(&self) -> &'static str {
        "Sharpness"
    }

    fn keys(&self) -> &'static str {
        "v further panels  ↑ ↓ scroll  ← → step  y scale  [ ] Hessian"
    }

    fn explained_keys(&self) -> &'static [(&'static str, &'static str)] {
        &KEYS
    }

    fn words(&self) -> &'static [(&'static str, &'static str)] {
        &WORDS
    }

    fn plot_at(&self, place: (u16, u16)) -> Option<Plot> {
        self.plots.at(place)
    }

    fn look_at(&mut self, sight: Sight) {
        self.reading.sight = sight;
    }

    fn update(&mut self, message: Message, run: &Run) {
        let histories = run.curvatures().len().max(1);
        let panels = self.history(run).map_or(1, |history| Panel::of(history).len().max(1));
        match message {
            Message::NextSlice => self.history = (self.history + 1) % histories,
            Message::PreviousSlice => self.history = (self.history + histories - 1) % histories,
            Message::NextLayer => (self.panel, self.scroll) = ((self.panel + 1) % panels, 0),
            Message::NextScale => self.reading.scale = self.reading.scale.next(),
            Message::Move(Towards::Up) => self.scroll = self.scroll.saturating_sub(1),
            Message::Move(Towards::Down) => self.scroll = (self.scroll + 1).min(MOST_SCROLL),
            _ => {}
        }
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        self.plots.clear();
        if !too_small::fits(area, buffer, "sharpness", SMALLEST) {
            return;
        }
        match self.history(run) {
            Some(history) => self.draw_history(run, history, area, buffer),
            None => draw_none(run, area, buffer),
        }
    }
}

/// More lines than any panel has.
const MOST_SCROLL: usize = 10_000;

impl SharpnessView {
    fn history<'a>(&self, run: &'a Run) -> Option<&'a CurvatureHistory> {
        let last = run.curvatures().len().checked_sub(1)?;
        run.curvatures().get(self.history.min(last))
    }

    fn draw_history(&self, run: &Run, history: &CurvatureHistory, area: Rect, buffer: &mut Buffer) {
        let place = (self.history.min(run.curvatures().len() - 1), run.curvatures().len());
        let lines = numbers::lines(run, history, place, usize::from(area.width));
        let (gauge, rest) = areas::split_top(area, 1);
        numbers::draw_gauge(history, gauge, buffer);
        let most = (area.height / 3).max(NUMBER_LINES);
        let (above, rest) = areas::split_top(rest, (lines.len() as u16).min(most));
        facts::draw_lines(above, buffer, &lines);
        let (course, panels) = parts(rest);
        self.plots.add(course::draw(run, history, self.reading, course, buffer));
        self.draw_panels(run, history, panels, buffer);
    }

    /// As many panels as fit, from the one that the reader chose on.
    fn draw_panels(&self, run: &Run, history: &CurvatureHistory, area: Rect, buffer: &mut Buffer) {
        let panels = Panel::of(history);
        let fitting = usize::from(area.height / PANEL_ROWS).min(panels.len());
        let chosen = panels.iter().cycle().skip(self.panel).take(fitting);
        let mut rest = area;
        for (drawn, &panel) in chosen.enumerate() {
            let rows = rest.height / (fitting - drawn) as u16;
            let (upper, lower) = areas::split_top(rest, rows);
            let scroll = if drawn == 0 { self.scroll } else { 0 };
            let of_all = (panels.iter().position(|it| *it == panel).unwrap_or(0), panels.len());
            let plot = panel.draw(run, history, (scroll, self.reading, of_all), upper, buffer);
            self.plots.add(plot);
            rest = lower;
        }
    }
}

/// Room for the course of the largest eigenvalue, and for panels.
fn parts(area: Rect) -> (Rect, Rect) {
    if area.width >= BESIDE_FROM {
        let (left, right) = areas::split_left(area, area.width / 2);
        return (left, areas::split_left(right, 2).1);
    }
    let rows = if area.height >= 2 * PANEL_ROWS { area.height / 2 } else { 0 };
    areas::split_bottom(area, rows)
}

/// What to do where there is nothing to see.
fn draw_none(run: &Run, area: Rect, buffer: &mut Buffer) {
    let what = format!("No curvature was recorded{}.", run.yet());
    let how = "Turn it on with `probe.curvature(model, batches, LiveCurvature::new())`.";
    let lines: Vec<Line<'_>> = [what.as_str(), how]
        .into_iter()
        .flat_map(|sentence| text::wrapped(sentence, usize::from(area.width)))
        .map(|line| Line::styled(line, Style::new().fg(MUTED)))
        .collect();
    facts::draw_lines(area, buffer, &lines);
}
