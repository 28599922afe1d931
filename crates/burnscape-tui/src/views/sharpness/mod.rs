//! Sharpness: how curved the loss was around the weights over training, against what a step bears.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::View;
use crate::message::Message;
use crate::model::Run;
use crate::palette::MUTED;
use crate::widgets::{facts, text, too_small};

const SMALLEST: (u16, u16) = (20, 4);

/// Sharpness; it keeps which Hessian the reader looks at.
#[derive(Debug, Default)]
pub struct SharpnessView {
    history: usize,
}

impl View for SharpnessView {
    fn title(&self) -> &'static str {
        "Sharpness"
    }

    fn keys(&self) -> &'static str {
        "[ ] Hessian"
    }

    fn update(&mut self, message: Message, run: &Run) {
        let count = run.curvatures().len().max(1);
        self.history = match message {
            Message::NextSlice => (self.history + 1) % count,
            Message::PreviousSlice => (self.history + count - 1) % count,
            _ => self.history,
        };
    }

    fn draw(&self, run: &Run, area: Rect, buffer: &mut Buffer) {
        if !too_small::fits(area, buffer, "sharpness", SMALLEST) {
            return;
        }
        if run.curvatures().is_empty() {
            draw_none(run, area, buffer);
        }
    }
}

/// What to do where there is nothing to see.
fn draw_none(run: &Run, area: Rect, buffer: &mut Buffer) {
    let yet = if run.state().is_over() { "" } else { " yet" };
    let what = format!("No curvature was recorded{yet}.");
    let how = "Turn it on with `probe.curvature(batches)`.";
    let lines: Vec<Line<'_>> = [what.as_str(), how]
        .into_iter()
        .flat_map(|sentence| text::wrapped(sentence, usize::from(area.width)))
        .map(|line| Line::styled(line, Style::new().fg(MUTED)))
        .collect();
    facts::draw_lines(area, buffer, &lines);
}
