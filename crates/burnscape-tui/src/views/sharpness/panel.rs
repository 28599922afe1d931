//! The panels beside the course of the largest eigenvalue: what else was measured.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::{blocks, course, density, words};
use crate::model::{CurvatureHistory, Run};
use crate::palette::MUTED;
use crate::widgets::chart::Reading;
use crate::widgets::plot::Plot;
use crate::widgets::{areas, facts, text};

/// What a panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Density,
    Blocks,
    Measures,
    Sentences,
    Smallest,
    Trace,
}

impl Panel {
    /// The panels for which something was measured.
    pub(super) fn of(history: &CurvatureHistory) -> Vec<Self> {
        let has = |panel: &Self| panel.is_measured(history);
        let all = [
            Self::Density,
            Self::Blocks,
            Self::Measures,
            Self::Sentences,
            Self::Smallest,
            Self::Trace,
        ];
        all.into_iter().filter(has).collect()
    }

    fn is_measured(self, history: &CurvatureHistory) -> bool {
        let last = history.last();
        match self {
            Self::Density => last.is_some_and(|it| it.density.is_some()),
            Self::Blocks => last.is_some_and(|it| it.block_largest.iter().any(|it| !it.is_nan())),
            Self::Measures => last.is_some_and(|it| !it.measures.is_empty()),
            Self::Sentences => last.is_some_and(|it| !it.sentences.is_empty()),
            Self::Smallest => history.moments().iter().any(|it| !it.smallest.0.is_nan()),
            Self::Trace => history.moments().iter().any(|it| !it.trace.0.is_nan()),
        }
    }

    /// Draws the panel: scrolled so many lines, on a scale; its number and how many there are stand at the right. Tells
    /// where its steps lie, if it has any.
    pub(super) fn draw(
        self,
        run: &Run,
        history: &CurvatureHistory,
        (scroll, reading, of_all): (usize, Reading, (usize, usize)),
        area: Rect,
        buffer: &mut Buffer,
    ) -> Option<Plot> {
        let Some(last) = history.last() else {
            return self.draw_course(run, history, reading, area, buffer);
        };
        let width = usize::from(area.width);
        let mut plot = None;
        match self {
            Self::Density => {
                if let Some(density) = &last.density {
                    density::draw(density, reading.scale, area, buffer);
                }
            }
            Self::Blocks => draw_lines(
                "largest eigenvalue of each block alone",
                &blocks::lines(run, last, width),
                scroll,
                area,
                buffer,
            ),
            Self::Measures => draw_lines(
                "measures of sharpness",
                &words::measures(last, width),
                scroll,
                area,
                buffer,
            ),
            Self::Sentences => {
                draw_lines("in words", &words::sentences(last, width), scroll, area, buffer);
            }
            Self::Smallest | Self::Trace => {
                plot = self.draw_course(run, history, reading, area, buffer);
            }
        }
        let number = format!(" {} of {}", of_all.0 + 1, of_all.1);
        text::put_right(buffer, areas::row(area, 0), &number, Style::new().fg(MUTED));
        plot
    }

    fn draw_course(
        self,
        run: &Run,
        history: &CurvatureHistory,
        reading: Reading,
        area: Rect,
        buffer: &mut Buffer,
    ) -> Option<Plot> {
        match self {
            Self::Smallest => course::draw_smallest(run, history, reading, area, buffer),
            _ => course::draw_trace(run, history, reading, area, buffer),
        }
    }
}

/// A title, and lines from the one scrolled to on.
fn draw_lines(title: &str, lines: &[Line<'_>], scroll: usize, area: Rect, buffer: &mut Buffer) {
    let (head, rest) = areas::split_top(area, 1);
    text::put(buffer, head, title, Style::new().add_modifier(Modifier::BOLD));
    let most = lines.len().saturating_sub(usize::from(rest.height));
    facts::draw_lines(rest, buffer, &lines[scroll.min(most)..]);
}
